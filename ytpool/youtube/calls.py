"""Requests to the Data API, built by Google's own client from Google's own document, and not sent.

Building checks names, presence and values of parameters. The document is the one inside google-api-python-client;
only its root is edited, so that uploads too go where the settings say.
"""

import copy
import json
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from googleapiclient.discovery import build_from_document
from googleapiclient.errors import MediaUploadSizeError
from googleapiclient.http import MediaUpload

from ytpool.data import discovery_document
from ytpool.errors import FileInvalid, MetadataInvalid, UsageWrong
from ytpool.youtube.bodies import check_body

_ONE_BUILD = threading.Lock()
_ALWAYS_ALLOWED = {"kind", "etag", "id"}
# One type, maybe with parameters; it is written into a header.
_CONTENT_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(?:; ?[\w.+-]+=[\w.+-]+)*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, ready to be sent by us."""

    operation: str
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None


class Announced(MediaUpload):  # type: ignore[misc]
    """A file of which Google's client needs to know no more than this to write a request without it.

    `resumable` begins a session; otherwise the file goes into the request itself, in place of the body that is
    written for an empty one.
    """

    def __init__(self, *, size: int, content_type: str, resumable: bool) -> None:
        self._size = size
        self._content_type = content_type
        self._resumable = resumable

    def chunksize(self) -> int:
        return self._size

    def mimetype(self) -> str:
        return self._content_type

    def size(self) -> int:
        return self._size

    def resumable(self) -> bool:
        return self._resumable

    def getbytes(self, begin: int, length: int) -> bytes:
        del begin, length
        return b""


class Calls:
    """Builds requests for one API root."""

    def __init__(self, api_root: str) -> None:
        self._api_root = api_root

    def build(self, resource: str, method: str, **parameters: Any) -> Call:
        """Build `resource.method`; what Google's client finds wrong with a parameter is `UsageWrong`."""
        with _ONE_BUILD:
            collection = _resource(self._api_root, resource)
        try:
            request = getattr(collection, method)(**parameters)
        except (TypeError, ValueError) as error:
            raise UsageWrong(f"{resource}.{method} cannot be called like this: {error}") from error
        except MediaUploadSizeError as error:
            largest = _described(f"{resource}.{method}")["mediaUpload"]["maxSize"]
            raise FileInvalid(f"the file is larger than YouTube takes ({_size(int(largest))})") from error
        headers = {name: value for name, value in request.headers.items() if name != "user-agent"}
        body = request.body.encode() if isinstance(request.body, str) else request.body
        return Call(
            operation=f"{resource}.{method}", method=request.method, url=request.uri, headers=headers, body=body
        )


def announced(operation: str, *, size: int, content_type: str, resumable: bool = False) -> Announced:
    """Announce a file that goes with a call, or refuse one that YouTube would refuse."""
    if size < 1:
        raise FileInvalid("the file is empty")
    if not accepts(operation, content_type):
        raise FileInvalid(
            f"YouTube takes no files of type {content_type} for {operation}",
            hint=f"it takes {', '.join(_accepted(operation))}",
            content_type=content_type,
        )
    return Announced(size=size, content_type=content_type, resumable=resumable)


def check_resource(operation: str, body: Mapping[str, Any], parts: Sequence[str]) -> None:
    """Refuse a resource that YouTube would refuse, or would silently take only half of."""
    check_body(document(), _described(operation)["request"]["$ref"], body, method=f"youtube.{operation}")
    for part in body:
        if part not in parts and part not in _ALWAYS_ALLOWED:
            # YouTube ignores what no part announces: a privacy that is not heard is public.
            raise MetadataInvalid(f"{part} would be ignored, because it is not among the parts sent", field=part)


def accepts(operation: str, content_type: str) -> bool:
    """Say whether YouTube takes a file of this type with this call."""
    if _CONTENT_TYPE.fullmatch(content_type) is None:
        return False
    kind = content_type.partition(";")[0].lower()
    return not {kind, f"{kind.partition('/')[0]}/*", "*/*"}.isdisjoint(_accepted(operation))


def _accepted(operation: str) -> list[str]:
    accepted: list[str] = _described(operation)["mediaUpload"]["accept"]
    return accepted


def _described(operation: str) -> dict[str, Any]:
    resource, _, method = operation.partition(".")
    described: dict[str, Any] = document()["resources"][resource]["methods"][method]
    return described


def _size(count: int) -> str:
    return f"{count >> 30} GB" if count >> 30 else f"{count >> 20} MB"


@cache
def document() -> dict[str, Any]:
    """Return Google's document as it is shipped; nobody may change it."""
    parsed: dict[str, Any] = json.loads(discovery_document())
    return parsed


@lru_cache(maxsize=32)
def _resource(api_root: str, name: str) -> Any:
    # Making a collection makes all its methods, which costs milliseconds: one of each is kept, and only read.
    return getattr(_service(api_root), name)()


@lru_cache(maxsize=2)  # some megabytes each, and a rehearsal has a YouTube of its own for every scenario
def _service(api_root: str) -> Any:
    # Google's client adds parameters to the document it is given, hence the copy. It takes calls from `api_endpoint`
    # and uploads from `rootUrl`; both are set, and the universe too, or variables of Google's own would move or stop
    # our requests. Without an `http` of some kind it would look for the machine's own Google login.
    edited = copy.deepcopy(document())
    edited.update(rootUrl=api_root, baseUrl=api_root)
    edited.pop("mtlsRootUrl", None)
    options = {"api_endpoint": api_root, "universe_domain": "googleapis.com"}
    return build_from_document(edited, http=object(), client_options=options)
