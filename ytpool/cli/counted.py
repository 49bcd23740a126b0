"""What YouTube counts of videos, as data and as people see it, and the way there from what was typed."""

import sys
from collections.abc import Iterator, Sequence
from typing import Any

import typer

from ytpool.actions import stats
from ytpool.actions.stats import VideoStats
from ytpool.cli.exits import DONE, common, status_of
from ytpool.cli.items import as_item
from ytpool.cli.options import runtime
from ytpool.cli.output import VIEWS, Column, View
from ytpool.cli.writing import target
from ytpool.domain import video
from ytpool.errors import UsageWrong


class Counted(dict[str, Any]):
    """Several videos, or one whose fields stand beside the list as well."""

    def __init__(self, found: Sequence[VideoStats]) -> None:
        items = [as_item(one) for one in found]
        super().__init__({**(items[0] if len(items) == 1 else {}), "videos": items})
        self.pop("error", None)  # the envelope has a place of its own for it
        self.exit_status = common(DONE if one.problem is None else status_of(one.problem) for one in found)
        self.problem = found[0].problem if len(found) == 1 else None


def _number(count: int) -> str:
    return f"{count:,}"


VIEWS[Counted] = View(
    rows="videos",
    columns=(
        ("Video", "video_id"),
        Column("Views", "views", shown=_number, justify="right"),
        Column("Likes", "likes", shown=_number, justify="right"),
        Column("Comments", "comments", shown=_number, justify="right"),
        Column("Public since", "published_at", from_width=80),
        Column("Lasts", "duration", from_width=100),
        Column("Seen by", "account", from_width=100),
        Column("Said", lambda row: row["error"]["message"] if row["error"] else "", style="yellow"),
    ),
)


def count(
    ctx: typer.Context, typed: Sequence[str], *, account: str | None, pool: str | None, use_buffer: bool
) -> Counted:
    """Ask for the counts of what was typed: ids, addresses, and - for what standard input holds."""
    asks = target(account, pool) if account or pool else None
    wanted = list(dict.fromkeys(_id(word) for word in _words(typed)))
    if not wanted:
        raise UsageWrong("no video is named", hint="see: ytpool stats --help")
    return Counted(stats.of(runtime(ctx, logs=True), wanted, asks, use_buffer=use_buffer))


def _words(typed: Sequence[str]) -> Iterator[str]:
    for word in typed:
        if word == "-":
            yield from sys.stdin.read().split()
        else:
            yield word


def _id(typed: str) -> str:
    try:
        return video.video_id(typed)
    except ValueError as error:
        raise UsageWrong(str(error), hint="an id that begins with - is written behind --") from None
