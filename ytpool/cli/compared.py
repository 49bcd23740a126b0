"""How a comparison of strategies is seen; only `pools compare` imports it."""

from typing import Any

from ytpool.actions.compare import Comparison
from ytpool.cli.output import VIEWS, Column, View
from ytpool.domain.replay import span


def _title(compared: Comparison) -> str:
    return (
        f"Pool {compared.pool} from {compared.since:%Y-%m-%d} to {compared.until:%Y-%m-%d}: "
        f"{_some(compared.jobs, 'job')} over {_some(compared.accounts, 'account')}"
    )


def _some(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _peak(row: dict[str, Any]) -> float | None:
    return None if row["peak"] is None else row["peak"]["percent"]


VIEWS[Comparison] = View(
    rows="strategies",
    title=_title,
    columns=(
        ("Strategy", "strategy"),
        ("", lambda row: "now" if row["present"] else ""),
        Column("Undone", lambda row: row["failed"] + row["left"], justify="right"),
        Column("Deferred", "deferred", justify="right"),
        Column("Half begin in", "median_delay_seconds", shown=span, justify="right"),
        Column("19 of 20 in", "p95_delay_seconds", shown=span, justify="right"),
        Column("Most", "most", justify="right", from_width=90),
        Column("Least", "least", justify="right", from_width=90),
        Column("Even", "fairness", shown="{:.2f}".format, justify="right"),
        Column("Fullest", _peak, shown="{:.0f} %".format, justify="right"),
    ),
    empty="there is nothing to play",
    footer=lambda compared: "\n".join((compared.reason, *compared.notes)),
)
