"""`ytpool pools`: sets of accounts that a job may be routed over."""

from typing import Annotated, Any

import typer

from ytpool.actions import pools
from ytpool.actions.pools import PoolList, PoolRow
from ytpool.cli.commands import command, group
from ytpool.cli.options import WouldOption, runtime
from ytpool.cli.output import VIEWS, View
from ytpool.domain.balancing import Strategy
from ytpool.errors import UsageWrong

app = group("List pools, show one in full, and set how they choose.")


def _spread(row: PoolRow) -> str:
    """Say over how many projects a pool spreads its work, and why it may."""
    return f"{len(row.projects)} projects: {row.reason}" if row.across_projects else ""


def _below(told: PoolList) -> str:
    lines = [f"pool {row.pool} is paused: {row.paused}" for row in told.pools if row.paused]
    lines += [
        f"pool {row.pool} has no account; put one in: ytpool pools set {row.pool} --add ACCOUNT"
        for row in told.pools
        if not row.accounts
    ]
    return "\n".join(lines)


VIEWS[PoolList] = View(
    rows="pools",
    columns=(
        ("Pool", "pool"),
        ("Strategy", "strategy"),
        ("Accounts", lambda row: ", ".join(row.accounts)),
        ("Across projects", _spread),
    ),
    footer=_below,
    empty="no pool yet; make one: ytpool pools set NAME --add ACCOUNT",
)


@command(app, "list", example="ytpool pools list", statuses=(0, 2, 6))
def list_(ctx: typer.Context) -> PoolList:
    """List pools with their strategy and their accounts."""
    return pools.list_pools(runtime(ctx))


@command(app, "show", example="ytpool pools show main", statuses=(0, 2, 6))
def show(ctx: typer.Context, name: Annotated[str, typer.Argument(help="The pool.")]) -> PoolRow:
    """Show one pool, a line per field: how it chooses, over which accounts and projects, and whether it is paused."""
    return pools.show_pool(runtime(ctx), name)


@command(app, "set", example="ytpool pools set main --strategy round_robin --add news --add sports", statuses=(0, 2, 6))
def set_(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The pool; made when accounts are added to one that is not there.")],
    strategy: Annotated[
        Strategy | None,
        typer.Option(metavar="NAME", help="health, round_robin, least_used, random or fill.", show_default=False),
    ] = None,
    add: Annotated[list[str] | None, typer.Option(metavar="ACCOUNT", help="Take this account in.")] = None,
    remove: Annotated[list[str] | None, typer.Option(metavar="ACCOUNT", help="Let this account go.")] = None,
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Why this pool may use several projects.", show_default=False)
    ] = None,
    *,
    across_projects: Annotated[
        bool | None,
        typer.Option(
            "--across-projects/--one-project",
            help="Allow accounts of several projects; Google forbids it as a way to gain quota.",
            show_default=False,
        ),
    ] = None,
    dry_run: WouldOption = False,
) -> PoolRow:
    """Change a pool's strategy or accounts: all of it, or nothing when something is wrong.

    Naming a pool in a job means that any channel of it is right. Accounts of several projects are refused unless
    --across-projects says so with a --reason, because Google's Developer Policies (III.D.1.c) forbid spreading one
    use case over projects to gain quota.
    """
    if not (strategy or add or remove or reason is not None or across_projects is not None):
        raise UsageWrong("nothing to change was named", hint="see `ytpool pools set --help`")
    if both := set(add or ()) & set(remove or ()):
        raise UsageWrong(f"--add and --remove both name {', '.join(sorted(both))}", hint="leave out one")
    return pools.set_pool(
        runtime(ctx),
        name,
        strategy=strategy,
        add=tuple(add or ()),
        remove=tuple(remove or ()),
        across_projects=across_projects,
        reason=reason,
        dry_run=dry_run,
    )


@command(app, "compare", example="ytpool pools compare main --days 30", statuses=(0, 2, 6))
def compare(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The pool.")],
    days: Annotated[
        int, typer.Option("--days", metavar="N", help="Play so many quota days.", min=1, max=366, show_default=True)
    ] = 14,
) -> Any:  # a Comparison
    """Play the pool's last days again under each strategy, and say which one to take.

    The jobs come when they came, cost what they cost and take as long as they took. They are given out by the rules
    that hold now: the accounts that can work, their slots, tiers and caps, the limits, thresholds and weights. What
    else these accounts and projects did takes its room. How often an account had to hand a job over is its luck here,
    the same under every strategy, so the same journal gives the same answer.

    Undone are jobs that fail or could never begin, deferred those that wait for a reset or a cap. Even is Jain's index
    over the accounts that work first: 1 where all do the same. Fullest is the fullest bucket of any day. With fewer
    than 20 jobs it says so, and recommends nothing.
    """
    from ytpool.actions import compare as comparing  # noqa: PLC0415 -- listing pools needs nothing of it
    from ytpool.cli import compared  # noqa: F401, PLC0415 -- how the result is seen

    return comparing.compare(runtime(ctx), name, days=days)
