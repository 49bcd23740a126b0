"""Whether a video arrived although its last answer did not, decided from what its channel lists.

Size and file name together are proof, because we chose the one and sent the other; a title is not, since people
change it and use it twice. That a video is not there is the harder thing to prove: YouTube lists late and tells a
file's name and size later still, so one look is never enough and a video without details keeps the question open.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

from ytpool.domain import moments

CLOCK_TOLERANCE = timedelta(minutes=1)
"""A video may bear a moment that is so much earlier than our intent."""

LOOKS_APART = timedelta(minutes=10)
"""What was not there must be not there again after this long."""


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
    since = sought.intent_at - CLOCK_TOLERANCE
    newer = [one for one in listed if one.published_at >= since and one.video_id not in sought.claimed]
    proven = [one.video_id for one in newer if (one.details.name, one.details.size) == (sought.slug, sought.size)]
    if len(proven) == 1:
        return Found(video_id=proven[0])
    if proven:
        return Doubtful(candidates=tuple(proven), reason="several new videos have our size and file name")
    if not whole and not (listed and listed[-1].published_at < since):
        return NotYet(reason="the uploads list was not read back to the beginning of this upload")
    missing = tuple(one.video_id for one in newer if not one.details.told)
    if missing:
        return NotYet(reason="YouTube does not tell the file details of every newer video yet", missing=missing)
    alike = tuple(one.video_id for one in newer if one.details.size == sought.size and one.title == sought.title)
    if alike:
        return Doubtful(candidates=alike, reason="our size and title, but another file name")
    return NotThere()


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
