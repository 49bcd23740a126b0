"""How a check of browser sessions is seen, and what it tells a shell; only `ytpool sessions check` loads it."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import typer

from ytpool.actions import session_checks
from ytpool.actions.session_checks import Checked, How
from ytpool.cli.exits import DONE, UNKNOWN, common, status_of
from ytpool.cli.invocation import Invocation
from ytpool.cli.items import as_item
from ytpool.cli.options import invocation, runtime
from ytpool.cli.output import VIEWS, Column, View
from ytpool.domain.sessions import SessionState, spoken
from ytpool.errors import YtpoolError


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsChecked:
    """What was found of every session."""

    sessions: tuple[dict[str, Any], ...]
    counts: dict[str, int]
    """By what was found; what nobody looked at by its state."""
    dry_run: bool
    exit_status: int
    problem: YtpoolError | None = None


def check(ctx: typer.Context, which: Sequence[str], platform: str | None, how: How) -> SessionsChecked:
    with _counter(invocation(ctx)) as counted:
        found = session_checks.check(runtime(ctx), which, platform, how, counted=counted)
    return SessionsChecked(
        sessions=tuple({"who": spoken(one.user, one.platform, one.name), **as_item(one)} for one in found),
        counts=dict(Counter(str(one.finding or one.state) for one in found)),
        dry_run=how.dry_run,
        exit_status=common(map(_status, found)),
        problem=found[0].problem if len(found) == 1 else None,
    )


@contextmanager
def _counter(call: Invocation) -> Iterator[Callable[[int, int], None]]:
    """Yield what shows how far a check has come: a line on a terminal, gone at the end."""
    if call.quiet or call.json or not call.stderr.isatty():
        yield lambda *_: None
        return

    def show(done: int, of: int) -> None:
        if of > _FEW:
            print(f"\r{done} of {of} sessions are looked at", end="", file=call.stderr, flush=True)

    try:
        yield show
    finally:
        print(f"\r{'':60}\r", end="", file=call.stderr, flush=True)


_FEW = 20


def _status(one: Checked) -> int:
    if one.problem is None:
        return DONE
    # Of one that is shut out a person has to decide; that it may not be used is not the question here.
    return UNKNOWN if one.state is SessionState.BANNED else status_of(one.problem)


_FOUND = {
    "alive": "green",
    "logged_out": "yellow",
    "cookies_expired": "yellow",
    "rotated": "yellow",
    "checkpoint": "red",
    "network": "magenta",
    "unclear": "magenta",
}
_STATES = {"active": "green", "expired": "yellow", "banned": "red"}


def _footer(done: SessionsChecked) -> str:
    counted = ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in sorted(done.counts.items()))
    return f"{counted}; a dry run: no state was changed" if done.dry_run else counted


VIEWS[SessionsChecked] = View(
    rows="sessions",
    columns=(
        ("Session", "who"),
        Column(
            "Found",
            "finding",
            shown=lambda finding: finding.replace("_", " "),
            style=lambda row: _FOUND.get(row["finding"], ""),
        ),
        Column("State", "state", style=lambda row: _STATES[row["state"]]),
        Column("Took", "seconds", shown="{:.1f} s".format, justify="right", from_width=100),
        ("Said", "message"),
    ),
    footer=_footer,
    empty="no session to look at; bring one in: ytpool sessions migrate --file FILE --user U --platform P",
)
