"""What the program logs, as lines on stderr: a sentence, and its facts behind it."""

import logging

from ytpool.cli.invocation import Invocation

_PLAIN = frozenset(logging.makeLogRecord({}).__dict__)


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        facts = {name: value for name, value in record.__dict__.items() if name not in _PLAIN and name != "message"}
        told = " ".join(f"{name}={value}" for name, value in sorted(facts.items()))
        return f"{record.levelname.lower()}: {record.getMessage()}{f' ({told})' if told else ''}"


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
