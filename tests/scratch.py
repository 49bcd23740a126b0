"""Commands that only tests have: each ends in its own way."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from pathlib import Path

import typer

from ytpool.cli.commands import command, group, single
from ytpool.cli.options import invocation
from ytpool.cli.output import VIEWS, Column, View
from ytpool.domain.secret import Secret
from ytpool.errors import BooksDisagree, QuotaExhausted, YtpoolError

app = group("End in one way or another.")
alone = single()


class Light(StrEnum):
    GREEN = "green"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    name: str
    percent: float
    light: Light = Light.GREEN
    at: datetime = datetime(2026, 11, 20, 4, 38, 50, tzinfo=timezone(timedelta(hours=1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    rows: tuple[Row, ...]
    day: date = date(2026, 11, 19)
    where: Path = Path("/tmp/x")
    for_: timedelta = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    done: int
    exit_status: int = 0
    problem: YtpoolError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    token: Secret = field(default_factory=lambda: Secret("hidden"))


VIEWS[Table] = View(
    rows="rows",
    columns=(
        ("Name", "name"),
        Column("Used", "percent", bar=10, style=lambda row: row.light.value),
        Column("Since", "at", from_width=60),
        ("State", "light"),
    ),
    title="Two rows",
    footer=lambda table: f"on {table.day}",
)


@command(app, "table", example="ytpool scratch table")
def table(ctx: typer.Context) -> Table:  # noqa: ARG001
    """Show a table."""
    return Table(rows=(Row(name="news\t[bold]\x1b[2J", percent=0.4), Row(name="Спорт 日本", percent=120.0)))


@command(app, "many", example="ytpool scratch many")
def many(count: int = 100_000) -> Table:
    """Show more rows than a pipe holds."""
    return Table(rows=tuple(Row(name=f"row {number}", percent=1) for number in range(count)))


@command(app, "refused", example="ytpool scratch refused", statuses=(5,))
def refused() -> None:
    """End with an error of ours."""
    raise QuotaExhausted(
        "news has 12 units left", hint="wait", left=12, resets_at=datetime(2026, 11, 20, 8, tzinfo=UTC)
    )


@command(app, "partly", example="ytpool scratch partly")
def partly() -> Batch:
    """End with data and a status."""
    return Batch(done=3, exit_status=3)


@command(app, "beside", example="ytpool scratch beside")
def beside() -> Batch:
    """End with data and an error."""
    return Batch(done=3, problem=BooksDisagree("2 and 3"))


@command(app, "events", example="ytpool scratch events")
def events(ctx: typer.Context) -> Batch:
    """Tell what happens."""
    run = invocation(ctx)
    run.note("private, on news")
    run.emit("sent", bytes=5)
    run.emit("done", at=datetime(2026, 11, 20, tzinfo=UTC))
    return Batch(done=2)


@command(app, "bug", example="ytpool scratch bug")
def bug() -> None:
    """Fail as only we can."""
    raise KeyError("nothing")


@command(app, "secret", example="ytpool scratch secret")
def secret() -> Login:
    """Try to show a secret."""
    return Login()


@command(app, "sleep", example="ytpool scratch sleep")
def sleep(ctx: typer.Context) -> None:
    """Wait to be stopped."""
    invocation(ctx).note("waiting")
    while True:
        import time

        time.sleep(0.05)


@command(alone, "alone", example="ytpool alone FILE")
def by_itself(file: Path, count: int = 1) -> Batch:  # noqa: ARG001
    """Stand directly under ytpool."""
    return Batch(done=count)
