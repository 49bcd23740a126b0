"""Wiring: from settings to the things that actions work with, each opened on first use."""

from typing import Self

from ytpool.clock import Clock, SystemClock
from ytpool.config import Config


class Runtime:
    """What an action is given."""

    def __init__(self, *, config: Config, clock: Clock) -> None:
        self.config = config
        self.clock = clock

    @classmethod
    def open(cls, config: Config) -> Self:
        return cls(config=config, clock=SystemClock())
