"""What YouTube would refuse is refused here, before anything is spent."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ytpool import data
from ytpool.domain.video import (
    FILE_BYTES,
    Licence,
    Localization,
    Privacy,
    VideoRequest,
    check,
    check_size,
    content_type,
    default_title,
    problems,
    tags_length,
    video_id,
)
from ytpool.errors import FileInvalid, MetadataInvalid

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SCHEMAS = json.loads(data.discovery_document())["schemas"]
ASSIGNABLE = data.load("categories.json")["assignable"]


GERMAN = Localization(language="de", title="Nachrichten")


def localized(*localizations):
    return {"language": "en", "localizations": localizations}


def found(**fields):
    return problems(VideoRequest(**{"title": "News at noon", **fields}), NOW)


requests = st.builds(
    VideoRequest,
    title=st.text(min_size=1, max_size=20),
    description=st.text(max_size=20),
    tags=st.lists(st.text(max_size=8), max_size=3).map(tuple),
    category=st.sampled_from(sorted(ASSIGNABLE)),
    privacy=st.sampled_from(Privacy),
    publish_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    notify=st.booleans(),
    made_for_kids=st.booleans(),
    synthetic=st.none() | st.booleans(),
    licence=st.none() | st.sampled_from(Licence),
    embeddable=st.none() | st.booleans(),
    public_stats=st.none() | st.booleans(),
    language=st.none() | st.just("pt-BR"),
    recorded_on=st.none() | st.dates(),
    localizations=st.lists(
        st.builds(Localization, language=st.sampled_from(["de", "fr"]), title=st.text(), description=st.text()),
        max_size=2,
        unique_by=lambda one: one.language,
    ).map(tuple),
)


@given(requests)
def test_a_request_survives_being_stored_as_json(request):
    assert VideoRequest.from_dict(json.loads(json.dumps(request.to_dict()))) == request


@given(requests)
def test_privacy_and_children_are_always_sent_and_a_date_keeps_the_video_private(request):
    status = request.body()["status"]

    assert status["selfDeclaredMadeForKids"] is request.made_for_kids
    assert status["privacyStatus"] == ("private" if request.publish_at else request.privacy)


@given(requests)
def test_a_body_has_only_fields_that_google_describes(request):
    video = SCHEMAS["Video"]["properties"]

    assert request.parts.split(",") == list(request.body())
    for part, fields in request.body().items():
        if part == "localizations":  # by language
            assert all(set(one) <= set(SCHEMAS["VideoLocalization"]["properties"]) for one in fields.values())
            continue
        assert set(fields) <= set(SCHEMAS[video[part]["$ref"]]["properties"])
        assert None not in fields.values()


def test_a_full_request_says_everything_in_google_s_words():
    request = VideoRequest(
        title="News",
        description="At noon",
        tags=("news", "noon"),
        category="25",
        publish_at=NOW + timedelta(hours=1),
        made_for_kids=True,
        synthetic=False,
        licence=Licence.CREATIVE_COMMON,
        embeddable=True,
        public_stats=False,
        language="en",
        recorded_on=date(2026, 11, 19),
        localizations=(Localization(language="de", title="Nachrichten", description="Am Mittag"),),
    )

    assert request.body() == {
        "snippet": {
            "title": "News",
            "description": "At noon",
            "tags": ["news", "noon"],
            "categoryId": "25",
            "defaultLanguage": "en",
        },
        "status": {
            "privacyStatus": "private",
            "selfDeclaredMadeForKids": True,
            "publishAt": "2026-11-20T13:00:00Z",
            "containsSyntheticMedia": False,
            "license": "creativeCommon",
            "embeddable": True,
            "publicStatsViewable": False,
        },
        "recordingDetails": {"recordingDate": "2026-11-19T00:00:00Z"},
        "localizations": {"de": {"title": "Nachrichten", "description": "Am Mittag"}},
    }
    assert problems(request, NOW) == []


def test_a_request_without_localizations_is_stored_as_older_versions_store_it():
    assert "localizations" not in VideoRequest(title="News").to_dict()


def test_a_field_of_another_version_is_named_and_not_dropped():
    with pytest.raises(MetadataInvalid, match="hologram"):
        VideoRequest.from_dict({"title": "News", "hologram": True})


@pytest.mark.parametrize("title", ["x" * 100, "ä" * 100, "𝄞" * 100, "a"])
def test_a_title_of_up_to_a_hundred_characters_is_fine(title):
    assert found(title=title) == []


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"title": "x" * 104}, "the title has 104 characters, YouTube takes 100"),
        ({"title": " "}, "the title is empty"),
        ({"title": "a < b"}, "the title has a < at character 3"),
        ({"title": "bad \udcff"}, "the title has something at character 5 that is no text"),
        ({"description": "ä" * 2501}, "the description has 5002 bytes in UTF-8, YouTube takes 5000"),
        ({"description": "x>"}, "the description has a > at character 2"),
        ({"tags": ("x" * 501,)}, "the tags have 501 characters"),
        ({"tags": ("news, noon",)}, "the tag 'news, noon' has a comma"),
        ({"tags": ("news", "")}, "one of the tags is empty"),
        ({"category": "18"}, "the category '18' cannot be given to an upload; YouTube takes 1 Film & Animation"),
        ({"publish_at": NOW}, "the moment of publication, 2026-11-20T12:00:00Z, is over"),
        (
            {"publish_at": NOW + timedelta(days=1), "privacy": Privacy.PUBLIC},
            "a video with a moment of publication is private until then, not public",
        ),
        ({"language": "English"}, "the language 'English' is no BCP-47 tag"),
        ({"localizations": (GERMAN,)}, "there are localizations, so YouTube wants the language of the title itself"),
        (localized(replace(GERMAN, title=" ")), "the title in 'de' is empty"),
        (localized(replace(GERMAN, title="x" * 101)), "the title in 'de' has 101 characters"),
        (localized(replace(GERMAN, description="ä" * 2501)), "the description in 'de' has 5002 bytes"),
        (localized(replace(GERMAN, language="Deutsch!")), "the localization's language 'Deutsch!' is no BCP-47 tag"),
        (localized(GERMAN, replace(GERMAN, language="DE")), "there are two localizations for DE"),
    ],
)
def test_each_limit_is_named_with_what_was_measured(fields, says):
    (sentence,) = found(**fields)

    assert sentence.startswith(says)


def test_everything_wrong_is_said_at_once():
    request = VideoRequest(title="", description="<", tags=("a,b",), category="99", language="?")

    with pytest.raises(MetadataInvalid) as refused:
        check(request, NOW)

    assert len(refused.value.details["problems"]) == 5
    assert all(sentence in refused.value.message for sentence in problems(request, NOW))


@pytest.mark.parametrize(("tags", "length"), [((), 0), (("Foo Baz",), 9), (("Foo-Baz",), 7), (("a", "b c"), 7)])
def test_tags_are_counted_with_commas_and_quotes(tags, length):
    assert tags_length(tags) == length


@given(st.lists(st.sampled_from(["a", "news", "Foo Baz", "noon"]), max_size=60).map(tuple), st.integers(495, 505))
def test_tags_of_500_characters_are_taken_and_of_501_refused(tags, total):
    rest = total - tags_length(tags) - (1 if tags else 0)
    assume(rest > 0)
    tags = (*tags, "x" * rest)

    assert tags_length(tags) == total
    assert (found(tags=tags) == []) == (total <= 500)


@pytest.mark.parametrize("size", [1, FILE_BYTES])
def test_a_file_of_up_to_256_gb_is_taken(size):
    check_size("news.mp4", size)


@pytest.mark.parametrize(("size", "says"), [(0, "news.mp4 is empty"), (FILE_BYTES + 1, "news.mp4 has 274,877,906,945")])
def test_an_empty_or_oversized_file_is_refused_by_name(size, says):
    with pytest.raises(FileInvalid, match=says):
        check_size("news.mp4", size)


@pytest.mark.parametrize(
    ("name", "type_"),
    [("a.mp4", "video/mp4"), ("B.MOV", "video/quicktime"), ("c.mxf", "application/octet-stream"), ("d", None)],
)
def test_the_content_type_comes_from_the_suffix(name, type_):
    assert content_type(name) == (type_ or "application/octet-stream")


@given(st.text(max_size=150))
def test_every_file_name_makes_a_title_that_youtube_takes(name):
    assert found(title=default_title(name)) == []


def test_a_title_is_the_file_s_name_without_its_suffix():
    assert default_title("/videos/News  at <noon>.part 1.mp4") == "News at noon .part 1"
    assert default_title("<>.mp4") == "Untitled"
    assert default_title("caf\udce9.mp4") == "caf?"


@pytest.mark.parametrize(
    "typed",
    [
        "a1b2c3d4-_f",
        " a1b2c3d4-_f ",
        "https://youtu.be/a1b2c3d4-_f?t=3",
        "https://www.youtube.com/watch?v=a1b2c3d4-_f",
        "https://m.youtube.com/watch?list=PL1&v=a1b2c3d4-_f&t=3",
        "https://youtube.com/shorts/a1b2c3d4-_f",
        "https://studio.youtube.com/video/a1b2c3d4-_f/edit",
    ],
)
def test_a_video_is_named_by_its_id_or_its_address(typed):
    assert video_id(typed) == "a1b2c3d4-_f"


@pytest.mark.parametrize("typed", ["", "a1b2c3d4", "https://example.com/watch?v=a1b2c3d4-_f", "a1b2c3d4-_fg"])
def test_what_is_no_video_is_told(typed):
    with pytest.raises(ValueError, match="is no video"):
        video_id(typed)
