"""How a plan is seen: as a calendar and a list for people, as CSV for a spreadsheet."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ytpool.actions.claiming import Order
from ytpool.actions.plan.applying import AS_PLANNED, WAITING, Review
from ytpool.actions.plan.making import Plan, PlannedBlock
from ytpool.actions.plan.wishes import DONE, LEFT, PLANNED, PlannedItem
from ytpool.cli import orders
from ytpool.cli.output import VIEWS, Column, View
from ytpool.cli.values import plain
from ytpool.domain import moments
from ytpool.domain.jobs import InLine
from ytpool.domain.manifest.listed import SUFFIXES
from ytpool.domain.sizes import spoken_bytes
from ytpool.errors import NoEligibleAccount, Partly, UsageWrong, YtpoolError
from ytpool.runtime import Runtime

_CSV = (
    *("item", "job", "kind", "target", "state", "account", "project", "channel_id", "quota_day", "block"),
    *("starts_at", "ends_at", "publish_at", "bytes", "units", "reasons"),
)
_REASONS_SHOWN = 3
_NAMES_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTold(Plan):
    """A plan, and whether all of it can be done."""

    problem: YtpoolError | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTable:
    """A plan as a spreadsheet takes it, and whether all of it can be done."""

    text: str
    problem: YtpoolError | None


def orders_of(rt: Runtime, manifest: Path, *, account: str | None, pool: str | None) -> tuple[Order, ...]:
    """Read a manifest, or a folder of videos, as `upload` does."""
    listed = manifest.suffix.lower() in SUFFIXES
    if not listed and not manifest.is_dir():
        raise UsageWrong(
            f"{manifest} is no manifest", hint=f"it is a folder, or its name ends in {', '.join(SUFFIXES)}"
        )
    typed = orders.Typed(
        files=() if listed else (manifest,),
        manifest=manifest if listed else None,
        account=account,
        pool=pool,
        in_line=InLine(),
    )
    return orders.wanted(rt, typed).orders


def told(plan: Plan, days: int) -> PlanTold:
    """Add to a plan what its command ends with."""
    return PlanTold(**{one.name: getattr(plan, one.name) for one in fields(plan)}, problem=_problem(plan, days))


def _problem(plan: Plan, days: int) -> YtpoolError | None:
    left, total = plan.counts[LEFT], plan.counts["total"]
    if not left:
        return None
    kind = NoEligibleAccount if left == total else Partly
    return kind(
        f"{left} of {total} have no place until {moments.spoken(plan.until)}",
        hint=f"to look further ahead: --days {2 * days}; to see what would help: --what-if 'limit uploads=N'",
        left=left,
        total=total,
    )


def as_csv(plan: Plan, days: int) -> PlanTable:
    """Write the items of a plan as CSV, one line each below a line of names."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_CSV)
    for one in plan.items:
        content = plain(one)
        content["units"] = " ".join(f"{bucket}={units}" for bucket, units in one.units.items())
        content["reasons"] = "; ".join(one.reasons)
        writer.writerow("" if content[name] is None else content[name] for name in _CSV)
    return PlanTable(text=text.getvalue(), problem=_problem(plan, days))


def _local(plan: Plan, moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(moments.named_zone(plan.zone))


def _of_items(state: str, plan: Plan) -> Iterator[Mapping[str, Any]]:
    zone = moments.named_zone(plan.zone)
    for one in plan.items:
        if one.state == state:
            row: dict[str, Any] = {name.name: getattr(one, name.name) for name in fields(PlannedItem)}
            times = ("starts_at", "ends_at", "publish_at")
            yield {**row, **{name: row[name] and row[name].astimezone(zone) for name in times}}


def _days(plan: Plan) -> Iterator[Mapping[str, Any]]:
    """Yield the blocks, each with its hours as the operator's clocks show them."""
    for one in plan.calendar:
        hours = "" if one.begins is None else f"{_hour(plan, one.begins)}-{_hour(plan, one.ends)}"
        yield {**{name.name: getattr(one, name.name) for name in fields(PlannedBlock)}, "hours": hours}


def _hour(plan: Plan, moment: datetime | None) -> str:
    local = _local(plan, moment)
    return "" if local is None else f"{local:%H:%M}"


def _day(day: date) -> str:
    return f"{_WEEKDAYS[day.weekday()]} {day:%m-%d}"


_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def _time(moment: datetime) -> str:
    return f"{_day(moment.date())} {moment:%H:%M}"


def _shares(accounts: Mapping[str, int]) -> str:
    names = [f"{name} {count}" for name, count in accounts.items()]
    more = [f"and {len(names) - _NAMES_SHOWN} more"] if len(names) > _NAMES_SHOWN else []
    return ", ".join(names[:_NAMES_SHOWN] + more)


def _each_day(days: Mapping[date, Mapping[str, int]]) -> str:
    return ", ".join(f"{_day(day)}: {' + '.join(map(str, blocks.values()))}" for day, blocks in days.items())


def _reasons(reasons: tuple[str, ...]) -> str:
    more = [f"and {len(reasons) - _REASONS_SHOWN} more"] if len(reasons) > _REASONS_SHOWN else []
    return "; ".join([*reasons[:_REASONS_SHOWN], *more])


def _name(item: str) -> str:
    return Path(item).name or item


def _below(plan: Plan) -> str:
    counts = plan.counts
    facts = [
        f"{counts[PLANNED]} planned, {counts[LEFT]} without a place, {counts[DONE]} done already",
        f"times are those of {plan.zone}; the line is taken to carry {spoken_bytes(plan.rate)} a second (--rate)",
    ]
    if counts["waiting"]:
        facts.insert(1, f"{counts['waiting']} that wait in the queue come before these: ytpool plan --queue")
    if plan.applied is not None:
        facts.append("queued; what is due is taken by: ytpool work")
    return "\n".join([*facts, *(f"as if {meant}" for meant in plan.what_if)])


VIEWS[PlanTold] = (
    View(
        rows=_days,
        title=lambda plan: f"Plan from {_time(plan.now.astimezone(moments.named_zone(plan.zone)))}",
        columns=(
            Column("Day", "day", shown=_day),
            ("Block", "block"),
            ("Hours", "hours"),
            Column("Full", "percent", bar=8, style="cyan"),
            Column("Items", "planned", justify="right"),
            Column("Of", "videos", justify="right"),
            Column("Bytes", "bytes", shown=spoken_bytes, justify="right", from_width=90),
            Column("Accounts", lambda row: len(row["accounts"]), justify="right"),
            Column("Who", "accounts", shown=_shares, from_width=130),
        ),
        empty="",
    ),
    View(
        rows="accounts",
        title=lambda plan: f"Of each day: {' + '.join(plan.blocks)}" if plan.blocks and plan.accounts else "",
        columns=(
            ("Account", "account"),
            Column("Project", "project", from_width=110),
            Column("Items", "planned", justify="right"),
            Column("Bytes", "bytes", shown=spoken_bytes, justify="right", from_width=90),
            Column("Days", "days", shown=_each_day),
        ),
        empty="",
    ),
    View(
        rows=lambda plan: _of_items(PLANNED, plan),
        columns=(
            Column("Item", "item", shown=_name),
            ("Account", "account"),
            Column("Starts", "starts_at", shown=_time),
            Column("Ends", "ends_at", shown="{:%H:%M}".format),
            Column("Block", "block", from_width=90),
            Column("Publish at", "publish_at", shown=_time, from_width=100),
            Column("Quota day", "quota_day", shown=_day, from_width=110),
            Column("Project", "project", from_width=110),
            Column("Bytes", "bytes", shown=spoken_bytes, justify="right", from_width=120),
            Column(
                "Units", "units", shown=lambda units: ", ".join(f"{b} {n}" for b, n in units.items()), from_width=120
            ),
            Column("Job", "job", from_width=140),
        ),
        empty="",
    ),
    View(
        rows=lambda plan: _of_items(LEFT, plan),
        title=lambda plan: "Without a place" if plan.counts[LEFT] else "",
        columns=(
            Column("Item", "item", shown=_name),
            Column("For", "target", from_width=100),
            Column("Why", "reasons", shown=_reasons),
        ),
        empty="",
        footer=_below,
    ),
)


def _of_review(review: Review) -> Iterator[Mapping[str, Any]]:
    zone = moments.named_zone(review.zone)
    for one in review.items:
        began = one.started_at and one.started_at.astimezone(zone)
        yield {
            "item": one.item,
            "verdict": one.verdict,
            "account": one.account,
            "planned_account": one.planned_account,
            "planned_start": one.planned_start.astimezone(zone),
            "started_at": began,
            "late_by": one.late_by,
            "state": one.state,
            "job": one.job,
            "error": one.error,
        }


def _late(seconds: int) -> str:
    sign = "-" if seconds < 0 else ""
    minutes, rest = divmod(abs(seconds), 60)
    return f"{sign}{minutes // 60}:{minutes % 60:02}:{rest:02}"


def _summed(review: Review) -> str:
    counts = review.counts
    deviations = {name: count for name, count in counts.items() if count and name not in _NO_DEVIATION}
    words = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in deviations.items())
    return (
        f"{counts['total']} planned: {counts[AS_PLANNED]} went as planned, {counts[WAITING]} to come, "
        f"{counts['deviations']} deviated{f' ({words})' if words else ''}\n"
        f"as planned: on its account, and begun within {review.within // 60} minutes of its moment; times are those of "
        f"{review.zone}"
    )


_NO_DEVIATION = ("total", AS_PLANNED, WAITING, "deviations")
_VERDICTS = {AS_PLANNED: "green", WAITING: "dim", "late": "yellow", "early": "yellow", "elsewhere": "yellow"}

VIEWS[Review] = View(
    rows=_of_review,
    columns=(
        Column("Item", "item", shown=_name),
        Column("Verdict", "verdict", style=_VERDICTS, shown=lambda verdict: verdict.replace("_", " ")),
        Column("Planned for", "planned_start", shown=_time),
        Column("Began", "started_at", shown=_time),
        Column("Late by", "late_by", shown=_late, justify="right", from_width=90),
        Column("Planned account", "planned_account", from_width=110),
        Column("Account", "account", from_width=70),
        Column("State", "state", from_width=110),
        Column("Job", "job", from_width=140),
        Column("Why", "error", from_width=110),
    ),
    footer=_summed,
)
VIEWS[PlanTable] = View(text=lambda table: table.text)
