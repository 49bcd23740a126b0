"""`ytpool upload`: files in, videos out, each exactly once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ytpool.actions import batch, publish
from ytpool.actions.claiming import Order
from ytpool.actions.files import look
from ytpool.actions.publish import Plan, PublishedVideo
from ytpool.cli import orders
from ytpool.cli.commands import command, single
from ytpool.cli.exits import DONE, INTERRUPTED, PARTLY, common, status_of
from ytpool.cli.items import as_item
from ytpool.cli.options import (
    AccountOption,
    DryRunOption,
    NoWaitOption,
    PoolOption,
    PrivacyOption,
    YesOption,
    invocation,
    runtime,
)
from ytpool.cli.orders import Typed
from ytpool.cli.output import VIEWS, Column, View
from ytpool.cli.progress import uploads
from ytpool.cli.watching import ShownWatch
from ytpool.domain import pacing
from ytpool.domain.jobs import JobState
from ytpool.errors import FileInvalid, Interrupted, QuotaExhausted, Resting

app = single()

_MOST_AT_ONCE = 64


class Uploaded(dict[str, Any]):
    """The videos and their counts; for one file, that video's fields as well."""

    def __init__(self, done: Sequence[PublishedVideo], *, files: int, stopped: Interrupted | None) -> None:
        items = [as_item(one) for one in done]
        alone = items[0] if files == len(items) == 1 else {}
        super().__init__({**alone, "videos": items, "counts": _counts(items, files - len(items))})
        self.pop("error", None)  # the envelope has a place of its own for it
        self.exit_status = INTERRUPTED if stopped else common(_status(one) for one in done)
        self.problem = stopped or (done[0].problem if files == 1 else None)


def _status(done: PublishedVideo) -> int:
    if done.problem is None:
        return DONE
    return PARTLY if done.state == JobState.PARTLY else status_of(done.problem)


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


def _summed_up(told: Uploaded) -> str:
    counts = dict(told["counts"])
    total = counts.pop("total")
    return "" if total == 1 else f"{total} videos: {', '.join(f'{n} {state}' for state, n in counts.items())}"


def _costs(told: Planned) -> str:
    if len(told["plans"]) == 1:
        return ""
    cost = _cost(told["total_units"])
    later = len(told["not_today"])
    return f"together {cost or 'nothing'}" + (f"; for {later} of them today has no room" if later else "")


def _cost(units: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {bucket}" for bucket, count in units.items())


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
    footer=_summed_up,
)
VIEWS[Planned] = View(
    rows="plans",
    title="Nothing was sent; this is what would be done",
    columns=(
        ("File", lambda row: Path(row["file"]).name),
        ("Account", "account"),
        ("Channel", "channel_id"),
        ("Privacy", "privacy"),
        ("Cost", lambda row: _cost(row["units"])),
        Column("Said", lambda row: row["error"]["message"] if row["error"] else row["note"], style="yellow"),
    ),
    footer=_costs,
)


def _text(about: str, metavar: str = "TEXT", *names: str) -> Any:
    return typer.Option(*names, metavar=metavar, help=about, show_default=False)


def _yes_no(names: str, about: str) -> Any:
    return typer.Option(names, help=about, show_default=False)


@command(
    app,
    "upload",
    example=(
        "ytpool upload talk.mp4 --account news --title 'The talk' --thumbnail talk.png --caption de:talk.de.srt\n"
        "ytpool upload *.mp4 --pool main --tags 'news,morning' --playlist '+Mornings' --parallel 4 --json\n"
        "ytpool upload --manifest autumn.csv --pool main --rate 5M --dry-run"
    ),
    statuses=(0, 1, 2, 3, 4, 5, 6, 7, 130),
)
def upload(
    ctx: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE", help="The videos, or folders of videos.", readable=False, show_default=False),
    ] = None,
    manifest: Annotated[Path | None, _text("Upload what this CSV or JSON Lines file lists.", "FILE")] = None,
    account: AccountOption = None,
    pool: PoolOption = None,
    title: Annotated[str | None, _text("Its title; without it the file's name.")] = None,
    description: Annotated[str, _text("Its description.")] = "",
    tags: Annotated[str, _text("Its tags, with commas between.", "TAG,TAG")] = "",
    category: Annotated[str | None, _text("Its category's number; 22, People & Blogs, unless set.", "N")] = None,
    privacy: PrivacyOption = None,
    publish_at: Annotated[
        str | None, _text("Make it public then, as 2026-12-24T18:00 (in [time] zone).", "MOMENT")
    ] = None,
    thumbnail: Annotated[Path | None, _text("Its thumbnail: JPEG or PNG, up to 50 MB.", "FILE")] = None,
    caption: Annotated[
        list[str] | None, _text("A caption track, as de:talk.de.srt or de:talk.de.srt:Name; may be repeated.", "TRACK")
    ] = None,
    playlist: Annotated[
        list[str] | None,
        _text("Put it on this playlist, by id or title; +TITLE makes one that is missing. May be repeated.", "LIST"),
    ] = None,
    language: Annotated[str | None, _text("The language of title and description, as en or pt-BR.", "TAG")] = None,
    recorded_on: Annotated[str | None, _text("The day of its recording, as 2026-12-24.", "DATE")] = None,
    licence: Annotated[str | None, _text("Its licence: youtube or creativeCommon.", "NAME")] = None,
    key: Annotated[str, _text("With another key the same content is another job.")] = "",
    parallel: Annotated[
        int,
        typer.Option(
            metavar="N",
            envvar="YTPOOL_PARALLEL",
            help="Send so many at once; a channel still takes one at a time.",
            min=1,
            max=_MOST_AT_ONCE,
            show_default=False,
        ),
    ] = 1,
    rate: Annotated[
        str | None,
        typer.Option(
            metavar="RATE",
            envvar="YTPOOL_RATE",
            help="Send no faster than this, all together: bytes per second, 5M is five times 1024 times 1024.",
            show_default=False,
        ),
    ] = None,
    *,
    made_for_kids: Annotated[
        bool, _yes_no("--made-for-kids/--not-made-for-kids", "Declare whether it is made for kids; not, unless told.")
    ] = False,
    synthetic: Annotated[
        bool | None, _yes_no("--synthetic/--no-synthetic", "Declare whether it shows realistic synthetic media.")
    ] = None,
    embeddable: Annotated[
        bool | None, _yes_no("--embeddable/--not-embeddable", "Whether other sites may embed it.")
    ] = None,
    public_stats: Annotated[
        bool | None, _yes_no("--public-stats/--no-public-stats", "Whether everybody sees its statistics.")
    ] = None,
    notify: Annotated[
        bool | None,
        _yes_no(
            "--notify/--no-notify", "Notify subscribers; unless told, `upload.notify` for one video, never for more."
        ),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Publish it once more although it is published already.")
    ] = False,
    use_buffer: Annotated[
        bool, typer.Option("--use-buffer", help="Use the last tenth of a bucket, which is kept back otherwise.")
    ] = False,
    no_wait: NoWaitOption = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,  # noqa: ARG001 -- writing commands take it; this one asks nothing
) -> Uploaded | Planned:
    """Upload videos, each exactly once, on one account's channel or on any channel of a pool.

    File and metadata are checked before anything is spent. The whole publication is set aside first: the upload, its
    thumbnail, captions and playlists, and four units for reading back. What breaks off goes on where the server is
    when the same command is typed again; what is published already is said and not repeated. Nothing left today ends
    with status 5 and the time at which the same command will work.

    What is to be said of each video stands in a manifest, or in a TOML file beside it (talk.toml for talk.mp4), under
    the names of these options, and counts before them: file, title, description, tags, category, privacy, publish_at,
    account, pool, key, thumbnail, captions, playlists, language, localizations, recorded_on, licence, made_for_kids,
    synthetic, embeddable, public_stats, notify. All of it is checked first; anything wrong is told with file, line
    and column, and nothing is sent. A playlist named by a title that its channel does not have is refused before the
    video's first byte.
    """
    call = invocation(ctx)
    rt = runtime(ctx, logs=True)
    limit = None if rate is None else pacing.bytes_per_second(rate)
    wanted = orders.wanted(
        rt,
        Typed(
            files=files or (),
            manifest=manifest,
            account=account,
            pool=pool,
            title=title,
            description=description,
            tags=tags,
            category=category,
            privacy=privacy,
            publish_at=publish_at,
            thumbnail=thumbnail,
            captions=caption or (),
            playlists=playlist or (),
            language=language,
            recorded_on=recorded_on,
            licence=licence,
            made_for_kids=made_for_kids,
            synthetic=synthetic,
            embeddable=embeddable,
            public_stats=public_stats,
            notify=notify,
            key=key,
            again=again,
            wait=not no_wait,
            use_buffer=use_buffer,
            pace=None if limit is None or dry_run else rt.youtube.line(limit, rt.clock),
        ),
    )
    if dry_run:
        return Planned(publish.plan(rt, wanted.orders))
    sizes = [_size(order) for order in wanted.orders]
    with uploads(call, total_files=len(sizes), total_bytes=sum(sizes)) as shown:
        watch = ShownWatch(call, shown)

        def ended(video: PublishedVideo) -> None:
            if not watch.has_begun(video.job):
                shown.pass_over(video.bytes)
            if wanted.is_batch:
                call.emit("video", **as_item(video))

        done, stopped = batch.run(rt, wanted.orders, watch, parallel=parallel, ended=ended)
    return Uploaded(done, files=len(sizes), stopped=stopped)


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
