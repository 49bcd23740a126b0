"""Looks at other services that we work with."""

import shlex
from collections.abc import Iterator

from ytpool.actions import api_keys
from ytpool.actions.health.checks import Check, Sight, Status
from ytpool.errors import ConfigInvalid


def providers(sight: Sight) -> Iterator[Check]:
    for provider in sight.rt.config.providers.values():
        name = f"provider {provider.name}"
        try:
            keys = api_keys.found(sight.rt, provider)
        except ConfigInvalid as error:  # its file cannot be read; the others may do
            yield Check(check=name, status=Status.FAIL, message=error.message, fix="let this user read it: chmod 600")
            continue
        file = api_keys.env_file(sight.rt, provider)
        if file is not None and file.exists() and file.stat().st_mode & 0o077:
            message = f"others may read {file}, where its keys are"
            yield Check(check=name, status=Status.WARN, message=message, fix=f"run: chmod 600 {shlex.quote(str(file))}")
        if not keys:
            message = f"has no key: {provider.keys} is {f'neither set nor in {file}' if file else 'not set'}"
            fix = f"set {provider.keys}, or run: ytpool task keep-key {provider.name} --key-file FILE"
            yield Check(check=name, status=Status.WARN, message=message, fix=fix)
        else:
            words = "1 key" if len(keys) == 1 else f"{len(keys)} keys"
            yield Check(check=name, status=Status.PASS, message=f"{words}, {provider.slots} slots each")
