"""An account's owner leaves: the login ends at Google at once, what came with it is deleted, and the books stay."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ytpool.actions import reach, removal
from ytpool.domain import moments
from ytpool.domain.accounts import Account
from ytpool.errors import Interrupted, LeavingDelayed, OutcomeUnknown, UpstreamFailed, YtpoolError
from ytpool.runtime import Runtime
from ytpool.store import accounts, leavings

_TRIED_AGAIN_AFTER = timedelta(minutes=10)
_HOUSEKEEPING_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """How far an account has left."""

    account: str
    channel_id: str
    channel_title: str
    ended_at_google: bool
    deleted: bool
    """Its tokens, and what else came with its login, are gone here."""
    delete_by: datetime | None
    """Until when that happens at the latest, where it has not happened yet."""
    dry_run: bool
    notes: tuple[str, ...] = ()
    problem: YtpoolError | None = None


def revoke(
    rt: Runtime,
    account: str,
    *,
    dry_run: bool = False,
    agrees: Callable[[Account, list[str]], bool],
    says: Callable[[str], None] = lambda _: None,
) -> Revoked:
    """End an account's login at Google and forget the account; its books stay, and its history without words.

    `agrees` is asked with the other accounts that live by the same login. Raises Busy while it has unfinished jobs.
    Where Google cannot be asked the account is out of service from now on, and is tried again.
    """
    with rt.store.reading() as tx:
        found, begun = accounts.get(tx, account), leavings.find(tx, account)
        others = removal.same_login(tx, found)
        if begun is None:
            removal.require_no_work(tx, account)
    told = Revoked(
        account=account,
        channel_id=found.channel_id,
        channel_title=found.channel_title,
        ended_at_google=False,
        deleted=False,
        delete_by=None if begun is None else begun.ends_at,
        dry_run=dry_run,
    )
    if dry_run:
        return told
    if begun is None and not agrees(found, others):
        raise Interrupted("nothing was changed")
    with rt.store.transaction() as tx:
        rt.require_same_root(tx)
        if begun is None:
            removal.require_no_work(tx, account)
        removal.retire(tx, account)
        standing = leavings.find(tx, account)
        assert standing is not None
    says(f"ending the login of {account} for channel {found.channel_title} ({found.channel_id}) at Google")
    try:
        removed = removal.remove(rt, account)
    except UpstreamFailed as failure:
        return _delayed(told, standing.ends_at, failure)
    return replace(told, ended_at_google=removed.ended_at_google, deleted=True, notes=removed.notes)


def due(rt: Runtime) -> list[str]:
    """Return the accounts whose logins could not be ended yet, and were not tried lately."""
    with rt.store.reading() as tx:
        return [
            one.account
            for one in leavings.every(tx)
            if one.tried_at is None or tx.now - one.tried_at > _TRIED_AGAIN_AFTER
        ]


def go_on(rt: Runtime) -> int:
    """Go on with accounts that are due, and return how many are gone; why it failed again stands in `todo`.

    For housekeeping: begins nothing after two seconds. A machine without the vault's key keeps out of the way of one
    that has it: past the deadline it would delete what the other could still end at Google.
    """
    ends_at = rt.clock.monotonic() + _HOUSEKEEPING_SECONDS
    gone = 0
    leave = due(rt)
    if leave and reach.is_for_others(rt):
        return 0
    for account in leave:
        if rt.clock.monotonic() > ends_at:
            break
        try:
            removal.remove(rt, account)
        except Interrupted:
            raise
        except YtpoolError as error:
            with rt.store.transaction() as tx:
                leavings.failed(tx, account, error.message)
        else:
            gone += 1
    return gone


def _delayed(told: Revoked, ends_at: datetime, failure: UpstreamFailed) -> Revoked:
    """Word an ending that Google did not confirm: what it refuses will not go by itself."""
    by = f"its tokens are deleted here on {moments.spoken(ends_at)} at the latest"
    again = f"ytpool auth revoke {told.account}"
    refused = 400 <= failure.http_status < 500 and failure.http_status not in (408, 429)
    problem: YtpoolError
    if refused:
        problem = OutcomeUnknown(
            f"{told.account} is out of service, and Google refused to end its login: {failure.message}",
            hint=f"look at https://myaccount.google.com/connections and end it there; then: {again}; {by}",
            account=told.account,
            reason=failure.reason,
        )
    else:
        problem = LeavingDelayed(
            f"{told.account} is out of service, and its login is not ended yet: {failure.message}",
            hint=f"it is tried again by `ytpool refresh-tokens`, and now by: {again}; {by}",
            account=told.account,
            reason=failure.reason,
        )
    return replace(told, delete_by=ends_at, problem=problem)
