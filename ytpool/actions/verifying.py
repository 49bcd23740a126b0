"""Seeing again, within every thirty days, that each login still speaks for its channel.

Google's Developer Policies (III.E.4) let data of a login be kept only while that is done. It costs a unit of the
general bucket for each account, and is begun two days early, so that a machine that is off for a night keeps the date.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ytpool.actions.calls import paid
from ytpool.domain import grants
from ytpool.domain.accounts import Account, AccountState, Standing
from ytpool.domain.logins import ChannelSeen
from ytpool.errors import Interrupted, LoginNeeded, YtpoolError
from ytpool.runtime import Runtime
from ytpool.store import accounts, leases, ledger, rests
from ytpool.store.db import Tx
from ytpool.store.leases import Lease, LeaseKind
from ytpool.store.ledger import Call, Hold, Payer
from ytpool.store.rests import Scope

_EARLY = timedelta(days=2)
_AT_MOST = 2.0
"""Seconds after which no further one is begun: this is housekeeping, done along the way."""
_OPERATION = "channels.list"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was seen behind one login."""

    account: str
    outcome: str
    """verified, other_channel, no_channel, or later where it could not be asked now"""
    units: int
    verified_at: datetime | None
    problem: YtpoolError | None = None


def due(rt: Runtime) -> list[Account]:
    """Return the accounts whose channels are to be seen again, the most urgent first."""
    with rt.store.reading() as tx:
        found = [one for one in accounts.every(tx) if _is_due(tx, one)]
        return sorted(found, key=lambda one: one.verified_at or tx.now)


def verify_due(rt: Runtime, account: str | None = None) -> tuple[Verified, ...]:
    """Ask for the channels behind the logins that are due, of all accounts or of this one, for two seconds at the most.

    What cannot be asked now is due again the next time; a login that turns out to speak for another channel needs a
    new one.
    """
    found: list[Verified] = []
    began = rt.clock.monotonic()
    for one in due(rt):
        if account in (None, one.account) and rt.clock.monotonic() - began < _AT_MOST:
            rt.require_going()
            found += _verify(rt, one)
    return tuple(found)


def _is_due(tx: Tx, account: Account) -> bool:
    by = grants.verify_by(account.verified_at)
    able = account.standing is not Standing.DISABLED and not account.needs_login and grants.can_list(account.scopes)
    return able and bool(account.channel_id) and (by is None or by - _EARLY <= tx.now)


def _verify(rt: Runtime, account: Account) -> list[Verified]:
    try:
        taken = _hold(rt, account.account)
        if taken is None:
            return []  # another process is at it, or was
        held, lease = taken
        try:
            seen = paid(rt, held, rt.youtube.my_channel, after=lambda tx, channel: _settle(tx, account, channel))
        finally:
            with rt.store.transaction() as tx:
                ledger.release(tx, [held.hold], "never sent")  # what was sent is settled already
                leases.give_back(tx, [lease])
    except Interrupted:
        raise
    except YtpoolError as error:
        return [_found(rt, account, "later", problem=error)]
    if seen is not None and seen.channel_id == account.channel_id:
        return [_found(rt, account, "verified", units=held.units)]
    problem = LoginNeeded(
        _wrong(account, seen), hint=f"run: ytpool auth add {account.account}", account=account.account
    )
    outcome = "no_channel" if seen is None else "other_channel"
    return [_found(rt, account, outcome, units=held.units, problem=problem)]


def _hold(rt: Runtime, name: str) -> tuple[Hold, Lease] | None:
    rt.open_vault()
    with rt.store.transaction() as tx:
        rt.require_clock()
        rt.require_same_root(tx)
        account = accounts.get(tx, name)
        if not _is_due(tx, account):
            return None
        lease = leases.take(tx, LeaseKind.VERIFY, name, holder=name, lasts_for=leases.REFRESH_LASTS_FOR)
        if lease is None:
            return None
        payer = Payer(account=name, project=account.project, channel_id=account.channel_id)
        (held,) = ledger.hold(tx, payer, [Call(operation=_OPERATION, step="verify")], rt.terms(tx), rt.rng)
    return held, lease


def _settle(tx: Tx, account: Account, seen: ChannelSeen | None) -> None:
    if seen is None:
        rests.rest(
            tx,
            Scope.ACCOUNT,
            account.account,
            reason=_wrong(account, seen),
            lifts=f"ytpool auth add {account.account}",
            until=None,
        )
    elif seen.channel_id != account.channel_id:
        accounts.set_state(tx, account.account, AccountState.LOGIN_NEEDED, _wrong(account, seen))
    else:
        accounts.keep_channel(tx, channel_id=seen.channel_id, title=seen.title, uploads_playlist=seen.uploads_playlist)
        accounts.verified(tx, account.account)


def _wrong(account: Account, seen: ChannelSeen | None) -> str:
    speaks_for = "no channel any more" if seen is None else f"channel {seen.title} ({seen.channel_id})"
    return (
        f"the login speaks for {speaks_for}, and {account.account} is for {account.channel_title} "
        f"({account.channel_id})"
    )


def _found(
    rt: Runtime, account: Account, outcome: str, *, units: int = 0, problem: YtpoolError | None = None
) -> Verified:
    with rt.store.reading() as tx:
        now = accounts.find(tx, account.account)
    return Verified(
        account=account.account,
        outcome=outcome,
        units=units,
        verified_at=None if now is None else now.verified_at,
        problem=problem,
    )
