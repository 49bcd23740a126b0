"""Will cron find the key? Asked of a child process that has what cron gives: HOME and PATH."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import ytpool
from ytpool.domain.keys import KeyFound, KeyPlace
from ytpool.errors import VaultKeyLost, VaultUnavailable, YtpoolError
from ytpool.vault import keyrings
from ytpool.vault.places import Places

_START_AND_END = 10.0  # a Python process on a busy machine, beside the keyring's own time limit
_ERRORS: dict[str, type[YtpoolError]] = {error.code: error for error in (VaultUnavailable, VaultKeyLost)}


def readable_by_cron(
    key_id: str, key_file: Path | None, *, timeout: float = keyrings.TIMEOUT
) -> KeyFound | YtpoolError:
    """Look for the key as a cron job would. Not finding it is an answer here, so the error is returned, not raised."""
    command = [sys.executable, "-m", "ytpool.vault", key_id, str(timeout)]
    if key_file is not None:
        command.append(str(key_file.absolute()))
    try:
        child = subprocess.run(
            command,
            env={"HOME": os.environ.get("HOME", "/"), "PATH": os.environ.get("PATH", os.defpath)},
            cwd=Path(ytpool.__file__).parent.parent,  # the child must be the ytpool that asks, installed or not
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout + _START_AND_END,
            check=True,
        )
        answer = json.loads(child.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        return VaultUnavailable(
            f"a process with cron's environment could not look for the key: {error}", hint=keyrings.ways_out(key_id)
        )
    if "found" in answer:
        found = answer["found"]
        return KeyFound(key_id=found["key_id"], place=KeyPlace(found["place"]), where=found["where"])
    return _ERRORS[answer["code"]](answer["message"], hint=answer["hint"], **answer["details"])


def answer(arguments: Sequence[str]) -> str:
    """Do the child's part: look, and write what came out as JSON."""
    key_id, timeout, *key_file = arguments
    places = Places(
        environ=os.environ, key_file=Path(key_file[0]) if key_file else None, keyring_timeout=float(timeout)
    )
    try:
        _, found = places.find(key_id)
    except (VaultUnavailable, VaultKeyLost) as error:
        told = {"code": error.code, "message": error.message, "hint": error.hint, "details": dict(error.details)}
        return json.dumps(told)
    return json.dumps({"found": asdict(found)})
