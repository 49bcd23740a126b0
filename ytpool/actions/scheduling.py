"""Having `refresh-tokens` and `work` come by by themselves: a line for the crontab and units of systemd.

What is printed was tried: the program is started with an empty environment from another folder and asked where it keeps
its state, and the vault's key is looked for by a process that has what cron gives.
"""

import json
import os
import pwd
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from ytpool.config import DATABASE_FILES
from ytpool.config.places import expanded
from ytpool.domain import api_keys, schedules
from ytpool.domain.schedules import Schedule
from ytpool.errors import NotInitialised, ScheduleFails, UsageWrong, YtpoolError
from ytpool.runtime import Runtime
from ytpool.store import meta

_FOLDERS = ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")
_TRUST = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_PROXIES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
_DATABASE = ("PGHOST", "PGPORT", "PGUSER", "PGDATABASE")
_DATABASE_FILES = ("PGPASSFILE", "PGSERVICEFILE", "PGSYSCONFDIR", "PGSSLROOTCERT", "SSL_CERT_FILE")
_PATHS = (
    *("YTPOOL_HOME", "YTPOOL_STATE", "YTPOOL_VAULT_KEY_FILE", *_DATABASE_FILES),
    *(f"YTPOOL_POSTGRES_{name.upper()}" for name in DATABASE_FILES),
)
_NO_PATHS = re.compile(r"system|.*://.*", re.DOTALL)
"""What stands in the place of a path and is none: the system's certificates, and the address of a database."""
_CRON_PATH = "/usr/bin:/bin"
_STARTS_WITHIN = 30.0


class Scheduler(StrEnum):
    """What calls a command again and again."""

    CRON = "cron"
    SYSTEMD = "systemd"


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file to write."""

    path: Path
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """What to give to the scheduler, and whether it will work there."""

    scheduler: Scheduler
    every_minutes: int
    line: str
    """For the crontab; empty for systemd."""
    files: tuple[File, ...]
    """For systemd; none for cron."""
    commands: tuple[str, ...]
    """What to type once the files are there."""
    works: bool
    notes: tuple[str, ...]
    problem: YtpoolError | None = None


def refresh_tokens(rt: Runtime, scheduler: Scheduler, program: Sequence[str], account: str | None = None) -> Scheduled:
    """Write down how `refresh-tokens` comes by by itself with this profile's state and settings, and try it.

    `program` is how ytpool is started, by full paths. Where a scheduler could not read the key or start the program,
    the result says so as its `problem`.
    """
    words = ["refresh-tokens", "--quiet", *([] if account is None else ["--account", account])]
    every = schedules.every(rt.config.refresh.within_minutes)
    schedule = _schedule(rt, "refresh", "refreshes tokens", [*program, *words], every)
    return _tried(rt, schedule, scheduler, program)


def work(rt: Runtime, scheduler: Scheduler, program: Sequence[str], words: Sequence[str] = ()) -> Scheduled:
    """Write down how `work`, with these words, comes by every minute by cron, or runs on by systemd, and try it."""
    once = ["--once"] if scheduler is Scheduler.CRON else []
    schedule = _schedule(rt, "work", "works off the queue", [*program, "work", "--quiet", *once, *words], 1)
    return _tried(rt, schedule, scheduler, program, lasting=True)


def _schedule(rt: Runtime, name: str, about: str, command: list[str], every_minutes: int) -> Schedule:
    profile = rt.config.profile
    if profile != "default":
        command += ["--profile", profile]
    return Schedule(
        name=f"ytpool-{name}" if profile == "default" else f"ytpool-{name}-{profile}",
        about=f"ytpool {about}, profile {profile}",
        command=command,
        environment=_environment(rt),
        every_minutes=every_minutes,
    )


def _tried(
    rt: Runtime, schedule: Schedule, scheduler: Scheduler, program: Sequence[str], *, lasting: bool = False
) -> Scheduled:
    with rt.store.reading() as tx:
        key_id = meta.get(tx, meta.VAULT_KEY)
    if key_id is None:
        raise NotInitialised("this profile has no vault key yet", hint="run: ytpool init")
    problem = _try(rt, schedule, program, key_id)
    by_cron = scheduler is Scheduler.CRON
    files, commands = ((), ("crontab -e",)) if by_cron else _units(schedule, lasting=lasting)
    return Scheduled(
        scheduler=scheduler,
        every_minutes=schedule.every_minutes,
        line=schedule.cron_line() if by_cron else "",
        files=files,
        commands=commands,
        works=problem is None,
        notes=(*_notes(rt), *(_notes_of_keys(rt) if lasting else ())),
        problem=problem,
    )


def _environment(rt: Runtime) -> dict[str, str]:
    """Return the variables that this run goes by and a scheduler would not have."""
    given = rt.environ
    decided = {*rt.config.origins.values()}
    wanted = [
        *(["HOME"] if given.get("HOME", _own_home()) != _own_home() else []),
        *(["YTPOOL_HOME"] if given.get("YTPOOL_HOME") else _FOLDERS),
        *_TRUST,
        *((*_DATABASE, *_DATABASE_FILES) if rt.config.database is not None else ()),
        *sorted(name for name in given if name.startswith("YTPOOL_") and name in decided),
    ]
    found = {name: _whole(name, given[name]) for name in wanted if given.get(name)}
    for name, value in found.items():
        if "\n" in value:
            raise UsageWrong(f"{name} holds a line break, which neither a crontab nor a unit can", variable=name)
    return found


def _whole(name: str, value: str) -> str:
    is_path = name in _PATHS and not _NO_PATHS.fullmatch(value)
    return str(expanded(value).absolute()) if is_path else value


def _own_home() -> str:
    return pwd.getpwuid(os.getuid()).pw_dir


def _units(schedule: Schedule, *, lasting: bool) -> tuple[tuple[File, ...], tuple[str, ...]]:
    """Write the units of whoever asks: root's for the machine, else those of the user, who need not be logged in."""
    first: tuple[str, ...] = ()
    folder, systemctl = Path("/etc/systemd/system"), "systemctl"
    if os.getuid() != 0:
        folder, systemctl = Path(_own_home(), ".config/systemd/user"), "systemctl --user"
        first = ("loginctl enable-linger",)
    service = folder / f"{schedule.name}.service"
    if lasting:
        content = schedule.lasting("multi-user.target" if os.getuid() == 0 else "default.target")
        files: tuple[File, ...] = (File(path=service, content=content),)
    else:
        timer = File(path=service.with_suffix(".timer"), content=schedule.timer())
        files = (File(path=service, content=schedule.service()), timer)
    return files, (*first, f"{systemctl} daemon-reload", f"{systemctl} enable --now {files[-1].path.name}")


def _try(rt: Runtime, schedule: Schedule, program: Sequence[str], key_id: str) -> YtpoolError | None:
    found = rt.key_for_cron(key_id)
    return _try_program(rt, schedule, program) or (found if isinstance(found, YtpoolError) else None)


def _try_program(rt: Runtime, schedule: Schedule, program: Sequence[str]) -> YtpoolError | None:
    """Start the program as cron would, and see whether it finds the same state."""
    looks: Sequence[str] = (*program, "config", "path")
    told = _told_by(_asks(rt, schedule, looks))
    if told is not None and told["ok"]:
        there = told["data"]["state"]
        if there != rt.config.state:
            return ScheduleFails(
                f"a process with an empty environment would work with {there}, and here that is {rt.config.state}",
                hint="name one folder for both: YTPOOL_HOME",
            )
        if rt.config.database is None:
            return None
        # Where it is says nothing of whether its password is found there.
        looks = (*program, "projects", "list")
        told = _told_by(_asks(rt, schedule, looks))
    if told is None:
        return ScheduleFails(
            "a process with an empty environment could not start ytpool",
            hint="install it, for instance into a virtual environment of its own; this was tried: "
            + _asks(rt, schedule, looks).shell(),
        )
    if told["ok"]:
        return None
    return ScheduleFails(
        f"a process with an empty environment does not get to the state: {told['error']['message']}",
        hint=told["error"]["hint"],
    )


def _asks(rt: Runtime, schedule: Schedule, command: Sequence[str]) -> Schedule:
    return replace(schedule, command=[*command, "--json", "--profile", rt.config.profile])


def _told_by(asks: Schedule) -> dict[str, Any] | None:
    """Return what a command prints that is run as cron would, or None where it cannot be started."""
    try:
        child = subprocess.run(
            ["/bin/sh", "-c", asks.shell()],
            env={"HOME": _own_home(), "PATH": _CRON_PATH, "SHELL": "/bin/sh"},
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_STARTS_WITHIN,
            check=False,
        )
        told = json.loads(child.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return told if isinstance(told, dict) and "ok" in told else None


def _notes(rt: Runtime) -> Iterator[str]:
    named = next((name for name in _PROXIES if rt.environ.get(name)), None)
    if named is not None:
        yield f"{named} is set here and left out, for it may hold a password; if Google is reached through it, add it"
    if rt.config.database is not None and rt.environ.get("PGPASSWORD"):
        yield "PGPASSWORD is set here and left out, for it is a secret; ~/.pgpass (0600) is read there too"


def _notes_of_keys(rt: Runtime) -> Iterator[str]:
    for provider in rt.config.providers.values():
        if api_keys.numbered(provider.keys, rt.environ):
            yield (
                f"{provider.keys} is set here and left out, for it is a secret; a scheduled worker finds the keys of "
                f"{provider.name} in its env_file, or in the vault: ytpool task keep-key {provider.name}"
            )
