"""Everything that a report on paper shows: read once, bounded however much there is. Spends no quota."""

from dataclasses import dataclass

from ytpool.actions import activity, history, quota_books
from ytpool.actions import todo as todos
from ytpool.actions.activity import ActivityReport, Wanted
from ytpool.actions.alerts import listing
from ytpool.actions.health import looking
from ytpool.actions.health.looking import Health
from ytpool.actions.overview import Overview, Overviews
from ytpool.actions.pictures import days, done, slots, use
from ytpool.actions.pictures.days import DayBars
from ytpool.actions.pictures.done import HeatMap, UploadTimeline
from ytpool.actions.pictures.slots import Slots
from ytpool.actions.pictures.use import BurnDowns, UseByAccount
from ytpool.actions.quota_books import Drift
from ytpool.actions.reports import QuotaReport
from ytpool.actions.todo import Todo
from ytpool.actions.why import everybody
from ytpool.actions.why.everybody import WhyNot
from ytpool.runtime import Runtime

_ACCOUNTS_ON_A_MAP = 30
_UPLOADS_ON_A_LINE = 40
_BUCKETS = 4
_BUCKETS_BY_DAY = 12
_DRIFT_DAYS = 7
_LEAST_DAYS, _MOST_DAYS = 14, 366


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How it stands with everything, and what was done over a window."""

    overview: Overview
    todo: Todo
    why_not: WhyNot
    health: Health
    """What could be looked at without spending a unit."""
    drift: Drift
    by_account: ActivityReport
    by_operation: ActivityReport
    burn_downs: BurnDowns
    day_bars: DayBars
    uses: tuple[UseByAccount, ...]
    """Of the buckets that were used most today, by their share."""
    heat_map: HeatMap
    uploads: UploadTimeline
    slots: Slots


def gather(rt: Runtime, wanted: Wanted) -> Summary:
    """Read all of it; what happens meanwhile may show in one part and not yet in another."""
    listing.listed(rt)  # which looks, so that the alerts are those of this moment
    overview = Overviews(rt).take()
    by_account = activity.report(rt, wanted, by="account")
    window = (by_account.until - by_account.since).days + 1
    return Summary(
        overview=overview,
        todo=todos.todo(rt),
        why_not=everybody.why_not(rt),
        health=looking.Rounds(rt).go(),
        drift=quota_books.drift(rt, min(max(window, _DRIFT_DAYS), _MOST_DAYS)),
        by_account=by_account,
        by_operation=activity.report(rt, wanted, by="operation"),
        burn_downs=use.burn_downs(rt),
        day_bars=full_days(rt, window, most=_BUCKETS_BY_DAY),
        uses=tuple(use.use_by_account(rt, bucket) for bucket in fullest(overview.quota)[:_BUCKETS]),
        heat_map=done.heat_map(rt, wanted, most=_ACCOUNTS_ON_A_MAP),
        uploads=done.upload_timeline(rt, wanted, most=_UPLOADS_ON_A_LINE),
        slots=slots.of(overview.queue, overview.now),
    )


def full_days(
    rt: Runtime, window: int, *, project: str | None = None, bucket: str | None = None, most: int = 40
) -> DayBars:
    """Return how full buckets were on so many quota days, or two weeks, if that is longer, or at most a year."""
    asked = min(max(window, _LEAST_DAYS), _MOST_DAYS)
    return days.day_bars(rt, history.quota_history(rt, days=asked, project=project, bucket=bucket), most=most)


def fullest(report: QuotaReport) -> list[str]:
    """Return the buckets of which something is used today, the fullest first."""
    totals = report.totals
    shares = {bucket: used / (totals["limit"].get(bucket) or 1) for bucket, used in totals["used"].items() if used}
    return sorted(shares, key=lambda bucket: -shares[bucket])
