"""What YouTube refuses, with its reason; every such request is written down in the truth."""

import pytest

UPLOAD = "upload/youtube/v3/videos?uploadType=resumable&part=snippet,status"


@pytest.fixture
def reason(sandbox, token, send, control):
    """Send a request that is wrong, and return its status and reason after checking that it was written down."""

    def reason(path, verb="GET", body=None, *, method, **headers):
        status, _, answer = send(f"{sandbox.url}/{path}", verb, body, token=token, **headers)
        assert status >= 400, answer
        (row,) = control.truth()["refused"]
        error = answer["error"]["errors"][0]
        assert (row["method"], row["status"], row["reason"]) == (method, status, error["reason"])
        assert row["message"] == answer["error"]["message"]
        return status, error["reason"]

    return reason


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("youtube/v3/channels?part=id&mine=true&colour=red", (400, "badRequest")),
        ("youtube/v3/channels?part=id&mine=perhaps", (400, "badRequest")),
        ("youtube/v3/channels?part=id&mine=true&maxResults=51", (400, "invalidParameter")),
        ("youtube/v3/channels?part=id&mine=true&maxResults=many", (400, "badRequest")),
        ("youtube/v3/channels?mine=true", (400, "required")),
        ("youtube/v3/channels?part=colour&mine=true", (400, "unknownPart")),
        ("youtube/v3/channels?part=id", (400, "missingRequiredParameter")),
        ("youtube/v3/channels?part=id&mine=true&id=UCx", (400, "incompatibleParameters")),
        ("youtube/v3/channels?part=id&mine=true&hl=en&hl=de", (400, "badRequest")),
        ("youtube/v3/channels?part=id&id=" + ",".join(map(str, range(51))), (400, "invalidFilters")),
    ],
)
def test_parameters_are_checked_against_the_discovery_document(reason, path, expected):
    assert reason(path, method="channels.list") == expected


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ({"snippet": {"title": "A", "colour": "red"}}, "badRequest"),
        ({"snippet": {"title": 5}}, "badRequest"),
        ({"snippet": "A"}, "badRequest"),
        ({"snippet": {"tags": "a,b"}}, "badRequest"),
        ({"status": {"privacyStatus": "secret"}}, "badRequest"),
        ({"status": {"embeddable": "yes"}}, "badRequest"),
        ({"localizations": {"de": {"title": "A"}}}, "unexpectedPart"),
        ({"snippet": {"title": ""}}, "invalidTitle"),
        ({"snippet": {"title": "x" * 101}}, "invalidTitle"),
        ({"snippet": {"title": "a < b"}}, "invalidTitle"),
        ({"snippet": {"description": "ä" * 2501}}, "invalidDescription"),
        ({"snippet": {"description": "->"}}, "invalidDescription"),
        ({"snippet": {"tags": ["x" * 250, "y" * 250]}}, "invalidTags"),
        ({"snippet": {"tags": ["x y" + "z" * 496]}}, "invalidTags"),
        ({"snippet": {"categoryId": "18"}}, "invalidCategoryId"),
        ({"status": {"privacyStatus": "public", "publishAt": "2027-01-01T00:00:00Z"}}, "invalidPublishAt"),
        ({"status": {"privacyStatus": "private", "publishAt": "tomorrow"}}, "invalidPublishAt"),
    ],
)
def test_a_video_is_checked_before_its_bytes(reason, control, resource, expected):
    assert reason(UPLOAD, "POST", resource, method="videos.insert") == (400, expected)
    assert control.truth()["projects"][0]["units"]["2026-11-20"] == {"uploads": 1}  # a wrong call costs


@pytest.mark.parametrize(
    "resource",
    [
        {
            "snippet": {
                "title": "x" * 100,
                "description": "ä" * 2500,
                "tags": ["x" * 249, "y" * 250],
                "categoryId": "22",
            }
        },
        {"snippet": {"tags": ["x y" + "z" * 495]}, "status": None},
        {"status": {"privacyStatus": "private", "publishAt": "2027-01-01T00:00:00+01:00"}},
    ],
)
def test_a_video_at_the_limits_is_taken(sandbox, token, send, resource):
    assert send(f"{sandbox.url}/{UPLOAD}", "POST", resource, token=token)[0] == 200


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Slug": "a%0Ab.mp4"}, (400, "invalidFilename")),
        ({"Slug": "%ff.mp4"}, (400, "invalidFilename")),
        ({"X_Upload_Content_Type": "image/png"}, (400, "badContent")),
        ({"X_Upload_Content_Length": "274877906945"}, (413, "uploadTooLarge")),
        ({"X_Upload_Content_Length": "-1"}, (400, "badRequest")),
    ],
)
def test_a_files_name_type_and_size_are_checked_before_its_bytes(reason, headers, expected):
    assert reason(UPLOAD, "POST", {"snippet": {"title": "A"}}, method="videos.insert", **headers) == expected


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ({"snippet": {"title": "A", "categoryId": "22"}}, (400, "required")),
        ({"id": "nothing", "snippet": {"title": "A", "categoryId": "22"}}, (404, "videoNotFound")),
    ],
)
def test_an_update_names_a_video_that_is_there(reason, resource, expected):
    assert reason("youtube/v3/videos?part=snippet", "PUT", resource, method="videos.update") == expected


def test_a_published_video_gets_no_date(begin, send, sandbox, token):
    _, _, video = send(begin(1, {"status": {"privacyStatus": "public"}}), "PUT", b"x")
    url = f"{sandbox.url}/youtube/v3/videos?part=status"
    assert send(url, "PUT", {"id": video["id"], "status": {"privacyStatus": "private"}}, token=token)[0] == 200

    date = {"privacyStatus": "private", "publishAt": "2027-01-01T00:00:00Z"}
    status, _, body = send(url, "PUT", {"id": video["id"], "status": date}, token=token)

    assert (status, body["error"]["errors"][0]["reason"]) == (400, "invalidPublishAt")


def test_what_is_no_json_or_no_path_is_refused(reason):
    assert reason(UPLOAD, "POST", "{", method="videos.insert") == (400, "parseError")


def test_a_path_that_is_not_there_is_refused(reason):
    assert reason("youtube/v3/cats", method="GET /youtube/v3/cats") == (404, "notFound")


def test_a_call_without_a_token_is_refused(sandbox, control, send):
    status, _, body = send(f"{sandbox.url}/youtube/v3/channels?part=id&mine=true")

    assert (status, body["error"]["errors"][0]["reason"]) == (401, "required")
    assert body["error"]["details"][0]["reason"] == "CREDENTIALS_MISSING"
    assert control.truth()["refused"][0]["reason"] == "required"


def test_an_insert_without_media_is_refused(reason):
    body = {"snippet": {"title": "A"}}
    assert reason("youtube/v3/videos?part=snippet", "POST", body, method="videos.insert") == (400, "mediaBodyRequired")


def test_a_method_that_is_not_played_says_so(reason):
    assert reason("youtube/v3/videos/getRating?id=x", method="videos.getRating") == (501, "notPlayed")
