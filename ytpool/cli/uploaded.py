"""What became of uploads, as data and as people see it, and the way there: work through them and tell of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ytpool.actions import batch, following, publish, resuming, rounds, waiting
from ytpool.actions.batch import Go
from ytpool.actions.chores import How
from ytpool.actions.claiming import Order
from ytpool.actions.files import look
from ytpool.actions.following import Ending
from ytpool.actions.publish import Plan, PublishedVideo
from ytpool.actions.resuming import ChoreResumed
from ytpool.actions.steps import WATCH_URL
from ytpool.cli.exits import DONE, INTERRUPTED, PARTLY, common, status_of
from ytpool.cli.invocation import Invocation
from ytpool.cli.items import as_error, as_item
from ytpool.cli.output import VIEWS, Column, View
from ytpool.cli.progress import uploads
from ytpool.cli.values import visible
from ytpool.cli.watching import ShownWatch
from ytpool.cli.written import Notes
from ytpool.domain.jobs import CHORES, Job, JobState, StepState
from ytpool.domain.publication import THUMBNAIL
from ytpool.errors import FileInvalid, Interrupted, OutcomeUnknown, QuotaExhausted, Resting, YtpoolError
from ytpool.runtime import Runtime


class Uploaded(dict[str, Any]):
    """The videos and their counts; for one file, that video's fields as well."""

    def __init__(
        self,
        done: Sequence[PublishedVideo],
        *,
        files: int,
        stopped: Interrupted | None,
        ends: "Followed | None" = None,
    ) -> None:
        endings = {} if ends is None else ends.endings
        items = [{**as_item(one), **_followed(endings.get(one.video_id or ""))} for one in done]
        alone = items[0] if files == len(items) == 1 else {}
        super().__init__({**alone, "videos": items, "counts": _counts(items, files - len(items))})
        self.pop("error", None)  # the envelope has a place of its own for it
        self.exit_status = INTERRUPTED if stopped else common(_status(one, endings) for one in done)
        self.problem = stopped or (_problem(done[0], endings) if files == 1 else None)
        if ends is not None and ends.problem is not None and not stopped:
            self.problem = self.problem or ends.problem
            self.exit_status = self.exit_status or status_of(ends.problem)


class Resumed(Uploaded):
    """Uploads that went on, and changes to videos as well."""

    def __init__(self, uploads: Uploaded, chores: Sequence[ChoreResumed], stopped: Interrupted | None) -> None:
        dict.__init__(self, {**uploads, "chores": [as_item(one) for one in chores]})
        ends = [DONE if one.problem is None else status_of(one.problem) for one in chores]
        ends += [uploads.exit_status] if uploads["videos"] else []
        self.exit_status = INTERRUPTED if stopped else common(ends)
        alone = chores[0].problem if len(chores) == 1 and not uploads["videos"] else None
        self.problem = stopped or alone


class OnlyChores(Resumed):
    """Changes to videos that went on, where no upload did."""


def _status(done: PublishedVideo, endings: Mapping[str, Ending]) -> int:
    if done.problem is None:
        ending = _problem(done, endings)
        return DONE if ending is None else status_of(ending)
    partly = done.state == JobState.PARTLY and not isinstance(done.problem, OutcomeUnknown)
    return PARTLY if partly else status_of(done.problem)


def _problem(done: PublishedVideo, endings: Mapping[str, Ending]) -> YtpoolError | None:
    ending = endings.get(done.video_id or "")
    return done.problem or (None if ending is None else ending.problem)


def _followed(ending: Ending | None) -> dict[str, Any]:
    """Return what following a video adds to what is told of it."""
    if ending is None:
        return {}
    state = ending.processing
    found: dict[str, Any] = {
        "processing": "deleted" if state is None else state.state,
        "reasons": () if state is None else state.reasons,
        "suggestions": () if state is None else state.suggestions,
        "differences": ending.differences,
    }
    return found if ending.problem is None else {**found, "error": as_error(ending.problem)}


class Planned(dict[str, Any]):
    """What would be done, what it costs together, and what of it today has no room for."""

    def __init__(self, plans: Sequence[Plan]) -> None:
        items = [as_item(plan) for plan in plans]
        total: dict[str, int] = {}
        for plan in plans:
            for bucket, units in plan.units.items():
                total[bucket] = total.get(bucket, 0) + units
        later = [plan.file for plan in plans if isinstance(plan.problem, (QuotaExhausted, Resting))]
        alone = items[0] if len(items) == 1 else {}
        super().__init__({"dry_run": True, **alone, "plans": items, "total_units": total, "not_today": later})
        self.pop("error", None)
        self.exit_status = common(0 if plan.problem is None else status_of(plan.problem) for plan in plans)
        self.problem = plans[0].problem if len(plans) == 1 else None


_STATES = {
    "done": "green",
    "partly": "yellow",
    "deferred": "yellow",
    "interrupted": "yellow",
    "failed": "red",
    "refused": "red",
}


def _short(url: str) -> str:
    """Word an address so that it fits beside the rest; both lead to the same page."""
    return url.replace(WATCH_URL, "youtu.be/")


def _summed_up(told: Uploaded) -> str:
    counts = dict(told["counts"])
    total = counts.pop("total")
    if total <= 1:
        return ""
    words = ", ".join(f"{count} {state}" for state, count in counts.items()).replace("_", " ")
    return f"{total} videos: {words}"


def _costs(told: Planned) -> str:
    if len(told["plans"]) == 1:
        return ""
    cost = _cost(told["total_units"])
    later = len(told["not_today"])
    return f"together {cost or 'nothing'}" + (f"; for {later} of them today has no room" if later else "")


def _cost(units: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {bucket}" for bucket, count in units.items())


def _said(row: Any) -> str:
    return str(row["error"]["message"] if row["error"] else row["note"])


def _rows(told: Uploaded) -> list[dict[str, Any]]:
    # What went wrong with one video alone is said in full below the table.
    videos: list[dict[str, Any]] = told["videos"]
    below = told.problem and len(videos) == 1 and _said(videos[0]) == told.problem.message
    return [{**videos[0], "error": None}] if below else videos


_UPLOADS = View(
    rows=_rows,
    columns=(
        ("File", lambda row: Path(row["file"]).name),
        Column("State", "state", shown=lambda state: state.removeprefix("finished_"), style=_STATES),
        Column("Account", "account", from_width=60),
        Column("Privacy", "privacy", from_width=90),
        Column("Video", lambda row: row["url"] or "", shown=_short),
        Column("Job", "job", from_width=100),
        Column("Said", _said, style="yellow"),
    ),
    footer=_summed_up,
)
VIEWS[Uploaded] = _UPLOADS
_CHORES = View(
    rows="chores",
    columns=(
        ("What", lambda row: f"{row['kind'].removeprefix(CHORES)} {row['video_id']}"),
        Column("State", "state", style=_STATES),
        Column("Account", "account", from_width=60),
        Column("Job", "job", from_width=100),
        Column("Said", lambda row: row["error"]["message"] if row["error"] else row["detail"], style="yellow"),
    ),
)
VIEWS[Resumed] = (_UPLOADS, _CHORES)
VIEWS[OnlyChores] = _CHORES
VIEWS[Planned] = View(
    rows="plans",
    title="Nothing was sent; this is what would be done",
    columns=(
        ("File", lambda row: Path(row["file"]).name),
        ("Account", "account"),
        ("Channel", "channel_id"),
        ("Privacy", "privacy"),
        ("Cost", lambda row: _cost(row["units"])),
        Column("Said", _said, style="yellow"),
    ),
    footer=_costs,
)


def work_through(
    call: Invocation,
    rt: Runtime,
    orders: Sequence[Order],
    *,
    go: Go = publish.publish,
    parallel: int = 1,
    is_batch: bool | None = None,
    follow: bool = False,
    wait: bool = False,
) -> Uploaded:
    """Work through orders, so many at once, and tell of each of a batch as it is done; then perhaps follow them all.

    With `wait` it sleeps until what has to wait can go.
    """
    several = len(orders) > 1 if is_batch is None else is_batch
    sizes = {str(order.path): _size(order) for order in orders}
    total_bytes = sum(sizes[str(order.path)] for order in orders)
    with uploads(call, total_files=len(orders), total_bytes=total_bytes) as shown:
        watch = ShownWatch(call, shown)

        def ended(video: PublishedVideo) -> None:
            if not watch.has_begun(video.job):
                shown.pass_over(sizes[video.file])
                if several and not call.json:
                    said = video.problem.message if video.problem else video.note
                    call.note(visible(f"{Path(video.file).name}: {said}"))
            if several:
                call.emit("video", **as_item(video))

        work = rounds.run if wait else batch.run
        done, stopped = work(rt, orders, watch, go=go, parallel=parallel, ended=ended)
    if not follow or stopped is not None:
        return Uploaded(done, files=len(orders), stopped=stopped)
    ends = _follow(rt, done, watch)
    done = [_after_processing(rt, order, one, ends, go, watch) for order, one in zip(orders, done, strict=True)]
    return Uploaded(done, files=len(orders), stopped=ends.stopped, ends=ends)


def with_chores(
    call: Invocation, rt: Runtime, uploads: Uploaded, chores: Sequence[Job], how: How, *, wait: bool = False
) -> Uploaded:
    """Go on with changes to videos behind the uploads, and tell of both."""
    if not chores or uploads.exit_status == INTERRUPTED:
        return uploads
    done: list[ChoreResumed] = []
    stopped, notes = None, Notes(call)
    try:
        for job in chores:
            go_on = partial(resuming.chore, rt, job, how, notes)
            done.append(waiting.patiently(rt, notes, job.job, go_on) if wait else go_on())
            if len(uploads["videos"]) + len(chores) > 1:
                call.emit("chore", **as_item(done[-1]))
    except KeyboardInterrupt:
        stopped = Interrupted("interrupted; what was begun is looked up first", hint="run the same command again")
    return (Resumed if uploads["videos"] else OnlyChores)(uploads, done, stopped)


def _after_processing(
    rt: Runtime, order: Order, done: PublishedVideo, ends: "Followed", go: Go, watch: ShownWatch
) -> PublishedVideo:
    """Do what had to wait until a video was processed, as a Short's thumbnail has to."""
    ending = ends.endings.get(done.video_id or "")
    succeeded = ending is not None and ending.problem is None
    waits = any(step.step == THUMBNAIL and step.state is StepState.WAITING for step in done.steps)
    # This job and no other: what was to be published once more has been.
    return go(rt, replace(order, job=done.job, again=False), watch) if succeeded and waits else done


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """How YouTube ended with the videos, as far as it was followed."""

    endings: Mapping[str, Ending]
    problem: YtpoolError | None = None
    """What kept it from being followed further."""
    stopped: Interrupted | None = None


def _follow(rt: Runtime, done: Sequence[PublishedVideo], watch: ShownWatch) -> Followed:
    """Follow what is up to the end of its processing; the videos are up, whatever becomes of the following."""
    up = following.to_follow(rt, [one.job for one in done if one.job is not None and one.video_id is not None])
    again = f"to go on: ytpool video show --follow -- {' '.join(one.video_id for one in up)}"
    try:
        return Followed(endings={one.video_id: one for one in following.follow(rt, up, watch)})
    except YtpoolError as problem:
        problem.hint = "\n".join(filter(None, (problem.hint, again)))
        return Followed(endings={}, problem=problem)
    except KeyboardInterrupt:
        return Followed(endings={}, stopped=Interrupted("interrupted; the videos are up", hint=again))


def _size(order: Order) -> int:
    """Return how much there is to send; nothing of a file that is refused when its turn comes."""
    try:
        return look(order.path)
    except FileInvalid:
        return 0


def _counts(items: Sequence[dict[str, Any]], not_begun: int) -> dict[str, int]:
    counts = {"total": len(items)}
    for item in items:
        counts[item["state"]] = counts.get(item["state"], 0) + 1
    return {**counts, "not_begun": not_begun} if not_begun else counts
