"""How a refresh of cookies is seen; imported by the command that runs one."""

from ytpool.actions.cookie_files import Refreshed, RefreshPlanned
from ytpool.cli.output import VIEWS, View
from ytpool.domain import moments


def _refreshed(done: Refreshed) -> str:
    if done.outcome == "fresh":
        head = f"the cookies of {done.account} are fresh: they were refreshed at {done.refreshed_at:%H:%M:%S} UTC"
    else:
        head = f"the cookies of {done.account} are new: {done.cookies} of them, in {done.path}"
    until = "" if done.ends_at is None else f"; they live until {moments.spoken(done.ends_at)}"
    return f"{head}{until}"


def _planned(plan: RefreshPlanned) -> str:
    would = f"it would run {plan.program} and put what that fetches into {plan.path}"
    if plan.in_progress_by:
        return f"{would}, but {plan.in_progress_by} is at it now"
    return f"{would}, in {plan.seconds_until:.0f} s at the soonest" if plan.seconds_until else would


VIEWS[Refreshed] = View(text=_refreshed)
VIEWS[RefreshPlanned] = View(text=_planned)
