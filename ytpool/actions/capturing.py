"""A session from the login of a person in front of a window, straight into the vault."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from ytpool.actions import session_files, sessions
from ytpool.actions.heartbeat import renewing
from ytpool.actions.session_files import Said
from ytpool.actions.sessions import Opened
from ytpool.domain import cookies
from ytpool.domain.cookies import StorageState
from ytpool.domain.endpoints import is_loopback
from ytpool.domain.platforms import Platform
from ytpool.errors import HoldLost, UsageWrong
from ytpool.runtime import Runtime
from ytpool.store import leases
from ytpool.store import sessions as stored
from ytpool.store.db import Tx
from ytpool.store.leases import Lease, LeaseKind
from ytpool.store.sessions import Session

_HOLDS = timedelta(minutes=1)
_US = "a login in a window"


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """A session as a person has just made it."""

    url: str
    """Where the window opened."""
    session: Session | None
    """None where there is none yet, with a dry run."""
    renewed: bool
    """It was there before, and has new cookies now."""
    dry_run: bool = False


def capture(
    rt: Runtime,
    said: Said,
    *,
    url: str,
    within: timedelta,
    is_done: Callable[[], bool] | None,
    says: Callable[[str], None],
    dry_run: bool = False,
) -> Captured:
    """Open a window, wait until a person is logged in, and store what the browser holds then.

    A session that is there keeps its id and goes in first, logged out, and nobody can check it out meanwhile. Which
    cookies make a login is known of some platforms; of others `is_done` says when the person is.
    """
    said = session_files.require_said(said)
    assert said.user is not None
    assert said.platform is not None
    platform = sessions.described(rt, said.platform)
    if not platform.login and is_done is None:
        raise UsageWrong(
            f"nobody here knows which cookies make a login at {said.platform}",
            hint="run it on a terminal, where you say when you are logged in, or name those cookies in the settings: "
            f"platforms.{said.platform}.cookies",
        )
    start = url or platform.start
    if not start:
        raise UsageWrong(f"nobody here knows where to log in at {said.platform}", hint="say it: --url https://...")
    if rt.is_sandbox and not all(map(is_loopback, [start, *([said.proxy.reveal()] if said.proxy else [])])):
        raise UsageWrong(
            "the profile sandbox never leaves this machine, so nobody logs in elsewhere with it",
            hint="use another --profile, or a page of this machine: --url http://127.0.0.1:PORT/",
        )
    rt.open_vault()
    if dry_run:
        with rt.store.reading() as tx:
            return Captured(url=start, session=session_files.to_renew(rt, tx, said), renewed=False, dry_run=True)
    with _begun(rt, said) as there:
        says(f"a window opens at {start}: log in there as {said.user}")
        until = rt.clock.monotonic() + within.total_seconds()

        def is_login(found: Sequence[Mapping[str, Any]]) -> bool:
            if platform.login:
                return not cookies.login(found, platform).missing
            return is_done is not None and is_done()

        before = None if there is None else there[0]
        found = rt.log_in_browser(
            start,
            state=None if before is None else _logged_out(before.state, platform),
            proxy=said.proxy or (before.proxy if before else None),
            user_agent=said.user_agent or (before.user_agent if before else ""),
            is_login=is_login,
            goes_on=lambda: rt.clock.monotonic() < until and not rt.stopping.is_set(),
        )
        content = cookies.read(json.dumps(found.state))
        with rt.store.transaction() as tx:
            session = _store(rt, tx, said, content, there)
            session_files.equip(rt, tx, session, replace(said, user_agent=found.user_agent))
            now = stored.get(tx, session, sessions.idle_for(rt))
    return Captured(url=start, session=now, renewed=there is not None)


def _store(rt: Runtime, tx: Tx, said: Said, content: StorageState, there: tuple[Opened, Lease] | None) -> str:
    assert said.platform is not None
    if there is None:
        platform = sessions.described(rt, said.platform)
        login = sessions.login_of(json.loads(content.content.reveal()), platform)
        sessions.require_login(login, platform)
        return session_files.add(rt, tx, said, content, login)
    before, lease = there
    if not leases.holds(tx, lease):
        raise HoldLost(
            f"{before.session.spoken} was taken over meanwhile, so the new login was not stored",
            hint="type the same command again",
        )
    return sessions.renew(rt, tx, before.session, content, digest=content.digest).session


def _logged_out(state: Mapping[str, Any], platform: Platform) -> Mapping[str, Any]:
    """Leave out the cookies of the old login: else it would be taken for the new one, and may be void."""
    old = {name for group in platform.login for name in group}
    return {**state, "cookies": [cookie for cookie in state["cookies"] if cookie["name"] not in old]}


@contextmanager
def _begun(rt: Runtime, said: Said) -> Iterator[tuple[Opened, Lease] | None]:
    """Take the session that is there for ourselves while the person logs in; nothing where there is none."""
    with rt.store.transaction() as tx:
        there = session_files.to_renew(rt, tx, said)
        before = None if there is None else sessions.opened(rt, tx, there)
        lease = (
            None if there is None else leases.take(tx, LeaseKind.SESSION, there.session, holder=_US, lasts_for=_HOLDS)
        )
    if before is None or lease is None:
        yield None
        return
    try:
        with renewing(rt, lease, _HOLDS):
            yield before, lease
    finally:
        with rt.store.transaction() as tx:
            leases.give_back(tx, [lease])
