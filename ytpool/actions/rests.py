"""What rests, and a person's word that it need not any longer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ytpool.domain import moments, quota
from ytpool.errors import UnknownName, UsageWrong
from ytpool.runtime import Runtime
from ytpool.store import accounts, breakers, caps, jobs, meters, projects, rests
from ytpool.store.db import Tx
from ytpool.store.meters import PROJECT
from ytpool.store.rests import Rest, Scope

_NAMED_AT_MOST = 5


class Phase(StrEnum):
    """How a rest stands."""

    RESTING = "resting"
    ON_TRIAL = "on trial"
    """Its time is over, and a few calls try out whether it works again."""
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestRow:
    """One rest as an operator looks at it."""

    scope: Scope
    name: str
    title: str
    """What people call it: a channel's title, else its name."""
    bucket: str
    """What of it rests; empty: everything."""
    since: datetime
    until: datetime | None
    """None: until a person acts."""
    reason: str
    lifts: str
    guessed: bool
    phase: Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class RestList:
    rests: tuple[RestRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifted:
    """What a person's word has ended, and what it does not change."""

    lifted: tuple[RestRow, ...]
    notes: tuple[str, ...]
    dry_run: bool


def list_rests(rt: Runtime, *, every: bool = False) -> RestList:
    """List what rests, the soonest to end first; with `every` also what has ended and was not needed again."""
    with rt.store.reading() as tx:
        return RestList(rests=_rows(tx, rests.ever(tx) if every else rests.running(tx)))


def lift(rt: Runtime, scope: str, name: str, *, bucket: str | None = None, dry_run: bool = False) -> Lifted:
    """End the rests of one thing, or only of one bucket of it, and what is tried out there.

    Raises UsageWrong for what `unpause` lifts, UnknownName, with what rests, where there is nothing to lift.
    """
    which = _scope(scope)
    with rt.store.imagining() if dry_run else rt.store.transaction() as tx:
        names = _names(tx, which, name)
        found = [
            row
            for row in _rows(tx, rests.ever(tx))
            if row.scope is which and row.name in names and bucket in (None, row.bucket) and row.phase != Phase.ENDED
        ]
        if not found:
            raise _nothing_rests(tx, which, name, bucket)
        waited = 0
        for row in found:
            rests.lift(tx, row.scope, row.name, row.bucket)
            breakers.forget(tx, row.scope, row.name, row.bucket)
            waited += 0 if row.until is None else jobs.make_due(tx, row.until)
        waited += jobs.look_again(tx)  # among several that rest, a job waits for the soonest only
        notes = [*dict.fromkeys(note for row in found for note in _what_stays(rt, tx, row))]
    if waited:
        notes.append(f"{waited} job{'s' if waited > 1 else ''} that waited may go on now: ytpool upload --resume")
    return Lifted(lifted=tuple(found), notes=tuple(notes), dry_run=dry_run)


def _scope(scope: str) -> Scope:
    liftable = [one.value for one in Scope if one not in (Scope.EVERYTHING, Scope.POOL)]
    if scope in (Scope.EVERYTHING, Scope.POOL):
        raise UsageWrong(
            f"{'a pool rests' if scope == Scope.POOL else 'everything rests'} only when somebody pauses it",
            hint="run: ytpool unpause --pool NAME" if scope == Scope.POOL else "run: ytpool unpause",
        )
    if scope not in liftable:
        raise UsageWrong(f"there is no scope {scope!r}", hint=f"say {', '.join(liftable[:-1])} or {liftable[-1]}")
    return Scope(scope)


def _names(tx: Tx, scope: Scope, name: str) -> set[str]:
    """Return what is meant: the name itself, or the channels of this title."""
    if scope is not Scope.CHANNEL:
        return {name}
    return {name, *(channel_id for channel_id, title in accounts.channel_titles(tx).items() if title == name)}


def _rows(tx: Tx, found: list[Rest]) -> tuple[RestRow, ...]:
    titles = accounts.channel_titles(tx)
    return tuple(_row(tx, rest, titles) for rest in found)


def _row(tx: Tx, rest: Rest, titles: Mapping[str, str]) -> RestRow:
    over = rest.until is not None and rest.until <= tx.now
    return RestRow(
        scope=rest.scope,
        name=rest.name,
        title=titles.get(rest.name, rest.name) if rest.scope is Scope.CHANNEL else rest.name,
        bucket=rest.bucket,
        since=rest.since,
        until=rest.until,
        reason=rest.reason,
        lifts=rest.lifts,
        guessed=rest.guessed,
        phase=Phase.RESTING if not over else Phase.ON_TRIAL if rest.guessed else Phase.ENDED,
    )


def _nothing_rests(tx: Tx, scope: Scope, name: str, bucket: str | None) -> UnknownName:
    if scope is Scope.ACCOUNT:
        accounts.get(tx, name)  # says which names come close
    if scope is Scope.PROJECT:
        projects.get(tx, name)
    running = [
        f"{row.scope} {row.title}" + (f" ({row.bucket})" if row.bucket else "") for row in _rows(tx, rests.running(tx))
    ]
    some = ", ".join(running[:_NAMED_AT_MOST]) + (" …" if len(running) > _NAMED_AT_MOST else "")
    return UnknownName(
        f"{f'{bucket} of ' if bucket else ''}{scope} {name} does not rest",
        hint=f"what rests: {some}; see: ytpool rests list" if running else "nothing rests at all",
        what="rest",
        name=name,
    )


def _what_stays(rt: Runtime, tx: Tx, row: RestRow) -> list[str]:
    """Say what keeps it from working although it does not rest any more."""
    if row.scope is Scope.PROJECT and row.bucket:
        terms = rt.terms(tx)
        reading = meters.on(tx, terms.day).get((PROJECT, row.name, row.bucket))
        if reading is not None and reading.ceiling is not None and reading.used >= reading.ceiling:
            resets_at = quota.resets_at(terms.day)
            used = f"{reading.used} of {reading.ceiling} {row.bucket}"
            return [f"this makes up no quota: project {row.name} has {used} used until {moments.spoken(resets_at)}"]
    if row.scope is Scope.CHANNEL and row.bucket == quota.UPLOADS:
        cap, taken = caps.standing(tx).get(row.name), caps.taken_in_24_hours(tx, row.name)
        if cap is not None and taken >= cap.reaches(tx.now):
            return [
                f"the channel is still at the cap it was seen to have, {taken} of {cap.uploads} uploads in 24 hours"
            ]
    return []
