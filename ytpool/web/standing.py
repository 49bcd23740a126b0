"""How it stands with this machine, as `serve` knows it: rounds go on behind the answers, and answers wait for none.

A round asks the checks that cost no quota and reads the numbers. Cookie file, refresh, queue, and whether this machine
is drained are looked at for each answer, as they change from one moment to the next; the file is read only when it is
another one.
"""

import logging
import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ytpool.actions import cookie_files, presence, queue
from ytpool.actions.cookie_files import CookieFile, FileSeen, RefreshSeen, Watched
from ytpool.actions.health import looking, machine
from ytpool.actions.health.checks import Check, Status
from ytpool.actions.health.looking import Health
from ytpool.actions.numbers import Numbers, numbers
from ytpool.actions.queue import QueueStatus
from ytpool.errors import Interrupted, YtpoolError
from ytpool.runtime import Runtime
from ytpool.store.machines import Drain
from ytpool.web.memory import Known, Memory
from ytpool.web.refreshing import Refresher

log = logging.getLogger(__name__)

_ROUNDS_EVERY = 30.0
_TOO_OLD = 4 * _ROUNDS_EVERY
"""Seconds after which what the last round saw is no longer believed: every look has its time limit."""

_TRIED_AGAIN_AFTER = 3.0
"""Seconds after which a state that failed is tried again: a restart of the database takes no longer."""

_STATE, _FLEET = "state", "fleet"

_COOKIES = "cookie_files"
"""The look at cookie files; ours is looked at for each answer."""

_ESSENTIAL = (_STATE, "vault", "clock", "disk")
"""Looks without which nothing can be done here, whichever account does it."""

_FILE_WITHIN = 1.0
_BOOKS_FRESH_FOR = 1.0
_BOOKS_WITHIN = 2.0
_SILENT_AFTER = 2 * _BOOKS_WITHIN
"""Seconds without an answer of the state after which nobody is sent here any more, whatever the last round saw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one round has seen, and when on the monotonic clock."""

    health: Health
    numbers: Numbers | None
    """None where the books could not be read."""
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """How it stands at the moment of a question."""

    checks: tuple[Check, ...]
    age: float | None
    """Seconds since the round, or None before the first."""
    cookies: FileSeen | None
    """None where no cookie file is watched."""
    hindrance: str
    """Why nothing can be done here; empty where it can."""

    @property
    def status(self) -> Status:
        """Tell whether work can be given to this machine: a warning where something else is amiss."""
        if self.hindrance:
            return Status.FAIL
        return Status.PASS if all(check.status is Status.PASS for check in self.checks) else Status.WARN


class Standing:
    """What is known, and the rounds that find it out."""

    def __init__(self, rt: Runtime, file: CookieFile | None) -> None:
        self.file = file
        self.account = rt.config.serve.account if file is None else file.account
        """Empty where nobody said whose cookies these are."""
        self.refresher = Refresher(rt, file)
        self.seen: Seen | None = None
        self._rt = rt
        self._watched = None if file is None else Watched(file)
        self._cookies: Memory[FileSeen | None] = Memory(
            "the cookie file", self._look, fresh_for=0.0, within=_FILE_WITHIN
        )
        self._refreshes = Memory("refreshes", self._read_refreshes, fresh_for=0.0, within=_BOOKS_WITHIN)
        self._queue = Memory("the queue", lambda: queue.status(rt), fresh_for=_BOOKS_FRESH_FOR, within=_BOOKS_WITHIN)
        self._drain = Memory(
            "whether this machine is drained", self._read_drain, fresh_for=_BOOKS_FRESH_FOR, within=_BOOKS_WITHIN
        )
        self._looks = looking.Rounds(rt)
        self._rounds = threading.Thread(target=self._go_round, name="health", daemon=True)

    def begin(self) -> None:
        self._rounds.start()

    def end(self) -> None:
        """Wait for what runs behind the answers, once the program is asked to stop."""
        self._rounds.join()
        self.refresher.wait()

    async def now(self) -> Now:
        cookies = await self.cookies()
        seen = self.seen
        checks = () if seen is None else seen.health.checks
        own = ""
        if cookies is not None and self.file is not None:
            own = self.file.name
            now = Check(
                check=own,
                look=_COOKIES,
                status=Status.PASS if cookies.usable else Status.FAIL,
                message=cookies.message,
                seen_at=self._rt.clock.now(),
            )
            checks = (*(check for check in checks if check.check != own), now)
        drain = await self._drained()
        if drain is not None:
            now_drained = () if drain.value is None else (self._as_check(drain.value),)
            checks = (*(check for check in checks if check.check != machine.DRAINED), *now_drained)
        age = self.age
        if age is None:
            hindrance = "nothing has been looked at yet"
        elif age > _TOO_OLD:
            hindrance = f"nothing has been looked at for {age:.0f} s"
        elif drain is None or drain.age > _SILENT_AFTER:
            hindrance = "the state does not answer"
        else:
            needed = (one for one in checks if one.look in _ESSENTIAL or one.check == own)
            hindrance = next((f"{one.check}: {one.message}" for one in needed if one.status is Status.FAIL), "")
            hindrance = hindrance or next((one.message for one in checks if one.check == machine.DRAINED), "")
        return Now(checks=checks, age=age, cookies=cookies, hindrance=hindrance)

    @property
    def age(self) -> float | None:
        return None if self.seen is None else self._rt.clock.monotonic() - self.seen.at

    async def cookies(self) -> FileSeen | None:
        """Look at the cookie file; one whose file system does not answer is not usable, whatever it was before."""
        if self.file is None:
            return None
        try:
            found = await self._cookies.get()
        except YtpoolError:
            found = Known(None, math.inf)
        if found.value is None or found.age > 2 * _FILE_WITHIN:
            return FileSeen(exists=False, usable=False, message=f"{self.file.path} does not answer")
        return found.value

    async def refreshes(self) -> Known[Mapping[str, RefreshSeen]]:
        """Return how it stands with the refreshes of every account that has a cookie file."""
        return await self._refreshes.get()

    async def refresh(self) -> RefreshSeen:
        """Return how it stands with the refresh of our own account; nothing is known while the state cannot be read."""
        if self.file is None or not self.file.account:
            return RefreshSeen()
        try:
            return (await self._refreshes.get()).value.get(self.file.account, RefreshSeen())
        except YtpoolError:
            return RefreshSeen(next_in=math.inf)

    async def _drained(self) -> Known[Drain | None] | None:
        """Return whose word keeps this machine from taking anything new; None where only the last round can say."""
        try:
            return await self._drain.get()
        except YtpoolError:
            return None

    def _as_check(self, drain: Drain) -> Check:
        return replace(machine.drained(drain.by), look=_FLEET, seen_at=self._rt.clock.now())

    async def queue(self) -> Known[QueueStatus]:
        return await self._queue.get()

    def begin_refresh(self, seen: RefreshSeen) -> bool:
        """Begin a refresh if one may begin; return whether one runs, here or elsewhere."""
        return self.refresher.begin(seen) or bool(seen.by)

    def _look(self) -> FileSeen | None:
        return None if self._watched is None else self._watched.look(self._rt.clock.now())

    def _read_refreshes(self) -> Mapping[str, RefreshSeen]:
        own = () if self.file is None else (self.file,)
        names = dict.fromkeys(one.account for one in (*own, *cookie_files.every(self._rt)))
        return {name: cookie_files.refresh_seen(self._rt, name) for name in names if name}

    def _read_drain(self) -> Drain | None:
        with self._rt.store.reading() as tx:
            return presence.drained(tx)

    def _go_round(self) -> None:
        while not self._rt.stopping.is_set():
            try:
                self._round()
            except Interrupted:
                return
            except Exception:
                # The answers say how old they are, and fail when they are too old.
                log.exception("round not finished")
            self._rest()

    def _rest(self) -> None:
        """Wait for the next round, which comes sooner when a state that failed can be read again."""
        ends_at = self._rt.clock.monotonic() + _ROUNDS_EVERY
        while (left := ends_at - self._rt.clock.monotonic()) > 0 and not self._rt.stopping.is_set():
            if not self._state_failed:
                self._rt.stopping.wait(left)
            elif self._rt.stopping.wait(min(left, _TRIED_AGAIN_AFTER)) or self._reads_the_state():
                return

    @property
    def _state_failed(self) -> bool:
        """Whether it did in the last round."""
        checks = () if self.seen is None else self.seen.health.checks
        return any(check.look == _STATE and check.status is Status.FAIL for check in checks)

    def _reads_the_state(self) -> bool:
        try:
            self._read_drain()
        except YtpoolError:
            return False
        return True

    def _round(self) -> None:
        at = self._rt.clock.monotonic()
        before = self.seen
        health = self._looks.go()
        found: Numbers | None = None
        try:
            found = numbers(self._rt)
        except YtpoolError as error:  # `health` says so, too
            log.warning("numbers not read", extra={"reason": error.message})
        self.seen = Seen(health=health, numbers=found, at=at)
        if before is None or before.health.status is not health.status:
            worst = next((one for one in health.checks if one.status is health.status), None)
            told = "" if worst is None else f"{worst.check}: {worst.message}"
            log.info("health", extra={"status": health.status, "of": told})
