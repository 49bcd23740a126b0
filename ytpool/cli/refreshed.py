"""Refreshing every token: what is done along the way, and how it is shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import typer

from ytpool.actions import housekeeping, leaving, scheduling, tokens, verifying
from ytpool.actions.scheduling import Scheduled
from ytpool.actions.verifying import Verified
from ytpool.cli.exits import DONE, LOGIN, common, status_of
from ytpool.cli.invocation import Invocation
from ytpool.cli.items import as_item, hint_of
from ytpool.cli.options import invocation, runtime
from ytpool.cli.output import VIEWS, Column, View, worded
from ytpool.cli.scheduled import program
from ytpool.errors import LoginNeeded, UsageWrong, YtpoolError


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """What became of every token."""

    accounts: tuple[dict[str, Any], ...]
    verified: tuple[dict[str, Any], ...]
    """The channels that were looked at again, as has to be done within every thirty days."""
    exit_status: int
    problem: YtpoolError | None = None


VIEWS[Refresh] = View(
    rows="accounts",
    columns=(
        ("Account", "account"),
        Column("Outcome", "outcome", style={"refreshed": "green", "login_needed": "red", "failed": "red"}),
        ("Token until", "token_expires_at"),
        ("Login until", "grant_expires_at"),
        Column("What to do", lambda row: worded(row["error"]["message"], row["error"]["hint"]) if row["error"] else ""),
    ),
    empty="no account yet; add one: ytpool auth add NAME --client-secrets FILE",
)


def refresh(ctx: typer.Context, account: str | None, *, force: bool) -> Refresh:
    call, rt = invocation(ctx), runtime(ctx, logs=True)
    if account is None:
        leaving.go_on(rt)
    found = tokens.refresh_all(rt, account=account, force=force)
    seen = verifying.verify_due(rt, account)
    _tell(call, seen)
    if account is None:
        housekeeping.housekeep(rt, but=(housekeeping.LEAVING, housekeeping.LOGINS))
    statuses = {one.account: DONE if one.problem is None else status_of(one.problem) for one in found}
    dead = {one.account: one.problem for one in seen if isinstance(one.problem, LoginNeeded)}
    return Refresh(
        accounts=tuple(as_item(one) for one in found),
        verified=tuple(as_item(one) for one in seen),
        exit_status=common({**statuses, **dict.fromkeys(dead, LOGIN)}.values()),
        problem=None if account is None else found[0].problem or dead.get(account),
    )


def scheduled(ctx: typer.Context, account: str | None, *, cron: bool, systemd: bool, force: bool) -> Scheduled:
    if force or (cron and systemd):
        raise UsageWrong("--print-cron, --print-systemd and --force exclude each other", hint="name one of them")
    scheduler = scheduling.Scheduler.CRON if cron else scheduling.Scheduler.SYSTEMD
    return scheduling.refresh_tokens(runtime(ctx), scheduler, program(), account)


def _tell(call: Invocation, seen: Sequence[Verified]) -> None:
    good = [one for one in seen if one.problem is None]
    if good:
        names = ", ".join(one.account for one in good)
        call.note(
            f"the channels behind these logins were looked at again: {names} (units: {sum(o.units for o in good)})"
        )
    for one in seen:
        if one.problem is not None:
            words = f"{one.account}: {worded(one.problem.message, hint_of(one.problem))}"
            if isinstance(one.problem, LoginNeeded):
                call.say(words)
            else:  # it is due again the next time: no news for cron's mail, and `health` warns once it is late
                call.note(f"the channel behind a login could not be looked at: {words}")
