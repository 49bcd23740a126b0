"""`ytpool state`: is it whole, are its books right; backups, going back, moving; its database's password."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ytpool.actions import state
from ytpool.actions.state import StateChecked
from ytpool.cli.commands import command, group
from ytpool.cli.options import PasswordFileOption, WouldOption, YesOption, runtime
from ytpool.cli.output import VIEWS, View

app = group("Check the state and its books; back it up, restore it, move it; keep its database's password.")


def _told(checked: StateChecked) -> str:
    journal = checked.journal
    sealed = f"{journal.rows:,} rows in {journal.segments:,} segment{'s' * (journal.segments != 1)}"
    states = ", ".join(f"{count} {state}" for state, count in sorted(checked.open_jobs.items()))
    lines = [
        f"{checked.state} is {'damaged' if checked.integrity else 'whole'}, {checked.size / 1_000_000:.1f} MB",
        f"the books {'disagree with' if checked.books else 'agree with'} their journal",
        f"the activity journal is {'not as it was sealed' if journal.wrong else 'as it was sealed'}: {sealed}",
        *([f"its last digest is {journal.digest}"] if journal.digest else []),
        f"jobs that are not finished: {states or 'none'}",
    ]
    if checked.left_for is not None:
        lines.append(f"it was left for {checked.left_for}, and goes on there; {checked.advice}")
    if checked.expired_holds:
        lines.append(f"holds that nobody settled in time, settled now: {checked.expired_holds}")
    if checked.clock_accepted:
        lines.append("the clock is taken as right from now on")
    return "\n".join([*lines, *checked.integrity, *checked.books, *journal.wrong])


VIEWS[StateChecked] = View(text=_told)


@command(app, "check", example="ytpool state check", statuses=(0, 2, 6, 8))
def check(
    ctx: typer.Context,
    *,
    accept_clock: Annotated[
        bool,
        typer.Option("--accept-clock", help="The clock is right, although Google once said a later time."),
    ] = False,
) -> StateChecked:
    """Check the file's integrity, that every meter equals the sum of its journal, and the activity journal's seals.

    What was done is sealed by housekeeping, each segment with the digest of the one before it; who keeps the last
    digest elsewhere can prove later that nothing up to there was changed. It is read from end to end: some fifteen
    seconds for a million rows.

    Holds whose worker died are settled on the way: what was not sent is released, what was sent is unknown.
    """
    return state.check(runtime(ctx), accept_clock=accept_clock)


@command(
    app,
    "backup",
    example="ytpool state backup\nytpool state backup /mnt/backups --keep 14\nytpool state backup before-the-move.db",
    statuses=(0, 1, 2, 6, 8),
)
def backup(
    ctx: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(
            help="Where to: a file, or a folder in which it is named by its moment; without it, `backups` beside the "
            "state.",
            readable=False,
            show_default=False,
        ),
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option(
            "--keep",
            metavar="N",
            min=1,
            help="Delete all but the N newest backups of this state in the folder, if this one is well.",
            show_default=False,
        ),
    ] = None,
    *,
    dry_run: WouldOption = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Write over a file that is no backup of this state.", show_default=False)
    ] = False,
) -> Any:  # a BackedUp
    """Write the state as it is now to one file, while workers go on, and check what was written.

    It is complete or not there at all: it grows under another name, readable by its owner only, and takes its own once
    its integrity, its books and the seals of the activity journal are checked. What is wrong with the books is wrong
    in the backup too; it is kept then, older ones are not deleted, and the status is 8.

    Secrets stay encrypted in it, and the key is not in it: keep a copy of the key elsewhere.
    """
    from ytpool.cli import kept_safe  # noqa: PLC0415 -- a check does without

    return kept_safe.backup(ctx, file, keep=keep, dry_run=dry_run, yes=yes)


@command(
    app,
    "restore",
    example="ytpool state restore FILE --dry-run\nytpool state restore FILE --yes",
    statuses=(0, 1, 2, 6, 130),
)
def restore(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A backup, or a state that was put aside by a restore.", readable=False)],
    *,
    accept: Annotated[
        bool,
        typer.Option(
            "--accept",
            help="You know that nothing was done since the backup: nothing is held back.",
            show_default=False,
        ),
    ] = False,
    dry_run: WouldOption = False,
    yes: YesOption = False,
) -> Any:  # a Restored
    """Put a backup in the place of the state, which is kept beside it and can be restored the same way.

    Refused while any process has the state open, and on PostgreSQL while anybody works on it, or a worker or server
    stays (status 6, saying which). The backup is checked first: that it is one, of this profile and the same API root,
    whole, and not newer than this version; an older one is brought up to date. What was in PostgreSQL goes to a file.
    Killed at any moment, either the old or the new state is there.

    What was done after the backup is not in it, so it counts as unknown, and nothing is sold or posted twice: all
    writes are paused until `ytpool unpause`; jobs that were not at their end are held back, for they may have been
    done; what had begun is looked for before it is sent again, and for thirty days every upload is; calls that were
    under way are booked as unknown; and every project rests until its quota day is over. --accept leaves all that out.

    On another machine the key has to be there too: bring its file, and name it with YTPOOL_VAULT_KEY_FILE.
    """
    from ytpool.cli import kept_safe  # noqa: PLC0415 -- a check does without

    return kept_safe.restore(ctx, file, accept=accept, dry_run=dry_run, yes=yes)


@command(
    app,
    "password",
    example="ytpool state password\nytpool state password --password-file password.txt\nytpool state password --forget",
    statuses=(0, 2, 6),
)
def password(
    ctx: typer.Context,
    password_file: PasswordFileOption = None,
    *,
    forget: Annotated[bool, typer.Option("--forget", help="Take it out of the keyring.", show_default=False)] = False,
    dry_run: WouldOption = False,
) -> Any:  # a DatabasePasswordKept
    """Keep the password of the database that holds the state in the OS keyring; one that is there is replaced.

    Where no keyring can be used, as under cron, it belongs in ~/.pgpass, in a service file, in systemd's credential
    ytpool-pg, or in a file (0600) that YTPOOL_POSTGRES_PASSWORD_FILE names. Those go first; the keyring is asked only
    when the server wants a password that none of them has. It is never in the vault, whose rows lie in that database.
    """
    from ytpool.cli import database_password  # noqa: PLC0415 -- a check does without

    return database_password.password(ctx, password_file, forget=forget, dry_run=dry_run)


@command(
    app,
    "migrate",
    example=(
        "ytpool state migrate --to postgresql://ytpool@db.example.org/ytpool --dry-run\n"
        "ytpool state migrate --to postgresql://ytpool@db.example.org/ytpool --yes\n"
        "ytpool state migrate --to state.db --yes"
    ),
    statuses=(0, 1, 2, 6, 8, 130),
)
def migrate(
    ctx: typer.Context,
    to: Annotated[
        str,
        typer.Option("--to", metavar="URL", help="An address of PostgreSQL, or a file of SQLite.", show_default=False),
    ],
    *,
    dry_run: WouldOption = False,
    yes: YesOption = False,
) -> Any:  # a Migrated
    """Move the state to another database, with everything in it: from a file to PostgreSQL, or back.

    Refused while anybody is at work, or a worker or server stays (status 6, saying which): end them first. The
    state that is left is paused first, so that nothing is sold twice, and kept. All rows arrive in one transaction,
    and are compared before it counts: rows of each table, units of the ledger, meters against their journal, and then
    the digests of the activity journal. Killed at any moment, the same command goes on; `ytpool unpause --yes` stays
    here.

    A place that holds a state is refused, unless a move from there has left it. Afterwards the settings have to name
    the new place, on every machine; what was left takes nothing new, and says what to write. Secrets stay encrypted,
    and the key stays where it is.
    """
    from ytpool.cli import moved  # noqa: PLC0415 -- a check does without

    return moved.migrate(ctx, to, dry_run=dry_run, yes=yes)
