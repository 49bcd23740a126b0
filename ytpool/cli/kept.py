"""What `ytpool sessions` does and how it is seen; only a command that runs loads it."""

import json
import select
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import typer

from ytpool.actions import capturing, lending, session_files, sessions
from ytpool.actions.lending import Exported
from ytpool.actions.session_files import Migrated, Said
from ytpool.actions.sessions import Seen
from ytpool.cli import passphrases
from ytpool.cli.agreeing import agrees
from ytpool.cli.exits import common, status_of
from ytpool.cli.invocation import Invocation
from ytpool.cli.items import as_item
from ytpool.cli.options import invocation, runtime
from ytpool.cli.output import VIEWS, Column, View
from ytpool.cli.values import visible
from ytpool.domain import moments
from ytpool.domain.cookies import Written
from ytpool.domain.sessions import Outcome, SessionState, spoken
from ytpool.errors import UsageWrong, YtpoolError
from ytpool.runtime import Runtime
from ytpool.store.sessions import Session

_STATES = {"active": "green", "expired": "yellow", "banned": "red"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """What became of every file, or would."""

    files: tuple[dict[str, Any], ...]
    exit_status: int
    problem: YtpoolError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """Stored sessions, each with who has it."""

    sessions: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsShown:
    """The same, with their cookies that matter."""

    sessions: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """A session as it is now, or would be."""

    session: str
    user: str
    platform: str
    name: str
    state: SessionState
    reason: str
    state_since: datetime
    dry_run: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsDeleted:
    """Sessions that are gone with their cookies and proxies, or would be."""

    sessions: tuple[dict[str, Any], ...]
    dry_run: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLent:
    """A session that is somebody's for a while; its content is in it only where it was to be printed."""

    session: str
    user: str
    platform: str
    name: str
    number: int
    holder: str
    until: datetime
    user_agent: str
    has_proxy: bool
    path: Path | None
    proxy_path: Path | None
    storage_state: Mapping[str, Any] | None = field(repr=False)
    proxy: str | None = field(repr=False)
    dry_run: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionReleased:
    """A session that came back, as it is now."""

    session: str
    user: str
    platform: str
    name: str
    number: int
    outcome: Outcome
    state: SessionState
    reason: str
    replaced: bool
    late: bool
    cookies: int
    expires_at: datetime | None
    login_ends_at: datetime | None
    dry_run: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCaptured:
    """A session as a person's login has just made it, or the one that would be renewed."""

    session: str | None
    user: str | None
    platform: str | None
    name: str | None
    url: str
    renewed: bool
    state: SessionState | None
    reason: str
    cookies: int
    expires_at: datetime | None
    login_ends_at: datetime | None
    user_agent: str
    dry_run: bool


def files(
    *, folder: Path | None, file: Path | None, lists: bool, takes_all: bool, user: str | None, name: str | None
) -> Sequence[Path]:
    """Return the files that are meant; raises UsageWrong unless exactly one way to say it was taken."""
    if (file is not None) + lists + takes_all != 1:
        raise UsageWrong("name one of --list, --all and --file", hint="see: ytpool sessions migrate --help")
    if file is not None:
        if folder is not None:
            raise UsageWrong("a folder goes with --list and --all, not with --file")
        return [file]
    if user is not None or name is not None:
        raise UsageWrong("--user and --name are for one --file; the files of a folder say it in their names")
    return session_files.files_in(folder or Path())


def said(
    *,
    user: str | None,
    platform: str | None,
    name: str | None,
    proxy_file: Path | None,
    user_agent: str,
    renews: bool = False,
) -> Said:
    """Return what is said of the files beside their names."""
    proxy = None if proxy_file is None else passphrases.proxy(proxy_file)
    return session_files.require_said(
        Said(user=user, platform=platform, name=name, proxy=proxy, user_agent=user_agent, renews=renews)
    )


def agrees_to_delete(ctx: typer.Context, found: Sequence[Path], *, lists: bool, dry_run: bool, yes: bool) -> bool:
    """Tell whether files are to go; asks on a terminal, and demands --yes elsewhere."""
    if lists:
        raise UsageWrong("--list only looks, so leave out --delete-files")
    what = str(found[0]) if len(found) == 1 else f"{len(found)} files"
    return agrees(
        invocation(ctx),
        f"deletes {what} once stored",
        f"Delete {what}, each once it is stored and was read back?",
        yes=yes or dry_run or not found,
    )


def migrate(
    ctx: typer.Context,
    found: Sequence[Path],
    said: Said,
    *,
    lists: bool,
    is_one: bool,
    dry_run: bool,
    delete: bool,
) -> Migration:
    """Take files into the vault, or say what would become of them."""
    done = list(session_files.migrate(runtime(ctx), found, said, dry_run=dry_run or lists, delete=delete))
    return Migration(
        files=tuple(as_item(one) for one in done),
        exit_status=0 if lists else common(_status(one) for one in done),
        problem=done[0].problem if is_one else None,
    )


def _status(one: Migrated) -> int:
    return 0 if one.problem is None else status_of(one.problem)


def listed(rt: Runtime, which: str | None, state: SessionState | None) -> Sessions:
    found = sessions.list_sessions(rt, which, state)
    return Sessions(sessions=tuple(_row(one) for one in found.sessions))


def shown(rt: Runtime, which: str) -> SessionsShown:
    found = sessions.show(rt, which)
    return SessionsShown(sessions=tuple(_row(one) | _cookies(one) for one in found.sessions))


def _row(one: Seen) -> dict[str, Any]:
    session = {each.name: getattr(one.session, each.name) for each in fields(one.session)}
    return {**session, "holder": one.holder, "held_until": one.held_until, "number": one.number}


def _cookies(one: Seen) -> dict[str, Any]:
    assert one.login is not None
    return {"missing": one.login.missing, "marks": one.login.marks}


def marked(rt: Runtime, which: str, state: SessionState, reason: str, *, dry_run: bool) -> Marked:
    session = sessions.mark(rt, which, state, reason, dry_run=dry_run)
    return Marked(
        **_named(session),
        state=session.state,
        reason=session.reason,
        state_since=session.state_since,
        dry_run=dry_run,
    )


def deleted(ctx: typer.Context, which: Sequence[str], *, dry_run: bool, yes: bool) -> SessionsDeleted:
    """Delete sessions for good, asking on a terminal first."""

    def may_go(going: Sequence[Session]) -> bool:
        named = [f"{one.spoken}, which is {one.state}" for one in going]
        what = named[0] if len(named) == 1 else f"{len(named)} sessions"
        return agrees(
            invocation(ctx),
            f"deletes {'; '.join(named)}",
            f"Delete {what}, for good, with its cookies and proxy?"
            if len(named) == 1
            else f"Delete these {what} for good, with their cookies and proxies?",
            yes=yes,
            shows=named if len(named) > 1 else (),
        )

    gone = sessions.delete(runtime(ctx), which, may_go, dry_run=dry_run)
    return SessionsDeleted(
        sessions=tuple({**_named(one), "state": one.state, "cookies": one.cookies} for one in gone), dry_run=dry_run
    )


def lent(
    ctx: typer.Context,
    which: str,
    *,
    to: Path | None,
    proxy_to: Path | None,
    lasts_for: timedelta,
    holder: str,
    dry_run: bool,
) -> SessionLent:
    """Take a session out; what is printed for a program to read is only that, and all else goes to stderr."""
    done = lending.checkout(
        runtime(ctx), which, lasts_for=lasts_for, holder=holder, path=to, proxy_path=proxy_to, dry_run=dry_run
    )
    call, session, opened = invocation(ctx), done.session, done.opened
    lent = SessionLent(
        **_named(session),
        number=done.number,
        holder=done.holder,
        until=done.until,
        user_agent=session.user_agent,
        has_proxy=session.has_proxy,
        path=done.path,
        proxy_path=done.proxy_path,
        storage_state=None if opened is None else opened.state,
        proxy=opened.proxy.reveal() if opened is not None and opened.proxy is not None else None,
        dry_run=done.dry_run,
    )
    if not call.json and lent.storage_state is not None:
        call.say(visible(_how_lent(lent)))
    if lent.has_proxy and to is not None and proxy_to is None:
        call.say("it is used through a proxy: --proxy-to FILE writes its address")
    return lent


def released(
    rt: Runtime,
    which: str,
    number: int,
    outcome: Outcome,
    *,
    content: Path | None,
    reason: str,
    dry_run: bool,
) -> SessionReleased:
    done = lending.release(rt, which, number, outcome, reason=reason, content=content, dry_run=dry_run)
    session = done.session
    return SessionReleased(
        **_named(session),
        number=number,
        outcome=outcome,
        state=session.state,
        reason=session.reason,
        replaced=done.replaced,
        late=done.late,
        cookies=session.cookies,
        expires_at=session.expires_at,
        login_ends_at=session.login_ends_at,
        dry_run=dry_run,
    )


def exported(rt: Runtime, which: str, form: Written, to: Path | None) -> Exported:
    return lending.export(rt, which, form, to)


def captured(ctx: typer.Context, said: Said, *, url: str, within: timedelta, dry_run: bool) -> SessionCaptured:
    """Let a person log in, and say what came of it."""
    call = invocation(ctx)
    asks = not call.json and call.stderr.isatty() and sys.stdin is not None and sys.stdin.isatty()
    done = capturing.capture(
        runtime(ctx),
        said,
        url=url,
        within=within,
        is_done=_enter(call) if asks else None,
        says=lambda text: call.say(visible(text)),
        dry_run=dry_run,
    )
    session = done.session
    return SessionCaptured(
        session=None if session is None else session.session,
        user=said.user,
        platform=said.platform,
        name=said.name if session is None else session.name,
        url=done.url,
        renewed=done.renewed,
        state=None if session is None else session.state,
        reason="" if session is None else session.reason,
        cookies=0 if session is None else session.cookies,
        expires_at=None if session is None else session.expires_at,
        login_ends_at=None if session is None else session.login_ends_at,
        user_agent="" if session is None else session.user_agent,
        dry_run=done.dry_run,
    )


def _enter(call: Invocation) -> Callable[[], bool]:
    """Return what tells whether Enter was pressed since it was asked first."""
    asked = pressed = False

    def is_pressed() -> bool:
        nonlocal asked, pressed
        if not asked:
            call.say("press Enter here once you are logged in there")
            asked = True
        if not pressed and select.select([sys.stdin], [], [], 0)[0]:
            sys.stdin.readline()
            pressed = True
        return pressed

    return is_pressed


def _named(one: Session) -> dict[str, Any]:
    return {"session": one.session, "user": one.user, "platform": one.platform, "name": one.name}


def _who(one: Any) -> str:
    return spoken(one.user, one.platform, one.name)


def _how_lent(done: SessionLent) -> str:
    until = moments.spoken(done.until)
    if done.dry_run:
        return f"would check out {_who(done)} until {until}; nothing was changed"
    return (
        f"{_who(done)} is with {done.holder} until {until}, as number {done.number}; bring it back with: "
        f"ytpool sessions release {done.session} --number {done.number}"
    )


def _told_lent(done: SessionLent) -> str:
    if done.storage_state is not None:
        return json.dumps(done.storage_state)
    into = f"its storage state is in {done.path}" if done.path is not None and not done.dry_run else ""
    return "\n".join(visible(line) for line in (_how_lent(done), into) if line)


def _told_released(done: SessionReleased) -> str:
    would = "would be" if done.dry_run else "is"
    lines = [f"{_who(done)} {would} back, and {done.state}" + (f": {done.reason}" if done.reason else "")]
    if done.replaced:
        lines.append(f"it {'would have' if done.dry_run else 'has'} the {done.cookies} cookies that came back with it")
    if done.late:
        lines.append("its time was over, and nobody had taken it meanwhile; ask for longer with --for")
    return "\n".join(map(visible, lines))


def _told_deleted(done: SessionsDeleted) -> str:
    would = "would go" if done.dry_run else "is gone"
    return "\n".join(
        visible(
            f"{spoken(one['user'], one['platform'], one['name'])} {would}, "
            f"with {one['cookies']} cookie{'s' * (one['cookies'] != 1)}"
        )
        for one in done.sessions
    )


def _told_marked(done: Marked) -> str:
    would = "would be" if done.dry_run else "is"
    return visible(f"{_who(done)} {would} {done.state}" + (f": {done.reason}" if done.reason else ""))


def _told_exported(done: Exported) -> str:
    if done.text is not None:
        return done.text
    return visible(f"{_who(done)} is in {done.path}, with {done.cookies} cookies")


def _told_shown(found: SessionsShown) -> str:
    return "\n\n".join("\n".join(map(visible, _lines(one))) for one in found.sessions)


def _lines(one: Mapping[str, Any]) -> list[str]:
    since = moments.spoken(one["state_since"])
    lines = [
        f"{spoken(one['user'], one['platform'], one['name'])}: {one['state']} since {since}"
        + (f", {one['reason']}" if one["reason"] else ""),
        f"id {one['session']}, stored {moments.spoken(one['stored_at'])}, {one['cookies']} cookies",
    ]
    if one["holder"]:
        lines.append(f"with {one['holder']} until {moments.spoken(one['held_until'])}, as number {one['number']}")
    lines.append(f"used {moments.spoken(one['used_at'])}" if one["used_at"] else "never used")
    if one["checked_at"]:
        detail = f", {one['found_detail']}" if one["found_detail"] else ""
        lines.append(f"looked at {moments.spoken(one['checked_at'])}: {one['found'].replace('_', ' ')}{detail}")
    if one["user_agent"]:
        lines.append(f"calls itself {one['user_agent']}")
    if one["has_proxy"]:
        lines.append("used through a proxy, whose address is in the vault")
    if one["login_ends_at"]:
        lines.append(f"its login ends {moments.spoken(one['login_ends_at'])}")
    if one["expires_at"]:
        lines.append(f"the first of all its cookies ends {moments.spoken(one['expires_at'])}")
    return lines


def _told_captured(done: SessionCaptured) -> str:
    who = spoken(done.user or "", done.platform or "", done.name or "")
    if done.dry_run:
        there = "has a session there, which would be renewed" if done.session else "has none there yet"
        return visible(f"would open {done.url} for {done.user} to log in, who {there}; nothing was changed")
    state = f"{done.state}" + (f": {done.reason}" if done.reason else "")
    return visible(f"{who} is {'renewed' if done.renewed else 'stored'} with {done.cookies} cookies, and {state}")


VIEWS[Migration] = View(
    rows="files",
    columns=(
        ("File", lambda row: Path(row["file"]).name),
        Column(
            "Outcome",
            "outcome",
            shown=lambda outcome: outcome.replace("_", " "),
            style={"stored": "green", "renewed": "green", "updated": "green", "refused": "red"},
        ),
        Column("Kind", "format", from_width=120),
        ("User", "user"),
        ("Platform", "platform"),
        Column("Cookies", "cookies", justify="right", from_width=100),
        Column("First ends", "expires_at", from_width=120),
        Column(
            "Said",
            lambda row: (
                row["error"]["message"] if row["error"] else row["note"] or ("deleted" if row["deleted"] else "")
            ),
            style="yellow",
        ),
    ),
    empty="the folder holds no .json, .txt or .cookies file",
)
VIEWS[Sessions] = View(
    rows="sessions",
    columns=(
        ("User", "user"),
        ("Platform", "platform"),
        ("Name", "name"),
        Column("State", "state", style=lambda row: _STATES[row["state"]]),
        ("Because", "reason"),
        ("With", "holder"),
        Column("Login ends", "login_ends_at", from_width=100),
        Column("Used", "used_at", from_width=120),
        Column("Looked at", "checked_at", from_width=140),
        Column("Cookies", "cookies", justify="right", from_width=120),
        Column("Session", "session", from_width=140),
    ),
    empty="no such session; bring one in: ytpool sessions migrate --file FILE --user U --platform P",
)
VIEWS[SessionsShown] = (
    View(text=_told_shown),
    View(
        title="Cookies that matter",
        rows=lambda found: [
            {"who": spoken(one["user"], one["platform"], one["name"]), "mark": mark}
            for one in found.sessions
            for mark in one["marks"]
        ],
        columns=(
            ("Session", "who"),
            ("Cookie", "mark.name"),
            ("Domain", "mark.domain"),
            Column("Needed", lambda row: "yes" if row["mark"].needed else ""),
            ("Ends", lambda row: row["mark"].expires_at or "with the browser"),
        ),
        empty="",
    ),
)
VIEWS[SessionsDeleted] = View(text=_told_deleted)
VIEWS[Marked] = View(text=_told_marked)
VIEWS[SessionLent] = View(text=_told_lent)
VIEWS[SessionReleased] = View(text=_told_released)
VIEWS[Exported] = View(text=_told_exported)
VIEWS[SessionCaptured] = View(text=_told_captured)
