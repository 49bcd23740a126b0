"""Ids that we make ourselves and that sort by the time they were made."""

import random
from datetime import datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's: no i, l, o, u, so that an id can be read aloud
_TIME_CHARACTERS = 9
_CHANCE_CHARACTERS = 7


def new(now: datetime, rng: random.Random) -> str:
    """Make an id of 16 characters: milliseconds, then 35 bits of chance."""
    milliseconds = int(now.timestamp() * 1000)
    return _base32(milliseconds, _TIME_CHARACTERS) + _base32(
        rng.getrandbits(5 * _CHANCE_CHARACTERS), _CHANCE_CHARACTERS
    )


def _base32(number: int, width: int) -> str:
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(5 * (width - 1), -1, -5))
