"""Sending a file to an upload session: an iterator of what happened.

The server's `Range` is the truth and is never guessed: what it has not kept is sent again, and one that claims what
was never sent, or forgets what it had confirmed, ends the sending. Every step is told to the caller before the next
one begins, so that whoever dies here can be continued by another process with `ask`.
"""

import re
from collections.abc import Callable, Iterator
from urllib.parse import urljoin

from ytpool.domain.endpoints import is_safe
from ytpool.domain.secret import Secret
from ytpool.domain.uploads import Finished, Kept, Moved
from ytpool.errors import UpstreamFailed, UsageWrong
from ytpool.youtube.answers import Answer, malformed, refused, require_object
from ytpool.youtube.media import FileBody, exactly
from ytpool.youtube.wire import Wire

CHUNK_UNIT = 256 * 1024
"""Chunks are multiples of this, except the last."""

PATIENCE = 8
"""Answers in a row without progress after which we give up: the caller may come back later."""

_KEPT = re.compile(r"bytes=0-(\d{1,19})")


def ask(wire: Wire, session: Secret, token: Secret, size: int) -> Kept | Finished:
    """Ask a session how far it is. Sends no bytes and changes nothing."""
    answer = _query(wire, session, token, size)
    event = _event(answer, "upload.query", session, token)
    if isinstance(event, Kept) and event.offset > size:
        raise _lie(answer, "upload.query", f"it says it has {event.offset} bytes of a file of {size}")
    return event


def send(
    wire: Wire,
    session: Secret,
    *,
    token: Callable[[], Secret],
    read: Callable[[int, int], bytes | memoryview],
    size: int,
    offset: int,
    chunk_size: int,
    progress: Callable[[int], None] | None = None,
    pace: Callable[[int], int] | None = None,
) -> Iterator[Kept | Moved | Finished]:
    """Send from an offset that the server confirmed, and yield after each answer; the last event is `Finished`.

    `token` is asked for before each request, `read(offset, length)` for each chunk; one chunk is in memory at a time.
    `progress` hears how many bytes of the file have left while a chunk is leaving, and may hear less afterwards where
    the server kept less. `pace` is asked before each piece leaves: it waits as long as it must and says how many of the
    wanted bytes may go (`media.Line`). After any `UpstreamFailed` the session is asked before anything is sent again.
    """
    if chunk_size < CHUNK_UNIT or chunk_size % CHUNK_UNIT:
        raise UsageWrong(f"chunks are multiples of {CHUNK_UNIT} bytes, not {chunk_size}")
    confirmed, standing = offset, 0
    while True:
        bearer = token()
        end = min(confirmed + chunk_size, size)
        if confirmed == size:
            operation = "upload.query"
            answer = _query(wire, session, bearer, size)
        else:
            operation = "upload.final" if end == size else "upload.chunk"
            chunk = _chunk(exactly(read, confirmed, end), confirmed, progress, pace)
            headers = {"Content-Range": f"bytes {confirmed}-{end - 1}/{size}"}
            answer = wire.send(operation, "PUT", session.reveal(), headers=headers, body=chunk, token=bearer)
            del chunk  # or the next one would be read while this one is still held
        event = _event(answer, operation, session, bearer)
        if isinstance(event, Finished):
            yield event
            return
        if event.moved_to is not None:
            session = event.moved_to
            yield Moved(session=session)
        if not confirmed <= event.offset <= end:
            says = f"it had confirmed {confirmed} bytes, was sent those up to {end}, and says it has {event.offset}"
            raise _lie(answer, operation, says)
        standing = 0 if event.offset > confirmed else standing + 1
        confirmed = event.offset
        yield Kept(offset=confirmed, retry_after=event.retry_after)
        if standing == PATIENCE:
            raise UpstreamFailed(
                f"the upload stands still at byte {confirmed} of {size}, after {standing} answers without progress",
                operation=operation,
                http_status=answer.status,
                reason="noProgress",
                retry_after=answer.retry_after,
                answered_at=answer.answered_at,
            )


def session_address(answer: Answer, operation: str, asked: str) -> Secret | None:
    """Return the session that an answer names in `Location`, relative or whole, or None where it names none."""
    location = answer.headers.get("Location")
    if not location:
        return None
    try:
        session = urljoin(asked, location)
    except ValueError:
        session = ""
    if not is_safe(session):
        raise malformed(answer, operation, "with a session address that must not be given a token")
    return Secret(session)


def _chunk(
    content: memoryview, start: int, progress: Callable[[int], None] | None, pace: Callable[[int], int] | None
) -> FileBody:
    def read(offset: int, length: int) -> memoryview:
        return content[offset - start : offset - start + length]

    return FileBody(read, start=start, end=start + len(content), progress=progress, pace=pace)


def _query(wire: Wire, session: Secret, token: Secret, size: int) -> Answer:
    return wire.send("upload.query", "PUT", session.reveal(), headers={"Content-Range": f"bytes */{size}"}, token=token)


def _event(answer: Answer, operation: str, session: Secret, token: Secret) -> Kept | Finished:
    if answer.status in (200, 201):
        video = require_object(answer, operation)
        if not isinstance(video.get("id"), str) or not video["id"]:
            raise malformed(answer, operation, "no video is in it")
        return Finished(video=video)
    if answer.status == 308:
        moved = session_address(answer, operation, session.reveal())
        return Kept(
            offset=_offset(answer, operation),
            retry_after=answer.retry_after,
            moved_to=None if moved == session else moved,
        )
    if answer.is_good:
        raise malformed(answer, operation, "an upload ends with 200 or 201")
    raise refused(answer, operation, hides=(token, session))


def _offset(answer: Answer, operation: str) -> int:
    kept = answer.headers.get("Range")
    if kept is None:
        return 0  # nothing is kept yet
    found = _KEPT.fullmatch(kept.strip())
    if found is None:
        raise malformed(answer, operation, "its Range is not one that starts at byte 0")
    return int(found[1]) + 1


def _lie(answer: Answer, operation: str, says: str) -> UpstreamFailed:
    return UpstreamFailed(
        f"the upload session contradicts itself: {says}",
        operation=operation,
        http_status=answer.status,
        reason="rangeLie",
        answered_at=answer.answered_at,
    )
