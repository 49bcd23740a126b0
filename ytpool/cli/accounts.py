"""`ytpool accounts`: who is in the pool, how they take part, and how they are."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ytpool.cli.agreeing import agrees
from ytpool.cli.commands import command, group
from ytpool.cli.options import (
    PoolOption,
    PriorityOption,
    TierOption,
    WouldOption,
    YesOption,
    invocation,
    runtime,
    typed,
)
from ytpool.cli.passphrases import PassphraseOption, passphrase
from ytpool.cli.values import visible
from ytpool.domain.accounts import AccountState
from ytpool.errors import UsageWrong

if TYPE_CHECKING:
    from ytpool.domain.arrangement import Change

app = group("Arrange accounts, take them out of service and back; write the whole arrangement to a file, and apply it.")

NamesArgument = Annotated[list[str], typer.Argument(metavar="NAME", help="The account, or several.")]
ReasonOption = Annotated[str, typer.Option(metavar="TEXT", help="Why, for whoever wonders.", show_default=False)]

# What works, and `arranged`, which knows how it is shown, is loaded by the command that runs: help and Tab do without.


@command(
    app,
    "list",
    example="ytpool accounts list --pool main\nytpool accounts list --label region=eu --state active",
    statuses=(0, 2, 6),
)
def list_(
    ctx: typer.Context,
    pool_name: PoolOption = None,
    tier: TierOption = None,
    state: Annotated[
        AccountState | None,
        typer.Option(metavar="STATE", help="active, login_needed, draining or disabled.", show_default=False),
    ] = None,
    labelled: Annotated[
        list[str] | None,
        typer.Option("--label", metavar="KEY=VALUE", help="Only those with this label.", show_default=False),
    ] = None,
) -> Any:  # AccountList
    """List accounts with tier, state, slots, caps, labels and what keeps them from working.

    With --pool, --tier, --state or --label, which may be given several times, only those that all of it is true of.
    """
    from ytpool.actions import accounts  # noqa: PLC0415
    from ytpool.cli import arranged  # noqa: PLC0415

    return accounts.list_accounts(
        runtime(ctx), pool=pool_name, tier=tier, state=state, labels=dict(map(arranged.label, labelled or ()))
    )


@command(app, "show", example="ytpool accounts show news", statuses=(0, 2, 6))
def show(ctx: typer.Context, name: Annotated[str, typer.Argument(help="The account.")]) -> Any:  # AccountRow
    """Show everything that is known of one account, a line per field."""
    from ytpool.actions import accounts  # noqa: PLC0415

    return accounts.show_account(runtime(ctx), name)


@command(
    app,
    "set",
    example=(
        "ytpool accounts set news sports --tier reserve --label region=eu\n"
        "ytpool accounts set news --cap uploads=5 --cap comments=none"
    ),
    statuses=(0, 2, 6),
)
def set_(
    ctx: typer.Context,
    names: NamesArgument,
    tier: TierOption = None,
    priority: PriorityOption = None,
    slots: Annotated[
        int | None,
        typer.Option(metavar="N", help="How many jobs may work on it at a time.", min=1, max=1000, show_default=False),
    ] = None,
    cap: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHAT=N",
            help="At most so many uploads or comments a quota day; 0 is none of it, uploads=none takes the cap away, "
            "and none alone takes all caps away.",
            show_default=False,
        ),
    ] = None,
    labelled: Annotated[
        list[str] | None,
        typer.Option("--label", metavar="KEY=VALUE", help="Put this label on it.", show_default=False),
    ] = None,
    unlabel: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="Take this label off.", show_default=False)
    ] = None,
    *,
    dry_run: WouldOption = False,
) -> Any:  # AccountList
    """Change how accounts take part: all that are named, or none where something is wrong.

    What is not named stays as it is. A cap counts by quota day, from midnight to midnight in California; work that
    passed a new cap today already stays booked, as overrun.
    """
    from ytpool.actions import accounts  # noqa: PLC0415
    from ytpool.cli import arranged  # noqa: PLC0415

    wish = accounts.Wish(
        tier=tier,
        priority=priority,
        slots=slots,
        caps=arranged.capped(cap or ()),
        labels=dict(map(arranged.label, labelled or ())),
        unlabel=tuple(unlabel or ()),
    )
    if wish == accounts.Wish(unlabel=()):
        raise UsageWrong("nothing to change was named", hint="see `ytpool accounts set --help`")
    return accounts.set_accounts(runtime(ctx), names, wish, dry_run=dry_run)


@command(app, "enable", example="ytpool accounts enable news", statuses=(0, 2, 6))
def enable(ctx: typer.Context, names: NamesArgument, *, dry_run: WouldOption = False) -> Any:  # AccountList
    """Let accounts work again that were drained or disabled; one whose login is dead still needs that."""
    from ytpool.actions import accounts  # noqa: PLC0415
    from ytpool.cli import arranged  # noqa: F401, PLC0415

    return accounts.enable(runtime(ctx), names, dry_run=dry_run)


@command(app, "disable", example="ytpool accounts disable news --reason 'sold'", statuses=(0, 2, 6))
def disable(
    ctx: typer.Context, names: NamesArgument, reason: ReasonOption = "", *, dry_run: WouldOption = False
) -> Any:  # AccountList
    """Let nothing more be sent as these accounts, on any machine and from the next call on.

    A call that is on its way ends; its job stops before the next one and waits until the account is enabled again.
    Logins are kept and kept fresh. To let what was begun be finished first: ytpool accounts drain.
    """
    from ytpool.actions import accounts  # noqa: PLC0415
    from ytpool.cli import arranged  # noqa: F401, PLC0415

    return accounts.disable(runtime(ctx), names, reason, dry_run=dry_run)


@command(
    app,
    "export",
    example=(
        "ytpool accounts export --output pool.toml\n"
        "ytpool accounts export > pool.toml\n"
        "ytpool accounts export --with-secrets --output pool.parcel"
    ),
    statuses=(0, 2, 6),
)
def export(
    ctx: typer.Context,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write it there, whole.", show_default=False),
    ] = None,
    passphrase_file: PassphraseOption = None,
    *,
    with_secrets: Annotated[
        bool,
        typer.Option(
            "--with-secrets",
            help="Let the logins go along, sealed with a passphrase, to --output.",
            show_default=False,
        ),
    ] = False,
) -> Any:  # Exported
    """Write the whole arrangement as TOML: projects with limits, accounts, pools; there is no secret in it.

    The same arrangement gives the same bytes, so it can be kept under version control; `ytpool accounts apply FILE`
    brings it back, also on another machine, where each account then needs a login.

    With --with-secrets it is for moving to another machine: refresh tokens and client secrets go along, and accounts
    work there without any browser. The file is for its owner only, and one JSON object: `format` is ytpool-parcel-1,
    the key is scrypt of the passphrase (`n`, `r`, `p`, `salt`), and `sealed` is AES-256-GCM under `nonce`.
    """
    from ytpool.actions import arrangement  # noqa: PLC0415
    from ytpool.cli import arranged  # noqa: F401, PLC0415

    if not with_secrets:
        if passphrase_file is not None and "passphrase_file" in typed(ctx):
            raise UsageWrong("--passphrase-file goes with --with-secrets", hint="add --with-secrets")
        return arrangement.export(runtime(ctx), output)
    if output is None:
        raise UsageWrong("--with-secrets needs a file that only you can read", hint="add --output FILE")
    secret = passphrase(invocation(ctx), passphrase_file, new=True)
    return arrangement.export(runtime(ctx, logs=True), output, passphrase=secret)


@command(
    app,
    "apply",
    example="ytpool accounts apply pool.toml --dry-run\nytpool accounts apply pool.toml --prune --yes",
    statuses=(0, 1, 2, 6, 130),
)
def apply(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="What `accounts export` writes, or a part of it.", readable=False)],
    *,
    prune: Annotated[
        bool,
        typer.Option(
            "--prune",
            help="Remove what the file does not have: accounts, pools, projects without accounts; within what it "
            "names, caps, labels and limits. A section that it leaves out altogether is left alone.",
            show_default=False,
        ),
    ] = False,
    passphrase_file: PassphraseOption = None,
    dry_run: WouldOption = False,
    yes: YesOption = False,
) -> Any:  # Applied
    """Bring projects, accounts and pools to what a file says, and show the difference; what it leaves out stays.

    Everything that is wrong with the file is told at once, and then nothing is changed. An account that is not here is
    made, and needs a login for the channel that the file names. Removing an account ends its login at Google at once,
    which may end other logins of the same person in the same project; one with unfinished jobs is not removed (status
    6). What was done with it stays in the books.

    A file of `export --with-secrets` needs its passphrase. Accounts that need a login here take theirs from it, and
    work without any browser; a login that lives here is left as it is.
    """
    from ytpool.actions import arrangement  # noqa: PLC0415
    from ytpool.cli import arranged  # noqa: PLC0415

    call = invocation(ctx)

    def may_remove(changes: "Sequence[Change]") -> bool:
        rows = [(one, arranged.row_of(one)) for one in changes]
        return agrees(
            call,
            f"removes {', '.join(f'{one.what} {one.name}' for one in changes if one.removes)}",
            "Remove what is to be removed, and end its logins at Google?",
            yes=yes,
            shows=[f"{one.what} {one.name} {row['field']}: {row['before']} -> {row['after']}" for one, row in rows],
        )

    return arrangement.apply(
        runtime(ctx, logs=True),
        file,
        prune=prune,
        dry_run=dry_run,
        agrees=may_remove,
        passphrase=lambda: passphrase(call, passphrase_file, new=False),
    )


@command(
    app, "drain", example="ytpool accounts drain news --wait --reason 'handed over'", statuses=(0, 2, 3, 5, 6, 130)
)
def drain(
    ctx: typer.Context,
    names: NamesArgument,
    reason: ReasonOption = "",
    *,
    wait: Annotated[
        bool,
        typer.Option("--wait/--no-wait", help="Wait until nothing is left that goes by itself.", show_default=False),
    ] = False,
    dry_run: WouldOption = False,
) -> Any:  # DrainingTold
    """Let nothing new begin on these accounts, and report what is not finished there yet.

    What runs is finished. What was begun there and waits is finished there too, by `ytpool upload --resume`; a job for
    a pool of which nothing was sent goes elsewhere, and one for this account waits until the account is enabled again.
    Status 0 says that the account is free; 5 that something runs, or waits for a moment that is known; 6 that something
    waits for you: the list says what to type. To undo it: ytpool accounts enable.
    """
    from ytpool.actions import accounts  # noqa: PLC0415
    from ytpool.cli import arranged  # noqa: PLC0415

    call = invocation(ctx)
    return arranged.DrainingTold(
        accounts.drain(
            runtime(ctx),
            names,
            reason,
            wait=wait,
            says=lambda text: call.note(visible(text)),
            dry_run=dry_run,
        )
    )
