"""Reading through a pool: whose turn it is asks YouTube, and the next one where that one cannot today.

Within one project this is what pools are for. Without a pool nobody steps in: to ask as another project because a
bucket is empty is what Google forbids, and a pool over several projects has said why it may.
"""

from collections.abc import Callable
from typing import TypeVar

from ytpool.actions import claiming, looking, placing
from ytpool.actions.placing import WorkKind
from ytpool.domain.accounts import AccountState
from ytpool.domain.grants import Purpose
from ytpool.domain.jobs import Target, TargetKind
from ytpool.domain.quota import Urgency
from ytpool.domain.secret import Secret
from ytpool.errors import LoginNeeded, NoEligibleAccount, OutOfService, QuotaExhausted, Resting
from ytpool.runtime import Runtime
from ytpool.store import accounts, ledger
from ytpool.store.ledger import Call

T = TypeVar("T")


def anybody(rt: Runtime) -> Target:
    """Return the account that asks where none is named: the first that works."""
    with rt.store.reading() as tx:
        every = accounts.every(tx)
    works = [one for one in every if one.state in (AccountState.ACTIVE, AccountState.DRAINING)]
    if not every:
        raise NoEligibleAccount("there is no account", hint="add one: ytpool auth add NAME --pool main")
    return Target(kind=TargetKind.ACCOUNT, name=(works or every)[0].account)


def through(
    rt: Runtime,
    target: Target,
    operation: str,
    send: Callable[[Secret], T],
    *,
    purpose: Purpose = Purpose.LIST,
    urgency: Urgency = Urgency.NORMAL,
) -> tuple[str, T]:
    """Make one reading call as an account of the target, and return who made it and what came back.

    Raises QuotaExhausted or Resting with the moment at which it goes again, LoginNeeded or NoEligibleAccount where
    only a person can help.
    """
    tried: set[str] = set()
    while True:
        with rt.store.transaction() as tx:
            rt.require_same_root(tx)
            claiming.require_target(tx, target)
            ledger.expire(tx)
            bucket = next(iter(rt.terms(tx).prices.cost(operation)))
            kind = WorkKind(bucket=bucket, alone=False, purpose=purpose)
            choice, problem = placing.would_choose(rt, tx, target, (Call(operation=operation),), urgency, kind)
        account = choice.account or next(iter(choice.busy), None)  # looking takes no slot
        if account is None:
            assert problem is not None
            raise problem
        try:
            return account, looking.read(rt, account, send, operation=operation, urgency=urgency)
        except (QuotaExhausted, Resting, LoginNeeded, OutOfService):
            if account in tried or target.kind is TargetKind.ACCOUNT:
                raise
            tried.add(account)
