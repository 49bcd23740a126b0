"""`ytpool demo`: see it work, with faults, in half a minute."""

import os
from typing import Annotated, Any

import typer

from ytpool.cli.commands import command, single
from ytpool.cli.options import invocation

app = single()


@command(app, "demo", example="ytpool demo --seed 7", statuses=(0, 1, 130))
def demo(
    ctx: typer.Context,
    seed: Annotated[int, typer.Option(help="Another seed makes other videos.")] = 1,
) -> Any:  # a Verdict
    """Upload fifty videos over fifteen accounts to a local YouTube, and compare.

    It runs in a temporary home and touches nothing else: a sandbox of its own, one project, twelve production
    accounts and three in reserve. Some chunks meet 503s, one channel reaches its cap, one login dies and one final
    answer is lost. Wrong in anything: status 1.
    """
    # Help and completion need nothing of what publishing needs, and that is most of the program.
    from ytpool.actions import demo as rehearsal  # noqa: PLC0415
    from ytpool.actions import publish  # noqa: PLC0415
    from ytpool.cli import verdict  # noqa: F401, PLC0415 -- how the result is seen
    from ytpool.cli.items import as_item  # noqa: PLC0415
    from ytpool.cli.progress import uploads  # noqa: PLC0415
    from ytpool.cli.watching import ShownWatch  # noqa: PLC0415

    call = invocation(ctx)

    def told(video: publish.PublishedVideo) -> None:
        call.emit("video", **as_item(video))

    with uploads(call, total_files=rehearsal.VIDEOS) as shown:
        return rehearsal.run(os.environ, ShownWatch(call, shown), seed=seed, told=told, says=call.note)
