"""Access tokens that live long enough: refreshed by one process at a time, and never thrown away while they work."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from ytpool.actions import breakers, secrets
from ytpool.actions.heartbeat import renewing
from ytpool.domain import failover
from ytpool.domain.accounts import TOKEN_LIVES_LONG_ENOUGH, Account, AccountState, Standing
from ytpool.domain.breakers import Service
from ytpool.domain.failover import Next, RestScope, Until, Verdict
from ytpool.domain.logins import Client, Token
from ytpool.domain.secret import Secret
from ytpool.errors import Busy, LoginNeeded, Resting, UpstreamFailed, YtpoolError
from ytpool.runtime import Runtime
from ytpool.store import accounts, leases, ledger, projects, rests
from ytpool.store.db import Tx
from ytpool.store.leases import Lease, LeaseKind
from ytpool.store.rests import Scope
from ytpool.store.secrets import Kind

_AT_ONCE = 16
_LOOK_AGAIN_AFTER = 0.2
_WAIT_AT_MOST = timedelta(seconds=45)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    account: Account
    token: Secret | None


def fresh(
    rt: Runtime,
    account: str,
    *,
    within: timedelta = TOKEN_LIVES_LONG_ENOUGH,
    refused: Secret | None = None,
    insist: bool = False,
) -> Secret:
    """Return an access token that is good for at least that long.

    `refused` is a token that Google has just called invalid: any other that is stored meanwhile will do, else it is
    refreshed. Raises LoginNeeded when the grant is dead; UpstreamFailed when the token endpoint is in trouble, Resting
    when it has been for a while, and the token that is stored is of no use any more; with `insist` also while it is.
    """
    gives_up_at = rt.clock.monotonic() + _WAIT_AT_MOST.total_seconds()
    while True:
        with rt.store.reading() as tx:
            known = _known(rt, tx, account)
        if _serves(rt, known, within, refused):
            assert known.token is not None
            return known.token
        with rt.store.transaction() as tx:
            lease = leases.take(tx, LeaseKind.REFRESH, account, holder=account, lasts_for=leases.REFRESH_LASTS_FOR)
        if lease is not None:
            break
        if rt.clock.monotonic() > gives_up_at:
            raise Busy(f"another process has been refreshing {account} for too long", hint="try again", account=account)
        rt.sleep(_LOOK_AGAIN_AFTER)
    try:
        with rt.store.reading() as tx:
            known = _known(rt, tx, account)  # somebody may have been faster
        if _serves(rt, known, within, refused):
            assert known.token is not None
            return known.token
        return _refresh(rt, known, lease, refused, insist=insist)
    finally:
        with rt.store.transaction() as tx:
            leases.give_back(tx, [lease])


def client_of(rt: Runtime, tx: Tx, client_id: str) -> Client:
    """Put an OAuth client together from its row and its secret."""
    row = projects.client(tx, client_id)
    return Client(
        client_id=client_id,
        client_secret=secrets.require(rt, tx, Kind.CLIENT_SECRET, client_id),
        auth_uri=rt.auth_uri(row.auth_uri),
        token_uri=rt.token_uri(row.token_uri),
    )


def keep(rt: Runtime, tx: Tx, account: str, token: Token) -> datetime:
    """Store what the token endpoint handed out, a rotated refresh token too, and return when it expires."""
    expires_at = min(tx.now, rt.calendar.as_google_says()) + timedelta(seconds=token.expires_in)
    secrets.keep(rt, tx, Kind.ACCESS_TOKEN, account, token.access)
    if token.refresh:
        secrets.keep(rt, tx, Kind.REFRESH_TOKEN, account, token.refresh)
    return expires_at


def _known(rt: Runtime, tx: Tx, name: str) -> _Known:
    account = accounts.get(tx, name)
    if account.needs_login:
        raise LoginNeeded(
            f"{name} needs a login: {account.login_reason}", hint=f"run: ytpool auth add {name}", account=name
        )
    return _Known(account=account, token=secrets.read(rt, tx, Kind.ACCESS_TOKEN, name))


def _serves(rt: Runtime, known: _Known, within: timedelta, refused: Secret | None) -> bool:
    expires_at = known.account.token_expires_at
    return (
        known.token is not None
        and known.token != refused
        and expires_at is not None
        and expires_at > rt.calendar.now() + within
    )


def _refresh(rt: Runtime, known: _Known, lease: Lease, refused: Secret | None, *, insist: bool) -> Secret:
    name = known.account.account
    with rt.store.reading() as tx:
        client = client_of(rt, tx, known.account.client_id)
        refresh_token = secrets.require(rt, tx, Kind.REFRESH_TOKEN, name)
    try:
        with rt.store.transaction() as tx:
            breakers.admit(rt, tx, name, Service.OAUTH)
    except Resting:
        if not insist and _serves(rt, known, timedelta(), refused):
            assert known.token is not None
            return known.token
        raise
    try:
        with renewing(rt, lease, leases.REFRESH_LASTS_FOR):
            token = rt.youtube.refresh(client, client.token_uri, refresh_token)
    except UpstreamFailed as failure:
        verdict = failover.judge(failure)
        with rt.store.transaction() as tx:
            breakers.heard(rt, tx, name, failure, Service.OAUTH)
            # A login that was made meanwhile is not dead because the one before it is.
            newer = None if _is_current(rt, tx, name, refresh_token) else secrets.read(rt, tx, Kind.ACCESS_TOKEN, name)
            dead = newer is None and _settle_failure(tx, known.account, failure, verdict)
        if newer is not None:
            return newer
        if dead:
            raise LoginNeeded(
                f"the login of {name} is dead: {failure.message}",
                hint=f"run: ytpool auth add {name}",
                account=name,
                reason=failure.reason,
            ) from failure
        if not insist and _serves(rt, known, timedelta(), refused):  # it failed, and the old one still works
            assert known.token is not None
            return known.token
        raise
    with rt.store.transaction() as tx:
        rt.keep_clock(tx)
        breakers.heard(rt, tx, name, None, Service.OAUTH)
        if _is_current(rt, tx, name, refresh_token):
            # Also by a holder whose lease is over: the old refresh token may be dead since this one was handed out.
            accounts.refreshed(tx, name, keep(rt, tx, name, token))
    return token.access


def _is_current(rt: Runtime, tx: Tx, account: str, refresh_token: Secret) -> bool:
    return secrets.read(rt, tx, Kind.REFRESH_TOKEN, account) == refresh_token


def _settle_failure(tx: Tx, account: Account, failure: UpstreamFailed, verdict: Verdict) -> bool:
    """Write down what a failed refresh means; True when the grant is dead."""
    if verdict.next is Next.OTHER_ACCOUNT and verdict.until is Until.NEW_LOGIN:
        accounts.set_state(tx, account.account, AccountState.LOGIN_NEEDED, f"{failure.reason}: {failure.message}")
        return True
    if verdict.rests is RestScope.PROJECT and verdict.until is Until.HUMAN:
        why = failure.reason or failure.message
        rests.rest(tx, Scope.PROJECT, account.project, reason=why, lifts=verdict.advice, until=None)
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """What became of one account's access token."""

    account: str
    outcome: str
    """refreshed, fresh (not due), login_needed or failed"""
    token_expires_at: datetime | None
    grant_expires_at: datetime | None
    problem: YtpoolError | None = None


def refresh_all(rt: Runtime, *, account: str | None = None, force: bool = False) -> tuple[Refreshed, ...]:
    """Refresh every token that ends soon, several accounts at a time; one account's trouble is not another's."""
    with rt.store.transaction() as tx:
        ledger.expire(tx)  # cron comes by often: what a dead worker left is settled on the way
        due = [accounts.get(tx, account)] if account else [one for one in accounts.every(tx) if _is_wanted(one)]
    if not due:
        return ()
    rt.open_vault()
    within = timedelta(minutes=rt.config.refresh.within_minutes)
    if not all(one.needs_login for one in due):
        rt.youtube  # noqa: B018 -- opened once, before the threads ask for it; a changed API root ends it here
    with ThreadPoolExecutor(max_workers=min(_AT_ONCE, len(due)), thread_name_prefix="refresh") as workers:
        return tuple(workers.map(lambda one: _refreshed(rt, one, within, force=force), due))


def _is_wanted(account: Account) -> bool:
    """Tell whether a dead login is worth a word: an account that is out of service may be left so for good."""
    return not (account.needs_login and account.standing is Standing.DISABLED)


def _refreshed(rt: Runtime, account: Account, within: timedelta, *, force: bool) -> Refreshed:
    problem: YtpoolError | None = None
    outcome = "fresh"
    try:
        refused = None
        if force:
            with rt.store.reading() as tx:
                refused = _known(rt, tx, account.account).token
        fresh(rt, account.account, within=within, refused=refused, insist=True)
    except LoginNeeded as error:
        outcome, problem = "login_needed", error
    except YtpoolError as error:
        outcome, problem = "failed", error
    with rt.store.reading() as tx:
        now = accounts.get(tx, account.account)
    if problem is None and now.token_expires_at != account.token_expires_at:
        outcome = "refreshed"
    return Refreshed(
        account=account.account,
        outcome=outcome,
        token_expires_at=now.token_expires_at,
        grant_expires_at=now.grant_expires_at,
        problem=problem,
    )
