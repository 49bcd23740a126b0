"""`ytpool why`: why a job waits, why an account is not chosen, why a bucket takes no new work."""

from typing import Annotated, Any

import typer

from ytpool.cli.commands import command, single
from ytpool.cli.options import runtime

app = single()


@command(
    app,
    "why",
    example="ytpool why 1jd3v2a97\nytpool why news\nytpool why press/uploads",
    statuses=(0, 2, 6),
)
def why(
    ctx: typer.Context,
    what: Annotated[
        str,
        typer.Argument(
            help="A job's id or the beginning of it, an account, a project, or PROJECT/BUCKET; where a name is more "
            "than one thing: job:ID, account:NAME, project:NAME, bucket:PROJECT/BUCKET."
        ),
    ],
) -> Any:  # an Explanation, an AccountExplained or a ProjectExplained
    """Explain a job, an account or a bucket, and say what would change how it stands.

    Of a job: what was decided, with every factor, who was passed over and for what reason; and while it waits, who of
    its accounts could take it now and what keeps the others. Of an account: whether it would be given an upload now,
    its score by factor, its place in each of its pools, rests and caps. Of a bucket: its limit and who says so, what
    is used and by whom, and when it takes new work again. It looks, and changes nothing.
    """
    from ytpool.actions.why import named  # noqa: PLC0415 -- help needs nothing of it
    from ytpool.cli import explained  # noqa: F401, PLC0415 -- how the result is seen

    return named.explain(runtime(ctx), what)
