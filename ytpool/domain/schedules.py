"""A command that comes by by itself, as cron and systemd want it written.

Both give a command next to nothing: no variables of a shell, another folder, and characters of their own that have to
be written twice. So everything is named whole, and here is where it is quoted.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_DIVISORS = (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)
"""Minutes that cron can count off evenly within an hour."""
_PLAIN_IN_UNIT = re.compile(r"[\w@+=:,./-]+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What is to run, with which variables, and how often."""

    name: str
    about: str
    command: Sequence[str]
    environment: Mapping[str, str]
    every_minutes: int

    def shell(self, *more: str) -> str:
        """Write the command as a shell takes it, with its variables before it."""
        variables = (f"{name}={shlex.quote(value)}" for name, value in self.environment.items())
        return " ".join((*variables, shlex.join((*self.command, *more))))

    def cron_line(self) -> str:
        """Write a line of a crontab; what fails goes to stderr, which cron mails."""
        when = "*" if self.every_minutes == 1 else f"*/{self.every_minutes}"
        # In a crontab a percent sign ends the line.
        return f"{when} * * * * {self.shell()} >/dev/null".replace("%", r"\%")

    def service(self) -> str:
        """Write the unit that runs the command once."""
        return self._unit("Type=oneshot", "TimeoutStartSec=10min")

    def lasting(self, wanted_by: str) -> str:
        """Write the unit of a command that runs on: asked to stop it ends what is under way, and 130 is no failure."""
        return self._unit(
            "Type=exec",
            "Restart=always",
            "RestartSec=5s",
            "SuccessExitStatus=130",
            "TimeoutStopSec=5min",
            "KillMode=mixed",  # what it has started ends when it says so
            "",
            "[Install]",
            f"WantedBy={wanted_by}",
        )

    def _unit(self, *how: str) -> str:
        variables = (f'Environment="{_in_quotes(f"{name}={value}")}"' for name, value in self.environment.items())
        words = (word.replace("$", "$$") for word in self.command)
        return "\n".join(
            (
                "[Unit]",
                f"Description={self.about}",
                "",
                "[Service]",
                *variables,
                f"ExecStart={' '.join(map(_unit_word, words))}",
                "StandardOutput=null",
                *how,
                "",
            )
        )

    def timer(self) -> str:
        """Write the unit that calls the other one; what was missed while the machine was off is made up."""
        return "\n".join(
            (
                "[Unit]",
                f"Description={self.about}, every {self.every_minutes} minutes",
                "",
                "[Timer]",
                f"OnCalendar=*:0/{self.every_minutes}",
                "RandomizedDelaySec=30s",
                "Persistent=true",
                "",
                "[Install]",
                "WantedBy=timers.target",
                "",
            )
        )


def every(within_minutes: int) -> int:
    """Return how often to come by so that nothing that ends within so many minutes is missed, with a third to spare."""
    return max(one for one in _DIVISORS if one <= max(1, within_minutes * 2 // 3))


def _unit_word(word: str) -> str:
    return word if _PLAIN_IN_UNIT.fullmatch(word) else f'"{_in_quotes(word)}"'


def _in_quotes(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
