"""What is typed to name a session, what may be a name, and what a look says of a session's state."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytpool.domain import platforms, sessions
from ytpool.domain.sessions import Finding, Reading, SessionState
from ytpool.errors import UsageWrong

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "readings"),
    [
        ("anna", [Reading("anna")]),
        ("anna@instagram", [Reading("anna@instagram"), Reading("anna", "instagram")]),
        ("anna@Twitter/second", [Reading("anna@Twitter/second"), Reading("anna", "x", "second")]),
        ("anna@example.test@x", [Reading("anna@example.test@x"), Reading("anna@example.test", "x")]),
        ("anna@x/", [Reading("anna@x/"), Reading("anna", "x", "")]),
        ("@instagram", [Reading("@instagram")]),
        ("e\u0301va", [Reading("\u00e9va")]),
    ],
)
def test_what_is_typed_is_read_in_every_way_it_may_be_meant(typed, readings):
    assert list(sessions.readings(typed)) == readings


any_name = st.text(min_size=1, max_size=sessions.LONGEST_NAME)


@given(any_name, any_name, st.just("") | any_name)
def test_what_is_spoken_is_read_as_the_same_session_again(user, platform, name):
    try:
        user = sessions.require_name(user, "user")
        platform = sessions.require_platform(platform)
        name = name and sessions.require_name(name, "name")
    except UsageWrong:
        return
    assert Reading(user, platform, name or None) in sessions.readings(sessions.spoken(user, platform, name))


@pytest.mark.parametrize(
    "name", ["anna", "анна", "田中太郎", "علی‌رضا", "O'Neill & Söhne", "a" * 200, "..a", "anna@example.test"]
)
def test_letters_of_any_script_make_a_name(name):
    assert sessions.require_name(name, "user") == name


@pytest.mark.parametrize(
    "name", ["", " ", ".", "..", "../etc/passwd", "a\\b", "a\nb", "a\x1b[2J", "a\u202eb", "a\ud800", "a" * 201]
)
def test_a_path_a_control_sign_and_too_much_make_no_name(name):
    with pytest.raises(UsageWrong) as refused:
        sessions.require_name(name, "user")

    assert refused.value.message.isprintable()


def test_only_a_sure_sign_changes_a_state_and_a_ban_waits_for_a_person():
    active, expired, banned = SessionState.ACTIVE, SessionState.EXPIRED, SessionState.BANNED

    table = {finding: [sessions.after(state, finding) for state in (active, expired, banned)] for finding in Finding}

    assert table == {
        Finding.ALIVE: [active, active, banned],
        Finding.LOGGED_OUT: [expired, expired, banned],
        Finding.COOKIES_EXPIRED: [expired, expired, banned],
        Finding.ROTATED: [expired, expired, banned],
        Finding.CHECKPOINT: [banned, banned, banned],
        Finding.NETWORK: [active, expired, banned],
        Finding.UNCLEAR: [active, expired, banned],
    }


def test_a_session_lapses_exactly_when_its_login_ends_or_nobody_came_for_long_enough():
    month, second = timedelta(days=30), timedelta(seconds=1)

    def lapsed(ends_in=month, idle=timedelta(0)):
        return sessions.lapsed(NOW, login_ends_at=NOW + ends_in, active_at=NOW - idle, inactive_for=month)

    assert lapsed() == lapsed(ends_in=second) == lapsed(idle=month - second) == ""
    assert lapsed(ends_in=timedelta(0)) == "its login ended on 2026-11-20"
    assert lapsed(idle=month) == "not used for 30 days"


def test_every_platform_that_is_known_says_where_a_person_logs_in_and_owns_that_place():
    for platform in platforms.every():
        assert platforms.canonical(platform.name) == platform.name
        assert not platform.login or (platform.start and platform.domains)
        if platform.name != "google":
            assert not platform.start or platform.owns(platform.start.split("/")[2])
