"""What uploads tell, shown as progress and sentences on stderr."""

import threading

from ytpool.cli.invocation import Invocation
from ytpool.cli.progress import File, Uploads
from ytpool.cli.values import visible


class ShownWatch:
    """The uploads of one command, each found by its job."""

    def __init__(self, call: Invocation, shown: Uploads) -> None:
        self._call = call
        self._shown = shown
        self._files: dict[str, File] = {}
        self._begun: set[str] = set()
        self._lock = threading.Lock()

    def has_begun(self, job: str | None) -> bool:
        """Say whether this upload was ever shown; one that is refused or published already was not."""
        return job in self._begun

    def started(self, job: str, name: str, size: int) -> None:
        with self._lock:
            if job in self._begun:  # it had to wait, and goes on now
                self._shown.take_up(size)
            self._begun.add(job)
            self._files[job] = self._shown.start(name, size)

    def announces(self, job: str, text: str) -> None:
        file = self._files.get(job)
        if file is not None:
            file.note("")  # what it waited for has come
        self._call.note(visible(text))

    def says(self, job: str, text: str) -> None:
        file = self._files.get(job)
        if file is not None:
            file.note(text)
        else:  # nothing of it is shown yet, as while another process has it
            self._call.note(visible(text))

    def waits(self, job: str, text: str) -> None:
        file = self._files.get(job)
        if file is not None:
            file.waits(text)
        else:
            self._call.note(visible(text))

    def moved(self, job: str, sent: int) -> None:
        file = self._files.get(job)
        if file is not None:
            file.moved_to(sent)

    def stands(self, job: str, kept: int) -> None:
        file = self._files.get(job)
        if file is not None:
            file.stands_at(kept)

    def ended(self, job: str, text: str) -> None:
        with self._lock:
            file = self._files.pop(job, None)
        if file is not None:
            file.done(text)
