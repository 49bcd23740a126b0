"""What is due by the calendar, whoever passes by: workers do it when they have nothing better to do.

Every duty is done in small steps that last, begins nothing after its own two seconds, and may be done by several
processes at once. What one of them cannot do now is left to the next round, and hinders no other.
"""

import logging
from collections.abc import Callable
from datetime import timedelta

from ytpool.actions import leaving, sealing, verifying
from ytpool.errors import Interrupted, YtpoolError
from ytpool.runtime import Runtime
from ytpool.store import ledger, line, sessions

log = logging.getLogger(__name__)


def housekeep(rt: Runtime) -> None:
    """Settle what nobody settled in time, and do what is due; raises only what asks to stop, or a defect."""
    for duty in _DUTIES:
        try:
            duty(rt)
        except Interrupted:
            raise
        except YtpoolError as error:
            log.warning("housekeeping was not finished", extra={"reason": error.message})


def _settle(rt: Runtime) -> None:
    with rt.store.transaction() as tx:
        ledger.expire(tx)
        line.forget_far(tx)


def _let_sessions_lapse(rt: Runtime) -> None:
    with rt.store.transaction() as tx:
        sessions.lapse(tx, timedelta(days=rt.config.sessions.inactive_days))


_DUTIES: tuple[Callable[[Runtime], object], ...] = (
    _settle,
    _let_sessions_lapse,
    sealing.keep,
    leaving.go_on,
    verifying.verify_due,
)
