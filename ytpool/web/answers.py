"""How an answer is written: JSON that nobody keeps."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

_HEADERS = {"Cache-Control": "no-store"}


def answer(content: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer in JSON."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_form)
    return Response(
        # Half a surrogate pair is how Python carries a file name that is not UTF-8.
        text.encode("utf-8", "backslashreplace"),
        status_code=status,
        headers={**_HEADERS, **(headers or {})},
        media_type="application/json",
    )


def refused(message: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer that says why there is no other."""
    return answer({"ok": False, "error": message}, status, headers)


def needs_token() -> Response:
    """Return the answer to whoever has not brought what opens this."""
    return refused("this needs the token", 401, {"WWW-Authenticate": 'Bearer realm="ytpool"'})


def _form(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    raise TypeError(f"a {type(value).__name__} is not shown")
