"""Passwords of servers: a variable of the environment, or the vault. Their values stay here."""

from dataclasses import dataclass
from difflib import get_close_matches

from ytpool.actions import secrets, serving
from ytpool.domain import servers
from ytpool.domain.alert_targets import Target
from ytpool.domain.secret import Secret
from ytpool.domain.servers import FtpServer
from ytpool.errors import ServerFailed, UnknownName
from ytpool.runtime import Runtime
from ytpool.store import secrets as sealed
from ytpool.store.secrets import Kind

SERVE = serving.OWNER
"""Whose password is the token of `ytpool serve`."""

_NOT_OURS = {"postgres", "state", "database"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordKept:
    """A password that the vault has now, or has no longer."""

    owner: str
    kept: bool
    dry_run: bool = False


def find(rt: Runtime, server: FtpServer | Target) -> Secret:
    """Find a server's password; raises ServerFailed where there is none, saying how one gets there."""
    if server.password_env:
        text = rt.environ.get(server.password_env, "")
        if text:
            return Secret(text)
        raise ServerFailed(
            f"there is no password for {server.section}: {server.password_env} is not set",
            hint=f"set it where ytpool runs, or take password_env away and run: ytpool vault keep {server.section}",
        )
    if server.user == servers.ANONYMOUS:
        return Secret("anonymous@")
    if not is_there(rt, server):
        raise ServerFailed(
            f"there is no password for {server.section}",
            hint=f"run: ytpool vault keep {server.section} --password-file FILE",
        )
    rt.open_vault()
    with rt.store.reading() as tx:
        found = secrets.read(rt, tx, Kind.PASSWORD, server.section)
    assert found is not None
    return found


def is_there(rt: Runtime, server: FtpServer | Target) -> bool:
    """Tell whether the vault has a password of this server."""
    with rt.store.reading() as tx:
        return sealed.get(tx, Kind.PASSWORD, server.section) is not None


def keep(rt: Runtime, owner: str, password: Secret, *, dry_run: bool = False) -> PasswordKept:
    """Seal the password of a server that the settings name; one that is there is replaced. Raises UnknownName."""
    require_server(rt, owner)
    if owner == SERVE:
        serving.require_usable(password, "that file")
    rt.open_vault()
    if not dry_run:
        with rt.store.transaction() as tx:
            secrets.keep(rt, tx, Kind.PASSWORD, owner, password)
    return PasswordKept(owner=owner, kept=True, dry_run=dry_run)


def require_server(rt: Runtime, owner: str) -> None:
    """Raise UnknownName for what the settings do not name, before anybody is asked for its password."""
    known = [server.section for server in rt.config.ftp.values()]
    known += [target.section for target in rt.config.alert_targets.values()]
    if owner not in (*known, SERVE):
        close = get_close_matches(owner, known, n=1)
        describe = "describe it first, in [ftp.NAME] or [alerts.targets.NAME] of the settings"
        advice = f"did you mean {close[0]}?" if close else describe
        if owner in _NOT_OURS:
            advice = "the vault lies in that database; keep its password in the keyring: ytpool state password"
        raise UnknownName(f"no server is called {owner!r}", hint=advice, what="server", name=owner)


def forget(rt: Runtime, owner: str, *, dry_run: bool = False) -> PasswordKept:
    """Take a server's password out of the vault; raises UnknownName where there is none."""
    with rt.store.transaction() as tx:
        known = sealed.owners_of(tx, Kind.PASSWORD)
        if owner not in known:
            hint = f"it has those of {', '.join(known)}" if known else "it keeps none at all"
            raise UnknownName(f"the vault has no password of {owner!r}", hint=hint, what="server", name=owner)
        if not dry_run:
            sealed.forget(tx, Kind.PASSWORD, owner)
    return PasswordKept(owner=owner, kept=False, dry_run=dry_run)
