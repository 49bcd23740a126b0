"""Access tokens that live long enough: refreshed by one process at a time, and never thrown away while they work.

A server may hand out a new refresh token with each refresh, and end the one before it. So a refresh is written down
before it leaves, is not broken off when the program is asked to stop, and its answer is stored by the first
transaction after it. What remains is a process that is killed, or a machine that stops, between the server's commit and
ours. Google hands out no other refresh token and takes the old one again; a server that takes it no more has ended the
login, and the words that ask for a new one say what may have happened.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta

from ytpool.actions import breakers, secrets
from ytpool.actions.heartbeat import renewing
from ytpool.domain import failover, grants, moments
from ytpool.domain.accounts import TOKEN_LIVES_LONG_ENOUGH, Account, AccountState, Standing
from ytpool.domain.breakers import Service
from ytpool.domain.failover import Next, RestScope, Until, Verdict
from ytpool.domain.logins import Client, Token
from ytpool.domain.secret import Secret
from ytpool.errors import Busy, LoginNeeded, Resting, StateAway, UpstreamFailed, YtpoolError
from ytpool.runtime import Runtime
from ytpool.store import accounts, activity, leases, ledger, projects, rests
from ytpool.store.activity import Outcome
from ytpool.store.db import Tx
from ytpool.store.leases import Lease, LeaseKind
from ytpool.store.ledger import Payer
from ytpool.store.rests import Scope
from ytpool.store.secrets import Kind

_AT_ONCE = 32
_LOOK_AGAIN_AFTER = 0.2
_WAIT_AT_MOST = timedelta(seconds=45)
_STOPS_WITHIN = 10.0
"""Seconds that a refresh under way may still take once the program is asked to stop."""
_STORES_AGAIN = 3
"""How often a new refresh token is tried to be stored: nobody can ask for it a second time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    account: Account
    token: Secret | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """A refresh that is ours, written down and about to leave."""

    known: _Known
    lease: Lease
    client: Client
    refresh_token: Secret

    @property
    def name(self) -> str:
        return self.known.account.account


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
    rt.open_vault()
    gives_up_at = rt.clock.monotonic() + _WAIT_AT_MOST.total_seconds()
    while True:
        with rt.store.reading() as tx:
            known = _known(rt, tx, account)
        if (token := _serving(rt, known, within, refused)) is not None:
            return token
        still_works = None if insist else _serving(rt, known, timedelta(), refused)
        rt.youtube  # noqa: B018 -- opened before the transaction that needs its addresses
        try:
            found = _begin(rt, account, within, refused)
        except Resting:
            if still_works is not None:
                return still_works
            raise
        if isinstance(found, Secret):
            return found
        if found is not None:
            return _refresh(rt, found, still_works)
        if rt.clock.monotonic() > gives_up_at:
            if still_works is not None:
                return still_works
            raise Busy(f"another process has been refreshing {account} for too long", hint="try again", account=account)
        rt.sleep(_LOOK_AGAIN_AFTER)


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
    expires_at = _since(rt, tx) + timedelta(seconds=token.expires_in)
    secrets.keep(rt, tx, Kind.ACCESS_TOKEN, account, token.access)
    if token.refresh:
        secrets.keep(rt, tx, Kind.REFRESH_TOKEN, account, token.refresh)
    return expires_at


def _since(rt: Runtime, tx: Tx) -> datetime:
    """Return the moment from which an answer's spans count."""
    return min(tx.now, rt.calendar.as_google_says())


def _known(rt: Runtime, tx: Tx, name: str) -> _Known:
    account = accounts.get(tx, name)
    if account.needs_login:
        raise LoginNeeded(
            f"{name} needs a login: {account.login_reason}", hint=f"run: ytpool auth add {name}", account=name
        )
    return _Known(account=account, token=secrets.read(rt, tx, Kind.ACCESS_TOKEN, name))


def _serving(rt: Runtime, known: _Known, within: timedelta, refused: Secret | None) -> Secret | None:
    """Return the stored token if it is good for so long."""
    expires_at = known.account.token_expires_at
    lives = expires_at is not None and expires_at > rt.calendar.now() + within
    return known.token if lives and known.token != refused else None


def _begin(rt: Runtime, account: str, within: timedelta, refused: Secret | None) -> _Begun | Secret | None:
    """Make a refresh ours and write down that it leaves, or return the token that somebody else got meanwhile.

    None while another process is at it. Raises Resting while the token endpoint, or this login's own, is in trouble.
    """
    with rt.store.transaction() as tx:
        lease = leases.take(tx, LeaseKind.REFRESH, account, holder=account, lasts_for=leases.REFRESH_LASTS_FOR)
        if lease is None:
            return None
        known = _known(rt, tx, account)
        if (token := _serving(rt, known, within, refused)) is not None:  # somebody was faster
            leases.give_back(tx, [lease])
            return token
        begun = _Begun(
            known=known,
            lease=lease,
            client=client_of(rt, tx, known.account.client_id),
            refresh_token=secrets.require(rt, tx, Kind.REFRESH_TOKEN, account),
        )
        breakers.admit(rt, tx, account, Service.OAUTH)
        accounts.refresh_begins(tx, account)
    return begun


def _refresh(rt: Runtime, begun: _Begun, still_works: Secret | None) -> Secret:
    def ask_and_keep() -> Secret:
        with renewing(rt, begun.lease, leases.REFRESH_LASTS_FOR):
            began_at = rt.clock.monotonic()
            try:
                token = rt.youtube.refresh(begun.client, begun.client.token_uri, begun.refresh_token)
            except UpstreamFailed as failure:
                return _failed(rt, begun, failure, still_works, rt.clock.monotonic() - began_at)
            return _kept(rt, begun, token, rt.clock.monotonic() - began_at)

    try:
        return _to_its_end(ask_and_keep, begun.name)
    except (UpstreamFailed, LoginNeeded):
        raise
    except YtpoolError:
        with rt.store.transaction() as tx:
            leases.give_back(tx, [begun.lease])
        raise


def _to_its_end(work: Callable[[], Secret], name: str) -> Secret:
    """Do this in a thread that no signal reaches: what a server hands out only once must not be lost to Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        return work()
    outcome: Future[Secret] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001 -- it is raised where it is waited for
            outcome.set_exception(error)

    threading.Thread(target=run, name=f"refreshing {name}", daemon=True).start()
    try:
        return outcome.result()
    except KeyboardInterrupt:
        wait([outcome], timeout=_STOPS_WITHIN)
        raise


def _kept(rt: Runtime, begun: _Begun, token: Token, seconds: float) -> Secret:
    """Store what the token endpoint handed out; a refresh token that it will not hand out again, at all costs."""
    tries = _STORES_AGAIN if token.refresh else 1
    while True:
        tries -= 1
        try:
            return _store(rt, begun, token, seconds)
        except StateAway:
            if not tries:
                raise
            rt.clock.sleep(_LOOK_AGAIN_AFTER)


def _store(rt: Runtime, begun: _Begun, token: Token, seconds: float) -> Secret:
    with rt.store.transaction() as tx:
        rt.keep_clock(tx)
        breakers.heard(rt, tx, begun.name, None, Service.OAUTH)
        _record(rt, tx, begun, Outcome.DONE, seconds)
        ours = leases.holds(tx, begun.lease)
        leases.give_back(tx, [begun.lease])
        if not _is_current(rt, tx, begun):  # a login was made meanwhile, and is the one to go on with
            return secrets.read(rt, tx, Kind.ACCESS_TOKEN, begun.name) or token.access
        if ours or token.refresh:
            # Whoever is late stores nothing but what nobody else can have: a refresh token that ended the one before.
            lives_for = token.refresh_expires_in
            accounts.refreshed(
                tx,
                begun.name,
                token_expires_at=keep(rt, tx, begun.name, token),
                grant_expires_at=None if lives_for is None else _since(rt, tx) + timedelta(seconds=lives_for),
            )
    return token.access


def _record(
    rt: Runtime, tx: Tx, begun: _Begun, outcome: Outcome, seconds: float, *, reason: str = "", detail: str = ""
) -> None:
    account = begun.known.account
    payer = Payer(account=account.account, project=account.project, channel_id=account.channel_id)
    # That a token is fresh says nothing about how an account works.
    activity.record(
        tx,
        rt.rng,
        payer,
        activity.REFRESH,
        outcome,
        seconds=seconds,
        reason=reason,
        detail=detail,
        spare_score=True,
    )


def _failed(rt: Runtime, begun: _Begun, failure: UpstreamFailed, still_works: Secret | None, seconds: float) -> Secret:
    """Write down what a failed refresh means; return a token that works in spite of it, or raise."""
    verdict = failover.judge(failure)
    newer = None
    dead = ""
    with rt.store.transaction() as tx:
        breakers.heard(rt, tx, begun.name, failure, Service.OAUTH)
        _record(rt, tx, begun, Outcome.FAILED, seconds, reason=failure.reason, detail=failure.message)
        ours = leases.holds(tx, begun.lease)
        leases.give_back(tx, [begun.lease])
        nothing_was_given = 400 <= failure.http_status < 500 or not failure.sent
        if ours and nothing_was_given and begun.known.account.refresh_sent_at is None:
            accounts.refresh_gave_nothing(tx, begun.name)
        stored = secrets.read(rt, tx, Kind.ACCESS_TOKEN, begun.name)
        if not _is_current(rt, tx, begun) or (not ours and stored != begun.known.token):
            newer = stored  # a login, or a refresh, that was made meanwhile is not dead because the one before it is
        if newer is None:
            dead = _settle_failure(tx, begun.known.account, failure, verdict)
    if newer is not None:
        return newer
    if dead:
        raise LoginNeeded(
            f"the login of {begun.name} is dead: {dead}",
            hint=f"run: ytpool auth add {begun.name}",
            account=begun.name,
            reason=failure.reason,
        ) from failure
    if still_works is not None:
        return still_works
    raise failure


def _is_current(rt: Runtime, tx: Tx, begun: _Begun) -> bool:
    return secrets.read(rt, tx, Kind.REFRESH_TOKEN, begun.name) == begun.refresh_token


def _settle_failure(tx: Tx, account: Account, failure: UpstreamFailed, verdict: Verdict) -> str:
    """Write down what a failed refresh means; return why the grant is dead, if it is."""
    if verdict.next is Next.OTHER_ACCOUNT and verdict.until is Until.NEW_LOGIN:
        why = failure.message
        if account.refresh_sent_at is not None:
            why = (
                f"{why}; a refresh at {moments.spoken(account.refresh_sent_at)} was broken off before its answer was "
                "stored, and with it a new refresh token may have been lost"
            )
        accounts.set_state(tx, account.account, AccountState.LOGIN_NEEDED, f"{failure.reason}: {why}")
        return why
    if verdict.rests is RestScope.PROJECT and verdict.until is Until.HUMAN:
        why = failure.reason or failure.message
        rests.rest(tx, Scope.PROJECT, account.project, reason=why, lifts=verdict.advice, until=None)
    return ""


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
    within = timedelta(minutes=rt.config.refresh.within_minutes)
    with rt.store.transaction() as tx:
        ledger.expire(tx)  # cron comes by often: what a dead worker left is settled on the way
        wanted = (
            [accounts.get(tx, account)]
            if account is not None
            else [one for one in accounts.every(tx) if _is_wanted(one)]
        )
        due = [
            one
            for one in wanted
            if force or one.needs_login or grants.needs_refresh(one.token_expires_at, tx.now, within)
        ]
    if wanted:
        rt.open_vault()  # also where nothing is due yet: a key out of reach should be known before a token is over
    found = {one.account: one for one in _refresh_at_once(rt, due, within, force=force)}
    return tuple(found.get(one.account) or _told(one, "fresh") for one in wanted)


def _refresh_at_once(rt: Runtime, due: Sequence[Account], within: timedelta, *, force: bool) -> tuple[Refreshed, ...]:
    if not all(one.needs_login for one in due):
        rt.youtube  # noqa: B018 -- opened once, before the threads ask for it; a changed API root ends it here
    workers = ThreadPoolExecutor(max_workers=min(_AT_ONCE, len(due) or 1), thread_name_prefix="refresh")
    try:
        return tuple(workers.map(lambda one: _refreshed(rt, one, within, force=force), due))
    except BaseException:
        rt.stopping.set()
        raise
    finally:
        workers.shutdown(cancel_futures=True)  # what is under way is waited for, and stored


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
        now = accounts.find(tx, account.account) or account  # it may have been removed meanwhile
    if problem is None and now.token_expires_at != account.token_expires_at:
        outcome = "refreshed"
    return _told(now, outcome, problem)


def _told(account: Account, outcome: str, problem: YtpoolError | None = None) -> Refreshed:
    return Refreshed(
        account=account.account,
        outcome=outcome,
        token_expires_at=account.token_expires_at,
        grant_expires_at=account.grant_expires_at,
        problem=problem,
    )
