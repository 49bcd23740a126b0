"""How accounts and their arrangement are seen, and what is typed of caps and labels; only commands that run need it."""

from collections.abc import Iterator, Sequence
from typing import Any

from ytpool.actions.accounts import AccountList, AccountRow, Drained, Draining, Left
from ytpool.actions.arrangement import Applied, Exported, NeedsLogin
from ytpool.cli.exits import BLOCKED, DONE, LATER, PARTLY
from ytpool.cli.output import VIEWS, Column, View
from ytpool.domain import accounts
from ytpool.domain.accounts import CAPPED, AccountState
from ytpool.domain.arrangement import Change
from ytpool.errors import UsageWrong

_STATES = {"active": "green", "login_needed": "red", "draining": "yellow", "disabled": "dim"}


def _caps(row: AccountRow) -> str:
    return ", ".join(f"{units or 'no'} {bucket}" for bucket, units in row.caps.items())


def _below(told: AccountList) -> str:
    """Say what no column shows well: what is paused, what is never done, and what an operator said."""
    lines = list(told.paused)
    for row in told.accounts:
        lines += [f"{row.account} does no {bucket}: its cap is 0" for bucket, units in row.caps.items() if not units]
        if row.state in (AccountState.DRAINING, AccountState.DISABLED) and row.state_reason:
            lines.append(f"{row.account} is {row.state}: {row.state_reason}")
    return "\n".join(lines)


VIEWS[AccountList] = View(
    rows="accounts",
    columns=(
        ("Account", "account"),
        ("Channel", "channel_title"),
        Column("Project", "project", from_width=100),
        ("Pools", lambda row: ", ".join(row.pools)),
        ("Tier", "tier"),
        Column("Priority", "priority", justify="right", from_width=110),
        Column("State", "state", style=_STATES),
        Column("Slots", lambda row: f"{row.running}/{row.slots}", justify="right"),
        Column("A day", _caps, from_width=90),
        Column("Labels", lambda row: ", ".join(f"{name}={value}" for name, value in row.labels.items()), from_width=90),
        Column("Worked", "success_rate", shown=lambda rate: f"{rate:.0%}", justify="right", from_width=120),
        Column("Rests", lambda row: "; ".join(row.rests), style="yellow"),
    ),
    empty="no account is like that; all of them: ytpool accounts list; a new one: ytpool auth add NAME",
    footer=_below,
)


def row_of(change: Change) -> dict[str, str]:
    """Word what one change changes."""
    if not change.field:
        return {"field": "", "before": _shown(change.before), "after": "removed" if change.removes else "new"}
    return {"field": change.field, "before": _shown(change.before), "after": _shown(change.after)}


def _shown(value: Any) -> str:
    """Word a value of the arrangement; nothing is a dash."""
    if value is None or value in ("", ()):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)


def _left_to_do(told: Applied) -> str:
    lines = list(told.notes)
    verb = "would take" if told.dry_run else "took"
    lines += [f"{account} {verb} its login from the file" for account in told.logins_brought]
    lines += [f"{one.account} needs a login: {_login(one)}" for one in told.logins_needed]
    if told.dry_run and told.changes:
        lines.append("nothing was changed; without --dry-run it would be")
    return "\n".join(lines)


def _with(logins: Sequence[str]) -> str:
    if not logins:
        return ""
    return (
        f", with the login{'s' * (len(logins) > 1)} of {', '.join(logins)}\n"
        "the books stay here, and where both machines work each takes the whole quota for its own; so before the other "
        "one begins: ytpool pause --reason 'moved'"
    )


def _login(one: NeedsLogin) -> str:
    return f"ytpool auth add {one.account} --client-secrets FILE (client {one.client_id})"


VIEWS[Exported] = View(
    text=lambda told: told.toml if told.path is None else f"the arrangement is in {told.path}{_with(told.logins)}",
)
VIEWS[Applied] = View(
    rows=lambda told: ({"what": one.what, "name": one.name, **row_of(one)} for one in told.changes),
    columns=(
        ("What", "what"),
        ("Name", "name"),
        ("Field", "field"),
        ("Was", "before"),
        ("Becomes", "after"),
    ),
    empty="nothing differs from the file",
    footer=_left_to_do,
)


class DrainingTold(dict[str, Any]):
    """How far each account is, with the status that says so to a script."""

    def __init__(self, told: Draining) -> None:
        super().__init__({"accounts": told.accounts})
        statuses = {_status(one) for one in told.accounts}
        self.exit_status = statuses.pop() if len(statuses) == 1 else PARTLY


def _status(one: Drained) -> int:
    if one.free:
        return DONE
    return LATER if one.goes_by_itself else BLOCKED


def _left(told: DrainingTold) -> Iterator[dict[str, Any]]:
    for one in told["accounts"]:
        if one.free:
            yield {"account": one.account, "left": "free", "advice": ""}
        for job in one.jobs:
            yield {
                "account": one.account,
                "left": job.left,
                "job": job.job,
                "what": job.what,
                "not_before": job.not_before,
                "advice": job.advice,
            }


def _stays(told: DrainingTold) -> str:
    names = [one.account for one in told["accounts"] if any(job.left is Left.WAITING for job in one.jobs)]
    if not names:
        return ""
    return (
        f"what is not begun keeps no account from being free; it goes after: ytpool accounts enable {' '.join(names)}"
    )


VIEWS[DrainingTold] = View(
    rows=_left,
    columns=(
        ("Account", "account"),
        Column(
            "Is",
            "left",
            style={"free": "green", "running": "yellow"},
            shown=lambda left: "not begun" if left == Left.WAITING else left,
        ),
        ("Job", "job"),
        Column("What", "what", from_width=100),
        ("Not before", "not_before"),
        ("Type", "advice"),
    ),
    footer=_stays,
)


def label(text: str) -> tuple[str, str]:
    """Read a label as it is typed."""
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageWrong(f"--label {text}: a label is KEY=VALUE", hint="for instance --label region=eu")
    return accounts.label(name, value)


def capped(given: list[str] | tuple[str, ...]) -> dict[str, int | None]:
    """Read caps as they are typed; None takes one away."""
    caps: dict[str, int | None] = {}
    for text in given:
        if text == "none":
            caps |= dict.fromkeys(CAPPED)
            continue
        bucket, _, number = text.partition("=")
        none = number == "none"
        counted = number.isascii() and number.isdigit() and len(number) < 10
        if bucket not in CAPPED or not (none or counted):
            raise UsageWrong(
                f"--cap {text}: a cap is {' or '.join(f'{each}=N' for each in CAPPED)}, with a whole number or none",
                hint="for instance --cap uploads=5",
            )
        caps[bucket] = None if none else int(number)
    return caps
