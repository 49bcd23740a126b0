"""What belongs to a publication, what it costs, and who is told."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytpool import data
from ytpool.domain.captions import Caption
from ytpool.domain.prices import PriceBook
from ytpool.domain.publication import (
    PlaylistWish,
    Publication,
    check,
    notifies,
    playlist,
    problems_by_field,
    spoken,
)
from ytpool.domain.video import VideoRequest
from ytpool.errors import MetadataInvalid

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TODAY = PriceBook.from_table(data.load("prices.json")).on(NOW.date())
VIDEO = VideoRequest(title="News")
PLAYLIST_ID = "PL" + "x1" * 16

paths = st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=8).map(PurePath)
wishes = st.builds(PlaylistWish, title=st.text(max_size=8), create=st.booleans()) | st.builds(
    PlaylistWish, playlist_id=st.text(max_size=8)
)
publications = st.builds(
    Publication,
    video=st.builds(VideoRequest, title=st.text(max_size=8)),
    thumbnail=st.none() | paths,
    captions=st.lists(
        st.builds(
            Caption, path=paths, language=st.sampled_from(["de", "DE", "pt-BR", "x:y"]), name=st.text(max_size=3)
        ),
        max_size=3,
    ).map(tuple),
    playlists=st.lists(wishes, max_size=3).map(tuple),
)


@given(publications)
def test_a_publication_survives_being_stored_as_json(publication):
    assert Publication.from_dict(json.loads(json.dumps(publication.to_dict()))) == publication


def test_an_older_version_s_stored_video_is_a_publication_of_the_video_alone_and_the_other_way_round():
    stored = VIDEO.to_dict()

    assert Publication.from_dict(stored) == Publication(video=VIDEO)
    assert Publication(video=VIDEO).to_dict() == stored
    with pytest.raises(MetadataInvalid, match="thumbnail"):
        VideoRequest.from_dict(Publication(video=VIDEO, thumbnail=PurePath("a.png")).to_dict())


@given(publications)
def test_what_is_accepted_has_a_name_of_its_own_for_every_step(publication):
    names = [step.step for step in publication.steps()]

    assert (names[0], names[-1]) == ("upload", "read_back")
    if not problems_by_field(publication, NOW):
        assert len(set(names)) == len(names)


@given(publications)
def test_the_whole_costs_what_its_steps_cost(publication):
    per_step = [step.cost(TODAY) for step in publication.steps()]

    assert publication.cost(TODAY) == {
        bucket: sum(cost.get(bucket, 0) for cost in per_step) for bucket in ("uploads", "general")
    }


def test_each_step_is_named_for_what_it_is_and_priced_by_its_calls():
    publication = Publication(
        video=VIDEO,
        thumbnail=PurePath("a.png"),
        captions=(Caption(path=PurePath("a.srt"), language="de", name="Untertitel"),),
        playlists=(
            PlaylistWish(playlist_id=PLAYLIST_ID),
            PlaylistWish(title="Talks"),
            PlaylistWish(title="New: talks", create=True),
        ),
    )

    assert {step.step: step.cost(TODAY) for step in publication.steps()} == {
        "upload": {"uploads": 1},
        "thumbnail": {"general": 50},
        "caption:de:Untertitel": {"general": 400},
        f"playlist:{PLAYLIST_ID}": {"general": 51},
        "playlist:=Talks": {"general": 52},
        "playlist:=New: talks": {"general": 101},
        "read_back": {"general": 4},
    }


def test_another_file_is_taken_for_the_steps_that_are_named_and_for_no_other():
    english, german = Caption(path=PurePath("en.srt"), language="en"), Caption(path=PurePath("de.srt"), language="de")
    begun = Publication(video=VIDEO, thumbnail=PurePath("a.gif"), captions=(english, german))
    other = tuple(replace(one, path=PurePath("new") / one.path) for one in begun.captions)
    asked = Publication(video=replace(VIDEO, title="Other"), thumbnail=PurePath("a.png"), captions=other)

    assert begun.with_files_of(asked, {"thumbnail", "caption:de:"}) == replace(
        begun, thumbnail=PurePath("a.png"), captions=(english, other[1])
    )
    assert begun.with_files_of(Publication(video=VIDEO), {"thumbnail", "caption:de:"}) == begun


@pytest.mark.parametrize(
    ("typed", "wish"),
    [
        (PLAYLIST_ID, PlaylistWish(playlist_id=PLAYLIST_ID)),
        ("PL0123456789ABCDEF", PlaylistWish(playlist_id="PL0123456789ABCDEF")),
        (
            f"https://www.youtube.com/playlist?list={PLAYLIST_ID}&si=x",
            PlaylistWish(playlist_id=PLAYLIST_ID),
        ),
        ("PLAYLIST OF THE YEAR", PlaylistWish(title="PLAYLIST OF THE YEAR")),
        (f"={PLAYLIST_ID}", PlaylistWish(title=PLAYLIST_ID)),
        (" Talks ", PlaylistWish(title="Talks")),
        ("+Talks", PlaylistWish(title="Talks", create=True)),
        ("=+Talks", PlaylistWish(title="+Talks")),
    ],
)
def test_a_playlist_is_named_by_id_address_or_title(typed, wish):
    assert playlist(typed) == wish


@pytest.mark.parametrize("named", [{}, {"playlist_id": "x", "title": "y"}, {"playlist_id": "x", "create": True}])
def test_a_wish_names_a_playlist_in_one_way(named):
    with pytest.raises(ValueError, match="by its id or by its title"):
        PlaylistWish(**named)


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (["Talks", "+Talks"], "the playlist 'Talks' is named 2 times"),
        (["=PL", "="], "a playlist's title is empty"),
        (["UU" + "x" * 22], "is a list that YouTube keeps itself"),
        (["+" + "x" * 151], "the playlist's title has 151 characters"),
        (["bad \udcff"], "is no text in UTF-8"),
    ],
)
def test_a_playlist_that_cannot_be_is_refused(typed, says):
    publication = Publication(video=VIDEO, playlists=tuple(playlist(one) for one in typed))

    ((field, sentence),) = problems_by_field(publication, NOW)

    assert field == "playlists"
    assert says in sentence


def test_everything_wrong_with_the_whole_publication_is_said_at_once():
    publication = Publication(
        video=VideoRequest(title=""),
        captions=(Caption(path=PurePath("a.txt"), language="de"),),
        playlists=(playlist("="),),
    )

    with pytest.raises(MetadataInvalid) as refused:
        check(publication, NOW)

    assert len(refused.value.details["problems"]) == 3


@pytest.mark.parametrize(
    ("asked", "files", "setting", "notified"),
    [
        (None, 1, True, True),
        (None, 1, False, False),
        (None, 2, True, False),
        (True, 200, False, True),
        (False, 1, True, False),
    ],
)
def test_a_batch_notifies_nobody_unless_told_to(asked, files, setting, notified):
    assert notifies(asked=asked, files=files, setting=setting) is notified


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("read_back", "read back"),
        ("thumbnail", "thumbnail"),
        ("caption:de:", "captions de"),
        ("caption:de:Unter: titel", "captions de 'Unter: titel'"),
        ("playlist:=Talks: all", "playlist Talks: all"),
        (f"playlist:{PLAYLIST_ID}", f"playlist {PLAYLIST_ID}"),
    ],
)
def test_a_step_has_words_for_people(step, words):
    assert spoken(step) == words
