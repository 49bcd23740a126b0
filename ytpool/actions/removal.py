"""Taking an account away for good: out of service, its login ended at Google at once, and only then forgotten.

In this order a process that dies in between leaves an account that does nothing, and a word of what is to become of
it: the same command, or the next housekeeping, goes on. What was done with it stays in the books, and in the history
without what could name a person.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ytpool.actions import sealing, secrets
from ytpool.actions.accounts import left_on
from ytpool.actions.heartbeat import renewing
from ytpool.domain.accounts import Account, AccountState, Standing
from ytpool.domain.secret import Secret
from ytpool.errors import Busy, SecretDamaged, UpstreamFailed, VaultKeyLost, VaultUnavailable, YtpoolError
from ytpool.runtime import Runtime
from ytpool.store import accounts, activity, jobs, leases, leavings, pools, segments
from ytpool.store.activity import Outcome
from ytpool.store.db import Tx
from ytpool.store.leases import Lease, LeaseKind
from ytpool.store.ledger import Payer
from ytpool.store.secrets import Kind, forget

ENDED = "its login was ended, and its last jobs wait to be cancelled"

_DEAD_ALREADY = "invalid_token"
"""What Google says of a login that is at its end."""

_BY_HAND = "end it at https://myaccount.google.com/connections"
_LOOK_AGAIN_AFTER = 0.2
_WAIT_AT_MOST = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """How an account went."""

    ended_at_google: bool
    """False where there was nothing to end, where others live by the same login, or where Google could not be asked."""
    notes: tuple[str, ...]


def require_no_work(tx: Tx, account: str) -> None:
    """Raise Busy while an account has jobs that only it can finish, or that wait for it."""
    left = left_on(tx, account)
    if left:
        some = ", ".join(f"{job.job} ({job.left})" for job in left[:5])
        raise Busy(
            f"{account} is not removed: it has {len(left)} unfinished job{'s' * (len(left) > 1)}: {some}",
            hint=f"let it finish them: ytpool accounts drain {account}; then: ytpool upload --resume; "
            "or end them with `ytpool queue cancel JOB`",
            account=account,
            jobs=[job.job for job in left],
        )


def retire(tx: Tx, account: str) -> None:
    """Take an account out of every pool and out of service, so that nothing can begin on it, and say that it leaves."""
    for pool in pools.every(tx):
        pools.leave(tx, pool.pool, account)
    jobs.unbind(tx, account)
    accounts.stand(tx, account, Standing.DISABLED, leavings.REASON)
    leavings.intend(tx, account)


def same_login(tx: Tx, account: Account) -> list[str]:
    """Return the other accounts that would lose their login: Google keeps one grant for a project and a channel."""
    return [
        one.account
        for one in accounts.on_channel(tx, account.channel_id)
        if one.account != account.account and one.project == account.project
    ]


def remove(rt: Runtime, account: str) -> Removed:
    """End the login of a retired account at Google, and forget the account and all that came with its login.

    Raises UpstreamFailed where Google could not be asked, and what the vault raises where the token does not open: then
    the account stays retired, with its secrets, until its deadline; after that they go all the same. Raises Busy where
    jobs of it came in between: then its secrets are gone, and its name stays for them; and where it was taken back.
    """
    with _alone(rt, account):
        with rt.store.reading() as tx:
            found, leaving = accounts.find(tx, account), leavings.find(tx, account)
            others = [] if found is None else same_login(tx, found)
            is_late = leaving is not None and tx.now >= leaving.ends_at
        if found is None:
            return Removed(ended_at_google=False, notes=())
        if leaving is None:
            raise _taken_back(account)
        notes, ended = [], False
        if others:
            notes.append(
                f"the login of {account} was not ended at Google, because {', '.join(others)} lives by the same"
            )
        else:
            try:
                ended = _end(rt, account)
            except (UpstreamFailed, VaultUnavailable, VaultKeyLost, SecretDamaged) as trouble:
                if not is_late:
                    _keep_failure(rt, account, trouble)
                    raise
                notes.append(f"the login of {account} could not be ended at Google, and its time is over: {_BY_HAND}")
        _forget(rt, found, "; ".join(notes))
        return Removed(ended_at_google=ended, notes=tuple(notes))


def _end(rt: Runtime, account: str) -> bool:
    """End a login; False where it was dead already."""
    token = _token(rt, account)
    if token is None:
        return False
    try:
        rt.youtube.revoke(rt.revoke_uri, token)
    except UpstreamFailed as failure:
        if failure.reason != _DEAD_ALREADY:
            raise
        return False
    return True


def _token(rt: Runtime, account: str) -> Secret | None:
    """Return what ends the whole login; an access token does too, where no more is left."""
    rt.open_vault()
    with rt.store.reading() as tx:
        return secrets.read(rt, tx, Kind.REFRESH_TOKEN, account) or secrets.read(rt, tx, Kind.ACCESS_TOKEN, account)


def _keep_failure(rt: Runtime, account: str, trouble: YtpoolError) -> None:
    with rt.store.transaction() as tx:
        leavings.failed(tx, account, trouble.message)


def _forget(rt: Runtime, account: Account, detail: str) -> None:
    busy: Busy | None = None
    with rt.store.transaction() as tx:
        if leavings.find(tx, account.account) is None:  # while Google was asked
            raise _taken_back(account.account)
        for kind in (Kind.ACCESS_TOKEN, Kind.REFRESH_TOKEN):
            forget(tx, kind, account.account)
        payer = Payer(account=account.account, project=account.project, channel_id=account.channel_id)
        activity.record(tx, rt.rng, payer, activity.REVOKE, Outcome.DONE, detail=detail)
        try:
            require_no_work(tx, account.account)
        except Busy as refused:
            accounts.set_state(tx, account.account, AccountState.LOGIN_NEEDED, ENDED)
            leavings.failed(tx, account.account, refused.message)
            busy = refused
        else:
            segments.to_be_erased(tx, account.account)
            accounts.remove(tx, account.account)
            accounts.forget_channel(tx, account.channel_id)
    if busy is not None:
        raise busy
    while sealing.erase_some(rt):  # whoever dies here has it done by the next housekeeping
        rt.require_going()


def _taken_back(account: str) -> Busy:
    return Busy(
        f"{account} stays: somebody has logged it in or enabled it meanwhile",
        hint=f"to end its login after all: ytpool auth revoke {account}",
        account=account,
    )


@contextmanager
def _alone(rt: Runtime, account: str) -> Iterator[None]:
    """Keep everybody else from refreshing what is about to go: a fresh token would outlive its account."""
    gives_up_at = rt.clock.monotonic() + _WAIT_AT_MOST
    lease: Lease | None = None
    while lease is None:
        with rt.store.transaction() as tx:
            lease = leases.take(tx, LeaseKind.REFRESH, account, holder=account, lasts_for=leases.REFRESH_LASTS_FOR)
        if lease is None:
            if rt.clock.monotonic() > gives_up_at:
                raise Busy(f"another process is refreshing or removing {account}", hint="try again", account=account)
            rt.sleep(_LOOK_AGAIN_AFTER)
    try:
        with renewing(rt, lease, leases.REFRESH_LASTS_FOR):
            yield
    finally:
        with rt.store.transaction() as tx:
            leases.give_back(tx, [lease])
