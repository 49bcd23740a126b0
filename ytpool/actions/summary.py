"""Everything that a report on paper shows: read once, bounded however much there is. Spends no quota."""

from dataclasses import dataclass

from ytpool.actions import activity, quota_books
from ytpool.actions import todo as todos
from ytpool.actions.activity import ActivityReport, Wanted
from ytpool.actions.alerts import listing
from ytpool.actions.health import looking
from ytpool.actions.health.looking import Health
from ytpool.actions.overview import Overview, Overviews
from ytpool.actions.pictures import done, slots, use
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
_DRIFT_DAYS = 7


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
    days = max(_DRIFT_DAYS, (by_account.until - by_account.since).days + 1)
    return Summary(
        overview=overview,
        todo=todos.todo(rt),
        why_not=everybody.why_not(rt),
        health=looking.free_checks(rt),
        drift=quota_books.drift(rt, min(days, 3660)),
        by_account=by_account,
        by_operation=activity.report(rt, wanted, by="operation"),
        burn_downs=use.burn_downs(rt),
        uses=tuple(use.use_by_account(rt, bucket) for bucket in fullest(overview.quota)[:_BUCKETS]),
        heat_map=done.heat_map(rt, wanted, most=_ACCOUNTS_ON_A_MAP),
        uploads=done.upload_timeline(rt, wanted, most=_UPLOADS_ON_A_LINE),
        slots=slots.slots(rt),
    )


def fullest(report: QuotaReport) -> list[str]:
    """Return the buckets of which something is used today, the fullest first."""
    totals = report.totals
    shares = {bucket: used / (totals["limit"].get(bucket) or 1) for bucket, used in totals["used"].items() if used}
    return sorted(shares, key=lambda bucket: -shares[bucket])
