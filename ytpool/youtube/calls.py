"""Requests to the Data API, built by Google's own client from Google's own document, and not sent.

Building checks names, presence and values of parameters. The document is the one inside google-api-python-client;
only its root is edited, so that uploads too go where the settings say.
"""

import copy
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from googleapiclient.discovery import build_from_document
from googleapiclient.errors import MediaUploadSizeError
from googleapiclient.http import MediaUpload

from ytpool.data import discovery_document
from ytpool.errors import FileInvalid, MetadataInvalid, UsageWrong
from ytpool.youtube.bodies import check_body

_ONE_BUILD = threading.Lock()
_ALWAYS_ALLOWED = {"kind", "etag", "id"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, ready to be sent by us."""

    operation: str
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None


class Announced(MediaUpload):  # type: ignore[misc]
    """A file of which Google's client needs to know no more than this to write a session's start."""

    def __init__(self, *, size: int, content_type: str) -> None:
        self._size = size
        self._content_type = content_type

    def chunksize(self) -> int:
        return self._size

    def mimetype(self) -> str:
        return self._content_type

    def size(self) -> int:
        return self._size

    def resumable(self) -> bool:
        return True


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
            raise FileInvalid("the file is larger than YouTube takes (256 GB)") from error
        headers = {name: value for name, value in request.headers.items() if name != "user-agent"}
        body = request.body.encode() if isinstance(request.body, str) else request.body
        return Call(
            operation=f"{resource}.{method}", method=request.method, url=request.uri, headers=headers, body=body
        )


def check_video(body: Mapping[str, Any], parts: Sequence[str], method: str) -> None:
    """Refuse a video resource that YouTube would refuse, or would silently take only half of."""
    check_body(document(), "Video", body, method=f"youtube.{method}")
    for part in body:
        if part not in parts and part not in _ALWAYS_ALLOWED:
            # YouTube ignores what no part announces: a privacy that is not heard is public.
            raise MetadataInvalid(f"{part} would be ignored, because it is not among the parts sent", field=part)


def accepts(content_type: str) -> bool:
    """Say whether YouTube takes a video file of this type."""
    accepted = document()["resources"]["videos"]["methods"]["insert"]["mediaUpload"]["accept"]
    major = content_type.partition("/")[0]
    return content_type in accepted or f"{major}/*" in accepted


@cache
def document() -> dict[str, Any]:
    """Return Google's document as it is shipped; nobody may change it."""
    parsed: dict[str, Any] = json.loads(discovery_document())
    return parsed


@cache
def _resource(api_root: str, name: str) -> Any:
    # Making a collection makes all its methods, which costs milliseconds: one of each is kept, and only read.
    return getattr(_service(api_root), name)()


@cache
def _service(api_root: str) -> Any:
    # Google's client adds parameters to the document it is given, hence the copy. It takes calls from `api_endpoint`
    # and uploads from `rootUrl`; both are set, and the universe too, or variables of Google's own would move or stop
    # our requests. Without an `http` of some kind it would look for the machine's own Google login.
    edited = copy.deepcopy(document())
    edited.update(rootUrl=api_root, baseUrl=api_root)
    edited.pop("mtlsRootUrl", None)
    options = {"api_endpoint": api_root, "universe_domain": "googleapis.com"}
    return build_from_document(edited, http=object(), client_options=options)
