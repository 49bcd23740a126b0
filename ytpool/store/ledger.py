"""The books: units are set aside before a call and settled after it.

A hold draws on meters: the buckets of the project, which pays, and the account's own counts and caps. Each draw is a
row of the journal (`ledger`), whose state says where its units are now; `meters` are the sums, kept by the same
transaction. The way of a hold: held → sent → spent, released or unknown; held → released.

A call belongs to the quota day on which it is sent, not on which it was planned.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ytpool.domain import ids, moments, quota
from ytpool.domain.prices import Cost, PriceBook, only_reads
from ytpool.domain.quota import COMMENTS, UPLOADS, Urgency
from ytpool.domain.terms import Terms
from ytpool.errors import HoldLost, NoneAllowed, QuotaExhausted, Resting
from ytpool.store import accounts, caps, envelopes, limits, meters, projects, rests
from ytpool.store.db import Tx
from ytpool.store.meters import ACCOUNT, ENVELOPE, PROJECT, WHERE, Meter

if TYPE_CHECKING:
    import random  # only its name is needed here, and importing it costs every report some milliseconds

LASTS_FOR = timedelta(seconds=90)
"""How long a hold lives without being renewed."""

ANSWERS_WITHIN = timedelta(seconds=180)
"""A call that was sent and not settled after this long has an unknown outcome."""

_COUNTED = {"videos.insert": UPLOADS, "commentThreads.insert": COMMENTS, "comments.insert": COMMENTS}
"""Calls that an account counts one by one, whatever they cost: operators cap these."""


class Entry(StrEnum):
    """Where the units of a journal row are."""

    HELD = "held"
    SENT = "sent"
    SPENT = "spent"
    RELEASED = "released"
    UNKNOWN = "unknown"
    ELSEWHERE = "elsewhere"
    OVERRUN = "overrun"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """Who pays for a call, and on whose channel it works."""

    account: str
    project: str
    channel_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that is planned: what it is, and the step of the job it belongs to."""

    operation: str
    step: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Units set aside for one call."""

    hold: str
    payer: Payer
    operation: str
    step: str
    units: int
    """What the project pays, over all buckets."""


def hold(
    tx: Tx,
    payer: Payer,
    calls: Sequence[Call],
    terms: Terms,
    rng: "random.Random",
    *,
    job: str | None = None,
    fence: int | None = None,
    urgency: Urgency = Urgency.NORMAL,
    lasts_for: timedelta = LASTS_FOR,
) -> tuple[Hold, ...]:
    """Set aside the units of all these calls, or of none.

    Raises QuotaExhausted, naming the first meter that has no room, or the channel that is at its learned cap; the error
    has to leave the transaction, which then leaves no trace. The channel's row is locked before any meter.
    """
    day = terms.day.isoformat()
    payer = _under_its_name(tx, payer)
    draws = [_draws(payer, call.operation, terms) for call in calls]
    tries: set[_Key] = set()
    uploads = sum(call.operation == caps.UPLOAD for call in calls)
    if uploads and caps.require_room(tx, payer.channel_id, payer.account, uploads):
        tries.add((ACCOUNT, payer.account, UPLOADS))
    sums = _sums(draws)
    shares = {bucket: units for (scope, _, bucket), units in sums.items() if scope == ENVELOPE}
    for key, units in sorted(sums.items()):  # one order for everyone: no deadlock
        if key[0] == ENVELOPE:
            if shares:  # all of them at once, for one may lend to another
                envelopes.take(tx, payer.project, shares, terms, urgency)
                shares = {}
            continue
        alone = sum(key in drawn for drawn in draws) == 1
        if _take(tx, Meter(*key, day), units, terms, urgency, tries_by=rng if alone else None):
            tries.add(key)

    holds = tuple(
        Hold(
            hold=ids.new(tx.now, rng),
            payer=payer,
            operation=call.operation,
            step=call.step,
            units=sum(units for (scope, _, _), units in drawn.items() if scope == PROJECT),
        )
        for call, drawn in zip(calls, draws, strict=True)
    )
    shared = {
        "day": day,
        "job": job,
        "account": payer.account,
        "channel_id": payer.channel_id,
        "fence": fence,
        "era": tx.era,
        "expires": tx.boot + lasts_for.total_seconds(),
        "at": tx.at,
    }
    tx.many(
        """
        INSERT INTO ledger (hold, scope, name, bucket, day, units, state, tries, operation, job, step, account,
                            channel_id, fence, era, expires, held_at)
        VALUES (:hold, :scope, :name, :bucket, :day, :units, 'held', :tries, :operation, :job, :step, :account,
                :channel_id, :fence, :era, :expires, :at)
        """,
        [
            {
                "hold": made.hold,
                "scope": scope,
                "name": name,
                "bucket": bucket,
                "units": units,
                "tries": int((scope, name, bucket) in tries),
                "operation": made.operation,
                "step": made.step,
                **shared,
            }
            for made, drawn in zip(holds, draws, strict=True)
            for (scope, name, bucket), units in drawn.items()
        ],
    )
    return holds


def send(tx: Tx, held: Hold, book: PriceBook, terms: Terms) -> None:
    """Book a hold as sent; committed just before the request leaves.

    Raises HoldLost when it expired or its job was taken over, OutOfService when an operator has paused writes or taken
    the account out of service meanwhile, Resting when something it draws on has gone to rest, QuotaExhausted when
    midnight has passed and the new day cannot pay. Then nothing may be sent, and the error has to leave the
    transaction, which then leaves no trace.
    """
    rows = tx.all(
        """
        UPDATE ledger SET state = 'sent', sent_at = :at, expires = :until
         WHERE hold = :hold AND state = 'held' AND era = :era AND expires > :boot
           AND (fence IS NULL OR fence = (SELECT fence FROM leases
                                           WHERE kind = 'job' AND leases.name = ledger.job AND place = 0))
        RETURNING scope, name, bucket, day, units
        """,
        hold=held.hold,
        at=tx.at,
        until=tx.boot + ANSWERS_WITHIN.total_seconds(),
        era=tx.era,
        boot=tx.boot,
    )
    held = present(tx, held)
    if not rows:
        raise HoldLost(
            f"the units set aside for {held.operation} are no longer ours",
            hint="type the same command again; nothing was sent",
            hold=held.hold,
        )
    if held.payer.channel_id:  # a login has none yet, and is no work of the account
        accounts.require_open(tx, held.payer.account, begins=held.operation in _COUNTED)
    if not only_reads(held.operation):
        rests.require_unpaused(tx, account=held.payer.account)
    resting = rests.in_the_way(
        tx,
        account=held.payer.account,
        project=held.payer.project,
        channel_id=held.payer.channel_id,
        buckets={held.operation, *(row["bucket"] for row in rows)},  # an operation may rest alone
    )
    if resting is not None:
        raise Resting(
            f"{resting.scope} {resting.name} rests: {resting.reason}",
            hint=resting.lifts,
            scope=resting.scope,
            name=resting.name,
            until=resting.until,
        )
    if rows[0]["day"] == terms.day.isoformat():
        _shift(tx, rows, Entry.HELD, Entry.SENT)
    else:
        _pay_today(tx, held, rows, terms)
    other = quota.day_across_midnight(tx.now)
    if other is not None:
        _book_on_both_days(tx, held, book, terms, other)


def present(tx: Tx, held: Hold) -> Hold:
    """Return a hold with its payer as the books know it now."""
    return replace(held, payer=_under_its_name(tx, held.payer))


def _under_its_name(tx: Tx, payer: Payer) -> Payer:
    """Let a project pay under the name it has now: it may have been merged since its payer was read."""
    project = projects.current(tx, payer.project)
    return payer if project == payer.project else replace(payer, project=project)


def settle(tx: Tx, hold: str, outcome: Entry, reason: str = "") -> None:
    """Book what a sent call came to: spent, released (it cost nothing) or unknown; settling twice changes nothing.

    An unknown call that is answered late moves to spent or released. A call sent at midnight is unknown on both days
    when it is spent, and stays so; `blurred` becomes 2 where it was refused, which is known. `reason` is Google's word
    for a refusal, and empty for a call that worked.
    """
    for former in (Entry.SENT, Entry.UNKNOWN):
        rows = tx.all(
            """
            UPDATE ledger
               SET state = CASE WHEN blurred > 0 AND :outcome = 'spent' THEN 'unknown' ELSE :outcome END,
                   blurred = CASE WHEN blurred > 0 AND :outcome = 'spent' AND :reason <> '' THEN 2 ELSE blurred END,
                   settled_at = :at, reason = :reason
             WHERE hold = :hold AND state = :former
            RETURNING scope, name, bucket, day, units, state, tries, operation, channel_id
            """,
            hold=hold,
            outcome=outcome,
            former=former,
            at=tx.at,
            reason=reason,
        )
        if rows:
            latter = Entry(rows[0]["state"])  # the rows of one hold go the same way
            if latter is not former:
                _shift(tx, rows, former, latter)
            if latter is Entry.SPENT and not reason:
                _believe_in(tx, hold, [row for row in rows if row["tries"]])
            return


def _believe_in(tx: Tx, hold: str, tries: Sequence[Any]) -> None:
    """Raise the learned limits beyond which Google has just let a call through."""
    for row in tries:
        if row["scope"] == ACCOUNT:
            caps.proved(tx, row["channel_id"], row["name"], hold)
        else:
            limits.proved(tx, Meter.of(row), hold, row["operation"])


def release(tx: Tx, holds: Iterable[str], reason: str = "") -> None:
    """Give back units that were set aside and never sent; what was sent is left alone."""
    for hold in holds:
        _release(tx, "hold = :which", hold, reason)


def release_job(tx: Tx, job: str, reason: str = "") -> None:
    """Give back all that a job still has set aside."""
    _release(tx, "job = :which", job, reason)


def _release(tx: Tx, where: str, which: str, reason: str) -> None:
    rows = tx.all(
        f"""
        UPDATE ledger SET state = 'released', settled_at = :at, reason = :reason
         WHERE {where} AND state = 'held'
        RETURNING scope, name, bucket, day, units
        """,
        which=which,
        at=tx.at,
        reason=reason,
    )
    _shift(tx, rows, Entry.HELD, Entry.RELEASED)


def renew(tx: Tx, job: str, lasts_for: timedelta = LASTS_FOR) -> None:
    """Keep what a job has set aside for longer; an expired hold does not come back."""
    tx.run(
        """
        UPDATE ledger SET expires = :expires
         WHERE job = :job AND state = 'held' AND era = :era AND expires > :boot
        """,
        job=job,
        era=tx.era,
        boot=tx.boot,
        expires=tx.boot + lasts_for.total_seconds(),
    )


def units_of_step(tx: Tx, day: date, step: str, bucket: str) -> int:
    """Count what was set aside or spent of a bucket on a day under this step, over all projects."""
    row = tx.one(
        """
        SELECT coalesce(sum(l.units), 0) AS units
          FROM projects p JOIN ledger l
            ON l.scope = 'project' AND l.name = p.project AND l.bucket = :bucket AND l.day = :day
         WHERE l.step = :step AND l.state IN ('held', 'sent', 'spent', 'unknown')
        """,
        bucket=bucket,
        day=day.isoformat(),
        step=step,
    )
    return int(row["units"])


def expire(tx: Tx) -> int:
    """Settle what nobody settled in time: what was not sent is released, what was sent is unknown."""
    return _settle_left_behind(tx, "NOT (era = :era AND expires > :boot)", "expired", era=tx.era, boot=tx.boot)


def take_over(tx: Tx, job: str, fence: int) -> int:
    """Settle what earlier workers of a job left behind, whose lease is ours now, as if it had expired."""
    return _settle_left_behind(tx, "job = :job AND fence < :fence", "taken over", job=job, fence=fence)


def lose_sight(tx: Tx, reason: str) -> int:
    """Book as unknown all that was set aside or sent, because these books are older than what became of it."""
    lost = 0
    for former in (Entry.HELD, Entry.SENT):
        rows = tx.all(
            """
            UPDATE ledger
               SET state = 'unknown', sent_at = coalesce(sent_at, held_at), settled_at = :at, reason = :reason
             WHERE state = :former
            RETURNING hold, scope, name, bucket, day, units
            """,
            at=tx.at,
            reason=reason,
            former=former,
        )
        _shift(tx, rows, former, Entry.UNKNOWN)
        lost += len({row["hold"] for row in rows})
    return lost


def _settle_left_behind(tx: Tx, where: str, reason: str, **which: str | float) -> int:
    rows = tx.all(
        f"""
        UPDATE ledger
           SET state = CASE state WHEN 'held' THEN 'released' ELSE 'unknown' END, settled_at = :at, reason = :reason
         WHERE state IN ('held', 'sent') AND {where}
        RETURNING hold, scope, name, bucket, day, units, state
        """,
        at=tx.at,
        reason=reason,
        **which,
    )
    _shift(tx, [row for row in rows if row["state"] == Entry.RELEASED], Entry.HELD, Entry.RELEASED)
    _shift(tx, [row for row in rows if row["state"] == Entry.UNKNOWN], Entry.SENT, Entry.UNKNOWN)
    return len({row["hold"] for row in rows})


def book_elsewhere(
    tx: Tx,
    project: str,
    bucket: str,
    terms: Terms,
    rng: "random.Random",
    reason: str,
    units: int | None = None,
    *,
    operation: str = "",
) -> int:
    """Book units that somebody else has used, and return how many; `operation` is the call that was refused for it.

    Without a number, all that we thought was left: Google said that nothing is. A negative number takes back, at most
    what was booked so: less than nothing used elsewhere would let more be spent here than the limit allows.
    """
    meter = limits.opened(tx, Meter(PROJECT, projects.current(tx, project), bucket, terms.day.isoformat()), terms)
    row = meters.read(tx, meter)
    if units is None:
        units = 0 if row["ceiling"] is None else max(0, row["ceiling"] - meters.used(row))
    units = max(units, -row["elsewhere"])
    if units:
        meters.correct(tx, meter, Entry.ELSEWHERE, units, rng, reason, operation)
    return units


def booked_elsewhere(tx: Tx, project: str, bucket: str, terms: Terms, reason: str) -> int:
    """Return how many units of today were booked as used elsewhere for this very reason."""
    row = tx.one(
        f"SELECT coalesce(sum(units), 0) AS units FROM ledger {WHERE} AND state = :state AND reason = :reason",
        **Meter(PROJECT, project, bucket, terms.day.isoformat()).key,
        state=Entry.ELSEWHERE,
        reason=reason,
    )
    return int(row["units"])


def is_held(tx: Tx, held: Hold) -> bool:
    """Tell whether units are still set aside, and may be sent."""
    row = tx.one(
        "SELECT 1 FROM ledger WHERE hold = :hold AND state = 'held' AND era = :era AND expires > :boot LIMIT 1",
        hold=held.hold,
        era=tx.era,
        boot=tx.boot,
    )
    return row is not None


def sent_on(tx: Tx, hold: str) -> date:
    """Return the quota day a call was sent on, of two days at midnight the earlier.

    A refusal for quota is about that day, also when it arrives on the next: a new day is not exhausted by it.
    """
    row = tx.one("SELECT min(day) AS day FROM ledger WHERE hold = :hold", hold=hold)
    return date.fromisoformat(row["day"])


def set_aside(tx: Tx, job: str) -> dict[tuple[str, str], int]:
    """Return what a job has held or sent and not settled, in units by scope and bucket."""
    rows = tx.all(
        """
        SELECT scope, bucket, sum(units) AS units FROM ledger WHERE job = :job AND state IN ('held', 'sent')
         GROUP BY scope, bucket
        """,
        job=job,
    )
    return {(row["scope"], row["bucket"]): row["units"] for row in rows}


def totals(tx: Tx) -> dict[str, int]:
    """Return the units of the whole journal, by where they are."""
    rows = tx.all("SELECT state, sum(units) AS units FROM ledger GROUP BY state ORDER BY state")
    return {row["state"]: int(row["units"]) for row in rows}


def differences(tx: Tx, since: date | None = None) -> list[str]:
    """Compare every meter with the sum of its journal rows; an empty list means that the books are right."""
    day = "" if since is None else since.isoformat()
    columns = [Entry.HELD, Entry.SENT, Entry.SPENT, Entry.UNKNOWN, Entry.ELSEWHERE, Entry.OVERRUN]
    sums: dict[tuple[str, str, str, str], dict[str, int]] = {}
    for row in tx.all(
        """
        SELECT scope, name, bucket, day, state, sum(units) AS units FROM ledger
         WHERE day >= :day AND state <> 'released' GROUP BY scope, name, bucket, day, state
        """,
        day=day,
    ):
        sums.setdefault((row["scope"], row["name"], row["bucket"], row["day"]), {})[row["state"]] = row["units"]
    found = []
    for row in tx.all("SELECT * FROM meters WHERE day >= :day", day=day):
        key = (row["scope"], row["name"], row["bucket"], row["day"])
        journal = sums.pop(key, {})
        found += [
            f"{' '.join(key)}: the meter says {column} {row[column]}, the journal {journal.get(column, 0)}"
            for column in columns
            if row[column] != journal.get(column, 0)
        ]
        found += [f"{' '.join(key)}: {column} is negative: {row[column]}" for column in columns if row[column] < 0]
        booked = meters.booked(row)
        if row["ceiling"] is not None and booked > row["ceiling"] + row["overrun"]:
            found.append(f"{' '.join(key)}: {booked} booked against a limit of {row['ceiling']}")
    found += [f"{' '.join(key)}: the journal has rows and there is no meter" for key in sums]
    return found


def needs(operations: Iterable[str], terms: Terms) -> tuple[Cost, Cost]:
    """Return what these calls draw on a project and on an account: units per bucket."""
    anybody = Payer(account="", project="", channel_id="")
    sums = _sums(_draws(anybody, operation, terms) for operation in operations)
    of_project, of_account = (
        {bucket: units for (scope, _, bucket), units in sums.items() if scope == wanted}
        for wanted in (PROJECT, ACCOUNT)
    )
    return of_project, of_account


_Key = tuple[str, str, str]
"""Scope, name and bucket: a meter on whatever day."""


def _draws(payer: Payer, operation: str, terms: Terms) -> dict[_Key, int]:
    """Name the meters that one call draws on: the project's buckets, and the same on the account, which counts."""
    cost = terms.prices.cost(operation)
    draws = {(PROJECT, payer.project, bucket): units for bucket, units in cost.items()}
    draws |= {(ACCOUNT, payer.account, bucket): units for bucket, units in cost.items()}
    if operation in _COUNTED:
        draws[ACCOUNT, payer.account, _COUNTED[operation]] = 1
    if terms.envelopes is not None and (drawn := terms.envelopes.draw(operation, terms.prices)) is not None:
        draws[ENVELOPE, payer.project, drawn[0]] = drawn[1]
    return draws


def _sums(draws: Iterable[Mapping[_Key, int]]) -> dict[_Key, int]:
    sums: dict[_Key, int] = {}
    for drawn in draws:
        for key, units in drawn.items():
            sums[key] = sums.get(key, 0) + units
    return sums


def _take(
    tx: Tx, meter: Meter, units: int, terms: Terms, urgency: Urgency, *, tries_by: "random.Random | None" = None
) -> bool:
    """Take units from a meter by one conditional update; a threshold stops new work early, the limit stops all.

    Says whether this goes beyond a learned limit, which a call of its own may try once a day.
    """
    percent = quota.opens_until(urgency, terms.thresholds) if meter.scope == PROJECT else 100
    for _ in range(2):
        taken = tx.run(
            f"""
            UPDATE meters SET held = held + :units {WHERE}
               AND (ceiling IS NULL
                    OR (spent + held + sent + unknown + elsewhere + :units <= ceiling
                        AND (spent + held + sent + unknown + elsewhere) * 100 < ceiling * :percent))
            """,
            units=units,
            percent=percent,
            **meter.key,
        )
        if taken:
            return False
        row = meters.read(tx, meter)
        if row is not None:
            if tries_by is not None and limits.try_beyond(tx, meter, row, units, terms, tries_by):
                return True
            raise _exhausted(tx, meter, row, units, percent, terms)
        limits.opened(tx, meter, terms)
    raise AssertionError("a meter that was just opened is gone")


def _exhausted(tx: Tx, meter: Meter, row: Any, units: int, percent: int, terms: Terms) -> QuotaExhausted:
    if not row["ceiling"] and limits.is_decided(tx, meter):
        return NoneAllowed(
            f"{meter.scope} {meter.name} has a limit of 0 {meter.bucket} a day: none is allowed",
            hint=raised_by(meter),
            meter=meter.key,
        )
    left = max(0, row["ceiling"] - meters.used(row))
    resets_at = quota.resets_at(terms.day)
    whose = f"{meter.scope} {meter.name}"
    if left >= units:
        return QuotaExhausted(
            f"{whose} has used {percent} % or more of its {row['ceiling']} units of {meter.bucket} today; "
            f"the {left} left are kept back",
            hint=f"it goes on by itself at {moments.text(resets_at)}; --use-buffer takes from what is kept back",
            meter=meter.key,
            left=left,
            until=resets_at,
        )
    return QuotaExhausted(
        f"{whose} has {left} of {row['ceiling']} units of {meter.bucket} left today, and {units} are needed",
        hint=f"it goes on by itself at {moments.text(resets_at)}",
        meter=meter.key,
        left=left,
        until=resets_at,
    )


def raised_by(meter: Meter) -> str:
    """Say what allows some where an operator has decided that there is none."""
    if meter.scope == ACCOUNT:
        return f"to allow some: ytpool accounts set {meter.name} --cap {meter.bucket}=N, or {meter.bucket}=none"
    return f"to allow some: ytpool projects set {meter.name} --limit {meter.bucket}=N, or {meter.bucket}=default"


def _shift(tx: Tx, rows: Iterable[Any], former: Entry, latter: Entry) -> None:
    """Move the units of journal rows from one column of their meters to another; released units leave the meter."""
    sums: dict[tuple[str, str, str, str], int] = {}
    for row in rows:
        key = (row["scope"], row["name"], row["bucket"], row["day"])
        sums[key] = sums.get(key, 0) + row["units"]
    gains = "" if latter is Entry.RELEASED else f", {latter} = {latter} + :units"
    for (scope, name, bucket, day), units in sorted(sums.items()):  # one order for everyone: no deadlock
        tx.run(
            f"UPDATE meters SET {former} = {former} - :units{gains} {WHERE}",
            scope=scope,
            name=name,
            bucket=bucket,
            day=day,
            units=units,
        )


def _pay_today(tx: Tx, held: Hold, rows: Sequence[Any], terms: Terms) -> None:
    """Midnight has passed since the hold: today pays, at today's price, or nobody does."""
    day = terms.day.isoformat()
    for (scope, name, bucket), units in sorted(_draws(held.payer, held.operation, terms).items()):
        meter = Meter(scope, name, bucket, day)
        # What was admitted yesterday is a publication that has begun: it may reach as far as those do.
        if scope == ENVELOPE:
            envelopes.take(tx, name, {bucket: units}, terms, Urgency.STARTED)
        else:
            _take(tx, meter, units, terms, Urgency.STARTED)
        _write_again(tx, held, rows[0]["day"], meter, units)
        _shift(tx, [{**meter.key, "units": units}], Entry.HELD, Entry.SENT)
    tx.run("DELETE FROM ledger WHERE hold = :hold AND day = :day", hold=held.hold, day=rows[0]["day"])
    _shift(tx, rows, Entry.HELD, Entry.RELEASED)


def _book_on_both_days(tx: Tx, held: Hold, book: PriceBook, terms: Terms, other: date) -> None:
    """Close to midnight nobody can say on which day Google counts; where the other day has room, book there too."""
    tx.run("UPDATE ledger SET blurred = 1 WHERE hold = :hold", hold=held.hold)
    # Without envelopes: they are our own wish, and Google counts on neither day what they say.
    other_terms = Terms(day=other, prices=book.on(other), thresholds=terms.thresholds)
    twins = {
        limits.opened(tx, Meter(scope, name, bucket, other.isoformat()), other_terms): units
        for (scope, name, bucket), units in sorted(_draws(held.payer, held.operation, other_terms).items())
    }
    if not all(_has_room(meters.read(tx, twin), units) for twin, units in twins.items()):
        return
    for twin, units in twins.items():
        _write_again(tx, held, terms.day.isoformat(), twin, units)
        tx.run(f"UPDATE meters SET sent = sent + :units {WHERE}", units=units, **twin.key)


def _has_room(row: Any, units: int) -> bool:
    return row["ceiling"] is None or meters.used(row) + units <= row["ceiling"]


def _write_again(tx: Tx, held: Hold, day: str, meter: Meter, units: int) -> None:
    """Write a sent hold, as its rows of one day say it, on a meter of another day."""
    tx.run(
        """
        INSERT INTO ledger (hold, scope, name, bucket, day, units, state, blurred, operation, job, step, account,
                            channel_id, fence, era, expires, held_at, sent_at)
        SELECT DISTINCT hold, :scope, :name, :bucket, :other, :units, state, blurred, operation, job, step, account,
               channel_id, fence, era, expires, held_at, sent_at
          FROM ledger WHERE hold = :hold AND day = :day
        """,
        hold=held.hold,
        day=day,
        other=meter.day,
        scope=meter.scope,
        name=meter.name,
        bucket=meter.bucket,
        units=units,
    )
