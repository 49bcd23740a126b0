"""How the operator's adjustments, drift and the price book are seen; only the commands that show them import it."""

from datetime import date
from typing import Any

from ytpool.actions.quota_books import Adjusted, Disagreement, Drift, PriceList, Proposals, Reason
from ytpool.cli.output import VIEWS, Column, View
from ytpool.domain import moments


def _some(count: int) -> str:
    return f"{count:,}" if count else "·"


def _told(adjusted: Adjusted) -> str:
    did = "would be" if adjusted.dry_run else "are"
    bucket = f"{adjusted.bucket} of {adjusted.project}"
    if adjusted.booked > 0:
        lines = [f"{adjusted.booked:,} units of {bucket} {did} booked as used elsewhere today"]
    elif adjusted.booked < 0:
        lines = [f"{-adjusted.booked:,} units of {bucket} {did} taken back"]
    else:
        lines = [f"nothing of {bucket} is booked as used elsewhere today, so there is nothing to take back"]
    if 0 < -adjusted.booked < -adjusted.asked:
        lines.append(f"that is all there was of {-adjusted.asked:,}: what ytpool itself has spent is not taken back")
    if adjusted.limit is not None:
        lines.append(f"left: {adjusted.left:,} of {adjusted.limit:,} (before: {adjusted.left_before:,})")
    if adjusted.rests_for:
        until = "until a person lifts it" if adjusted.rests_until is None else moments.spoken(adjusted.rests_until)
        lines.append(f"it still rests ({adjusted.rests_for}) until {until}; to end that: {adjusted.advice}")
    return "\n".join(lines)


VIEWS[Adjusted] = View(text=_told)


def _limit(row: Disagreement) -> str:
    now = "none" if row.limit is None else f"{row.limit:,}"
    if row.believed == row.limit:
        return now
    return f"{'none' if row.believed is None else f'{row.believed:,}'} → {now}"


def _why(row: Disagreement) -> str:
    seen: dict[tuple[str, str, str], int] = {}
    for one in row.reasons:
        key = (one.kind, one.by, _sentence(one))
        seen[key] = seen.get(key, 0) + one.units
    return "; ".join(
        f"{by} says limit {units:,}: {words}" if kind == "limit" else f"{units:+,} {kind}, {by}: {words}"
        for (kind, by, words), units in seen.items()
    )


def _sentence(one: Reason) -> str:
    return f"{one.operation} {one.reason}".strip()


def _proposed(result: Drift | PriceList) -> str:
    if not result.proposed:
        return ""
    limits = "1 limit is" if result.proposed == 1 else f"{result.proposed} limits are"
    return f"{limits} proposed for the price book: ytpool quota prices --proposed"


VIEWS[Drift] = (
    View(
        rows="rows",
        title=lambda drift: f"Where Google disagreed, from {drift.since} to {drift.until}",
        columns=(
            ("Day", "quota_day"),
            ("Project", "project"),
            ("Bucket", "bucket"),
            Column("Limit", _limit, justify="right"),
            Column("Spent", "spent", shown=_some, justify="right", from_width=120),
            Column("Elsewhere", "elsewhere", shown=_some, justify="right", from_width=120),
            Column("Overrun", "overrun", shown=_some, justify="right", style="red", from_width=120),
            Column("Unknown", "unknown", shown=_some, justify="right", style="magenta", from_width=120),
            ("Why", _why),
        ),
        empty="Google and the books agree, as far as anybody can tell",
        footer=_proposed,
    ),
    View(
        rows="channels",
        columns=(
            ("Channel", lambda row: row.channel_title or row.channel_id),
            ("At", "at"),
            Column("Believed", "believed", justify="right"),
            Column("Showed", "shown", justify="right"),
            ("Why", "reason"),
        ),
        empty="",
    ),
    View(
        rows="beliefs",
        columns=(
            ("Believed now of", "of"),
            ("Bucket", "bucket"),
            Column("Limit", "units", shown="{:,}".format, justify="right"),
            ("Since", "since"),
            ("Until", "until"),
        ),
        empty="",
    ),
)


def _since(row: Any) -> date | None:
    since: date | None = row["since"] if isinstance(row, dict) else row.since
    return since


VIEWS[PriceList] = (
    View(
        rows="prices",
        title=lambda listed: f"Prices of {listed.quota_day}",
        columns=(
            ("Operation", "operation"),
            ("Bucket", "bucket"),
            Column("Units", "units", shown="{:,}".format, justify="right"),
            Column("Purpose", "purpose", from_width=100),
            ("Since", _since),
            Column("Source", "source", from_width=120),
        ),
    ),
    View(
        rows="buckets",
        columns=(
            ("Bucket", "bucket"),
            Column("A project's limit a day", "limit", shown="{:,}".format, justify="right"),
            ("Since", _since),
            ("Source", "source"),
        ),
        footer=_proposed,
    ),
)

VIEWS[Proposals] = View(
    rows="proposed",
    columns=(
        ("Operation", "operation"),
        Column("Google's metric", "metric", from_width=100),
        ("Google's limit", "named"),
        Column("Units", "units", justify="right"),
        ("Project", "project"),
        Column("Times", "times", justify="right"),
        Column("First seen", "first_at", from_width=110),
        ("Last seen", "last_at"),
    ),
    empty="Google has named no limit that the price book does not have",
    footer=lambda found: "a proposal changes nothing by itself; a newer ytpool may know it" if found.proposed else "",
)
