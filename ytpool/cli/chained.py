"""What is shown of chains: what one run came to, what it would try, and what all of them have come to."""

from collections.abc import Iterator
from typing import Any

from ytpool.actions.chain_steps import ChainTest
from ytpool.actions.chains import ChainDone, ChainList
from ytpool.cli.output import VIEWS, Column, View
from ytpool.cli.values import visible
from ytpool.domain import moments


def _told(done: ChainDone) -> str:
    served = f"served by {done.served_by}" if done.served_by else done.state.removeprefix("finished_")
    lines = [f"job {done.job}: {done.chain} {served}, cost {done.cost:g}"]
    lines += [
        f"  {one.step}: {one.outcome}{f' (cost {one.cost:g})' if one.cost else ''}{f': {one.why}' if one.why else ''}"
        for one in done.tries
    ]
    if done.not_before and done.problem is None:
        lines.append(f"it goes on at {moments.spoken(done.not_before)}")
    if done.advice and done.problem is None:
        lines.append(f"type: {done.advice}")
    shown = "\n".join(map(visible, lines))
    if not done.output:
        return shown
    more = "\n(there was more)" if done.output_cut else ""
    output = "\n".join(map(visible, done.output.rstrip("\n").split("\n")))
    return f"{shown}\n\n{output}{more}"


def _rows(found: ChainList) -> Iterator[dict[str, Any]]:
    for chain in found.chains:
        yield {
            "what": chain.chain,
            "tried": chain.runs,
            "served": chain.served,
            "rate": chain.success_rate,
            "spend": chain.spend,
            "fallback": chain.fallback_share,
        }
        for step in chain.steps:
            yield {
                "what": f"  {step.step}",
                "tried": step.tried,
                "served": step.served,
                "rate": step.success_rate,
                "spend": step.spend,
                "fallback": None,
            }


def _per_cent(share: float) -> str:
    return f"{100 * share:.0f} %"


VIEWS[ChainDone] = View(text=_told)
VIEWS[ChainTest] = View(
    title=lambda found: f"{found.chain}: nothing was run or sent",
    rows="steps",
    columns=(
        ("Step", "step"),
        Column("By", "by", from_width=100),
        Column("Cost", "cost", shown="{:g}".format, justify="right"),
        Column("Quality", "quality", shown="{:g}".format, justify="right"),
        Column(
            "Now",
            lambda row: "tried" if row.would else "skipped",
            style=lambda row: "green" if row.would else "yellow",
        ),
        ("Because", "why"),
    ),
)
VIEWS[ChainList] = View(
    rows=_rows,
    columns=(
        ("Chain and steps", lambda row: row["what"]),
        Column("Tried", lambda row: row["tried"], justify="right"),
        Column("Served", lambda row: row["served"], justify="right"),
        Column("Worked", lambda row: row["rate"], shown=_per_cent, justify="right"),
        Column("Spent", lambda row: row["spend"], shown="{:g}".format, justify="right"),
        Column("By others than the first", lambda row: row["fallback"], shown=_per_cent, justify="right"),
    ),
    empty="no chain yet; describe one in [[chains.NAME]] of the settings",
)
