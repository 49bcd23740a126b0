"""A vault key, its name, and the one line that holds both wherever a key is kept.

The id is derived from the key. So a wrong key under a right id is noticed before anything is opened with it, and an id
may stand in rows and messages: it tells nothing about the key.
"""

import base64
import hashlib
import os
from dataclasses import dataclass, field
from typing import Self

from ytpool.domain.secret import Secret

_FORMAT = "ytpool-key-1"
_BYTES = 32
_ID_CHARACTERS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """32 bytes and the id that follows from them."""

    key_id: str
    value: bytes = field(repr=False)

    @classmethod
    def make(cls) -> Self:
        return cls._of(os.urandom(_BYTES))

    @classmethod
    def from_line(cls, line: str) -> Self:
        """Read `ytpool-key-1 <id> <base64>`; ValueError says what is wrong with it, and never what it holds."""
        words = line.split()
        if len(words) != 3 or words[0] != _FORMAT:
            raise ValueError(f"no line of the form `{_FORMAT} ID BASE64`")
        try:
            value = base64.b64decode(words[2], validate=True)
        except ValueError:
            raise ValueError("a key that is no base64") from None
        if len(value) != _BYTES:
            raise ValueError(f"a key of {len(value)} bytes instead of {_BYTES}")
        key = cls._of(value)
        if key.key_id != words[1]:
            raise ValueError("a key that is not the one its id names")
        return key

    def line(self) -> Secret:
        return Secret(f"{_FORMAT} {self.key_id} {base64.b64encode(self.value).decode('ascii')}")

    @classmethod
    def _of(cls, value: bytes) -> Self:
        digest = hashlib.sha256(_FORMAT.encode() + value).digest()
        return cls(key_id=base64.b32encode(digest).decode("ascii")[:_ID_CHARACTERS].lower(), value=value)
