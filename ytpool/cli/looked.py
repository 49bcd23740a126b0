"""How the answers of `ytpool health` are seen."""

from ytpool.actions.health.looking import Health
from ytpool.actions.health.morning import Morning
from ytpool.actions.health.work import Aim
from ytpool.cli.output import STATUS_STYLES, VIEWS, Column, View
from ytpool.domain import moments

VIEWS[Health] = View(
    rows="checks",
    columns=(
        Column("", "status", style=STATUS_STYLES),
        ("Check", "check"),
        ("What was seen", "message"),
        Column("What to do", "fix", style="cyan"),
    ),
    footer=lambda health: f"all in all, on {health.host}: {health.status}",
)

_URGENT = {"now": "red", "today": "yellow", "soon": ""}


def _met(aim: Aim) -> str:
    return "" if aim.met is None else "yes" if aim.met else "no"


VIEWS[Morning] = (
    View(
        title=lambda told: f"Since {moments.spoken(told.since)}",
        rows="happened",
        columns=(("What", "what"), ("How it went", "told")),
        empty="nothing was done",
    ),
    View(
        title="Targets",
        rows="targets",
        columns=(
            ("Target", "target"),
            ("Wanted", "wanted"),
            ("Is", "measured"),
            Column("Met", _met, style={"yes": "green", "no": "yellow"}),
        ),
        empty="no target is set",
    ),
    View(
        title="To do",
        rows="todo",
        columns=(
            Column("", "urgency", style=_URGENT),
            ("Why", "what"),
            Column("Type", "command", style="cyan"),
        ),
        empty="nothing",
        footer=lambda told: f"all in all: {told.status}, of {len(told.checks)} checks; each of them: ytpool health",
    ),
)
