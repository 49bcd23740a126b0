"""The error bodies that were really seen, and what else may come in their place."""

import json

import pytest

from ytpool.domain.secret import Secret
from ytpool.errors import UpstreamFailed
from ytpool.youtube.answers import Answer, refused, refused_token, require_object

SEARCH_QUOTA = (
    "Quota exceeded for quota metric 'Search Queries' and limit 'Search Queries per day' of service "
    "'youtube.googleapis.com' for consumer 'project_number:123456789012'."
)
UPLOAD_QUOTA = SEARCH_QUOTA.replace("Search Queries", "Video Uploads")
OUT_OF_QUOTA = (
    "The request cannot be completed because you have exceeded your "
    '<a href="/youtube/v3/getting-started#quota">quota</a>.'
)
TOO_MANY_VIDEOS = "The user has exceeded the number of videos they may upload."


def answer(status, body=b"", **headers):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(
        status=status, headers={name.replace("_", "-"): value for name, value in headers.items()}, body=content
    )


def backend(code, domain, reason, message):
    return {
        "error": {
            "code": code,
            "message": message,
            "errors": [{"message": message, "domain": domain, "reason": reason}],
        }
    }


def test_a_daily_bucket_is_named_by_its_machine_name_and_value():
    body = backend(429, "global", "rateLimitExceeded", SEARCH_QUOTA)
    body["error"] |= {
        "status": "RESOURCE_EXHAUSTED",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "RATE_LIMIT_EXCEEDED",
                "domain": "googleapis.com",
                "metadata": {
                    "quota_limit": "defaultSearchListPerDayPerProject",
                    "quota_unit": "1/d/{project}",
                    "service": "youtube.googleapis.com",
                    "quota_metric": "youtube.googleapis.com/search_list",
                    "consumer": "projects/123456789012",
                    "quota_location": "global",
                    "quota_limit_value": "0",
                },
            }
        ],
    }

    failure = refused(answer(429, body), "search.list")

    assert (failure.http_status, failure.domain, failure.reason) == (429, "global", "rateLimitExceeded")
    assert (failure.limit, failure.limit_value) == ("defaultSearchListPerDayPerProject", 0)
    assert failure.metric == "Search Queries"
    assert failure.message == SEARCH_QUOTA


def test_a_bucket_that_has_no_details_is_named_by_the_message():
    failure = refused(answer(429, backend(429, "global", "rateLimitExceeded", UPLOAD_QUOTA)), "videos.insert")

    assert (failure.reason, failure.limit, failure.limit_value) == ("rateLimitExceeded", "Video Uploads per day", None)
    assert failure.metric == "Video Uploads"


@pytest.mark.parametrize(
    ("status", "domain", "reason", "message"),
    [
        (403, "youtube.quota", "quotaExceeded", OUT_OF_QUOTA),
        (400, "youtube.video", "uploadLimitExceeded", TOO_MANY_VIDEOS),
        (401, "youtube.header", "youtubeSignupRequired", "Unauthorized"),
    ],
)
def test_the_backend_says_domain_reason_and_message_and_nothing_else(status, domain, reason, message):
    failure = refused(answer(status, backend(status, domain, reason, message)), "videos.insert")

    assert (failure.domain, failure.reason, failure.message) == (domain, reason, message)
    assert (failure.limit, failure.limit_value) == ("", None)


def test_the_front_end_says_the_old_reason_beside_the_new_one_and_the_old_one_counts():
    body = {
        "error": {
            "code": 403,
            "message": "Request had insufficient authentication scopes.",
            "errors": [{"message": "Insufficient Permission", "domain": "global", "reason": "insufficientPermissions"}],
            "status": "PERMISSION_DENIED",
            "details": [
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
                    "domain": "googleapis.com",
                    "metadata": {"service": "youtube.googleapis.com"},
                }
            ],
        }
    }

    failure = refused(answer(403, body), "captions.list")

    assert (failure.domain, failure.reason) == ("global", "insufficientPermissions")

    del body["error"]["errors"]
    failure = refused(answer(403, body), "captions.list")
    assert (failure.domain, failure.reason) == ("googleapis.com", "ACCESS_TOKEN_SCOPE_INSUFFICIENT")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><title>502</title><h1>Bad Gateway</h1></html>",
        b"[1, 2]",
        b'"no"',
        b"null",
        b'{"error"',
        b'{"error": null}',
        b'{"error": {"errors": {"reason": "x"}, "details": "y", "message": 7}}',
        b'{"error": {"errors": [7], "details": [{"metadata": []}, null]}}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
    ],
)
def test_whatever_comes_instead_of_an_error_is_an_error_with_fewer_facts(body):
    for read in (refused, refused_token):
        failure = read(answer(502, body), "videos.list")

        assert (failure.http_status, failure.operation) == (502, "videos.list")
        assert (failure.domain, failure.reason, failure.limit, failure.limit_value) == ("", "", "", None)
        assert failure.message == "videos.list was answered with HTTP 502"


def test_a_message_that_begins_late_is_a_message():
    body = {"error": "invalid_grant", "error_description": " " * 2000 + "gone"}

    assert refused_token(answer(400, body), "token").message == "gone"


def test_letters_that_no_state_can_keep_do_not_come_in():
    body = rb'{"error": {"message": "a\u0000b \ud83d \ud83d\ude00", "errors": [{"reason": "\udcff"}]}}'

    failure = refused(answer(403, body), "videos.list")

    assert (failure.message, failure.reason) == ("a\ufffdb \ufffd \N{GRINNING FACE}", "\ufffd")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        ("Fri, 20 Nov 2026 12:01:30 GMT", 90.0),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0.0),
        ("-5", None),
        ("soon", None),
        ("9" * 400, None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_moment_against_the_servers_own_date(header, seconds):
    failure = refused(answer(503, b"", Retry_After=header, Date="Fri, 20 Nov 2026 12:00:00 GMT"), "videos.list")

    assert failure.retry_after == seconds


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"error": "invalid_grant", "error_description": "Token has been expired or revoked."}, "invalid_grant"),
        ({"error": "invalid_grant", "error_description": "reauth", "error_subtype": "invalid_rapt"}, "invalid_rapt"),
        ({"error": "invalid_grant", "error_subtype": "something_new"}, "invalid_grant"),
        ({"error": "deleted_client", "error_description": "The OAuth client was deleted."}, "deleted_client"),
        (backend(429, "global", "rateLimitExceeded", "slowly"), "rateLimitExceeded"),
    ],
)
def test_the_token_endpoint_speaks_its_own_language(body, reason):
    assert refused_token(answer(400, body), "token").reason == reason


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{"])
def test_a_good_status_over_nothing_useful_is_no_success(body):
    with pytest.raises(UpstreamFailed) as failed:
        require_object(answer(200, body), "videos.list")

    assert (failed.value.http_status, failed.value.reason) == (200, "malformedAnswer")


def test_a_secret_that_an_answer_repeats_is_struck_out_however_it_is_written():
    token = Secret("1/be+ar er=token")
    session = Secret("https://youtube.example/upload?part=snippet&upload_id=abcdefghijklmnop")
    written = ["1/be+ar er=token", "1%2Fbe%2Bar%20er%3Dtoken", "1%2Fbe%2Bar+er%3Dtoken", "abcdefghijklmnop"]
    said = " and ".join([*written, session.reveal()])
    body = {"error": {"message": "x" * 1990 + said, "errors": [{"reason": said, "domain": said}]}}

    failure = refused(answer(400, json.dumps(body).encode()), "videos.insert", hides=(token, session))

    told = f"{failure.message} {failure.details} {failure!r}"
    assert "and" in told
    for secret in ("token", "be+ar", "be%2Bar", "abcdef"):
        assert secret not in told
