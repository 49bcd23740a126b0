"""What the state calls a folder, and what this machine calls it: one file under two names, never two files.

The state says `/mnt/a/talk.mp4` on every machine. Where that folder hangs elsewhere, `/mnt/a=/srv/a` leads to
`/srv/a/talk.mp4`, and a file that is named there is written down as the state would call it. What is found is checked
as ever before anything of it is sent; a map only says where to look.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import Self

from ytpool.errors import FileInvalid

_FORM = "FROM=TO, two whole paths like /mnt/a=/srv/a"


@dataclass(frozen=True, slots=True, kw_only=True)
class PathMap:
    """Pairs of folders: the state's name first, then this machine's."""

    pairs: tuple[tuple[PurePosixPath, PurePosixPath], ...] = ()

    @classmethod
    def from_texts(cls, texts: Iterable[str]) -> Self:
        """Read pairs as people write them; raises ValueError, with the words for it, for what cannot be meant."""
        pairs: dict[PurePosixPath, PurePosixPath] = {}
        for text in texts:
            name, place = _pair(text)
            if name in pairs:
                raise ValueError(f"leads {name} to two places, {pairs[name]} and {place}")
            pairs[name] = place
        return cls(pairs=tuple(pairs.items()))

    def overruled_by(self, other: Self) -> Self:
        """Return both together; of a folder that both name, the other says where it is."""
        return type(self)(pairs=tuple({**dict(self.pairs), **dict(other.pairs)}.items()))

    def here(self, path: PurePath) -> Path:
        """Return where on this machine a file is to be found that the state calls so."""
        for name, place in self._longest_first(0):
            if path.is_relative_to(name):
                return Path(place, path.relative_to(name))
        return Path(path)

    def there(self, path: PurePath) -> Path:
        """Return what the state calls a file of this machine.

        Raises FileInvalid for a file of which every name leads elsewhere: on no machine would it be found again.
        """
        for place, name in self._longest_first(1):
            if path.is_relative_to(place):
                named = Path(name, path.relative_to(place))
                if self.here(named) == path:
                    return named
        elsewhere = self.here(path)
        if elsewhere == path:
            return Path(path)
        raise FileInvalid(
            f"{path} cannot be named in the state: by the path map, what has this name there is {elsewhere} here",
            hint="see: ytpool config show; move the file, or change path.map",
            path=str(path),
        )

    def _longest_first(self, side: int) -> list[tuple[PurePosixPath, PurePosixPath]]:
        turned = self.pairs if side == 0 else tuple((place, name) for name, place in self.pairs)
        return sorted(turned, key=lambda pair: -len(pair[0].parts))  # stable: of equals the first that was written


def _pair(text: str) -> tuple[PurePosixPath, PurePosixPath]:
    if text.count("=/") != 1 or not text.startswith("/"):  # a folder may have = in its name, and hardly =/
        raise ValueError(f"must be {_FORM}, not {text!r}")
    name, _, place = text.partition("=/")
    return _folder(name, text), _folder(f"/{place}", text)


def _folder(path: str, text: str) -> PurePosixPath:
    if "\0" in path or {".", ".."} & set(path.split("/")):
        raise ValueError(f"must be {_FORM}, without . and .. in them, not {text!r}")
    return PurePosixPath("/" + path.strip("/"))
