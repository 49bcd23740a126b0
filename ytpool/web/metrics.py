"""The numbers for Prometheus: from what the last round has read, so that a scrape costs nothing.

Names and labels stand in `data/guide/recipes.md`; none of them is ever given another meaning.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ytpool import __version__
from ytpool.actions.cookie_files import FileSeen, RefreshSeen
from ytpool.actions.health.checks import Status
from ytpool.actions.numbers import Numbers
from ytpool.actions.queue import QueueStatus
from ytpool.errors import YtpoolError
from ytpool.store.refreshes import Outcome
from ytpool.web.connections import Crowd
from ytpool.web.standing import Seen, Standing
from ytpool.web.traffic import Traffic

_Rows = Iterable[tuple[tuple[str, ...], float]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # a registry knows its collectors by who they are
class _Facts(Collector):
    """All that one scrape is told."""

    seen: Seen | None
    age: float | None
    queue: QueueStatus | None
    cookies: FileSeen | None
    refreshes: Mapping[str, RefreshSeen]
    account: str
    answers: Mapping[tuple[str, str, int], int]
    refusals: Mapping[str, int]
    connections: int

    def collect(self) -> Iterator[Metric]:
        yield _gauge("ytpool_build_info", "The version that serves.", [((__version__,), 1)], "version")
        yield from self._of_serving()
        yield from self._of_cookies()
        if self.seen is not None and self.age is not None:
            yield _gauge("ytpool_checks_age_seconds", "Seconds since the checks were asked.", [((), self.age)])
            yield from _of_checks(self.seen)
            if self.seen.numbers is not None:
                yield from _of_quota(self.seen.numbers)
        if self.queue is not None:
            yield from _of_queue(self.queue)

    def _of_serving(self) -> Iterator[Metric]:
        answers = [((path, method, str(status)), n) for (path, method, status), n in self.answers.items()]
        labels = ("path", "method", "status")
        yield _counter("ytpool_http_requests_total", "Requests that were answered.", answers, *labels)
        refusals = [((reason,), n) for reason, n in self.refusals.items()]
        yield _counter("ytpool_http_refusals_total", "Requests that were refused, by why.", refusals, "reason")
        yield _gauge("ytpool_http_connections", "Connections that are open.", [((), self.connections)])

    def _of_cookies(self) -> Iterator[Metric]:
        if self.cookies is not None:
            of = (self.account,)
            usable = "Whether the cookie file can be used."
            yield _gauge("ytpool_cookies_available", usable, [(of, self.cookies.usable)], "account")
            for name, about, moment in (
                ("ytpool_cookies_modified_timestamp_seconds", "When it was changed.", self.cookies.last_modified),
                ("ytpool_cookies_end_timestamp_seconds", "When its login ends.", self.cookies.ends_at),
            ):
                if moment is not None:
                    yield _gauge(name, about, [(of, moment.timestamp())], "account")
        about = "Whether the account's cookies are being refreshed."
        running = [((name,), bool(one.by)) for name, one in self.refreshes.items()]
        yield _gauge("ytpool_cookies_refresh_in_progress", about, running, "account")
        begun = [((name,), one.begun_at.timestamp()) for name, one in self.refreshes.items() if one.begun_at]
        about = "When the last refresh of the account's cookies began."
        yield _gauge("ytpool_cookies_refresh_begun_timestamp_seconds", about, begun, "account")
        ok = [((name,), one.outcome is Outcome.REPLACED) for name, one in self.refreshes.items() if one.outcome]
        about = "Whether the last refresh of the account's cookies succeeded."
        yield _gauge("ytpool_cookies_refresh_succeeded", about, ok, "account")


def routes(standing: Standing, traffic: Traffic, crowd: Crowd) -> list[Route]:
    """Return where the numbers are."""

    async def metrics(_: Request) -> Response:
        try:
            waiting: QueueStatus | None = (await standing.queue()).value
            refreshes: Mapping[str, RefreshSeen] = (await standing.refreshes()).value
        except YtpoolError:  # the checks say so; a scrape that fails would say nothing of anything
            waiting, refreshes = None, {}
        registry = CollectorRegistry()
        registry.register(
            _Facts(
                seen=standing.seen,
                age=standing.age,
                queue=waiting,
                cookies=await standing.cookies(),
                refreshes=refreshes,
                account="" if standing.file is None else standing.file.account,
                # Copies: they are written down in another thread, as a pool of thousands takes its time.
                answers=dict(traffic.answers),
                refusals=dict(traffic.refusals),
                connections=crowd.open,
            )
        )
        return Response(
            await run_in_threadpool(generate_latest, registry),
            headers={"Cache-Control": "no-store", "Content-Type": CONTENT_TYPE_PLAIN_0_0_4},
        )

    return [Route("/metrics", metrics)]


def _of_checks(seen: Seen) -> Iterator[Metric]:
    looks: dict[tuple[str, str], int] = {}
    for check in seen.health.checks:
        for status in Status:
            looks[check.look, status] = looks.get((check.look, status), 0) + (check.status is status)
    rows = [((look, str(status)), n) for (look, status), n in looks.items()]
    yield _gauge("ytpool_checks", "Checks of `ytpool health`, by what they found.", rows, "look", "status")


def _of_quota(numbers: Numbers) -> Iterator[Metric]:
    buckets = [
        ((project["project"], one.bucket), one) for project in numbers.quota.projects for one in project["buckets"]
    ]
    for name, about, rows in (
        ("limit", "What a project may spend of a bucket today.", [(key, one.limit) for key, one in buckets]),
        ("spent", "What is spent for sure.", [(key, one.spent) for key, one in buckets]),
        ("unknown", "What may be spent, nobody knows.", [(key, one.unknown) for key, one in buckets]),
        ("elsewhere", "What others have spent.", [(key, one.elsewhere) for key, one in buckets]),
        ("held", "What is set aside for work under way.", [(key, one.held + one.sent) for key, one in buckets]),
        ("left", "What is left today.", [(key, one.left) for key, one in buckets]),
    ):
        yield _gauge(f"ytpool_quota_{name}_units", about, rows, "project", "bucket")
    resets = numbers.quota.resets_at.timestamp()
    yield _gauge("ytpool_quota_reset_timestamp_seconds", "When the quota comes back.", [((), resets)])
    states: dict[tuple[str, str], int] = {}
    for account in numbers.quota.accounts:
        key = (str(account["state"]), str(account["tier"]))
        states[key] = states.get(key, 0) + 1
    yield _gauge("ytpool_accounts", "Accounts, by state and tier.", states.items(), "state", "tier")
    uploads = [((account["account"],), account["uploads_today"]) for account in numbers.quota.accounts]
    yield _gauge("ytpool_account_uploads", "Uploads of the quota day.", uploads, "account")
    jobs = [((state,), n) for state, n in numbers.jobs.items()]
    yield _gauge("ytpool_jobs", "Jobs that have not ended, by state.", jobs, "state")
    yield _gauge("ytpool_rests", "What rests.", [((), numbers.rests)])
    yield _gauge("ytpool_paused", "Whether an operator has paused something.", [((), numbers.is_paused)])


def _of_queue(queue: QueueStatus) -> Iterator[Metric]:
    slots = [((one.name,), one.max_slots) for one in queue.accounts]
    yield _gauge("ytpool_slots", "Places to work of an account.", slots, "account")
    running = [((one.name,), one.running) for one in queue.accounts]
    yield _gauge("ytpool_slots_running", "Places that are taken.", running, "account")
    yield _gauge("ytpool_queue_waiting", "Jobs that `work` takes in their turn.", [((), queue.total_queued)])
    yield _gauge("ytpool_queue_held", "Jobs that an operator holds back.", [((), queue.held)])


def _gauge(name: str, about: str, rows: _Rows, *labels: str) -> Metric:
    family = GaugeMetricFamily(name, about, labels=labels)
    for values, number in rows:
        family.add_metric(values, float(number))
    return family


def _counter(name: str, about: str, rows: _Rows, *labels: str) -> Metric:
    family = CounterMetricFamily(name, about, labels=labels)
    for values, number in rows:
        family.add_metric(values, float(number))
    return family
