"""Looks at other services that we work with: YouTube, what runs tasks, FTP servers, and whatever has an address."""

import shlex
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from ytpool.actions import api_keys, passwords
from ytpool.actions.calls import paid
from ytpool.actions.health.checks import Check, Sight, Status, ago
from ytpool.config import Config
from ytpool.config.places import expanded
from ytpool.domain import endpoints, failover, grants
from ytpool.domain.accounts import AccountState
from ytpool.domain.providers import Provider
from ytpool.errors import ConfigInvalid, ServerFailed, UpstreamFailed
from ytpool.runtime import Runtime
from ytpool.store import accounts, activity, ledger, rests
from ytpool.store.activity import Deed, Outcome
from ytpool.store.db import Tx
from ytpool.store.ledger import Call, Hold, Payer
from ytpool.store.rests import Scope

_PROVES_FOR = timedelta(minutes=5)
"""Traffic this young says as much as a call of our own."""

_ASKS_AGAIN_AFTER = timedelta(minutes=3)
"""A wrong password that is sent more often has some servers lock this machine out."""

_SAYS_MORE = 1.0
"""Seconds that a server's own time limit comes before ours: it says more. It does not cover who looks up names."""

_LOOKS_BACK = timedelta(days=1)

_STEP = "health"
"""What its calls are booked under, so that the day's budget can be counted."""

_OPERATION = "channels.list"

_NOT_FROM_HERE = "is not asked: the profile sandbox never leaves this machine"


def youtube(sight: Sight) -> Iterator[Check]:
    """Tell by the last calls whether YouTube answers; only `deep`, and only without young proof, asks it."""
    rt = sight.rt
    with rt.store.reading() as tx:
        last = activity.last_of_youtube(tx, since=tx.now - _LOOKS_BACK)
        resting = [one for one in rests.running(tx) if one.scope is Scope.SERVICE and one.name in _GOOGLE]
        now = tx.now
    for rest in resting:
        message = f"{rest.name} rests: {rest.reason}"
        fix = f"nothing; it is tried out by itself; sooner: ytpool rests lift service {rest.name}"
        yield Check(check=f"youtube {rest.name}", status=Status.FAIL, message=message, fix=fix)
    if resting:
        return
    if sight.deep and (last is None or not last.was_answered or now - last.happened_at > _PROVES_FOR):
        yield from _asked(rt)
        return
    if last is None:
        message = "nobody has asked it for a day"
        yield Check(check="youtube", status=Status.PASS, message=message, fix="to ask it: ytpool health --deep")
        return
    seen_at = sight.on_the_machines_clock(last.happened_at)
    if last.was_answered:
        message = f"last answer {ago(now, last.happened_at)} ago ({last.operation} of {last.account})"
        yield Check(check="youtube", status=Status.PASS, message=message, seen_at=seen_at)
    else:
        message = f"the last call was not answered, {ago(now, last.happened_at)} ago: {last.detail or last.reason}"
        fix = "to ask it now: ytpool health --deep"
        yield Check(check="youtube", status=Status.WARN, message=message, fix=fix, seen_at=seen_at)


_GOOGLE = (rests.YOUTUBE, rests.OAUTH)


def _asked(rt: Runtime) -> Iterator[Check]:
    """Ask for one account's own channel, which costs a unit of the day's small budget."""
    rt.open_vault()
    with rt.store.transaction() as tx:
        rt.require_clock()
        rt.require_same_root(tx)
        ledger.expire(tx)
        account = _who_asks(tx)
        if account is None:
            fix = "see: ytpool accounts list"
            yield Check(check="youtube", status=Status.WARN, message="no account can ask it now", fix=fix)
            return
        found = accounts.get(tx, account)
        terms = rt.terms(tx)
        budget = rt.config.health.deep_units
        price = terms.prices.cost(_OPERATION)
        used = sum(ledger.units_of_step(tx, terms.day, _STEP, bucket) for bucket in price)
        if used + sum(price.values()) > budget:
            message = f"was not asked: the {budget} units a day that --deep may spend are used"
            fix = "wait for the reset, or raise deep_units in [health]"
            yield Check(check="youtube", status=Status.WARN, message=message, fix=fix)
            return
        payer = Payer(account=account, project=found.project, channel_id=found.channel_id)
        (held,) = ledger.hold(tx, payer, [Call(operation=_OPERATION, step=_STEP)], terms, rt.rng)
    yield _answered(rt, held)


def _answered(rt: Runtime, held: Hold) -> Check:
    started = rt.clock.monotonic()
    account = held.payer.account
    try:
        paid(rt, held, rt.youtube.my_channel)
    except UpstreamFailed as failure:
        status = Status.FAIL if failover.is_breakdown(failure) else Status.WARN
        message = f"asked as {account}: {failure.message}"
        charge = failover.judge(failure).charge
        units = 0 if charge is failover.Charge.NOTHING else held.units
        fix = " ".join(failure.hint.splitlines()) or f"run: ytpool why account {account}"
        return Check(check="youtube", status=status, message=message, fix=fix, units=units)
    finally:
        with rt.store.transaction() as tx:  # where it never came to be sent; what was sent is settled already
            ledger.release(tx, [held.hold], "never sent")
    took = rt.clock.monotonic() - started
    message = f"answered {account} in {1000 * took:.0f} ms"
    return Check(check="youtube", status=Status.PASS, message=message, units=held.units)


def _who_asks(tx: Tx) -> str | None:
    resting = {(one.scope, one.name) for one in rests.running(tx) if not one.bucket}
    able = [
        one
        for one in accounts.every(tx)
        if one.state is AccountState.ACTIVE
        and one.channel_id
        and grants.can_list(one.scopes)
        and not resting & {(Scope.ACCOUNT, one.account), (Scope.PROJECT, one.project)}
    ]
    return min(able, key=lambda one: (one.priority, one.account)).account if able else None


def providers(sight: Sight) -> Iterator[Check]:
    for provider in sight.rt.config.providers.values():
        yield from _provider(sight, provider)


def _provider(sight: Sight, provider: Provider) -> Iterator[Check]:
    rt, name = sight.rt, f"provider {provider.name}"
    try:
        keys = api_keys.found(rt, provider)
    except ConfigInvalid as error:  # its file cannot be read; the others may do
        yield Check(check=name, status=Status.FAIL, message=error.message, fix="let this user read it: chmod 600")
        return
    file = api_keys.env_file(rt, provider)
    if file is not None and file.exists() and file.stat().st_mode & 0o077:
        message = f"others may read {file}, where its keys are"
        yield Check(check=name, status=Status.WARN, message=message, fix=f"run: chmod 600 {shlex.quote(str(file))}")
    if not keys:
        message = f"has no key: {provider.keys} is {f'neither set nor in {file}' if file else 'not set'}"
        fix = f"set {provider.keys}, or run: ytpool task keep-key {provider.name} --key-file FILE"
        yield Check(check=name, status=Status.WARN, message=message, fix=fix)
        return
    words = "1 key" if len(keys) == 1 else f"{len(keys)} keys"
    with rt.store.reading() as tx:
        last = [one for key in keys if (one := activity.last_of(tx, key.account)) is not None]
        resting = next(
            (one for one in rests.running(tx) if (one.scope, one.name) == (Scope.SERVICE, provider.name)), None
        )
        now = tx.now
    newest = max(last, key=lambda one: one.happened_at, default=None)
    status, fix = Status.PASS, ""
    if newest is not None and newest.outcome is Outcome.UNKNOWN:
        status, fix = Status.WARN, "run: ytpool task list"
    words = f"{words}, {provider.slots} slots each{_last_words(now, newest)}"
    if resting is not None:
        status, fix = Status.WARN, f"sooner: ytpool rests lift service {provider.name}"
        words = f"rests, {resting.shown}; {words}"
    seen_at = None if newest is None else sight.on_the_machines_clock(newest.happened_at)
    yield Check(check=name, status=status, message=words, fix=fix, seen_at=seen_at)


def _last_words(now: datetime, last: Deed | None) -> str:
    if last is None:
        return ""
    ended = {Outcome.DONE: "done", Outcome.FAILED: "failed", Outcome.UNKNOWN: "was not answered"}[last.outcome]
    return f"; its last task, {ago(now, last.happened_at)} ago, {ended}"


def ftp_servers(config: Config) -> Sequence[str]:
    return tuple(config.ftp)


def ftp_within(sight: Sight) -> float:
    return sight.rt.config.ftp[sight.part].timeout + _SAYS_MORE


def ftp(sight: Sight) -> Iterator[Check]:
    rt = sight.rt
    server = rt.config.ftp[sight.part]
    if rt.is_sandbox and not endpoints.is_own(server.host):
        yield Check(check=server.section, status=Status.PASS, message=_NOT_FROM_HERE)
        return
    refused = next((one for one in sight.before if one.check == server.section and one.status is Status.FAIL), None)
    if refused is not None and refused.seen_at is not None and rt.clock.now() - refused.seen_at < _ASKS_AGAIN_AFTER:
        yield refused
        return
    server = server._replace(ca_file=_authorities(rt, server.section, server.ca_file))
    password = passwords.find(rt, server)
    if not password.reveal().isprintable():
        raise ServerFailed(
            f"the password of {server.section} has a line break or another control character in it",
            hint="keep it again, as one line",
        )
    started = rt.clock.monotonic()
    protection = rt.greet_ftp(server, password)
    took = rt.clock.monotonic() - started
    how = protection or "without TLS: the password went in plain text"
    message = f"login of {server.user} and NOOP in {1000 * took:.0f} ms, {how}"
    yield Check(check=server.section, status=Status.PASS, message=message)


def pages(config: Config) -> Sequence[str]:
    return tuple(config.checks)


def page_within(sight: Sight) -> float:
    return sight.rt.config.checks[sight.part].timeout + _SAYS_MORE


def page(sight: Sight) -> Iterator[Check]:
    rt = sight.rt
    wanted = rt.config.checks[sight.part]
    section = f"checks.{wanted.name}"
    if rt.is_sandbox and not endpoints.is_loopback(wanted.url):
        yield Check(check=section, status=Status.PASS, message=_NOT_FROM_HERE)
        return
    wanted = wanted._replace(ca_file=_authorities(rt, section, wanted.ca_file))
    started = rt.clock.monotonic()
    status = rt.look_at_page(wanted)
    took = rt.clock.monotonic() - started
    message = f"{wanted.shown} answered {status} in {1000 * took:.0f} ms"
    yield Check(check=section, status=Status.PASS, message=message)


def _authorities(rt: Runtime, section: str, ca_file: str) -> str:
    """Return the file of those who vouch for a server; like every path in the settings meant from their own folder."""
    if not ca_file:
        return ""
    path = rt.config.paths.config.parent / expanded(ca_file)
    if not path.is_file():
        raise ServerFailed(f"there is no file {path}", hint=f"check {section}.ca_file")
    return str(path)
