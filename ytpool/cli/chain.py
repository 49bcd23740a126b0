"""`ytpool chain`: services that stand in for each other, asked in order until one has done it."""

from functools import partial
from typing import Annotated, Any

import typer

from ytpool.cli.commands import command, group
from ytpool.cli.options import WaitOption, WouldOption, invocation, runtime
from ytpool.cli.writing import NotBeforeOption, QueueOption, QueuePriorityOption, ServiceDeadlineOption, in_line

app = group("Ask services in order until one has done it, within a cost and above a quality; see how each does.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The chain, as [[chains.NAME]] calls it.")]
MaxCostOption = Annotated[
    float | None,
    typer.Option("--max-cost", metavar="N", min=0, help="The most that all tries may cost.", show_default=False),
]
MinQualityOption = Annotated[
    float | None,
    typer.Option("--min-quality", metavar="N", help="Leave out steps of lower quality.", show_default=False),
]

# What works, and `chained`, which knows how it is shown, is loaded by the command that runs: help does without.


@command(
    app,
    "run",
    example=(
        "ytpool chain run voice_synthesis --max-cost 0.3 --set text='Good morning'\n"
        "ytpool chain run voice_synthesis --min-quality 4 -- --language en\n"
        "ytpool chain run voice_synthesis --dry-run --set text=x\n"
        "ytpool chain run voice_synthesis --set text=x --queue --priority 5 --deadline 2030-12-24T18:00"
    ),
    statuses=(0, 1, 2, 5, 6, 7, 130),
)
def run(
    ctx: typer.Context,
    name: NameArgument,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="ARGS", help="Put behind every command; write -- before them.", show_default=False),
    ] = None,
    *,
    max_cost: MaxCostOption = None,
    min_quality: MinQualityOption = None,
    given: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="What {NAME} stands for in a step.", show_default=False),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Although just this was asked for and is not over.", show_default=False)
    ] = False,
    wait: WaitOption = False,
    queue: QueueOption = False,
    priority: QueuePriorityOption = None,
    not_before: NotBeforeOption = None,
    deadline: ServiceDeadlineOption = None,
    dry_run: WouldOption = False,
) -> Any:  # ChainDone or ChainTest
    """Try the steps of a chain in order until one has served, and print what it gave.

    What is too dear, not good enough, not there, without a free slot or resting after failures is skipped, and said so.
    If none serves, the job waits and is begun again by `ytpool work`, later each time; after five times it is for a
    person (`ytpool todo`). With --wait it is begun again here.

    A step that may have done it unheard ends the run as unknown (status 7). None is tried then: it could be done and
    paid twice. A late answer lets the chain go on by itself; else `ytpool queue resolve` of the step's task does, as
    done, as failed (then the next step is tried) or as restart. A command has no task: the word is the job's own.
    """
    from ytpool.actions import chain_steps, chains, waiting  # noqa: PLC0415
    from ytpool.cli import chained  # noqa: F401, PLC0415
    from ytpool.cli.tasked import inputs  # noqa: PLC0415
    from ytpool.cli.written import Notes  # noqa: PLC0415

    waits = in_line(ctx, queue=queue, priority=priority, not_before=not_before, deadline=deadline)
    order = chain_steps.ChainOrder(
        chain=name,
        inputs=inputs(given or [], None),
        arguments=tuple(arguments or ()),
        max_cost=max_cost,
        min_quality=min_quality,
        again=again,
    )
    rt = runtime(ctx, logs=True)
    if dry_run:
        return chain_steps.test(rt, order)
    notes = Notes(invocation(ctx))
    if waits is not None:
        return chains.put_in_line(rt, order, waits, notes)
    go_on = partial(chains.go_on, rt, chains.ask(rt, order, notes), notes, wait=wait)
    return waiting.patiently(rt, notes, name, go_on) if wait else go_on()


@command(app, "list", example="ytpool chain list\nytpool chain list --json", statuses=(0, 2, 6))
def list_(ctx: typer.Context) -> Any:  # ChainList
    """List the chains and their steps: how often each was tried and served, what it cost, how often others stood in."""
    from ytpool.actions import chains  # noqa: PLC0415
    from ytpool.cli import chained  # noqa: F401, PLC0415

    return chains.list_chains(runtime(ctx))


@command(
    app,
    "test",
    example="ytpool chain test voice_synthesis\nytpool chain test voice_synthesis --max-cost 0.1 --json",
    statuses=(0, 2, 6),
)
def would(
    ctx: typer.Context, name: NameArgument, *, max_cost: MaxCostOption = None, min_quality: MinQualityOption = None
) -> Any:  # ChainTest
    """Show which steps would be tried now, in which order, and why the others not; nothing is run, sent or stored."""
    from ytpool.actions import chain_steps  # noqa: PLC0415
    from ytpool.cli import chained  # noqa: F401, PLC0415

    order = chain_steps.ChainOrder(chain=name, inputs={}, max_cost=max_cost, min_quality=min_quality)
    return chain_steps.test(runtime(ctx), order)


@command(app, "show", example="ytpool chain show 1jd3v2a97", statuses=(0, 2, 6))
def show(
    ctx: typer.Context,
    job: Annotated[str, typer.Argument(help="The chain's job, or the beginning of its id.")],
) -> Any:  # ChainDone
    """Show what was tried for one job: which step served, why the others did not, what it cost and what came of it."""
    from ytpool.actions import chains  # noqa: PLC0415
    from ytpool.cli import chained  # noqa: F401, PLC0415

    return chains.show(runtime(ctx), job)
