"""The report: one page that holds all it shows, without scripts and without asking anybody for anything.

Sections that the live page has as well are the same; pictures and sums over a window come on top. Nothing here needs
Starlette: `ytpool report` works without the extra that `ytpool serve` needs.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from string import Template
from typing import Any

from ytpool import data
from ytpool.actions.activity import ActivityReport
from ytpool.actions.quota_books import Disagreement
from ytpool.actions.summary import Summary
from ytpool.domain import moments
from ytpool.web import pieces, sections
from ytpool.web.markup import Content, Markup, tag, together
from ytpool.web.pictures import canvas
from ytpool.web.pictures.days import day_bars
from ytpool.web.pictures.done import heat_map, upload_timeline
from ytpool.web.pictures.slots import slots
from ytpool.web.pictures.use import burn_down, use_by_account

_TITLES = {**sections.TITLES, "todo": "To do", "why-not": "Why not now", "health": "Health", "drift": "Drift"}
_ORDER = (
    *("alerts", "todo", "quota", "uploads", "queue", "rests", "accounts", "why-not"),
    *("activity", "health", "drift", "logins", "sessions"),
)
_ANOTHER_WAY = ("uploads", "activity")
"""Sections of the live page that are shown as pictures and sums here."""

_SHOWN = {"todo": 50, "why-not": 60, "accounts": 50, "operations": 50, "errors": 30, "drift": 40, "health": 60}
"""Rows at most, so that a thousand accounts are a report, too."""

_Section = Callable[[Summary], Content]


def page(seen: Summary) -> str:
    """Write the report."""
    overview = seen.overview
    live = sections.sections(overview)
    ours: Mapping[str, _Section] = {
        "todo": _todo,
        "quota": _quota,
        "uploads": _uploads,
        "queue": _queue,
        "why-not": _why_not,
        "activity": _activity,
        "health": _health,
        "drift": _drift,
    }
    content = [
        tag(
            "section",
            tag("h2", _TITLES[name], id=f"{name}-title"),
            None if name in _ANOTHER_WAY else live.get(name),
            ours[name](seen) if name in ours else None,
            id=name,
            aria_labelledby=f"{name}-title",
            class_=name,
        )
        for name in _ORDER
    ]
    window = f"{moments.spoken(seen.by_account.since)} to {moments.spoken(seen.by_account.until)}"
    return Template(data.text("report/report.html")).substitute(
        made_by=canvas.MADE_BY,
        title=together(f"ytpool {overview.profile}: report of {moments.spoken(overview.now)}"),
        profile=together(overview.profile),
        style="\n".join(map(data.text, ("dashboard/dashboard.css", "report/pictures.css", "report/report.css"))),
        header=together(
            tag("p", "as of ", pieces.moment(overview.now)), tag("p", f"what was done: {window}", class_="note")
        ),
        content=together(
            tag("nav", tag("ul", _links()), id="summary", aria_label="Sections"), tag("main", content, id="main")
        ),
        footer=f"{canvas.MADE_BY}. All moments are UTC; a quota day ends at midnight in California.",
    )


def _links() -> Iterator[Markup]:
    for name in _ORDER:
        yield tag("li", tag("a", _TITLES[name], href=f"#{name}"))


def _todo(seen: Summary) -> Content:
    items = seen.todo.items
    if not items:
        return pieces.note("There is nothing that only a person can settle.")
    shown = items[: _SHOWN["todo"]]
    rows = [
        (
            pieces.words(one.name),
            one.kind.replace("_", " "),
            pieces.words(one.message),
            tag("code", one.command),
            pieces.when(one.not_before),
        )
        for one in shown
    ]
    heads = ("Name", "Kind", "What", "What to type", "Not before")
    return together(pieces.table("todo", heads, rows), pieces.more(len(items) - len(shown), "ytpool todo"))


def _quota(seen: Summary) -> Content:
    downs, past = seen.burn_downs, seen.day_bars
    figures = [canvas.figure(burn_down(one), f"burn-down-{number}") for number, one in enumerate(downs.pictures)]
    figures += [canvas.figure(use_by_account(one), f"use-{number}") for number, one in enumerate(seen.uses)]
    basis = next((one.ahead.basis for one in downs.pictures if one.ahead.basis), "")
    return together(
        tag("div", figures, class_="figures")
        if figures
        else pieces.note("Nothing of any bucket is used today, and nothing is expected to be."),
        pieces.note(f"What is to come rests on what was: {basis}.") if basis else None,
        pieces.more(downs.more, "ytpool quota forecast"),
        canvas.figure(day_bars(past), "days", long=bool(past.rows)),
        pieces.more(past.more, f"ytpool quota history --days {past.days}"),
    )


def _uploads(seen: Summary) -> Content:
    return together(
        canvas.figure(upload_timeline(seen.uploads), "timeline", long=bool(seen.uploads.uploads)),
        pieces.more(seen.uploads.more, "ytpool queue list --all"),
    )


def _queue(seen: Summary) -> Content:
    return together(
        tag("div", canvas.figure(slots(seen.slots), "slots"), class_="figures"),
        pieces.more(seen.slots.more, "ytpool queue status"),
    )


def _why_not(seen: Summary) -> Content:
    told = seen.why_not
    free = f"{told.free:,} of {pieces.counted(told.free + len(told.rows), 'account')} could take an upload now."
    shown = told.rows[: _SHOWN["why-not"]]
    rows = [
        (
            pieces.words(one.account),
            pieces.words(one.project),
            one.tier,
            pieces.words(one.reason),
            pieces.when(one.until),
        )
        for one in shown
    ]
    heads = ("Account", "Project", "Tier", "Why not", "Until")
    return together(
        pieces.note(f"{free} Why one could not, at length: ytpool why ACCOUNT"),
        pieces.table("why-not", heads, rows) if rows else None,
        pieces.more(len(told.rows) - len(shown), "ytpool why ACCOUNT"),
    )


def _activity(seen: Summary) -> Content:
    totals = seen.by_account.totals
    told = (
        f"{pieces.counted(totals['calls'], 'operation')}, {totals['failed']:,} failed, {totals['unknown']:,} unknown; "
    )
    told += f"{pieces.counted(totals['units'], 'unit')}, {pieces.size(totals['bytes'])}."
    heat = canvas.figure(heat_map(seen.heat_map), "heat-map", long=bool(seen.heat_map.rows))
    return together(
        tag("p", told),
        heat,
        pieces.more(seen.heat_map.more, "ytpool activity report --by account"),
        _sums(seen.by_operation, "operation", "operations"),
        _sums(seen.by_account, "account", "accounts"),
        _errors(seen.by_account),
    )


def _sums(told: ActivityReport, by: str, shown: str) -> Content:
    if not told.rows:
        return None
    best = pieces.foremost(told.rows, _SHOWN[shown], lambda row: -row["calls"])
    rows = [
        (
            pieces.words(row[by] or ""),
            pieces.number(row["calls"]),
            pieces.number(row["done"]),
            pieces.number(row["failed"]),
            pieces.number(row["unknown"]),
            _percent(row["success_rate"]),
            pieces.number(row["units"]),
            pieces.size(row["bytes"]),
            _seconds(row["median_seconds"]),
            _seconds(row["p95_seconds"]),
        )
        for row in best
    ]
    heads = (by.capitalize(), "Calls", "Done", "Failed", "Unknown", "Worked", "Units", "Bytes", "Median", "p95")
    return together(
        tag("h3", f"By {by}", id=f"by-{by}-title"),
        pieces.table(f"by-{by}", heads, rows),
        pieces.more(len(told.rows) - len(best), f"ytpool activity report --by {by}"),
    )


def _errors(told: ActivityReport) -> Content:
    if not told.errors:
        return None
    shown = told.errors[: _SHOWN["errors"]]
    rows = [(one["operation"], pieces.words(one["reason"]), pieces.number(one["times"])) for one in shown]
    return together(
        tag("h3", "What went wrong", id="errors-title"),
        pieces.table("errors", ("Operation", "Reason", "Times"), rows),
        pieces.more(len(told.errors) - len(shown), "ytpool activity report"),
    )


def _health(seen: Summary) -> Content:
    checks = seen.health.checks
    worst = sorted(checks, key=lambda check: ("fail", "warn", "pass").index(check.status))
    shown = worst[: _SHOWN["health"]]
    rows = [
        (
            pieces.words(check.check),
            pieces.badge(check.status),
            pieces.words(check.message),
            check.fix and pieces.words(check.fix),
            pieces.when(check.seen_at),
        )
        for check in shown
    ]
    heads = ("Check", "Status", "What was seen", "What to do", "Seen")
    return together(
        pieces.note("Looked at without spending a unit. More: ytpool health --deep"),
        pieces.table("health", heads, rows),
        pieces.more(len(checks) - len(shown), "ytpool health"),
    )


def _drift(seen: Summary) -> Content:
    drift = seen.drift
    days = f"from {drift.since} to {drift.until}"
    shown = drift.rows[: _SHOWN["drift"]]
    rows = [
        (
            together(pieces.words(one.project), " ", one.bucket),
            str(one.quota_day),
            None if one.limit is None else pieces.number(one.limit),
            pieces.number(one.elsewhere),
            pieces.number(one.overrun),
            pieces.number(one.unknown),
            pieces.words(_reasons(one)),
        )
        for one in shown
    ]
    heads = ("Project, bucket", "Day", "Limit", "Elsewhere", "Overrun", "Unknown", "Why")
    if not rows and not drift.channels and not drift.beliefs:
        return pieces.note(f"Google and the books agree, as far as anybody can tell, {days}.")
    return together(
        pieces.note(f"Where Google disagreed with the books, {days}."),
        pieces.table("drift", heads, rows) if rows else None,
        pieces.more(len(drift.rows) - len(shown), "ytpool quota drift"),
        _lessons(
            "channels",
            "What channels showed of their caps",
            ("Channel", "At", "Believed", "Showed", "Why"),
            [
                (
                    pieces.words(one.channel_title or one.channel_id),
                    pieces.moment(one.at),
                    None if one.believed is None else pieces.number(one.believed),
                    pieces.number(one.shown),
                    pieces.words(one.reason),
                )
                for one in drift.channels
            ],
        ),
        _lessons(
            "beliefs",
            "What is believed now",
            ("Of", "Bucket", "Limit", "Since", "Until"),
            [
                (
                    pieces.words(one.of),
                    one.bucket,
                    pieces.number(one.units),
                    pieces.moment(one.since),
                    pieces.moment(one.until),
                )
                for one in drift.beliefs
            ],
        ),
    )


def _lessons(name: str, title: str, heads: Sequence[str], rows: Sequence[Sequence[Content]]) -> Content:
    if not rows:
        return None
    shown = rows[: _SHOWN["drift"]]
    return together(
        tag("h3", title, id=f"{name}-title"),
        pieces.table(name, heads, shown),
        pieces.more(len(rows) - len(shown), "ytpool quota drift"),
    )


def _reasons(one: Disagreement) -> str:
    told = (f"{each.by}: {' '.join(filter(None, (each.operation, each.reason)))}" for each in one.reasons)
    return "; ".join(dict.fromkeys(told))


def _percent(share: Any) -> str | None:
    return None if share is None else f"{share:.0%}"


def _seconds(seconds: Any) -> str | None:
    return None if seconds is None else f"{seconds:.2f}{pieces.GLUE}s"
