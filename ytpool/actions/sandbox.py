"""The local YouTube of a profile: started, stopped, looked at, and disturbed on purpose."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ytpool.errors import UsageWrong
from ytpool.runtime import Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxUp:
    """Where a sandbox answers. Any client of Google's can be pointed at these addresses."""

    url: str
    api_root: str
    auth_uri: str
    token_uri: str
    revoke_uri: str
    folder: Path
    anyone_is: str | None
    """The channel that every bearer token is taken for, whoever made it; None where tokens are the sandbox's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxStatus:
    """What a sandbox has, and what really happened there."""

    running: bool
    url: str | None
    folder: Path
    now: datetime | None
    channels: tuple[dict[str, Any], ...] = ()
    videos: int = 0
    calls: dict[str, int] | None = None
    units: tuple[dict[str, Any], ...] = ()
    refused: int = 0
    faults: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """Whether there was one to stop; everything it knew is kept."""

    stopped: bool
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockMoved:
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbed:
    """The rules that wait to strike, or have struck."""

    said: str
    faults: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Emptied:
    """What was emptied; the clock stays where it is."""

    folder: Path
    books: Path | None


def up(rt: Runtime, *, accept_any_token: str | None = None) -> SandboxUp:
    """Start the profile's sandbox unless it runs.

    `accept_any_token` names the channel, made if there is none, that every bearer token is from now on: so the API can
    be tried behind a login server that is not the sandbox's. Empty ends that.
    """
    url = rt.sandbox_url
    if accept_any_token:
        known = {name for row in rt.sandbox.truth()["channels"] for name in (row["channel_id"], row["title"])}
        if accept_any_token not in known:
            rt.sandbox.add_channel(accept_any_token)
    if accept_any_token is not None:
        rt.sandbox.settings(accept_any_token=accept_any_token or None)
    return SandboxUp(
        url=url,
        api_root=f"{url}/",
        auth_uri=f"{url}/o/oauth2/v2/auth",
        token_uri=f"{url}/token",
        revoke_uri=f"{url}/revoke",
        folder=rt.config.paths.sandbox,
        anyone_is=rt.sandbox.status()["settings"]["accept_any_token"],
    )


def down(rt: Runtime) -> Stopped:
    """Stop the profile's sandbox; it forgets nothing."""
    return Stopped(stopped=rt.stop_sandbox(), folder=rt.config.paths.sandbox)


def status(rt: Runtime) -> SandboxStatus:
    """Say what there is and what really happened; a sandbox that does not run is not started for that."""
    control = rt.running_sandbox()
    if control is None:
        return SandboxStatus(running=False, url=None, folder=rt.config.paths.sandbox, now=None)
    truth, told = control.truth(), control.status()
    called = {one["number"]: one["name"] for one in told["projects"]}
    return SandboxStatus(
        running=True,
        url=control.url,
        folder=rt.config.paths.sandbox,
        now=datetime.fromisoformat(told["now"]),
        channels=tuple(truth["channels"]),
        videos=told["videos"],
        calls=truth["calls"],
        units=tuple({**row, "name": called[row["project"]]} for row in units_rows(truth)),
        refused=len(truth["refused"]),
        faults=tuple(control.faults()),
    )


def units_rows(truth: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the units that were really charged: a row per project, quota day and bucket."""
    return [
        {"project": project, "day": day, "bucket": bucket, "units": units}
        for project, days in truth["units"].items()
        for day, buckets in days.items()
        for bucket, units in buckets.items()
    ]


def move_clock(rt: Runtime, *, forward: timedelta | None, to: datetime | None) -> ClockMoved:
    """Move the sandbox's clock ahead, or only say where it stands."""
    if forward is not None and to is not None:
        raise UsageWrong("name either --forward or --set")
    return ClockMoved(now=rt.sandbox.clock(forward, to))


def disturb(rt: Runtime, rule: dict[str, Any]) -> Disturbed:
    """Add a rule that spoils requests."""
    rt.sandbox.add_fault(**rule)
    return Disturbed(said=f"{rule['method']}: {rule['kind']}", faults=tuple(rt.sandbox.faults()))


def list_faults(rt: Runtime) -> Disturbed:
    return Disturbed(said="", faults=tuple(rt.sandbox.faults()))


def clear_faults(rt: Runtime) -> Disturbed:
    rt.sandbox.clear_faults()
    return Disturbed(said="no fault is left", faults=())


def end_grant(rt: Runtime, channel: str) -> Disturbed:
    """Let a channel's login die, as if its owner had revoked it."""
    rt.sandbox.revoke_grant(channel)
    return Disturbed(said=f"the login of {channel} is dead", faults=tuple(rt.sandbox.faults()))


def expire_tokens(rt: Runtime, channel: str) -> Disturbed:
    rt.sandbox.expire_tokens(channel)
    return Disturbed(said=f"the access tokens of {channel} are over", faults=tuple(rt.sandbox.faults()))


def expire_sessions(rt: Runtime) -> Disturbed:
    rt.sandbox.expire_sessions()
    return Disturbed(said="every upload session is gone", faults=tuple(rt.sandbox.faults()))


def change_settings(rt: Runtime, settings: dict[str, Any]) -> Disturbed:
    """Change how the sandbox is; None puts a setting back."""
    rt.sandbox.settings(**settings)
    said = ", ".join(f"{name} is {'as usual' if value is None else value}" for name, value in settings.items())
    return Disturbed(said=said, faults=tuple(rt.sandbox.faults()))


def reset(rt: Runtime) -> Emptied:
    """Empty the sandbox, and in the sandbox profile the books with it."""
    rt.sandbox.reset()
    return Emptied(folder=rt.config.paths.sandbox, books=rt.forget_books() if rt.is_sandbox else None)
