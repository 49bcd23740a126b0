"""What an answer from Google means: what the job does next, what rests and until when, and what the call cost.

The same reason can mean two things: `rateLimitExceeded` is over in a minute or lasts until midnight in California,
depending on the limit it names, and `channelNotFound` is about our own channel in a 403 and about somebody else's in a
404. So a row is found by Google's reason and by a circumstance: the kind of limit, the operation, or the HTTP status.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from ytpool.domain.quota import UPLOADS
from ytpool.errors import UpstreamFailed

if TYPE_CHECKING:
    import random


class Next(StrEnum):
    """What the job does now."""

    SAME_ACCOUNT = "same call again"
    OTHER_ACCOUNT = "another account"
    REFRESH = "refresh the token, then the same call again, once"
    RESTART_SESSION = "a new upload session"
    GIVE_UP = "failed"
    DONE = "done"
    UNKNOWN = "unknown"


class RestScope(StrEnum):
    """What takes no work for a while."""

    NOTHING = "nothing"
    BUCKET = "bucket"
    CHANNEL = "channel"
    ACCOUNT = "account"
    PROJECT = "project"
    SERVICE = "service"


class Until(StrEnum):
    """What ends the rest, or the wait before the same call."""

    NOW = "now"
    BACKOFF = "backoff"
    QUOTA_RESET = "midnight Pacific"
    IN_24_HOURS = "24 hours"
    NEW_LOGIN = "a new login"
    HUMAN = "a human"


class Charge(StrEnum):
    """What the refused call costs: our assumption, since Google does not publish it."""

    NOTHING = "nothing"
    FULL = "full price"
    UNKNOWN = "unknown"


class Limit(StrEnum):
    """The kind of limit an answer names."""

    NONE = ""
    PER_DAY = "per day"
    PER_MINUTE = "per minute"
    PER_MINUTE_PER_USER = "per minute and user"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What an answer means. `advice` is for the operator, who reads it beside Google's own reason."""

    next: Next
    rests: RestScope = RestScope.NOTHING
    bucket: str = ""
    """What of a channel rests: `uploads` or `thumbnails`. The channel does its other work meanwhile."""
    until: Until = Until.NOW
    charge: Charge = Charge.NOTHING
    """Filled in by `judge`: it hangs on who answered rather than on the row."""
    advice: str
    alert: bool = False
    once: bool = False
    """The same call may be made again one time only: each try costs, and a second refusal is final."""


CLIENT_REFUSED = ("invalid_client", "deleted_client", "unauthorized_client")
"""What the token endpoint says where it is not the login that it refuses, but the program."""

THUMBNAILS = "thumbnails"
"""What a channel may set only so many of a day, beside uploads; no bucket of a project's."""

ANY = "any"
NEVER_SENT = "the request never left"
NO_ANSWER = "5xx or no answer"
OTHER_4XX = "any other 4xx"
REPEATABLE = "read, session start, chunk, or a write that can be made twice"
NOT_REPEATABLE = "any other write"

_DAY_IS_OVER = Verdict(
    next=Next.OTHER_ACCOUNT,
    rests=RestScope.BUCKET,
    until=Until.QUOTA_RESET,
    advice="The project has used up today's quota of this bucket; it comes back at midnight Pacific time.",
)
_PROJECT_TOO_FAST = Verdict(
    next=Next.SAME_ACCOUNT,
    rests=RestScope.PROJECT,
    until=Until.BACKOFF,
    advice="The project calls faster than Google allows per minute; the call goes again after a pause.",
)
_USER_TOO_FAST = Verdict(
    next=Next.SAME_ACCOUNT,
    rests=RestScope.ACCOUNT,
    until=Until.BACKOFF,
    advice="This account calls faster than Google allows per minute; the call goes again after a pause.",
)
_CHANNEL_FULL = Verdict(
    next=Next.OTHER_ACCOUNT,
    rests=RestScope.CHANNEL,
    bucket=UPLOADS,
    until=Until.IN_24_HOURS,
    advice="The channel has reached YouTube's limit of uploads in 24 hours, web and phone included; it rests a day.",
)
_THUMBNAILS_FULL = Verdict(
    next=Next.SAME_ACCOUNT,
    rests=RestScope.CHANNEL,
    bucket=THUMBNAILS,
    until=Until.IN_24_HOURS,
    advice="The channel has reached YouTube's limit of custom thumbnails; this one is set in 24 hours, uploads go on.",
)
_STALE_TOKEN = Verdict(
    next=Next.REFRESH,
    advice="Google no longer takes the access token; it is refreshed once, and if that does not help, log in again.",
)
_LOGIN_DEAD = Verdict(
    next=Next.OTHER_ACCOUNT,
    rests=RestScope.ACCOUNT,
    until=Until.NEW_LOGIN,
    advice=(
        "Google has ended this login: it was revoked, was unused for six months, or belongs to a consent screen in "
        "Testing mode, whose logins live seven days; log in again with `ytpool auth add`."
    ),
)
_LOGIN_FORBIDDEN = replace(
    _LOGIN_DEAD,
    advice="The organisation behind this Google account does not allow the login; clear that with it, then log in.",
)
_LOGIN_MISSING = replace(_LOGIN_DEAD, advice="The call went out without a login; log in with `ytpool auth add`.")
_CLIENT_DEAD = Verdict(
    next=Next.OTHER_ACCOUNT,
    rests=RestScope.PROJECT,
    until=Until.HUMAN,
    advice="Google does not accept the project's OAuth client; see in its console whether it was deleted or replaced.",
    alert=True,
)
_API_OFF = replace(
    _CLIENT_DEAD,
    advice="The YouTube Data API v3 is not enabled in the project; enable it in Google's console, then log in again.",
)
_NARROW_LOGIN = Verdict(
    next=Next.GIVE_UP,
    until=Until.NEW_LOGIN,
    advice="The account's login lacks the scope for this call; log in again with `ytpool auth add --for all`.",
)
_CANNOT_UPLOAD = replace(_NARROW_LOGIN, next=Next.OTHER_ACCOUNT, rests=RestScope.ACCOUNT)
_NO_CHANNEL = Verdict(
    next=Next.OTHER_ACCOUNT,
    rests=RestScope.ACCOUNT,
    until=Until.HUMAN,
    advice="The Google account has no YouTube channel, or is a service account; create the channel, then log in again.",
    alert=True,
)
_ACCOUNT_OUT = replace(
    _NO_CHANNEL,
    advice="YouTube has closed or suspended the channel or its owner, or ended a delegation; look at it in Studio.",
)
_TRY_AGAIN = Verdict(
    next=Next.SAME_ACCOUNT,
    rests=RestScope.SERVICE,
    until=Until.BACKOFF,
    advice="Google did not answer, or answered with a fault of its own; the same call goes again after a pause.",
)
_NEVER_SENT = replace(_TRY_AGAIN, advice="Google could not be reached and nothing was sent; the call goes again.")
_TOKEN_ENDPOINT = replace(
    _TRY_AGAIN,
    advice="Google's login service is in trouble, which says nothing about this login; it is asked again later.",
)
_PERHAPS_DONE = Verdict(
    next=Next.UNKNOWN,
    advice="Nobody can say whether this was done; look on the channel before it is repeated.",
)
_SESSION_GONE = Verdict(
    next=Next.RESTART_SESSION,
    advice=(
        "The upload session is gone; the upload starts again, which costs another upload call. If its last bytes had "
        "been sent, the channel is looked at first."
    ),
)
_ASK_SESSION = Verdict(
    next=Next.SAME_ACCOUNT,
    advice="The upload session holds other bytes than we thought; it is asked, and the upload goes on from there.",
)
_FRESH_VIDEO = Verdict(
    next=Next.SAME_ACCOUNT,
    until=Until.BACKOFF,
    advice="YouTube does not know the video, as happens just after an upload; the call is made once more later.",
    once=True,
)
_FRESH_PLAYLIST = Verdict(
    next=Next.SAME_ACCOUNT,
    until=Until.BACKOFF,
    advice="YouTube broke the change off and made nothing, as happens with a playlist just made; the call goes again.",
)
_CHANGED = Verdict(
    next=Next.SAME_ACCOUNT,
    advice="Somebody changed it between our reading and our writing; it is read again and the call made once more.",
    once=True,
)
_ALREADY = Verdict(next=Next.DONE, advice="It is already there, which is what was asked for.")


def _all(verdict: Verdict, *reasons: str, when: str = ANY) -> dict[tuple[str, str], Verdict]:
    return {(reason, when): verdict for reason in reasons}


def _refused(advice: str, *reasons: str, when: str = ANY) -> dict[tuple[str, str], Verdict]:
    return _all(Verdict(next=Next.GIVE_UP, advice=advice), *reasons, when=when)


VERDICTS: Mapping[tuple[str, str], Verdict] = {
    # Quota and limits.
    ("quotaExceeded", ANY): _DAY_IS_OVER,
    ("quotaExceeded", Limit.PER_MINUTE): _PROJECT_TOO_FAST,
    ("quotaExceeded", Limit.PER_MINUTE_PER_USER): _USER_TOO_FAST,
    ("dailyLimitExceeded", ANY): _DAY_IS_OVER,
    ("rateLimitExceeded", Limit.PER_DAY): _DAY_IS_OVER,
    ("rateLimitExceeded", Limit.PER_MINUTE_PER_USER): _USER_TOO_FAST,
    ("rateLimitExceeded", ANY): _PROJECT_TOO_FAST,
    ("userRateLimitExceeded", Limit.PER_DAY): _DAY_IS_OVER,
    ("userRateLimitExceeded", ANY): _USER_TOO_FAST,
    ("servingLimitExceeded", ANY): _PROJECT_TOO_FAST,
    ("uploadLimitExceeded", ANY): _CHANNEL_FULL,
    ("uploadRateLimitExceeded", ANY): _THUMBNAILS_FULL,
    ("429", Limit.PER_DAY): _DAY_IS_OVER,
    ("429", Limit.PER_MINUTE_PER_USER): _USER_TOO_FAST,
    ("429", ANY): _PROJECT_TOO_FAST,
    # Logins, clients, projects.
    ("authError", ANY): _STALE_TOKEN,
    ("authorizationRequired", ANY): _LOGIN_MISSING,
    ("required", "401"): _LOGIN_MISSING,
    ("CREDENTIALS_MISSING", ANY): _LOGIN_MISSING,
    ("401", ANY): _STALE_TOKEN,
    **_all(_LOGIN_DEAD, "invalid_grant", "invalid_rapt", when="token"),
    ("admin_policy_enforced", "token"): _LOGIN_FORBIDDEN,
    **_all(_CLIENT_DEAD, *CLIENT_REFUSED, when="token"),
    (ANY, "token"): _TOKEN_ENDPOINT,
    ("invalid_token", "revoke"): _ALREADY,
    **_all(_API_OFF, "accessNotConfigured", "SERVICE_DISABLED"),
    **_all(_CANNOT_UPLOAD, "insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT", when="videos.insert"),
    **_all(_NARROW_LOGIN, "insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"),
    # Channels and the people behind them.
    ("youtubeSignupRequired", ANY): _NO_CHANNEL,
    **_all(
        _ACCOUNT_OUT,
        "accountDelegationForbidden",
        "authenticatedUserAccountClosed",
        "authenticatedUserAccountSuspended",
        "authenticatedUserNotChannel",
        "channelClosed",
        "channelSuspended",
        "cmsUserAccountNotFound",
        "insufficientCapabilities",
    ),
    ("channelNotFound", "403"): _ACCOUNT_OUT,
    # No answer, or one that says nothing about the call.
    (NEVER_SENT, ANY): _NEVER_SENT,
    (NO_ANSWER, REPEATABLE): _TRY_AGAIN,
    (NO_ANSWER, NOT_REPEATABLE): _PERHAPS_DONE,
    # Upload sessions.
    **_all(_SESSION_GONE, "404", "410", when="upload"),
    ("416", "upload"): _ASK_SESSION,
    # Already there.
    **_all(_ALREADY, "captionExists", "conflict", "duplicate", "videoAlreadyInPlaylist"),
    # Worth one more try.
    ("videoNotFound", "thumbnails.set"): _FRESH_VIDEO,
    **_all(_FRESH_VIDEO, "playlistNotFound", "videoNotFound", when="playlistItems.insert"),
    ("SERVICE_UNAVAILABLE", "409"): _FRESH_PLAYLIST,
    ("conditionNotMet", ANY): _CHANGED,
    # The request is wrong, and says where.
    **_refused("YouTube does not take this title; it wants 1 to 100 characters without < and >.", "invalidTitle"),
    **_refused("YouTube does not take this description; it wants 5,000 bytes without < and >.", "invalidDescription"),
    **_refused("YouTube does not take these tags; together they may have 500 characters.", "invalidTags"),
    **_refused("YouTube does not take this category; see which can be assigned in its region.", "invalidCategoryId"),
    **_refused(
        "YouTube does not take this moment of publication; it must lie ahead, and the video be private until then.",
        "invalidPublishAt",
    ),
    **_refused("YouTube does not take the name of the file; rename it.", "invalidFilename"),
    **_refused("Say in which language title and description are written.", "defaultLanguageNotSet"),
    **_refused(
        "YouTube does not take these metadata; correct the field its reason names, or look for an empty one.",
        "invalidDefaultBroadcastPrivacySetting",
        "invalidRecordingDetails",
        "invalidVideoGameRating",
        "invalidVideoMetadata",
    ),
    **_refused(
        "The channel may not use this setting for privacy, embedding or licence; choose another.",
        "forbiddenEmbedSetting",
        "forbiddenLicenseSetting",
        "forbiddenPrivacySetting",
    ),
    **_refused("The call carried no file, or an empty one.", "contentRequired", "mediaBodyRequired"),
    **_refused("The file is larger than YouTube takes.", "uploadTooLarge"),
    **_refused(
        "YouTube does not take this image; it wants JPEG or PNG, 16:9, at least 640 pixels wide.", "invalidImage"
    ),
    **_refused(
        "The channel may not set custom thumbnails; verify its phone number in Studio.",
        "forbidden",
        when="thumbnails.set",
    ),
    **_refused(
        "The caption track is not acceptable; its name may have 150 characters.", "invalidMetadata", "nameTooLong"
    ),
    **_refused("The playlist takes no position; it is not sorted by hand.", "manualSortRequired"),
    **_refused("The playlist is full.", "playlistContainsMaximumNumberOfVideos"),
    **_refused(
        "YouTube does not take this playlist entry; correct what its reason names.",
        "invalidContentDetails",
        "invalidPlaylistItemPosition",
        "invalidResourceType",
        "playlistItemsNotAccessible",
        "playlistOperationUnsupported",
    ),
    **_refused(
        "YouTube takes this video into no playlist: it is private and somebody else's, or not available.",
        "failedPrecondition",
        when="playlistItems.insert",
    ),
    **_refused("The channel has as many playlists as YouTube allows.", "maxPlaylistExceeded"),
    **_refused(
        "YouTube does not take this title or description for a playlist.",
        "invalidPlaylistSnippet",
        "playlistTitleRequired",
    ),
    **_refused("The account may not change this playlist.", "playlistForbidden"),
    **_refused(
        "YouTube does not take this comment; correct what its reason names.",
        "channelOrVideoIdMissing",
        "commentTextRequired",
        "commentTextTooLong",
        "invalidCommentMetadata",
        "invalidCommentThreadMetadata",
        "invalidCustomEmoji",
        "parentIdMissing",
    ),
    **_refused("The video takes no comments.", "commentsDisabled"),
    **_refused("This account may not comment; look at it in YouTube.", "ineligibleAccount"),
    **_refused("This comment takes no replies.", "operationNotSupported", "parentCommentIsPrivate"),
    **_refused("An author can be banned only together with rejecting the comment.", "banWithoutReject"),
    **_refused(
        "YouTube could not process the comment: mostly its text, sometimes an outage; try again later, once.",
        "processingFailure",
    ),
    **_refused("Google does not take this API key.", "API_KEY_INVALID"),
    **_refused(
        "Google does not understand the call; this is a mistake in ytpool or in a setting that reached it unchecked.",
        "badRequest",
        "incompatibleParameters",
        "invalid",
        "invalidCriteria",
        "invalidFilters",
        "invalidLanguage",
        "invalidMine",
        "invalidPageToken",
        "invalidParameter",
        "invalidPart",
        "invalidRegionCode",
        "missingRequiredParameter",
        "parseError",
        "required",
        "unexpectedParameter",
        "unexpectedPart",
        "unknownPart",
    ),
    **_refused("The account may not do this; it is not the owner, or the feature is not open to it.", "forbidden"),
    **_refused("Somebody deleted it.", "deleted"),
    **_refused(
        "It is not there: the id is wrong, or it was deleted.",
        "captionNotFound",
        "channelNotFound",
        "commentNotFound",
        "contentOwnerAccountNotFound",
        "notFound",
        "parentCommentNotFound",
        "playlistNotFound",
        "videoChartNotFound",
        "videoNotFound",
    ),
    **_refused("Google refused the call for a reason ytpool does not know.", OTHER_4XX),
}
"""The whole matrix: (Google's reason or what stands for it, circumstance) → what it means."""


def judge(failure: UpstreamFailed) -> Verdict:
    """Say what a failed call means, and what it cost."""
    row = next(VERDICTS[key] for key in _keys(failure) if key in VERDICTS)
    return replace(row, charge=charge(failure))


def charge(failure: UpstreamFailed) -> Charge:
    """Say what a failed call costs: every 4xx of YouTube itself the full price, Google's front end nothing."""
    status, reason = failure.http_status, failure.reason
    if not failure.sent or _part_of(failure.operation) or failure.operation in _FREE:
        return Charge.NOTHING
    if not 400 <= status < 500:
        return Charge.UNKNOWN
    if status == 401 or (status in {403, 429} and failure.domain in _FRONT_END) or reason in _QUOTA_REFUSALS:
        return Charge.NOTHING
    if status == 429 and not failure.domain:
        return Charge.NOTHING
    return Charge.FULL


def is_breakdown(failure: UpstreamFailed) -> bool:
    """Say whether a failure tells nothing of the call, only that the other side or the line to it is in trouble."""
    verdict = judge(failure)
    return verdict.rests is RestScope.SERVICE or verdict.next is Next.UNKNOWN


def limit_named(failure: UpstreamFailed) -> Limit:
    """Say which kind of limit an answer names, by its machine name or, without one, by its text."""
    return _limit(failure.limit) or _limit(failure.message)


def backoff(attempt: int, rng: "random.Random", retry_after: float | None = None) -> float:
    """Seconds to wait before this attempt: exponential, capped at a minute, fully jittered.

    What Google asked for with `Retry-After` comes on top, so that those it sent away together come back apart.
    """
    return max(0.0, retry_after or 0.0) + rng.uniform(0, min(60, 2 ** min(attempt, 6)))


def table() -> tuple[tuple[str, ...], ...]:
    """Return the matrix for a guide: a heading, then reason, circumstance, rests, until, the job, advice."""
    heading = ("answer", "when", "rests", "until", "the job", "advice")
    rows = (
        (reason, str(when), _rests(verdict), verdict.until.value, verdict.next.value, verdict.advice)
        for (reason, when), verdict in VERDICTS.items()
    )
    return (heading, *rows)


def _rests(verdict: Verdict) -> str:
    return f"{verdict.rests}, {verdict.bucket}" if verdict.bucket else verdict.rests.value


_FREE = frozenset({"token", "revoke"})
_FRONT_END = frozenset({"global", "usageLimits", "googleapis.com"})
_QUOTA_REFUSALS = frozenset(
    {
        "quotaExceeded",
        "dailyLimitExceeded",
        "rateLimitExceeded",
        "userRateLimitExceeded",
        "servingLimitExceeded",
    }
)
# What names the state it wants may be asked for twice. A session start may too: a session without bytes is no video.
_REPEATABLE = frozenset({"videos.insert", *_FREE})
_REPEATABLE_VERBS = frozenset(
    {
        "list",
        "getRating",
        "batchGetStats",
        "download",
        "set",
        "unset",
        "update",
        "delete",
        "rate",
        "setModerationStatus",
    }
)


def _keys(failure: UpstreamFailed) -> Iterator[tuple[str, str]]:
    """Yield the rows that may fit, the most exact first; the last one always exists."""
    operation, status = failure.operation, failure.http_status
    if not failure.sent:
        yield NEVER_SENT, ANY
    if operation == "token":
        if 400 <= status < 500:  # a word that comes with any other status is not the endpoint's own
            yield failure.reason, operation
        yield ANY, operation
    if not 400 <= status < 500:
        yield NO_ANSWER, REPEATABLE if _can_repeat(operation) else NOT_REPEATABLE
    upload = _part_of(operation)
    if upload:
        yield str(status), upload
    for reason in (failure.reason, str(status)):
        limit = limit_named(failure)
        yield from ((reason, when) for when in (limit, operation, str(status), ANY) if when)
    yield OTHER_4XX, ANY


def _part_of(operation: str) -> str:
    # The parts of an upload (upload.chunk, upload.final, upload.query) belong to a session that is already paid for.
    return "upload" if operation.startswith("upload.") else ""


def _can_repeat(operation: str) -> bool:
    verb = operation.rpartition(".")[2]
    return operation in _REPEATABLE or bool(_part_of(operation)) or verb in _REPEATABLE_VERBS


def _limit(text: str) -> Limit:
    letters = "".join(filter(str.isalpha, text.casefold()))
    if "perday" in letters:
        return Limit.PER_DAY
    if "perminute" not in letters:
        return Limit.NONE
    return Limit.PER_MINUTE_PER_USER if "peruser" in letters else Limit.PER_MINUTE
