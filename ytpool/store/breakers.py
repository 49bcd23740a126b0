"""Breakers: kept in the state, so that all processes see one, and only so many calls go out to try it.

An account has one for its calls and one for its logins, and each service has one. The service's counts the failures
of all accounts, and a call that gets through for anybody ends its row: so it opens when everybody who tried failed
alike, and then no account is to blame.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from ytpool.domain import moments
from ytpool.domain.breakers import Breaker, Failure, Rules, Service
from ytpool.errors import Resting
from ytpool.store import accounts
from ytpool.store.db import Tx
from ytpool.store.rests import LOGINS, Scope

if TYPE_CHECKING:
    import random


_HEARD_OF_SOON = timedelta(seconds=10)
"""Whoever finds all probes under way looks again after this long."""


class Key(NamedTuple):
    """What a breaker is of; the same words name its rest."""

    scope: Scope
    name: str
    bucket: str = ""

    def __str__(self) -> str:
        return f"{'the logins of ' if self.bucket == LOGINS else ''}{self.scope} {self.name}"


class Probe(NamedTuple):
    """A call that tries out whether something works again."""

    key: Key
    sent_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A breaker as it is stored."""

    key: Key
    breaker: Breaker
    reason: str = ""
    blamed: int = 0

    @classmethod
    def from_row(cls, row: Any) -> "Kept":
        return cls(
            key=Key(Scope(row["scope"]), row["name"], row["bucket"]),
            breaker=Breaker(
                failures=tuple(_failure(line) for line in row["failures"].splitlines()),
                openings=row["openings"],
                since=moments.parse_optional(row["since"]),
                until=moments.parse_optional(row["until"]),
                probes=tuple(moments.parse(line) for line in row["probes"].splitlines()),
                closed_at=moments.parse_optional(row["closed_at"]),
            ),
            reason=row["reason"],
            blamed=row["blamed"],
        )


def keys(account: str, service: Service) -> tuple[Key, Key]:
    """Name the breakers that a call of this account to this service has to pass: the service's, then its own."""
    bucket = LOGINS if service is Service.OAUTH else ""
    return Key(Scope.SERVICE, service), Key(Scope.ACCOUNT, account, bucket)


def admit(tx: Tx, account: str, service: Service, rules: Rules) -> tuple[Probe, ...]:
    """Let a call leave, and count it where something is being tried out.

    Raises Resting while something that it needs is open, or has as many probes under way as are let through; the error
    has to leave the transaction, which then leaves no trace.
    """
    found = _of(tx, account, service)
    _require_closed(tx, found)
    probes = []
    for one in found:
        breaker = one.breaker
        if breaker.places(tx.now, rules) == 0:
            raise _resting(one, "is being tried out", tx.now + _HEARD_OF_SOON)
        if breaker.is_half_open(tx.now):
            _keep(tx, replace(one, breaker=breaker.after_sending(tx.now)))
            probes.append(Probe(one.key, tx.now))
    return tuple(probes)


def require_closed(tx: Tx, account: str, service: Service) -> None:
    """Raise Resting while a breaker that a call has to pass is open."""
    _require_closed(tx, _of(tx, account, service))


def _require_closed(tx: Tx, found: list[Kept]) -> None:
    for one in found:
        until = one.breaker.until
        if until is not None and one.breaker.is_open(tx.now):
            raise _resting(one, "rests", until)


def _resting(found: Kept, words: str, until: datetime) -> Resting:
    return Resting(
        f"{found.key} {words}: {found.reason}",
        hint=f"it goes on by itself at {moments.spoken(until)}; "
        f"to try it now: ytpool rests lift {found.key.scope} {found.key.name}",
        scope=found.key.scope,
        name=found.key.name,
        until=until,
    )


def take_back(tx: Tx, probes: Iterable[Probe]) -> None:
    """Forget probes that did not leave after all."""
    for probe in probes:
        found = _find(tx, probe.key)
        if found is not None:
            _keep(tx, replace(found, breaker=found.breaker.after_taking_back(probe.sent_at)))


def succeeded(tx: Tx, account: str, service: Service) -> None:
    """A call got through: what was open closes, and no failure is in a row any more."""
    for found in _of(tx, account, service):
        closed = found.breaker.after_success(tx.now)
        if closed != found.breaker:
            _keep(tx, replace(found, breaker=closed, blamed=0))


def failed(tx: Tx, account: str, service: Service, rules: Rules, rng: "random.Random", reason: str) -> Key | None:
    """Count a failure that says nothing about the call, and return what opens because of it.

    That is the service where everybody who tried lately failed alike: then the accounts' own rests of this time are
    lifted, and their scores get back what they were charged. Else it is the account, which is charged with the
    failures; unless more than half of the accounts of one of its pools would rest by such guesses.
    """
    at_fault, own = (_find(tx, key) or Kept(key=key, breaker=Breaker()) for key in keys(account, service))
    failure = Failure(tx.now, account)
    whole = at_fault.breaker.after_failure(failure, rules)
    if whole.is_open(tx.now):  # the call left before it opened
        return None
    if whole.is_half_open(tx.now) or (whole.trips(tx.now, rules) and _everybody(tx, whole.failures)):
        for blamed in {one.account for one in whole.failures}:
            _acquit(tx, keys(blamed, service)[1], whole.failures[0].at)
        _open(tx, replace(at_fault, breaker=whole), rules, rng, reason)
        return at_fault.key
    _keep(tx, replace(at_fault, breaker=whole))
    mine = own.breaker.after_failure(failure, rules)
    if not mine.trips(tx.now, rules) or mine.is_open(tx.now):
        _keep(tx, replace(own, breaker=mine))
        return None
    if not _may_rest(tx, account):
        _keep(tx, replace(own, breaker=mine.spared()))
        return None
    blamed_with = len(mine.failures)
    accounts.blame(tx, account, blamed_with)
    _open(tx, replace(own, breaker=mine, blamed=own.blamed + blamed_with), rules, rng, reason)
    return own.key


def admit_service(tx: Tx, service: str, rules: Rules) -> bool:
    """Let a call to another service leave, and count it where that is being tried out; False where none may now."""
    found = _find(tx, Key(Scope.SERVICE, service))
    if found is None:
        return True
    if found.breaker.places(tx.now, rules) == 0:
        return False
    _keep(tx, replace(found, breaker=found.breaker.after_sending(tx.now)))
    return True


def service_failed(tx: Tx, service: str, rules: Rules, rng: "random.Random", reason: str) -> None:
    """Count a failure of another service, which has no accounts of ours to blame instead."""
    key = Key(Scope.SERVICE, service)
    kept = _find(tx, key) or Kept(key=key, breaker=Breaker())
    breaker = kept.breaker.after_failure(Failure(tx.now, service), rules)
    if breaker.trips(tx.now, rules) and not breaker.is_open(tx.now):
        _open(tx, replace(kept, breaker=breaker), rules, rng, reason)
    else:
        _keep(tx, replace(kept, breaker=breaker))


def service_succeeded(tx: Tx, service: str) -> None:
    """Another service has done what it was asked for: no failure is in a row any more."""
    found = _find(tx, Key(Scope.SERVICE, service))
    if found is not None:
        _keep(tx, replace(found, breaker=found.breaker.after_success(tx.now)))


def on_trial(tx: Tx, rules: Rules) -> dict[Key, int]:
    """Return what is half-open, and how many calls may still leave to try it out."""
    rows = tx.all("SELECT * FROM breakers WHERE until <= :at", at=tx.at)
    return {found.key: found.breaker.places(tx.now, rules) or 0 for found in map(Kept.from_row, rows)}


def forget(tx: Tx, scope: Scope, name: str, bucket: str | None = None) -> bool:
    """Close breakers for good, as if nothing had failed; False where there was none."""
    return bool(
        tx.run(
            "DELETE FROM breakers WHERE scope = :scope AND name = :name AND (:every = 1 OR bucket = :bucket)",
            scope=scope,
            name=name,
            every=int(bucket is None),
            bucket=bucket or "",
        )
    )


def forget_all(tx: Tx) -> None:
    """Close every breaker for good."""
    tx.run("DELETE FROM breakers")


def _of(tx: Tx, account: str, service: Service) -> list[Kept]:
    """Return the service's breaker and the account's own, as far as they have anything to say; every call asks this."""
    of_service, own = keys(account, service)
    rows = tx.all(
        """
        SELECT * FROM breakers
         WHERE (scope = 'service' AND name = :service AND bucket = '')
            OR (scope = 'account' AND name = :account AND bucket = :bucket)
         ORDER BY scope DESC
        """,
        service=of_service.name,
        account=own.name,
        bucket=own.bucket,
    )
    return [Kept.from_row(row) for row in rows]


def _find(tx: Tx, key: Key) -> Kept | None:
    row = tx.one(
        "SELECT * FROM breakers WHERE scope = :scope AND name = :name AND bucket = :bucket",
        **key._asdict(),
    )
    return None if row is None else Kept.from_row(row)


def _keep(tx: Tx, kept: Kept) -> None:
    breaker = kept.breaker
    tx.run(
        """
        INSERT INTO breakers (scope, name, bucket, failures, openings, since, until, probes, closed_at, reason, blamed)
        VALUES (:scope, :name, :bucket, :failures, :openings, :since, :until, :probes, :closed_at, :reason, :blamed)
        ON CONFLICT (scope, name, bucket) DO UPDATE
           SET failures = excluded.failures, openings = excluded.openings, since = excluded.since,
               until = excluded.until, probes = excluded.probes, closed_at = excluded.closed_at,
               reason = excluded.reason, blamed = excluded.blamed
        """,
        **kept.key._asdict(),
        failures="\n".join(f"{moments.text(one.at)} {one.account}" for one in breaker.failures),
        openings=breaker.openings,
        since=_text(breaker.since),
        until=_text(breaker.until),
        probes="\n".join(map(moments.text, breaker.probes)),
        closed_at=_text(breaker.closed_at),
        reason=kept.reason,
        blamed=kept.blamed,
    )


def _open(tx: Tx, kept: Kept, rules: Rules, rng: "random.Random", reason: str) -> None:
    count = len(kept.breaker.failures)
    whose = {one.account for one in kept.breaker.failures}
    by = f" of {len(whose)} accounts" if len(whose) > 1 else ""
    words = f"it failed when it was tried out: {reason}"
    if not kept.breaker.is_half_open(tx.now):
        words = f"{count} failures in a row{by}, the last: {reason}"
    _keep(tx, replace(kept, breaker=kept.breaker.opened(tx.now, rules, rng), reason=words))


def _acquit(tx: Tx, key: Key, since: datetime) -> None:
    """The service was at fault: what an account was taken for since this moment is taken back."""
    found = _find(tx, key)
    if found is None:
        return
    opened_at = found.breaker.since
    if opened_at is not None and opened_at < since:  # it was in trouble before everybody was
        return
    accounts.blame(tx, key.name, -found.blamed)
    forget(tx, *key)


def _everybody(tx: Tx, failures: tuple[Failure, ...]) -> bool:
    """Say whether these failures are of everybody who could be asked: several accounts, or the only one there is."""
    failing = {one.account for one in failures}
    if len(failing) > 1:
        return True
    row = tx.one(
        """
        SELECT 1 FROM accounts
         WHERE kind = 'youtube' AND state = 'active' AND standing = 'active' AND account <> :account
           AND account NOT IN (SELECT name FROM breakers WHERE scope = 'account' AND until > :at)
        """,
        account=next(iter(failing)),
        at=tx.at,
    )
    return row is None


def _may_rest(tx: Tx, account: str) -> bool:
    """Say whether each pool of an account would still have half of its accounts that no guess keeps from working."""
    row = tx.one(
        """
        SELECT 1 FROM pool_members mine
         WHERE mine.account = :account
           AND (SELECT count(*) FROM pool_members m JOIN accounts a ON a.account = m.account
                 WHERE m.pool = mine.pool AND a.state = 'active' AND a.standing = 'active')
             < 2 * (1 + (SELECT count(*) FROM pool_members m
                          WHERE m.pool = mine.pool AND m.account <> :account
                            AND m.account IN (SELECT name FROM breakers WHERE scope = 'account' AND until > :at)))
        """,
        account=account,
        at=tx.at,
    )
    return row is None


def _failure(line: str) -> Failure:
    moment, _, account = line.partition(" ")
    return Failure(moments.parse(moment), account)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moments.text(moment)
