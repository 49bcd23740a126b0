"""How long every login will live, and why: what `auth status`, `health` and `todo` say of it is found here.

Google announces no login's death. What can be foreseen is the end that was named when the login was made, six months
without a refresh, a client that is gone, and a hundred logins of one client; everything else shows once it has
happened.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ytpool.domain import failover, grants, moments
from ytpool.domain.accounts import Account, Standing
from ytpool.domain.grants import End, Purpose, Use
from ytpool.errors import LoginNeeded
from ytpool.runtime import Runtime
from ytpool.store import accounts, activity, pools, rests
from ytpool.store.db import Tx
from ytpool.store.rests import Rest, Scope

_CROWDED_FROM = grants.LIVING_AT_MOST - 10


class Kind(StrEnum):
    """What may be wrong with a login."""

    LOGIN_NEEDED = "login_needed"
    CLIENT_REFUSED = "client_refused"
    LOGIN_ENDS = "login_ends"
    SCOPE_MISSING = "scope_missing"
    UNVERIFIED = "unverified"
    CROWDED = "crowded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """One thing that ends a login or keeps it from its work, and what repairs it."""

    kind: Kind
    message: str
    command: str

    @property
    def is_fatal(self) -> bool:
        """Nothing can be done as this account any more."""
        return self.kind in (Kind.LOGIN_NEEDED, Kind.CLIENT_REFUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetime:
    """One account's login: what is known of its life."""

    account: str
    project: str
    client_id: str
    channel_id: str
    channel_title: str
    state: str
    token_expires_at: datetime | None
    ends_at: datetime | None
    """When the login dies unless something is done; None where it is dead."""
    ends_because: str
    """testing, limited or unused"""
    why: str
    proved_at: datetime | None
    """When Google last answered to this login."""
    verified_at: datetime | None
    """When it was last seen to speak for its channel."""
    verify_by: datetime | None
    used_for: tuple[str, ...]
    scopes: tuple[str, ...]
    missing_scopes: tuple[str, ...]
    concerns: tuple[Concern, ...]

    @property
    def needs_login(self) -> bool:
        return any(one.is_fatal for one in self.concerns)

    @property
    def problem(self) -> LoginNeeded | None:
        """Say what a script has to know of a login that is dead."""
        fatal = next((one for one in self.concerns if one.is_fatal), None)
        if fatal is None:
            return None
        return LoginNeeded(fatal.message, hint=f"run: {fatal.command}", account=self.account)


def lifetimes(rt: Runtime, account: str | None = None) -> tuple[Lifetime, ...]:
    """Return the life of this login, or of all; raises UnknownName."""
    with rt.store.reading() as tx:
        found = everyone(tx)
        if account is not None:
            found = tuple(one for one in found if one.account == accounts.get(tx, account).account)
    return found


def everyone(tx: Tx) -> tuple[Lifetime, ...]:
    """Return the life of every login, in the order of the accounts."""
    every = accounts.every(tx)
    pooled = {name for pool in pools.every(tx) for name in pool.accounts}
    refused = {
        rest.name: rest
        for rest in rests.running(tx)
        if rest.scope is Scope.PROJECT and rest.until is None and rest.reason in failover.CLIENT_REFUSED
    }
    crowds = _crowds(every)
    return tuple(_lifetime(tx, one, pooled=one.account in pooled, refused=refused, crowds=crowds) for one in every)


def _crowds(every: list[Account]) -> Mapping[str, int]:
    """Return the accounts whose logins are the oldest of clients that gave out nearly too many, with how many."""
    by_client: dict[str, list[Account]] = defaultdict(list)
    for one in every:
        by_client[one.client_id].append(one)
    found = {}
    for of_client in by_client.values():
        given = sum(one.logins for one in of_client)
        if given >= _CROWDED_FROM:
            oldest = min(of_client, key=lambda one: (one.logged_in_at or one.created_at, one.account))
            found[oldest.account] = given
    return found


def _lifetime(
    tx: Tx, account: Account, *, pooled: bool, refused: Mapping[str, Rest], crowds: Mapping[str, int]
) -> Lifetime:
    end = None if account.needs_login else _end(account)
    used_for = _used_for(tx, account, pooled=pooled)
    narrow = () if account.needs_login else tuple(one for one in used_for if grants.missing(account.scopes, one))
    concerns = (
        () if account.standing is Standing.DISABLED else _concerns(tx, account, end, used_for, narrow, refused, crowds)
    )
    return Lifetime(
        account=account.account,
        project=account.project,
        client_id=account.client_id,
        channel_id=account.channel_id,
        channel_title=account.channel_title,
        state=account.state,
        token_expires_at=account.token_expires_at,
        ends_at=None if end is None else end.at,
        ends_because="" if end is None else end.cause,
        why=account.login_reason if account.needs_login else "" if end is None else end.why,
        proved_at=max(filter(None, (account.refreshed_at, account.verified_at)), default=None),
        verified_at=account.verified_at,
        verify_by=grants.verify_by(account.verified_at),
        used_for=used_for,
        scopes=account.scopes,
        missing_scopes=tuple(one for one in grants.least(_uses(used_for)) if narrow and one not in account.scopes),
        concerns=tuple(concerns),
    )


def _end(account: Account) -> End | None:
    return grants.predicted_end(
        logged_in_at=account.logged_in_at,
        refreshed_at=account.refreshed_at,
        grant_expires_at=account.grant_expires_at,
    )


def _used_for(tx: Tx, account: Account, *, pooled: bool) -> tuple[Purpose, ...]:
    """Say what an account is there for: its channel must be seen, a pool's publishes; the rest its last calls tell."""
    found = {Purpose.LIST, *((Purpose.UPLOAD,) if pooled else ())}
    found |= {one for done in activity.lately(tx, account.account) if (one := grants.purpose_of(done)) is not None}
    return tuple(one for one in Purpose if one in found)


def _uses(purposes: Collection[Purpose]) -> tuple[Use, ...]:
    """Return what to log in for; reading goes along with everything."""
    uses = tuple(dict.fromkeys(grants.USE_FOR[one] for one in purposes))
    return tuple(one for one in uses if one is not Use.READ) or uses


def _concerns(
    tx: Tx,
    account: Account,
    end: End | None,
    used_for: tuple[Purpose, ...],
    narrow: tuple[Purpose, ...],
    refused: Mapping[str, Rest],
    crowds: Mapping[str, int],
) -> Iterator[Concern]:
    name = account.account
    login = f"ytpool auth add {name}"
    rest = refused.get(account.project)
    if account.needs_login:
        yield Concern(kind=Kind.LOGIN_NEEDED, message=f"needs a login: {account.login_reason}", command=login)
        return
    if rest is not None:
        yield Concern(
            kind=Kind.CLIENT_REFUSED,
            message=f"Google refuses the OAuth client of project {account.project} ({rest.reason}); a deleted one can "
            "be restored in its console for 30 days",
            command=f"{login} --client-secrets FILE",
        )
    if end is not None and end.is_near(tx.now):
        ends = "has ended" if end.at <= tx.now else "dies"
        yield Concern(
            kind=Kind.LOGIN_ENDS,
            message=f"the login {ends} at {moments.spoken(end.at)}: {end.why}",
            command=f"ytpool refresh-tokens --account {name} --force" if end.cause is grants.Cause.UNUSED else login,
        )
    if narrow:
        wider = f"--for {grants.wider(account.scopes, used_for)}"
        yield Concern(
            kind=Kind.SCOPE_MISSING,
            message=f"the login does not allow what the account is used for: {', '.join(narrow)}",
            command=f"{login} {wider}",
        )
    by = grants.verify_by(account.verified_at)
    if by is not None and by <= tx.now and Purpose.LIST not in narrow:
        yield Concern(
            kind=Kind.UNVERIFIED,
            message=f"its channel should have been seen again by {moments.spoken(by)} (Google's Developer Policies "
            "III.E.4)",
            command=f"ytpool refresh-tokens --account {name}",
        )
    if name in crowds:
        yield Concern(
            kind=Kind.CROWDED,
            message=f"its OAuth client has given out {crowds[name]} logins here; of one Google account the newest "
            f"{grants.LIVING_AT_MOST} live, and this is the oldest: another client of the project makes room",
            command=f"{login} --client-secrets FILE",
        )
