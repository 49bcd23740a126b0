"""Asks the looks, all at the same time, and waits for none of them for longer than it may take."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from ytpool.actions.alerts import looking as alerts
from ytpool.actions.health import machine, pools, services, work
from ytpool.actions.health.checks import Check, Look, Sight, Status
from ytpool.errors import UsageWrong, YtpoolError
from ytpool.runtime import Runtime
from ytpool.store import owners

_KEYRING_WAIT = 15.0
"""A keyring has a time limit of its own, and whoever needs its key waits for one another."""

LOOKS = (
    Look(
        name="state",
        about="reads, writes, integrity and size of the state",
        ask=machine.state,
        within=machine.reads_within,
    ),
    Look(
        name="wake_ups",
        about="whether workers hear at once of what is queued on other machines",
        ask=machine.wake_ups,
    ),
    Look(name="backup", about="when the last backup of the state was made", ask=machine.backup),
    Look(name="vault", about="where the key is", ask=machine.vault, within=_KEYRING_WAIT),
    Look(name="disk", about="room where the state and the cache lie", ask=machine.disk, needs_state=False),
    Look(name="clock", about="this machine's clock against Google's", ask=machine.clock),
    Look(name="fleet", about="the machines that share the state", ask=machine.fleet),
    Look(name="configuration", about="where the settings come from", ask=machine.configuration, needs_state=False),
    Look(name="grants", about="every login", ask=pools.grants),
    Look(name="pools", about="pools and projects", ask=pools.memberships),
    Look(name="buckets", about="every bucket's quota", ask=pools.buckets),
    Look(name="rests", about="what rests, and until when", ask=pools.rests),
    Look(name="queue", about="jobs that are stuck or wait for long", ask=work.queue),
    Look(name="sessions", about="browser sessions and their cookies", ask=work.sessions),
    Look(name="cookie_files", about="cookie files of other programs", ask=work.watched_files),
    Look(name="youtube", about="whether YouTube answers", ask=services.youtube, within=20.0),
    Look(name="providers", about="services that run tasks", ask=services.providers, within=_KEYRING_WAIT),
    Look(
        name="ftp",
        about="each [ftp.NAME]: login and NOOP",
        ask=services.ftp,
        parts=services.ftp_servers,
        within=services.ftp_within,
        needs_state=False,
    ),
    Look(
        name="checks",
        about="each [checks.NAME]: its address",
        ask=services.page,
        parts=services.pages,
        within=services.page_within,
        needs_state=False,
    ),
    Look(name="policy", about="where YouTube's rules are near", ask=work.policy),
    Look(name="targets", about="what [targets] wants", ask=work.targets),
)
"""In the order in which they are shown; the first is asked before all others, which mostly live in it."""

_WAITS_FOR_OTHERS = 2.0
"""Seconds that the state may be another process's, whose transactions are short; less than any look may take."""

_NOTICES_WITHIN = 0.25
"""Seconds after which a wait notices that the program is asked to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """All checks; the whole is as good as its worst."""

    host: str
    """The machine that looked: what is checked of clock, disk, key, settings and network is its own."""
    status: Status
    checks: tuple[Check, ...]
    exit_status: int


def look(rt: Runtime, *, deep: bool = False, only: Sequence[str] = (), strict: bool = False) -> Health:
    """Look at everything, or only at what is named: a look, or `look.part`; raises UsageWrong for any other name.

    With `deep` units may be spent. With `strict` a warning counts as unhealthy too.
    """
    return _judged(_seen(Sight(rt=rt, deep=deep), _chosen(rt, only)), strict=strict)


class Rounds:
    """Asks what costs no units and little time, for whoever asks every few seconds and keeps the answer.

    A server that refused us is not asked again at once, and a look that hangs is not begun once more beside itself.
    """

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt
        self._before: Sequence[Check] = ()
        self._hanging: dict[str, _Asking] = {}

    def go(self) -> Health:
        """Look at everything once."""
        sight = Sight(rt=self._rt, often=True, before=self._before)
        health = _judged(_seen(sight, _chosen(self._rt, ()), self._hanging), strict=False)
        self._before = health.checks
        return health


def _judged(checks: Sequence[Check], *, strict: bool) -> Health:
    statuses = {check.status for check in checks}
    worst = next((status for status in (Status.FAIL, Status.WARN) if status in statuses), Status.PASS)
    healthy = worst is Status.PASS or (worst is Status.WARN and not strict)
    return Health(host=owners.me().host, status=worst, checks=tuple(checks), exit_status=0 if healthy else 8)


def _chosen(rt: Runtime, only: Sequence[str]) -> list[tuple[Look, str]]:
    """Return the looks with their parts, those that are named, in the order of the table."""
    every = [(one, part) for one in LOOKS for part in one.parts(rt.config)]
    known = dict.fromkeys(name for one, part in every for name in (one.name, _name(one, part)))
    for name in only:
        if name not in known and name in {one.name for one in LOOKS}:
            raise UsageWrong(f"the settings have no [{name}.NAME], so there is nothing to look at", name=name)
        if name not in known:
            close = get_close_matches(name, known, n=1)
            sentence = f"health does not look at {name!r}" + (f"; did you mean {close[0]}?" if close else "")
            raise UsageWrong(sentence, hint="\n".join(f"{one.name}: {one.about}" for one in LOOKS), name=name)
    return [(one, part) for one, part in every if not only or one.name in only or _name(one, part) in only]


def _name(one: Look, part: str) -> str:
    return f"{one.name}.{part}" if part else one.name


def _seen(sight: Sight, chosen: Sequence[tuple[Look, str]], hanging: "dict[str, _Asking] | None" = None) -> list[Check]:
    checks = _answers(sight, chosen, {} if hanging is None else hanging)
    if not any(check.look == LOOKS[0].name and check.status is Status.FAIL for check in checks):
        sight.rt.store.wait_at_most(_WAITS_FOR_OTHERS)
        alerts.heard(sight.rt, checks, frozenset(_name(one, part) for one, part in chosen))
    return checks


def _answers(sight: Sight, chosen: Sequence[tuple[Look, str]], hanging: "dict[str, _Asking]") -> list[Check]:
    """Ask the looks, and return what they say; `hanging` has those that hang since an earlier time, and then now."""
    still = {name: asking for name, asking in hanging.items() if asking.hangs}

    def asked(one: Look, part: str) -> _Asking:
        return still.get(_name(one, part)) or _Asking(sight, one, part)

    first = [asked(one, part) for one, part in chosen if one is LOOKS[0]]
    checks = [check for asking in first for check in asking.answer()]
    open_to_others = not any(asking.gave_up for asking in first)
    # Without the state the others would only say the same once more.
    rest = [asked(one, part) for one, part in chosen if one is not LOOKS[0] and (open_to_others or not one.needs_state)]
    checks += [check for asking in rest for check in asking.answer()]
    hanging.clear()
    hanging |= {asking.name: asking for asking in (*still.values(), *first, *rest) if asking.hangs}
    return checks


class _Asking:
    """One look that is being asked, in a thread that is left alone when its time is over."""

    def __init__(self, sight: Sight, one: Look, part: str) -> None:
        self._sight = replace(sight, part=part)
        self._rt = sight.rt
        self._look = one
        self._within = one.within(self._sight) if callable(one.within) else one.within
        self.name = _name(one, part)
        self._found: list[Check] = []
        self._bug: BaseException | None = None
        self._reads = False
        self._seconds = 0.0
        self.gave_up = False
        """It could not be looked at, whatever there is to see."""
        self._started = self._rt.clock.monotonic()
        self._thread = threading.Thread(target=self._ask, name=f"health {self.name}", daemon=True)
        self._thread.start()

    @property
    def hangs(self) -> bool:
        """Whether it has not come back yet."""
        return self._thread.is_alive()

    def answer(self) -> Iterator[Check]:
        """Yield what was seen, or that nothing was in its time; raises what is no trouble but a mistake of ours."""
        ends_at = self._started + self._within
        while self._thread.is_alive() and (left := ends_at - self._rt.clock.monotonic()) > 0:
            self._rt.require_going()
            self._thread.join(min(left, _NOTICES_WITHIN))
        if self._thread.is_alive():
            self.gave_up = True
            if self._reads:  # else opening it is what takes long
                self._rt.store.stop(self._thread)
            message = f"has not answered within {self._within:g} s, and is not waited for"
            found = [
                Check(
                    check=self.name,
                    status=Status.FAIL,
                    message=message,
                    fix=f"try it alone: ytpool health --only {self._look.name}",
                )
            ]
            seconds = self._rt.clock.monotonic() - self._started
        elif self._bug is not None:
            raise self._bug
        else:
            found, seconds = self._found, self._seconds
        for check in found:
            yield replace(
                check,
                look=self._look.name,
                seconds=check.seconds or round(seconds / len(found), 4),
                seen_at=check.seen_at or self._rt.clock.now(),
            )

    def _ask(self) -> None:
        try:
            if self._look.needs_state:
                self._rt.store.wait_at_most(_WAITS_FOR_OTHERS)
                self._reads = True
            self._found = list(self._look.ask(self._sight))
        except YtpoolError as error:
            fix = " ".join(error.hint.splitlines())
            self.gave_up = True
            self._found = [Check(check=self.name, status=Status.FAIL, message=error.message, fix=fix)]
        except BaseException as error:  # noqa: BLE001 -- it belongs to whoever waits for the answer
            self._bug = error
        self._seconds = self._rt.clock.monotonic() - self._started
