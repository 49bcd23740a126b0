"""What an answer of Google's means, read from its body by ourselves.

Two families of errors come back from one address: the front end's, with `status` and `details`, and the backend's,
with `errors` alone; the token endpoint speaks a third language. Whatever else comes (a page of a proxy, nothing, half
an object) becomes the same error with fewer facts, and never a traceback.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, quote_plus

from ytpool.domain.secret import Secret
from ytpool.errors import UpstreamFailed

_LONGEST_MESSAGE = 2000
_NO_SECRET = 12  # characters: the names and the plain words of a query
_NAMED_LIMIT = re.compile(r"\blimit '([^']+)'")
_NAMED_METRIC = re.compile(r"\bquota metric '([^']+)'")
_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?")
_NEVER = 1e9  # seconds: whoever says so says nothing, and no calendar goes on for as long as some moments are away
_UNKEPT = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer as it came; `whole` is False where the line broke or the body was longer than we read."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool = True

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300

    @property
    def answered_at(self) -> datetime | None:
        return _moment(self.headers.get("Date"))

    @property
    def retry_after(self) -> float | None:
        """Return the seconds that `Retry-After` names, counted from the answer's own `Date` where it names a moment."""
        value = (self.headers.get("Retry-After") or "").strip()
        if _SECONDS.fullmatch(value):
            return float(value)
        until, since = _moment(value), self.answered_at
        left = (until - since).total_seconds() if until and since else _NEVER
        return max(0.0, left) if left < _NEVER else None


def require_object(answer: Answer, operation: str) -> dict[str, Any]:
    """Return the JSON object of a good answer; a good status over anything else is `malformedAnswer`."""
    table = _parse(answer.body) if answer.whole else None
    if not isinstance(table, dict):
        raise malformed(answer, operation)
    return table


def malformed(
    answer: Answer, operation: str, what: str = "what came with it is not what was promised"
) -> UpstreamFailed:
    """Describe an answer whose status says one thing and whose content says nothing."""
    return UpstreamFailed(
        f"{operation} was answered with HTTP {answer.status}, but {what}",
        operation=operation,
        http_status=answer.status,
        reason="malformedAnswer",
        answered_at=answer.answered_at,
    )


def refused(answer: Answer, operation: str, hides: Iterable[Secret] = ()) -> UpstreamFailed:
    """Read an error of the API: either family, or whatever stands in its place.

    The message is Google's own, except that a secret of the request which it repeats is struck out.
    """
    table = _parse(answer.body)
    error = table.get("error") if isinstance(table, dict) else None
    if not isinstance(error, dict):
        # Front ends answer in the token endpoint's language too, where the request never reached the API.
        return _described(answer, operation, reason=_text(error), hides=hides)
    first = next(_objects(error.get("errors")), {})
    details = list(_objects(error.get("details")))
    named = next((detail for detail in details if _text(detail.get("reason"))), {})
    message = _text(error.get("message")) or _text(first.get("message"))
    limit, value, metric = (
        next((found for found in (_metadata(detail, name) for detail in details) if found), "")
        for name in ("quota_limit", "quota_limit_value", "quota_metric")
    )
    if not limit and (in_words := _NAMED_LIMIT.search(message)):
        limit = in_words[1]
    if in_words := _NAMED_METRIC.search(message):
        metric = in_words[1]
    return _described(
        answer,
        operation,
        message=message,
        # `details` calls the same thing RATE_LIMIT_EXCEEDED; its words count only where the old ones are missing.
        domain=_text(first.get("domain")) or ("" if first else _text(named.get("domain"))),
        reason=_text(first.get("reason")) or _text(named.get("reason")) or _text(error.get("status")),
        limit=limit,
        metric=metric.rpartition("/")[2],
        limit_value=int(value) if re.fullmatch(r"\d{1,18}", value) else None,
        hides=hides,
    )


def refused_token(answer: Answer, operation: str, hides: Iterable[Secret] = ()) -> UpstreamFailed:
    """Read an error of the token or revocation endpoint.

    `invalid_rapt` comes dressed as `invalid_grant`: the grant lives, but the administrator wants the person back.
    """
    table = _parse(answer.body)
    if not isinstance(table, dict) or isinstance(table.get("error"), dict):
        return refused(answer, operation, hides)
    subtype = _text(table.get("error_subtype"))
    return _described(
        answer,
        operation,
        message=_text(table.get("error_description")),
        reason=subtype if subtype == "invalid_rapt" else _text(table.get("error")),
        hides=hides,
    )


def _described(
    answer: Answer,
    operation: str,
    *,
    message: str = "",
    domain: str = "",
    reason: str = "",
    limit: str = "",
    metric: str = "",
    limit_value: int | None = None,
    hides: Iterable[Secret] = (),
) -> UpstreamFailed:
    if 300 <= answer.status < 400:
        message, reason = f"{operation} was answered with a redirect, and no redirect is followed", "redirect"
    # Before anything is cut short, because half a secret is recognised by nobody and of use to somebody.
    shapes = [shape for secret in hides for shape in _shapes(secret)]
    message, domain, reason, limit, metric = (
        _struck_out(text, shapes) for text in (message, domain, reason, limit, metric)
    )
    message = message.strip()[:_LONGEST_MESSAGE]
    fallback = f"{operation} was answered with HTTP {answer.status}"
    return UpstreamFailed(
        message or (f"{fallback}: {reason[:100]}" if reason.strip() else fallback),
        operation=operation,
        http_status=answer.status,
        domain=domain[:100],
        reason=reason[:100],
        limit=limit[:200],
        metric=metric[:200],
        limit_value=limit_value,
        retry_after=answer.retry_after,
        answered_at=answer.answered_at,
    )


def _shapes(secret: Secret) -> Iterator[str]:
    """Yield how a secret may be repeated: as it is, as a form or an address writes it, and what an address is about."""
    text = secret.reveal()
    yield from (text, quote(text, safe=""), quote_plus(text))
    if text.startswith(("http://", "https://")):  # of an upload's session the query opens it, whatever comes before
        yield from (value for value in text.partition("?")[2].replace("=", "&").split("&") if len(value) > _NO_SECRET)


def _struck_out(text: str, shapes: Iterable[str]) -> str:
    for shape in shapes:
        if shape:
            text = text.replace(shape, "…")
    return text


def _parse(body: bytes) -> Any:
    try:
        return _kept(json.loads(body))
    except (ValueError, RecursionError):
        return None


def _kept(value: Any) -> Any:
    """Return what was said in letters that a state can keep: JSON may spell half a surrogate pair, and a NUL."""
    match value:
        case str():
            return _UNKEPT.sub("\N{REPLACEMENT CHARACTER}", value)
        case dict():
            return {_kept(name): _kept(found) for name, found in value.items()}
        case list():
            return [_kept(found) for found in value]
        case _:
            return value


def _objects(value: object) -> Iterator[dict[str, Any]]:
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())


def _metadata(detail: Mapping[str, Any], name: str) -> str:
    metadata = detail.get("metadata")
    return _text(metadata.get(name)) if isinstance(metadata, dict) else ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _moment(header: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(header or "")
        # HTTP dates are UTC; Python leaves those written as -0000 without a zone.
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
