"""A value that must not be seen."""

from dataclasses import dataclass
from typing import Self


class Secret:
    """Keeps its value out of `repr`, `str`, formatting and pickles; `reveal()` is the one way to it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "Secret()"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        raise TypeError("a Secret is not pickled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A secret as it may be stored: base64 of nonce and ciphertext, and which key opens it."""

    key_id: str
    text: str
