"""Google's error bodies, word for word where one was seen.

There are two families. Google's front end (tokens, scopes, rate buckets, the shape of a request) answers with
`error.status` and often `error.details`; YouTube's own back end with code, message and errors only.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ytpool.errors import UsageWrong
from ytpool.sandbox.wire import Answer, Json

_SERVICE = "youtube.googleapis.com"
_ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"
_CONSOLE = "https://console.developers.google.com/apis/api"


class Refused(Exception):
    """An answer that is not what the caller asked for."""

    def __init__(
        self, answer: Answer, *, domain: str, reason: str, front_end: bool = False, mistake: bool = False
    ) -> None:
        super().__init__(f"{answer.status} {reason}")
        self.answer = answer
        self.domain = domain
        self.reason = reason
        self.front_end = front_end
        self.mistake = mistake
        """The request itself was wrong: a bug of the caller, listed in the truth under `refused`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where an error happens, as far as its words depend on it."""

    method: str
    """For instance `videos.insert`, or `token`."""
    project: str
    bucket: str = "general"
    limit: int = 0


def back_end(
    status: int,
    domain: str,
    reason: str,
    message: str,
    *,
    location: str = "",
    location_type: str = "parameter",
    mistake: bool = True,
    headers: dict[str, str] | None = None,
) -> Refused:
    """Refuse as YouTube itself does."""
    error = {"message": message, "domain": domain, "reason": reason}
    if location:
        error |= {"location": location, "locationType": location_type}
    body = {"error": {"code": status, "message": message, "errors": [error]}}
    answer = Answer(status=status, body=body, headers=headers or {})
    return Refused(answer, domain=domain, reason=reason, mistake=mistake)


def front_end(
    status: int,
    state: str,
    reason: str,
    message: str,
    *,
    domain: str = "global",
    short: str = "",
    details: list[Json] | None = None,
    mistake: bool = False,
    headers: dict[str, str] | None = None,
    **more: Any,
) -> Refused:
    """Refuse as Google's front end does; `short` is the message inside `errors` where it differs."""
    error: Json = {
        "code": status,
        "message": message,
        "errors": [{"message": short or message, "domain": domain, "reason": reason, **more}],
        "status": state,
    }
    if details is not None:
        error["details"] = details
    answer = Answer(status=status, body={"error": error}, headers=headers or {})
    return Refused(answer, domain=domain, reason=reason, front_end=True, mistake=mistake)


def malformed(message: str) -> Refused:
    """Refuse a request whose shape the discovery document forbids."""
    violation = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{"description": message}]}
    return front_end(400, "INVALID_ARGUMENT", "badRequest", message, details=[violation], mistake=True)


def login(status: int, error: str, description: str, *, mistake: bool = False, **more: str) -> Refused:
    """Refuse as the OAuth endpoints do."""
    body = {"error": error, "error_description": description, **more}
    return Refused(Answer(status=status, body=body), domain="oauth", reason=error, mistake=mistake)


def invalid_credentials() -> Refused:
    return front_end(
        401,
        "UNAUTHENTICATED",
        "authError",
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
        "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
        short="Invalid Credentials",
        location="Authorization",
        locationType="header",
        headers={"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/", error="invalid_token"'},
    )


def credentials_missing(method: str) -> Refused:
    return front_end(
        401,
        "UNAUTHENTICATED",
        "required",
        "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other "
        "valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
        short="Login Required.",
        location="Authorization",
        locationType="header",
        details=[_info("CREDENTIALS_MISSING", method=_rpc(method), service=_SERVICE)],
        headers={"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/"'},
        mistake=True,
    )


def scope_insufficient(method: str) -> Refused:
    return front_end(
        403,
        "PERMISSION_DENIED",
        "insufficientPermissions",
        "Request had insufficient authentication scopes.",
        short="Insufficient Permission",
        details=[_info("ACCESS_TOKEN_SCOPE_INSUFFICIENT", service=_SERVICE, method=_rpc(method))],
        headers={"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/", error="insufficient_scope"'},
    )


def quota_exhausted(scene: Scene) -> Refused:
    """Refuse because a bucket is empty: the general one in YouTube's words, the others in the front end's."""
    return quota_exceeded() if scene.bucket == "general" else rate_exceeded(scene, "day")


def quota_exceeded() -> Refused:
    message = (
        "The request cannot be completed because you have exceeded your "
        '<a href="/youtube/v3/getting-started#quota">quota</a>.'
    )
    return back_end(403, "youtube.quota", "quotaExceeded", message, mistake=False)


# What Google calls the metric and the limit of each bucket. The machine names of `uploads` have never been seen.
_LIMITS = {
    "search": ("Search Queries", "search_list", "defaultSearchListPer{}PerProject"),
    "uploads": ("Video Uploads", "video_uploads", "defaultVideoUploadsPer{}PerProject"),
    "batch_stats": ("Batch Get Stats", "batch_get_stats", "defaultBatchGetStatsPer{}PerProject"),
    "general": ("Queries", "default", "defaultPer{}PerProject"),
}


def rate_exceeded(scene: Scene, span: str, *, user: bool = False) -> Refused:
    """Refuse with the 429 that names its limit; per day it means an empty bucket, per minute only haste."""
    bucket = scene.bucket if span == "day" else "general"
    # Per minute Google publishes no number; these are what its console once showed.
    value = scene.limit if span == "day" else 180_000 if user else 1_800_000
    return _names_its_limit(scene, span, *_LIMITS[bucket], value, user=user)


def _new_limit_exceeded(scene: Scene) -> Refused:
    """Refuse with a daily limit of this method's own, as Google announced more of them."""
    resource, verb = scene.method.split(".")
    words = f"{resource[:1].upper()}{resource[1:]} {verb[:1].upper()}{verb[1:]}"
    limit = f"default{words.replace(' ', '')}Per{{}}PerProject"
    return _names_its_limit(scene, "day", words, f"{resource}_{verb}".lower(), limit, 20)


def _names_its_limit(
    scene: Scene, span: str, shown: str, metric: str, limit: str, value: int, *, user: bool = False
) -> Refused:
    unit = {"day": "1/d/{project}", "minute": "1/min/{project}"}[span] + ("/{user}" if user else "")
    message = (
        f"Quota exceeded for quota metric '{shown}' and limit '{shown} per {span}{' per user' if user else ''}' of "
        f"service '{_SERVICE}' for consumer 'project_number:{scene.project}'."
    )
    details = _info(
        "RATE_LIMIT_EXCEEDED",
        quota_limit=limit.format(span.capitalize()) + ("PerUser" if user else ""),
        quota_unit=unit,
        service=_SERVICE,
        quota_metric=f"{_SERVICE}/{metric}",
        consumer=f"projects/{scene.project}",
        quota_location="global",
        quota_limit_value=str(value),
    )
    return front_end(429, "RESOURCE_EXHAUSTED", "rateLimitExceeded", message, details=[details])


def upload_limit_exceeded() -> Refused:
    message = "The user has exceeded the number of videos they may upload."
    return back_end(400, "youtube.video", "uploadLimitExceeded", message, mistake=False)


def not_played(what: str) -> Refused:
    """Say that this part of YouTube is not rebuilt here; no client should ever meet it."""
    return back_end(501, "sandbox", "notPlayed", f"The sandbox does not play {what}.", mistake=True)


def _daily_limit_exceeded(scene: Scene) -> Refused:
    link = f"{_CONSOLE}/youtube/quotas?project={scene.project}"
    message = (
        "Daily Limit Exceeded. The quota will be reset at midnight Pacific Time (PT). You may monitor your quota "
        f"usage and adjust limits in the API Console: {link}"
    )
    error = {"domain": "usageLimits", "reason": "dailyLimitExceeded", "message": message, "extendedHelp": link}
    answer = Answer(status=403, body={"error": {"errors": [error], "code": 403, "message": message}})
    return Refused(answer, domain="usageLimits", reason="dailyLimitExceeded", front_end=True)


def _signup_required(_: Scene) -> Refused:
    error = {
        "domain": "youtube.header",
        "reason": "youtubeSignupRequired",
        "message": "Unauthorized",
        "locationType": "header",
        "location": "Authorization",
    }
    answer = Answer(status=401, body={"error": {"errors": [error], "code": 401, "message": "Unauthorized"}})
    return Refused(answer, domain="youtube.header", reason="youtubeSignupRequired")


def _not_enabled(scene: Scene) -> Refused:
    link = f"{_CONSOLE}/{_SERVICE}/overview?project={scene.project}"
    message = (
        f"YouTube Data API v3 has not been used in project {scene.project} before or it is disabled. Enable it by "
        f"visiting {link} then retry. If you enabled this API recently, wait a few minutes for the action to "
        "propagate to our systems and retry."
    )
    return front_end(
        403,
        "PERMISSION_DENIED",
        "accessNotConfigured",
        message,
        domain="usageLimits",
        extendedHelp="https://console.developers.google.com",
        details=[
            {
                "@type": "type.googleapis.com/google.rpc.Help",
                "links": [{"description": "Google developers console API activation", "url": link}],
            },
            _info("SERVICE_DISABLED", service=_SERVICE, consumer=f"projects/{scene.project}"),
        ],
    )


def _api_key_invalid(_: Scene) -> Refused:
    return front_end(
        400,
        "INVALID_ARGUMENT",
        "badRequest",
        "API key not valid. Please pass a valid API key.",
        details=[_info("API_KEY_INVALID", service=_SERVICE)],
    )


def _processing_failure(scene: Scene) -> Refused:
    resource = scene.method.partition(".")[0].removesuffix("s")
    message = (
        "The API server failed to successfully process the request. While this can be a transient error, it usually "
        "indicates that the request's input is invalid. Check the structure of the "
        f"<code>{resource}</code> resource in the request body to ensure that it is valid."
    )
    where, kind = ("id", "parameter") if scene.method == "comments.setModerationStatus" else ("body", "other")
    return back_end(
        400, f"youtube.{resource}", "processingFailure", message, location=where, location_type=kind, mistake=False
    )


def _aborted(_: Scene) -> Refused:
    """Break a change off that changed nothing, as YouTube does with the first entry of a playlist just made."""
    domain = "youtube.api.v3.PlaylistItemInsertResponse.Error"
    return back_end(409, domain, "SERVICE_UNAVAILABLE", "The operation was aborted.", mistake=False)


def _internal(scene: Scene) -> Refused:
    if scene.method in _LOGIN_METHODS:  # seen: not JSON at all
        page = (
            "<!DOCTYPE html>\n<html lang=en><title>Error 500 (Server Error)!!1</title><p>That&#39;s an error.</html>\n"
        )
        return Refused(Answer(status=500, page=page), domain="oauth", reason="internalError")
    return front_end(500, "INTERNAL", "internalError", "Internal error encountered.")


def _unavailable(scene: Scene) -> Refused:
    if scene.method in _LOGIN_METHODS:
        return login(503, "internal_failure", "Backend Error")
    return front_end(503, "UNAVAILABLE", "backendError", "The service is currently unavailable.")


_LOGIN_METHODS = frozenset({"token", "revoke", "tokeninfo"})

_SPECIAL: Mapping[str, Callable[[Scene], Refused]] = {
    "quotaExceeded": lambda _: quota_exceeded(),
    "dailyLimitExceeded": _daily_limit_exceeded,
    "rateLimitExceeded.per_day": lambda scene: rate_exceeded(scene, "day"),
    "rateLimitExceeded.new_per_day": _new_limit_exceeded,
    "rateLimitExceeded.per_minute": lambda scene: rate_exceeded(scene, "minute"),
    "rateLimitExceeded.per_minute_per_user": lambda scene: rate_exceeded(scene, "minute", user=True),
    "uploadLimitExceeded": lambda _: upload_limit_exceeded(),
    "authError": lambda _: invalid_credentials(),
    "required": lambda scene: credentials_missing(scene.method),
    "youtubeSignupRequired": _signup_required,
    "insufficientPermissions": lambda scene: scope_insufficient(scene.method),
    "accessNotConfigured": _not_enabled,
    "API_KEY_INVALID": _api_key_invalid,
    "processingFailure": _processing_failure,
    "SERVICE_UNAVAILABLE": _aborted,
    "internalError": _internal,
    "backendError": _unavailable,
    "invalid_grant": lambda _: login(400, "invalid_grant", "Token has been expired or revoked."),
    "invalid_rapt": lambda _: login(
        400, "invalid_grant", "reauth related error (invalid_rapt)", error_subtype="invalid_rapt"
    ),
    "admin_policy_enforced": lambda _: login(400, "admin_policy_enforced", "Blocked by the domain's administrator."),
    "invalid_client": lambda _: login(401, "invalid_client", "The OAuth client was not found."),
    "deleted_client": lambda _: login(401, "deleted_client", "The OAuth client was deleted."),
    "unauthorized_client": lambda _: login(401, "unauthorized_client", "Unauthorized"),
    "invalid_request": lambda _: login(400, "invalid_request", "Bad Request"),
    "invalid_scope": lambda _: login(400, "invalid_scope", "Bad Request"),
}

# Errors without a body of their own: status, and the names that YouTube gives with it.
_PLAIN = {
    400: (
        "badRequest invalidParameter parseError invalid missingRequiredParameter unexpectedParameter "
        "incompatibleParameters invalidFilters invalidPageToken invalidCriteria unknownPart unexpectedPart invalidPart "
        "invalidMine invalidLanguage invalidRegionCode defaultLanguageNotSet invalidCategoryId invalidDescription "
        "invalidFilename invalidPublishAt invalidRecordingDetails invalidTags invalidTitle invalidVideoGameRating "
        "invalidVideoMetadata mediaBodyRequired invalidDefaultBroadcastPrivacySetting invalidImage contentRequired "
        "nameTooLong invalidMetadata invalidContentDetails invalidPlaylistItemPosition manualSortRequired "
        "invalidResourceType playlistOperationUnsupported maxPlaylistExceeded channelOrVideoIdMissing "
        "commentTextRequired commentTextTooLong invalidCommentThreadMetadata invalidCustomEmoji "
        "invalidCommentMetadata operationNotSupported parentCommentIsPrivate parentIdMissing banWithoutReject"
    ),
    401: "authorizationRequired",
    403: (
        "forbidden forbiddenLicenseSetting forbiddenPrivacySetting forbiddenEmbedSetting accountDelegationForbidden "
        "authenticatedUserNotChannel authenticatedUserAccountClosed authenticatedUserAccountSuspended channelClosed "
        "channelSuspended cmsUserAccountNotFound insufficientCapabilities playlistContainsMaximumNumberOfVideos "
        "playlistItemsNotAccessible ineligibleAccount commentsDisabled rateLimitExceeded userRateLimitExceeded "
        "servingLimitExceeded"
    ),
    404: (
        "notFound videoNotFound channelNotFound contentOwnerAccountNotFound videoChartNotFound captionNotFound "
        "playlistNotFound parentCommentNotFound commentNotFound"
    ),
    409: "conflict duplicate captionExists videoAlreadyInPlaylist",
    410: "deleted",
    412: "conditionNotMet",
    413: "uploadTooLarge",
    416: "requestedRangeNotSatisfiable",
    429: "uploadRateLimitExceeded",
    502: "badGateway",
    504: "notReady",
}
_STATUS = {name: status for status, names in _PLAIN.items() for name in names.split()}
_GLOBAL = frozenset(
    [
        "badRequest",
        "invalidParameter",
        "parseError",
        "invalid",
        "notFound",
        "conflict",
        "duplicate",
        "deleted",
        "conditionNotMet",
        "uploadTooLarge",
        "requestedRangeNotSatisfiable",
        "badGateway",
        "notReady",
        "authorizationRequired",
    ]
)
_USAGE_LIMITS = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "servingLimitExceeded"})
_MESSAGES = {
    "rateLimitExceeded": "Rate Limit Exceeded",
    "userRateLimitExceeded": "User Rate Limit Exceeded",
    "servingLimitExceeded": "Serving Limit Exceeded",
    "invalidTags": "The request metadata specifies invalid video keywords.",
    "invalidTitle": "The request metadata specifies an invalid or empty video title.",
    "invalidDescription": "The request metadata specifies an invalid video description.",
    "invalidCategoryId": "The <code>snippet.categoryId</code> property specifies an invalid category ID.",
    "invalidPublishAt": "The request metadata specifies an invalid scheduled publishing time.",
    "invalidVideoMetadata": "The request metadata is invalid.",
    "invalidRecordingDetails": "The <code>recordingDetails</code> object specifies invalid recording details.",
    "invalidFilename": "The video filename specified in the <code>Slug</code> header is invalid.",
    "defaultLanguageNotSet": "The request sets localized details without a default language.",
    "mediaBodyRequired": "The request does not include the video content.",
    "videoNotFound": "The video that you are looking for cannot be found.",
    "playlistNotFound": "The playlist identified with the request's <code>playlistId</code> parameter cannot be found.",
    "commentsDisabled": (
        'The video identified by the <code><a href="/youtube/v3/docs/commentThreads/list#videoId">videoId</a></code> '
        "parameter has disabled comments."
    ),
    "forbidden": "The request might not be properly authorized.",
}

NAMES = tuple(sorted({*_SPECIAL, *_STATUS}))
"""Every error that a fault can name."""


def named(name: str, scene: Scene, *, status: int | None = None, retry_after: int | None = None) -> Refused:
    """Make the error of this name, as it would look where it happens."""
    if name in _SPECIAL:
        refused = _SPECIAL[name](scene)
    elif name in _STATUS:
        refused = plain(name, scene.method, mistake=False)
    else:
        raise UsageWrong(f"there is no error named {name!r}", hint="one of: " + ", ".join(NAMES))
    headers = dict(refused.answer.headers)
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    body = refused.answer.body
    if status is not None and body is not None and isinstance(body["error"], dict):
        body["error"]["code"] = status
    answer = Answer(status=status or refused.answer.status, body=body, page=refused.answer.page, headers=headers)
    return Refused(answer, domain=refused.domain, reason=refused.reason, front_end=refused.front_end)


def plain(
    name: str, method: str, *, location: str = "", location_type: str = "parameter", mistake: bool = True
) -> Refused:
    """Make an error of YouTube's back end that has no body of its own."""
    if name in _USAGE_LIMITS:
        domain = "usageLimits"
    elif name in _GLOBAL:
        domain = "global"
    else:
        domain = f"youtube.{method.partition('.')[0].removesuffix('s')}"
    return back_end(
        _STATUS[name],
        domain,
        name,
        _MESSAGES.get(name, f"The request failed: {name}."),
        location=location,
        location_type=location_type,
        mistake=mistake,
    )


def _info(reason: str, **metadata: str) -> Json:
    return {"@type": _ERROR_INFO, "reason": reason, "domain": "googleapis.com", "metadata": metadata}


def _rpc(method: str) -> str:
    """Name the back-end method, as `youtube.api.v3.V3DataVideoService.Insert`."""
    resource, _, verb = method.rpartition(".")
    service = resource[:1].upper() + resource[1:].removesuffix("s")
    return f"youtube.api.v3.V3Data{service}Service.{verb[:1].upper()}{verb[1:]}"
