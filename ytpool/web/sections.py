"""The dashboard's sections: what an overview looks like to people. Colours never say anything alone, words do."""

import os
from collections.abc import Mapping
from typing import Any

from ytpool.actions.lifetimes import Lifetime
from ytpool.actions.overview import Overview
from ytpool.actions.reports import BucketQuota
from ytpool.actions.sessions import Seen
from ytpool.domain import quota
from ytpool.domain.accounts import AccountState
from ytpool.domain.alerts import State
from ytpool.domain.names import readable
from ytpool.domain.sessions import SessionState
from ytpool.store.alerts import Alert
from ytpool.store.entries import Entry
from ytpool.store.overview import Transfer
from ytpool.web import pieces
from ytpool.web.markup import Content, Markup, tag, together

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
    "alerts": 12,
    "buckets": 40,
    "uploads": 25,
    "slots": 25,
    "rests": 25,
    "accounts": 25,
    "logins": 15,
    "sessions": 15,
}
"""Rows at most, so that a thousand accounts are a page, too."""


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
        "alerts": str(len(seen.alerts)),
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
        data_alerts=sum(one.state is not State.ACKNOWLEDGED for one in seen.alerts),
    )


def _ailing(number: int, word: str) -> str:
    return f"{number} {word}" if number else ""


def _alerts(seen: Overview) -> Markup:
    if not seen.alerts:
        return pieces.note("Nothing is amiss.")
    shown = seen.alerts[: _SHOWN["alerts"]]
    rows = [_alert(one) for one in shown]
    return together(
        tag("ul", rows, class_="alerts", role="list"), pieces.more(len(seen.alerts) - len(shown), "ytpool alerts list")
    )


def _alert(one: Alert) -> Markup:
    known = together(", acknowledged by ", pieces.words(one.acknowledged_by))
    if one.note:
        known = together(known, ": ", pieces.words(one.note))
    return tag(
        "li",
        pieces.badge(one.severity),
        " ",
        pieces.words(one.subject),
        ": ",
        pieces.words(one.message),
        tag("span", ", since ", pieces.moment(one.opened_at), class_="note"),
        tag("span", known, class_="note") if one.state is State.ACKNOWLEDGED else None,
        together(" ", tag("code", one.command)) if one.command and one.command not in one.message else None,
    )


def _quota(seen: Overview) -> Markup:
    every = [(project["project"], bucket) for project in seen.quota.projects for bucket in project["buckets"]]
    resets = tag("p", f"Quota day {seen.quota.quota_day}, ends ", pieces.moment(seen.quota.resets_at))
    if not every:
        return together(resets, pieces.note("No project yet: ytpool auth add NAME --client-secrets FILE"))
    shown = pieces.foremost(every, _SHOWN["buckets"], lambda row: -row[1].percent)
    rows = [
        (
            together(pieces.words(project), " ", bucket.bucket),
            together(_bar(bucket), pieces.badge(bucket.status, f"{bucket.percent:g} % · {bucket.status}")),
            pieces.number(bucket.left),
            pieces.number(bucket.spent),
            pieces.number(bucket.held + bucket.sent),
            pieces.number(bucket.unknown),
            pieces.number(bucket.elsewhere),
            pieces.number(bucket.limit),
        )
        for project, bucket in shown
    ]
    heads = ("Project, bucket", "Used", "Left", "Spent", "Held", "Unknown", "Elsewhere", "Limit")
    return together(
        resets, pieces.table("quota", heads, rows), pieces.more(len(every) - len(shown), "ytpool quota report")
    )


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
    more = pieces.note(f"{pieces.counted(others, 'other job')} at work.") if others > 0 else None
    if not seen.transfers:
        return together(pieces.note("No upload is under way."), more)
    shown = seen.transfers[: _SHOWN["uploads"]]
    table = pieces.table(
        "uploads", ("File", "Sent", "Bytes", "Account", "Asked for", "Since"), [_transfer(one) for one in shown]
    )
    return together(table, pieces.more(len(seen.transfers) - len(shown), "ytpool queue list"), more)


def _transfer(one: Transfer) -> tuple[Content, ...]:
    percent = 100 * one.kept / one.size if one.size else 100.0
    bar = tag("rect", x="0", y="0", width=f"{percent:.4g}", height="10", class_="spent")
    return (
        pieces.words(readable(os.path.basename(one.path))),  # noqa: PTH119 -- its last part is wanted, be it a path or not
        together(_gauge(bar, "plain"), tag("span", f"{percent:.0f}{pieces.GLUE}%")),
        f"{pieces.size(one.kept)} of {pieces.size(one.size)}",
        pieces.words(one.account),
        pieces.words(one.target),
        pieces.when(one.started_at),
    )


def _queue(seen: Overview) -> Markup:
    queue = seen.queue
    facts: list[tuple[str, Content]] = [
        ("Slots taken", f"{queue.total_running} of {queue.total_max_slots}"),
        ("Waiting", pieces.number(queue.total_queued)),
        ("Held back", pieces.number(queue.held)),
        ("With workers", pieces.number(queue.workers)),
        ("Next is due", "now" if queue.next_at and queue.next_at <= seen.now else pieces.when(queue.next_at)),
        *((f"Jobs {state.replace('_', ' ')}", pieces.number(jobs)) for state, jobs in sorted(seen.jobs.items())),
    ]
    told = together(
        tag("dl", [tag("div", tag("dt", name), tag("dd", fact)) for name, fact in facts]),
        pieces.note(f"Keys of other services are not counted: {seen.keys_uncounted}.") if seen.keys_uncounted else None,
    )
    busy = [one for one in queue.accounts if one.running]
    if not busy:
        return told
    shown = pieces.foremost(busy, _SHOWN["slots"], lambda one: -one.running)
    rows = [
        (pieces.words(one.name), pieces.number(one.running), pieces.number(one.max_slots), pieces.number(one.available))
        for one in shown
    ]
    table = pieces.table("queue", ("Account", "Running", "Slots", "Free"), rows)
    return together(told, table, pieces.more(len(busy) - len(shown), "ytpool queue status"))


def _rests(seen: Overview) -> Markup:
    if not seen.rests:
        return pieces.note("Nothing rests.")
    shown = seen.rests[: _SHOWN["rests"]]
    rows = [
        (
            together(f"{one.scope} ", pieces.words(one.title)),
            one.bucket or "everything",
            together(pieces.badge(one.phase), " ", pieces.words(one.reason)),
            "a person acts" if one.until is None else pieces.moment(one.until),
            pieces.words(one.lifts),
        )
        for one in shown
    ]
    table = pieces.table("rests", ("What", "Of it", "Why", "Until", "Ended by"), rows)
    return together(table, pieces.more(len(seen.rests) - len(shown), "ytpool rests list"))


def _accounts(seen: Overview) -> Markup:
    every = seen.quota.accounts
    if not every:
        return pieces.note("No account yet: ytpool auth add NAME")
    slots = {one.name: f"{one.running}{pieces.GLUE}of{pieces.GLUE}{one.max_slots}" for one in seen.queue.accounts}
    shown = pieces.foremost(every, _SHOWN["accounts"], _how_idle)
    rows = [
        (
            pieces.words(row["account"]),
            pieces.badge(row["state"]),
            together(pieces.words(row["channel_title"]), f" ({row['tier']})"),
            pieces.words(row["project"]),
            _of(row["uploads_today"], row["uploads_cap"], seen.thresholds),
            _of(row["comments_today"], row["comments_cap"], seen.thresholds),
            pieces.number(row["used"].get("general", 0)),
            slots.get(row["account"]),
            f"{row['score']:.2f}",
            together(row["last_operation"], " ", pieces.when(row["last_operation_at"])),
        )
        for row in shown
    ]
    heads = ("Account", "State", "Channel", "Project", "Uploads", "Comments", "Units", "Slots", "Score", "Last")
    return together(pieces.table("accounts", heads, rows), pieces.more(len(every) - len(shown), "ytpool quota report"))


def _how_idle(row: Mapping[str, Any]) -> tuple[bool, bool, int]:
    """Those that worked today matter most, then those that cannot: alerts and logins tell of these anyway."""
    return not row["used"], row["state"] == AccountState.ACTIVE, -row["uploads_today"]


def _logins(seen: Overview) -> Markup:
    if not seen.logins:
        return pieces.note("Nobody is logged in.")
    shown = sorted(seen.logins, key=_soonest)[: _SHOWN["logins"]]
    rows = [
        (
            pieces.words(one.account),
            pieces.badge(AccountState.LOGIN_NEEDED, "dead")
            if one.needs_login
            else "no end is known"
            if one.ends_at is None
            else pieces.moment(one.ends_at),
            pieces.words(one.why),
            pieces.words(one.concerns[0].command if one.concerns else ""),
        )
        for one in shown
    ]
    table = pieces.table("logins", ("Account", "Ends", "Why", "What to type"), rows)
    return together(table, pieces.more(len(seen.logins) - len(shown), "ytpool auth status"))


def _soonest(login: Lifetime) -> tuple[bool, bool, float]:
    ends_at = login.ends_at
    return not login.needs_login, ends_at is None, 0.0 if ends_at is None else ends_at.timestamp()


def _sessions(seen: Overview) -> Markup:
    if not seen.sessions:
        return pieces.note("No browser session is stored.")
    counts: dict[str, int] = {}
    for one in seen.sessions:
        counts[one.session.state] = counts.get(one.session.state, 0) + 1
    shown = sorted(seen.sessions, key=_most_ailing)[: _SHOWN["sessions"]]
    rows = [
        (
            pieces.words(one.session.spoken),
            together(
                pieces.badge(one.session.state), " ", pieces.words(one.session.reason) if one.session.reason else None
            ),
            pieces.when(one.session.login_ends_at),
            pieces.when(one.session.used_at),
            pieces.words(one.holder),
        )
        for one in shown
    ]
    told = tag("p", ", ".join(f"{number} {state}" for state, number in sorted(counts.items())))
    table = pieces.table("sessions", ("Session", "State", "Login ends", "Last used", "Held by"), rows)
    return together(told, table, pieces.more(len(seen.sessions) - len(shown), "ytpool sessions list"))


def _most_ailing(one: Seen) -> tuple[bool, bool, float]:
    ends_at = one.session.login_ends_at
    return one.session.is_usable, ends_at is None, 0.0 if ends_at is None else ends_at.timestamp()


def _activity(seen: Overview) -> Markup:
    if not seen.activity:
        return pieces.note("Nothing was done yet.")
    rows = [_happening(one) for one in seen.activity]
    table = pieces.table("activity", ("When", "What", "Account", "Outcome", "Units", "Bytes", "Took"), rows)
    return together(table, pieces.note("Older: ytpool activity report"))


def _happening(one: Entry) -> tuple[Content, ...]:
    return (
        pieces.moment(one.happened_at, with_seconds=True),
        one.operation,
        pieces.words(one.account or ""),
        together(pieces.badge(one.outcome), together(" ", pieces.words(one.reason)) if one.reason else None),
        pieces.number(one.units),
        pieces.size(one.bytes) if one.bytes else None,
        f"{one.seconds:.1f} s",
    )


def _of(number: int, cap: int | None, thresholds: tuple[int, int, int]) -> Content:
    """Return what an account has done of something, with a colour where an operator capped it."""
    if cap is None:
        return pieces.number(number)
    light = quota.light(100 * number / cap if cap else 100.0, thresholds)
    return pieces.badge(light, f"{pieces.number(number)} of {pieces.number(cap)} · {light}")
