"""What a state is, whichever database keeps it: transactions, and the steps by which its tables came about.

There is one writer at a time, whichever database it is, so that nobody changes what another is about to change. A
transaction is short and never open across a call to the outside. `tx.now` is the one moment that all its rows share;
`tx.boot` is the clock by which leases and holds expire, valid within `tx.era`: the machine's own where only its
processes share the state, and the database's where machines do.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from ytpool.domain import moments

if TYPE_CHECKING:
    from ytpool.store.listening import Listener

Row = Mapping[str, Any]

FIRST_TABLES = {"meta", "meters", "ledger"}
"""Some of the tables that every state of ours has had from the first migration on."""

PATIENCE = 30.0
"""Seconds to wait for another's transaction; theirs are short, so this is only met when one hangs."""

_NAMED_AT_ONCE = 500
"""SQLite takes no more than 999 parameters where it is old."""


class Tx(ABC):
    """One transaction. Its SQL is what both databases understand; parameters are `:name`."""

    __slots__ = ("at", "boot", "era", "machine_boot", "machine_era", "now")

    def __init__(self, now: datetime, *, boot: float, era: str, machine_boot: float, machine_era: str) -> None:
        self.now = now
        self.at = moments.text(now)
        self.boot = boot
        self.era = era
        self.machine_boot = machine_boot
        """This machine's own clock, for what only this machine compares; never asked after `boot` was."""
        self.machine_era = machine_era

    @abstractmethod
    def one(self, sql: str, /, **parameters: Any) -> Any:
        """Return the first row, or None."""

    @abstractmethod
    def all(self, sql: str, /, **parameters: Any) -> list[Any]:
        """Return every row."""

    @abstractmethod
    def run(self, sql: str, /, **parameters: Any) -> int:
        """Change rows and return how many."""

    @abstractmethod
    def many(self, sql: str, rows: Iterable[Mapping[str, Any]]) -> int:
        """Run a statement once for each row of parameters, and return how many rows it changed."""

    def among(self, sql: str, names: Collection[str]) -> Iterator[Any]:
        """Yield the rows of a query that names many things, a few questions for all; `:names` stands for them."""
        wanted = sorted({*names})
        for first in range(0, len(wanted), _NAMED_AT_ONCE):
            given = {f"name_{number}": name for number, name in enumerate(wanted[first : first + _NAMED_AT_ONCE])}
            yield from self.all(sql.replace(":names", ", ".join(f":{name}" for name in given)), **given)

    @abstractmethod
    def tables(self) -> list[str]:
        """Return the names of the state's tables, in their order."""

    @abstractmethod
    def ring(self) -> None:
        """Wake the workers of all machines that share the state, once this is committed."""

    # What moves whole tables from one database to another

    @abstractmethod
    def columns(self, table: str) -> dict[str, str]:
        """Return the columns of a table, each with its type as SQL has it, in small letters."""

    @abstractmethod
    def references(self, table: str) -> set[str]:
        """Return the tables that must have a row before a row of this one may name it."""

    @abstractmethod
    def every_row(self, table: str, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Yield all rows of a table, a few at a time from the database."""

    @abstractmethod
    def fill(self, table: str, columns: Mapping[str, str], rows: Iterable[tuple[Any, ...]]) -> None:
        """Add many rows; `columns` are theirs, with the types they had where they come from."""

    @abstractmethod
    def take_time(self) -> None:
        """Let this transaction stand still for longer than others may."""

    @abstractmethod
    def renumber(self) -> None:
        """Let the database go on counting behind the rows that brought their numbers along."""


class Database(ABC):
    """One state; a connection per thread, opened on first use."""

    @property
    @abstractmethod
    def shown(self) -> str:
        """Where it is, for people."""

    @property
    @abstractmethod
    def is_shared(self) -> bool:
        """Whether several machines may work on it."""

    @abstractmethod
    def size(self) -> int:
        """Return how many bytes it has; raises NotInitialised where it has gone."""

    @abstractmethod
    def exists(self) -> bool:
        """Tell whether there is anything yet."""

    @abstractmethod
    def is_older(self) -> bool:
        """Tell whether opening it brings it up to date first; this changes nothing, and of what is no state says no."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[Tx]:
        """Open a transaction that may write; it commits at the end, or leaves no trace."""

    @abstractmethod
    def reading(self) -> AbstractContextManager[Tx]:
        """Open a transaction that only reads: one consistent picture, and nobody waits for it."""

    @abstractmethod
    def imagining(self) -> AbstractContextManager[Tx]:
        """Open a transaction that may write and leaves no trace, however it ends: what would be, were it done."""

    @abstractmethod
    def create(self) -> None:
        """Make it; an existing one is left alone."""

    @abstractmethod
    def integrity(self) -> list[str]:
        """Ask the database whether it is whole; an empty list is good news."""

    @abstractmethod
    def copy_to(self, path: Path, still_going: Callable[[], None]) -> datetime:
        """Copy the state as it is at one moment into an empty file, and return a moment that is not later.

        Nobody waits for it. What `still_going` raises breaks it off.
        """

    @abstractmethod
    def wait_at_most(self, seconds: float) -> None:
        """Let this thread wait no longer than so for another's transaction; the next one it opens counts."""

    @abstractmethod
    def follow(self) -> None:
        """Let this thread's next transaction open what is in the state's place by now: another one, or none."""

    @abstractmethod
    def stop(self, thread: Thread) -> None:
        """Break off what a thread is reading or writing here, because nobody waits for it any more."""

    @abstractmethod
    def listener(self) -> "Listener | None":
        """Return what hears `tx.ring` on any machine; None where only the processes of one share the state."""

    @abstractmethod
    def close(self) -> None:
        """Close every connection this object opened; a thread that is in the middle of something closes its own."""


def migrations() -> list[str]:
    """Return every migration's text, oldest first; they only go forward."""
    return [step.read_text(encoding="utf-8") for step in _migrations()]


def known() -> int:
    """Return how many migrations this program knows, which is the version of a state that has them all."""
    return len(_migrations())


def _migrations() -> list[Path]:
    # Not importlib.resources: importing it takes longer than a whole report.
    return sorted((Path(__file__).parent / "migrations").glob("*.sql"))


def without_comments(sql: str) -> Iterator[str]:
    """Return a migration's lines without what they say to people."""
    for line in sql.splitlines():
        yield line.partition("--")[0].rstrip()
