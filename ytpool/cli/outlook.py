"""How quota is seen over many days, back and ahead; only the commands that look there import it."""

from datetime import UTC, datetime
from typing import Any

from ytpool.actions.forecast import Ahead, Forecast
from ytpool.actions.history import QuotaCompared, QuotaHistory
from ytpool.cli.output import STATUS_STYLES, VIEWS, Column, View


def _some(count: int) -> str:
    return f"{count:,}" if count else "·"


def _light(row: dict[str, Any]) -> str:
    return STATUS_STYLES[row["status"]]


VIEWS[QuotaHistory] = (
    View(
        rows="rows",
        title=lambda past: f"Quota from {past.since} to {past.until}, by quota day",
        columns=(
            ("Day", "quota_day"),
            ("Project", "project"),
            ("Bucket", "bucket"),
            Column("Used", "percent", bar=12, style=_light),
            Column("Limit", "limit", shown="{:,}".format, justify="right"),
            Column("Spent", "spent", shown=_some, justify="right"),
            Column("Held", "held", shown=_some, justify="right", from_width=110),
            Column("Unknown", "unknown", shown=_some, justify="right", style="magenta"),
            Column("Elsewhere", "elsewhere", shown=_some, justify="right", from_width=90),
        ),
        empty="nothing was used in these days",
    ),
    View(
        rows="peaks",
        columns=(
            ("Project", "project"),
            ("Bucket", "bucket"),
            Column("Days with use", "days", justify="right"),
            Column("Units", "used", shown="{:,}".format, justify="right"),
            Column("A day", "mean", shown="{:,.1f}".format, justify="right"),
            Column("Fullest", "percent", shown="{:g} %".format, justify="right"),
            ("On", "quota_day"),
        ),
        empty="",
    ),
)


def _change(row: dict[str, Any]) -> str:
    return "new" if row["change"] is None else f"{row['change']:+,.0f} %"


VIEWS[QuotaCompared] = View(
    rows="compared",
    title=lambda past: f"Quota from {past.since} to {past.until}, and from {past.before.since} to {past.before.until}",
    columns=(
        ("Project", "project"),
        ("Bucket", "bucket"),
        Column("Units", "used", shown="{:,}".format, justify="right"),
        Column("Before", "used_before", shown="{:,}".format, justify="right"),
        Column("Change", _change, justify="right"),
        Column("A day", "mean", shown="{:,.1f}".format, justify="right", from_width=100),
        Column("Before", "mean_before", shown="{:,.1f}".format, justify="right", from_width=100),
        Column("Fullest", "percent", shown="{:g} %".format, justify="right"),
        Column("Before", "percent_before", shown="{:g} %".format, justify="right"),
    ),
    empty="nothing was used in either of these periods",
    footer="today counts as far as it has gone; a mean is over the days with use",
)

_OUTLOOK_STYLES = {"out": "red", "likely": "dark_orange", "possible": "yellow", "lasts": "green"}


def _end(moment: datetime | None) -> str:
    return "not today" if moment is None else f"{moment.astimezone(UTC):%H:%M}Z"


def _range(row: Ahead) -> str:
    return "" if row.early == row.late else f"{_end(row.early)} to {_end(row.late)}"


def _likely(row: Ahead) -> str:
    return "has run out" if row.status == "out" else _end(row.likely)


def _below(ahead: Forecast) -> str:
    until = f"until the reset at {ahead.resets_at:%Y-%m-%d %H:%M} UTC; now {ahead.now:%H:%M} UTC"
    return "\n".join((until, *ahead.notes))


VIEWS[Forecast] = View(
    rows="rows",
    title=lambda ahead: f"When today's quota runs out ({ahead.quota_day})",
    columns=(
        Column("Of a", "scope", from_width=90),
        ("Name", "name"),
        ("Bucket", "bucket"),
        Column("Used", "percent", bar=6, style=lambda row: _OUTLOOK_STYLES[row.status]),
        Column("Limit", "limit", shown="{:,}".format, justify="right", from_width=90),
        Column("Stops at", "level", shown="{:,}".format, justify="right", from_width=110),
        Column(
            "Waiting", "queued", shown=lambda units: f"{units:,.0f}" if units else "·", justify="right", from_width=90
        ),
        Column("Runs out", _likely, style=lambda row: _OUTLOOK_STYLES[row.status]),
        Column("Range", _range),
        Column("Past days", "days", justify="right", from_width=110),
    ),
    empty="no project yet; the first login brings one: ytpool auth add NAME --client-secrets FILE",
    footer=_below,
)
