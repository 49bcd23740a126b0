"""Commands that come by by themselves: how this program is started, and what to give to the scheduler."""

import shutil
import sys
from pathlib import Path

from ytpool.actions.scheduling import Scheduled
from ytpool.cli.output import VIEWS, View


def program() -> tuple[str, ...]:
    """Return how this very program is started, by full paths."""
    started = Path(sys.argv[0])
    if started.name == "ytpool" and (found := shutil.which(sys.argv[0])) is not None:
        return (str(Path(found).absolute()),)
    return (sys.executable, "-m", "ytpool")


def _written(found: Scheduled) -> str:
    lines = [f"# {note}" for note in found.notes]
    if found.line:
        return "\n".join([*lines, found.line])
    for file in found.files:
        lines += [f"# {file.path}", file.content]
    return "\n".join([*lines, "# and then:", *(f"#   {one}" for one in found.commands)])


VIEWS[Scheduled] = View(text=_written)
