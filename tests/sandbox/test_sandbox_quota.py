"""Buckets, days and caps: who refuses, in which words, and until when."""

from datetime import timedelta

import pytest

from ytpool.errors import UsageWrong

ALL = "https://www.googleapis.com/auth/youtube.force-ssl"
QUOTA_MESSAGE = (
    "The request cannot be completed because you have exceeded your "
    '<a href="/youtube/v3/getting-started#quota">quota</a>.'
)


@pytest.fixture
def start(sandbox, token, send):
    def start(token=token):
        url = f"{sandbox.url}/upload/youtube/v3/videos?uploadType=resumable&part=snippet"
        return send(url, "POST", {"snippet": {"title": "A"}}, token=token, X_Upload_Content_Length="1")

    return start


def test_an_empty_general_bucket_is_a_403_of_youtube_until_midnight_in_california(control, send, sandbox, token):
    control.add_project("demo", limits={"general": 2})
    url = f"{sandbox.url}/youtube/v3/channels?part=id&mine=true"
    assert [send(url, token=token)[0] for _ in range(2)] == [200, 200]

    status, _, body = send(url, token=token)

    assert status == 403
    assert body == {
        "error": {
            "code": 403,
            "message": QUOTA_MESSAGE,
            "errors": [{"message": QUOTA_MESSAGE, "domain": "youtube.quota", "reason": "quotaExceeded"}],
        }
    }
    assert control.truth()["projects"][0]["units"] == {"2026-11-20": {"general": 2}}
    control.clock(forward=timedelta(hours=12))  # it was noon there; the token is too old by now
    fresh = control.grant("demo", "News", [ALL])["access_token"]
    assert send(url, token=fresh)[0] == 200
    assert control.truth()["projects"][0]["units"] == {"2026-11-20": {"general": 2}, "2026-11-21": {"general": 1}}


def test_an_empty_upload_bucket_is_a_429_that_names_its_limit(control, start):
    number = control.add_project("demo", limits={"uploads": 1})["installed"]["client_id"].partition("-")[0]
    assert start()[0] == 200

    status, _, body = start()

    message = (
        "Quota exceeded for quota metric 'Video Uploads' and limit 'Video Uploads per day' of service "
        f"'youtube.googleapis.com' for consumer 'project_number:{number}'."
    )
    error = body["error"]
    assert (status, error["code"], error["status"], error["message"]) == (429, 429, "RESOURCE_EXHAUSTED", message)
    assert error["errors"] == [{"message": message, "domain": "global", "reason": "rateLimitExceeded"}]
    (details,) = error["details"]
    assert details["reason"] == "RATE_LIMIT_EXCEEDED"
    assert "PerDay" in details["metadata"]["quota_limit"]
    assert details["metadata"]["quota_unit"] == "1/d/{project}"
    assert details["metadata"]["quota_limit_value"] == "1"
    assert control.truth()["units"][number]["2026-11-20"] == {"uploads": 1}
    assert sum(control.truth()["upload_sessions"].values()) == 1


def test_an_empty_search_bucket_answers_as_it_was_seen(control, sandbox, send, token):
    number = control.add_project("demo", limits={"search": 0})["installed"]["client_id"].partition("-")[0]

    status, _, body = send(f"{sandbox.url}/youtube/v3/search?part=id&q=x", token=token)

    assert status == 429
    assert body["error"]["details"] == [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "RATE_LIMIT_EXCEEDED",
            "domain": "googleapis.com",
            "metadata": {
                "quota_limit": "defaultSearchListPerDayPerProject",
                "quota_unit": "1/d/{project}",
                "service": "youtube.googleapis.com",
                "quota_metric": "youtube.googleapis.com/search_list",
                "consumer": f"projects/{number}",
                "quota_location": "global",
                "quota_limit_value": "0",
            },
        }
    ]


def test_quota_is_the_projects_whichever_channel_spends_it(control, start):
    control.add_project("demo", limits={"uploads": 1})
    control.add_project("other")
    control.add_channel("Sports")
    assert start()[0] == 200

    assert start(control.grant("demo", "Sports", [ALL])["access_token"])[0] == 429
    assert start(control.grant("other", "Sports", [ALL])["access_token"])[0] == 200


def test_what_another_program_has_used_is_gone_for_everybody(control, start):
    control.add_project("demo", limits={"uploads": 3})
    control.charge("demo", "uploads", 2)

    assert [start()[0] for _ in range(2)] == [200, 429]
    with pytest.raises(UsageWrong, match="no number of units"):
        control.charge("demo", "uploads", -1)


def test_channels_of_the_same_title_are_told_apart_by_their_ids(control, start):
    twin = "UC" + "t" * 22
    assert control.add_channel("News", channel_id=twin) == twin
    assert control.add_channel("News", channel_id=twin, cap=0) == twin

    caps = {one["channel_id"]: one["cap"] for one in control.truth()["channels"] if one["title"] == "News"}
    assert (len(caps), caps[twin]) == (2, 0)
    assert start()[0] == 200
    assert start(control.grant("demo", twin, [ALL])["access_token"])[0] == 400


def test_a_channel_at_its_cap_is_a_400_for_24_hours(control, start):
    control.add_channel("News", cap=1)
    assert start()[0] == 200

    status, _, body = start()

    message = "The user has exceeded the number of videos they may upload."
    assert status == 400
    assert body == {
        "error": {
            "code": 400,
            "message": message,
            "errors": [{"message": message, "domain": "youtube.video", "reason": "uploadLimitExceeded"}],
        }
    }
    assert control.truth()["errors"] == {"uploadLimitExceeded": 1}
    assert control.truth()["refused"] == []  # the request was in order
    control.clock(forward=timedelta(hours=23, minutes=59))
    assert start(control.grant("demo", "News", [ALL])["access_token"])[0] == 400
    control.clock(forward=timedelta(minutes=1))
    assert start(control.grant("demo", "News", [ALL])["access_token"])[0] == 200


def test_chunks_and_questions_are_free(control, begin, send):
    uri = begin(262144 + 1)

    send(uri, "PUT", bytes(262144), Content_Range="bytes 0-262143/262145")
    send(uri, "PUT", b"", Content_Range="bytes */262145")
    send(uri, "PUT", b"x", Content_Range="bytes 262144-262144/262145")

    assert control.truth()["projects"][0]["units"] == {"2026-11-20": {"uploads": 1}}
