"""`ytpool why`: why a job went where it went, or why it waits."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from ytpool.actions import why as explaining
from ytpool.actions.why import Explanation
from ytpool.cli.commands import command, single
from ytpool.cli.options import runtime
from ytpool.cli.output import VIEWS, Column, View

app = single()


def _told(told: Explanation) -> str:
    lines = [f"job {told.job}: {told.kind} for {told.target}, {told.state}"]
    if told.account:
        lines.append(f"on account {told.account}, channel {told.channel_id}, video {told.video_id or 'not yet'}")
    if told.not_before:
        lines.append(f"goes on by itself at {told.not_before:%Y-%m-%d %H:%M} UTC")
    if told.error:
        lines.append(f"because: {told.error}{f' (Google: {told.error_reason})' if told.error_reason else ''}")
    lines += [f"  {step.step}: {step.state}{f', {step.detail}' if step.detail else ''}" for step in told.steps]
    return "\n".join(lines)


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


@command(app, "why", example="ytpool why 1jd3v2a97", statuses=(0, 2, 6))
def why(
    ctx: typer.Context, job: Annotated[str, typer.Argument(help="The job's id, or the beginning of it.")]
) -> Explanation:
    """Explain a job: what was decided, with every factor, who was passed over and for what reason."""
    return explaining.job(runtime(ctx), job)
