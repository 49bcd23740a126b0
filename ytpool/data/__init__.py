"""Reference data as it is shipped, and Google's discovery document as it lies in its own package."""

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent
_DISCOVERY = "discovery_cache/documents/youtube.v3.json"


@cache
def load(name: str) -> Any:
    """Read a JSON table of this folder, for instance `prices.json`."""
    return json.loads((_FOLDER / name).read_bytes())


def text(name: str) -> str:
    """Read a page of this folder, for instance `guide/cron.md`."""
    return (_FOLDER / name).read_text(encoding="utf-8")


def names(folder: str, suffix: str) -> tuple[str, ...]:
    """List the files of a folder that end so, without the ending and in their order."""
    return tuple(sorted(path.name.removesuffix(suffix) for path in (_FOLDER / folder).glob(f"*{suffix}")))


def discovery_document() -> bytes:
    """Return Google's description of the YouTube Data API; finding it imports nothing of Google's."""
    found = find_spec("googleapiclient")
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError("google-api-python-client is not installed, and with it Google's discovery document")
    return (Path(found.submodule_search_locations[0]) / _DISCOVERY).read_bytes()
