"""How the password of the state's database is asked for; only `ytpool state password` loads it."""

from pathlib import Path

import typer

from ytpool.actions import database_passwords
from ytpool.actions.database_passwords import DatabasePasswordKept
from ytpool.cli import passphrases
from ytpool.cli.options import invocation
from ytpool.cli.output import VIEWS, View
from ytpool.errors import UsageWrong


def password(ctx: typer.Context, file: Path | None, *, forget: bool, dry_run: bool) -> DatabasePasswordKept:
    call = invocation(ctx)
    if forget:
        if file is not None:
            raise UsageWrong("--forget takes no --password-file", hint="leave out one of the two")
        return database_passwords.forget(call.runtime, dry_run=dry_run)
    database_passwords.require_item(call.runtime)  # nobody should type one for nothing
    return database_passwords.keep(call.runtime, passphrases.password(call, file), dry_run=dry_run)


def _told(done: DatabasePasswordKept) -> str:
    would = "would have" if done.dry_run else "has"
    keyring = f"the keyring ({done.keyring})" if done.keyring else "the keyring"
    what = f"the password of {done.state} as ytpool / {done.item}"
    return f"{keyring} {would} {what}" if done.kept else f"{keyring} {would} no item ytpool / {done.item} any more"


VIEWS[DatabasePasswordKept] = View(text=_told)
