"""`ytpool upload`: files in, videos out, each exactly once."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ytpool.actions import publish, resuming
from ytpool.actions.claiming import Order
from ytpool.actions.publish import Plan, PublishedVideo
from ytpool.actions.watch import Watch
from ytpool.cli.commands import command, single
from ytpool.cli.exits import DONE, INTERRUPTED, PARTLY, common, status_of
from ytpool.cli.invocation import Invocation
from ytpool.cli.items import as_item
from ytpool.cli.options import (
    AccountOption,
    DryRunOption,
    NoWaitOption,
    PoolOption,
    PrivacyOption,
    UseBufferOption,
    YesOption,
    invocation,
    moment,
    runtime,
)
from ytpool.cli.output import VIEWS, Column, View
from ytpool.cli.progress import File, Uploads, uploads
from ytpool.cli.values import visible
from ytpool.domain import names, video
from ytpool.domain.jobs import JobState, Target, TargetKind
from ytpool.domain.publication import Publication
from ytpool.domain.video import Privacy, VideoRequest
from ytpool.errors import Interrupted, UsageWrong
from ytpool.runtime import Runtime

app = single()


class Uploaded(dict[str, Any]):
    """The videos and their counts; for one file, that video's fields as well."""

    def __init__(self, done: Sequence[PublishedVideo], *, files: int, stopped: Interrupted | None) -> None:
        items = [as_item(one) for one in done]
        alone = items[0] if files == len(items) == 1 else {}
        super().__init__({**alone, "videos": items, "counts": _counts(items)})
        self.pop("error", None)  # the envelope has a place of its own for it
        self.exit_status = INTERRUPTED if stopped else common(_status(one) for one in done)
        self.problem = stopped or (done[0].problem if files == 1 else None)


def _status(done: PublishedVideo) -> int:
    if done.problem is None:
        return DONE
    return PARTLY if done.state == JobState.PARTLY else status_of(done.problem)


class Planned(dict[str, Any]):
    """What would be done."""

    def __init__(self, plans: Sequence[Plan]) -> None:
        items = [as_item(plan) for plan in plans]
        super().__init__({"dry_run": True, **(items[0] if len(items) == 1 else {}), "plans": items})
        self.pop("error", None)
        self.exit_status = common(0 if plan.problem is None else status_of(plan.problem) for plan in plans)
        self.problem = plans[0].problem if len(plans) == 1 else None


_STATES = {"done": "green", "partly": "yellow", "deferred": "yellow", "failed": "red", "refused": "red"}

VIEWS[Uploaded] = View(
    rows="videos",
    columns=(
        ("File", lambda row: Path(row["file"]).name),
        Column("State", "state", style=_STATES),
        ("Account", "account"),
        ("Privacy", "privacy"),
        ("Video", lambda row: row["url"] or ""),
        Column("Job", "job", from_width=100),
        Column("Said", lambda row: row["error"]["message"] if row["error"] else row["note"], style="yellow"),
    ),
)
VIEWS[Planned] = View(
    rows="plans",
    title="Nothing was sent; this is what would be done",
    columns=(
        ("File", lambda row: Path(row["file"]).name),
        ("Account", "account"),
        ("Channel", "channel_id"),
        ("Privacy", "privacy"),
        ("Cost", lambda row: ", ".join(f"{units} {bucket}" for bucket, units in row["units"].items())),
        Column("Said", lambda row: row["error"]["message"] if row["error"] else row["note"], style="yellow"),
    ),
)


@command(
    app,
    "upload",
    example=(
        "ytpool upload talk.mp4 --account news --title 'The talk' --privacy unlisted\n"
        "ytpool upload *.mp4 --pool main --tags 'news,morning' --no-notify --json\n"
        "ytpool upload --resume"
    ),
    statuses=(0, 1, 2, 3, 4, 5, 6, 7, 130),
)
def upload(
    ctx: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE]", help="The videos.", readable=False, show_default=False),
    ] = None,
    account: AccountOption = None,
    pool: PoolOption = None,
    title: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Its title; without it the file's name.", show_default=False)
    ] = None,
    description: Annotated[str, typer.Option(metavar="TEXT", help="Its description.", show_default=False)] = "",
    tags: Annotated[
        str, typer.Option(metavar="TAG,TAG", help="Its tags, with commas between.", show_default=False)
    ] = "",
    category: Annotated[
        str | None,
        typer.Option(metavar="N", help="Its category's number; 22, People & Blogs, unless set.", show_default=False),
    ] = None,
    privacy: PrivacyOption = None,
    publish_at: Annotated[
        str | None,
        typer.Option(
            metavar="MOMENT", help="Make it public then, as 2026-12-24T18:00 (in [time] zone).", show_default=False
        ),
    ] = None,
    key: Annotated[
        str, typer.Option(metavar="TEXT", help="With another key the same content is another job.", show_default=False)
    ] = "",
    *,
    made_for_kids: Annotated[bool, typer.Option("--made-for-kids", help="Declare it made for kids.")] = False,
    no_notify: Annotated[bool, typer.Option("--no-notify", help="Do not notify subscribers.")] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Publish it once more although it is published already.")
    ] = False,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with every upload of this state that stopped; names no file."),
    ] = False,
    use_buffer: UseBufferOption = False,
    no_wait: NoWaitOption = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,  # noqa: ARG001 -- writing commands take it; this one asks nothing
) -> Uploaded | Planned:
    """Upload videos, each exactly once, on one account's channel or on any channel of a pool.

    File and metadata are checked before anything is spent. The whole publication is set aside first: one upload, and
    four units for reading back. What breaks off goes on where the server is when the same command is typed again;
    what is published already is said and not repeated. Nothing left today ends with status 5 and the time at which
    the same command will work.
    """
    call = invocation(ctx)
    rt = runtime(ctx, logs=True)
    if resume:
        if files or account or pool:
            raise UsageWrong("--resume goes on with what was asked for before; leave out files, --account and --pool")
        return _resumed(call, rt, wait=not no_wait, use_buffer=use_buffer, dry_run=dry_run)
    if not files:
        raise UsageWrong("name the FILE to upload", hint="or --resume, to go on with every upload that stopped")
    settings = rt.config.upload
    when = None if publish_at is None else moment(rt.config, publish_at, "--publish-at")
    if not names.is_text(key):
        raise UsageWrong(f"--key does not take {key!r}", hint="write it in UTF-8")
    if title is not None and len(files) > 1:
        raise UsageWrong("--title is for one file, and there are several", hint="leave it out: each file's name serves")
    orders = [
        Order(
            path=path,
            publication=Publication(
                video=VideoRequest(
                    title=video.default_title(path.name) if title is None else title,
                    description=description,
                    tags=tuple(tag.strip() for tag in tags.split(",") if tag.strip()),
                    category=category or settings.category,
                    privacy=Privacy(privacy or settings.privacy),
                    publish_at=when,
                    notify=settings.notify and not no_notify,
                    made_for_kids=made_for_kids,
                )
            ),
            target=_target(account, pool),
            key=key,
            again=again,
            wait=not no_wait,
            use_buffer=use_buffer,
        )
        for path in files
    ]
    if dry_run:
        return Planned([publish.plan(rt, order) for order in orders])
    return work_through(call, orders, lambda order, watch: publish.publish(rt, order, watch))


def _resumed(call: Invocation, rt: Runtime, *, wait: bool, use_buffer: bool, dry_run: bool) -> Uploaded | Planned:
    """Go on with every upload that stopped and whose file is here."""
    found = resuming.unfinished(rt, wait=wait, use_buffer=use_buffer)
    for missing in found.elsewhere:
        call.note(f"{missing.message}; {missing.hint}")
    if dry_run:
        return Planned([publish.plan(rt, order) for order in found.orders])
    return work_through(call, found.orders, lambda order, watch: resuming.when_due(rt, order, watch))


def work_through(call: Invocation, orders: Sequence[Order], go: Callable[[Order, Watch], PublishedVideo]) -> Uploaded:
    """Work through orders one after the other, and tell of each as it is done."""
    done: list[PublishedVideo] = []
    stopped: Interrupted | None = None
    with uploads(call, total_files=len(orders)) as shown:
        watch = ShownWatch(call, shown)
        try:
            for order in orders:
                done.append(go(order, watch))
                if len(orders) > 1:
                    call.emit("video", **as_item(done[-1]))
        except KeyboardInterrupt:  # what is done already must be told all the same
            stopped = Interrupted("interrupted; what was begun can be resumed", hint="run the same command again")
    return Uploaded(done, files=len(orders), stopped=stopped)


def _target(account: str | None, pool: str | None) -> Target:
    if (account is None) == (pool is None):
        raise UsageWrong("name either --account or --pool", hint="see: ytpool accounts list, ytpool pools list")
    if account is not None:
        return Target(kind=TargetKind.ACCOUNT, name=account)
    assert pool is not None
    return Target(kind=TargetKind.POOL, name=pool)


def _counts(items: Sequence[dict[str, Any]]) -> dict[str, int]:
    counts = {"total": len(items)}
    for item in items:
        counts[item["state"]] = counts.get(item["state"], 0) + 1
    return counts


class ShownWatch:
    """What an upload tells, shown as progress on stderr."""

    def __init__(self, call: Invocation, shown: Uploads) -> None:
        self._call = call
        self._shown = shown
        self._files: dict[str, File] = {}
        self._lock = threading.Lock()

    def started(self, job: str, name: str, size: int) -> None:
        with self._lock:
            self._files[job] = self._shown.start(name, size)

    def announces(self, job: str, text: str) -> None:  # noqa: ARG002 -- the text names the file
        self._call.note(visible(text))

    def says(self, job: str, text: str) -> None:
        if job in self._files:
            self._files[job].note(text)
        else:  # nothing of it is shown yet, as while another process has it
            self._call.note(text)

    def moved(self, job: str, sent: int) -> None:
        if job in self._files:
            self._files[job].moved_to(sent)

    def ended(self, job: str, text: str) -> None:
        with self._lock:
            file = self._files.pop(job, None)
        if file is not None:
            file.done(text)
