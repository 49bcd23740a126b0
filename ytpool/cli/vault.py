"""`ytpool vault`: the keys that seal all secrets."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from ytpool.actions import keys, passwords
from ytpool.actions.keys import Moved, ReaderRow, Rotation, VaultStatus
from ytpool.actions.passwords import PasswordKept
from ytpool.cli.commands import command, group
from ytpool.cli.options import PasswordFileOption, WouldOption, invocation, runtime
from ytpool.cli.output import VIEWS, Column, View
from ytpool.domain.keys import KeyPlace
from ytpool.errors import UsageWrong

app = group("See where the vault's keys are and what they seal; move them, change to a new one, keep passwords.")


class To(StrEnum):
    """Where keys can be moved."""

    KEYRING = "keyring"
    KEYFILE = "keyfile"


def _machine(row: ReaderRow) -> str:
    return row.location or row.place


def _cron(told: VaultStatus) -> str:
    return "cron can read the key" if told.cron_can_read_the_key else told.advice


VIEWS[VaultStatus] = (
    View(
        rows="keys",
        columns=(
            ("Key", "key_id"),
            Column("Is", "role", style={"in use": "green", "next": "cyan", "old": "yellow"}),
            Column("Seals", "seals", justify="right"),
            Column("Where", lambda row: row.where or "not in reach"),
        ),
        empty="this state has no key yet; run: ytpool init",
        footer=_cron,
    ),
    View(
        rows="machines",
        columns=(
            ("Machine", "host"),
            Column("Reads", _machine),
            ("Has found", lambda row: ", ".join(row.keys)),
            Column("Last seen", "seen_at", from_width=100),
            ("Lives", lambda row: "yes" if row.lives else "no"),
        ),
        empty="no machine has opened the vault yet",
    ),
    View(
        rows="secrets",
        columns=(
            ("Stored", lambda row: row.kind.replace("_", " ")),
            ("For", "owner"),
            ("Key", "key_id"),
            Column("Since", "stored_at", from_width=90),
        ),
        empty="no secret is stored",
    ),
)


def _moved(done: Moved) -> str:
    verb = "would be copied to and read from" if done.dry_run else "are now read from"
    lines = [f"the keys {', '.join(done.keys)} {verb} {done.where}"]
    if done.before:
        lines.append(f"before: {', '.join(done.before)}")
    if done.cron_can_read_the_key and not done.dry_run:
        lines.append("cron can read the key")
    return "\n".join(filter(None, [*lines, done.advice]))


VIEWS[Moved] = View(text=_moved)


def _rotation(told: Rotation) -> str:
    if told.next_key_id is None:
        lines = [f"every secret is sealed with {told.key_id}" if not told.left else f"{told.left} secrets are left"]
        if told.moved:
            lines.insert(0, f"{told.moved} secrets were sealed anew")
    else:
        lines = [f"{told.next_key_id} will follow {told.key_id}; it is in {told.where or 'no place known here'}"]
        lines += [f"not there yet: {machine}" for machine in told.missing]
    return "\n".join(filter(None, [*lines, told.advice]))


VIEWS[Rotation] = View(text=_rotation)


@command(app, "status", example="ytpool vault status\nytpool vault status --json", statuses=(0, 2, 6))
def status(ctx: typer.Context) -> VaultStatus:
    """Show where the keys are, which machines have found them, and what is stored for whom; never a value.

    Tried under an empty environment too, as cron has it. Without the key it still shows what the state holds, says
    where the key was looked for, and ends with status 6: a copy of the state alone opens nothing.
    """
    return keys.status(runtime(ctx))


@command(
    app,
    "move",
    example="ytpool vault move --to keyfile --key-file /etc/ytpool/key\nytpool vault move --to keyring --dry-run",
    statuses=(0, 2, 6),
)
def move(
    ctx: typer.Context,
    to: Annotated[To, typer.Option("--to", metavar="WHERE", help="keyring or keyfile.")],
    key_file: Annotated[
        Path | None,
        typer.Option(
            "--key-file",
            metavar="FILE",
            help="Which file, made for its owner only; without it one beside the settings.",
            readable=False,
            show_default=False,
        ),
    ] = None,
    *,
    dry_run: WouldOption = False,
) -> Moved:
    """Keep the keys in the keyring instead of a file, or the other way round.

    Every key the state needs is written in the new place and read back there before it is used from there. Nothing is
    taken away: the copies before stay, and the command that removes them is shown. Whatever is interrupted is done by
    the same command again.
    """
    if to is To.KEYRING and key_file is not None:
        raise UsageWrong("--key-file goes with --to keyfile", hint="leave out one of the two")
    place = KeyPlace.KEYRING if to is To.KEYRING else KeyPlace.KEY_FILE
    return keys.move(runtime(ctx, logs=True), place, key_file=key_file, dry_run=dry_run)


@command(
    app,
    "rotate",
    example="ytpool vault rotate\nytpool vault rotate --finish\nytpool vault rotate --finish --without old-laptop",
    statuses=(0, 2, 6),
)
def rotate(
    ctx: typer.Context,
    without: Annotated[
        list[str] | None,
        typer.Option("--without", metavar="HOST", help="Do not wait for this machine, and forget it; with --finish."),
    ] = None,
    *,
    finish: Annotated[
        bool, typer.Option("--finish", help="Seal everything anew with the new key.", show_default=False)
    ] = False,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="Take back what --finish has not begun.", show_default=False)
    ] = False,
    dry_run: WouldOption = False,
) -> Rotation:
    """Change to a new key in two steps, while everything goes on working.

    The first adds a key beside the one in use, or in a file of its own where that cannot be written, and shows what to
    install on which machine; nothing is sealed with it yet. Each machine reports the key when it opens the vault next.
    --finish seals every secret anew once all machines that were seen within seven days have reported it (else status
    6). Killed at any moment, the same command goes on. The old key stays where it is: backups need it.
    """
    told: dict[str, Any] = {"dry_run": dry_run}
    if finish and cancel:
        raise UsageWrong("--finish and --cancel exclude each other", hint="leave out one of the two")
    if without and not finish:
        raise UsageWrong("--without goes with --finish", hint="add --finish")
    if cancel:
        return keys.cancel(runtime(ctx, logs=True), **told)
    if finish:
        return keys.finish(runtime(ctx, logs=True), without=tuple(without or ()), **told)
    return keys.rotate(runtime(ctx, logs=True), **told)


def _password(told: PasswordKept) -> str:
    would = "would have" if told.dry_run else "has"
    what = "token" if told.owner == passwords.SERVE else "password"
    return f"the vault {would} {'the' if told.kept else 'no'} {what} of {told.owner}{'' if told.kept else ' any more'}"


VIEWS[PasswordKept] = View(text=_password)

ServerArgument = Annotated[
    str,
    typer.Argument(
        help="Its section in the settings, such as ftp.studio or alerts.targets.team; `serve`: the token of our server."
    ),
]


@command(
    app,
    "keep",
    example="ytpool vault keep ftp.studio --password-file password.txt\nytpool vault keep ftp.studio",
    statuses=(0, 2, 6),
)
def keep(
    ctx: typer.Context,
    server: ServerArgument,
    password_file: PasswordFileOption = None,
    *,
    dry_run: WouldOption = False,
) -> PasswordKept:
    """Keep the password of a server that the settings name, or our own server's token; one that is there is replaced.

    No argument takes the password itself: others see those. Where `password_env` names a variable, that one is read.
    """
    from ytpool.cli import passphrases  # noqa: PLC0415

    rt = runtime(ctx)
    passwords.require_server(rt, server)
    return passwords.keep(rt, server, passphrases.password(invocation(ctx), password_file), dry_run=dry_run)


@command(app, "forget", example="ytpool vault forget ftp.studio", statuses=(0, 2, 6))
def forget(ctx: typer.Context, server: ServerArgument, *, dry_run: WouldOption = False) -> PasswordKept:
    """Take the password of a server out of the vault; also of one that the settings name no longer."""
    return passwords.forget(runtime(ctx), server, dry_run=dry_run)
