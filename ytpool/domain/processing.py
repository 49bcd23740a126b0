"""What YouTube does with a video once it is there, and whether it kept what was asked for.

`terminated` is not a failure: YouTube has only stopped telling how the processing went. YouTube's own words are kept
as they are, also those that this version does not know, with what they mean beside them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from ytpool.domain import moments
from ytpool.domain.video import Privacy, VideoRequest

PARTS = ("status", "processingDetails", "suggestions")
IDS_PER_CALL = 50
FIRST_POLL_AFTER = timedelta(seconds=30)
LONGEST_POLL_AFTER = timedelta(minutes=10)

FAILURE_REASONS: Mapping[str, str] = {
    "conversion": "YouTube could not convert the video; export it anew, as MP4 with H.264 and AAC",
    "invalidFile": "the file is no video that YouTube understands, or it is damaged",
    "emptyFile": "the file has nothing in it",
    "tooSmall": "the file is too small to be a video",
    "codec": "YouTube does not know the video's codec; export it as H.264",
    "uploadAborted": "the upload was broken off before its end",
}
REJECTION_REASONS: Mapping[str, str] = {
    "copyright": "it holds material whose owner does not allow it here; see the claim in YouTube Studio",
    "inappropriate": "it breaks YouTube's Community Guidelines",
    "duplicate": "the channel has this very video already",
    "termsOfUse": "it breaks YouTube's Terms of Service",
    "uploaderAccountSuspended": "the channel is suspended; appeal with YouTube",
    "length": "it is longer than this channel may upload; channels without a verified phone end at 15 minutes",
    "claim": "an owner of its contents claimed it and had it blocked; see the claim in YouTube Studio",
    "uploaderAccountClosed": "the channel's account is closed",
    "trademark": "it breaks somebody's trademark",
    "legal": "it was removed after a legal complaint",
}
PROCESSING_FAILURE_REASONS: Mapping[str, str] = {
    "uploadFailed": "the file did not arrive whole",
    "transcodeFailed": "YouTube could not convert the video; export it anew, as MP4 with H.264 and AAC",
    "streamingFailed": "YouTube could not make it ready for playing",
    "other": "YouTube says no more",
}
PROCESSING_ERRORS: Mapping[str, str] = {
    "audioFile": "the file holds sound alone; add a picture",
    "imageFile": "the file is an image",
    "projectFile": "the file is an editor's project; export the video from it",
    "notAVideoFile": "the file is no video",
    "docFile": "the file is a document",
    "archiveFile": "the file is an archive; unpack it",
    "unsupportedSpatialAudioLayout": "YouTube does not know this arrangement of spatial sound",
}
PROCESSING_WARNINGS: Mapping[str, str] = {
    "unknownContainer": "YouTube does not know the file's format, and will probably fail",
    "unknownVideoCodec": "YouTube does not know the video's codec, and will probably fail",
    "unknownAudioCodec": "YouTube does not know the sound's codec, and will probably fail",
    "inconsistentResolution": "the file and the picture in it name different resolutions",
    "hasEditlist": "the file has an edit list, which YouTube leaves out of account",
    "problematicVideoCodec": "the video's codec is known to make trouble",
    "problematicAudioCodec": "the sound's codec is known to make trouble",
    "unsupportedVrStereoMode": "YouTube does not know this way of stereo for VR",
    "unsupportedSphericalProjectionType": "YouTube does not know this spherical projection",
    "unsupportedHdrPixelFormat": "YouTube does not know this pixel format for HDR",
    "unsupportedHdrColorMetadata": "the file does not say enough about its HDR colours",
    "problematicHdrLookupTable": "the HDR lookup table in the file makes trouble",
}
PROCESSING_HINTS: Mapping[str, str] = {
    "nonStreamableMov": "the index stands at the end of the file, which makes processing slower; export for streaming",
    "sendBestQualityVideo": "the picture is wide but not HD; upload the best version there is",
    "sphericalVideo": "YouTube takes it for a spherical video",
    "spatialAudio": "YouTube takes its sound for spatial",
    "vrVideo": "YouTube takes it for a VR video",
    "hdrVideo": "YouTube takes it for an HDR video",
}


class ProcessingState(StrEnum):
    """How far YouTube is with a video."""

    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    DELETED = "deleted"
    TERMINATED = "terminated"
    """YouTube no longer tells; not a failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something YouTube says about a video, in its own word, and what that means."""

    about: str
    """The field it stands in, for instance `failureReason`."""
    word: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Processing:
    """How YouTube stands with a video at one moment."""

    state: ProcessingState
    reasons: tuple[Remark, ...] = ()
    """Why it failed or was rejected."""
    suggestions: tuple[Remark, ...] = ()
    """Errors, warnings and hints, in this order; a video may succeed in spite of them."""
    percent: int | None = None
    """It may fall: YouTube finds more parts while it works."""
    time_left: timedelta | None = None

    @property
    def is_over(self) -> bool:
        """There is nothing more to wait for."""
        return self.state is not ProcessingState.PROCESSING

    @classmethod
    def from_resource(cls, video: Mapping[str, Any]) -> Self:
        """Read the `PARTS` of a video as its owner sees them; what is missing or odd says nothing."""
        status, details = _object(video, "status"), _object(video, "processingDetails")
        state = _state(status, details)
        progress = _object(details, "processingProgress") if state is ProcessingState.PROCESSING else {}
        return cls(
            state=state,
            reasons=tuple(_reasons(status, details)),
            suggestions=tuple(_suggestions(_object(video, "suggestions"))),
            percent=_percent(progress),
            time_left=_time_left(progress),
        )


_UPLOAD_STATES: Mapping[object, ProcessingState] = {
    "processed": ProcessingState.SUCCEEDED,
    "failed": ProcessingState.FAILED,
    "rejected": ProcessingState.REJECTED,
    "deleted": ProcessingState.DELETED,
}
_PROCESSING_STATES: Mapping[object, ProcessingState] = {
    "succeeded": ProcessingState.SUCCEEDED,
    "failed": ProcessingState.FAILED,
    "terminated": ProcessingState.TERMINATED,
}


def _state(status: Mapping[str, Any], details: Mapping[str, Any]) -> ProcessingState:
    upload, processing = _word(status, "uploadStatus"), _word(details, "processingStatus")
    return _UPLOAD_STATES.get(upload) or _PROCESSING_STATES.get(processing) or ProcessingState.PROCESSING


def poll_after(polls: int) -> timedelta:
    """Return how long to wait after so many polls that brought no end: 30 seconds, doubling up to ten minutes."""
    # Capped before it is doubled: a video may be followed for days.
    return min(LONGEST_POLL_AFTER, FIRST_POLL_AFTER * (1 << min(max(polls, 0), 10)))


def calls(video_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut ids into what one call asks for: fifty cost as much as one."""
    for start in range(0, len(video_ids), IDS_PER_CALL):
        yield video_ids[start : start + IDS_PER_CALL]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Something YouTube did not keep as it was asked for."""

    field: str
    asked: str
    got: str
    meaning: str

    def __str__(self) -> str:
        return f"asked for {self.field} {self.asked}, YouTube has {self.got}: {self.meaning}"


def differences(asked: VideoRequest, video: Mapping[str, Any], now: datetime) -> tuple[Difference, ...]:
    """Compare privacy, moment of publication and made-for-kids with a video's part `status`, read by its owner."""
    return tuple(_differences(asked, _object(video, "status"), now))


def _differences(asked: VideoRequest, status: Mapping[str, Any], now: datetime) -> Iterator[Difference]:
    over = asked.publish_at is not None and asked.publish_at <= now
    privacy = Privacy.PRIVATE if asked.publish_at else asked.privacy
    got = _word(status, "privacyStatus")
    # Around the moment of publication both are right: YouTube takes a while.
    if got != privacy and not (over and got == Privacy.PUBLIC):
        yield Difference(
            field="privacy",
            asked=privacy,
            got=got or "nothing",
            meaning="who may see it is not as asked; set it in YouTube Studio or with a video update",
        )
    publish_at = _moment(status)
    if publish_at != _to_the_second(asked.publish_at) and not (over and publish_at is None):
        yield Difference(
            field="publish_at",
            asked=_shown(asked.publish_at),
            got=_shown(publish_at),
            meaning="it becomes public at another time than asked, or not by itself",
        )
    declared, made_for_kids = status.get("selfDeclaredMadeForKids"), status.get("madeForKids")
    if isinstance(declared, bool) and declared != asked.made_for_kids:
        yield Difference(
            field="made_for_kids",
            asked=_yes_or_no(asked.made_for_kids),
            got=_yes_or_no(declared),
            meaning="the declaration was not kept",
        )
    elif isinstance(made_for_kids, bool) and made_for_kids != asked.made_for_kids:
        yield Difference(
            field="made_for_kids",
            asked=_yes_or_no(asked.made_for_kids),
            got=_yes_or_no(made_for_kids),
            meaning="YouTube or the channel's own setting decides otherwise than declared",
        )


def _reasons(status: Mapping[str, Any], details: Mapping[str, Any]) -> Iterator[Remark]:
    for part, about, meanings in (
        (status, "failureReason", FAILURE_REASONS),
        (status, "rejectionReason", REJECTION_REASONS),
        (details, "processingFailureReason", PROCESSING_FAILURE_REASONS),
    ):
        word = _word(part, about)
        if word:
            yield _remark(about, word, meanings)


def _suggestions(suggestions: Mapping[str, Any]) -> Iterator[Remark]:
    for about, meanings in (
        ("processingErrors", PROCESSING_ERRORS),
        ("processingWarnings", PROCESSING_WARNINGS),
        ("processingHints", PROCESSING_HINTS),
    ):
        words = suggestions.get(about)
        for word in words if isinstance(words, list) else ():
            if isinstance(word, str):
                yield _remark(about, word, meanings)


def _remark(about: str, word: str, meanings: Mapping[str, str]) -> Remark:
    return Remark(about=about, word=word, meaning=meanings.get(word, "a word of YouTube's that ytpool does not know"))


def _percent(progress: Mapping[str, Any]) -> int | None:
    total, done = _count(progress, "partsTotal"), _count(progress, "partsProcessed")
    if not total or done is None:
        return None
    return min(100, 100 * done // total)


def _time_left(progress: Mapping[str, Any]) -> timedelta | None:
    milliseconds = _count(progress, "timeLeftMs")
    try:
        return None if milliseconds is None else timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None


def _count(table: Mapping[str, Any], name: str) -> int | None:
    """Read an unsigned number, which Google writes as text."""
    text = str(table.get(name, ""))
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else None


def _moment(status: Mapping[str, Any]) -> datetime | None:
    try:
        return _to_the_second(moments.parse_optional(_word(status, "publishAt") or None))
    except (ValueError, OverflowError):
        return None


def _to_the_second(moment: datetime | None) -> datetime | None:
    # That is what `VideoRequest.body` sends.
    return None if moment is None else moment.replace(microsecond=0)


def _shown(moment: datetime | None) -> str:
    return "nothing" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _yes_or_no(value: bool) -> str:
    return "yes" if value else "no"


def _object(table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = table.get(name)
    return value if isinstance(value, Mapping) else {}


def _word(table: Mapping[str, Any], name: str) -> str:
    value = table.get(name)
    return value if isinstance(value, str) else ""
