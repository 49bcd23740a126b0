"""`ytpool rehearse`: tomorrow's disasters, before they cost anything."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ytpool.cli.commands import command, single
from ytpool.cli.options import AccountOption, PoolOption, WouldOption, YesOption, invocation, runtime

app = single()


@command(
    app,
    "rehearse",
    example=(
        "ytpool rehearse suspended\n"
        "ytpool rehearse outage lost-answers --seed 7 --json\n"
        "ytpool rehearse half-bucket --manifest autumn.csv --pool main\n"
        "ytpool rehearse --html rehearsal.html\n"
        "ytpool rehearse --weekly\n"
        "ytpool rehearse list\n"
        "ytpool rehearse show outage"
    ),
    statuses=(0, 1, 2, 6, 8, 130),
)
def rehearse(
    ctx: typer.Context,
    scenario: Annotated[
        list[str] | None,
        typer.Argument(
            help="Scenarios by their names, or files of your own that end in .toml; none: all that are shipped. Or the "
            "word `list`; or `show` and a scenario.",
            show_default=False,
        ),
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(
            "--manifest",
            metavar="FILE",
            help="Rehearse this too, as `plan FILE --apply` would queue it, or a folder of videos.",
            show_default=False,
        ),
    ] = None,
    account: AccountOption = None,
    pool: PoolOption = None,
    days: Annotated[
        int, typer.Option(metavar="N", help="Let so many days pass, by the rehearsed clock.", min=1, max=60)
    ] = 2,
    videos: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Rehearse so many videos at the most; 100 unless --at-least is more.",
            min=1,
            max=5000,
            show_default=False,
        ),
    ] = None,
    at_least: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Make up videos for the pools where fewer wait; else only if none does.",
            min=1,
            max=5000,
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(metavar="N", help="The same number draws the same: who is suspended, which call is cut."),
    ] = 1,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write the verdict as a page, too.", show_default=False),
    ] = None,
    *,
    weekly: Annotated[
        bool,
        typer.Option(
            "--weekly", help="Rehearse the next of the shipped scenarios, and remember how it ended; for cron."
        ),
    ] = False,
    dry_run: WouldOption = False,
    yes: YesOption = False,
) -> Any:
    """Play tomorrow's disasters on a copy of the state against a local YouTube, and judge what really happened.

    Accounts, books, rests and what waits are copied into a private folder, with the settings that decide who does what
    when; logins are replaced by ones of the local YouTube, and videos by small files. First nothing goes wrong, then
    each scenario is played on a copy of its own, by the usual workers and on a clock that leaps over all waiting.
    Nothing reaches Google, nothing is written to the state, and nothing is left. Work may go on meanwhile.

    A promise is broken (status 8) where a video is lost, there twice or on a channel that was not asked for, where more
    is sold than there is, or would be let through, where YouTube is asked again although it has said no, where a
    session that stands is paid for again, where the books do not agree with what happened, or where the work comes to
    no end or stands still for more than a day. What is late, waits for the day after or for a person is no broken
    promise, and is told: with who of the reserve helped, and what somebody would have had to type. A scenario that
    nobody meets, because too little waits, proves nothing and says so, and so does one that is broken off after two
    minutes in which it went no further; only with --weekly that is status 8, too.

    Rehearsed are the uploads that have not begun to arrive, as far as there are; what else waits is left out and
    counted. Where nothing waits videos are made up, five for each account; with --weekly so many that the scenario is
    met. What is not copied, and how scenarios of your own are written: ytpool guide rehearse.
    """
    # Help and completion need nothing of what rehearsing needs.
    from ytpool.cli import rehearsed  # noqa: PLC0415

    asked = rehearsed.Asked(
        words=tuple(scenario or ()),
        manifest=manifest,
        account=account,
        pool=pool,
        days=days,
        videos=videos,
        at_least=at_least,
        seed=seed,
        html=html,
        weekly=weekly,
        dry_run=dry_run,
        yes=yes,
    )
    told = rehearsed.told(asked)
    return rehearsed.rehearsed(invocation(ctx), runtime(ctx), asked) if told is None else told
