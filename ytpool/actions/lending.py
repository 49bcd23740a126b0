"""Browser sessions lent to one program at a time.

Each lending has a number, and whoever brings a session back names it: who was late, and was followed by somebody else,
changes nothing any more.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from ytpool.actions import exporting, people, sessions
from ytpool.actions.session_files import read_file
from ytpool.actions.sessions import Opened
from ytpool.domain import cookies, names
from ytpool.domain.cookies import Written
from ytpool.domain.sessions import Finding, Outcome
from ytpool.errors import HoldLost, UsageWrong
from ytpool.runtime import Runtime
from ytpool.store import leases, owners
from ytpool.store.db import Tx
from ytpool.store.leases import Holding, LeaseKind
from ytpool.store.sessions import Session

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=7)

_FINDINGS: Mapping[Outcome, Finding] = {
    Outcome.OK: Finding.ALIVE,
    Outcome.EXPIRED: Finding.LOGGED_OUT,
    Outcome.BANNED: Finding.CHECKPOINT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lent:
    """A session that is somebody's for a while."""

    session: Session
    number: int
    """Proves whose it is when it comes back."""
    holder: str
    until: datetime
    opened: Opened | None = field(repr=False)
    """None where it went into a file, or nothing was lent."""
    path: Path | None
    proxy_path: Path | None
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """A session that came back."""

    session: Session
    number: int
    outcome: Outcome
    replaced: bool
    """Its content is what came back with it."""
    late: bool
    """Its time was over, and nobody had taken it meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A session's content as it was asked for."""

    session: str
    user: str
    platform: str
    name: str
    format: Written
    cookies: int
    text: str | None = field(repr=False)
    """None where it went into a file."""
    path: Path | None


def checkout(
    rt: Runtime,
    which: str,
    *,
    lasts_for: timedelta,
    holder: str = "",
    path: Path | None = None,
    proxy_path: Path | None = None,
    dry_run: bool = False,
) -> Lent:
    """Give one usable session to somebody, exclusively: of several the one that was left alone for longest.

    Raises SessionBusy where each is with somebody, SessionExpired or SessionBanned where none may be used. With a path
    the storage state goes there, for its owner's eyes only; where that fails, nothing is lent.
    """
    if not SHORTEST <= lasts_for <= LONGEST:
        raise UsageWrong("a session is lent for a minute at least, and for seven days at most")
    who = names.require_words(holder or people.me(), "the name of a holder")
    rt.open_vault()
    with rt.store.imagining() if dry_run else rt.store.transaction() as tx:
        session, lease = _free(rt, tx, which, who, lasts_for)
        sessions.use(tx, session)
        opened = sessions.opened(rt, tx, session)
        until = tx.now + lasts_for
    if not dry_run:
        try:
            _hand_over(opened, path, proxy_path)
        except BaseException:  # Ctrl-C as well: nobody would know the number
            with rt.store.transaction() as tx:
                leases.give_back(tx, [lease])
            raise
    return Lent(
        session=session,
        number=lease.fence,
        holder=who,
        until=until,
        opened=None if dry_run or path is not None else opened,
        path=path,
        proxy_path=proxy_path if opened.proxy is not None else None,
        dry_run=dry_run,
    )


def _hand_over(opened: Opened, path: Path | None, proxy_path: Path | None) -> None:
    """Write both files, or leave none: of what nobody has been lent nobody shall find a copy."""
    written: list[Path] = []
    try:
        if path is not None:
            exporting.write_text(path, json.dumps(opened.state), private=True)
            written.append(path)
        if proxy_path is not None and opened.proxy is not None:
            exporting.write_text(proxy_path, f"{opened.proxy.reveal()}\n", private=True)
    except BaseException:
        for one in written:
            one.unlink(missing_ok=True)
        raise


def _free(rt: Runtime, tx: Tx, which: str, who: str, lasts_for: timedelta) -> tuple[Session, leases.Lease]:
    found = sessions.meant(rt, tx, which)
    usable = [one for one in found if one.is_usable]
    if not usable:
        # An expired one is the nearer to help: a login makes it good again, a ban may be for ever.
        sessions.require_usable(min(found, key=lambda one: (one.is_banned, one.session)))
    for session in sorted(usable, key=lambda one: (one.used_at is not None, one.used_at, one.session)):
        lease = leases.take(
            tx,
            LeaseKind.SESSION,
            session.session,
            holder=who,
            lasts_for=lasts_for,
            owner=owners.NOBODY_WE_SEE,
        )
        if lease is not None:
            return session, lease
    held = {one.spoken: leases.holding(tx, LeaseKind.SESSION, one.session) for one in usable}
    raise sessions.busy(tx, {spoken: one for spoken, one in held.items() if one is not None})


def release(
    rt: Runtime,
    which: str,
    number: int,
    outcome: Outcome,
    *,
    reason: str = "",
    content: Path | None = None,
    dry_run: bool = False,
) -> Released:
    """Take a session back, with what its holder found, and with its changed content if that is a login.

    Raises HoldLost where somebody else has or had it since, or it was brought back before: then nothing changes. Where
    the content is refused nothing changes either, and the session stays with its holder.
    """
    if reason:
        names.require_words(reason, "the reason for a session's state")
    if content is not None and outcome is not Outcome.OK:
        raise UsageWrong(f"a session that is {outcome} has no content to keep", hint="leave out --from")
    state = None if content is None else cookies.read(read_file(content))
    if state is not None:
        rt.open_vault()
    with rt.store.imagining() if dry_run else rt.store.transaction() as tx:
        session = sessions.one(rt, tx, which)
        holding = leases.holding(tx, LeaseKind.SESSION, session.session)
        _require_newest(session, holding, number)
        assert holding is not None
        detail = ": ".join(filter(None, (f"says {holding.holder}", reason)))
        session = sessions.record(rt, tx, session, _FINDINGS[outcome], detail)
        if state is not None:
            session = sessions.renew(rt, tx, session, state)
        sessions.use(tx, session)
        leases.give_back(tx, [holding.lease])
    return Released(
        session=session, number=number, outcome=outcome, replaced=state is not None, late=holding.left <= timedelta(0)
    )


def _require_newest(session: Session, holding: Holding | None, number: int) -> None:
    if holding is None:
        raise HoldLost(f"{session.spoken} was never checked out", hint="see: ytpool sessions list")
    if holding.lease.fence != number:
        raise HoldLost(
            f"{session.spoken} is not number {number}'s: its last checkout is number {holding.lease.fence}, by "
            f"{holding.holder}; nothing was changed",
            hint="if yours was over in time, check it out again, and ask for longer: --for 2h",
            session=session.session,
        )
    if holding.given_back:
        raise HoldLost(
            f"{session.spoken} was brought back already; nothing was changed",
            hint=f"check it out again: ytpool sessions checkout {session.session}",
            session=session.session,
        )


def export(rt: Runtime, which: str, form: Written, path: Path | None = None) -> Exported:
    """Write a session out, whoever has it: into a file for its owner's eyes only, or into the result."""
    rt.open_vault()
    with rt.store.reading() as tx:
        opened = sessions.opened(rt, tx, sessions.one(rt, tx, which))
    text = cookies.netscape(opened.state) if form is Written.NETSCAPE else json.dumps(opened.state) + "\n"
    if path is not None:
        exporting.write_text(path, text, private=True)
    session = opened.session
    return Exported(
        session=session.session,
        user=session.user,
        platform=session.platform,
        name=session.name,
        format=form,
        cookies=session.cookies,
        text=text if path is None else None,
        path=path,
    )
