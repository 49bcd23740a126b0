"""Whether a video arrived: what proves it, what leaves it open, and what it takes to say that it did not."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytpool.domain.reconcile import (
    Doubtful,
    FileDetails,
    Found,
    Listed,
    Look,
    NotThere,
    NotYet,
    Sought,
    beforehand,
    look,
    look_again_at,
    verdict,
)

INTENT = datetime(2026, 11, 20, 12, tzinfo=UTC)
SOUGHT = Sought(intent_at=INTENT, size=1000, slug="talk.mp4", title="The talk")
OURS = FileDetails(name="talk.mp4", size=1000)
OTHER = FileDetails(name="other.mp4", size=2000)
UNTOLD = FileDetails(name=None, size=None)


def listed(video_id="v1", details=OURS, *, after=timedelta(minutes=1), title="Another title"):
    return Listed(video_id=video_id, published_at=INTENT + after, title=title, details=details)


details = st.builds(
    FileDetails,
    name=st.sampled_from([None, "talk.mp4", "other.mp4"]),
    size=st.sampled_from([None, 1000, 2000]),
)
channels = st.lists(
    st.builds(
        listed,
        video_id=st.sampled_from("abcdef"),
        details=details,
        after=st.integers(-120, 120).map(lambda seconds: timedelta(seconds=seconds)),
        title=st.sampled_from(["The talk", "Another title"]),
    ),
    max_size=6,
    unique_by=lambda one: one.video_id,
).map(lambda several: sorted(several, key=lambda one: one.published_at, reverse=True))
claims = st.frozensets(st.sampled_from("abcdef"))
outcomes = (
    st.just(NotThere())
    | st.builds(Found, video_id=st.sampled_from("ab"))
    | st.builds(NotYet, reason=st.just("late"), missing=st.lists(st.text(max_size=2), max_size=2).map(tuple))
    | st.builds(Doubtful, candidates=st.just(("v1",)), reason=st.just("alike"))
)
looks = st.lists(
    st.builds(Look, at=st.integers(0, 60).map(lambda minute: INTENT + timedelta(minutes=minute)), outcome=outcomes),
    max_size=6,
)


def test_our_size_and_file_name_prove_it_whatever_it_is_called_now():
    assert look(SOUGHT, [listed("v2", OTHER), listed("v1")], whole=True) == Found(video_id="v1")


@pytest.mark.parametrize(("seconds", "is_found"), [(-60, True), (-61, False), (0, True)])
def test_it_may_bear_a_moment_up_to_one_minute_before_the_intent(seconds, is_found):
    outcome = look(SOUGHT, [listed(after=timedelta(seconds=seconds))], whole=True)

    assert outcome == (Found(video_id="v1") if is_found else NotThere())


def test_another_job_s_video_is_not_ours():
    assert look(replace(SOUGHT, claimed={"v1"}), [listed("v1")], whole=True) == NotThere()


@pytest.mark.parametrize("name", ["other.mp4", "TALK.MP4"])
def test_size_and_title_alone_name_a_candidate_for_a_person(name):
    outcome = look(SOUGHT, [listed("v1", FileDetails(name=name, size=1000), title="The talk")], whole=True)

    assert isinstance(outcome, Doubtful)
    assert outcome.candidates == ("v1",)


def test_size_alone_is_no_reason_to_doubt():
    assert look(SOUGHT, [listed("v1", FileDetails(name="other.mp4", size=1000))], whole=True) == NotThere()


def test_two_videos_with_our_size_and_name_are_for_a_person():
    outcome = look(SOUGHT, [listed("v2"), listed("v1")], whole=True)

    assert isinstance(outcome, Doubtful)
    assert outcome.candidates == ("v2", "v1")


@pytest.mark.parametrize("untold", [UNTOLD, FileDetails(name="talk.mp4", size=None), FileDetails(name=None, size=1000)])
def test_a_newer_video_without_file_details_keeps_the_question_open(untold):
    outcome = look(SOUGHT, [listed("v2", OTHER), listed("v1", untold)], whole=True)

    assert isinstance(outcome, NotYet)
    assert outcome.missing == ("v1",)


def test_details_of_an_older_or_of_another_job_s_video_are_not_waited_for():
    older = listed("old", UNTOLD, after=-timedelta(minutes=2))

    assert look(replace(SOUGHT, claimed={"v1"}), [listed("v1", UNTOLD), older], whole=True) == NotThere()


def test_a_list_that_was_not_read_back_to_the_intent_proves_nothing():
    newer, older = listed("v1", OTHER), listed("old", OTHER, after=-timedelta(hours=1))

    assert isinstance(look(SOUGHT, [newer], whole=False), NotYet)
    assert isinstance(look(SOUGHT, [], whole=False), NotYet)
    assert look(SOUGHT, [newer, older], whole=False) == NotThere()
    assert look(SOUGHT, [], whole=True) == NotThere()


@given(channels, claims, st.booleans())
def test_only_what_matches_in_everything_is_found_and_not_there_has_seen_every_newer_video(videos, claimed, whole):
    newer = [one for one in videos if one.published_at >= INTENT - timedelta(minutes=1)]
    mine = [one for one in newer if one.video_id not in claimed]

    match look(replace(SOUGHT, claimed=claimed), videos, whole=whole):
        case Found(video_id=video_id):
            assert [one.video_id for one in mine if one.details == OURS] == [video_id]
        case NotThere():
            assert whole or len(newer) < len(videos)
            assert all(None not in (one.details.name, one.details.size) for one in mine)
            assert all(one.details.size != 1000 or one.title != "The talk" for one in mine)
        case Doubtful(candidates=candidates):
            assert candidates
            assert all(one.details.size == 1000 for one in mine if one.video_id in candidates)
        case NotYet(missing=missing):
            assert all(one.details != OURS for one in mine)
            assert set(missing) <= {one.video_id for one in mine}


@given(channels, claims)
def test_more_details_never_turn_a_settled_answer_into_another_one(videos, claimed):
    sought = replace(SOUGHT, claimed=claimed)
    before = look(sought, videos, whole=True)
    told = [
        replace(one, details=FileDetails(name=one.details.name or "x", size=one.details.size or 1)) for one in videos
    ]

    if not isinstance(before, NotYet):
        assert look(sought, told, whole=True) == before


@pytest.mark.parametrize(("minutes", "settled"), [(9, False), (10, True), (30, True)])
def test_not_there_takes_two_looks_ten_minutes_apart(minutes, settled):
    first = Look(at=INTENT, outcome=NotThere())
    second = Look(at=INTENT + timedelta(minutes=minutes), outcome=NotThere())

    outcome = verdict([second, first], since=INTENT)

    if settled:
        assert outcome == NotThere()
    else:
        assert isinstance(outcome, NotYet)
        assert outcome.again_at == INTENT + timedelta(minutes=10)


def test_a_look_from_before_the_last_bytes_does_not_count():
    first = Look(at=INTENT, outcome=NotThere())
    second = Look(at=INTENT + timedelta(minutes=30), outcome=NotThere())

    outcome = verdict([first, second], since=INTENT + timedelta(minutes=1))

    assert isinstance(outcome, NotYet)
    assert outcome.again_at == INTENT + timedelta(minutes=40)


@given(looks)
def test_a_verdict_of_not_there_rests_on_two_such_looks_and_a_found_video_stays_found(several):
    outcome = verdict(several, since=INTENT)

    empty = [one.at for one in several if isinstance(one.outcome, NotThere)]
    if isinstance(outcome, NotThere):
        assert max(empty) - min(empty) >= timedelta(minutes=10)
    assert isinstance(outcome, Found) == any(isinstance(one.outcome, Found) for one in several)


@given(looks)
def test_a_look_survives_being_stored_as_json(several):
    assert [Look.from_dict(json.loads(json.dumps(one.to_dict()))) for one in several] == several


def test_what_is_no_look_is_not_taken_for_one():
    with pytest.raises(ValueError, match="this is no look"):
        Look.from_dict({"at": "2026-11-20T12:00:00Z", "seen": "v1"})


@pytest.mark.parametrize(
    ("video", "expected"),
    [
        ({"fileDetails": {"fileName": "talk.mp4", "fileSize": "1000"}}, OURS),
        ({"fileDetails": {"fileName": "", "fileSize": "-1"}}, UNTOLD),
        ({"fileDetails": {"fileSize": "٣"}}, UNTOLD),
        ({"fileDetails": None}, UNTOLD),
        ({}, UNTOLD),
    ],
)
def test_file_details_that_are_missing_or_odd_are_not_told_yet(video, expected):
    assert FileDetails.from_resource(video) == expected


# Before anything is sent


@given(channels, claims)
def test_what_somebody_put_there_by_hand_is_a_persons_question_and_never_ours(channel, claimed):
    sought = replace(SOUGHT, claimed=claimed)

    outcome = beforehand(sought, channel)

    new = {one.video_id: one for one in channel if one.published_at >= sought.since and one.video_id not in claimed}
    same = {name for name, one in new.items() if one.details == OURS}
    alike = {name for name, one in new.items() if (one.details.size, one.title) == (1000, "The talk")}
    untold = {name for name, one in new.items() if not one.details.told and one.title == "The talk"}
    match outcome:
        case Doubtful(candidates=candidates):
            assert set(candidates) == (same or alike) != set()
        case NotYet(missing=missing):
            assert (set(missing), same | alike) == (untold, set())
        case NotThere():
            assert same | alike | untold == set()
        case _:
            pytest.fail(f"{outcome}")


# When to look again


@given(looks)
def test_the_next_look_is_never_sooner_than_ten_minutes_after_the_last_that_it_has_to_confirm(seen):
    again_at = look_again_at(seen, since=INTENT)

    if not seen:
        assert again_at is None
        return
    last = max(seen, key=lambda one: one.at)
    standing = verdict(seen, since=INTENT)
    if isinstance(standing, NotYet) and standing.again_at is not None:
        assert again_at <= last.at + timedelta(minutes=10)
    elif not isinstance(last.outcome, NotThere):
        assert timedelta(minutes=10) <= again_at - last.at <= timedelta(days=1)


def test_a_person_who_says_nothing_is_looked_after_ever_more_seldom():
    doubtful, seen, rests = Doubtful(candidates=("v1",), reason="alike"), [], []
    for _ in range(4):
        at = look_again_at(seen, since=INTENT) or INTENT
        rests.append(at - (seen[-1].at if seen else INTENT))
        seen.append(Look(at=at, outcome=doubtful))

    assert rests == [timedelta(0), timedelta(minutes=10), timedelta(hours=1), timedelta(days=1)]
