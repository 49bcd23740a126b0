"""What Google's answers mean: the matrix row by row, and what holds for all of them."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytpool.domain import failover
from ytpool.domain.failover import VERDICTS, Charge, Next, RestScope, Until, backoff, judge
from ytpool.errors import UpstreamFailed

UPLOADS_PER_DAY = "Quota exceeded for quota metric 'Video Uploads' and limit 'Video Uploads per day' of service 'y'."


def refused(status, reason="", domain="", *, operation="videos.insert", message="refused", **facts):
    return UpstreamFailed(message, operation=operation, http_status=status, domain=domain, reason=reason, **facts)


def lost(operation, **facts):
    return UpstreamFailed("the line broke", operation=operation, **facts)


@pytest.mark.parametrize(
    ("failure", "goes_on", "rests", "until", "cost"),
    [
        # Quota and limits: 403 and 429, per day and per minute, by machine name or by text only.
        (refused(403, "quotaExceeded", "youtube.quota"), "OTHER_ACCOUNT", "BUCKET", "QUOTA_RESET", "NOTHING"),
        (refused(403, "dailyLimitExceeded", "usageLimits"), "OTHER_ACCOUNT", "BUCKET", "QUOTA_RESET", "NOTHING"),
        (
            refused(429, "rateLimitExceeded", "global", limit="defaultSearchListPerDayPerProject"),
            *("OTHER_ACCOUNT", "BUCKET", "QUOTA_RESET", "NOTHING"),
        ),
        (
            refused(429, "rateLimitExceeded", "global", message=UPLOADS_PER_DAY),
            *("OTHER_ACCOUNT", "BUCKET", "QUOTA_RESET", "NOTHING"),
        ),
        (
            refused(429, "rateLimitExceeded", "global", limit="defaultPerMinutePerProject"),
            *("SAME_ACCOUNT", "PROJECT", "BACKOFF", "NOTHING"),
        ),
        (
            refused(429, "rateLimitExceeded", "global", limit="defaultPerMinutePerUser"),
            *("SAME_ACCOUNT", "ACCOUNT", "BACKOFF", "NOTHING"),
        ),
        (refused(429), "SAME_ACCOUNT", "PROJECT", "BACKOFF", "NOTHING"),
        (refused(403, "rateLimitExceeded", "usageLimits"), "SAME_ACCOUNT", "PROJECT", "BACKOFF", "NOTHING"),
        (refused(403, "userRateLimitExceeded", "usageLimits"), "SAME_ACCOUNT", "ACCOUNT", "BACKOFF", "NOTHING"),
        (refused(403, "servingLimitExceeded", "usageLimits"), "SAME_ACCOUNT", "PROJECT", "BACKOFF", "NOTHING"),
        # A channel's own limit is an answer of YouTube itself, whatever its status.
        (refused(400, "uploadLimitExceeded", "youtube.video"), "OTHER_ACCOUNT", "CHANNEL", "IN_24_HOURS", "FULL"),
        (refused(403, "uploadLimitExceeded", "youtube.video"), "OTHER_ACCOUNT", "CHANNEL", "IN_24_HOURS", "FULL"),
        # So is its limit of thumbnails, which stops thumbnails alone.
        (
            refused(429, "uploadRateLimitExceeded", "youtube.thumbnail", operation="thumbnails.set"),
            *("SAME_ACCOUNT", "CHANNEL", "IN_24_HOURS", "FULL"),
        ),
        # Logins, clients, projects.
        (refused(401, "authError", "global"), "REFRESH", "NOTHING", "NOW", "NOTHING"),
        (refused(401), "REFRESH", "NOTHING", "NOW", "NOTHING"),
        (refused(401, "required", "global"), "OTHER_ACCOUNT", "ACCOUNT", "NEW_LOGIN", "NOTHING"),
        (refused(400, "invalid_grant", operation="token"), "OTHER_ACCOUNT", "ACCOUNT", "NEW_LOGIN", "NOTHING"),
        (refused(400, "invalid_rapt", operation="token"), "OTHER_ACCOUNT", "ACCOUNT", "NEW_LOGIN", "NOTHING"),
        (refused(400, "admin_policy_enforced", operation="token"), "OTHER_ACCOUNT", "ACCOUNT", "NEW_LOGIN", "NOTHING"),
        (refused(401, "invalid_client", operation="token"), "OTHER_ACCOUNT", "PROJECT", "HUMAN", "NOTHING"),
        (refused(401, "deleted_client", operation="token"), "OTHER_ACCOUNT", "PROJECT", "HUMAN", "NOTHING"),
        (refused(400, "unauthorized_client", operation="token"), "OTHER_ACCOUNT", "PROJECT", "HUMAN", "NOTHING"),
        (refused(429, "slow_down", operation="token"), "SAME_ACCOUNT", "SERVICE", "BACKOFF", "NOTHING"),
        (refused(400, "invalid_request", operation="token"), "SAME_ACCOUNT", "SERVICE", "BACKOFF", "NOTHING"),
        (refused(500, operation="token"), "SAME_ACCOUNT", "SERVICE", "BACKOFF", "NOTHING"),
        (refused(403, "accessNotConfigured", "usageLimits"), "OTHER_ACCOUNT", "PROJECT", "HUMAN", "NOTHING"),
        (refused(403, "insufficientPermissions", "global"), "OTHER_ACCOUNT", "ACCOUNT", "NEW_LOGIN", "NOTHING"),
        (
            refused(403, "insufficientPermissions", "global", operation="videos.list"),
            *("GIVE_UP", "NOTHING", "NEW_LOGIN", "NOTHING"),
        ),
        # Channels.
        (refused(401, "youtubeSignupRequired", "youtube.header"), "OTHER_ACCOUNT", "ACCOUNT", "HUMAN", "NOTHING"),
        (refused(403, "channelSuspended", "youtube.channel"), "OTHER_ACCOUNT", "ACCOUNT", "HUMAN", "FULL"),
        (refused(403, "channelNotFound", "youtube.channel"), "OTHER_ACCOUNT", "ACCOUNT", "HUMAN", "FULL"),
        (
            refused(404, "channelNotFound", "youtube.commentThread", operation="commentThreads.insert"),
            *("GIVE_UP", "NOTHING", "NOW", "FULL"),
        ),
        # Upload sessions, paid for when they were opened.
        (refused(404, "notFound", operation="upload.chunk"), "RESTART_SESSION", "NOTHING", "NOW", "NOTHING"),
        (refused(410, operation="upload.query"), "RESTART_SESSION", "NOTHING", "NOW", "NOTHING"),
        (refused(416, operation="upload.chunk"), "SAME_ACCOUNT", "NOTHING", "NOW", "NOTHING"),
        (refused(401, "authError", "global", operation="upload.final"), "REFRESH", "NOTHING", "NOW", "NOTHING"),
        (refused(400, "invalidTitle", operation="upload.final"), "GIVE_UP", "NOTHING", "NOW", "NOTHING"),
        # Refused for good, and done already.
        (refused(400, "invalidTitle", "youtube.video"), "GIVE_UP", "NOTHING", "NOW", "FULL"),
        (refused(403, "forbidden", "youtube.video"), "GIVE_UP", "NOTHING", "NOW", "FULL"),
        (refused(403, "forbidden", "global"), "GIVE_UP", "NOTHING", "NOW", "NOTHING"),
        (refused(400, "somethingNew", "youtube.video"), "GIVE_UP", "NOTHING", "NOW", "FULL"),
        (refused(409, "videoAlreadyInPlaylist", operation="playlistItems.insert"), "DONE", "NOTHING", "NOW", "FULL"),
        (refused(409, "captionExists", operation="captions.insert"), "DONE", "NOTHING", "NOW", "FULL"),
        # A playlist just made is not ready everywhere; a change that was broken off made nothing.
        (
            refused(409, "SERVICE_UNAVAILABLE", operation="playlistItems.insert"),
            *("SAME_ACCOUNT", "NOTHING", "BACKOFF", "FULL"),
        ),
        (
            refused(404, "playlistNotFound", operation="playlistItems.insert"),
            "SAME_ACCOUNT",
            "NOTHING",
            "BACKOFF",
            "FULL",
        ),
        (refused(404, "videoNotFound", operation="captions.insert"), "GIVE_UP", "NOTHING", "NOW", "FULL"),
        (refused(412, "conditionNotMet", operation="videos.update"), "SAME_ACCOUNT", "NOTHING", "NOW", "FULL"),
        (refused(409, "somethingNew", operation="playlistItems.insert"), "GIVE_UP", "NOTHING", "NOW", "FULL"),
    ],
    ids=lambda value: f"{value.http_status} {value.reason}" if isinstance(value, UpstreamFailed) else None,
)
def test_an_answer_means_what_the_matrix_says(failure, goes_on, rests, until, cost):
    verdict = judge(failure)

    assert (verdict.next, verdict.rests, verdict.until, verdict.charge) == (
        Next[goes_on],
        RestScope[rests],
        Until[until],
        Charge[cost],
    )


@pytest.mark.parametrize("status", [0, 500, 502, 503, 504, 511, 302])
@pytest.mark.parametrize(
    ("operation", "goes_on", "cost"),
    [
        ("videos.list", Next.SAME_ACCOUNT, Charge.UNKNOWN),
        ("search.list", Next.SAME_ACCOUNT, Charge.UNKNOWN),
        ("videos.insert", Next.SAME_ACCOUNT, Charge.UNKNOWN),
        ("videos.update", Next.SAME_ACCOUNT, Charge.UNKNOWN),
        ("videos.delete", Next.SAME_ACCOUNT, Charge.UNKNOWN),
        ("thumbnails.set", Next.SAME_ACCOUNT, Charge.UNKNOWN),
        ("upload.chunk", Next.SAME_ACCOUNT, Charge.NOTHING),
        ("upload.final", Next.SAME_ACCOUNT, Charge.NOTHING),
        ("upload.query", Next.SAME_ACCOUNT, Charge.NOTHING),
        ("token", Next.SAME_ACCOUNT, Charge.NOTHING),
        ("comments.insert", Next.UNKNOWN, Charge.UNKNOWN),
        ("commentThreads.insert", Next.UNKNOWN, Charge.UNKNOWN),
        ("captions.list", Next.SAME_ACCOUNT, Charge.UNKNOWN),
        ("captions.update", Next.SAME_ACCOUNT, Charge.UNKNOWN),
        ("captions.delete", Next.SAME_ACCOUNT, Charge.UNKNOWN),
        ("captions.insert", Next.UNKNOWN, Charge.UNKNOWN),
        ("playlists.insert", Next.UNKNOWN, Charge.UNKNOWN),
        ("playlistItems.insert", Next.UNKNOWN, Charge.UNKNOWN),
        ("videos.reportAbuse", Next.UNKNOWN, Charge.UNKNOWN),
    ],
)
def test_without_a_clear_answer_only_what_can_be_made_twice_is_repeated(status, operation, goes_on, cost):
    verdict = judge(lost(operation, http_status=status))

    assert (verdict.next, verdict.charge) == (goes_on, cost)


@given(st.sampled_from(["comments.insert", "videos.insert", "videos.list", "token", "upload.chunk", "captions.insert"]))
def test_what_never_left_costs_nothing_and_is_safe_to_send_again(operation):
    verdict = judge(lost(operation, sent=False))

    assert (verdict.next, verdict.charge) == (Next.SAME_ACCOUNT, Charge.NOTHING)


failures = st.builds(
    refused,
    st.sampled_from([0, 200, 302, 400, 401, 403, 404, 409, 410, 412, 413, 416, 429, 500, 503]),
    st.sampled_from(sorted({reason for reason, _ in VERDICTS})) | st.text(max_size=8),
    st.sampled_from(["", "global", "usageLimits", "youtube.quota", "youtube.video"]),
    operation=st.sampled_from(
        ["videos.insert", "videos.list", "comments.insert", "thumbnails.set", "upload.chunk", "token", "revoke", "odd"]
    ),
    message=st.sampled_from(["no", UPLOADS_PER_DAY]) | st.text(max_size=8),
    limit=st.sampled_from(["", "defaultPerMinutePerUser", "videoUploadsPerDayPerProject"]),
    sent=st.booleans(),
)


@given(failures)
def test_every_failure_has_a_verdict_with_advice(failure):
    verdict = judge(failure)

    assert verdict.advice.endswith(".")
    assert judge(failure) == verdict


@given(failures)
def test_an_account_that_is_passed_over_rests_or_it_would_be_chosen_again(failure):
    verdict = judge(failure)

    if verdict.next is Next.OTHER_ACCOUNT:
        assert verdict.rests not in {RestScope.NOTHING, RestScope.SERVICE}
        assert verdict.until not in {Until.NOW, Until.BACKOFF}


@given(failures)
def test_a_call_that_did_not_get_a_clear_answer_is_never_free_if_it_could_cost(failure):
    unclear = failure.sent and not 400 <= failure.http_status < 500
    costs = not failure.operation.startswith("upload.") and failure.operation not in {"token", "revoke"}

    assert (judge(failure).charge is Charge.UNKNOWN) == (unclear and costs)


DOCUMENTED = {
    # What Google's reference says of any method, of limits, and of each method that ytpool calls.
    ("any", 400): "badRequest invalidParameter parseError required invalid API_KEY_INVALID missingRequiredParameter "
    "unexpectedParameter incompatibleParameters invalidFilters invalidPageToken invalidCriteria unknownPart "
    "unexpectedPart invalidPart invalidMine invalidLanguage invalidRegionCode",
    ("any", 401): "authError required CREDENTIALS_MISSING youtubeSignupRequired authorizationRequired",
    ("any", 403): "quotaExceeded dailyLimitExceeded rateLimitExceeded userRateLimitExceeded servingLimitExceeded "
    "insufficientPermissions ACCESS_TOKEN_SCOPE_INSUFFICIENT accessNotConfigured SERVICE_DISABLED forbidden "
    "accountDelegationForbidden authenticatedUserNotChannel authenticatedUserAccountClosed channelClosed "
    "authenticatedUserAccountSuspended channelSuspended channelNotFound cmsUserAccountNotFound "
    "insufficientCapabilities",
    ("any", 404): "notFound videoNotFound contentOwnerAccountNotFound",
    ("any", 409): "conflict duplicate",
    ("any", 410): "deleted",
    ("any", 412): "conditionNotMet",
    ("any", 413): "uploadTooLarge",
    ("any", 429): "rateLimitExceeded",
    ("any", 500): "internalError",
    ("any", 503): "backendError notReady",
    ("upload.chunk", 416): "requestedRangeNotSatisfiable",
    ("videos.insert", 400): "defaultLanguageNotSet invalidCategoryId invalidDescription invalidFilename "
    "invalidPublishAt invalidRecordingDetails invalidTags invalidTitle invalidVideoGameRating invalidVideoMetadata "
    "mediaBodyRequired uploadLimitExceeded",
    ("videos.insert", 403): "forbidden forbiddenLicenseSetting forbiddenPrivacySetting uploadLimitExceeded",
    ("videos.update", 400): "invalidDefaultBroadcastPrivacySetting",
    ("videos.update", 403): "forbiddenEmbedSetting",
    ("videos.list", 404): "videoChartNotFound videoNotFound",
    ("thumbnails.set", 400): "invalidImage mediaBodyRequired",
    ("thumbnails.set", 403): "forbidden",
    ("thumbnails.set", 404): "videoNotFound",
    ("thumbnails.set", 429): "uploadRateLimitExceeded",
    ("captions.insert", 400): "contentRequired nameTooLong invalidMetadata",
    ("captions.insert", 403): "forbidden",
    ("captions.insert", 404): "videoNotFound",
    ("captions.insert", 409): "captionExists",
    ("captions.update", 404): "captionNotFound",
    ("playlistItems.insert", 400): "invalidContentDetails invalidPlaylistItemPosition manualSortRequired "
    "invalidResourceType playlistOperationUnsupported failedPrecondition",
    ("playlistItems.insert", 403): "playlistContainsMaximumNumberOfVideos playlistItemsNotAccessible",
    ("playlistItems.insert", 404): "playlistNotFound videoNotFound",
    ("playlistItems.insert", 409): "videoAlreadyInPlaylist SERVICE_UNAVAILABLE",
    ("playlists.insert", 400): "maxPlaylistExceeded playlistTitleRequired invalidPlaylistSnippet",
    ("playlists.insert", 403): "playlistForbidden",
    ("commentThreads.insert", 400): "channelOrVideoIdMissing commentTextRequired commentTextTooLong "
    "invalidCommentThreadMetadata processingFailure",
    ("commentThreads.insert", 403): "forbidden ineligibleAccount commentsDisabled",
    ("commentThreads.insert", 404): "channelNotFound videoNotFound",
    ("comments.insert", 400): "invalidCustomEmoji invalidCommentMetadata operationNotSupported "
    "parentCommentIsPrivate parentIdMissing",
    ("comments.insert", 404): "parentCommentNotFound",
    ("comments.setModerationStatus", 400): "banWithoutReject processingFailure",
    ("comments.setModerationStatus", 404): "commentNotFound",
}


@pytest.mark.parametrize(
    ("operation", "status", "reason"),
    [(operation, status, reason) for (operation, status), names in DOCUMENTED.items() for reason in names.split()],
)
def test_every_documented_refusal_has_advice_of_its_own(operation, status, reason):
    verdict = judge(refused(status, reason, operation="videos.update" if operation == "any" else operation))

    assert verdict.advice != VERDICTS[failover.OTHER_4XX, failover.ANY].advice


@pytest.mark.parametrize(
    ("reason", "operation", "bucket"),
    [
        ("uploadLimitExceeded", "videos.insert", "uploads"),
        ("uploadRateLimitExceeded", "thumbnails.set", "thumbnails"),
    ],
)
def test_a_limit_of_a_channel_stops_only_what_it_is_about(reason, operation, bucket):
    verdict = judge(refused(429, reason, operation=operation))

    assert (verdict.rests, verdict.bucket) == (RestScope.CHANNEL, bucket)
    assert (f"channel, {bucket}", "24 hours") in {row[2:4] for row in failover.table()}


@given(failures)
def test_a_channel_never_rests_as_a_whole(failure):
    verdict = judge(failure)

    assert (verdict.rests is RestScope.CHANNEL) == bool(verdict.bucket)


@pytest.mark.parametrize("reason", ["channelSuspended", "accessNotConfigured", "authenticatedUserAccountClosed"])
def test_what_only_a_human_can_mend_raises_an_alert(reason):
    assert judge(refused(403, reason)).alert


def test_a_video_not_yet_known_gets_its_thumbnail_on_a_second_try_only():
    verdict = judge(refused(404, "videoNotFound", "youtube.thumbnail", operation="thumbnails.set"))

    assert (verdict.next, verdict.until, verdict.once) == (Next.SAME_ACCOUNT, Until.BACKOFF, True)


def test_the_table_for_the_guide_has_every_row():
    heading, *rows = failover.table()

    assert len(rows) == len(VERDICTS)
    assert all(len(row) == len(heading) and all(row) for row in rows)


@given(st.integers(0, 2000), st.randoms(), st.none() | st.floats(-5, 3600))
def test_a_pause_never_passes_a_minute_beyond_what_google_asked_for(attempt, rng, retry_after):
    pause = backoff(attempt, rng, retry_after)

    asked = max(0.0, retry_after or 0.0)
    assert asked <= pause <= asked + min(60, 2**attempt)


def test_pauses_are_spread_over_their_whole_span():
    rng = random.Random(7)

    pauses = [backoff(10, rng) for _ in range(200)]

    assert min(pauses) < 6
    assert max(pauses) > 54
