"""Faults by script: rules that wait for a request and spoil it.

A rule is asked once for every request it fits; it lets the first `skip` of them pass, spoils `times`, and is spent.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from ytpool.sandbox.things import Thing

TRICKS = ("forget", "boast", "move", "wait", "expire")
"""What only the PUTs of a resumable upload can suffer."""

KINDS = ("error", "cut", "lose_answer", "close", "slow", *TRICKS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Thing):
    """One fault: what it fits, how often, and what it does.

    `error` answers with a named error instead of doing the work (on an upload's PUT, the first `at` bytes of the
    body are kept before that); `cut` resets the line after byte `at` of a request body that is longer; `lose_answer`
    does the work and hangs up; `close` takes the request and hangs up without doing it; `slow` waits `seconds`
    before the answer and reads uploads at `bytes_per_second`.

    The tricks of an upload's PUTs: `forget` keeps the first `at` bytes of the body and says in `Range` that it has all;
    `boast` says that it has `at` bytes more than were sent; `move` gives a new `Location`; `wait` only says
    `Retry-After`, as the others may too; `expire` keeps `at` bytes, and the session is gone.

    `processing`, `listing` and `file_details` are no requests but steps in a new video's life: `slow` makes them last
    `seconds` of the sandbox's clock, and `error` with a `failureReason` or a `rejectionReason` ends its processing so.
    """

    fault_id: str
    method: str
    kind: str
    channel: str = ""
    project: str = ""
    times: int = 1
    skip: int = 0
    error: str = ""
    status: int | None = None
    retry_after: int | None = None
    charge: bool | None = None
    at: int = 0
    seconds: float = 0
    bytes_per_second: float | None = None
    seen: int = 0
    done: int = 0

    @property
    def spent(self) -> bool:
        return self.done >= self.times

    def fits(self, methods: Collection[str], channel: str, project: str, length: int) -> bool:
        return (
            not self.spent
            and self.method in methods
            and self.channel in {"", channel}
            and self.project in {"", project}
            and (self.kind != "cut" or self.at < length)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """What the rules together do to one request."""

    error: Rule | None = None
    cut_at: int | None = None
    lose_answer: bool = False
    close: bool = False
    charge: bool = False
    """Whether a call that was never answered is charged all the same."""
    seconds: float = 0
    bytes_per_second: float | None = None
    trick: Rule | None = None


def strike(
    rules: Sequence[Rule], methods: Collection[str], *, channel: str, project: str, length: int
) -> tuple[Play, list[Rule]]:
    """Ask the rules, oldest first: every slow one counts, and the first of another kind decides.

    Returns what they do to the request, and those that were asked as they are after it.
    """
    play, asked = Play(), []
    for rule in rules:
        if not rule.fits(methods, channel, project, length):
            continue
        strikes = rule.seen >= rule.skip
        asked.append(replace(rule, seen=rule.seen + 1, done=rule.done + strikes))
        if not strikes:
            continue
        play = _with(play, rule)
        if rule.kind != "slow":
            break
    return play, asked


def _with(play: Play, rule: Rule) -> Play:
    match rule.kind:
        case "error":
            return replace(play, error=rule)
        case "cut":
            return replace(play, cut_at=rule.at, charge=bool(rule.charge))
        case "lose_answer":
            return replace(play, lose_answer=True)
        case "close":
            return replace(play, close=True, charge=bool(rule.charge))
        case "slow":
            return replace(play, seconds=play.seconds + rule.seconds, bytes_per_second=rule.bytes_per_second)
        case _:
            return replace(play, trick=rule)
