"""Envelopes as meters: what each purpose has used today of its share of a project's general bucket.

They are opened by the first hold of a day that needs one, and then hold what the day has used before. A ceiling here
is our own wish: it follows the bucket's limit and the settings at every hold, and never falls below what is used.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from ytpool.domain import envelopes, moments, quota
from ytpool.domain.envelopes import BUFFER, Envelopes, Units
from ytpool.domain.prices import GENERAL
from ytpool.domain.quota import Urgency
from ytpool.domain.terms import Terms
from ytpool.errors import QuotaExhausted
from ytpool.store import limits, meters
from ytpool.store.db import Tx
from ytpool.store.meters import ENVELOPE, PROJECT, WHERE, Meter

_STATES = ("held", "sent", "spent", "unknown")


class Standing(NamedTuple):
    """How one envelope stands."""

    purpose: str
    size: int
    """Its share."""
    ceiling: int
    """With what it has borrowed, and without what it has lent."""
    spent: int
    held: int
    """Not settled yet, sent or not."""
    unknown: int

    @property
    def used(self) -> int:
        return self.spent + self.held + self.unknown


def take(tx: Tx, project: str, needs: Units, terms: Terms, urgency: Urgency) -> None:
    """Take units from a project's envelopes, all or none; raises QuotaExhausted with the time at which it goes on."""
    settings = terms.envelopes
    assert settings is not None
    sizes = settings.sizes(_limit(tx, project, terms))
    rows = _opened(tx, project, sizes, terms)
    used = {purpose: meters.booked(row) for purpose, row in rows.items()}
    lends = settings.lends(tx.now)
    if not envelopes.admits(sizes, used, needs, lends=lends, use_buffer=urgency is Urgency.BUFFER):
        raise _exhausted(project, sizes, used, needs, terms)
    after = {purpose: used.get(purpose, 0) + needs.get(purpose, 0) for purpose in sizes}
    for purpose, ceiling in sorted(envelopes.ceilings(sizes, after, lends=lends).items()):
        if ceiling != rows[purpose]["ceiling"] or needs.get(purpose):
            tx.run(
                f"UPDATE meters SET ceiling = :ceiling, held = held + :units {WHERE}",
                ceiling=ceiling,
                units=needs.get(purpose, 0),
                **_meter(project, purpose, terms).key,
            )


def standing(tx: Tx, project: str, terms: Terms) -> tuple[Standing, ...]:
    """Return how a project's envelopes stand, also before the day's first hold has opened them."""
    settings = terms.envelopes
    if settings is None:
        return ()
    sizes = settings.sizes(_limit(tx, project, terms))
    booked = _booked(tx, project, sizes, terms)
    found = envelopes.ceilings(sizes, _sums(booked), lends=settings.lends(tx.now))
    return tuple(
        Standing(
            purpose,
            size,
            found[purpose],
            booked[purpose]["spent"],
            booked[purpose]["held"] + booked[purpose]["sent"],
            booked[purpose]["unknown"],
        )
        for purpose, size in sizes.items()
    )


def in_the_way(tx: Tx, project: str, needs: Units, terms: Terms, urgency: Urgency) -> tuple[str, datetime] | None:
    """Say what keeps these units from being taken, and until when; None: nothing."""
    settings = terms.envelopes
    if settings is None or not needs:
        return None
    sizes = settings.sizes(_limit(tx, project, terms))
    used = _sums(_booked(tx, project, sizes, terms))
    use_buffer = urgency is Urgency.BUFFER
    if envelopes.admits(sizes, used, needs, lends=settings.lends(tx.now), use_buffer=use_buffer):
        return None
    words = ", ".join(_short(sizes, used, needs))
    return f"the envelope for {words} is used up", _until(settings, sizes, used, needs, terms)


def _limit(tx: Tx, project: str, terms: Terms) -> int:
    meter = Meter(PROJECT, project, GENERAL, terms.day.isoformat())
    row = tx.one(f"SELECT ceiling FROM meters {WHERE}", **meter.key)
    ceiling = limits.ceiling(tx, meter, terms) if row is None else row["ceiling"]
    return int(ceiling or 0)


def _rows(tx: Tx, project: str, terms: Terms) -> dict[str, Any]:
    rows = tx.all(
        "SELECT * FROM meters WHERE scope = :scope AND name = :name AND day = :day ORDER BY bucket",
        scope=ENVELOPE,
        name=project,
        day=terms.day.isoformat(),
    )
    return {row["bucket"]: row for row in rows}


def _opened(tx: Tx, project: str, sizes: Units, terms: Terms) -> dict[str, Any]:
    rows = _rows(tx, project, terms)
    missing = sizes.keys() - rows.keys()
    if missing:
        for purpose in sorted(missing):
            limits.opened(tx, _meter(project, purpose, terms), terms)
        _bring_in(tx, project, missing, terms)
        rows = _rows(tx, project, terms)
    return rows


def _bring_in(tx: Tx, project: str, purposes: "set[str]", terms: Terms) -> None:
    """Let envelopes that are opened in the middle of a day hold what the day has used already."""
    sums: dict[tuple[str, str], int] = {}
    for row in _before(tx, project, terms):
        purpose = _purpose(row["operation"], terms)
        if purpose not in purposes:
            continue
        tx.run(
            """
            INSERT INTO ledger (hold, scope, name, bucket, day, units, state, blurred, operation, job, step, account,
                                channel_id, fence, era, expires, held_at, sent_at, settled_at, reason)
            SELECT hold, :scope, name, :purpose, day, units, state, blurred, operation, job, step, account,
                   channel_id, fence, era, expires, held_at, sent_at, settled_at, reason
              FROM ledger WHERE hold = :hold AND scope = 'project' AND name = :name AND bucket = :bucket AND day = :day
            """,
            hold=row["hold"],
            scope=ENVELOPE,
            purpose=purpose,
            **{name: row[name] for name in ("name", "bucket", "day")},
        )
        sums[purpose, row["state"]] = sums.get((purpose, row["state"]), 0) + row["units"]
    for (purpose, state), units in sorted(sums.items()):
        tx.run(
            f"UPDATE meters SET {state} = {state} + :units {WHERE}",
            units=units,
            **_meter(project, purpose, terms).key,
        )


def _before(tx: Tx, project: str, terms: Terms) -> list[Any]:
    """Return what our calls have booked on the general bucket today."""
    return tx.all(
        f"SELECT * FROM ledger {WHERE} AND state IN ('held', 'sent', 'spent', 'unknown') ORDER BY hold",
        **Meter(PROJECT, project, GENERAL, terms.day.isoformat()).key,
    )


def _booked(tx: Tx, project: str, sizes: Units, terms: Terms) -> dict[str, Counter[str]]:
    """Return what is booked by purpose and state, as the day's first hold that needs an envelope will find it."""
    rows = _rows(tx, project, terms)
    booked = {
        purpose: Counter({state: rows[purpose][state] for state in _STATES} if purpose in rows else {})
        for purpose in sizes
    }
    missing = sizes.keys() - rows.keys() - {BUFFER}
    if missing:
        for row in _before(tx, project, terms):
            purpose = _purpose(row["operation"], terms)
            if purpose in missing:
                booked[purpose][row["state"]] += row["units"]
    return booked


def _sums(booked: Mapping[str, Counter[str]]) -> dict[str, int]:
    return {purpose: states.total() for purpose, states in booked.items()}


def _purpose(operation: str, terms: Terms) -> str:
    assert terms.envelopes is not None
    return terms.envelopes.purposes.get(operation, "")


def _meter(project: str, purpose: str, terms: Terms) -> Meter:
    return Meter(ENVELOPE, project, purpose, terms.day.isoformat())


def _short(sizes: Units, used: Units, needs: Units) -> list[str]:
    """Name the purposes that need more than their own envelope has left."""
    beyond = [purpose for purpose in sorted(needs) if used.get(purpose, 0) + needs[purpose] > sizes.get(purpose, 0)]
    return beyond or sorted(needs)  # none: what they have left is lent to others


def _until(settings: Envelopes, sizes: Units, used: Mapping[str, int], needs: Units, terms: Terms) -> datetime:
    """Return when it goes on: when envelopes begin to lend, if that helps, else at the reset."""
    resets_at = quota.resets_at(terms.day)
    if settings.lends_at is not None and envelopes.admits(sizes, used, needs, lends=True, use_buffer=False):
        return min(settings.lends_at, resets_at)
    return resets_at


def _exhausted(project: str, sizes: Units, used: Units, needs: Units, terms: Terms) -> QuotaExhausted:
    assert terms.envelopes is not None
    until = _until(terms.envelopes, sizes, used, needs, terms)
    short = _short(sizes, used, needs)
    said = ", ".join(
        f"{max(0, sizes.get(purpose, 0) - used.get(purpose, 0))} of {sizes.get(purpose, 0)} units for {purpose}"
        for purpose in short
    )
    return QuotaExhausted(
        f"the envelopes of project {project} have {said} left today, and "
        f"{', '.join(str(needs.get(purpose, 0)) for purpose in short)} are needed",
        hint=f"it goes on by itself at {moments.spoken(until)}; --use-buffer takes from the envelope that is kept back",
        meter=_meter(project, short[0], terms).key,
        left=max(0, sizes.get(short[0], 0) - used.get(short[0], 0)),
        until=until,
    )
