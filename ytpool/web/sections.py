"""The dashboard's sections: what an overview looks like to people. Colours never say anything alone, words do."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from ytpool.actions.lifetimes import Lifetime
from ytpool.actions.overview import Overview
from ytpool.actions.reports import BucketQuota
from ytpool.actions.sessions import Seen
from ytpool.domain import moments
from ytpool.domain.accounts import AccountState
from ytpool.domain.quota import Light
from ytpool.domain.sessions import SessionState
from ytpool.store.overview import Happening, Transfer
from ytpool.web.markup import Content, Markup, tag, together

T = TypeVar("T")

TITLES = {
    "alerts": "Alerts",
    "quota": "Quota",
    "uploads": "Uploads",
    "queue": "Queue and slots",
    "rests": "Rests",
    "accounts": "Accounts",
    "logins": "Logins",
    "sessions": "Sessions",
    "activity": "Activity",
}
"""Every section in its order, and what it is called."""

_SHOWN = {
    "alerts": 30,
    "buckets": 40,
    "uploads": 25,
    "slots": 25,
    "rests": 25,
    "accounts": 50,
    "logins": 25,
    "sessions": 25,
}
"""Rows at most, so that a thousand accounts are a page, too."""

_NONE = "\N{EN DASH}"

_GRAVITY = {"critical": 0, "warning": 1, "info": 2}
_LOUD = {
    "critical": "red",
    "warning": "orange",
    "failed": "red",
    "unknown": "orange",
    "login_needed": "red",
    "banned": "red",
    "expired": "orange",
    "finished_unknown": "orange",
    "resting": "orange",
    "draining": "yellow",
    "disabled": "plain",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """How it stood with everything, as sections of a page."""

    sections: Mapping[str, Markup]
    now: datetime
    at: float
    """On the monotonic clock, when it was begun."""
    took: float
    """Seconds."""


def sections(seen: Overview) -> Mapping[str, Markup]:
    """Return every section's content by its name, and a summary of them that leads there."""
    found = {
        "alerts": _alerts(seen),
        "quota": _quota(seen),
        "uploads": _uploads(seen),
        "queue": _queue(seen),
        "rests": _rests(seen),
        "accounts": _accounts(seen),
        "logins": _logins(seen),
        "sessions": _sessions(seen),
        "activity": _activity(seen),
    }
    return {"summary": _summary(seen), **found}


def _summary(seen: Overview) -> Markup:
    fullest = max((one.percent for project in seen.quota.projects for one in project["buckets"]), default=None)
    facts = {
        "alerts": str(len(seen.quota.alerts)),
        "quota": "" if fullest is None else f"{fullest:g} % at most",
        "uploads": str(len(seen.transfers)),
        "queue": f"{seen.queue.total_queued} waiting",
        "rests": str(len(seen.rests)),
        "accounts": str(len(seen.quota.accounts)),
        "logins": _ailing(sum(login.needs_login for login in seen.logins), "dead"),
        "sessions": _ailing(sum(one.session.state is not SessionState.ACTIVE for one in seen.sessions), "ended"),
        "activity": "",
    }
    return tag(
        "ul",
        [
            tag("li", tag("a", TITLES[name], fact and together(" ", tag("b", fact)), href=f"#{name}"))
            for name, fact in facts.items()
        ],
        data_alerts=len(seen.quota.alerts),
    )


def _ailing(number: int, word: str) -> str:
    return f"{number} {word}" if number else ""


def _alerts(seen: Overview) -> Markup:
    every = sorted(seen.quota.alerts, key=lambda alert: _GRAVITY.get(alert["severity"], len(_GRAVITY)))
    if not every:
        return _nothing("Nothing is amiss.")
    shown = every[: _SHOWN["alerts"]]
    rows = [
        tag("li", _badge(alert["severity"]), " ", _name(alert["subject"]), ": ", alert["message"]) for alert in shown
    ]
    return together(tag("ul", rows, class_="alerts", role="list"), _more(len(every) - len(shown), "ytpool todo"))


def _quota(seen: Overview) -> Markup:
    every = [(project["project"], bucket) for project in seen.quota.projects for bucket in project["buckets"]]
    resets = tag("p", f"Quota day {seen.quota.quota_day}, ends ", _moment(seen.quota.resets_at))
    if not every:
        return together(resets, _nothing("No project yet: ytpool auth add NAME --client-secrets FILE"))
    shown = _foremost(every, _SHOWN["buckets"], lambda row: -row[1].percent)
    rows = [
        (
            together(_name(project), " ", bucket.bucket),
            together(_bar(bucket), _badge(bucket.status, f"{bucket.percent:g} % · {bucket.status}")),
            _number(bucket.left),
            _number(bucket.spent),
            _number(bucket.held + bucket.sent),
            _number(bucket.unknown),
            _number(bucket.elsewhere),
            _number(bucket.limit),
        )
        for project, bucket in shown
    ]
    heads = ("Project, bucket", "Used", "Left", "Spent", "Held", "Unknown", "Elsewhere", "Limit")
    return together(resets, _table("quota", heads, rows), _more(len(every) - len(shown), "ytpool quota report"))


def _bar(bucket: BucketQuota) -> Markup:
    parts, at = [], 0.0
    for kind, units in (
        ("spent", bucket.spent),
        ("elsewhere", bucket.elsewhere),
        ("unknown", bucket.unknown),
        ("held", bucket.held + bucket.sent),
    ):
        width = min(100 * units / bucket.limit if bucket.limit else 0.0, 100 - at)
        if width > 0:
            parts.append(tag("rect", x=f"{at:g}", y="0", width=f"{width:g}", height="10", class_=kind))
        at += width
    return _gauge(parts, str(bucket.status))


def _gauge(parts: Content, kind: str) -> Markup:
    return tag(
        "svg",
        parts,
        class_=f"bar {kind}",
        viewBox="0 0 100 10",
        preserveAspectRatio="none",
        aria_hidden="true",
        focusable="false",
    )


def _uploads(seen: Overview) -> Markup:
    others = seen.at_work - len(seen.transfers)
    more = _note(f"{others} other job{_s(others)} at work.") if others > 0 else None
    if not seen.transfers:
        return together(_nothing("No upload is under way."), more)
    shown = seen.transfers[: _SHOWN["uploads"]]
    table = _table(
        "uploads", ("File", "Sent", "Bytes", "Account", "Asked for", "Since"), [_transfer(one) for one in shown]
    )
    return together(table, _more(len(seen.transfers) - len(shown), "ytpool queue list"), more)


def _transfer(one: Transfer) -> tuple[Content, ...]:
    percent = 100 * one.kept / one.size if one.size else 100.0
    bar = tag("rect", x="0", y="0", width=f"{percent:.4g}", height="10", class_="spent")
    return (
        _name(os.path.basename(one.path)),  # noqa: PTH119 -- its last part is wanted, be it a path or not
        together(_gauge(bar, "plain"), tag("span", f"{percent:.0f} %")),
        f"{_bytes(one.kept)} of {_bytes(one.size)}",
        _name(one.account),
        _name(one.target),
        _when(one.started_at),
    )


def _queue(seen: Overview) -> Markup:
    queue = seen.queue
    facts: list[tuple[str, Content]] = [
        ("Slots taken", f"{queue.total_running} of {queue.total_max_slots}"),
        ("Waiting", _number(queue.total_queued)),
        ("Held back", _number(queue.held)),
        ("With workers", _number(queue.workers)),
        ("Next is due", _when(queue.next_at)),
        *((f"Jobs {state.replace('_', ' ')}", _number(jobs)) for state, jobs in sorted(seen.jobs.items())),
    ]
    told = tag("dl", [tag("div", tag("dt", name), tag("dd", fact)) for name, fact in facts])
    busy = [one for one in queue.accounts if one.running]
    if not busy:
        return told
    shown = _foremost(busy, _SHOWN["slots"], lambda one: -one.running)
    rows = [(_name(one.name), _number(one.running), _number(one.max_slots), _number(one.available)) for one in shown]
    table = _table("queue", ("Account", "Running", "Slots", "Free"), rows)
    return together(told, table, _more(len(busy) - len(shown), "ytpool queue status"))


def _rests(seen: Overview) -> Markup:
    if not seen.rests:
        return _nothing("Nothing rests.")
    shown = seen.rests[: _SHOWN["rests"]]
    rows = [
        (
            together(f"{one.scope} ", _name(one.title)),
            one.bucket or "everything",
            together(_badge(one.phase), " ", one.reason),
            "a person acts" if one.until is None else _moment(one.until),
            one.lifts,
        )
        for one in shown
    ]
    table = _table("rests", ("What", "Of it", "Why", "Until", "Ended by"), rows)
    return together(table, _more(len(seen.rests) - len(shown), "ytpool rests list"))


def _accounts(seen: Overview) -> Markup:
    every = seen.quota.accounts
    if not every:
        return _nothing("No account yet: ytpool auth add NAME")
    slots = {one.name: f"{one.running} of {one.max_slots}" for one in seen.queue.accounts}
    shown = _foremost(
        every, _SHOWN["accounts"], lambda row: (row["state"] == AccountState.ACTIVE, -row["uploads_today"])
    )
    rows = [
        (
            _name(row["account"]),
            _badge(row["state"]),
            together(_name(row["channel_title"]), f" ({row['tier']})"),
            _name(row["project"]),
            _of(row["uploads_today"], row["uploads_cap"]),
            _of(row["comments_today"], row["comments_cap"]),
            _number(row["used"].get("general", 0)),
            slots.get(row["account"]),
            f"{row['score']:.2f}",
            together(row["last_operation"], " ", _when(row["last_operation_at"])),
        )
        for row in shown
    ]
    heads = ("Account", "State", "Channel", "Project", "Uploads", "Comments", "Units", "Slots", "Score", "Last")
    return together(_table("accounts", heads, rows), _more(len(every) - len(shown), "ytpool quota report"))


def _logins(seen: Overview) -> Markup:
    if not seen.logins:
        return _nothing("Nobody is logged in.")
    shown = sorted(seen.logins, key=_soonest)[: _SHOWN["logins"]]
    rows = [
        (
            _name(one.account),
            _badge(AccountState.LOGIN_NEEDED, "dead")
            if one.needs_login
            else "no end is known"
            if one.ends_at is None
            else _moment(one.ends_at),
            one.why,
            one.concerns[0].command if one.concerns else None,
        )
        for one in shown
    ]
    table = _table("logins", ("Account", "Ends", "Why", "What to type"), rows)
    return together(table, _more(len(seen.logins) - len(shown), "ytpool auth status"))


def _soonest(login: Lifetime) -> tuple[bool, bool, float]:
    ends_at = login.ends_at
    return not login.needs_login, ends_at is None, 0.0 if ends_at is None else ends_at.timestamp()


def _sessions(seen: Overview) -> Markup:
    if not seen.sessions:
        return _nothing("No browser session is stored.")
    counts: dict[str, int] = {}
    for one in seen.sessions:
        counts[one.session.state] = counts.get(one.session.state, 0) + 1
    shown = sorted(seen.sessions, key=_most_ailing)[: _SHOWN["sessions"]]
    rows = [
        (
            _name(one.session.spoken),
            together(_badge(one.session.state), " ", one.session.reason),
            _when(one.session.login_ends_at),
            _when(one.session.used_at),
            _name(one.holder),
        )
        for one in shown
    ]
    told = tag("p", ", ".join(f"{number} {state}" for state, number in sorted(counts.items())))
    table = _table("sessions", ("Session", "State", "Login ends", "Last used", "Held by"), rows)
    return together(told, table, _more(len(seen.sessions) - len(shown), "ytpool sessions list"))


def _most_ailing(one: Seen) -> tuple[bool, bool, float]:
    ends_at = one.session.login_ends_at
    return one.session.is_usable, ends_at is None, 0.0 if ends_at is None else ends_at.timestamp()


def _activity(seen: Overview) -> Markup:
    if not seen.activity:
        return _nothing("Nothing was done yet.")
    rows = [_happening(one) for one in seen.activity]
    table = _table("activity", ("When", "What", "Account", "Outcome", "Units", "Bytes", "Took"), rows)
    return together(table, _note("Older: ytpool activity report"))


def _happening(one: Happening) -> tuple[Content, ...]:
    return (
        _moment(one.happened_at, with_seconds=True),
        one.operation,
        _name(one.account),
        together(_badge(one.outcome), f" {one.reason}" if one.reason else None),
        _number(one.units),
        _bytes(one.bytes) if one.bytes else None,
        f"{one.seconds:.1f} s",
    )


def _foremost(rows: Sequence[T], most: int, by: Callable[[T], Any]) -> Sequence[T]:
    """Return those rows that matter most, in the order they had: what moves is hard to read."""
    if len(rows) <= most:
        return rows
    chosen = sorted(sorted(range(len(rows)), key=lambda place: by(rows[place]))[:most])
    return [rows[place] for place in chosen]


def _table(name: str, heads: Sequence[str], rows: Iterable[Sequence[Content]]) -> Markup:
    # The roles are said aloud because a phone shows each row as a block, and it would be no table any more.
    head = tag("tr", [tag("th", one, role="columnheader", scope="col") for one in heads], role="row")
    body = [
        tag(
            "tr",
            tag("th", row[0], role="rowheader", scope="row"),
            [
                tag("td", tag("span", cell or _NONE), role="cell", data_head=of)
                for of, cell in zip(heads[1:], row[1:], strict=True)
            ],
            role="row",
        )
        for row in rows
    ]
    return tag(
        "table",
        tag("thead", head, role="rowgroup"),
        tag("tbody", body, role="rowgroup"),
        role="table",
        aria_labelledby=f"{name}-title",
    )


def _more(number: int, command: str) -> Markup | None:
    return None if number <= 0 else tag("p", f"and {number} more: ", tag("code", command), class_="more")


def _nothing(sentence: str) -> Markup:
    return _note(sentence)


def _note(sentence: str) -> Markup:
    return tag("p", sentence, class_="note")


def _name(name: str) -> Markup:
    """Keep a name that runs from right to left from turning around what stands beside it."""
    return tag("bdi", name or _NONE)


def _badge(word: str, text: str = "") -> Markup:
    colour = word if word in tuple(Light) else _LOUD.get(word, "plain")
    return tag("span", (text or str(word)).replace("_", " "), class_=f"badge {colour}")


def _when(moment: datetime | None) -> Markup:
    return tag("span", _NONE) if moment is None else _moment(moment)


def _moment(moment: datetime, *, with_seconds: bool = False) -> Markup:
    """Return a moment, and a place where the page writes how far it is away."""
    stored = moments.text(moment)
    spoken = f"{stored[:10]} {stored[11:19]} UTC" if with_seconds else moments.spoken(moment)
    return together(tag("time", spoken, datetime=stored), tag("span", class_="away", data_moment=stored))


def _of(number: int, cap: int | None) -> str:
    return _number(number) if cap is None else f"{_number(number)} of {_number(cap)}"


def _number(number: int) -> str:
    return f"{number:,}"


def _bytes(number: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"


def _s(number: int) -> str:
    return "" if number == 1 else "s"
