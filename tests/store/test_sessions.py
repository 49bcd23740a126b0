"""Stored sessions expire by themselves: whoever reads sees it at once, and housekeeping writes it down."""

from datetime import timedelta

import pytest

from ytpool.domain.sessions import Reading, SessionState
from ytpool.store import sessions

MONTH = timedelta(days=30)


@pytest.fixture
def add(books):
    def add(session, **given):
        facts = {"user": "anna", "platform": "x", "name": "", "digest": session, "cookies": 1} | given
        with books.transaction() as tx:
            sessions.add(tx, session, **{"expires_at": None, "login_ends_at": None} | facts)

    return add


def _states(books):
    with books.database.reading() as tx:
        return {one.session: (one.state, one.reason, one.state_since) for one in sessions.every(tx, MONTH)}


def test_what_nobody_uses_is_expired_for_the_reader_and_then_for_good(books, clock, add):
    add("idle")
    add("used")
    begun = clock.now()
    clock.forward(MONTH - timedelta(seconds=1))
    with books.transaction() as tx:
        sessions.used(tx, "used")
        assert sessions.lapse(tx, MONTH) == 0
    assert {state for state, _, _ in _states(books).values()} == {SessionState.ACTIVE}

    clock.forward(timedelta(seconds=1))
    seen = _states(books)
    with books.transaction() as tx:
        assert sessions.lapse(tx, MONTH) == 1
        assert sessions.lapse(tx, MONTH) == 0

    assert seen["idle"] == (SessionState.EXPIRED, "not used for 30 days", begun + MONTH)
    assert seen["used"][0] is SessionState.ACTIVE
    assert _states(books) == seen
    clock.forward(timedelta(days=300))
    assert _states(books)["idle"] == seen["idle"]


def test_a_login_that_ends_takes_its_session_along_and_a_ban_stays(books, clock, add):
    ends = clock.now() + timedelta(hours=1)
    add("ends", login_ends_at=ends)
    add("banned", login_ends_at=ends)
    with books.transaction() as tx:
        sessions.put_into(tx, "banned", SessionState.BANNED, "asks for a phone number")

    clock.forward(timedelta(hours=2))
    with books.transaction() as tx:
        sessions.lapse(tx, MONTH)

    found = _states(books)
    assert found["ends"] == (SessionState.EXPIRED, f"its login ended on {ends:%Y-%m-%d}", ends)
    assert found["banned"][:2] == (SessionState.BANNED, "asks for a phone number")


def test_a_reading_that_leaves_something_open_means_all_that_fit(books, add):
    add("1")
    add("2", name="2")
    add("3", platform="instagram")
    add("4", user="berta")

    def meant(*reading):
        with books.database.reading() as tx:
            return [one.session for one in sessions.meant(tx, Reading(*reading), MONTH)]

    assert meant("anna") == ["3", "1", "2"]
    assert meant("anna", "x") == ["1", "2"]
    assert meant("anna", "x", "2") == ["2"]
    assert meant("nobody") == []
