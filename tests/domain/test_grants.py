"""What a login allows, and when it ends."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytpool import data
from ytpool.domain import grants
from ytpool.domain.grants import DEFAULT_SCOPE, SCOPES_FOR, UPLOAD_ONLY, Cause, Purpose

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
OPERATIONS = {
    Purpose.LIST: ("videos", "list"),
    Purpose.UPLOAD: ("videos", "insert"),
    Purpose.THUMBNAIL: ("thumbnails", "set"),
    Purpose.UPDATE: ("videos", "update"),
    Purpose.PLAYLIST: ("playlistItems", "insert"),
    Purpose.CAPTION: ("captions", "insert"),
    Purpose.COMMENT: ("comments", "insert"),
}


@pytest.mark.parametrize("purpose", Purpose)
def test_the_scopes_of_a_purpose_are_those_google_describes(purpose):
    resource, method = OPERATIONS[purpose]
    described = json.loads(data.discovery_document())["resources"][resource]["methods"][method]["scopes"]

    assert SCOPES_FOR[purpose] == set(described)
    assert grants.missing({DEFAULT_SCOPE}, purpose) is None


def test_an_upload_only_grant_uploads_but_does_not_list():
    scopes = grants.parse_scopes(f"openid {UPLOAD_ONLY}")

    assert grants.can_upload(scopes)
    assert not grants.can_list(scopes)
    assert grants.missing(scopes, Purpose.COMMENT) == DEFAULT_SCOPE


@given(st.timedeltas(timedelta(days=-2), timedelta(days=2)), st.timedeltas(timedelta(0), timedelta(days=1)))
def test_a_token_is_refreshed_exactly_when_it_ends_within_the_span(left, within):
    assert grants.needs_refresh(NOW + left, NOW, within) == (left <= within)


def test_a_token_whose_end_is_not_known_is_refreshed():
    assert grants.needs_refresh(None, NOW, timedelta(0))


def test_a_grant_that_lives_seven_days_comes_from_a_consent_screen_in_testing():
    ends = grants.grant_ends_at(NOW, timedelta(seconds=604799))

    assert grants.in_testing(NOW, ends)
    assert not grants.in_testing(NOW, NOW + timedelta(days=30))
    assert not grants.in_testing(NOW, grants.grant_ends_at(NOW, None))


@pytest.mark.parametrize(
    ("scopes", "lives_for", "says"),
    [
        ({DEFAULT_SCOPE}, None, []),
        ({UPLOAD_ONLY}, None, ["may upload but not list"]),
        ({grants.READONLY}, None, ["cannot upload"]),
        ({DEFAULT_SCOPE}, timedelta(days=7), ["dies on 2026-11-27 at 12:00 UTC, because the project's consent screen"]),
        ({DEFAULT_SCOPE}, timedelta(days=90), ["given for a limited time"]),
        ({UPLOAD_ONLY}, timedelta(days=7), ["may upload but not list", "Testing mode"]),
    ],
)
def test_an_operator_is_warned_of_what_will_hurt_later(scopes, lives_for, says):
    found = grants.warnings("news", scopes, logged_in_at=NOW, grant_expires_at=grants.grant_ends_at(NOW, lives_for))

    assert len(found) == len(says)
    assert all(words in sentence for words, sentence in zip(says, found, strict=True))


@given(st.timedeltas(timedelta(0), timedelta(days=400)), st.none() | st.timedeltas(timedelta(0), timedelta(days=400)))
def test_a_grant_ends_with_what_comes_first(refreshed_after, lives_for):
    ends_at = grants.grant_ends_at(NOW, lives_for)

    end = grants.predicted_end(logged_in_at=NOW, refreshed_at=NOW + refreshed_after, grant_expires_at=ends_at)

    unused_at = NOW + refreshed_after + grants.UNUSED_LIVES_FOR
    assert end.at == min(filter(None, (ends_at, unused_at)))
    assert (end.cause is Cause.UNUSED) == (ends_at is None or unused_at < ends_at)
    assert end.is_near(end.at)
    assert not end.is_near(end.at - timedelta(days=31))


def test_a_grant_that_has_an_end_and_no_known_beginning_is_taken_for_one_in_testing():
    end = grants.predicted_end(logged_in_at=None, refreshed_at=NOW, grant_expires_at=NOW + timedelta(days=20))

    assert end.cause is Cause.TESTING
    assert grants.predicted_end(logged_in_at=None, refreshed_at=None, grant_expires_at=None) is None


@pytest.mark.parametrize("purpose", Purpose)
def test_what_a_grant_is_used_for_is_told_by_the_calls(purpose):
    assert grants.purpose_of(".".join(OPERATIONS[purpose])) is purpose


def test_a_list_needs_the_scope_of_what_it_lists():
    assert [
        grants.purpose_of(one) for one in ("captions.list", "commentThreads.list", "playlists.list", "old tool")
    ] == [
        Purpose.CAPTION,
        Purpose.COMMENT,
        Purpose.LIST,
        None,
    ]


ANY_GRANT = st.sets(st.sampled_from([grants.FORCE_SSL, grants.YOUTUBE, UPLOAD_ONLY, grants.READONLY, grants.PARTNER]))


@given(ANY_GRANT, st.sets(st.sampled_from(Purpose), min_size=1))
def test_a_login_with_more_takes_nothing_away(scopes, purposes):
    asked = grants.least((grants.wider(scopes, purposes),))

    covered = {one for one in Purpose if grants.missing(asked, one) is None}
    assert covered >= purposes | {one for one in Purpose if grants.missing(scopes, one) is None}


@pytest.mark.parametrize("use", grants.Use)
def test_scopes_are_written_short_and_whole(use):
    asked = grants.least((use,))

    assert tuple(map(grants.whole, map(grants.short, asked))) == asked
    assert grants.of_youtube([*asked, "openid", "https://www.googleapis.com/auth/userinfo.email"]) == asked
