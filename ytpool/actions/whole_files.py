"""Files that are put in their place whole, or not at all."""

import os
from pathlib import Path

from ytpool.actions.exporting import require_no_binary
from ytpool.errors import FileInvalid


def write(path: Path, text: str, *, private: bool = False) -> None:
    """Put a file in its place whole, or leave what is there; a private one only its owner may ever read."""
    target = Path(os.path.realpath(path))  # a link leads on to the file that is meant
    beside = target.with_name(f".{target.name[:200]}.{os.getpid()}")
    if target.exists() and not target.is_file():
        raise FileInvalid(f"{path} is no file", hint="name a file", path=str(path))
    require_no_binary(target)
    try:
        if private:
            beside.touch(mode=0o600, exist_ok=False)
        beside.write_text(text, encoding="utf-8")
        beside.replace(target)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise FileInvalid(
            f"{path} cannot be written: {error.strerror}", hint="check the folder", path=str(path)
        ) from error
