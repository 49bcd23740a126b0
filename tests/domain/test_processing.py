"""What YouTube says about its work on a video, and what it kept of what was asked for."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytpool import data
from ytpool.domain import processing
from ytpool.domain.processing import Processing, ProcessingState, calls, differences, poll_after
from ytpool.domain.video import Privacy, VideoRequest

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SCHEMAS = json.loads(data.discovery_document())["schemas"]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)


def seen(upload="uploaded", processing_status=None, **details):
    return Processing.from_resource(
        {
            "status": {"uploadStatus": upload},
            "processingDetails": {"processingStatus": processing_status, **details},
        }
    )


@pytest.mark.parametrize(
    ("schema", "field", "meanings"),
    [
        ("VideoStatus", "failureReason", processing.FAILURE_REASONS),
        ("VideoStatus", "rejectionReason", processing.REJECTION_REASONS),
        ("VideoProcessingDetails", "processingFailureReason", processing.PROCESSING_FAILURE_REASONS),
        ("VideoSuggestions", "processingErrors", processing.PROCESSING_ERRORS),
        ("VideoSuggestions", "processingWarnings", processing.PROCESSING_WARNINGS),
        ("VideoSuggestions", "processingHints", processing.PROCESSING_HINTS),
    ],
)
def test_every_word_that_google_describes_is_explained_and_no_other(schema, field, meanings):
    described = SCHEMAS[schema]["properties"][field]

    assert set(meanings) == set(described.get("enum") or described["items"]["enum"])
    assert all(meanings.values())


@pytest.mark.parametrize(
    ("upload", "status", "state"),
    [
        ("uploaded", "processing", "PROCESSING"),
        ("uploaded", None, "PROCESSING"),
        ("somethingNew", "somethingNew", "PROCESSING"),
        ("uploaded", "succeeded", "SUCCEEDED"),
        ("processed", "terminated", "SUCCEEDED"),
        ("processed", "processing", "SUCCEEDED"),
        ("failed", "succeeded", "FAILED"),
        ("uploaded", "failed", "FAILED"),
        ("rejected", "succeeded", "REJECTED"),
        ("deleted", "terminated", "DELETED"),
        ("uploaded", "terminated", "TERMINATED"),
    ],
)
def test_the_state_follows_the_upload_first_and_the_processing_where_that_says_nothing(upload, status, state):
    found = seen(upload, status)

    assert found.state is ProcessingState[state]
    assert found.is_over is (state != "PROCESSING")


def test_reasons_and_suggestions_keep_youtube_s_word_beside_their_meaning():
    found = Processing.from_resource(
        {
            "status": {"uploadStatus": "rejected", "rejectionReason": "length"},
            "processingDetails": {"processingFailureReason": "quantumNoise"},
            "suggestions": {"processingHints": ["vrVideo"], "processingErrors": ["audioFile"]},
        }
    )

    assert [(one.about, one.word) for one in found.reasons] == [
        ("rejectionReason", "length"),
        ("processingFailureReason", "quantumNoise"),
    ]
    assert "15 minutes" in found.reasons[0].meaning
    assert "does not know" in found.reasons[1].meaning
    assert [one.word for one in found.suggestions] == ["audioFile", "vrVideo"]


@pytest.mark.parametrize(
    ("progress", "percent", "left"),
    [
        ({"partsTotal": "1000", "partsProcessed": "250", "timeLeftMs": "1500"}, 25, timedelta(seconds=1.5)),
        ({"partsTotal": "10", "partsProcessed": "11"}, 100, None),
        ({"partsTotal": "0", "partsProcessed": "0"}, None, None),
        ({"partsTotal": "many", "timeLeftMs": str(2**64 - 1)}, None, None),
        ({"partsTotal": "10"}, None, None),
        (None, None, None),
    ],
)
def test_progress_is_read_from_google_s_numbers_in_text(progress, percent, left):
    found = seen("uploaded", "processing", processingProgress=progress)

    assert (found.percent, found.time_left) == (percent, left)


def test_what_is_over_has_no_progress():
    assert seen("processed", processingProgress={"partsTotal": "4", "partsProcessed": "1"}).percent is None


@given(st.dictionaries(st.sampled_from(["status", "processingDetails", "suggestions"]), json_values))
def test_any_answer_is_read_without_a_fault(video):
    assert Processing.from_resource(video).state in ProcessingState
    assert isinstance(differences(VideoRequest(title="x"), video, NOW), tuple)


@given(st.integers(0, 10**9))
def test_polls_grow_apart_from_30_seconds_to_10_minutes(polls):
    assert timedelta(seconds=30) <= poll_after(polls) <= poll_after(polls + 1) <= timedelta(minutes=10)


def test_the_first_polls_double():
    assert [poll_after(polls).total_seconds() for polls in range(6)] == [30, 60, 120, 240, 480, 600]


@given(st.lists(st.text(max_size=2), max_size=160))
def test_fifty_videos_are_asked_for_at_once_and_none_is_left_out(ids):
    cut = list(calls(ids))

    assert [one for call in cut for one in call] == ids
    assert len(cut) == -(-len(ids) // 50)


requests = st.builds(
    VideoRequest,
    title=st.just("x"),
    privacy=st.sampled_from(Privacy),
    made_for_kids=st.booleans(),
    publish_at=st.none() | st.datetimes(datetime(2026, 11, 21), timezones=st.just(UTC)),  # noqa: DTZ001
)


@given(requests)
def test_what_was_sent_and_kept_does_not_differ(request):
    assert differences(request, {"status": request.body()["status"]}, NOW) == ()


@pytest.mark.parametrize(
    ("asked", "status", "fields"),
    [
        ({"privacy": Privacy.PUBLIC}, {"privacyStatus": "private"}, ["privacy"]),
        ({}, {}, ["privacy"]),
        ({}, {"privacyStatus": "private", "publishAt": "2026-12-24T18:00:00Z"}, ["publish_at"]),
        ({"publish_at": NOW + timedelta(hours=1)}, {"privacyStatus": "private"}, ["publish_at"]),
        (
            {"publish_at": NOW + timedelta(hours=1)},
            {"privacyStatus": "public", "publishAt": "2026-11-20T14:00:00Z"},
            ["privacy", "publish_at"],
        ),
        ({"made_for_kids": True}, {"privacyStatus": "private", "selfDeclaredMadeForKids": False}, ["made_for_kids"]),
        (
            {},
            {"privacyStatus": "private", "selfDeclaredMadeForKids": False, "madeForKids": True},
            ["made_for_kids"],
        ),
    ],
)
def test_each_difference_is_named_once(asked, status, fields):
    found = differences(VideoRequest(title="x", **asked), {"status": status}, NOW)

    assert [one.field for one in found] == fields
    assert all(one.asked != one.got for one in found)


@pytest.mark.parametrize(
    "status",
    [
        {"privacyStatus": "public"},
        {"privacyStatus": "private", "publishAt": "2026-11-20T11:59:59Z"},
        {"privacyStatus": "private", "publishAt": "2026-11-20T12:59:59.000+01:00"},
    ],
)
def test_a_video_whose_moment_has_come_may_be_public_or_about_to_be(status):
    asked = VideoRequest(title="x", publish_at=NOW - timedelta(seconds=0.5))

    assert differences(asked, {"status": status}, NOW) == ()
