"""`ytpool demo`: see it work, with faults, in half a minute."""

import os
from typing import Annotated

import typer

from ytpool.actions import demo as rehearsal
from ytpool.actions.demo import Verdict
from ytpool.actions.publish import PublishedVideo
from ytpool.cli import quota
from ytpool.cli.commands import command, single
from ytpool.cli.items import as_item
from ytpool.cli.options import invocation
from ytpool.cli.output import VIEWS, Column, View
from ytpool.cli.progress import uploads
from ytpool.cli.watching import ShownWatch

app = single()


def _told(verdict: Verdict) -> str:
    arrived = f"{verdict.uploaded} of {verdict.wanted} videos arrived byte for byte"
    counts = f"duplicates {verdict.duplicates}, oversold {verdict.oversold}, wrong hashes {verdict.hash_mismatches}"
    lines = [
        f"{arrived}, over {verdict.accounts_used} accounts, in {verdict.seconds} s (seed {verdict.seed})",
        f"{counts}, unknown outcomes {verdict.unknown}",
        *(f"  on the way: {one}" for one in verdict.took_over),
    ]
    if verdict.complaints:
        return "\n".join([*lines, "WRONG:", *(f"  {one}" for one in verdict.complaints)])
    return "\n".join([*lines, "ytpool's books and the sandbox's truth agree"])


VIEWS[Verdict] = (
    *quota.seen(lambda verdict: verdict.quota),
    View(
        rows="books",
        title="Books and truth",
        columns=(
            ("Project", "project"),
            ("Bucket", "bucket"),
            Column("We booked", "spent", justify="right"),
            Column("Unknown", "unknown", justify="right"),
            Column("Really charged", "truth", justify="right"),
            Column("Agree", "agree", style={True: "green", False: "red"}),
        ),
    ),
    View(text=_told),
)


@command(app, "demo", example="ytpool demo --seed 7", statuses=(0, 1, 130))
def demo(
    ctx: typer.Context,
    seed: Annotated[int, typer.Option(help="Another seed makes other videos.")] = 1,
) -> Verdict:
    """Upload fifty videos over fifteen accounts to a local YouTube, and compare.

    It runs in a temporary home and touches nothing else: a sandbox of its own, one project, twelve production
    accounts and three in reserve. Some chunks meet 503s, one channel reaches its cap, one login dies and one final
    answer is lost. Wrong in anything: status 1.
    """
    call = invocation(ctx)

    def told(video: PublishedVideo) -> None:
        call.emit("video", **as_item(video))

    with uploads(call, total_files=rehearsal.VIDEOS) as shown:
        return rehearsal.run(os.environ, ShownWatch(call, shown), seed=seed, told=told, says=call.note)
