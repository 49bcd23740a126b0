"""The refresh of cookies that `serve` begins by itself, when it finds that it cannot work without."""

import logging
import math
import threading

from ytpool.actions import cookie_files
from ytpool.actions.cookie_files import CookieFile, RefreshSeen
from ytpool.errors import Busy, Interrupted, Resting, YtpoolError
from ytpool.runtime import Runtime

log = logging.getLogger(__name__)

_TRIED_AGAIN_AFTER = 30.0
"""Seconds; a refresh that cannot even begin leaves nothing in the books that would hold back the next."""


class Refresher:
    """Runs the operator's command in a thread of its own; the lease sees to it that nobody else does meanwhile."""

    def __init__(self, rt: Runtime, file: CookieFile | None) -> None:
        self._rt = rt
        self._file = file
        self._thread: threading.Thread | None = None
        self._not_before = -math.inf

    @property
    def is_possible(self) -> bool:
        return self._file is not None and bool(self._file.account) and bool(self._rt.config.sessions_refresh.command)

    @property
    def is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def begin(self, seen: RefreshSeen) -> bool:
        """Begin one, unless one runs somewhere or the last began too lately; return whether one runs here now."""
        is_due = not seen.by and seen.next_in == 0 and self._rt.clock.monotonic() >= self._not_before
        if is_due and self.is_possible and not self.is_running:
            self._not_before = self._rt.clock.monotonic() + _TRIED_AGAIN_AFTER
            self._thread = threading.Thread(target=self._refresh, name="refresh of cookies", daemon=True)
            self._thread.start()
        return self.is_running

    def wait(self) -> None:
        """Wait until the one that runs here has ended, which it does soon once the program is asked to stop."""
        if self._thread is not None:
            self._thread.join()

    def _refresh(self) -> None:
        assert self._file is not None
        account = self._file.account
        log.info("refresh of cookies begins", extra={"account": account})
        try:
            done = cookie_files.refresh(self._rt, account)
        except (Busy, Resting, Interrupted) as error:
            log.info("no refresh of cookies", extra={"account": account, "reason": error.message})
        except YtpoolError as error:
            log.warning("cookies not refreshed", extra={"account": account, "reason": error.message})
        except Exception:
            log.exception("cookies not refreshed", extra={"account": account})
        else:
            log.info("cookies refreshed", extra={"account": account, "outcome": done.outcome})
