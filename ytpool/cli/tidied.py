"""How housekeeping is shown."""

from dataclasses import dataclass
from typing import Any

from ytpool.actions import housekeeping
from ytpool.cli.exits import DONE, common, status_of
from ytpool.cli.items import as_item
from ytpool.cli.output import VIEWS, Column, View, worded
from ytpool.runtime import Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class Tidied:
    """What became of every duty."""

    duties: tuple[dict[str, Any], ...]
    dry_run: bool
    exit_status: int


def _done(row: dict[str, Any]) -> str:
    if row["error"]:
        return worded(row["error"]["message"], row["error"]["hint"])
    done = ((count, what.removesuffix("s") if count == 1 else what) for what, count in row["done"].items() if count)
    return ", ".join(f"{count} {what}" for count, what in done) or "nothing"


VIEWS[Tidied] = View(
    rows="duties",
    columns=(
        ("Duty", "duty"),
        Column("About", "about", style="dim", from_width=100),
        Column("Done", _done, style=lambda row: "red" if row["error"] else ""),
    ),
    footer=lambda told: "nothing was changed" if told.dry_run else "",
)


def tidied(rt: Runtime, *, dry_run: bool) -> Tidied:
    kept = tuple(housekeeping.tidied(rt, dry_run=dry_run))
    first = kept[0].problem
    if first is not None and {one.problem and one.problem.message for one in kept} == {first.message}:
        raise first  # no state, or none in reach: said once, not for every duty
    statuses = [DONE if one.problem is None else status_of(one.problem) for one in kept]
    return Tidied(duties=tuple(as_item(one) for one in kept), dry_run=dry_run, exit_status=common(statuses))
