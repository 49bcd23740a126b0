"""Envelopes: who may use how much of the general bucket, and who lends to whom."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ytpool import data
from ytpool.config import PRESETS
from ytpool.domain import quota
from ytpool.domain.envelopes import BUFFER, Envelopes, admits, ceilings
from ytpool.domain.prices import PriceBook

BOOK = PriceBook.from_table(data.load("prices.json"))
DAY = date(2026, 11, 18)
SIZES = {"publishing": 700, "metadata": 100, "reading": 100, "buffer": 100}
PURPOSES = ("publishing", "metadata", "reading")
units = st.integers(0, 900)
uses = st.fixed_dictionaries(dict.fromkeys(PURPOSES, units))


def admitted(used, lends=False, use_buffer=False, **needs):
    return admits(SIZES, used, needs, lends=lends, use_buffer=use_buffer)


def test_an_envelope_is_hard_until_others_lend():
    assert admitted({}, publishing=700)
    assert not admitted({}, publishing=701)
    assert admitted({}, publishing=900, lends=True)
    assert not admitted({}, publishing=901, lends=True)
    assert not admitted({"metadata": 60}, publishing=850, lends=True)


def test_the_buffer_lends_to_the_operators_word_only():
    assert admitted({}, metadata=200, use_buffer=True)
    assert not admitted({}, metadata=201, use_buffer=True)
    assert admitted({}, metadata=1000, use_buffer=True, lends=True)
    assert not admitted({}, metadata=1001, use_buffer=True, lends=True)


def test_what_is_lent_is_gone_for_the_lender():
    used = {"publishing": 900}  # all that metadata and reading had

    assert not admitted(used, metadata=1, lends=True)
    assert admitted(used, metadata=1, lends=True, use_buffer=True)
    assert admitted({"publishing": 750}, metadata=100, use_buffer=False)  # the buffer lent that, and not metadata


def test_a_lowered_limit_stops_who_is_above_it_and_nobody_else():
    used = {"publishing": 2000}

    assert not admitted(used, publishing=1)
    assert admitted(used, reading=100)
    assert ceilings(SIZES, used, lends=False) == {"publishing": 2000, "metadata": 100, "reading": 100, "buffer": 0}


def test_who_borrows_may_hold_more_and_who_lends_less_the_buffer_last():
    used = {"publishing": 850, "metadata": 40}

    assert ceilings(SIZES, used, lends=True) == {"publishing": 850, "metadata": 40, "reading": 10, "buffer": 100}
    assert ceilings(SIZES, used, lends=False) == {"publishing": 850, "metadata": 100, "reading": 100, "buffer": 0}
    assert ceilings(SIZES, {"publishing": 5}, lends=True) == SIZES


@given(
    steps=st.lists(st.tuples(st.sampled_from(PURPOSES), units, st.booleans()), max_size=12),
    lends_after=st.integers(0, 12),
)
def test_however_much_is_lent_nobody_passes_a_ceiling_and_the_sum_stays(steps, lends_after):
    used = dict.fromkeys(PURPOSES, 0)
    for number, (purpose, more, use_buffer) in enumerate(steps):
        lends = number >= lends_after
        if not admits(SIZES, used, {purpose: more}, lends=lends, use_buffer=use_buffer):
            continue
        used[purpose] += more
        found = ceilings(SIZES, used, lends=lends)

        assert sum(found.values()) == sum(SIZES.values())
        assert all(used.get(one, 0) <= ceiling for one, ceiling in found.items())
        assert min(found.values()) >= 0
    assert sum(used.values()) <= sum(SIZES.values())


@given(used=uses, purpose=st.sampled_from(PURPOSES), more=units)
def test_the_operators_word_never_admits_less(used, purpose, more):
    for lends in (False, True):
        assert admitted(used, lends, **{purpose: more}) <= admitted(used, lends, use_buffer=True, **{purpose: more})


def test_a_publication_draws_on_the_envelopes_of_what_it_does():
    envelopes = Envelopes(shares=PRESETS["publishing"], purposes=BOOK.purposes)
    calls = ("videos.insert", "thumbnails.set", "captions.insert", *["videos.list"] * 4)

    assert envelopes.needs(calls, BOOK.on(DAY)) == {"publishing": 450, "reading": 4}
    assert envelopes.needs(calls, BOOK.on(date(2025, 1, 1))) == {"publishing": 2050, "reading": 4}
    assert envelopes._replace(shares={"metadata": 10}).needs(calls, BOOK.on(DAY)) == {}


def test_the_preset_shares_out_the_whole_bucket():
    sizes = Envelopes(shares=PRESETS["publishing"], purposes={}).sizes(10_000)

    assert sizes == {"publishing": 7000, "metadata": 1000, "reading": 1000, BUFFER: 1000}


def test_lending_begins_at_its_hour_of_the_quota_day():
    moment = quota.at(DAY, 18, 0)
    envelopes = Envelopes(shares={}, purposes={}, lends_at=moment)

    assert moment == quota.starts_at(DAY) + timedelta(hours=18)
    assert envelopes.lends(moment)
    assert not envelopes.lends(moment - timedelta(microseconds=1))
    assert not envelopes._replace(lends_at=None).lends(moment)
