"""Looks at what the pools live on: logins, buckets, and what rests."""

import shlex
from collections.abc import Iterator
from datetime import datetime

from ytpool.actions import lifetimes
from ytpool.actions.health.checks import Check, Sight, Status
from ytpool.actions.reports import BucketQuota, quota_report
from ytpool.domain import moments
from ytpool.domain.quota import Light
from ytpool.store import accounts, pools, projects
from ytpool.store import rests as resting
from ytpool.store.rests import Rest


def grants(sight: Sight) -> Iterator[Check]:
    found = lifetimes.lifetimes(sight.rt)
    if not found:
        yield Check(
            check="grants",
            status=Status.WARN,
            message="no account yet",
            fix=f"run: ytpool auth add NAME{'' if sight.rt.is_sandbox else ' --client-secrets FILE'}",
        )
    for login in found:
        name = f"grant {login.account}"
        for concern in login.concerns:
            status = Status.FAIL if concern.is_fatal else Status.WARN
            yield Check(check=name, status=status, message=concern.message, fix=f"run: {concern.command}")
        if not login.concerns:
            yield Check(check=name, status=Status.PASS, message=f"{login.state}, channel {login.channel_title}")


def memberships(sight: Sight) -> Iterator[Check]:
    with sight.rt.store.reading() as tx:
        for pool in pools.every(tx):
            name = f"pool {pool.pool}"
            if not pool.accounts:
                fix = f"run: ytpool pools set {pool.pool} --add ACCOUNT"
                yield Check(check=name, status=Status.WARN, message="has no account", fix=fix)
            elif pool.across_projects:
                rule = "know the rule: Google's Developer Policies III.D.1.c"
                yield Check(check=name, status=Status.PASS, message=pools.spread_words(tx, pool), fix=rule)
        for project in projects.every(tx):
            for twin in projects.twins(tx, project.project):
                if twin > project.project:
                    yield Check(
                        check=f"project {project.project}",
                        status=Status.WARN,
                        message=f"has the same id at Google as {twin}, so its quota may be believed to be there twice",
                        fix=f"run: ytpool projects merge {twin} {project.project}",
                    )


def buckets(sight: Sight) -> Iterator[Check]:
    lights = {Light.RED: Status.WARN, Light.ORANGE: Status.WARN}
    report = quota_report(sight.rt)
    for project in report.projects:
        for bucket in project["buckets"]:
            yield Check(
                check=f"bucket {project['project']} {bucket.bucket}",
                status=Status.FAIL if bucket.left == 0 else lights.get(bucket.status, Status.PASS),
                message=f"{bucket.percent:g} % of {bucket.limit:,} used, {bucket.left:,} left",
                fix="" if bucket.left else _comes_back(project["project"], bucket, report.resets_at),
            )


def _comes_back(project: str, bucket: BucketQuota, resets_at: datetime) -> str:
    if bucket.limit:
        return f"wait; it comes back at {moments.spoken(resets_at)}"
    return f"to allow some: ytpool projects set {project} --limit {bucket.bucket}=N"


def rests(sight: Sight) -> Iterator[Check]:
    with sight.rt.store.reading() as tx:
        running = resting.running(tx)
        titles = {account.channel_id: account.channel_title for account in accounts.every(tx)}
    if not running:
        yield Check(check="rests", status=Status.PASS, message="nothing rests")
    for rest in running:
        if rest.is_pause:
            message = f"{rest.words} (since {moments.spoken(rest.since)})"
            yield Check(check="paused", status=Status.WARN, message=message, fix=f"run: {rest.lifts}")
            continue
        title = titles.get(rest.name, rest.name)
        yield Check(
            check=f"rest {rest.scope} {title}".strip(),
            status=Status.WARN,
            message=f"{rest.bucket or 'everything'} rests {_until(rest)}: {rest.reason}",
            fix=_lifts(rest, title),
        )


def _until(rest: Rest) -> str:
    return "until a person acts" if rest.until is None else f"until {moments.spoken(rest.until)}"


def _lifts(rest: Rest, title: str) -> str:
    by_word = f"ytpool rests lift {shlex.join([rest.scope, title])}"
    if rest.until is None:
        return f"{rest.lifts.rstrip('.')}; then: {by_word}"
    return f"nothing; it ends by itself ({rest.lifts}); sooner: {by_word}"
