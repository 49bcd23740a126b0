"""Whether a video arrived although its last answer did not, decided from what its channel lists.

Size and file name together are proof, because we chose the one and sent the other; a title is not, since people
change it and use it twice. That a video is not there is the harder thing to prove: YouTube lists late and tells a
file's name and size later still, so one look is never enough and a video without details keeps the question open.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any, Self

from ytpool.domain import moments

CLOCK_TOLERANCE = timedelta(minutes=1)
"""A video may bear a moment that is so much earlier than our intent."""

LOOKS_APART = timedelta(minutes=10)
"""What was not there must be not there again after this long."""

_RESTS_BETWEEN = (*[LOOKS_APART] * 6, timedelta(hours=1))
"""After one look more of a kind that left things open, so long; YouTube needs an hour for what it needs long for."""

_RESTS_IN_DOUBT = (LOOKS_APART, timedelta(hours=1), timedelta(days=1))
"""The same where a person's word is wanted, who may settle it on YouTube instead of here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """The upload whose outcome is not known."""

    intent_at: datetime
    """By Google's clock."""
    size: int
    slug: str
    """The file name we sent."""
    title: str
    claimed: Collection[str] = field(default_factory=frozenset)
    """Videos that are another job's."""

    @property
    def since(self) -> datetime:
        """The earliest moment that a video of ours may bear."""
        return self.intent_at - CLOCK_TOLERANCE


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDetails:
    """What YouTube tells the owner about the file; None where it does not tell it yet."""

    name: str | None
    size: int | None

    @property
    def told(self) -> bool:
        return self.name is not None and self.size is not None

    @classmethod
    def from_resource(cls, video: Mapping[str, Any]) -> Self:
        """Read the part `fileDetails` of a video; whatever is missing or odd is not told yet."""
        details = video.get("fileDetails")
        details = details if isinstance(details, Mapping) else {}
        name, size = details.get("fileName"), str(details.get("fileSize", ""))
        return cls(
            name=name if isinstance(name, str) and name else None,
            size=int(size) if size.isascii() and size.isdigit() and len(size) < 20 else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A video of the channel's uploads list."""

    video_id: str
    published_at: datetime
    title: str
    details: FileDetails


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """This is our video."""

    video_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotYet:
    """Nothing can be said: look again, at `again_at` where that is known."""

    reason: str
    missing: tuple[str, ...] = ()
    """Videos whose file details would say more."""
    again_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotThere:
    """Every video since the intent is another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubtful:
    """These may be ours, and only a person can tell."""

    candidates: tuple[str, ...]
    reason: str


Outcome = Found | NotYet | NotThere | Doubtful


def look(sought: Sought, listed: Sequence[Listed], *, whole: bool) -> Outcome:
    """Decide from one reading of the uploads list, newest first; `whole` says that it was read to its end.

    It need only reach back to a video that is older than the intent.
    """
    newer = _newer(sought, listed)
    proven = _with_our_file(sought, newer)
    if len(proven) == 1:
        return Found(video_id=proven[0])
    if proven:
        return Doubtful(candidates=proven, reason="several new videos have our size and file name")
    if not whole and not (listed and listed[-1].published_at < sought.since):
        return NotYet(reason="the uploads list was not read back to the beginning of this upload")
    missing = tuple(one.video_id for one in newer if not one.details.told)
    if missing:
        return NotYet(reason="YouTube does not tell the file details of every newer video yet", missing=missing)
    return _alike(sought, newer) or NotThere()


def beforehand(sought: Sought, listed: Sequence[Listed]) -> Outcome:
    """Decide whether somebody put this file there by hand, before it is sent; it is never `Found`, for it is not ours.

    This only guards against sending it twice: a video whose file YouTube does not tell yet counts if it has our title.
    """
    newer = _newer(sought, listed)
    same = _with_our_file(sought, newer)
    if same:
        return Doubtful(candidates=same, reason="our size and file name")
    alike = _alike(sought, newer)
    if alike is not None:
        return alike
    untold = tuple(one.video_id for one in newer if not one.details.told and one.title == sought.title)
    if untold:
        return NotYet(reason="our title, and YouTube does not tell its file details yet", missing=untold)
    return NotThere()


def _newer(sought: Sought, listed: Sequence[Listed]) -> list[Listed]:
    return [one for one in listed if one.published_at >= sought.since and one.video_id not in sought.claimed]


def _with_our_file(sought: Sought, newer: Sequence[Listed]) -> tuple[str, ...]:
    ours = (sought.slug, sought.size)
    return tuple(one.video_id for one in newer if (one.details.name, one.details.size) == ours)


def _alike(sought: Sought, newer: Sequence[Listed]) -> Doubtful | None:
    alike = tuple(one.video_id for one in newer if one.details.size == sought.size and one.title == sought.title)
    return Doubtful(candidates=alike, reason="our size and title, but another file name") if alike else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look said, and when, by Google's clock."""

    at: datetime
    outcome: Outcome

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold, so that another process may take the second look."""
        stored: dict[str, Any] = {"at": moments.text(self.at)}
        match self.outcome:
            case Found(video_id=video_id):
                stored |= {"found": video_id}
            case NotYet(reason=reason, missing=missing):
                stored |= {"not_yet": reason, "missing": list(missing)}
            case NotThere():
                stored |= {"not_there": True}
            case Doubtful(candidates=candidates, reason=reason):
                stored |= {"doubtful": list(candidates), "reason": reason}
        return stored

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote."""
        outcome: Outcome
        match stored:
            case {"found": video_id}:
                outcome = Found(video_id=video_id)
            case {"not_yet": reason, "missing": missing}:
                outcome = NotYet(reason=reason, missing=tuple(missing))
            case {"doubtful": candidates, "reason": reason}:
                outcome = Doubtful(candidates=tuple(candidates), reason=reason)
            case {"not_there": True}:
                outcome = NotThere()
            case _:
                raise ValueError(f"this is no look: {sorted(stored)}")
        return cls(at=moments.parse(stored["at"]), outcome=outcome)


def verdict(looks: Iterable[Look], *, since: datetime) -> Outcome:
    """Decide from all looks: what was found is found, and only a second look makes sure that nothing is there.

    A look from before `since`, the last moment at which bytes were sent, says nothing about what they did.
    """
    counted = sorted((one for one in looks if one.at >= since), key=lambda one: one.at)
    found = next((one.outcome for one in counted if isinstance(one.outcome, Found)), None)
    if found is not None:
        return found
    if not counted:
        return NotYet(reason="nobody has looked yet")
    last = counted[-1]
    if not isinstance(last.outcome, NotThere):
        return last.outcome
    first = next(one for one in counted if isinstance(one.outcome, NotThere))
    if last.at - first.at >= LOOKS_APART:
        return NotThere()
    return NotYet(
        reason="it is not listed, which only a second look ten minutes later may confirm",
        again_at=first.at + LOOKS_APART,
    )


def look_again_at(looks: Iterable[Look], *, since: datetime) -> datetime | None:
    """Say when another look may find something new, ever later while nothing changes; None if nobody has looked."""
    counted = sorted((one for one in looks if one.at >= since), key=lambda one: one.at)
    if not counted:
        return None
    last = counted[-1]
    alike = list(takewhile(lambda one: type(one.outcome) is type(last.outcome), reversed(counted)))
    if isinstance(last.outcome, NotThere):
        return last.at + LOOKS_APART if len(alike) > 1 else alike[-1].at + LOOKS_APART
    rests = _RESTS_IN_DOUBT if isinstance(last.outcome, Doubtful) else _RESTS_BETWEEN
    return last.at + rests[min(len(alike), len(rests)) - 1]
