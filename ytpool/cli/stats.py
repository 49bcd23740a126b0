"""`ytpool stats`: what YouTube counts of videos."""

import sys
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer

from ytpool.actions import stats as counts
from ytpool.actions.stats import VideoStats
from ytpool.cli.commands import command, single
from ytpool.cli.exits import DONE, common, status_of
from ytpool.cli.items import as_item
from ytpool.cli.options import AccountOption, PoolOption, UseBufferOption, runtime, target
from ytpool.cli.output import VIEWS, Column, View
from ytpool.domain import video
from ytpool.errors import UsageWrong

app = single()


class Counted(dict[str, Any]):
    """Several videos, or one whose fields stand beside the list as well."""

    def __init__(self, found: Sequence[VideoStats]) -> None:
        items = [as_item(one) for one in found]
        super().__init__({**(items[0] if len(items) == 1 else {}), "videos": items})
        self.pop("error", None)  # the envelope has a place of its own for it
        self.exit_status = common(DONE if one.problem is None else status_of(one.problem) for one in found)
        self.problem = found[0].problem if len(found) == 1 else None


def _number(count: int) -> str:
    return f"{count:,}"


VIEWS[Counted] = View(
    rows="videos",
    columns=(
        ("Video", "video_id"),
        Column("Views", "views", shown=_number, justify="right"),
        Column("Likes", "likes", shown=_number, justify="right"),
        Column("Comments", "comments", shown=_number, justify="right"),
        Column("Public since", "published_at", from_width=80),
        Column("Lasts", "duration", from_width=100),
        Column("Seen by", "account", from_width=100),
        Column("Said", lambda row: row["error"]["message"] if row["error"] else "", style="yellow"),
    ),
)


@command(
    app,
    "stats",
    example=(
        "ytpool stats a1b2c3d4e5f --account news\n"
        "ytpool stats a1b2c3d4e5f https://youtu.be/f5e4d3c2b1a --pool main --json\n"
        "cut -f1 videos.tsv | ytpool stats - --pool main"
    ),
    statuses=(0, 1, 2, 3, 4, 5, 6, 130),
)
def stats(
    ctx: typer.Context,
    videos: Annotated[
        list[str],
        typer.Argument(metavar="VIDEO", help="The videos: ids or addresses; - reads them from standard input."),
    ],
    account: AccountOption = None,
    pool: PoolOption = None,
    *,
    use_buffer: UseBufferOption = False,
) -> Counted:
    """Show views, likes and comments of videos in YouTube's own numbers, and nothing that is derived from them.

    One unit of the bucket batch_stats for fifty videos. A private video is counted for its own channel only. Without
    --account and --pool the first account that works asks.
    """
    asks = target(account, pool) if account or pool else None
    wanted = list(dict.fromkeys(_id(word) for word in _words(videos)))
    if not wanted:
        raise UsageWrong("no video is named", hint="see: ytpool stats --help")
    return Counted(counts.of(runtime(ctx, logs=True), wanted, asks, use_buffer=use_buffer))


def _words(typed: Sequence[str]) -> Iterator[str]:
    for word in typed:
        if word == "-":
            yield from sys.stdin.read().split()
        else:
            yield word


def _id(typed: str) -> str:
    try:
        return video.video_id(typed)
    except ValueError as error:
        raise UsageWrong(str(error), hint="an id that begins with - is written behind --") from None
