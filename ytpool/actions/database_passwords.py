"""The password of the database that holds the state, in the keyring of whoever runs ytpool here."""

from dataclasses import dataclass

from ytpool.domain.secret import Secret
from ytpool.errors import UnknownName, UsageWrong
from ytpool.runtime import Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabasePasswordKept:
    """A password that the keyring has now, or has no longer."""

    state: str
    item: str
    """What it is called there."""
    keyring: str | None
    """Which keyring it is; None where nothing was written."""
    kept: bool
    dry_run: bool = False


def keep(rt: Runtime, password: Secret, *, dry_run: bool = False) -> DatabasePasswordKept:
    """Write the password into the keyring, over the one before, and read it back; raises VaultUnavailable."""
    item = require_item(rt)
    if "\0" in password.reveal():
        raise UsageWrong("no password of a database has a NUL in it", hint="give the right one")
    keyring = None if dry_run else rt.database_password().keep(password)
    return DatabasePasswordKept(state=rt.config.state, item=item, keyring=keyring, kept=True, dry_run=dry_run)


def forget(rt: Runtime, *, dry_run: bool = False) -> DatabasePasswordKept:
    """Take the password out of the keyring; raises UnknownName where it has none."""
    item = require_item(rt)
    found = rt.database_password()
    if not (found.in_keyring() is not None if dry_run else found.forget()):
        raise UnknownName(
            f"the keyring has no item ytpool / {item}", hint="nothing is to be done", what="item", name=item
        )
    return DatabasePasswordKept(state=rt.config.state, item=item, keyring=None, kept=False, dry_run=dry_run)


def require_item(rt: Runtime) -> str:
    """Return what the password is called; raises UsageWrong where the state is a file, which has none."""
    database = rt.config.database
    if database is None:
        raise UsageWrong(
            f"the state is a file, {rt.config.state}, and has no password",
            hint="this is for a state in a database: state = 'postgresql://user@host/database' in the settings",
        )
    return database.item
