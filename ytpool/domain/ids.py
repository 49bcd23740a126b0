"""Ids that we make ourselves and that sort by the time they were made, and of one moment by who was made first."""

import itertools
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random  # only its name is needed here, and importing it costs every command some milliseconds

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's: no i, l, o, u, so that an id can be read aloud
_TIME_CHARACTERS = 9
_CHANCE_CHARACTERS = 7
_COUNTER: "list[itertools.count[int]]" = []
"""This process's one, from its first id on; threads may share it, for `next` of it is one step."""


def new(now: datetime, rng: "random.Random") -> str:
    """Make an id of 16 characters: milliseconds, then 35 bits that begin by chance in each process and count up.

    So what one process makes within a millisecond, such as the rows of a manifest, sorts as it was made.
    """
    if not _COUNTER:
        _COUNTER.append(itertools.count(rng.getrandbits(5 * _CHANCE_CHARACTERS - 1)))  # half of the range is left
    milliseconds = int(now.timestamp() * 1000)
    return _base32(milliseconds, _TIME_CHARACTERS) + _base32(next(_COUNTER[0]), _CHANCE_CHARACTERS)


def earliest(moment: datetime) -> str:
    """Return what sorts before every id that was made at this moment or later, and behind all that were made before."""
    return _base32(int(moment.timestamp() * 1000), _TIME_CHARACTERS)


def derived(moment: datetime, content: str) -> str:
    """Make the id that this content of this moment always gets, so that storing it twice stores it once."""
    import hashlib  # noqa: PLC0415 -- only what comes from elsewhere needs it

    digest = int.from_bytes(hashlib.sha256(content.encode()).digest())
    return _base32(int(moment.timestamp() * 1000), _TIME_CHARACTERS) + _base32(digest, _CHANCE_CHARACTERS)


def _base32(number: int, width: int) -> str:
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(5 * (width - 1), -1, -5))
