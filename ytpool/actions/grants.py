"""What a login granted: the channel behind it is looked at, then all that belongs to it is kept, or nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ytpool.actions import secrets, tokens
from ytpool.actions.calls import paid
from ytpool.domain import failover, grants
from ytpool.domain.accounts import Account, AccountState
from ytpool.domain.balancing import Strategy, Tier
from ytpool.domain.failover import Next, RestScope
from ytpool.domain.logins import ChannelSeen, Client, Token
from ytpool.domain.quota import Urgency
from ytpool.errors import (
    EndpointsChanged,
    Interrupted,
    LoginFailed,
    UpstreamFailed,
    WrongChannel,
)
from ytpool.runtime import Runtime
from ytpool.store import accounts, breakers, jobs, ledger, meta, pools, projects, rests
from ytpool.store import secrets as sealed
from ytpool.store.db import Tx
from ytpool.store.ledger import Call, Hold, Payer
from ytpool.store.rests import Scope
from ytpool.store.secrets import Kind

_DEFAULT_PRIORITY = 100
NARROW = frozenset({"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"})


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
        rt.keep_clock(tx)  # where nobody may look at the channel, nothing else has: the token's answer told the time
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
            if failure.reason not in NARROW:
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


def require_room(rt: Runtime, name: str, client: Client) -> None:
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
