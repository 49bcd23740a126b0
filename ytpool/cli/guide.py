"""`ytpool guide`: what an operator wants to read before, and at three in the morning."""

from typing import Annotated

import typer

from ytpool.actions import guide as guides
from ytpool.actions.guide import Contents, Page
from ytpool.cli.commands import command, single
from ytpool.cli.output import VIEWS, View

app = single()

VIEWS[Contents] = View(
    rows="topics",
    columns=(("Topic", "topic"), ("About", "about")),
    footer="read one: ytpool guide TOPIC",
)
VIEWS[Page] = View(text=lambda page: page.text, markdown=lambda page: page.is_markdown, paged=True)


@command(
    app,
    "guide",
    example=(
        "ytpool guide\n"
        "ytpool guide failover\n"
        "PAGER=cat ytpool guide cron\n"
        "ytpool guide prometheus-rules.yml > ytpool-rules.yml"
    ),
    statuses=(0, 2),
)
def guide(
    ctx: typer.Context,  # noqa: ARG001 -- every command has one
    topic: Annotated[
        str | None,
        typer.Argument(metavar="TOPIC", help="What to read about; without it the topics.", show_default=False),
    ] = None,
) -> Contents | Page:
    """Read how it is meant: first steps, cron, quota, failover, health, alerts, backups, services, sessions, fleet.

    On a terminal a page is shown by $PAGER, or by `less`; in a pipe it is Markdown as it is. Two topics are files for
    other programs: prometheus-rules.yml and grafana-dashboard.json.
    """
    return guides.contents() if topic is None else guides.page(topic)
