"""Reading videos outside of any job: who may look, and what YouTube answers; held and settled like any call."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from ytpool.actions import breakers
from ytpool.actions.calls import paid
from ytpool.domain import failover, processing, quota
from ytpool.domain.accounts import Account, AccountState
from ytpool.domain.balancing import Tier
from ytpool.domain.failover import Next, Until
from ytpool.domain.quota import Urgency
from ytpool.domain.secret import Secret
from ytpool.errors import (
    LoginNeeded,
    NoEligibleAccount,
    OutOfService,
    QuotaExhausted,
    Resting,
    UnknownName,
    UpstreamFailed,
    YtpoolError,
)
from ytpool.runtime import Runtime
from ytpool.store import accounts, jobs, ledger
from ytpool.store.db import Tx
from ytpool.store.ledger import Call, Payer

log = logging.getLogger(__name__)

T = TypeVar("T")

_TRIES = 3
_AGAIN = (Next.SAME_ACCOUNT, Next.REFRESH)
_STEP = "look"
_SLEEPS_THROUGH = timedelta(minutes=2)
"""A rest that ends this soon, as after too many calls a minute."""
_WORKS = (AccountState.ACTIVE, AccountState.DRAINING)


def read(rt: Runtime, account: str, send: Callable[[Secret], T], *, operation: str, urgency: Urgency) -> T:
    """Make one reading call as this account, again where Google's trouble allows it; each try is paid for.

    Raises QuotaExhausted, Resting or LoginNeeded where that is what a refusal means, else UpstreamFailed.
    """
    for attempt in range(1, _TRIES + 1):
        with rt.store.transaction() as tx:
            rt.require_clock()
            rt.require_same_root(tx)
            ledger.expire(tx)
            found = accounts.get(tx, account)
            payer = Payer(account=account, project=found.project, channel_id=found.channel_id)
            call = Call(operation=operation, step=_STEP)
            (held,) = ledger.hold(tx, payer, [call], rt.terms(tx), rt.rng, urgency=_urgency(found, urgency))
        try:
            return paid(rt, held, send)
        except BaseException as error:
            with rt.store.transaction() as tx:  # where it never came to be sent; what was sent is settled already
                ledger.release(tx, [held.hold], "never sent")
            if isinstance(error, Resting) and attempt < _TRIES and (left := _left_of(rt, error)) <= _SLEEPS_THROUGH:
                log.warning("waiting", extra={"seconds": round(left.total_seconds()), "reason": error.message})
                rt.sleep(left.total_seconds())
                continue
            if isinstance(error, QuotaExhausted):
                error.hint = f"{error.hint}\ntype the same command then: no job waits for it"
            if not isinstance(error, UpstreamFailed):
                raise
            if attempt == _TRIES or failover.judge(error).next not in _AGAIN:
                raise meant(rt, account, error) from error
            rt.sleep(failover.backoff(attempt, rt.rng, error.retry_after))
    raise AssertionError("a call ended neither well nor badly")


def _left_of(rt: Runtime, resting: Resting) -> timedelta:
    until = resting.details.get("until")
    return until - rt.calendar.now() if isinstance(until, datetime) else timedelta.max


def meant(rt: Runtime, account: str, failure: UpstreamFailed) -> YtpoolError:
    """Say what a refusal means where no other account will do: wait for a known time, log in, or what it says."""
    verdict = failover.judge(failure)
    if verdict.next is Next.SAME_ACCOUNT and failover.is_breakdown(failure):
        with rt.store.reading() as tx:
            try:
                breakers.require_closed(tx, account, failure)
            except Resting as resting:
                return resting
    now = rt.calendar.now()
    until = {
        Until.QUOTA_RESET: quota.resets_at(quota.quota_day(now)),
        Until.IN_24_HOURS: now + timedelta(hours=24),
    }.get(verdict.until)
    if until is not None:
        kind = QuotaExhausted if verdict.until is Until.QUOTA_RESET else Resting
        return kind(
            f"{failure.reason}: {failure.message}",
            hint=f"{verdict.advice} Type the same command then.",
            until=until,
            account=account,
        )
    if (verdict.until is Until.NEW_LOGIN and verdict.next is Next.OTHER_ACCOUNT) or verdict.next is Next.REFRESH:
        return LoginNeeded(
            f"{account} needs a login: {failure.message}", hint=f"run: ytpool auth add {account}", account=account
        )
    return failure


def videos(
    rt: Runtime,
    account: str,
    ids: Sequence[str],
    parts: Sequence[str],
    *,
    urgency: Urgency = Urgency.NORMAL,
) -> dict[str, Mapping[str, Any]]:
    """Ask for videos as this account, fifty for a unit; those it does not see are not in the answer."""
    found: dict[str, Mapping[str, Any]] = {}
    for some in processing.calls(list(dict.fromkeys(ids))):
        seen = read(rt, account, _list(rt, some, parts), operation="videos.list", urgency=urgency)
        found.update({str(one.get("id")): one for one in seen})
    return found


def _list(rt: Runtime, ids: Sequence[str], parts: Sequence[str]) -> Callable[[Secret], list[dict[str, Any]]]:
    return lambda token: rt.youtube.videos(token, ids, parts)


def owners(rt: Runtime, ids: Sequence[str], named: str | None, urgency: Urgency) -> dict[str, str]:
    """Return which account works on each of these videos; those that nobody can tell are not in the answer.

    It is the account that is named, else the one whose job the video comes from, else any of the only channel there
    is. What is still open is asked of YouTube, which tells the channel of every video that is not private: one unit
    for fifty.
    """
    told, able = known_owners(rt, ids, named)
    open_ones = [video_id for video_id in ids if video_id not in told]
    if not open_ones:
        return told
    for video_id, video in (videos(rt, able[0].account, open_ones, ["snippet"], urgency=urgency)).items():
        channel_id = video.get("snippet", {}).get("channelId")
        account = next((one.account for one in able if one.channel_id == channel_id), None)
        if account is not None:
            told[video_id] = account
    return told


def known_owners(rt: Runtime, ids: Sequence[str], named: str | None) -> tuple[dict[str, str], list[Account]]:
    """Return what of this the books alone can tell, and the accounts that could be asked for the rest."""
    with rt.store.reading() as tx:
        if named is not None:
            _require_able(accounts.get(tx, named))
            return dict.fromkeys(ids, named), []
        every = accounts.every(tx)
        able = [one for one in every if one.state in _WORKS]
        told = {video_id: found for video_id in ids if (found := _from_jobs(tx, video_id, every)) is not None}
    if not able:
        raise _nobody_works(every)
    if len({one.channel_id for one in able}) == 1:
        return {**dict.fromkeys(ids, able[0].account), **told}, able
    return told, able


def nobody_knows(video_id: str) -> UnknownName:
    """Say that nobody can tell whose video this is."""
    return UnknownName(
        f"no account here is known to own video {video_id}",
        hint="name the account of its channel: --account NAME; a private video is seen by nobody else",
        what="video",
        name=video_id,
    )


def _nobody_works(every: Sequence[Account]) -> YtpoolError:
    asleep = next((one for one in every if one.state is AccountState.LOGIN_NEEDED), None)
    if asleep is None:
        return NoEligibleAccount("no account can work", hint="see: ytpool accounts list")
    return LoginNeeded(
        f"{asleep.account} needs a login: {asleep.state_reason}",
        hint=f"run: ytpool auth add {asleep.account}",
        account=asleep.account,
    )


def _require_able(account: Account) -> None:
    if account.state is AccountState.DISABLED:
        why = f": {account.state_reason}" if account.state_reason else ""
        raise OutOfService(
            f"{account.account} is disabled{why}",
            hint=f"to let it work again: ytpool accounts enable {account.account}",
            account=account.account,
        )


def _from_jobs(tx: Tx, video_id: str, every: Sequence[Account]) -> str | None:
    """Name the account that published a video or worked on it, or else another one of its channel that works."""
    for job in jobs.about_video(tx, video_id):
        same = [one for one in every if one.channel_id == job.channel_id and one.state is not AccountState.DISABLED]
        # One that only needs a login says so when it is asked for its token.
        same.sort(key=lambda one: (one.state not in _WORKS, one.account != job.account))
        if same:
            return same[0].account
    return None


def _urgency(account: Account, urgency: Urgency) -> Urgency:
    return urgency.on_reserve() if account.tier == Tier.RESERVE else urgency
