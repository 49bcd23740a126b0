"""`ytpool plan`: which account takes what and when, before any of it happens."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from ytpool.cli.commands import command, single
from ytpool.cli.options import AccountOption, PoolOption, invocation, runtime, typed
from ytpool.errors import UsageWrong

app = single()

_REVIEW = Path("review")
_WITHIN = timedelta(minutes=5)
"""Who takes up what is due comes by every few minutes."""


@command(
    app,
    "plan",
    example=(
        "ytpool plan autumn.csv --pool main --days 14\n"
        "ytpool plan --queue --what-if 'limit uploads=500' --what-if 'add account:news'\n"
        "ytpool plan autumn.csv --pool main --rate 5M --csv > plan.csv\n"
        "ytpool plan autumn.csv --pool main --apply\n"
        "ytpool plan review"
    ),
    statuses=(0, 2, 3, 6),
)
def plan(
    ctx: typer.Context,
    manifest: Annotated[
        Path | None,
        typer.Argument(
            help="A manifest, as `upload --manifest` takes it, or a folder of videos; or the word `review`.",
            show_default=False,
        ),
    ] = None,
    account: AccountOption = None,
    pool: PoolOption = None,
    days: Annotated[
        int, typer.Option(metavar="N", help="Plan so many quota days, today included.", min=1, max=366)
    ] = 7,
    rate: Annotated[
        str | None,
        typer.Option(
            metavar="RATE",
            envvar="YTPOOL_RATE",
            help="Take the line to carry so many bytes per second, 5M for instance; else what `plan.rate` says.",
            show_default=False,
        ),
    ] = None,
    what_if: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CHANGE",
            help="Suppose 'limit uploads=500', 'limit PROJECT uploads=500' or 'add account:NAME'; may be repeated.",
            show_default=False,
        ),
    ] = None,
    *,
    queue: Annotated[bool, typer.Option("--queue", help="Plan what waits in the queue.", show_default=False)] = False,
    apply: Annotated[
        bool,
        typer.Option(
            "--apply", help="Queue what has a place, each for its moment and its account.", show_default=False
        ),
    ] = False,
    csv: Annotated[
        bool, typer.Option("--csv", help="Write the items as CSV, moments in UTC.", show_default=False)
    ] = False,
) -> Any:
    """Say which account takes which video when, over the days to come; queue it so, and see later how it went.

    Every item gets the earliest place under all that is counted: buckets as far as ordinary work may use them,
    envelopes, caps of accounts and those that channels have shown, rests, slots, one upload at a time for a channel,
    and the line. Each reset at midnight in California brings new quota. A higher priority in the queue is placed first;
    of the same, what has a moment of publication or a deadline, the soonest first, and is there before it; all else
    keeps its order, and what waits in the queue already comes before a manifest. What is held back has no place. A
    pool's videos go to whoever can begin first, then to whoever has least to do; with the strategy `fill` to the first
    by priority. What has no place is listed with the reason: status 3, or 6 where nothing has one.

    How many uploads go out when is said in the settings: each [[plan.blocks]] has a name, from and to ("06:00",
    "12:00", in the zone of `time.zone`), and so many videos, which are spread evenly over it. Without blocks everything
    goes as soon as it can. Rows of a manifest may say priority, not_before and deadline.

    --what-if plans as if something were different. A limit is a project's for a day, of every project unless one is
    named. 'add account:NAME' supposes one more account like NAME: in its pools, with its settings and its project, so
    without new quota, and with a channel of its own; where nobody is called so, a new account of that name in all
    pools.

    --apply queues a manifest as planned, all of it or none: each video waits for its moment, and then goes to its
    account if that is free, else to another of its pool. `ytpool work` takes what is due at its moment, `ytpool work
    --once` from cron soon after. `ytpool plan review` compares the last plan that was applied with what happened: what
    began within five minutes of its moment, on its account, and was done, went as planned.

    Units include the two with which an upload looks first whether somebody was faster by hand. The plan itself costs
    nothing, changes nothing without --apply, and reserves nothing: it takes every call to go well and the line to be as
    fast as --rate says.
    """
    # Help and completion need nothing of what planning needs.
    from ytpool.actions.plan import applying, making, wishes  # noqa: PLC0415
    from ytpool.cli import planned  # noqa: PLC0415

    if manifest == _REVIEW:
        _require_nothing_else(typed(ctx))
        return applying.review(runtime(ctx), within=_WITHIN)
    if (manifest is None) != queue:
        raise UsageWrong("name either a manifest or --queue", hint="see: ytpool plan --help")
    if queue and (account is not None or pool is not None):
        raise UsageWrong("--queue takes neither --account nor --pool", hint="what waits knows where it is to go")
    if apply and (queue or what_if):
        raise UsageWrong(
            f"--apply does not go with {'--queue' if queue else '--what-if'}",
            hint="what waits keeps its time" if queue else "first make it so, then plan",
        )
    if csv and invocation(ctx).json:
        raise UsageWrong("--csv and --json exclude each other", hint="leave out one")
    rt = runtime(ctx)
    supposed = tuple(what_if or ())
    if manifest is None:
        found = making.of_queue(rt, days=days, rate=rate, what_if=supposed)
    else:
        orders = planned.orders_of(rt, manifest, account=account, pool=pool)
        found = making.of_orders(rt, orders, days=days, rate=rate, what_if=supposed)
        if apply and found.counts[wishes.PLANNED]:
            found = applying.apply(rt, orders, found)
    return planned.as_csv(found, days) if csv else planned.told(found, days)


def _require_nothing_else(typed: Mapping[str, str]) -> None:
    beside = [flag for name, flag in typed.items() if name not in ("manifest", "json", "quiet", "profile")]
    if beside:
        raise UsageWrong(
            f"review takes nothing else; leave out {', '.join(beside)}", hint="a folder of this name: ./review/."
        )
