"""Logging accounts in: through a browser, or from a token file; the channel is verified before anything is kept."""

import json
import shlex
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from ytpool.actions import secrets, tokens
from ytpool.actions.calls import paid
from ytpool.domain import failover, grants, logins, names
from ytpool.domain.accounts import Account, AccountState
from ytpool.domain.balancing import Strategy, Tier
from ytpool.domain.failover import Next, RestScope, Until
from ytpool.domain.logins import ChannelSeen, Client, Token, TokenFile
from ytpool.domain.quota import Urgency
from ytpool.domain.secret import Secret
from ytpool.errors import (
    ClientSecretsInvalid,
    EndpointsChanged,
    Interrupted,
    LoginFailed,
    TokenFileInvalid,
    UpstreamFailed,
    UsageWrong,
    WrongChannel,
    YtpoolError,
)
from ytpool.runtime import Runtime
from ytpool.store import accounts, breakers, jobs, ledger, meta, pools, projects, rests
from ytpool.store import secrets as sealed
from ytpool.store.db import Tx
from ytpool.store.ledger import Call, Hold, Payer
from ytpool.store.rests import Scope
from ytpool.store.secrets import Kind

Read = TypeVar("Read")

DEADLINE = timedelta(minutes=5)
"""How long a person has to finish a login in the browser."""

SANDBOX_PROJECT = "sandbox"

_DEFAULT_PRIORITY = 100
_LOOKS = 3
"""How often YouTube is asked for the channel of a login that a person has just made, and would have to make again."""

_CODE_REFUSED = frozenset({"invalid_grant", "redirect_uri_mismatch"})
_NARROW = frozenset({"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How an account takes part; None leaves what an account has already, or the default."""

    pool: str | None = None
    strategy: Strategy | None = None
    """Of the pool, where it is made for this account."""
    tier: Tier | None = None
    priority: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a login turned out to be for, before anything of it is kept."""

    account: str
    project: str
    channel_id: str
    channel_title: str
    verified: bool
    """YouTube said which channel it is; else it is the operator's word."""
    renews: bool
    """The account has this channel already."""
    twins: tuple[str, ...]
    """Other accounts that work on the same channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn:
    """A login that was kept."""

    account: str
    project: str
    channel_id: str
    channel_title: str
    channel_verified: bool
    """False where the login may not look at its channel, which is then the operator's word."""
    pool: str | None
    tier: str
    priority: int
    scopes: tuple[str, ...]
    token_expires_at: datetime
    grant_expires_at: datetime | None
    renewed: bool
    """The account was there already; its history stays."""
    warnings: tuple[str, ...]


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

    _require_room(rt, name, client)
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
    if account is not None and account.login_reason.startswith(tuple(_NARROW)):
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
        client = logins.from_secrets_file(json.dumps(rt.sandbox.add_project(SANDBOX_PROJECT)))
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


def keep(
    rt: Runtime,
    name: str,
    client: Client,
    token: Token,
    place: Place,
    *,
    asked: tuple[str, ...] = (),
    named: str | None = None,
    looks: int = 1,
    agrees: Callable[[Found], bool] | None = None,
    along: Callable[[Tx, LoggedIn], None] | None = None,
) -> LoggedIn:
    """Verify the channel and store everything, or nothing.

    `named` is the channel that it must be; a login that may not look at its channel is kept on that word alone.
    `agrees` is asked before an account's first login is kept, where nobody has named its channel. `along` writes what
    belongs to the login into the same transaction; what it raises keeps the login out.
    """
    project, channel = _looked_at(rt, name, client, token, named, looks)
    if agrees is not None and named is None:
        with rt.store.reading() as tx:
            found = _found(tx, name, project, channel)
        if not found.renews and not agrees(found):
            raise Interrupted(
                "nothing was kept of this login", hint="choose another channel: run the same command again"
            )
    with rt.store.transaction() as tx:
        if meta.put_first(tx, meta.API_ROOT, rt.root_name) != rt.root_name:
            raise EndpointsChanged("another login has just bound this state to another API root", hint="try again")
        project = projects.current(tx, project)  # it may have been merged while YouTube answered
        account = accounts.find(tx, name)
        _require_channel(account, name, channel, named)
        _require_refresh_token(rt, tx, name, client, token, account)
        done = _stored(rt, tx, name, client, project, token, channel, place, account, asked)
        if along is not None:
            along(tx, done)
        return done


def _looked_at(
    rt: Runtime, name: str, client: Client, token: Token, named: str | None, looks: int
) -> tuple[str, ChannelSeen]:
    """Return project and channel; without a look where the login does not allow one, and the operator named it."""
    if not token.scopes or grants.can_list(token.scopes):
        try:
            return seen(rt, name, client, token, looks=looks)
        except UpstreamFailed as failure:
            if failure.reason not in _NARROW:
                raise
    if named is None:
        allows = ", ".join(map(grants.short, token.scopes)) or "too little"
        raise LoginFailed(
            f"this login may not look at its channel (it allows {allows}), so nobody can tell which one it is for; "
            "nothing was changed",
            hint=f"log in with more: ytpool auth add {name} --for upload; or name the channel that was chosen, at your "
            "own risk: --channel UC…",
            scopes=token.scopes,
        )
    with rt.store.transaction() as tx:
        rt.require_same_root(tx)
        project = projects.of_client(tx, client_id=client.client_id, project_id=client.project_id, number=client.number)
        _lift_rests(tx, name, project)
    return project, ChannelSeen(channel_id=named, title="", uploads_playlist="", verified=False)


def _found(tx: Tx, name: str, project: str, channel: ChannelSeen) -> Found:
    """Return what a login is for; raises WrongChannel where that is not what the account is for."""
    account = accounts.find(tx, name)
    _require_channel(account, name, channel, None)
    return Found(
        account=name,
        project=project,
        channel_id=channel.channel_id,
        channel_title=channel.title,
        verified=channel.verified,
        renews=account is not None and account.channel_id == channel.channel_id,
        twins=_others_on(tx, name, channel.channel_id),
    )


def _others_on(tx: Tx, name: str, channel_id: str) -> tuple[str, ...]:
    return tuple(other.account for other in accounts.on_channel(tx, channel_id) if other.account != name)


def keep_waiting(
    rt: Runtime, name: str, client: Client, place: Place, *, reason: str, along: Callable[[Tx], None]
) -> None:
    """Keep an account whose login is yet to be made, with its OAuth client.

    `along` writes what belongs to it into the same transaction. Whose channel it is, the login will tell; an account
    that is there already stays as it is.
    """
    with rt.store.transaction() as tx:
        rt.require_same_root(tx)
        project = projects.of_client(tx, client_id=client.client_id, project_id=client.project_id, number=client.number)
        if accounts.find(tx, name) is not None:
            return
        if sealed.get(tx, Kind.CLIENT_SECRET, client.client_id) is None:  # a login has proved the one that is there
            _keep_client(rt, tx, client, project)
        accounts.add(
            tx,
            account=name,
            project=project,
            client_id=client.client_id,
            channel_id=None,
            tier=place.tier or Tier.PRODUCTION,
            priority=_DEFAULT_PRIORITY if place.priority is None else place.priority,
        )
        accounts.set_state(tx, name, AccountState.LOGIN_NEEDED, reason)
        _join(rt, tx, name, place)
        along(tx)


def seen(rt: Runtime, name: str, client: Client, token: Token, *, looks: int = 1) -> tuple[str, ChannelSeen]:
    """Ask YouTube which channel a token speaks for, at the project's cost; return the project and the channel.

    It is asked up to so many times while YouTube is in trouble.
    """
    for attempt in range(1, looks + 1):
        with rt.store.transaction() as tx:
            rt.require_same_root(tx)
            project = projects.of_client(
                tx, client_id=client.client_id, project_id=client.project_id, number=client.number
            )
            _lift_rests(tx, name, project)
            held = _held(rt, tx, name, project)
        try:
            channel = paid(rt, held, rt.youtube.my_channel, token=token.access)
            break
        except UpstreamFailed as failure:
            verdict = failover.judge(failure)
            if verdict.rests is RestScope.ACCOUNT:
                raise LoginFailed(
                    f"YouTube lets nobody work with this login: {failure.message}; nothing was changed",
                    hint=verdict.advice,
                    reason=failure.reason,
                ) from failure
            if verdict.next is not Next.SAME_ACCOUNT or attempt == looks:
                failure.hint = failure.hint or verdict.advice
                raise
            rt.sleep(failover.backoff(attempt, rt.rng, failure.retry_after))
    if channel is None:
        raise LoginFailed(
            f"the Google account of this login has no YouTube channel{_expected(rt, name)}; nothing was changed",
            hint="create the channel in a browser, or choose another identity, then log in again",
        )
    return project, channel


def _held(rt: Runtime, tx: Tx, name: str, project: str) -> Hold:
    """Set aside what the look at a login's channel costs; a login has begun with its first page."""
    payer = Payer(account=name, project=project, channel_id="")
    looks = [Call(operation="channels.list")]
    (held,) = ledger.hold(tx, payer, looks, rt.terms(tx), rt.rng, urgency=Urgency.STARTED)
    return held


def _require_room(rt: Runtime, name: str, client: Client) -> None:
    """Raise QuotaExhausted before a person is sent to a browser, and not after."""
    with rt.store.transaction() as tx:
        project = next((one.project for one in accounts.every(tx) if one.client_id == client.client_id), None)
        if project is not None:
            ledger.release(tx, [_held(rt, tx, name, project).hold], "only asked for")


def _expected(rt: Runtime, name: str) -> str:
    with rt.store.reading() as tx:
        account = accounts.find(tx, name)
    if account is None or not account.channel_id:
        return ""
    return f", and {name} is for {account.channel_title} ({account.channel_id}), which may have been deleted"


def _lift_rests(tx: Tx, name: str, project: str) -> None:
    """A login is somebody who has acted, and it tries at once whether that was enough."""
    for rest in rests.running(tx):
        if rest.until is None and (rest.scope, rest.name) in ((Scope.ACCOUNT, name), (Scope.PROJECT, project)):
            rests.lift(tx, rest.scope, rest.name, rest.bucket)
    breakers.forget(tx, Scope.ACCOUNT, name)


def _require_channel(account: Account | None, name: str, channel: ChannelSeen, named: str | None) -> None:
    if named not in (None, channel.channel_id):
        raise WrongChannel(
            f"this login is for {channel.title} ({channel.channel_id}) and not for {named}; nothing was changed",
            hint="choose that channel in the browser, or say its id right",
            account=name,
            expected=named,
            found=channel.channel_id,
        )
    if account is not None and account.channel_id not in ("", channel.channel_id):
        raise WrongChannel(
            f"{name} is for channel {account.channel_title} ({account.channel_id}), and this login is for "
            f"{channel.title} ({channel.channel_id}); nothing was changed",
            hint="choose its own channel in the browser, or use another account name for this one",
            account=name,
            expected=account.channel_id,
            found=channel.channel_id,
        )


def _require_refresh_token(
    rt: Runtime, tx: Tx, name: str, client: Client, token: Token, account: Account | None
) -> None:
    """Refuse a login that could not go on; an older refresh token serves only the client it was given to."""
    serves = (
        account is not None
        and account.client_id == client.client_id
        and not account.needs_login
        and secrets.read(rt, tx, Kind.REFRESH_TOKEN, name) is not None
    )
    if not token.refresh and not serves:
        raise LoginFailed(
            "Google gave no refresh token, so this login would end within the hour",
            hint="remove ytpool at myaccount.google.com/permissions and log in again",
        )


def _stored(
    rt: Runtime,
    tx: Tx,
    name: str,
    client: Client,
    project: str,
    token: Token,
    channel: ChannelSeen,
    place: Place,
    account: Account | None,
    asked: tuple[str, ...],
) -> LoggedIn:
    _keep_client(rt, tx, client, project)
    if channel.verified:
        accounts.keep_channel(
            tx, channel_id=channel.channel_id, title=channel.title, uploads_playlist=channel.uploads_playlist
        )
    else:
        accounts.name_channel(tx, channel.channel_id)
    if account is None:
        accounts.add(
            tx,
            account=name,
            project=project,
            client_id=client.client_id,
            channel_id=channel.channel_id,
            tier=place.tier or Tier.PRODUCTION,
            priority=_DEFAULT_PRIORITY if place.priority is None else place.priority,
        )
    else:
        accounts.arrange(tx, name, tier=place.tier, priority=place.priority)
    expires_at = tokens.keep(rt, tx, name, token)
    lives_for = None if token.refresh_expires_in is None else timedelta(seconds=token.refresh_expires_in)
    logged_in_at = min(tx.now, rt.calendar.as_google_says())
    grant_expires_at = grants.grant_ends_at(logged_in_at, lives_for)
    accounts.logged_in(
        tx,
        name,
        project=project,
        client_id=client.client_id,
        channel_id=channel.channel_id,
        scopes=token.scopes,
        token_expires_at=expires_at,
        grant_expires_at=grant_expires_at,
        seen=channel.verified,
    )
    _join(rt, tx, name, place)
    jobs.look_again(tx)
    kept = accounts.get(tx, name)
    return LoggedIn(
        account=name,
        project=project,
        channel_id=channel.channel_id,
        channel_title=kept.channel_title,
        channel_verified=channel.verified,
        pool=place.pool,
        tier=kept.tier,
        priority=kept.priority,
        scopes=kept.scopes,
        token_expires_at=expires_at,
        grant_expires_at=grant_expires_at,
        renewed=account is not None,
        warnings=(
            *_on_trust(name, channel),
            *grants.warnings(
                name, kept.scopes, asked=asked, logged_in_at=logged_in_at, grant_expires_at=grant_expires_at
            ),
            *_doubles(tx, name, channel.channel_id),
            *_twins(tx, project),
            *_another_project(tx, name, project),
        ),
    )


def _on_trust(name: str, channel: ChannelSeen) -> tuple[str, ...]:
    if channel.verified:
        return ()
    said = (
        f"YouTube has not confirmed the channel: this login may not look at it, so that {name} is {channel.channel_id} "
        "is your word. An upload goes to whichever channel was chosen at the login, and only its answer will tell."
    )
    return (said,)


def _doubles(tx: Tx, name: str, channel_id: str) -> tuple[str, ...]:
    """Say where a channel has several accounts: mostly it was another one that should have been chosen."""
    others = _others_on(tx, name, channel_id)
    if not others:
        return ()
    return (f"{' and '.join(others)} works on this channel too; its limits are the channel's, not an account's.",)


def _twins(tx: Tx, project: str) -> tuple[str, ...]:
    """Say where one project of Google's seems to be kept as two: it would be believed to have twice its quota."""
    return tuple(
        f"project {twin} has the same id at Google as {project}; run: ytpool projects merge {twin} {project}"
        for twin in projects.twins(tx, project)
    )


def _another_project(tx: Tx, name: str, project: str) -> tuple[str, ...]:
    """Say Google's rule where an operator is about to break it: with the first account of one more project."""
    payers = {one.account: one.project for one in accounts.every(tx)}
    others = sorted(set(payers.values()) - {project})
    if not others or [one for one, payer in payers.items() if payer == project] != [name]:
        return ()
    rule = (
        f"{project} is another project beside {' and '.join(others)}: Google allows one for each program and purpose, "
        "and none to gain quota (YouTube's Developer Policies, III.D.1.c)."
    )
    return (rule,)


def _keep_client(rt: Runtime, tx: Tx, client: Client, project: str) -> None:
    projects.keep_client(
        tx, client_id=client.client_id, project=project, auth_uri=client.auth_uri, token_uri=client.token_uri
    )
    secrets.keep(rt, tx, Kind.CLIENT_SECRET, client.client_id, client.client_secret)


def _join(rt: Runtime, tx: Tx, name: str, place: Place) -> None:
    if place.pool is not None:
        pools.make(tx, place.pool, place.strategy or rt.config.balancing.strategy)
        pools.join(tx, place.pool, name)
    for pool in pools.every(tx):  # another client may belong to another project
        if name in pool.accounts:
            pools.require_one_project(tx, pool.pool)
