"""Scenarios: what is shipped can be read, what is wrong is said with its place, and a clock leaps to a day's end."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytpool.actions.rehearsal import rehearsing
from ytpool.domain import quota, scenarios
from ytpool.domain.scenarios import Disaster, Leap, What
from ytpool.errors import FileInvalid

MOMENTS = st.integers(0, 4 * 365 * 86400).map(
    lambda second: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
)


def read(text):
    return scenarios.read("mine", text.encode(), "mine.toml")


def test_what_is_shipped_has_words_for_everything_and_meets_every_kind_of_disaster():
    shipped = rehearsing.shipped()

    assert len(shipped) == 12
    assert {one.what for scenario in shipped for one in scenario.disasters} == set(What)
    for one in shipped:
        assert "Expected:" in one.about
        assert one.title not in [other.title for other in shipped if other is not one]
        assert all(scenarios.words(disaster) and scenarios.when(disaster) for disaster in one.disasters)


def test_a_scenario_of_ones_own_says_when_how_long_and_whom():
    found = read(
        """
        title = "A bad Monday"
        [[disaster]]
        what = "revoke"
        after = 20
        accounts = ["news", "sports"]
        [[disaster]]
        what = "answer"
        at = "1h30m"
        error = "backendError"
        for = "45m"
        """
    )

    assert (found.name, found.title, found.about) == ("mine", "A bad Monday", "")
    assert found.disasters == (
        Disaster(what=What.REVOKE, after=20, named=("news", "sports")),
        Disaster(what=What.ANSWER, at=timedelta(hours=1.5), lasts_for=timedelta(minutes=45), error="backendError"),
    )
    assert [scenarios.when(one) for one in found.disasters] == ["after 20 % of the videos", "after 90 minutes"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "it has no [[disaster]]"),
        ("disaster = 3", "it has no [[disaster]]"),
        ("titel = 'x'", "there is no key 'titel'; did you mean 'title'?"),
        ("title = 3", "title is a text on one line, and not 3"),
        ("[[disaster]]", "disaster 1: it does not say what it is, as what = 'suspend'"),
        ("[[disaster]]\nwhat = 'fire'", "there is no disaster 'fire'; there are suspend, revoke"),
        ("[[disaster]]\nwhat = 'suspended'", "there is no disaster 'suspended'; did you mean 'suspend'?"),
        ("[[disaster]]\nwhat = 'suspend'\nacounts = 2", "suspend knows no 'acounts'; did you mean 'accounts'?"),
        ("[[disaster]]\nwhat = 'suspend'\naccounts = 0", "accounts is a whole number from 1 to 10,000, and not 0"),
        ("[[disaster]]\nwhat = 'suspend'\naccounts = true", "accounts is a whole number from 1"),
        ("[[disaster]]\nwhat = 'keyring'", "keyring needs 'for'"),
        ("[[disaster]]\nwhat = 'keyring'\nfor = '0s'", "for is longer than nothing"),
        ("[[disaster]]\nwhat = 'keyring'\nfor = 'an hour'", "for is a stretch of time as"),
        ("[[disaster]]\nwhat = 'keyring'\nfor = '-1h'", "for is a stretch of time as"),
        ("[[disaster]]\nwhat = 'database'\nfor = '2h'", "for is no more than ten minutes"),
        ("[[disaster]]\nwhat = 'revoke'\nat = '900d'", "at is no more than 400 days"),
        ("[[disaster]]\nwhat = 'revoke'\nat = '1h'\nafter = 3", "either at a moment or after so many per cent"),
        ("[[disaster]]\nwhat = 'revoke'\nafter = 100", "after is a whole number from 1 to 99, and not 100"),
        ("[[disaster]]\nwhat = 'kill'\nafter = 5", "kill knows no 'after'"),
        ("[[disaster]]\nwhat = 'limit'\nbucket = 'uploads'\nshare = 1.5", "share is a share from 0 to less than 1"),
        ("[[disaster]]\nwhat = 'clock'\nover = 'noon'", "over is one of reset, spring, autumn, and not 'noon'"),
        ("[[disaster", "mine.toml is no TOML"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_what_would_be_right(text, sentence):
    with pytest.raises(FileInvalid) as refused:
        read(text)

    assert sentence in refused.value.message
    assert refused.value.hint


def test_bytes_that_are_no_text_are_refused():
    with_mark = b"\xef\xbb\xbf[[disaster]]\r\nwhat = 'kill'\r\n"  # as some editors begin what they save
    assert scenarios.read("mine", with_mark, "mine.toml").disasters == (Disaster(what=What.KILL),)
    with pytest.raises(FileInvalid, match="no text in UTF-8"):
        scenarios.read("mine", b"title = '\xff'", "mine.toml")


@given(MOMENTS, st.sampled_from(list(Leap)))
def test_a_leap_comes_to_the_end_of_a_day_of_its_length(now, over):
    ends = scenarios.day_ends(over, now)
    day = quota.quota_day(ends - timedelta(seconds=1))

    assert ends == quota.resets_at(day)
    assert ends > now
    if over is Leap.RESET:
        assert day == quota.quota_day(now)
    else:
        assert quota.hours_of(day) == (23 if over is Leap.SPRING else 25)
