"""Logging accounts in: through a browser, or from a token file; `grants` keeps what comes of it."""

import json
import shlex
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from ytpool.actions import tokens
from ytpool.actions.grants import NARROW, Found, LoggedIn, Place, keep, require_room
from ytpool.domain import failover, grants, logins, names
from ytpool.domain.failover import RestScope, Until
from ytpool.domain.logins import Client, Token, TokenFile
from ytpool.domain.secret import Secret
from ytpool.errors import (
    ClientSecretsInvalid,
    LoginFailed,
    TokenFileInvalid,
    UpstreamFailed,
    UsageWrong,
    YtpoolError,
)
from ytpool.runtime import Runtime
from ytpool.store import accounts
from ytpool.store import secrets as sealed
from ytpool.store.secrets import Kind

Read = TypeVar("Read")

DEADLINE = timedelta(minutes=5)
"""How long a person has to finish a login in the browser."""

_SANDBOX_PROJECT = "sandbox"
_LOOKS = 3
"""How often YouTube is asked for the channel of a login that a person has just made, and would have to make again."""

_CODE_REFUSED = frozenset({"invalid_grant", "redirect_uri_mismatch"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What a login would come to, as far as that can be said without asking anybody."""

    dry_run: bool
    account: str
    project: str | None
    """None where this is the project's first login."""
    client_id: str | None
    """None where the sandbox would make one."""
    scopes: tuple[str, ...]
    """What would be asked for; empty for a token file that does not tell."""
    channel_id: str | None
    """None where only the login itself will tell."""
    channel_title: str | None
    renews: bool
    pool: str | None
    units: dict[str, int]
    """What the look at its channel costs, by bucket; nothing where the login may not look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A login that waits for a person: what to open, and where the browser will come back to."""

    url: str
    redirect_uri: str
    answer: Callable[[str], None]
    """Takes what a person pasted; raises UsageWrong where that is no answer of this login, and waits on."""
    is_over: threading.Event
    """Set once nobody is waited for any more."""


def add(
    rt: Runtime,
    name: str,
    *,
    client_secrets: Path | None,
    scopes: tuple[str, ...],
    place: Place,
    browse: Callable[[Begun], None],
    channel: str | None = None,
    agrees: Callable[[Found], bool] | None = None,
) -> LoggedIn:
    """Log an account in through a browser, which `browse` sends to an address; it runs in a thread of its own.

    Without `scopes` what the account has is asked for again, or the one that allows everything. `channel` is the id of
    the channel it must be. `agrees` is asked before the first login of an account is kept, unless `channel` has said it
    already. In the sandbox profile no file and no browser are needed: a channel of the account's name is made and
    consents. Raises LoginFailed when the login is refused or given up, WrongChannel when it is for another channel than
    the account's, Interrupted when it is not agreed to, and then keeps nothing.
    """
    _require_names(name, place, channel)
    rt.open_vault()
    client = _client(rt, name, client_secrets)
    scopes = scopes or _scopes_again(rt, name)
    if rt.is_sandbox and client_secrets is None:
        owner, agrees = _sandbox_channel(rt, name), None

        def browse(begun: Begun) -> None:
            rt.sandbox.consent(begun.url, owner)

    require_room(rt, name, client)
    with rt.youtube.receiver(client.redirect_uri) as receiver:
        asked = rt.youtube.authorization(client, client.auth_uri, redirect_uri=receiver.redirect_uri, scopes=scopes)
        begun = Begun(
            url=asked.url,
            redirect_uri=receiver.redirect_uri,
            answer=lambda pasted: receiver.bring(_pasted(pasted, asked.state)),
            is_over=threading.Event(),
        )
        # The browser comes back here before it is done, so it must not be waited for.
        threading.Thread(target=_browse, args=(browse, begun, receiver.bring), name="browser", daemon=True).start()
        try:
            code = receiver.wait(asked.state, DEADLINE.total_seconds())
        finally:
            begun.is_over.set()
        token = _exchanged(rt, client, code, receiver.redirect_uri, asked.verifier)
    token = replace(token, scopes=token.scopes or scopes)
    return keep(rt, name, client, token, place, asked=scopes, named=channel, looks=_LOOKS, agrees=agrees)


def plan(
    rt: Runtime,
    name: str,
    *,
    client_secrets: Path | None,
    place: Place,
    channel: str | None = None,
    scopes: tuple[str, ...] = (),
    token_file: Path | None = None,
) -> Planned:
    """Say what `add`, or with a token file `bring_in`, would do; everything wrong with the files is found already.

    The token itself is not tried: some servers give another for it, and the file would be worth nothing afterwards.
    """
    _require_names(name, place, channel)
    rt.open_vault()
    client: Client | None = None
    if token_file is not None:
        known, client = _brought(rt, name, client_secrets, token_file)
        scopes = known.scopes
    else:
        scopes = scopes or _scopes_again(rt, name)
        if not rt.is_sandbox or client_secrets is not None:
            client = _client(rt, name, client_secrets)
    with rt.store.reading() as tx:
        account = accounts.find(tx, name)
        told = channel or (account.channel_id if account else "")
        client_id = client.client_id if client else account.client_id if account else None
        return Planned(
            dry_run=True,
            account=name,
            project=next((one.project for one in accounts.every(tx) if one.client_id == client_id), None),
            client_id=client_id,
            scopes=scopes,
            channel_id=told or None,
            channel_title=accounts.channel_titles(tx).get(told),
            renews=account is not None,
            pool=place.pool,
            units=dict(rt.terms(tx).prices.cost("channels.list")) if grants.can_list(scopes) or not scopes else {},
        )


def _pasted(text: str, state: str) -> Secret | LoginFailed:
    try:
        return logins.read_pasted(text, state)
    except LoginFailed as refused:
        return refused


def _browse(browse: Callable[[Begun], None], begun: Begun, bring: Callable[[LoginFailed], None]) -> None:
    """Send the browser off; what goes wrong with it is told at once instead of after the deadline."""
    try:
        browse(begun)
    except YtpoolError as error:
        bring(LoginFailed(f"the login page could not be opened: {error.message}", hint=error.hint))
    except Exception as error:  # noqa: BLE001 -- whatever a browser's launcher may raise
        bring(LoginFailed(f"the browser could not be opened: {error}", hint="use --no-browser"))


def _scopes_again(rt: Runtime, name: str) -> tuple[str, ...]:
    """Return what an account's login allows, so that it is asked for nothing new, unless that was too little."""
    with rt.store.reading() as tx:
        account = accounts.find(tx, name)
    if account is not None and account.login_reason.startswith(tuple(NARROW)):
        return (grants.DEFAULT_SCOPE,)
    return grants.of_youtube(account.scopes if account else ()) or (grants.DEFAULT_SCOPE,)


def _exchanged(rt: Runtime, client: Client, code: Secret, redirect_uri: str, verifier: Secret) -> Token:
    """Turn a login's code into tokens. It can be used once, so whatever goes wrong here wants another login."""
    again = "Nothing was changed; run the same command again."
    try:
        return rt.youtube.exchange(client, client.token_uri, code=code, redirect_uri=redirect_uri, verifier=verifier)
    except UpstreamFailed as failure:
        if failure.reason in _CODE_REFUSED:
            raise LoginFailed(
                f"the code of this login was not taken ({failure.reason}: {failure.message}); it can be used once, "
                "soon after it was given, and by the login it was given to",
                hint=again,
                reason=failure.reason,
            ) from failure
        verdict = failover.judge(failure)
        advice = verdict.advice if verdict.rests is RestScope.PROJECT else "This is no fault of the login."
        failure.hint = failure.hint or f"{advice} {again}"
        raise


def bring_in(
    rt: Runtime, name: str, *, client_secrets: Path | None, token_file: Path, place: Place, channel: str | None = None
) -> LoggedIn:
    """Log an account in from a token file; its access token may be absent or long dead.

    Without `client_secrets` the OAuth client is the one that stands in the token file, or the account's own. `channel`
    is the id of the channel it must be.
    """
    _require_names(name, place, channel)
    rt.open_vault()
    known, client = _brought(rt, name, client_secrets, token_file)
    with_client = "" if client_secrets is None else f" --client-secrets {shlex.quote(str(client_secrets))}"
    again = f"log in through the browser: ytpool auth add {name}{with_client or ' --client-secrets FILE'}"
    done = keep(rt, name, client, revived(rt, client, known, token_file, again), place, named=channel)
    return replace(done, warnings=(*done.warnings, *_left_in_clear(token_file)))


def _brought(rt: Runtime, name: str, client_secrets: Path | None, token_file: Path) -> tuple[TokenFile, Client]:
    """Read a token file, and find the OAuth client that its login belongs to."""
    known = _read(token_file, logins.from_token_file, TokenFileInvalid, "token file")
    if client_secrets is None and known.client is not None:
        return known, addressed(rt, known.client)
    client = _client(rt, name, client_secrets)
    if known.client_id not in (None, client.client_id):
        raise TokenFileInvalid(
            f"{token_file} belongs to the OAuth client {known.client_id}, and {client_secrets or name} is "
            f"{client.client_id}",
            hint="bring the client-secrets file the token was made with",
        )
    return known, client


def _left_in_clear(token_file: Path) -> tuple[str, ...]:
    """Say that the login lies open beside the vault; who else may read it says how urgent that is."""
    others = " and others on this machine may read it" if token_file.stat().st_mode & 0o077 else ""
    return (f"{token_file} still holds this login in the clear{others}; delete it once no other program needs it.",)


def revived(rt: Runtime, client: Client, known: TokenFile, token_file: Path, again: str) -> Token:
    """Return a fresh token for what a token file holds.

    Raises LoginFailed, with `again` as the hint, when Google says that the login is dead; UpstreamFailed for any other
    trouble, which says nothing about the login.
    """
    try:
        fresh = rt.youtube.refresh(client, client.token_uri, known.refresh)
    except UpstreamFailed as failure:
        verdict = failover.judge(failure)
        if verdict.until is not Until.NEW_LOGIN:
            failure.hint = failure.hint or verdict.advice
            raise
        raise LoginFailed(
            f"the login in {token_file} is dead: {failure.message}", hint=again, reason=failure.reason
        ) from failure
    return replace(fresh, refresh=fresh.refresh or known.refresh, scopes=fresh.scopes or known.scopes)


def _require_names(name: str, place: Place, channel: str | None) -> None:
    names.require(name, "an account")
    if place.pool is not None:
        names.require(place.pool, "a pool")
    if channel is not None and not logins.is_channel_id(channel):
        raise UsageWrong(
            f"{channel!r} is not the id of a channel",
            hint="it is UC and 22 more letters: youtube.com, Settings, Advanced settings, Channel ID",
        )


def _client(rt: Runtime, name: str, client_secrets: Path | None) -> Client:
    """Find the OAuth client: from a file, from the account's last login, or the sandbox's own."""
    if client_secrets is not None:
        client = _read(client_secrets, logins.from_secrets_file, ClientSecretsInvalid, "client-secrets file")
    elif (known := _known_client(rt, name)) is not None:
        return known
    elif rt.is_sandbox:
        client = logins.from_secrets_file(json.dumps(rt.sandbox.add_project(_SANDBOX_PROJECT)))
    else:
        raise ClientSecretsInvalid(
            f"{name} is new, and no OAuth client was named",
            hint="download one from Google Cloud console (Google Auth Platform, Clients, type Desktop app) and pass it "
            "with --client-secrets FILE",
        )
    return addressed(rt, client)


def addressed(rt: Runtime, client: Client) -> Client:
    """Let a client log in and refresh where the settings say."""
    return replace(client, auth_uri=rt.auth_uri(client.auth_uri), token_uri=rt.token_uri(client.token_uri))


def _known_client(rt: Runtime, name: str) -> Client | None:
    with rt.store.reading() as tx:
        account = accounts.find(tx, name)
        if account is None:
            return None
        if sealed.get(tx, Kind.CLIENT_SECRET, account.client_id) is not None:
            return tokens.client_of(rt, tx, account.client_id)
    if rt.is_sandbox:
        return None
    raise ClientSecretsInvalid(  # `accounts apply` knows clients by their ids alone
        f"the secret of {name}'s OAuth client {account.client_id} is not here yet",
        hint="download that client's JSON from Google Cloud console and pass it with --client-secrets FILE",
    )


def _sandbox_channel(rt: Runtime, name: str) -> str:
    with rt.store.reading() as tx:
        known = accounts.find(tx, name)
    return known.channel_id if known is not None and known.channel_id else rt.sandbox.add_channel(name)


def _read(
    path: Path, reading: Callable[[bytes], Read], error: type[ClientSecretsInvalid | TokenFileInvalid], what: str
) -> Read:
    try:
        with path.open("rb") as file:
            content = file.read(1024 * 1024)
    except OSError as trouble:
        raise error(
            f"the {what} {path} cannot be read: {trouble.strerror}", hint="check the path", path=str(path)
        ) from trouble
    try:
        return reading(content)
    except error as wrong:
        raise error(f"{path}: {wrong.message}", hint=wrong.hint, path=str(path)) from wrong
