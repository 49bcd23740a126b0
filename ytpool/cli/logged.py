"""What `ytpool auth` does: the login with its person, and how logins are seen; only a command that runs loads it."""

import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import typer

from ytpool.actions import accounts, login
from ytpool.actions.grants import Found, LoggedIn, Place
from ytpool.actions.login import Begun, Planned
from ytpool.cli import browsing
from ytpool.cli.invocation import Invocation
from ytpool.cli.options import invocation, runtime
from ytpool.cli.output import VIEWS, Column, View
from ytpool.domain import grants
from ytpool.domain.accounts import AccountState
from ytpool.domain.grants import Use
from ytpool.errors import UsageWrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """One account's login, without its secrets."""

    account: str
    project: str
    channel_id: str
    channel_title: str
    state: str
    token_expires_at: datetime | None
    grant_expires_at: datetime | None
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Logins:
    accounts: tuple[Login, ...]


def _named(title: str, channel_id: str) -> str:
    return f"{title} ({channel_id})" if title else channel_id


def _told(done: LoggedIn) -> str:
    again = "again " if done.renewed else ""
    channel = f"channel {_named(done.channel_title, done.channel_id)}"
    lines = [f"{done.account} is logged in {again}for {channel}, paid by project {done.project}"]
    if done.pool:
        lines.append(f"it works in pool {done.pool}, as {done.tier}")
    return "\n".join([*lines, *done.warnings])


def _planned(plan: Planned) -> str:
    channel = _named(plan.channel_title or "", plan.channel_id) if plan.channel_id else "(the login will tell)"
    return "\n".join(
        (
            f"would log {plan.account} in{' again' if plan.renews else ''}",
            f"  channel  {channel}",
            f"  project  {plan.project or '(new here)'}, OAuth client {plan.client_id or '(the sandbox makes one)'}",
            f"  scopes   {', '.join(map(grants.short, plan.scopes)) or '(the token will tell)'}",
            f"  cost     {', '.join(f'{units} of {bucket}' for bucket, units in plan.units.items()) or 'nothing'}",
        )
    )


VIEWS[LoggedIn] = View(text=_told)
VIEWS[Planned] = View(text=_planned)
VIEWS[Logins] = View(
    rows="accounts",
    columns=(
        ("Account", "account"),
        ("Channel", "channel_title"),
        Column("Channel id", "channel_id", from_width=110),
        Column("Project", "project", from_width=90),
        Column("State", "state", style={"active": "green", "login_needed": "red"}),
        ("Token until", "token_expires_at"),
        ("Login until", "grant_expires_at"),
    ),
    empty="no account yet; add one: ytpool auth add NAME --client-secrets FILE",
    footer=lambda logins: "\n".join(
        f"{one.account} needs a login; run: ytpool auth add {one.account}"
        for one in logins.accounts
        if one.state == AccountState.LOGIN_NEEDED
    ),
)


def add(
    ctx: typer.Context,
    name: str,
    *,
    client_secrets: Path | None,
    place: Place,
    uses: Sequence[Use],
    scope: Sequence[str],
    channel: str | None,
    no_browser: bool,
    yes: bool,
    dry_run: bool,
) -> LoggedIn | Planned:
    """Log an account in through the browser, asking on a terminal before an account's first login is kept."""
    call = invocation(ctx)
    done_reading = threading.Event()

    def browse(begun: Begun) -> None:
        try:
            _show(call, begun, no_browser=no_browser)
        finally:
            done_reading.set()

    def agrees(found: Found) -> bool:
        done_reading.wait(1)  # what is typed from now on is the answer
        others = f"; {' and '.join(found.twins)} works on it too" if found.twins else ""
        call.say(f"this login is for channel {_named(found.channel_title, found.channel_id)}{others}")
        return typer.confirm(f"Keep it as {found.account}, paid by project {found.project}?", err=True)

    scopes = tuple(dict.fromkeys([*(grants.least(uses) if uses else ()), *map(grants.whole, scope)]))
    rt = runtime(ctx, logs=True)
    if dry_run:
        return login.plan(rt, name, client_secrets=client_secrets, place=place, channel=channel, scopes=scopes)
    asks = not (yes or call.json) and call.stderr.isatty() and sys.stdin is not None and sys.stdin.isatty()
    return login.add(
        rt,
        name,
        client_secrets=client_secrets,
        scopes=scopes,
        place=place,
        browse=browse,
        channel=channel,
        agrees=agrees if asks else None,
    )


def _show(call: Invocation, begun: Begun, *, no_browser: bool) -> None:
    """Bring a person to the login's page, and take its answer from the keyboard where no browser could be opened."""
    minutes = login.DEADLINE.total_seconds() / 60
    if not no_browser and browsing.has_screen():
        call.note(
            f"the browser shows the login, which is waited for {minutes:.0f} minutes; if it does not, open {begun.url}"
        )
        if browsing.opened(begun.url) or begun.is_over.is_set():
            return
    port = urlsplit(begun.redirect_uri).port or 80
    call.say(
        f"within {minutes:.0f} minutes open this address in a browser, on any machine:\n{begun.url}\n"
        f"It will end at {begun.redirect_uri}?…\n"
        "If that browser shows an error there, it runs on another machine: copy the address it shows, paste it here "
        "and press Enter.\n"
        f"(Or forward the port before: ssh -L {port}:127.0.0.1:{port} THIS-MACHINE)"
    )
    for line in browsing.lines(begun.is_over):
        try:
            begun.answer(line)
        except UsageWrong as wrong:
            call.say(f"{wrong.message}; {wrong.hint}")
        else:
            return


def bring_in(
    ctx: typer.Context,
    name: str,
    *,
    client_secrets: Path | None,
    token: Path,
    place: Place,
    channel: str | None,
    dry_run: bool,
) -> LoggedIn | Planned:
    """Take over a login from a token file."""
    rt = runtime(ctx, logs=True)
    if dry_run:
        return login.plan(rt, name, client_secrets=client_secrets, token_file=token, place=place, channel=channel)
    return login.bring_in(rt, name, client_secrets=client_secrets, token_file=token, place=place, channel=channel)


def listed(ctx: typer.Context) -> Logins:
    """List every login."""
    return Logins(
        accounts=tuple(
            Login(
                account=row.account,
                project=row.project,
                channel_id=row.channel_id,
                channel_title=row.channel_title,
                state=row.state,
                token_expires_at=row.token_expires_at,
                grant_expires_at=row.grant_expires_at,
                scopes=row.scopes,
            )
            for row in accounts.list_accounts(runtime(ctx)).accounts
        )
    )
