"""What is due by the calendar, whoever passes by: workers do it when they have nothing better to do.

Every duty is done in small steps that last, begins nothing after its own two seconds, and may be done by several
processes at once. What one of them cannot do now is left to the next round, and hinders no other.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta

from ytpool.actions import leaving, presence, sealing, verifying
from ytpool.actions.alerts import looking, telling
from ytpool.errors import Interrupted, YtpoolError
from ytpool.runtime import Runtime
from ytpool.store import ledger, line, sessions, whereabouts
from ytpool.store.db import Tx

log = logging.getLogger(__name__)

LEAVING, LOGINS, ALERTS, MESSAGES = "leaving", "logins", "alerts", "messages"
"""Duties that some do, or have done, by themselves."""

_AT_MOST = 2.0
"""Seconds that a target of alerts may take, where somebody waits for something else."""
_ALERTS_EVERY = 30.0
_HOUSEKEEPS_EVERY = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What became of one duty."""

    duty: str
    about: str
    done: dict[str, int]
    """What was done, or would be: so many of what. Nothing was due where all are 0."""
    problem: YtpoolError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """One thing that is due by the calendar."""

    name: str
    about: str
    do: Callable[[Runtime], dict[str, int]]
    due: Callable[[Runtime], dict[str, int]]
    """Says what `do` would, and changes nothing."""


def housekeep(rt: Runtime, *, but: tuple[str, ...] = ()) -> None:
    """Settle what nobody settled in time, and do what is due; raises only what asks to stop, or a defect.

    Whoever has just done one of the duties names it. A target of alerts that is slow is left to whoever has more time.
    """
    for kept in tidied(rt, but=but, hurries=True):
        if kept.problem is not None:
            log.warning("housekeeping was not finished", extra={"reason": kept.problem.message})


def tidied(rt: Runtime, *, dry_run: bool = False, but: tuple[str, ...] = (), hurries: bool = False) -> Iterator[Kept]:
    """Do the duties one after the other, and yield what became of each."""
    for duty in (*DUTIES, _messages(_AT_MOST if hurries else None)):
        if duty.name in but:
            continue
        done: dict[str, int] = {}
        problem: YtpoolError | None = None
        try:
            done = (duty.due if dry_run else duty.do)(rt)
        except Interrupted:
            raise
        except YtpoolError as error:
            problem = error
        yield Kept(duty=duty.name, about=duty.about, done=done, problem=problem)


def keep_going(rt: Runtime, *, alerts_only: bool = False, doing: str = "") -> Callable[[], None]:
    """Keep house in a thread beside other work until the program is asked to stop; return what waits for its end.

    Alerts are looked at, and told, every half a minute, the rest every hour. `doing` is what this process says of
    itself each time, where nothing else says that it lives.
    """
    beside = threading.Thread(target=_keep_going, args=(rt, alerts_only, doing), name="housekeeping", daemon=True)
    beside.start()
    return beside.join


def _keep_going(rt: Runtime, alerts_only: bool, doing: str) -> None:
    said, keeps_house_at = "", rt.clock.monotonic()
    while True:
        try:
            if not alerts_only and rt.clock.monotonic() >= keeps_house_at:
                keeps_house_at = rt.clock.monotonic() + _HOUSEKEEPS_EVERY
                housekeep(rt, but=(ALERTS, MESSAGES))
            if doing:
                with rt.store.transaction() as tx:
                    presence.beat(rt, tx, doing)
            looking.look(rt)
            telling.tell(rt)
            said = ""
        except Interrupted:
            return
        except YtpoolError as error:
            # A busy state or a setting that is wrong just now: the next round finds out.
            if error.message != said:
                log.warning("alerts were not looked at", extra={"reason": error.message})
            said = error.message
        except Exception:
            log.exception("alerts were not looked at")
        if rt.stopping.wait(_ALERTS_EVERY):
            return


def _in_one(duty: Callable[[Runtime, Tx], dict[str, int]], *, last: bool) -> Callable[[Runtime], dict[str, int]]:
    """Return a duty that is one transaction, or what would come of it."""

    def do(rt: Runtime) -> dict[str, int]:
        opened: AbstractContextManager[Tx] = rt.store.transaction() if last else rt.store.imagining()
        with opened as tx:
            return duty(rt, tx)

    return do


def _settle(_: Runtime, tx: Tx) -> dict[str, int]:
    line.forget_far(tx)
    whereabouts.forget_ended(tx)
    return {"settled": ledger.expire(tx)}


def _let_sessions_lapse(rt: Runtime, tx: Tx) -> dict[str, int]:
    return {"expired": sessions.lapse(tx, timedelta(days=rt.config.sessions.inactive_days))}


def _verify(rt: Runtime) -> dict[str, int]:
    seen = verifying.verify_due(rt)
    return {"seen": sum(one.problem is None for one in seen), "units": sum(one.units for one in seen)}


def _look(rt: Runtime, *, dry_run: bool = False) -> dict[str, int]:
    found = looking.look(rt, dry_run=dry_run)
    return {"opened": found.opened, "escalated": found.escalated, "resolved": found.resolved}


def _messages(at_most: float | None) -> Duty:
    def do(rt: Runtime) -> dict[str, int]:
        told = telling.tell(rt, at_most=at_most)
        return {"told": told.delivered, "not reached": told.failed}

    return Duty(
        name=MESSAGES,
        about="targets that are to be told of alerts",
        do=do,
        due=lambda rt: {"told": telling.due(rt)},
    )


DUTIES = (
    Duty(
        name="holds",
        about="holds that nobody settled in time",
        do=_in_one(_settle, last=True),
        due=_in_one(_settle, last=False),
    ),
    Duty(
        name="sessions",
        about="browser sessions that are over",
        do=_in_one(_let_sessions_lapse, last=True),
        due=_in_one(_let_sessions_lapse, last=False),
    ),
    Duty(
        name="journal",
        about="the activity journal: to be sealed, erased or dropped",
        do=lambda rt: {"steps": sealing.keep(rt)},
        due=lambda rt: {"steps": sealing.due(rt)},
    ),
    Duty(
        name=LEAVING,
        about="accounts that are to be forgotten",
        do=lambda rt: {"forgotten": leaving.go_on(rt)},
        due=lambda rt: {"forgotten": len(leaving.due(rt))},
    ),
    Duty(
        name=LOGINS,
        about="channels to be seen again within 30 days",
        do=_verify,
        due=lambda rt: {"seen": len(verifying.due(rt))},
    ),
    Duty(
        name=ALERTS,
        about="what somebody should look at",
        do=_look,
        due=lambda rt: _look(rt, dry_run=True),
    ),
)
"""In the order in which they are done: alerts come after what may have put something right."""
