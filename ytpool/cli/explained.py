"""How explanations are seen; only `why` imports it."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from ytpool.actions.why.account import AccountExplained, InPool
from ytpool.actions.why.job import Explanation
from ytpool.actions.why.project import BucketExplained, ProjectExplained
from ytpool.actions.why.ways import Way
from ytpool.cli.output import STATUS_STYLES, VIEWS, Column, View
from ytpool.domain import moments, publication, quota
from ytpool.store.rests import Rest, Scope


def _until(moment: datetime | None) -> str:
    return "until a person acts" if moment is None else f"until {moments.spoken(moment)}"


def _ways(ways: Sequence[Way]) -> list[str]:
    if not ways:
        return []
    told = (f"  {way.what}{f': {way.command}' if way.command else ''}" for way in ways)
    return ["what would change it:", *told]


def _rests(resting: Sequence[Rest], channel_title: str = "") -> list[str]:
    return [
        f"rests: {one.bucket or 'everything'} of {one.scope} "
        f"{channel_title if one.scope is Scope.CHANNEL and channel_title else one.name}".rstrip()
        + f", {_until(one.until)} ({one.reason})"
        for one in resting
    ]


# A job


def _told(told: Explanation) -> str:
    lines = [f"job {told.job}: {told.kind} for {told.target}, {told.state}"]
    if told.account and told.channel_id is None:  # another service's key has none
        lines.append(f"on account {told.account}")
    elif told.account:
        lines.append(f"on account {told.account}, channel {told.channel_id}, video {told.video_id or 'not yet'}")
    if told.not_before:
        lines.append(f"not before {moments.spoken(told.not_before)}")
    if told.error:
        lines.append(f"because: {told.error}{f' (Google: {told.error_reason})' if told.error_reason else ''}")
    lines += [
        f"  {publication.spoken(step.step)}: {step.state}{f', {step.detail}' if step.detail else ''}"
        for step in told.steps
    ]
    if told.able:
        lines.append(f"could take it now: {_some(told.able)}")
    for reason in dict.fromkeys(one.reason for one in told.in_the_way):
        lines.append(f"could not: {_some([one.account for one in told.in_the_way if one.reason == reason])}: {reason}")
    return "\n".join([*lines, *_ways(told.ways)])


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _rows(told: Explanation) -> Iterator[dict[str, Any]]:
    for number, decision in enumerate(told.decisions, 1):
        now = {"n": number, "when": decision.decided_at}
        for place, one in enumerate(decision.best):
            factors = ", ".join(f"{name} {value:.2f}" for name, value in one["factors"].items())
            verdict = "chosen" if one["account"] == decision.account else f"number {place + 1}"
            yield {**now, "who": one["account"], "verdict": verdict, "score": one["score"], "facts": factors}
        for group in decision.rejected:
            who = ", ".join(group["accounts"]) + (" …" if group["count"] > len(group["accounts"]) else "")
            yield {**now, "who": who, "verdict": "not", "score": None, "facts": group["reason"]}


VIEWS[Explanation] = (
    View(text=_told),
    View(
        rows=_rows,
        columns=(
            Column("Decision", "n", justify="right"),
            Column("When", "when", from_width=100),
            ("Account", "who"),
            Column("Verdict", "verdict", style={"chosen": "green", "not": "yellow"}),
            Column("Score", "score", shown="{:.2f}".format, justify="right"),
            ("Because", "facts"),
        ),
        empty="nothing was decided for it yet",
    ),
)


# An account


def _account(told: AccountExplained) -> str:
    lines = [
        f"account {told.account}: {told.state}, {told.tier}, channel {told.channel_title} of project {told.project}",
        f"an upload now: {_verdict(told)}",
        f"score {told.score:.2f}: "
        + ", ".join(f"{name} {value:.2f} by {told.weights[name]:.2f}" for name, value in told.factors.items()),
    ]
    lines += [
        f"{one['bucket']}: {one['used']:,} of {one['limit']:,} used today, {one['needed']} needed"
        for one in told.buckets
    ]
    own = any(one["scope"] == "account" and one["bucket"] == quota.UPLOADS for one in told.caps)
    overruled = ", overruled by the account's own" if own else ""
    lines += [
        f"cap of the {one['scope']}: {one['used']:,} of {one['cap']:,} {one['bucket']}"
        + (" today" if one["scope"] == "account" else f" in 24 hours{overruled}")
        for one in told.caps
    ]
    return "\n".join([*lines, *_rests(told.rests, told.channel_title), *_ways(told.ways)])


def _verdict(told: AccountExplained) -> str:
    if not told.able:
        end = f", {_until(told.until)}" if told.until is not None else ""
        return f"not today: {told.obstacle}{end}"
    if not told.free:
        return f"it would wait: {len(told.running)} of {told.slots} slots are taken, or its channel is"
    return "it could take one"


def _place(row: InPool) -> str:
    return "first" if row.chosen else f"number {row.place}" if row.place else "not"


VIEWS[AccountExplained] = (
    View(text=_account),
    View(
        rows="pools",
        columns=(
            ("Pool", "pool"),
            ("Strategy", "strategy"),
            Column("Place", _place, style={"first": "green", "not": "yellow"}),
            ("Because", "reason"),
        ),
        empty="it is in no pool: only a job that names it goes to it",
    ),
)


# A project and its buckets


def _project(told: ProjectExplained) -> str:
    lines = [f"project {told.project}, quota day {told.quota_day}, resets {moments.spoken(told.resets_at)}"]
    for one in told.buckets:
        lines.append(f"{one.bucket}: {_open(one)}; limit {one.limit:,}, {one.origin}")
        lines += [
            f"  {row['units']:,} {row['column']}: {row['reason']}"
            for row in one.corrections
            if row["column"] != "unknown"
        ]
    return "\n".join([*lines, *_rests(told.rests), *_ways(told.ways)])


def _open(one: BucketExplained) -> str:
    if one.open:
        return f"takes new work until {one.level:,} are used"
    back = "until a person acts" if one.comes_back is None else f"until {moments.spoken(one.comes_back)}"
    return f"takes no new work {back}"


def _spent(told: ProjectExplained) -> Iterator[dict[str, Any]]:
    for one in told.buckets:
        for row in one.spenders:
            yield {"bucket": one.bucket, **row}


VIEWS[ProjectExplained] = (
    View(text=_project),
    View(
        rows="buckets",
        columns=(
            ("Bucket", "bucket"),
            Column("Used", "percent", bar=8, style=lambda row: STATUS_STYLES[row.status]),
            Column("Limit", "limit", shown="{:,}".format, justify="right"),
            Column("Spent", "spent", shown="{:,}".format, justify="right"),
            Column("Held", "held", shown="{:,}".format, justify="right"),
            Column("Unknown", "unknown", shown="{:,}".format, justify="right"),
            Column("Elsewhere", "elsewhere", shown="{:,}".format, justify="right", from_width=90),
            Column("Left", "left", shown="{:,}".format, justify="right"),
        ),
    ),
    View(
        rows=_spent,
        columns=(
            ("Bucket", "bucket"),
            ("Account", "account"),
            ("Operation", "operation"),
            Column("Calls", "calls", justify="right"),
            Column("Units", "units", shown="{:,}".format, justify="right"),
        ),
        empty="nothing was used today",
    ),
)
