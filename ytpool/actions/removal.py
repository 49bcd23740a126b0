"""Taking an account away for good: out of service, its login ended at Google at once, and only then forgotten.

In this order a process that dies in between leaves an account that does nothing and can be removed again. What was
done with it stays in the books and in the history.
"""

from ytpool.actions import secrets
from ytpool.actions.accounts import left_on
from ytpool.domain.accounts import Account, Standing
from ytpool.errors import Busy, UpstreamFailed
from ytpool.runtime import Runtime
from ytpool.store import accounts, jobs, pools
from ytpool.store.db import Tx
from ytpool.store.secrets import Kind, forget

LEAVING = "being removed"

_DEAD_ALREADY = "invalid_token"
"""What Google says of a login that is at its end."""


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
    """Take an account out of every pool and out of service, so that nothing can begin on it any more."""
    for pool in pools.every(tx):
        pools.leave(tx, pool.pool, account)
    jobs.unbind(tx, account)
    accounts.stand(tx, account, Standing.DISABLED, LEAVING)


def remove(rt: Runtime, account: str) -> list[str]:
    """End the login of a retired account at Google, and forget the account; return what an operator should know.

    Raises UpstreamFailed where Google could not be asked: then the account stays retired, with its secrets.
    """
    with rt.store.reading() as tx:
        found = accounts.get(tx, account)
        token = secrets.read(rt, tx, Kind.REFRESH_TOKEN, account)
        others = [one.account for one in accounts.every(tx) if one.account != account and _same_grant(one, found)]
    notes = []
    if others:
        notes.append(f"the login of {account} was not ended at Google, because {', '.join(others)} lives by the same")
    elif token is not None:
        try:
            rt.youtube.revoke(rt.revoke_uri, token)
        except UpstreamFailed as failure:
            if failure.reason != _DEAD_ALREADY:
                raise
    with rt.store.transaction() as tx:
        require_no_work(tx, account)
        for kind in (Kind.ACCESS_TOKEN, Kind.REFRESH_TOKEN):
            forget(tx, kind, account)
        accounts.remove(tx, account)
    return notes


def _same_grant(one: Account, other: Account) -> bool:
    """Tell whether ending one login ends the other: Google keeps one grant for a project and a channel."""
    return bool(one.channel_id) and (one.channel_id, one.project) == (other.channel_id, other.project)
