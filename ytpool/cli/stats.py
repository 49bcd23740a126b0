"""`ytpool stats`: what YouTube counts of videos."""

from typing import Annotated, Any

import typer

from ytpool.cli.commands import command, single
from ytpool.cli.options import AccountOption, PoolOption, UseBufferOption

app = single()


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
) -> Any:  # Counted
    """Show what YouTube counts of videos, fifty of them for one unit.

    Views, likes and comments in YouTube's own numbers, and nothing that is derived from them.

    The unit is one of the bucket batch_stats. A private video is counted for its own channel only. Without
    --account and --pool the first account that works asks.
    """
    from ytpool.cli import counted  # noqa: PLC0415 -- what asks is loaded where it is wanted: help does without

    return counted.count(ctx, videos, account=account, pool=pool, use_buffer=use_buffer)
