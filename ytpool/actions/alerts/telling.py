"""Telling the targets of the settings what is news: written down first, sent, then settled.

A message keeps its id and its content until it has arrived. Whoever dies between its sending and its settling leaves it
to the next one, who sends it again and says which attempt it is. One process at a time sends to a target. The targets
do not wait for each other, and whoever hangs is not waited for longer than its settings say.
"""

import logging
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ytpool.actions import passwords, programs, reach
from ytpool.config.places import expanded
from ytpool.domain import alert_messages as words
from ytpool.domain import ids, moments
from ytpool.domain.alert_targets import Target, Way
from ytpool.domain.alerts import THE_SAME_WITHIN, Event, Kind, Severity
from ytpool.domain.secret import Secret
from ytpool.errors import Bug, ServerFailed, UnknownName, YtpoolError
from ytpool.runtime import Runtime
from ytpool.store import alert_messages as messages
from ytpool.store import leases
from ytpool.store.alert_messages import Message, Notice, State
from ytpool.store.alerts import Change
from ytpool.store.db import Tx
from ytpool.store.leases import Lease, LeaseKind

log = logging.getLogger(__name__)

_FIRST_AGAIN_AFTER = 30.0
_LONGEST_AGAIN_AFTER = 3600.0
_MOST_DOUBLINGS = 7
_GIVES_UP_AFTER = timedelta(days=1)
_HOUR = timedelta(hours=1)
_HOLDS_LONGER = timedelta(seconds=30)
"""How much longer than a target may take it is held: a vault that has to be opened first takes its time."""
_NOTICES_WITHIN = 0.1
_ENDS_AFTER = 1.0
"""Seconds that a message is waited for beyond its own time limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came of a round."""

    delivered: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """What came of a message that says nothing but that it is a test."""

    target: str
    type: str
    where: str
    delivered: bool
    seconds: float
    problem: YtpoolError | None = None


def notify(rt: Runtime, tx: Tx, changes: Iterable[Change]) -> None:
    """Let what is news wait for the targets that want it, with whatever else this transaction writes."""
    now = rt.clock.now()
    for change in changes:
        for target in rt.config.alert_targets.values():
            is_itself = change.kind == Kind.TARGET_DOWN and change.subject == target.name
            if target.wants(change.kind, change.severity) and not is_itself:
                messages.notify(tx, target.name, change, now, rt.rng)


def due(rt: Runtime) -> int:
    """Return how many targets have something to be told now."""
    with rt.store.reading() as tx:
        return sum(_is_due(rt, tx, target) for target in rt.config.alert_targets.values())


def tell(rt: Runtime, *, at_most: float | None = None) -> Told:
    """Send what waits to every target that can be told now, all at the same time; a failure is written down.

    With `at_most` no target gets more seconds than that, however many its settings allow.
    """
    with rt.store.reading() as tx:
        targets = [target for target in rt.config.alert_targets.values() if _is_due(rt, tx, target)]
    targets = [target for target in targets if not _is_for_others(rt, target)]
    done: list[bool] = []
    limits = [target.timeout if at_most is None else min(target.timeout, at_most) for target in targets]
    threads = [
        threading.Thread(target=_tell, args=(rt, target, seconds, done), name=f"tell {target.name}", daemon=True)
        for target, seconds in zip(targets, limits, strict=True)
    ]
    for thread in threads:
        thread.start()
    ends_at = rt.clock.monotonic() + max(limits, default=0.0) + _ENDS_AFTER
    for thread in threads:
        while thread.is_alive() and (left := ends_at - rt.clock.monotonic()) > 0 and not rt.stopping.is_set():
            thread.join(min(left, _NOTICES_WITHIN))
    hang = sum(thread.is_alive() for thread in threads)
    return Told(delivered=done.count(True), failed=done.count(False) + hang)


def try_out(rt: Runtime, name: str | None = None, *, dry_run: bool = False) -> tuple[Tested, ...]:
    """Send a test to this target or to all, and say what came of each; raises UnknownName.

    What has waited for a target that is reached goes out with the next round.
    """
    every = rt.config.alert_targets
    if name is not None and name not in every:
        known = f"the settings have {', '.join(every)}" if every else "describe one: [alerts.targets.NAME]"
        raise UnknownName(f"no target of alerts is called {name!r}", hint=known, what="target", name=name)
    return tuple(_try_out(rt, target, dry_run=dry_run) for target in every.values() if name in (None, target.name))


def _try_out(rt: Runtime, target: Target, *, dry_run: bool) -> Tested:
    now = rt.clock.now()
    sample = {
        "alert": "",
        "event": Event.OPENED,
        "kind": "test",
        "subject": target.name,
        "severity": Severity.INFO,
        "state": Event.OPENED,
        "message": "this is a test, and nothing is wrong",
        "command": "",
        "opened_at": moments.text(now),
        "ended_at": None,
        "times": 1,
    }
    told = words.content(
        message=ids.new(now, rt.rng),
        profile=rt.config.profile,
        target=target.name,
        written_at=moments.text(now),
        alerts=[sample],
        more=0,
    )
    problem: YtpoolError | None = None
    started = rt.clock.monotonic()
    if not dry_run:
        try:
            _send(rt, target, told, 1, target.timeout)
            with rt.store.transaction() as tx:
                messages.hurry(tx, target.name, rt.clock.now())
        except YtpoolError as error:
            problem = error
    return Tested(
        target=target.name,
        type=target.type,
        where=target.shown,
        delivered=problem is None and not dry_run,
        seconds=round(rt.clock.monotonic() - started, 3),
        problem=problem,
    )


def _is_due(rt: Runtime, tx: Tx, target: Target) -> bool:
    begun = messages.under_way(tx, target.name)
    if begun is not None:
        return begun.not_before <= rt.clock.now()
    return bool(_ready(rt, tx, target))


def _ready(rt: Runtime, tx: Tx, target: Target) -> Sequence[Notice]:
    """Return what a target is told now: all that no quiet hour holds, once it is time, and within its rate.

    That something is over waits until it is not to be expected back, so that what comes and goes is told once.
    """
    now = rt.clock.now()
    local = now.astimezone(ZoneInfo(rt.config.time.zone))
    found = [
        one
        for one in messages.waiting(tx, target.name)
        if not target.waits(one.severity, local)
        and not (one.event is Event.RESOLVED and now - one.since <= THE_SAME_WITHIN)
    ]
    if not found:
        return ()
    oldest, worst = min(one.since for one in found), max((one.severity for one in found), key=lambda one: one.rank)
    rested = messages.count_since(tx, target.name, now - _HOUR) < target.hourly
    return found if rested and target.is_time(oldest, worst, now) else ()


def _is_for_others(rt: Runtime, target: Target) -> bool:
    """Tell whether a target's secret does not open here, and another machine is known to have the vault's key.

    An attempt from here would keep back those of a machine that can.
    """
    return not target.password_env and passwords.is_there(rt, target) and reach.is_for_others(rt)


def _tell(rt: Runtime, target: Target, seconds: float, done: list[bool]) -> None:
    """Send one message; whatever goes wrong is this target's trouble alone."""
    try:
        taken = _begin(rt, target, timedelta(seconds=seconds))
        if taken is not None:  # else another process was faster
            message, attempt, lease = taken
            done.append(_attempt(rt, target, message, attempt, lease, seconds))
    except YtpoolError as error:
        log.warning("a target of alerts was not told", extra={"target": target.name, "reason": error.message})
    except Exception:
        if not rt.stopping.is_set():
            log.exception("a target of alerts was not told", extra={"target": target.name})


def _begin(rt: Runtime, target: Target, lasts_for: timedelta) -> tuple[Message, int, Lease] | None:
    """Take the target, and write down which attempt at which message is about to be made."""
    now = rt.clock.now()
    with rt.store.transaction() as tx:
        lease = leases.take(
            tx, LeaseKind.ALERT_TARGET, target.name, holder=target.name, lasts_for=lasts_for + _HOLDS_LONGER
        )
        if lease is None:
            return None
        message = messages.under_way(tx, target.name)
        if message is None:
            message = _written(rt, tx, target, now)
        elif message.not_before > now:
            message = None
        if message is None:
            leases.give_back(tx, [lease])
            return None
        attempt = messages.begin(tx, message.message, now + _again_after(rt, message.attempts + 1, None))
    return message, attempt, lease


def _written(rt: Runtime, tx: Tx, target: Target, now: datetime) -> Message | None:
    ready = _ready(rt, tx, target)
    if not ready:
        return None
    name = ids.new(now, rt.rng)
    told = words.content(
        message=name,
        profile=rt.config.profile,
        target=target.name,
        written_at=moments.text(now),
        alerts=[_as_data(one) for one in ready[: words.MOST_IN_ONE]],
        more=max(0, len(ready) - words.MOST_IN_ONE),
    )
    messages.write(tx, name, target.name, told, ready, now)
    return messages.under_way(tx, target.name)


def _as_data(notice: Notice) -> dict[str, Any]:
    alert = notice.alert
    return {
        "alert": alert.alert,
        "event": notice.event,
        "kind": alert.kind,
        "subject": alert.subject,
        "severity": notice.severity,
        "state": alert.state,
        "message": alert.message,
        "command": alert.command,
        "opened_at": moments.text(alert.opened_at),
        "ended_at": None if alert.ended_at is None else moments.text(alert.ended_at),
        "times": alert.times,
    }


def _attempt(rt: Runtime, target: Target, message: Message, attempt: int, lease: Lease, seconds: float) -> bool:
    problem: YtpoolError | None = None
    note = ""
    try:
        note = _send(rt, target, message.content, attempt, seconds)
    except YtpoolError as error:
        problem = error
    except Exception as defect:
        log.exception("a message was not sent", extra={"target": target.name})
        problem = Bug.of(defect, hint="report it")
    now = rt.clock.now()
    with rt.store.transaction() as tx:
        if not leases.holds(tx, lease):
            return problem is None  # it took so long that somebody else is at it, and settles it
        if problem is None:
            messages.end(tx, message.message, State.DELIVERED, now, note)
        elif now - message.written_at >= _GIVES_UP_AFTER:
            messages.end(tx, message.message, State.GIVEN_UP, now, problem.message)
        else:
            asked = problem.details.get("retry_after")
            messages.failed(tx, message.message, problem.message, now + _again_after(rt, attempt, asked))
        leases.give_back(tx, [lease])
    if problem is not None:  # `alerts list` says so, and what goes on is an alert for other targets
        log.info("a target of alerts was not told", extra={"target": target.name, "reason": problem.message})
    return problem is None


def _again_after(rt: Runtime, attempt: int, asked: float | None) -> timedelta:
    """Return how long the next attempt waits: twice as long each time, up to an hour, and as long as was asked."""
    doubled = min(_LONGEST_AGAIN_AFTER, _FIRST_AGAIN_AFTER * 2 ** min(attempt - 1, _MOST_DOUBLINGS))
    return timedelta(seconds=max(asked or 0.0, rt.rng.uniform(doubled / 2, doubled)))


def _send(rt: Runtime, target: Target, told: Any, attempt: int, seconds: float) -> str:
    """Send a message once; returns what is to be known of it all the same."""
    match target.type:
        case Way.COMMAND:
            _run(rt, target, told, attempt, seconds)
        case Way.WEBHOOK:
            _post(rt, target, told, attempt, seconds)
        case Way.FILE:
            rt.append_message(_path(rt, target.path), words.as_json(told, attempt))
        case Way.EMAIL:
            return _mail(rt, target, told, attempt, seconds)
    return ""


def _run(rt: Runtime, target: Target, told: Any, attempt: int, seconds: float) -> None:
    environ = programs.environment(rt)
    program = programs.find(rt, target.command[0], environ)
    check = f"check {target.section}.command"
    if program is None:
        raise ServerFailed(f"there is no program {target.command[0]}", hint=check)
    ran = rt.run_program(
        [program, *target.command[1:]],
        environ=environ,
        timeout=seconds,
        to_its_end=False,
        given=words.as_json(told, attempt) + "\n",
    )
    if not ran.started:
        raise ServerFailed(f"{target.command[0]} cannot be started: {ran.complaint}", hint=check)
    if ran.hung:
        hint = f"let it take longer: {target.section}.timeout"
        raise ServerFailed(f"{target.command[0]} was not done within {seconds:g} s, and was ended", hint=hint)
    if ran.status:
        # What it says may hold what only it may know.
        raise ServerFailed(f"{target.command[0]} ended with status {ran.status}", hint="try it by hand")


def _post(rt: Runtime, target: Target, told: Any, attempt: int, seconds: float) -> None:
    secret: Secret | None = None
    if not target.url or target.password_env or passwords.is_there(rt, target):
        secret = passwords.find(rt, target)
    url, token = (Secret(target.url), secret) if target.url else (secret, None)
    assert url is not None
    body = words.as_slack(told, attempt) if target.format == "slack" else words.as_json(told, attempt)
    # A receiver that knows the key of a message it has, need not take it twice.
    headers = {"Idempotency-Key": told["message"], "Ytpool-Message": told["message"], "Ytpool-Attempt": str(attempt)}
    rt.post_message(_with_authorities(rt, target), url, token, body, headers, seconds=seconds)


def _mail(rt: Runtime, target: Target, told: Any, attempt: int, seconds: float) -> str:
    from email.message import EmailMessage  # noqa: PLC0415 -- few have a mail server
    from email.policy import SMTP  # noqa: PLC0415
    from email.utils import format_datetime  # noqa: PLC0415

    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"] = target.sender, ", ".join(target.to)
    mail["Subject"] = words.headline(told)
    mail["Date"] = format_datetime(moments.parse(told["written_at"]))
    mail["Message-ID"] = f"<{told['message']}@{target.sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["Ytpool-Attempt"] = str(attempt)
    mail.set_content(words.as_text(told, attempt))
    password = passwords.find(rt, target) if target.user else None
    return rt.send_mail(_with_authorities(rt, target), password, mail, seconds=seconds)


def _with_authorities(rt: Runtime, target: Target) -> Target:
    if not target.ca_file:
        return target
    path = _path(rt, target.ca_file)
    if not path.is_file():
        raise ServerFailed(f"there is no file {path}", hint=f"check {target.section}.ca_file")
    return target._replace(ca_file=str(path))


def _path(rt: Runtime, path: str) -> Path:
    """Return a path; it is meant from the folder of the settings: cron starts elsewhere than a terminal does."""
    return rt.config.paths.config.parent / expanded(path)
