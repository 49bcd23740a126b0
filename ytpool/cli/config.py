"""`ytpool config`: what the settings are, where they come from, and whether they are right."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from ytpool.cli.commands import command, group
from ytpool.cli.options import invocation
from ytpool.cli.output import VIEWS, Column, View

app = group("Show, locate and check the settings.")


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
    state: Path
    cache: Path
    sandbox: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The settings are right."""

    profile: str
    config: Path
    exists: bool
    decided: int


VIEWS[Settings] = View(
    rows="settings",
    columns=(
        ("Setting", "key"),
        Column("Value", "value", shown=lambda value: str(value).lower() if isinstance(value, bool) else str(value)),
        Column("From", "origin", style=lambda setting: "dim" if setting.origin == "default" else "green"),
    ),
    title=lambda settings: f"Profile {settings.profile}",
)
VIEWS[Checked] = View(
    text=lambda checked: (
        f"{checked.config}: ok, {checked.decided} settings are not the default"
        if checked.exists
        else f"{checked.config}: not there, and not needed; {checked.decided} settings from the environment"
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
    return Places(profile=config.profile, **config.paths._asdict())


@command(app, "check", example="ytpool config check && echo right", statuses=(0, 2))
def check(ctx: typer.Context) -> Checked:
    """Check the settings strictly, and tell file, line and key of the first thing that is wrong."""
    config = invocation(ctx).config
    file = config.paths.config
    return Checked(profile=config.profile, config=file, exists=file.exists(), decided=len(config.origins))
