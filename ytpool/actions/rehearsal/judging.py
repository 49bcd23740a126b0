"""The verdict: what the books say of a run, beside what the sandbox knows has happened.

Truth is the sandbox's: which videos are there, byte for byte, and which units were charged. The books are judged by
it, and never the other way round.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from ytpool.actions import todo
from ytpool.actions.rehearsal import books, standing
from ytpool.actions.rehearsal.books import BooksRow
from ytpool.actions.rehearsal.playing import Played
from ytpool.actions.rehearsal.stage import Film, Stage
from ytpool.actions.rehearsal.striking import DEAD, FULL, NO_QUOTA, SUSPENDED, Struck
from ytpool.domain import moments
from ytpool.domain.balancing import Tier
from ytpool.domain.jobs import Job, JobState, TargetKind
from ytpool.domain.scenarios import What
from ytpool.store import jobs, ledger, limits, meters, pools, rehearsals

LATE_AFTER = timedelta(minutes=15)
"""Later than in the undisturbed run by more than this is late."""

_AT_ONCE = 4
"""So many calls of one account, or of one project, may be under way when the first of them is refused."""
_A_DAY = timedelta(hours=25, minutes=10)
"""Longer than any rest lasts, the longest quota day's among them: whoever waits for longer has been forgotten."""
_PASSES_BY = frozenset({"", "backendError", "internalError", *DEAD, *NO_QUOTA, *FULL})
"""Refusals after which a session that was opened stands as before."""
_MISLED = 416
"""How a server refuses bytes behind what it has, after it claimed to have more: no mistake of ours."""


class Fate(StrEnum):
    """What became of one video."""

    KEPT = "kept"
    LATE = "late"
    WAITING = "waiting"
    """It goes on by itself, after the days of the rehearsal."""
    FOR_A_PERSON = "for_a_person"
    UNKNOWN = "unknown"
    """The books say that nobody knows, and nothing was repeated."""
    REFUSED = "refused"
    """It failed as it does when nothing is disturbed."""
    LOST = "lost"


class Ended(StrEnum):
    """How a run ended."""

    PASSED = "passed"
    FAILED = standing.FAILED
    NOT_MET = standing.NOT_MET
    BROKEN_OFF = standing.BROKEN_OFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve:
    """A reserve account that had to help."""

    account: str
    joined_at: datetime
    videos: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ForAPerson:
    """What somebody would have had to do."""

    name: str
    what: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmSeen:
    """What became of one video."""

    job: str
    file: str
    target: str
    fate: Fate
    account: str | None
    arrived_at: datetime | None
    late_by: float | None
    """Seconds behind the undisturbed run."""
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One scenario, played to its end."""

    scenario: str
    title: str
    ended: Ended
    videos: int
    kept: int
    late: int
    waiting: int
    for_a_person: int
    unknown: int
    refused: int
    lost: int
    duplicates: int
    oversold: int
    """Calls that YouTube refused for quota although the books had let them go."""
    in_vain: int
    """Calls that were made although a refusal had said that there is no use, beside those that were under way."""
    wrong_bytes: int
    recovers_after: float | None
    """Seconds, by the rehearsed clock, from the first disaster until no video was late any more; None: it was not."""
    latest_by: float
    """Seconds by which the latest video was late."""
    units: Mapping[str, int]
    reserves: tuple[Reserve, ...]
    todo: tuple[ForAPerson, ...]
    struck: tuple[Struck, ...]
    stopped: tuple[str, ...]
    broken_off: str
    """Why it was not played to its end; empty where it was."""
    complaints: tuple[str, ...]
    """What is wrong, in words; none where every promise was kept."""
    books: tuple[BooksRow, ...]
    films: tuple[FilmSeen, ...]
    began_at: datetime
    ended_at: datetime
    seconds: float
    """How long it took, by the clock on the wall."""


def judge(stage: Stage, played: Played, *, scenario: str, title: str, seconds: float, undisturbed: Run | None) -> Run:
    """Compare books and truth at the end of a run, and the run with the one in which nothing went wrong."""
    truth = stage.rt.sandbox.truth()
    there = [one for one in truth["videos"] if not one["deleted"]]
    by_content: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in there:
        by_content[one["sha256"]].append(one)
    with stage.rt.store.transaction() as tx:
        members = {one.pool: one.accounts for one in pools.every(tx)}
        ledger.expire(tx)
        known = {one.job: jobs.get(tx, one.job) for one in stage.script.films}
        persons = rehearsals.waits_for_a_person(tx)
        differences = ledger.differences(tx)
    before = {} if undisturbed is None else {one.job: one for one in undisturbed.films}
    films = tuple(
        _seen(one, known[one.job], by_content.get(one.sha256, []), before.get(one.job), played, one.job in persons)
        for one in stage.script.films
    )
    fates = Counter(one.fate for one in films)
    duplicates = sum(len(copies) - 1 for copies in by_content.values())
    ours = {one.sha256 for one in stage.script.films}
    wrong_bytes = sum(one["sha256"] not in ours for one in there)
    rows = tuple(books.compare(stage.rt, stage.used))
    oversold = _oversold(played, truth["errors"])
    in_vain = _in_vain(stage, played, truth["errors"])
    late = [one.late_by for one in films if one.fate is Fate.LATE and one.late_by is not None]
    misses = fates[Fate.WAITING] + fates[Fate.FOR_A_PERSON] + fates[Fate.UNKNOWN]
    there_is_to_do = todo.todo(stage.rt).items
    waited_anyway = 0 if undisturbed is None else undisturbed.for_a_person
    waits_for_nobody = 0 if there_is_to_do else max(0, fates[Fate.FOR_A_PERSON] - waited_anyway)
    complaints = tuple(
        _complaints(
            {
                "lost": fates[Fate.LOST],
                "there more than once": duplicates,
                "oversold": oversold,
                "calls made in vain, after YouTube had said no": in_vain,
                "paid for again, although what was begun could go on": _begun_again(stage, played, truth),
                "there with other bytes than were sent": wrong_bytes,
                "left for a person, and nobody is told": waits_for_nobody,
                "on a channel that was not asked for": sum(
                    copy["channel_id"] not in _right(one, stage, members)
                    for one in stage.script.films
                    for copy in by_content[one.sha256]
                ),
                "there, and the books say that it failed or is another": sum(
                    _is_disowned(known[one.job], by_content[one.sha256]) for one in stage.script.films
                ),
            },
            rows,
            [*differences, *_believed_beyond(stage, rows, truth), *_not_taken(truth)],
            played,
        )
    )
    met = undisturbed is None or all(one.times for one in played.struck)
    ended = Ended.PASSED if met and not played.missed else Ended.NOT_MET
    if complaints or played.broken_off:
        ended = Ended.FAILED if complaints else Ended.BROKEN_OFF
    return Run(
        scenario=scenario,
        title=title,
        ended=ended,
        videos=len(films),
        kept=fates[Fate.KEPT],
        late=fates[Fate.LATE],
        waiting=fates[Fate.WAITING],
        for_a_person=fates[Fate.FOR_A_PERSON],
        unknown=fates[Fate.UNKNOWN],
        refused=fates[Fate.REFUSED],
        lost=fates[Fate.LOST],
        duplicates=duplicates,
        oversold=oversold,
        in_vain=in_vain,
        wrong_bytes=wrong_bytes,
        recovers_after=None if misses > _misses(undisturbed) else _recovers_after(films, played),
        latest_by=max(late, default=0.0),
        units=_units(rows),
        reserves=tuple(_reserves(stage, there)),
        todo=tuple(_for_persons(there_is_to_do, undisturbed)),
        struck=(
            *played.struck,
            *(Struck(what=one, told=f"{one} had no time to strike", times=0) for one in played.missed),
        ),
        stopped=played.stopped,
        broken_off=played.broken_off,
        complaints=complaints,
        books=rows,
        films=films,
        began_at=played.began_at,
        ended_at=played.ended_at,
        seconds=round(seconds, 1),
    )


def _right(film: Film, stage: Stage, members: Mapping[str, Sequence[str]]) -> set[str]:
    """Return the channels on which a video may be."""
    names = [film.target.name] if film.target.kind is TargetKind.ACCOUNT else members.get(film.target.name, ())
    return {stage.accounts[name].channel_id for name in names if name in stage.accounts}


def _is_disowned(job: Job, copies: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether a video is there of which the books say what would let somebody send it once more."""
    if not copies:
        return False
    if job.video_id is not None:
        return job.video_id not in [one["id"] for one in copies]
    return job.state.has_ended


def _misses(run: Run | None) -> int:
    return 0 if run is None else run.waiting + run.for_a_person + run.unknown


def _seen(
    film: Film, job: Job, copies: list[dict[str, Any]], before: FilmSeen | None, played: Played, for_a_person: bool
) -> FilmSeen:
    arrived_at = min((moments.parse(one["published_at"]) for one in copies), default=None)
    late_by = None
    if arrived_at is not None and before is not None and before.arrived_at is not None:
        leapt = max((span for at, span in played.leaps if at <= arrived_at), default=timedelta())
        late_by = max(0.0, (arrived_at - leapt - before.arrived_at).total_seconds())
    fate = _fate(job, arrived_at, late_by, before, for_a_person)
    return FilmSeen(
        job=film.job,
        file=film.name,
        target=str(film.target),
        fate=fate,
        account=job.account,
        arrived_at=arrived_at,
        late_by=late_by,
        why="" if fate in (Fate.KEPT, Fate.LATE) else job.error,
    )


def _fate(
    job: Job, arrived_at: datetime | None, late_by: float | None, before: FilmSeen | None, for_a_person: bool
) -> Fate:
    """Say what became of a video: what is there counts, and what is not must be owned up to by the books."""
    if job.state is JobState.FINISHED_UNKNOWN:
        return Fate.UNKNOWN
    if arrived_at is not None and (job.video_id is not None or job.state.has_ended):
        deadline = job.deadline
        overdue = deadline is not None and arrived_at > deadline and before is not None and before.fate is Fate.KEPT
        return Fate.LATE if overdue or (late_by or 0) > LATE_AFTER.total_seconds() else Fate.KEPT
    if job.video_id is not None or job.published:
        return Fate.LOST
    if job.state in (JobState.FAILED, JobState.CANCELLED):
        # What is refused for itself is so without any disaster; what a disaster makes fail for good is lost.
        return Fate.REFUSED if before is None or before.fate is Fate.REFUSED else Fate.LOST
    return Fate.FOR_A_PERSON if for_a_person else Fate.WAITING


def _recovers_after(films: Iterable[FilmSeen], played: Played) -> float | None:
    late = [one.arrived_at for one in films if one.fate is Fate.LATE and one.arrived_at is not None]
    if played.first_at is None or not late:
        return 0.0
    return max(0.0, (max(late) - played.first_at).total_seconds())


def _oversold(played: Played, errors: Mapping[str, int]) -> int:
    """Count the calls that were let go although the books should have known that nothing was left."""
    return sum(errors.get(reason, 0) for reason in (*NO_QUOTA, *FULL) if reason not in played.refusals)


def _in_vain(stage: Stage, played: Played, errors: Mapping[str, int]) -> int:
    """Count the calls that were made although a refusal had said that there is no use.

    What a disaster has changed is learned from refusals: by all who had a call under way at that moment, and of a limit
    once more after each reset, when one call may try beyond it.
    """
    days = 2 + (played.ended_at - played.began_at).days
    learned: Counter[tuple[str, ...]] = Counter()
    for one in played.struck:
        match one.what:
            case What.SUSPEND:
                learned[SUSPENDED] += one.whom * _AT_ONCE
            case What.REVOKE:
                learned[DEAD] += one.whom * _AT_ONCE
            case What.LIMIT:
                learned[NO_QUOTA] += stage.projects * _AT_ONCE * days
            case What.CAP:
                learned[FULL] += one.whom * 2 * days
    return sum(max(0, sum(errors.get(reason, 0) for reason in reasons) - most) for reasons, most in learned.items())


def _begun_again(stage: Stage, played: Played, truth: Mapping[str, Any]) -> int:
    """Count the sessions that were opened beside one for each video, and for which no disaster is the reason.

    Whoever dies between an answer and the writing down of it, or loses an account, has to begin again.
    """
    ends = [one.grant_expires_at for one in stage.accounts.values()]
    reasons = sum(one is not None and one <= played.ended_at for one in ends) * _AT_ONCE
    for one in played.struck:
        match one.what:
            case What.CUT:
                reasons += one.times
            case What.KILL | What.DISK | What.DATABASE | What.KEYRING:
                reasons += max(1, one.times) * _AT_ONCE
            case What.SUSPEND | What.REVOKE:
                reasons += one.whom * _AT_ONCE
            case What.CLOCK:  # a session stands for a week
                reasons += len(stage.script.films)
    if not played.refusals <= _PASSES_BY:  # what is refused for good may be a session, or whose it was
        return 0
    opened: int = sum(truth["upload_sessions"].values())
    return max(0, opened - len(stage.script.films) - reasons)


def _believed_beyond(stage: Stage, rows: Iterable[BooksRow], truth: Mapping[str, Any]) -> Iterator[str]:
    """Say where the books let more through than YouTube gives, although it gives what it always did, or has said so.

    Of a limit that it has changed they know from the day of a refusal on, for as long as one is believed.
    """
    changed = {(one["name"], bucket) for one in truth["projects"] for bucket in one["limits"]}
    with stage.rt.store.reading() as tx:
        for row in rows:
            known = limits.standing(tx, row.day).get((meters.PROJECT, row.project, row.bucket))
            said = known is not None and known.origin == limits.LEARNED and known.since <= row.day
            if (
                row.believed is not None
                and row.believed > row.limit
                and (said or (row.project, row.bucket) not in changed)
            ):
                more = f"{row.believed} are let through, and there are {row.limit}"
                yield f"{row.bucket} of {row.project} on {row.day}: {more}"


def _not_taken(truth: Mapping[str, Any]) -> Iterator[str]:
    """Say which requests YouTube would have refused as wrong."""
    for one in truth["refused"]:
        if one["status"] != _MISLED:
            yield f"YouTube would not take {one.get('method', 'a request')}: {one.get('message', one['status'])}"


def _complaints(
    counts: Mapping[str, int], rows: Iterable[BooksRow], others: Iterable[str], played: Played
) -> Iterator[str]:
    yield from (f"{count} {what}" for what, count in counts.items() if count)
    for row in rows:
        if not row.agree:
            yield (
                f"{row.bucket} of {row.project} on {row.day}: {row.spent} booked, {row.unknown} unknown, "
                f"{row.truth} charged"
            )
    yield from others
    if played.slept > _A_DAY:
        yield f"everybody waits for {played.slept / timedelta(hours=1):.0f} hours, and no rest lasts longer than a day"
    if not played.comes_to_an_end:
        yield f"it comes to no end: workers have begun {played.rounds} times, and something is left to do at once"


def _units(rows: Iterable[BooksRow]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for row in rows:
        found[row.bucket] += row.truth
    return dict(sorted(found.items()))


def _reserves(stage: Stage, there: Iterable[Mapping[str, Any]]) -> Iterator[Reserve]:
    on = defaultdict(list)
    for one in there:
        on[one["channel_id"]].append(moments.parse(one["published_at"]))
    for account in stage.accounts.values():
        if account.tier == Tier.RESERVE and on[account.channel_id]:
            yield Reserve(
                account=account.account, joined_at=min(on[account.channel_id]), videos=len(on[account.channel_id])
            )


def _for_persons(found: Iterable[todo.Item], undisturbed: Run | None) -> Iterator[ForAPerson]:
    """Yield what the disaster has left for people, beside what there is to do without it."""
    known = set() if undisturbed is None else {(one.name, one.command) for one in undisturbed.todo}
    for item in found:
        if (item.name, item.command) not in known:
            yield ForAPerson(name=item.name, what=item.message, command=item.command)
