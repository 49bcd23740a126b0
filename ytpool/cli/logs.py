"""What the program logs, as lines on stderr: a sentence, and its facts behind it."""

import logging
from pathlib import Path

from ytpool.cli.invocation import Invocation

_PLAIN = frozenset(logging.makeLogRecord({}).__dict__)


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        facts = {name: value for name, value in record.__dict__.items() if name not in _PLAIN and name != "message"}
        if record.exc_info and record.exc_info[1] is not None:
            facts["bug"] = _place(record.exc_info[1])
        told = " ".join(f"{name}={value}" for name, value in sorted(facts.items()))
        return f"{record.levelname.lower()}: {record.getMessage()}{f' ({told})' if told else ''}"


def _place(error: BaseException) -> str:
    """Say what a mistake of ours is and where it was made, on the one line that there is."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = "" if trace is None else f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
    return f"{type(error).__name__}: {error}{where}"


class _Spoken(logging.Handler):
    """Says records the way notes are said, so that they do not tear a live display."""

    def __init__(self, call: Invocation) -> None:
        super().__init__()
        self._call = call

    def emit(self, record: logging.LogRecord) -> None:
        self._call.say(self.format(record))


def to_stderr(call: Invocation) -> None:
    """Show what is logged at the level of the settings."""
    log = logging.getLogger("ytpool")
    for handler in [*log.handlers]:
        log.removeHandler(handler)
    handler = _Spoken(call)
    handler.setFormatter(_Lines())
    log.addHandler(handler)
    log.setLevel(call.config.log.level.upper())
    log.propagate = False
