"""What Google's document says about a body, said before it is sent."""

import pytest

from ytpool.errors import MetadataInvalid
from ytpool.youtube.bodies import check_body
from ytpool.youtube.calls import document

GOOD = {
    "snippet": {"title": "A day", "tags": ["a", "b"], "categoryId": "22", "defaultLanguage": "de"},
    "status": {
        "privacyStatus": "private",
        "publishAt": "2026-12-01T08:00:00Z",
        "selfDeclaredMadeForKids": False,
        "license": "youtube",
    },
    "localizations": {"de": {"title": "Ein Tag", "description": ""}},
    "recordingDetails": {"recordingDate": "2026-11-20T00:00:00+01:00", "location": {"latitude": 1.5, "longitude": 2}},
    "statistics": {"viewCount": "18446744073709551615"},
}


def test_a_video_as_the_document_describes_it_passes():
    check_body(document(), "Video", GOOD)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"status": {"privacystatus": "private"}}, "status.privacystatus"),
        ({"statsu": {}}, "statsu"),
        ({"status": {"privacyStatus": "secret"}}, "status.privacyStatus"),
        ({"status": {"privacyStatus": None}}, "status.privacyStatus"),
        ({"status": {"embeddable": "true"}}, "status.embeddable"),
        ({"status": {"embeddable": 1}}, "status.embeddable"),
        ({"status": {"publishAt": "2026-12-01 08:00"}}, "status.publishAt"),
        ({"status": {"publishAt": "2026-12-01T08:00:00"}}, "status.publishAt"),
        ({"status": []}, "status"),
        ({"snippet": {"tags": "a,b"}}, "snippet.tags"),
        ({"snippet": {"tags": ["a", 2]}}, "snippet.tags[1]"),
        ({"snippet": {"title": "half a \ud83d face"}}, "snippet.title"),
        ({"localizations": {"de": {"titel": "x"}}}, "localizations.de.titel"),
        ({"recordingDetails": {"location": {"latitude": float("nan")}}}, "recordingDetails.location.latitude"),
        ({"statistics": {"viewCount": 5}}, "statistics.viewCount"),
        ({"statistics": {"viewCount": "-5"}}, "statistics.viewCount"),
        ({"statistics": {"viewCount": "18446744073709551616"}}, "statistics.viewCount"),
        ([], ""),
    ],
)
def test_anything_else_is_refused_by_the_name_of_its_field(body, field):
    with pytest.raises(MetadataInvalid) as refused:
        check_body(document(), "Video", body)

    assert refused.value.details["field"] == field


def test_an_unknown_value_is_refused_with_the_values_that_are_known():
    with pytest.raises(MetadataInvalid, match="public, unlisted, private") as refused:
        check_body(document(), "Video", {"status": {"privacyStatus": "secret"}})

    assert refused.value.details["allowed"] == ["public", "unlisted", "private"]


def test_what_a_method_requires_must_be_there():
    check_body(document(), "Video", {"status": {}}, method="youtube.videos.insert")

    with pytest.raises(MetadataInvalid, match=r"youtube\.videos\.update requires it"):
        check_body(document(), "Video", {"status": {}}, method="youtube.videos.update")


def test_numbers_stay_within_their_format():
    check_body(document(), "PlaylistItem", {"snippet": {"position": 0}})

    for position in (-1, 2**32, 1.5, True):
        with pytest.raises(MetadataInvalid):
            check_body(document(), "PlaylistItem", {"snippet": {"position": position}})


def test_every_schema_of_the_document_can_be_checked_against():
    for name in document()["schemas"]:
        check_body(document(), name, {})
        with pytest.raises(MetadataInvalid):
            check_body(document(), name, {"no such field": 1})
