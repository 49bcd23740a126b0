"""The operator's own programs: where one is, and what it may know of ours."""

import os
import shutil
from collections.abc import Mapping

from ytpool.config.places import expanded
from ytpool.domain.api_keys import numbered
from ytpool.runtime import Runtime


def find(rt: Runtime, name: str, environ: Mapping[str, str]) -> str | None:
    """Find a program; a path is meant from the folder of the settings: cron starts elsewhere than a terminal does."""
    if os.sep in name:
        name = str(rt.config.paths.config.parent / expanded(name))
    return shutil.which(name, path=environ.get("PATH", os.defpath))


def environment(rt: Runtime) -> dict[str, str]:
    """Return what a program may know: not our settings, nor the keys and passwords of services."""
    keys = {
        provider.keys if number == 1 else f"{provider.keys}_{number}"
        for provider in rt.config.providers.values()
        for number in numbered(provider.keys, rt.environ)
    }
    keys |= {server.password_env for server in rt.config.ftp.values()}
    keys |= {target.password_env for target in rt.config.alert_targets.values()}
    return {
        name: value
        for name, value in rt.environ.items()
        if not name.startswith("YTPOOL_") and name not in keys | {"CREDENTIALS_DIRECTORY"}
    }
