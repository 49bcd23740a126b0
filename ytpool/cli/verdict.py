"""How the demo's verdict is seen: the quota report, books beside truth, and what it comes to."""

from ytpool.actions.demo import Verdict
from ytpool.cli import quota
from ytpool.cli.output import VIEWS, Column, View


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
