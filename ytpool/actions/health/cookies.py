"""A look at the cookie files of other programs."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from ytpool.actions import cookie_files
from ytpool.actions.health.checks import Check, Sight, Status
from ytpool.config import Config

NAME = "cookies"


def cookies(sight: Sight) -> Iterator[Check]:
    """Look whether one file is there, can be read, and holds cookies that live a while yet."""
    config = sight.rt.config
    now = sight.rt.clock.now()
    for file in cookie_files.every(config):
        if file.account == sight.part:
            seen = cookie_files.look(file, now)
            soon = seen.ends_at is not None and seen.ends_at <= now + timedelta(days=config.health.cookie_days)
            status = Status.FAIL if not seen.usable else Status.WARN if soon else Status.PASS
            fix = "" if status is Status.PASS else _fix(config, file.account)
            yield Check(check=check_name(file.account), status=status, message=seen.message, fix=fix)


def check_name(account: str) -> str:
    """Say how the check of an account's cookie file is called."""
    return f"{NAME} {account}".strip()


def accounts(config: Config) -> Sequence[str]:
    """Return whose cookie files there are."""
    return [file.account for file in cookie_files.every(config)]


def _fix(config: Config, account: str) -> str:
    if account and config.sessions_refresh.command:
        return f"run: ytpool sessions refresh {account}"
    return "let the program write it anew whose file it is, or set [sessions.refresh] command"
