"""Uploads: sessions, ranges and bytes.

What a session keeps is what lies in its file, in whole quanta of 256 KiB until the last byte is there; so an answer
never promises more than what a killed server finds again. The hash follows the file, and nothing is held in memory.
"""

import hashlib
import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlencode

from ytpool.clock import Clock
from ytpool.sandbox.asking import resource_of
from ytpool.sandbox.bodies import Refused, back_end, malformed, plain
from ytpool.sandbox.discovery import Method
from ytpool.sandbox.faults import Play
from ytpool.sandbox.frontend import Call, Caller, FrontEnd
from ytpool.sandbox.rules import file_name
from ytpool.sandbox.things import Session
from ytpool.sandbox.wire import Answer, Body, Json, Request
from ytpool.sandbox.world import SESSION_LIVES_FOR, World

if TYPE_CHECKING:
    from hashlib import _Hash

QUANTUM = 256 * 1024
_BUFFER = 4 * QUANTUM
_ZEROS = bytes(_BUFFER)
_FIELDS = rb"(?P<fields>(?:[^\r\n]+\r?\n)*+)"
_RANGE = re.compile(r"bytes (?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)")


@dataclass(slots=True, kw_only=True)
class Receiver:
    """Where the bytes of one session go. The latest PUT writes; one that is still draining has lost the pen."""

    path: Path
    kept: int
    sha256: "_Hash"
    lock: threading.Lock = field(default_factory=threading.Lock)
    writer: object = None
    misled: bool = False
    """A fault has told more than is kept; who believes it makes no mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentRange:
    """What a PUT says about itself: where its bytes begin and end, and how many the whole has, if it says."""

    first: int | None
    last: int
    total: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """What a session remembers of the call that began it."""

    parts: tuple[str, ...]
    resource: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """All the bytes of an upload."""

    content: Path
    bytes: int
    sha256: str
    at: datetime


class Maker(Protocol):
    """Who makes something of the bytes of a method."""

    missing: str
    """How a call without bytes is refused."""
    done: int
    """The status that ends a resumable upload."""

    def admit(self, call: Call, resource: Json) -> Admitted:
        """Check everything that can be known before the bytes."""
        ...

    def make(self, session: Session, arrived: Arrived) -> str:
        """Make it and return its id, or refuse the bytes."""
        ...

    def show(self, session: Session, now: datetime) -> Json:
        """Show what was made, as often as it is asked for."""
        ...


class Uploads:
    """Everything under `/upload/youtube/v3/`."""

    def __init__(
        self, folder: Path, world: World, clock: Clock, *, front: FrontEnd, makers: Mapping[str, Maker]
    ) -> None:
        self._partial = folder / "uploads"
        self._partial.mkdir(mode=0o700, exist_ok=True)
        self._world = world
        self._front = front
        self._makers = makers
        self._clock = clock
        self._receivers: dict[str, Receiver] = {}
        self._lock = threading.Lock()
        self._sweep()

    def plays(self, method: Method) -> bool:
        """Tell whether the media of this method are played."""
        return method.name in self._makers

    def session(self, request: Request) -> Session | None:
        """Return the session that a PUT belongs to, if there is one."""
        return self._world.sessions.get(request.argument("upload_id"))

    def names(self, request: Request, length: int | None) -> tuple[str, ...]:
        """Name a PUT as fault rules do: `upload.` for videos, `media.` for what goes with them."""
        session = self.session(request)
        kind = "upload" if session is None or session.method == "videos.insert" else "media"
        try:
            given = content_range(request, length, session)
        except Refused:
            return (f"{kind}.chunk",)
        if given.first is None:
            return (f"{kind}.query",)
        total = session.size if session and session.size is not None else given.total
        return (f"{kind}.final", f"{kind}.chunk") if given.last + 1 == total else (f"{kind}.chunk",)

    # -- starting ---------------------------------------------------------------------------------------------------

    def start(self, request: Request, method: Method, play: Play) -> Answer:
        """Begin a resumable upload; both limits, the project's and the channel's, strike here."""

        def work(call: Call) -> Answer:
            size = _length(request.headers.get("x-upload-content-length"))
            content_type = request.headers.get("x-upload-content-type", "application/octet-stream")
            session = self._open(call, resource_of(request.body), size=size, content_type=content_type)
            return Answer(status=200, headers=_address(request, session))

        return self._front.run(request, method, play.error, work)

    def without_media(self, request: Request, method: Method, play: Play) -> Answer:
        """Refuse a call that should have brought media, as YouTube does."""

        def work(call: Call) -> Answer:
            raise plain(self._makers[call.method.name].missing, call.method.name)

        return self._front.run(request, method, play.error, work)

    def simple(self, request: Request, method: Method, body: Body, play: Play) -> Answer | None:
        """Take an upload in one request, multipart or the bytes alone; None when the line broke."""
        spool = self._partial / f"simple-{threading.get_ident()}"
        try:
            if not _spool(body, spool):
                return None
            if body.too_long:
                return self._front.run(request, method, play.error, _too_large)
            return self._front.run(request, method, play.error, lambda call: self._whole(call, spool))
        finally:
            spool.unlink(missing_ok=True)

    def _whole(self, call: Call, spool: Path) -> Answer:
        content_type = call.request.headers.get("content-type", "application/octet-stream")
        resource: Json = {}
        if content_type.startswith("multipart/"):
            head, content_type = split_multipart(spool, content_type)
            resource = resource_of(head)
        with spool.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
        size = spool.stat().st_size
        if not size:
            raise plain(self._makers[call.method.name].missing, call.method.name)
        session = self._open(call, resource, size=size, content_type=content_type)
        try:
            session = self._finish(session, size, digest.hexdigest(), spool)
        except Refused:
            self._world.sessions.drop(session.upload_id)  # nobody has its address
            raise
        return replace(self._shown(session), status=200)

    def _open(self, call: Call, resource: Json, *, size: int | None, content_type: str) -> Session:
        """Check everything that can be known before the bytes, and write the session down."""
        _check_media(call.method, content_type, size)
        name = file_name(call.request.headers.get("slug", ""))
        admitted = self._makers[call.method.name].admit(call, resource)
        return self._world.sessions.put(
            Session(
                upload_id=self._world.new_id("upload", 64),
                channel_id=call.caller.channel_id,
                project=call.caller.project,
                parts=admitted.parts,
                resource=admitted.resource,
                size=size,
                content_type=content_type,
                file_name=name,
                notify=call.argument("notifySubscribers", "true") == "true",
                started_at=call.now,
                method=call.method.name,
            )
        )

    # -- sending ----------------------------------------------------------------------------------------------------

    def put(self, request: Request, body: Body, play: Play) -> Answer | None:
        """Take bytes or a question for a session; None when the line broke."""
        try:
            return self._put(request, body, play)
        except Refused as refused:
            body.drain()
            session = self.session(request)
            caller = (
                Caller(project=session.project, channel_id=session.channel_id, scopes=frozenset()) if session else None
            )
            self._front.write_down(refused, "upload", caller)
            return refused.answer

    def _put(self, request: Request, body: Body, play: Play) -> Answer | None:
        session = self._require(request)
        if "authorization" in request.headers:  # not needed, but looked at where it is sent
            self._front.require_token(request, session.method)
        given = content_range(request, body.promised, session)
        if play.error is not None and not play.error.at:
            raise self._front.scripted(play.error, session.method, session.project)
        if session.made or given.first is None:
            body.drain()
            self._check_expired(session, play)
            return self._spoiled(request, self._progress(session), session, play)
        session = self._sized(session, given)
        receiver = self._receiver(session)
        if given.first != receiver.kept:
            body.drain()
            return _off_track(given.first, receiver)
        stopper = play.error or (play.trick if play.trick and play.trick.kind in {"forget", "expire"} else None)
        self._receive(session, receiver, body, room=stopper.at if stopper else given.last + 1 - given.first)
        if play.error is not None:
            raise self._front.scripted(play.error, session.method, session.project)
        if body.broken:
            return None
        if body.taken != given.last + 1 - given.first:
            raise malformed(f"The body has {body.taken} bytes, and its Content-Range tells something else.")
        self._check_expired(session, play)
        return self._spoiled(request, self._progress(session), session, play, said=given.last + 1)

    def _check_expired(self, session: Session, play: Play) -> None:
        """Let a fault end a session, before anything is made of its bytes."""
        if play.trick is not None and play.trick.kind == "expire":
            with self._world.change():
                self._world.sessions.put(replace(session, dead=True))
            raise _gone(play.trick.status)

    def _spoiled(self, request: Request, answer: Answer, session: Session, play: Play, said: int = 0) -> Answer:
        """Turn an answer into what a fault makes of it."""
        trick = play.trick
        if trick is None or answer.status != 308:
            return answer
        headers = dict(answer.headers)
        if trick.retry_after is not None:
            headers["Retry-After"] = str(trick.retry_after)
        claimed = {"forget": said, "boast": self._receiver(session).kept + trick.at}.get(trick.kind)
        if claimed:
            self._receiver(session).misled = True
            headers["Range"] = f"bytes=0-{claimed - 1}"
        if trick.kind == "move":
            headers |= _address(request, self._move(session))
        return replace(answer, headers=headers)

    def _move(self, session: Session) -> Session:
        """Give an upload another address; the old one is no more."""
        receiver = self._receiver(session)
        with self._world.change(), self._lock:
            moved = replace(session, upload_id=self._world.new_id("upload", 64))
            self._receivers.pop(session.upload_id, None)
            receiver.path = receiver.path.rename(self._partial / moved.upload_id)
            self._receivers[moved.upload_id] = receiver
            self._world.sessions.drop(session.upload_id)
            return self._world.sessions.put(moved)

    def _require(self, request: Request) -> Session:
        session = self.session(request)
        seconds = self._world.settings.get("session_lives_for")
        lives_for = SESSION_LIVES_FOR if seconds is None else timedelta(seconds=seconds)
        if session is None or session.dead or session.started_at + lives_for <= self._clock.now():
            raise _gone(None)
        return session

    def _sized(self, session: Session, given: ContentRange) -> Session:
        """Learn the size where the start did not tell it, and hold on to it where it did."""
        if given.total is None:
            if session.size is not None and given.last >= session.size:
                raise malformed(f"The range ends behind the {session.size} bytes that were announced.")
            return session
        if session.size is not None and given.total != session.size:
            raise malformed(f"The upload was begun with {session.size} bytes, and now it has {given.total}.")
        if session.size is None:
            with self._world.change():
                session = self._world.sessions.put(replace(session, size=given.total))
        return session

    def _receive(self, session: Session, receiver: Receiver, body: Body, *, room: int) -> None:
        """Write the first `room` bytes of what comes to the session's file, in whole quanta, and forget the rest."""
        buffer = memoryview(bytearray(_BUFFER))
        with receiver.lock:
            pen = receiver.writer = object()
        with receiver.path.open("ab", buffering=0) as file:
            while room and body.remaining and not body.broken:
                filled = body.fill(buffer[: min(len(buffer), room)])
                room -= filled
                with receiver.lock:
                    if receiver.writer is not pen:
                        break
                    complete = receiver.kept + filled == session.size and not body.broken
                    usable = filled if complete else filled - filled % QUANTUM
                    _append(file, buffer[:usable])
                    receiver.sha256.update(buffer[:usable])
                    receiver.kept += usable
        if not body.broken:
            body.drain()

    # -- finishing --------------------------------------------------------------------------------------------------

    def _progress(self, session: Session) -> Answer:
        """Say how much is kept, or, if it is all, what became of it; the final answer can be asked for again."""
        with self._world.change():
            current = self._world.sessions.get(session.upload_id) or session
            if current.made:
                return self._shown(current)
        receiver = self._receiver(current)
        with receiver.lock:
            if receiver.kept != current.size:
                headers = {"Range": f"bytes=0-{receiver.kept - 1}"} if receiver.kept else {}
                return Answer(status=308, headers=headers | {"X-GUploader-UploadID": session.upload_id})
            current = self._finish(current, receiver.kept, receiver.sha256.hexdigest(), receiver.path)
        with self._lock:
            self._receivers.pop(current.upload_id, None)
        receiver.path.unlink(missing_ok=True)
        return self._shown(current)

    def _finish(self, session: Session, size: int, sha256: str, content: Path) -> Session:
        """Make of the bytes what they were sent for, once."""
        with self._world.change():
            current = self._world.sessions.get(session.upload_id) or session
            if current.made:
                return current
            arrived = Arrived(content=content, bytes=size, sha256=sha256, at=self._clock.now())
            made = self._makers[session.method].make(session, arrived)
            return self._world.sessions.put(replace(session, made=made))

    def _shown(self, session: Session) -> Answer:
        maker = self._makers[session.method]
        return Answer(status=maker.done, body=maker.show(session, self._clock.now()))

    def clear(self) -> None:
        """Forget all bytes; the world that they belonged to is gone."""
        with self._lock:
            self._receivers.clear()
        self._sweep()

    # -- bytes on disk ----------------------------------------------------------------------------------------------

    def _receiver(self, session: Session) -> Receiver:
        with self._lock:
            found = self._receivers.get(session.upload_id)
            if found is None:
                found = self._receivers[session.upload_id] = _reopen(self._partial / session.upload_id, session)
            return found

    def _sweep(self) -> None:
        """Remove bytes that no session will ask for: finished, expired, or of an upload that broke off."""
        for path in self._partial.iterdir():
            session = self._world.sessions.get(path.name)
            if session is None or session.made or session.dead:
                path.unlink()


def content_range(request: Request, length: int | None, session: Session | None) -> ContentRange:
    """Read the `Content-Range` of a PUT; without one, its body is the whole.

    A chunked body has no length beforehand; what it must have, the header or the session says.
    """
    header = request.headers.get("content-range")
    if header is None:
        whole = length if length is not None or session is None else session.size
        if whole is None:
            raise back_end(411, "global", "lengthRequired", "Length Required")
        return ContentRange(first=0, last=whole - 1, total=whole)
    found = _RANGE.fullmatch(header)
    if found is None:
        raise malformed(f"Failed to parse Content-Range header: {header}")
    total = None if found[3] == "*" else int(found[3])
    if found[1] is None:
        if length:
            raise malformed("A request that asks for the status of an upload has no body.")
        return ContentRange(first=None, last=-1, total=total)
    first, last = int(found[1]), int(found[2])
    if first > last or length not in {None, last - first + 1} or (total is not None and last >= total):
        raise malformed(f"The Content-Range header ({header}) does not go with a body of {length} bytes.")
    return ContentRange(first=first, last=last, total=total)


def split_multipart(spool: Path, content_type: str) -> tuple[bytes, str]:
    """Leave only the media of a multipart/related body in the file; return its JSON and the media's type."""
    found = re.search(r'boundary="?([^";]+)"?', content_type)
    if found is None:
        raise malformed("A multipart request names its boundary.")
    boundary = b"--" + found[1].encode()
    with spool.open("rb") as file:
        head = file.read(_BUFFER)
        # Google's own Python client ends its lines with a bare line feed.
        line = re.escape(boundary) + rb"[ \t]*\r?\n"
        first = re.match(rb"\s*" + line + _FIELDS, head)
        # The next boundary ends the first part, whatever follows it: to try others would take hours for a megabyte.
        between = re.compile(rb"\r?\n" + line).search(head, first.end()) if first else None
        second = re.compile(_FIELDS + rb"\r?\n").match(head, between.end()) if between else None
        file.seek(max(0, file.seek(0, 2) - 1024))
        behind = re.search(rb"\r?\n" + re.escape(boundary) + rb"--\s*\Z", file.read())
        size = file.tell()
        if first is None or between is None or second is None or behind is None:
            raise malformed("Failed to parse multipart request: it has one part of JSON and one of media.")
        end = size - len(behind[0])
        file.seek(second.end())
        media = spool.with_name(spool.name + ".media")
        with media.open("wb") as target:
            left = end - second.end()
            while left and (block := file.read(min(left, _BUFFER))):
                target.write(block)
                left -= len(block)
    media.replace(spool)
    fields = dict(line.split(b":", 1) for line in second["fields"].lower().splitlines() if b":" in line)
    resource = re.sub(rb"\A\r?\n", b"", head[first.end() : between.start()])
    return resource, fields.get(b"content-type", b"application/octet-stream").strip().decode("ascii", "replace")


def _check_media(method: Method, content_type: str, size: int | None) -> None:
    assert method.media is not None
    kind = content_type.partition(";")[0].strip().lower()
    if not any(fnmatchcase(kind, pattern) for pattern in method.media["accept"]):
        valid = ", ".join(method.media["accept"])
        raise back_end(
            400, "global", "badContent", f"Media type '{kind}' is not supported. Valid media types: [{valid}]"
        )
    if size is not None and size > int(method.media["maxSize"]):
        raise plain("uploadTooLarge", method.name)


def _too_large(call: Call) -> Answer:
    raise plain("uploadTooLarge", call.method.name)


def _off_track(first: int, receiver: Receiver) -> Answer:
    """Answer a PUT that does not begin where the upload stands; nothing of it is kept."""
    kept = receiver.kept
    if first > kept:
        message = (
            f"Invalid request. According to the Content-Range header, the upload offset is {first} byte(s), which "
            f"exceeds already uploaded size of {kept} byte(s)."
        )
        raise back_end(416, "global", "requestedRangeNotSatisfiable", message, mistake=not receiver.misled)
    return Answer(status=308, headers={"Range": f"bytes=0-{kept - 1}"})


def _address(request: Request, session: Session) -> dict[str, str]:
    """Tell where a session is."""
    query = {"uploadType": "resumable", "upload_id": session.upload_id}
    uri = f"{request.root}{request.path}?{urlencode(query)}"
    return {"Location": uri, "X-GUploader-UploadID": session.upload_id}


def _gone(status: int | None) -> Refused:
    if status == 410:
        return back_end(410, "global", "deleted", "The upload session is gone.", mistake=False)
    return back_end(404, "global", "notFound", "The upload session was not found.", mistake=False)


def _length(header: str | None) -> int | None:
    if header is None:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", header):
        raise malformed(f"Failed to parse X-Upload-Content-Length header: {header}")
    return int(header)


def _spool(body: Body, path: Path) -> bool:
    """Write a whole body to a file; False when the line broke before its end."""
    buffer = memoryview(bytearray(_BUFFER))
    with path.open("wb", buffering=0) as file:
        while body.remaining and not body.broken:
            _write(file, buffer[: body.fill(buffer)])
    return not body.broken


def _reopen(path: Path, session: Session) -> Receiver:
    """Find again what a session kept, in this process or in one that was killed."""
    path.touch(mode=0o600)
    size = path.stat().st_size
    kept = size if size == session.size else size - size % QUANTUM
    with path.open("r+b") as file:
        file.truncate(kept)
        digest = hashlib.file_digest(file, "sha256")
    return Receiver(path=path, kept=kept, sha256=digest)


def _append(file: FileIO, view: memoryview) -> None:
    """Write at the end of a file; zeros become a hole, so that a huge sparse film needs no room here either."""
    if len(view) == _BUFFER and view.tobytes() == _ZEROS:
        os.ftruncate(file.fileno(), os.fstat(file.fileno()).st_size + len(view))
    else:
        _write(file, view)


def _write(file: FileIO, view: memoryview) -> None:
    while view:
        view = view[file.write(view) :]
