"""Looks at the work itself: what waits, which sessions there are, where a rule is near, and what was aimed at."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from ytpool.actions import cookie_files
from ytpool.actions.health.checks import Check, Sight, Status, ago
from ytpool.actions.reports import quota_report
from ytpool.domain import moments
from ytpool.domain.accounts import AccountState
from ytpool.domain.balancing import Tier
from ytpool.domain.sessions import SessionState
from ytpool.runtime import Runtime
from ytpool.store import accounts, jobs, leases, leavings, line, projects, refreshes, rests, tasks, whereabouts
from ytpool.store import chains as tried
from ytpool.store import sessions as stored
from ytpool.store.db import Tx
from ytpool.store.leases import LeaseKind
from ytpool.store.rests import Scope

_TAKEN_SOON = timedelta(minutes=10)
"""Whoever works the line off, from cron too, has taken what is due by then."""

_DAY = timedelta(days=1)
_NAMES = 5
"""So many are named; the rest is a number."""


def queue(sight: Sight) -> Iterator[Check]:
    """Look for jobs that nobody goes on with."""
    with sight.rt.store.reading() as tx:
        found = list(stuck(tx, timedelta(hours=sight.rt.config.health.waiting_hours)))
        waits, held, at_work = line.waiting(tx), line.held(tx), len(leases.held(tx, LeaseKind.JOB))
    if found:
        yield from found
        return
    held_back = f", {held} held back by an operator" if held else ""
    message = f"{waits} wait, {at_work} at work{held_back}"
    yield Check(check="queue", status=Status.PASS, message=message)


def stuck(tx: Tx, too_long: timedelta) -> Iterator[Check]:
    """Yield what in the queue nobody goes on with, and what waits for a person."""
    working = leases.held(tx, LeaseKind.JOB)
    left = [job for job in jobs.running(tx) if job not in working]
    if left:
        message = f"{_jobs(len(left))} left half done by a process that died: {_named(left)}"
        yield Check(check="queue left", status=Status.WARN, message=message, fix="run: ytpool work --once")
    attended = bool(working) or bool(line.turns(tx))
    late, first = line.overdue(tx, tx.now - (too_long if attended else _TAKEN_SOON), besides=working)
    if late and first is not None:
        message = f"{_jobs(late)} due and not taken, the first for {ago(tx.now, first)}"
        fix = "run: ytpool work --once, best from cron; or keep ytpool work running"
        yield Check(check="queue due", status=Status.WARN, message=message, fix=fix)
    waiting, oldest = jobs.waiting_since(tx, tx.now - too_long)
    if waiting and not late:
        hours = too_long.total_seconds() / 3600
        message = f"{_jobs(waiting)} waiting for more than {hours:g} h, the oldest is {oldest}"
        yield Check(check="queue waiting", status=Status.WARN, message=message, fix=f"run: ytpool why {oldest}")
    outlived = tasks.outlived(tx, tx.now - _TAKEN_SOON)
    if outlived:
        message = f"the time of {outlived} {'task' if outlived == 1 else 'tasks'} is over, and nobody asks about it"
        fix = "run: ytpool task poll, best from cron; or keep ytpool serve running"
        yield Check(check="queue tasks", status=Status.WARN, message=message, fix=fix)
    missing = whereabouts.nowhere(tx)
    if missing:
        message = f"of {_jobs(len(missing))[:-4]} no machine that is at work has the file"
        yield Check(check="queue files", status=Status.WARN, message=message, fix="run: ytpool todo")
    unknown = jobs.unknown(tx)
    if unknown:
        message = f"of {_jobs(unknown)[:-4]} nobody knows how it ended"
        yield Check(check="queue unknown", status=Status.WARN, message=message, fix="run: ytpool todo")
    failed = len(tried.given_up(tx))
    if failed:
        message = f"{failed} {'chain' if failed == 1 else 'chains'} failed however often they were begun"
        yield Check(check="queue chains", status=Status.WARN, message=message, fix="run: ytpool todo")


def _jobs(count: int) -> str:
    return "1 job is" if count == 1 else f"{count} jobs are"


def _named(names: Sequence[str]) -> str:
    more = len(names) - _NAMES
    return ", ".join(names[:_NAMES]) + (f" and {more} more" if more > 0 else "")


def sessions(sight: Sight) -> Iterator[Check]:
    """Count the stored sessions by state, and name those whose cookies end soon."""
    with sight.rt.store.reading() as tx:
        every, now = stored.every(tx, timedelta(days=sight.rt.config.sessions.inactive_days)), tx.now
    if not every:
        yield Check(check="sessions", status=Status.PASS, message="none is stored")
        return
    active = [one for one in every if one.is_usable]
    yield Check(check="sessions", status=Status.PASS, message=f"{len(active)} of {len(every)} active")
    for state, fix in ((SessionState.BANNED, _LOOK_YOURSELF), (SessionState.EXPIRED, _STORE_ANEW)):
        if found := [one.spoken for one in every if one.state is state]:
            yield Check(check=f"sessions {state}", status=Status.WARN, message=_named(found), fix=fix)
    soon = now + timedelta(days=sight.rt.config.health.cookie_days)
    # Where nothing is known of its login, the first of its cookies is all there is to go by.
    ends = {one.spoken: one.login_ends_at or one.expires_at for one in active}
    ending = {name: at for name, at in ends.items() if at is not None and at <= soon}
    if ending:
        message = f"logins end from {moments.spoken(min(ending.values()))}: {_named(list(ending))}"
        yield Check(check="sessions ending", status=Status.WARN, message=message, fix=_STORE_ANEW)


def watched_files(sight: Sight) -> Iterator[Check]:
    """Look at the cookie files of other programs that the settings name: there, readable, and for how long."""
    rt = sight.rt
    served = cookie_files.of_account(rt)
    for file in cookie_files.every(rt):
        now = rt.clock.now()
        seen, refresh = cookie_files.look(file, now), cookie_files.refresh_seen(rt, file.account)
        ends_soon = seen.ends_at is not None and seen.ends_at <= now + timedelta(days=rt.config.health.cookie_days)
        status, message = Status.PASS, seen.message
        if not seen.usable or ends_soon:
            # What this machine serves cannot go on without them; others are their own programs' affair.
            status = Status.FAIL if file == served and not seen.usable else Status.WARN
            if refresh.by:
                message += f"; {refresh.by} refreshes them"
            elif refresh.outcome is refreshes.Outcome.FAILED:
                message += f"; the last refresh failed: {refresh.detail}"
        fix = ""
        if status is not Status.PASS and not refresh.by:
            can = rt.config.sessions_refresh.command and file.account
            fix = f"run: ytpool sessions refresh {file.account}" if can else f"log in anew, and write {file.path} again"
        yield Check(check=file.name, status=status, message=message, fix=fix)


_LOOK_YOURSELF = (
    "look at the account in a browser; when it is well again: ytpool sessions mark USER@PLATFORM active; "
    "when it is lost for good: ytpool sessions delete USER@PLATFORM"
)
_STORE_ANEW = (
    "log in there again and store it anew: ytpool sessions migrate --renew --file FILE --user USER --platform PLATFORM"
)


def policy(sight: Sight) -> Iterator[Check]:
    """Say where an operator is about to meet YouTube's rules, and what to read; they advise, the operator decides."""
    rt = sight.rt
    with rt.store.reading() as tx:
        yield from _deadlines(tx)
        paying = [one.project for one in projects.every(tx)]
        capped = {name for name, _ in accounts.caps(tx)}
        uncapped = [one.account for one in accounts.every(tx) if one.account not in capped]
    if len(paying) > 1:
        message = f"{len(paying)} projects: right for as many clients or tenants, and never to gain quota"
        yield Check(check="policy projects", status=Status.PASS, message=message, fix=_read("III.D.1.c"))
    if rt.config.upload.privacy == "public":
        message = "uploads are public unless told otherwise; visibility is the channel owner's to say"
        yield Check(check="policy visibility", status=Status.PASS, message=message, fix=_read("III.E.3"))
    if uncapped:
        message = f"no cap of uploads or comments a day for {_named(uncapped)}"
        fix = "to keep within what a channel's viewers bear: ytpool accounts set NAME --cap uploads=N"
        yield Check(check="policy caps", status=Status.PASS, message=message, fix=fix)


def _deadlines(tx: Tx) -> Iterator[Check]:
    for one in leavings.every(tx):
        over = tx.now >= one.ends_at
        message = f"{one.account} is to be forgotten by {moments.spoken(one.ends_at)}"
        yield Check(
            check="policy deletion",
            status=Status.FAIL if over else Status.WARN,
            message=message + (f": {one.problem}" if one.problem else ""),
            fix=f"run: ytpool auth revoke {one.account}",
        )


def _read(section: str) -> str:
    return f"read Google's Developer Policies, {section}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """One target, and how far from it things are; None where there is nothing to measure."""

    target: str
    wanted: str
    measured: str
    met: bool | None
    fix: str


def targets(sight: Sight) -> Iterator[Check]:
    """Compare what is with what [targets] wants; what cannot be measured is no miss."""
    for aim in aims(sight.rt):
        if aim.met is None:
            continue
        yield Check(
            check=f"target {aim.target}",
            status=Status.PASS if aim.met else Status.WARN,
            message=f"{aim.measured}, wanted {aim.wanted}",
            fix="" if aim.met else aim.fix,
        )


def aims(rt: Runtime) -> Iterator[Aim]:
    """Yield the targets that are set, each with what was measured."""
    wanted = rt.config.targets
    score = quota_report(rt).totals["health_score"]
    with rt.store.reading() as tx:
        reserves, ready = _reserves(tx)
        ended = next((one for one in jobs.ended(tx, tx.now - _DAY) if one.kind == "upload"), None)
    if wanted.reserves_ready:
        # Whoever has no reserves and never said that there should be some is not reminded every morning.
        asked = bool(reserves) or rt.config.is_set("targets.reserves_ready")
        yield Aim(
            target="reserves",
            wanted=f"at least {wanted.reserves_ready} ready",
            measured=f"{ready} of {reserves} ready" if reserves else "there is no reserve account",
            met=ready >= wanted.reserves_ready if asked else None,
            fix="see what keeps them: ytpool accounts list; another: ytpool accounts set NAME --tier reserve",
        )
    if wanted.score:
        yield Aim(
            target="score",
            wanted=f"above {wanted.score:g}",
            measured="no account yet" if score is None else f"{math.floor(100 * score) / 100:.2f} on average",
            met=None if score is None else score > wanted.score,
            fix="see which account pulls it down: ytpool quota report",
        )
    done, failed, fallbacks = (ended.done, ended.failed, ended.fallbacks) if ended else (0, 0, 0)
    total = done + failed
    if wanted.uploads_successful:
        yield Aim(
            target="uploads",
            wanted=f"above {wanted.uploads_successful:g} % successful",
            measured=f"{done} of {total} uploads of the last day" if total else "no upload ended within a day",
            met=100 * done > wanted.uploads_successful * total if total else None,
            fix="see why: ytpool activity report; go on with them: ytpool queue list --all",
        )
    if wanted.fallbacks:
        yield Aim(
            target="fallbacks",
            wanted=f"below {wanted.fallbacks:g} %",
            measured=f"{fallbacks} of {done} uploads went to another than the first choice"
            if done
            else "no upload ended within a day",
            met=100 * fallbacks < wanted.fallbacks * done if done else None,
            fix="see what keeps the first ones: ytpool rests list, ytpool quota report",
        )


def _reserves(tx: Tx) -> tuple[int, int]:
    """Count the reserve accounts, and those of them that could work now."""
    resting = {(one.scope, one.name) for one in rests.running(tx) if not one.bucket}
    every = [one for one in accounts.every(tx) if one.tier == Tier.RESERVE]
    ready = [
        one
        for one in every
        if one.state is AccountState.ACTIVE
        and not resting & {(Scope.ACCOUNT, one.account), (Scope.PROJECT, one.project), (Scope.CHANNEL, one.channel_id)}
    ]
    return len(every), len(ready)
