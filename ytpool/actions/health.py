"""One honest answer to: can this machine work? Checks here cost no quota and none of them can hang for long."""

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ytpool.actions import api_keys, lifetimes
from ytpool.actions.reports import BucketQuota, quota_report
from ytpool.domain import moments
from ytpool.domain.quota import Light
from ytpool.errors import ConfigInvalid, YtpoolError
from ytpool.runtime import Runtime
from ytpool.store import accounts, ledger, meta, pools, projects, rests, secrets
from ytpool.store.rests import Rest

PASS, WARN, FAIL = "pass", "warn", "fail"

_FIRST_LOGIN = {True: "run: ytpool auth add NAME", False: "run: ytpool auth add NAME --client-secrets FILE"}
"""By whether it is the sandbox, which needs no file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What one look found, what it cost, and what to type."""

    check: str
    status: str
    message: str
    fix: str = ""
    units: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """All checks; the whole is as good as its worst."""

    status: str
    checks: tuple[Check, ...]
    exit_status: int


def look(rt: Runtime, *, strict: bool = False) -> Health:
    """Look at state, vault, clock, grants, buckets, other services' keys and rests."""
    checks: list[Check] = []
    for name, check in _CHECKS.items():
        started = rt.clock.monotonic()
        unopened = False
        try:
            found = list(check(rt))
        except YtpoolError as error:
            found = [Check(check=name, status=FAIL, message=error.message, fix=" ".join(error.hint.splitlines()))]
            unopened = name == "state"
        seconds = round(rt.clock.monotonic() - started, 4)
        checks += [_timed(one, seconds / len(found)) for one in found]  # none of pools, where all is plain
        if unopened:  # the others live in it, and would only say the same once more
            break
    statuses = {check.status for check in checks}
    worst = FAIL if FAIL in statuses else WARN if WARN in statuses else PASS
    healthy = worst == PASS or (worst == WARN and not strict)
    return Health(status=worst, checks=tuple(checks), exit_status=0 if healthy else 8)


def _timed(check: Check, seconds: float) -> Check:
    return Check(
        check=check.check,
        status=check.status,
        message=check.message,
        fix=check.fix,
        units=check.units,
        seconds=round(seconds, 4),
    )


def _state(rt: Runtime) -> Iterator[Check]:
    broken = rt.store.integrity()
    if broken:
        yield Check(check="state", status=FAIL, message=broken[0], fix="stop all ytpool processes; restore a backup")
        return
    with rt.store.transaction() as tx:  # it can be written, too
        wrong = ledger.differences(tx, rt.terms(tx).day)
    if wrong:
        yield Check(check="state", status=FAIL, message=wrong[0], fix="run: ytpool state check")
        return
    size = rt.store.path.stat().st_size
    yield Check(check="state", status=PASS, message=f"{rt.store.path} is whole, {size / 1_000_000:.1f} MB")


def _vault(rt: Runtime) -> Iterator[Check]:
    found = rt.vault.locate()
    yield Check(check="vault", status=PASS, message=f"key {found.key_id} is in the {found.place}: {found.where}")
    with rt.store.reading() as tx:
        coming = meta.get(tx, meta.VAULT_NEXT_KEY)
        left = sum(count for key_id, count in secrets.keys_in_use(tx).items() if key_id != found.key_id)
    if coming is not None:
        message = f"the change to key {coming} is begun, and nothing is sealed with it yet"
        yield Check(check="vault rotation", status=WARN, message=message, fix="run: ytpool vault rotate")
    elif left:
        message = f"{left} secrets are still sealed with the key before"
        yield Check(check="vault rotation", status=WARN, message=message, fix="run: ytpool vault rotate --finish")


def _clock(rt: Runtime) -> Iterator[Check]:
    rt.require_clock()
    yield Check(check="clock", status=PASS, message=f"{rt.calendar.now():%Y-%m-%d %H:%M:%S} UTC")


def _grants(rt: Runtime) -> Iterator[Check]:
    found = lifetimes.lifetimes(rt)
    if not found:
        yield Check(
            check="grants", status=WARN, message="no account yet", fix="run: ytpool auth add NAME --client-secrets FILE"
        )
    for login in found:
        name = f"grant {login.account}"
        for concern in login.concerns:
            status = FAIL if concern.is_fatal else WARN
            yield Check(check=name, status=status, message=concern.message, fix=f"run: {concern.command}")
        if not login.concerns:
            yield Check(check=name, status=PASS, message=f"{login.state}, channel {login.channel_title}")


def _pools(rt: Runtime) -> Iterator[Check]:
    with rt.store.reading() as tx:
        for pool in pools.every(tx):
            name = f"pool {pool.pool}"
            if not pool.accounts:
                fix = f"run: ytpool pools set {pool.pool} --add ACCOUNT"
                yield Check(check=name, status=WARN, message="has no account", fix=fix)
            elif pool.across_projects:
                rule = "know the rule: Google's Developer Policies III.D.1.c"
                yield Check(check=name, status=PASS, message=pools.spread_words(tx, pool), fix=rule)
        for project in projects.every(tx):
            for twin in projects.twins(tx, project.project):
                if twin > project.project:
                    yield Check(
                        check=f"project {project.project}",
                        status=WARN,
                        message=f"has the same id at Google as {twin}, so its quota may be believed to be there twice",
                        fix=f"run: ytpool projects merge {twin} {project.project}",
                    )


def _buckets(rt: Runtime) -> Iterator[Check]:
    lights = {Light.RED: WARN, Light.ORANGE: WARN}
    report = quota_report(rt)
    for project in report.projects:
        for bucket in project["buckets"]:
            yield Check(
                check=f"bucket {project['project']} {bucket.bucket}",
                status=FAIL if bucket.left == 0 else lights.get(bucket.status, PASS),
                message=f"{bucket.percent:g} % of {bucket.limit:,} used, {bucket.left:,} left",
                fix="" if bucket.left else _comes_back(project["project"], bucket, report.resets_at),
            )


def _comes_back(project: str, bucket: BucketQuota, resets_at: datetime) -> str:
    if bucket.limit:
        return f"wait; it comes back at {moments.spoken(resets_at)}"
    return f"to allow some: ytpool projects set {project} --limit {bucket.bucket}=N"


def _rests(rt: Runtime) -> Iterator[Check]:
    with rt.store.reading() as tx:
        running = rests.running(tx)
        titles = {account.channel_id: account.channel_title for account in accounts.every(tx)}
    if not running:
        yield Check(check="rests", status=PASS, message="nothing rests")
    for rest in running:
        if rest.is_pause:
            message = f"{rest.words} (since {moments.spoken(rest.since)})"
            yield Check(check="paused", status=WARN, message=message, fix=f"run: {rest.lifts}")
            continue
        title = titles.get(rest.name, rest.name)
        yield Check(
            check=f"rest {rest.scope} {title}".strip(),
            status=WARN,
            message=f"{rest.bucket or 'everything'} rests {_until(rest)}: {rest.reason}",
            fix=_lifts(rest, title),
        )


def _providers(rt: Runtime) -> Iterator[Check]:
    for provider in rt.config.providers.values():
        name = f"provider {provider.name}"
        try:
            keys = api_keys.found(rt, provider)
        except ConfigInvalid as error:  # its file cannot be read; the others may do
            yield Check(check=name, status=FAIL, message=error.message, fix="let this user read it: chmod 600")
            continue
        file = api_keys.env_file(rt, provider)
        if file is not None and file.exists() and file.stat().st_mode & 0o077:
            message = f"others may read {file}, where its keys are"
            yield Check(check=name, status=WARN, message=message, fix=f"run: chmod 600 {shlex.quote(str(file))}")
        if not keys:
            message = f"has no key: {provider.keys} is {f'neither set nor in {file}' if file else 'not set'}"
            fix = f"set {provider.keys}, or run: ytpool task keep-key {provider.name} --key-file FILE"
            yield Check(check=name, status=WARN, message=message, fix=fix)
        else:
            words = "1 key" if len(keys) == 1 else f"{len(keys)} keys"
            yield Check(check=name, status=PASS, message=f"{words}, {provider.slots} slots each")


def _until(rest: Rest) -> str:
    return "until a person acts" if rest.until is None else f"until {moments.spoken(rest.until)}"


def _lifts(rest: Rest, title: str) -> str:
    by_word = f"ytpool rests lift {shlex.join([rest.scope, title])}"
    if rest.until is None:
        return f"{rest.lifts.rstrip('.')}; then: {by_word}"
    return f"nothing; it ends by itself ({rest.lifts}); sooner: {by_word}"


_CHECKS: dict[str, Callable[[Runtime], Iterator[Any]]] = {
    "state": _state,
    "vault": _vault,
    "clock": _clock,
    "grants": _grants,
    "pools": _pools,
    "buckets": _buckets,
    "providers": _providers,
    "rests": _rests,
}
