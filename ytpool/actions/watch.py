"""What an upload tells the person who watches it."""

from typing import Protocol


class Watch(Protocol):
    """Somebody who wants to see an upload move. May be called from several threads."""

    def started(self, job: str, name: str, size: int) -> None:
        """A file begins."""
        ...

    def announces(self, job: str, text: str) -> None:
        """Say, before anything is sent, to which channel it goes and how visible it will be."""
        ...

    def says(self, job: str, text: str) -> None:
        """Say something about it: what it does, what went wrong."""
        ...

    def waits(self, job: str, text: str) -> None:
        """Say whom it waits for; said again whenever that changes."""
        ...

    def moved(self, job: str, sent: int) -> None:
        """So many bytes of it have left."""
        ...

    def stands(self, job: str, kept: int) -> None:
        """So many bytes of it are there, by YouTube's own word, whichever run sent them."""
        ...

    def ended(self, job: str, text: str) -> None:
        """It is over; the text says how."""
        ...


class Nobody:
    """Nobody watches."""

    def started(self, job: str, name: str, size: int) -> None: ...

    def announces(self, job: str, text: str) -> None: ...

    def says(self, job: str, text: str) -> None: ...

    def waits(self, job: str, text: str) -> None: ...

    def moved(self, job: str, sent: int) -> None: ...

    def stands(self, job: str, kept: int) -> None: ...

    def ended(self, job: str, text: str) -> None: ...
