"""What is written when a video is changed: whole parts, with what was there and nothing that is YouTube's own."""

from datetime import UTC, date, datetime

import pytest

from ytpool.domain.changes import Merged, Wish, localization
from ytpool.domain.video import Licence, Localization, Privacy
from ytpool.errors import MetadataInvalid

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = datetime(2026, 12, 24, 18, tzinfo=UTC)


def video(*, snippet=None, status=None, **parts):
    """A video as its owner reads it, with what YouTube adds."""
    return {
        "id": "a1b2c3d4e5f",
        "kind": "youtube#video",
        "etag": "x",
        "snippet": {
            "title": "The talk",
            "description": "About it",
            "tags": ["a", "b"],
            "categoryId": "22",
            "defaultAudioLanguage": "en",
            "publishedAt": "2026-11-19T00:00:00Z",
            "channelId": "UC1",
            "channelTitle": "news",
            "thumbnails": {},
            "liveBroadcastContent": "none",
            "localized": {"title": "The talk", "description": "About it"},
            **(snippet or {}),
        },
        "status": {
            "uploadStatus": "processed",
            "privacyStatus": "private",
            "license": "youtube",
            "embeddable": False,
            "publicStatsViewable": True,
            "madeForKids": False,
            "selfDeclaredMadeForKids": False,
            "containsSyntheticMedia": True,
            **(status or {}),
        },
        **parts,
    }


def merged(resource, **wish):
    return Merged.of(Wish(**wish), resource, NOW)


def test_a_changed_part_is_written_whole_and_the_others_not_at_all():
    done = merged(video(), title="Another")

    assert done.body == {
        "id": "a1b2c3d4e5f",
        "snippet": {
            "title": "Another",
            "description": "About it",
            "tags": ["a", "b"],
            "categoryId": "22",
            "defaultAudioLanguage": "en",
        },
    }
    assert done.parts == ("snippet",)
    assert [(one.field, one.before, one.after) for one in done.changes] == [("title", "The talk", "Another")]


def test_what_is_there_already_is_no_change():
    done = merged(video(), title="The talk", tags=("a", "b"), privacy=Privacy.PRIVATE, embeddable=False)

    assert (done.changes, done.body, done.parts) == ((), {}, ())


def test_every_field_finds_its_place():
    done = merged(
        video(),
        category="27",
        language="en",
        privacy=Privacy.UNLISTED,
        licence=Licence.CREATIVE_COMMON,
        made_for_kids=True,
        synthetic=False,
        embeddable=True,
        public_stats=False,
        recorded_on=date(2026, 11, 1),
        localizations=(Localization(language="de", title="Der Vortrag"),),
    )

    assert done.body["snippet"]["categoryId"] == "27"
    assert done.body["snippet"]["defaultLanguage"] == "en"
    assert done.body["status"] == {
        "privacyStatus": "unlisted",
        "license": "creativeCommon",
        "embeddable": True,
        "publicStatsViewable": False,
        "selfDeclaredMadeForKids": True,
        "containsSyntheticMedia": False,
    }
    assert done.body["recordingDetails"] == {"recordingDate": "2026-11-01T00:00:00Z"}
    assert done.body["localizations"] == {"de": {"title": "Der Vortrag", "description": ""}}


def test_what_is_emptied_is_left_out_of_its_part():
    done = merged(video(), tags=(), description="")

    assert done.body["snippet"].keys() == {"title", "categoryId", "defaultAudioLanguage"}


def test_a_moment_of_publication_survives_a_change_beside_it():
    waiting = video(status={"publishAt": "2026-12-24T18:00:00Z"})

    done = merged(waiting, embeddable=True)

    assert done.body["status"]["publishAt"] == "2026-12-24T18:00:00Z"
    assert done.body["status"]["privacyStatus"] == "private"


@pytest.mark.parametrize("wish", [{"privacy": Privacy.PUBLIC}, {"unscheduled": True}], ids=["public now", "never"])
def test_a_moment_of_publication_ends_with_what_it_was_for(wish):
    done = merged(video(status={"publishAt": "2026-12-24T18:00:00Z"}), **wish)

    assert "publishAt" not in done.body["status"]
    assert ("publish_at", "2026-12-24T18:00:00Z", None) in [(one.field, one.before, one.after) for one in done.changes]


def test_a_moment_that_is_over_is_neither_sent_nor_told():
    done = merged(video(status={"publishAt": "2026-11-20T11:00:00Z"}), embeddable=True)

    assert "publishAt" not in done.body["status"]
    assert [one.field for one in done.changes] == ["embeddable"]


def test_a_video_that_is_to_wait_becomes_private():
    done = merged(video(status={"privacyStatus": "unlisted"}), publish_at=LATER)

    assert (done.body["status"]["privacyStatus"], done.body["status"]["publishAt"]) == (
        "private",
        "2026-12-24T18:00:00Z",
    )


def test_other_localizations_stay():
    there = video(localizations={"fr": {"title": "Le", "description": "b"}}, snippet={"defaultLanguage": "en"})

    done = merged(there, localizations=(Localization(language="de", title="Der"),))

    assert done.body["localizations"] == {
        "fr": {"title": "Le", "description": "b"},
        "de": {"title": "Der", "description": ""},
    }
    assert [one.field for one in done.changes] == ["localization de"]


@pytest.mark.parametrize(
    ("resource", "wish", "told"),
    [
        (video(), {"title": "x" * 101}, "the title has 101 characters"),
        (video(), {"title": "a <b>", "tags": ("c,d",)}, "has a comma"),
        (video(), {"publish_at": datetime(2026, 1, 1, tzinfo=UTC)}, "is over"),
        (video(), {"publish_at": LATER, "privacy": Privacy.PUBLIC}, "private until then"),
        (video(status={"privacyStatus": "public"}), {"publish_at": LATER}, "only for one that never was"),
        (video(), {"localizations": (Localization(language="de", title="Der"),)}, "the language of the title itself"),
        (video(snippet={"categoryId": "30"}), {"title": "New"}, "category"),
    ],
)
def test_what_youtube_would_refuse_is_refused_here(resource, wish, told):
    with pytest.raises(MetadataInvalid) as refused:
        merged(resource, **wish)

    assert told in refused.value.message


def test_what_is_wrong_in_a_part_that_is_not_sent_stops_nothing():
    assert merged(video(snippet={"categoryId": "30"}), embeddable=True).parts == ("status",)


def test_an_answer_that_shows_something_else_is_told():
    done = merged(video(), privacy=Privacy.PUBLIC, embeddable=True)

    kept = done.not_kept(video(status={"embeddable": True}), NOW)

    assert [(one.field, one.before, one.after) for one in kept] == [("privacy", "public", "private")]
    assert done.not_kept(video(status={"embeddable": True, "privacyStatus": "public"}), NOW) == ()


def test_what_youtube_writes_its_own_way_is_kept():
    done = merged(video(), title="New ", language="pt-br")

    assert done.not_kept(video(snippet={"title": "New", "defaultLanguage": "pt-BR"}), NOW) == ()
    assert [one.field for one in done.not_kept(video(snippet={"title": "new", "defaultLanguage": "pt-BR"}), NOW)] == [
        "title"
    ]


def test_a_localization_is_read_as_it_is_typed():
    assert localization("de:Der Vortrag|Ein: Vortrag") == Localization(
        language="de", title="Der Vortrag", description="Ein: Vortrag"
    )
    with pytest.raises(ValueError, match="de:Titel"):
        localization("Der Vortrag")


def test_two_wishes_alike_are_one_request_and_an_empty_one_is_none():
    assert Wish(title="a", publish_at=LATER).to_dict() == Wish(publish_at=LATER, title="a").to_dict()
    assert Wish(unscheduled=True).to_dict() == {"unscheduled": True}
    assert not Wish()
    assert Wish(tags=())


def test_a_wish_is_read_as_it_was_stored():
    wish = Wish(
        title="a",
        tags=(),
        privacy=Privacy.UNLISTED,
        licence=Licence.YOUTUBE,
        publish_at=LATER,
        recorded_on=date(2026, 11, 1),
        embeddable=False,
        localizations=(Localization(language="de", title="Der", description="x"),),
    )

    assert Wish.from_dict(wish.to_dict()) == wish
