"""The journal's seal: each segment's digest covers its rows and the digest of the segment before it.

What may name a person (channel, reason, detail) enters by a digest of its own, under the row's salt: it can be erased
later, and nobody finds it again by trying. Then the row keeps that digest, and the chain stays whole.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import NamedTuple

BEGINNING = ""
"""What the first segment follows."""


class Sealed(NamedTuple):
    """A row of the journal as it is sealed; an erased one carries the digest of what it said."""

    entry: int
    activity: str
    happened_at: str
    account: str | None
    project: str | None
    channel_id: str | None
    operation: str
    outcome: str
    units: int
    bytes: int
    seconds: float
    job: str | None
    reason: str
    detail: str
    settles: str | None
    salt: str
    erased: str | None


def payload(row: Sealed) -> str:
    """Return the digest of what may name a person, also where it is there no more."""
    if row.erased is not None:
        return row.erased
    return hashlib.sha256(_text(row.salt, row.channel_id, row.reason, row.detail)).hexdigest()


def digest(before: str, rows: Iterable[Sealed]) -> str:
    """Return the digest of a segment that follows one with the digest `before`."""
    found = hashlib.sha256(before.encode())
    for row in rows:
        content = _text(
            row.entry,
            row.activity,
            row.happened_at,
            row.account,
            row.project,
            row.operation,
            row.outcome,
            row.units,
            row.bytes,
            float(row.seconds),
            row.job,
            row.settles,
            payload(row),
        )
        found.update(b"\n" + content)
    return found.hexdigest()


def _text(*fields: object) -> bytes:
    # JSON, so that no field can pretend to be two; a line each, so that no row can.
    return _ENCODER.encode(fields).encode()


_ENCODER = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":"))
