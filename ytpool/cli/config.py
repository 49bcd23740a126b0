"""`ytpool config`: what the settings are, where they come from, and whether they are right; and an older tool's."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ytpool.cli.commands import command, group
from ytpool.cli.exits import common, status_of
from ytpool.cli.items import as_item
from ytpool.cli.options import invocation, runtime
from ytpool.cli.output import VIEWS, Column, View, worded
from ytpool.cli.values import json_line, visible

if TYPE_CHECKING:
    from ytpool.actions.importing import PoolFound
    from ytpool.domain.older import Field

app = group("Show, locate and check the settings; take over the accounts of an older tool.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting, its value, and who decided it."""

    key: str
    value: Any
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting of a profile."""

    profile: str
    settings: tuple[Setting, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where a profile keeps its things, whether or not they exist yet."""

    profile: str
    config: Path
    state: str
    """A path, or the address of a database."""
    cache: Path
    sandbox: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The settings are right."""

    profile: str
    config: Path
    exists: bool
    decided: int
    warnings: tuple[str, ...] = ()
    """What is allowed, and weaker than it should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """What was taken over of an older tool, and what became of every field."""

    file: Path
    dry_run: bool
    accounts: tuple[dict[str, Any], ...]
    pools: "tuple[PoolFound, ...]"
    fields: "tuple[Field, ...]"
    files: tuple[dict[str, Any], ...]
    warnings: tuple[str, ...]
    exit_status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """One field of all accounts of which the same became, with their values."""

    field: str
    values: tuple[str, ...]
    became: tuple[str, ...]
    why: str


def _alike(done: Import) -> Iterator[Alike]:
    """Put what is said of each account in the same words into one line."""
    found: dict[tuple[str, str, bool], list[Any]] = {}
    for one in done.fields:
        whole = one.became in ("left as it is", "not taken")
        found.setdefault(("" if whole else one.field, one.why, bool(one.account)), []).append(one)
    for (field, why, _), those in found.items():
        values = [_value(one.value) for one in those] if field else [one.account for one in those]
        yield Alike(
            field=field or "everything",
            values=tuple(dict.fromkeys(values)),
            became=tuple(dict.fromkeys(one.became for one in those)),
            why=why,
        )


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json_line(value).rstrip()


def _some(values: tuple[str, ...]) -> str:
    shown = [value if len(value) <= _WIDEST else f"{value[:_WIDEST]}..." for value in values[:3]]
    return ", ".join(shown) + (f" and {len(values) - 3} more" if len(values) > 3 else "")


_WIDEST = 24


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _said(row: Any) -> str:
    return worded(row["error"]["message"], row["error"]["hint"]) if row["error"] else row["detail"]


_OUTCOMES = {
    "imported": "green",
    "made": "green",
    "taken": "green",
    "already": "dim",
    "planned": "cyan",
    "ignored": "yellow",
    "login_needed": "red",
    "failed": "red",
}

VIEWS[Import] = (
    View(
        title=lambda done: f"{done.file.name}: what would be done, and nothing of it was" if done.dry_run else "",
        rows="accounts",
        columns=(
            ("Account", "account"),
            Column("Outcome", "outcome", style=_OUTCOMES),
            ("Channel", "channel_title"),
            Column("Project", "project", from_width=110),
            ("Pool", "pool"),
            ("Said", _said),
        ),
    ),
    View(
        rows="pools",
        columns=(
            ("Pool", "pool"),
            Column("Outcome", "outcome", style=_OUTCOMES),
            ("Project", "project"),
            ("Strategy", "strategy"),
            Column("Accounts", lambda pool: len(pool.accounts), justify="right"),
        ),
        footer=lambda done: done.pools[0].why if done.pools else "",
        empty="",
    ),
    View(
        rows=_alike,
        columns=(
            Column("Field", "field", shown=lambda field: str(field.rpartition(".")[2])),
            Column("Value", "values", shown=_some),
            Column("Here", "became", shown=_some),
            ("Why", "why"),
        ),
    ),
    View(
        rows="files",
        columns=(
            ("File", "file"),
            ("Account", "account"),
            Column("Outcome", "outcome", style=_OUTCOMES),
            Column("Found", "found", justify="right"),
            Column("Added", "added", justify="right"),
            ("Said", _said),
        ),
        empty="",
    ),
    View(text=lambda done: "\n".join(map(visible, done.warnings))),
)
VIEWS[Settings] = View(
    rows="settings",
    columns=(
        ("Setting", "key"),
        Column("Value", "value", shown=_shown),
        Column("From", "origin", style=lambda setting: "dim" if setting.origin == "default" else "green"),
    ),
    title=lambda settings: f"Profile {settings.profile}",
)
VIEWS[Checked] = View(
    text=lambda checked: "\n".join(
        (
            f"{checked.config}: ok, {checked.decided} settings are not the default"
            if checked.exists
            else f"{checked.config}: not there, and not needed; {checked.decided} settings from the environment",
            *(f"warning: {warning}" for warning in checked.warnings),
        )
    )
)


@command(app, "show", example="ytpool config show", statuses=(0, 2))
def show(ctx: typer.Context) -> Settings:
    """Show every setting, its value, and where the value comes from.

    A setting KEY of SECTION is taken from the variable YTPOOL_SECTION_KEY, else from config.toml, else it has its
    default.
    """
    config = invocation(ctx).config
    return Settings(
        profile=config.profile,
        settings=tuple(
            Setting(key=key, value=value, origin=config.origin(key)) for key, value in config.settings().items()
        ),
    )


@command(app, "path", example="ytpool config path --profile sandbox", statuses=(0, 2))
def path(ctx: typer.Context) -> Places:
    """Show where configuration, state, cache and sandbox of the profile live."""
    config = invocation(ctx).config
    return Places(profile=config.profile, **{**config.paths._asdict(), "state": config.state})


@command(app, "check", example="ytpool config check && echo right", statuses=(0, 2))
def check(ctx: typer.Context) -> Checked:
    """Check the settings strictly, and tell file, line and key of the first thing that is wrong."""
    config = invocation(ctx).config
    file, database = config.paths.config, config.database
    warnings = []
    if database is not None:
        database.require_files()
        warnings = [database.warning] if database.warning else []
    decided = len(config.origins)
    return Checked(profile=config.profile, config=file, exists=file.exists(), decided=decided, warnings=tuple(warnings))


@command(
    app,
    "import",
    example="ytpool config import multi_account_config.json --dry-run\nytpool config import multi_account_config.json",
    statuses=(0, 1, 2, 3, 4, 5, 6),
)
def bring_in(
    ctx: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", readable=False, help="The older tool's JSON, beside its token files.")
    ],
    pool: Annotated[
        str,
        typer.Option(
            "--pool", "-p", metavar="NAME", help="What the pool is called; of several, with each project behind it."
        ),
    ] = "main",
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="FOLDER",
            readable=False,
            help="Where quota_usage.json and activity_log_*.json are; else beside FILE or in downloads/ there.",
            show_default=False,
        ),
    ] = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would become of everything, and call nobody.")
    ] = False,
) -> Import:
    """Take over the accounts of an older multi-account tool, and say what became of every field of its file.

    Each login is verified with YouTube, and paid for, before it is kept; a dead one is kept as one that needs a login.
    What it counted of today's quota becomes use elsewhere, its activity logs become history. What is there already is
    left alone, and so are the older tool's files.
    """
    from ytpool.actions import importing  # noqa: PLC0415 -- the other commands of this group open no state

    call = invocation(ctx)
    done = importing.bring_in(
        runtime(ctx, logs=True), file, pool=pool, data=data, dry_run=dry_run, says=lambda text: call.note(visible(text))
    )
    problems = [*(one.problem for one in done.accounts), *(one.problem for one in done.files)]
    return Import(
        file=done.file,
        dry_run=done.dry_run,
        accounts=tuple(as_item(one) for one in done.accounts),
        pools=done.pools,
        fields=done.fields,
        files=tuple(as_item(one) for one in done.files),
        warnings=done.warnings,
        exit_status=common(0 if problem is None else status_of(problem) for problem in problems),
    )
