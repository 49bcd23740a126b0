"""Planning ahead: nothing planned goes beyond what is counted, and what is left out says why."""

import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from real_parts import examples

from ytpool import data
from ytpool.domain import quota
from ytpool.domain.balancing import Tier
from ytpool.domain.envelopes import Envelopes
from ytpool.domain.plan.placing import plan
from ytpool.domain.plan.scene import Block, ChannelCap, Item, Left, Placed, Rest, Scene, Seat, sends
from ytpool.domain.plan.turns import turns
from ytpool.domain.prices import PriceBook
from ytpool.domain.terms import Terms

BOOK = PriceBook.from_table(data.load("prices.json"))
NOON = datetime(2026, 11, 18, 20, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
DAY = timedelta(hours=24)
CALLS = ("videos.insert", *["videos.list"] * 4)
BLOCKS = (Block("morning", 360, 720, 20), Block("afternoon", 720, 1080, 20), Block("evening", 1080, 1380, 10))
MIB = 1024**2


def scene(*seats, now=NOON, days=7, uploads=100, envelopes=None, **more):
    today = quota.quota_day(now)
    horizon = [today + timedelta(days=number) for number in range(days)]
    projects = {seat.project for seat in seats}
    limits = {(project, bucket): units for project in projects for bucket, units in BOOK.on(today).limits.items()}
    limits |= {(project, "uploads"): uploads for project in projects}
    return Scene(
        now=now,
        seats=seats,
        terms={day: Terms(day=day, prices=BOOK.on(day), envelopes=envelopes) for day in horizon},
        limits=dict.fromkeys(horizon, limits),
        **{"rate": 10 * MIB, "zone": BERLIN, **more},
    )


def seat(name, project="press", **more):
    return Seat(name, project, f"UC{name}", name, **more)


def item(name="a.mp4", *accounts, size=100 * MIB, **more):
    return Item(
        item=name, accounts=accounts or ("news",), **{"calls": CALLS, "counts": {"uploads": 1}, "bytes": size, **more}
    )


def videos(count, *accounts, **more):
    return [item(f"{number}.mp4", *accounts, **more) for number in range(count)]


def days_of(planned):
    return Counter(one.day for one in planned if isinstance(one, Placed))


def test_a_full_day_goes_on_with_the_next_one():
    planned = plan(scene(seat("news"), uploads=10), videos(20))

    assert days_of(planned) == {date(2026, 11, 18): 8, date(2026, 11, 19): 8, date(2026, 11, 20): 4}  # 80 per cent each
    assert planned[0].starts_at == NOON
    assert planned[8].starts_at == quota.resets_at(date(2026, 11, 18)) + timedelta(minutes=1)


def test_what_is_used_today_is_gone_today():
    planned = plan(scene(seat("news"), uploads=10, used={("press", "uploads"): 7}), videos(3))

    assert days_of(planned) == {date(2026, 11, 18): 1, date(2026, 11, 19): 2}


def test_every_reset_brings_new_quota_through_both_clock_changes():
    for changes in (datetime(2027, 3, 13, 20, tzinfo=UTC), datetime(2026, 10, 31, 20, tzinfo=UTC)):
        planned = plan(scene(seat("news"), now=changes, uploads=1, days=4), videos(4))

        assert [one.day for one in planned] == [quota.quota_day(changes) + timedelta(days=n) for n in range(4)]
        assert [one.starts_at for one in planned[1:]] == [
            quota.starts_at(one.day) + timedelta(minutes=1) for one in planned[1:]
        ]


def test_blocks_share_out_the_day_in_the_operators_zone():
    seats = [seat(f"account {number}") for number in range(15)]
    begins = datetime(2026, 11, 19, 0, tzinfo=BERLIN).astimezone(UTC)
    planned = plan(scene(*seats, now=begins, uploads=200, blocks=BLOCKS), videos(60, *(one.account for one in seats)))

    local = [(one.block, one.starts_at.astimezone(BERLIN)) for one in planned]
    assert Counter(block for block, at in local if at.day == 19) == {"morning": 20, "afternoon": 20, "evening": 10}
    assert local[0] == ("morning", datetime(2026, 11, 19, 6, tzinfo=BERLIN))
    assert local[1][1] - local[0][1] == timedelta(minutes=18)
    assert [at.day for _, at in local[50:]] == [20] * 10
    shares = Counter(one.seat.account for one in planned)
    assert max(shares.values()) - min(shares.values()) <= 1


def test_what_had_to_wait_for_a_reset_is_spread_over_what_is_left_of_its_block():
    night = datetime(2026, 11, 19, 6, tzinfo=BERLIN).astimezone(UTC)  # three hours before the reset
    seats = [seat(f"account {number}") for number in range(5)]
    made = scene(*seats, now=night, uploads=10, used={("press", "uploads"): 8}, blocks=(Block("day", 360, 720, 12),))

    planned = plan(made, videos(8, *(one.account for one in seats)))

    begins = [one.starts_at.astimezone(BERLIN).time().isoformat("minutes") for one in planned]
    assert begins == [
        "09:01",
        "09:30",
        "10:00",
        "10:30",
        "11:00",
        "11:30",
        "09:01",
        "09:01",
    ]  # what was missed comes last


def test_what_a_running_block_has_made_already_is_not_made_again():
    since = datetime(2026, 11, 19, 9, tzinfo=BERLIN).astimezone(UTC)
    made = [since - timedelta(hours=2)] * 14

    found = list(turns(BLOCKS[:1], BERLIN, since, since + timedelta(hours=20), made))

    assert [turn.begins - since for turn in found] == [timedelta(minutes=30) * number for number in range(6)]


def test_a_block_is_as_long_as_the_clocks_say_and_one_that_they_skip_has_no_turns():
    blocks = (Block("night", 120, 180, 2), Block("early", 180, 300, 2))
    spring = datetime(2026, 3, 28, 23, tzinfo=UTC)
    autumn = datetime(2026, 10, 24, 22, tzinfo=UTC)

    assert [turn.block for turn in turns(blocks, BERLIN, spring, spring + DAY / 2)] == ["early", "early"]
    begins = [turn.begins for turn in turns(blocks, BERLIN, autumn, autumn + DAY / 2)]
    assert begins[1] - begins[0] == timedelta(hours=1)  # two hours long: the hour comes twice
    assert begins[3] - begins[2] == timedelta(hours=1)


def test_a_channel_and_the_line_take_one_at_a_time():
    one_channel = plan(scene(seat("news")), videos(2))
    two_channels = plan(scene(seat("news"), seat("sports")), videos(2, "news", "sports"))

    assert one_channel[1].starts_at == one_channel[0].ends_at
    assert one_channel[0].ends_at - NOON == timedelta(seconds=40)  # ten of them for its bytes
    assert two_channels[1].starts_at - NOON == timedelta(seconds=10)
    assert {one.seat.account for one in two_channels} == {"news", "sports"}


def test_what_must_be_there_soonest_goes_first_and_reaches_beyond_the_threshold():
    soon = item("soon.mp4", deadline=NOON + timedelta(hours=2))
    planned = plan(scene(seat("news"), uploads=10, used={("press", "uploads"): 8}), [*videos(1), soon])

    assert planned[0].day == date(2026, 11, 19)
    assert planned[1].starts_at == NOON


def test_what_cannot_be_there_in_time_says_when_it_could():
    late = item("late.mp4", size=36_000 * MIB, deadline=NOON + timedelta(minutes=30))

    [left] = plan(scene(seat("news")), [late])

    assert isinstance(left, Left)
    assert left.reasons[0] == (
        "it can be there at 2026-11-18 21:00 UTC at the earliest, and is wanted by 2026-11-18 20:30 UTC"
    )


def test_what_nobody_can_do_says_why():
    seats = (
        seat("news", out="login needed"),
        seat("sports", rests=(Rest("", None, "suspended"),)),
        seat("weather", caps={"uploads": 0}),
    )

    [left] = plan(scene(*seats), [item("a.mp4", "news", "sports", "weather")])

    assert left.reasons == (
        "news: login needed",
        "sports: suspended",
        "weather: at its cap of 0 uploads a day",
    )
    [alone] = plan(scene(*seats), [item("a.mp4", "nobody")])
    assert alone.reasons == ("nobody is there to do it",)


def test_a_horizon_that_is_full_names_the_bucket():
    planned = plan(scene(seat("news"), uploads=10, days=2), videos(17))

    assert [type(one) for one in planned[15:]] == [Placed, Left]
    assert planned[16].reasons == (
        "press: 80 % of 10 uploads a day are used or planned, and ordinary work takes no more",
    )


def test_rests_are_waited_for_where_they_concern_the_work():
    until = NOON + timedelta(hours=3)
    resting = seat("news", rests=(Rest("uploads", until, "the channel refused"),))
    elsewhere = seat("news", rests=(Rest("search", until, "exhausted"),))

    assert plan(scene(resting), videos(1))[0].starts_at == until
    assert plan(scene(elsewhere), videos(1))[0].starts_at == NOON


def test_reserve_joins_when_no_production_account_has_room_and_not_when_all_are_busy():
    reserve = seat("spare", "other", tier=Tier.RESERVE)
    items = videos(2, "news", "spare")

    busy = plan(scene(seat("news"), reserve), items)
    full = plan(scene(seat("news", caps={"uploads": 1}), reserve), items)

    assert [one.seat.account for one in busy] == ["news", "news"]
    assert [one.seat.account for one in full] == ["news", "spare"]


def test_reserve_comes_after_all_that_production_takes_on_its_day():
    everybody = (seat("news"), seat("sports"), seat("spare", tier=Tier.RESERVE))

    planned = plan(scene(*everybody, uploads=10, days=2), videos(14, "news", "sports", "spare"))

    first = [one for one in planned if one.day == quota.quota_day(NOON)]
    (spare,) = (one for one in first if one.seat.account == "spare")
    assert len(first) == 9
    assert all(one.starts_at < spare.starts_at for one in first if one is not spare)
    assert days_of(planned).total() == 14


def test_envelopes_hold_and_lend_at_their_hour():
    lends_at = NOON + timedelta(hours=2)
    shares = Envelopes(shares={"publishing": 1, "reading": 99}, purposes=BOOK.purposes, lends_at=lends_at)
    thumbnail = (*CALLS, "thumbnails.set")

    planned = plan(scene(seat("news"), envelopes=shares), videos(3, calls=thumbnail, size=0))

    assert [one.starts_at >= lends_at for one in planned] == [False, False, True]  # fifty units each


def test_a_learned_cap_counts_the_last_24_hours():
    taken = (NOON - timedelta(hours=20), NOON - timedelta(hours=4))
    cap = ChannelCap(2, NOON + 7 * DAY, taken)

    planned = plan(scene(seat("news"), channel_caps={"UCnews": cap}), videos(3))

    assert [one.starts_at for one in planned] == [taken[0] + DAY, taken[1] + DAY, taken[0] + 2 * DAY]


def test_nothing_short_runs_over_midnight():
    midnight = quota.resets_at(quota.quota_day(NOON))
    late = midnight - timedelta(minutes=10)

    [short] = plan(scene(seat("news"), now=late), [item(size=6_000 * MIB)])
    [begun] = plan(scene(seat("news"), now=late), [item(size=6_000 * MIB, begun=True)])

    assert short.starts_at == midnight + timedelta(minutes=1)
    assert begun.starts_at == late


def test_what_is_no_upload_takes_a_slot_and_no_channel():
    remarks = videos(4, calls=("commentThreads.insert",), counts={"comments": 1}, size=0, alone=False)

    planned = plan(scene(seat("news", slots=2), blocks=BLOCKS), remarks)

    assert [(one.starts_at - NOON).total_seconds() for one in planned] == [0, 0, 30, 30]
    assert {one.block for one in planned} == {""}


names = st.sampled_from(["news", "sports", "weather", "spare"])
seats = st.builds(
    lambda name, project, tier, cap, slots: seat(
        name, project, tier=tier, slots=slots, caps={} if cap is None else {"uploads": cap}
    ),
    names,
    st.sampled_from(["press", "extra"]),
    st.sampled_from(Tier),
    st.none() | st.integers(0, 4),
    st.integers(1, 3),
)
items = st.builds(
    lambda number, accounts, mib, after, due, alone: item(
        str(number),
        *sorted(accounts),
        size=mib * MIB if alone else 0,
        alone=alone,
        counts={"uploads": 1} if alone else {},
        calls=CALLS if alone else ("videos.update",),
        not_before=None if after is None else NOON + timedelta(hours=after),
        deadline=None if due is None else NOON + timedelta(hours=due),
    ),
    st.integers(0, 99),
    st.sets(names, min_size=1),
    st.integers(0, 60_000),
    st.none() | st.integers(-3, 60),
    st.none() | st.integers(0, 90),
    st.booleans(),
)
blocks = st.sampled_from([(), BLOCKS, (Block("night", 1200, 1440, 2), Block("early", 0, 90, 1))])


@settings(max_examples=examples(60))
@given(
    st.lists(seats, max_size=4, unique_by=lambda one: one.account),
    st.lists(items, max_size=25),
    blocks,
    st.integers(1, 12),
    st.integers(0, 3),
)
def test_no_plan_goes_beyond_what_is_counted(everybody, wanted, parts, uploads, learned):
    caps = {"UCnews": ChannelCap(learned, NOON + 3 * DAY)} if learned else {}
    made = scene(*everybody, uploads=uploads, days=3, blocks=parts, channel_caps=caps)

    planned = plan(made, wanted)

    assert planned == plan(made, wanted)
    assert [one.item for one in planned] == wanted
    placed = [one for one in planned if isinstance(one, Placed)]
    uploading = [one for one in placed if one.item.alone]
    for key, count in Counter((one.day, one.seat.project) for one in uploading).items():
        assert count <= uploads, key
    for (_, name), count in Counter((one.day, one.seat.account) for one in uploading).items():
        assert count <= next(one.caps for one in everybody if one.account == name).get("uploads", count)
    for one in placed:
        assert one.seat.account in one.item.accounts
        assert one.starts_at >= max(NOON, one.item.not_before or NOON)
        assert one.ends_at <= (one.item.deadline or one.ends_at)
        assert one.day == quota.quota_day(one.starts_at)
        at_work = [each for each in placed if each.seat == one.seat and each.starts_at <= one.starts_at < each.ends_at]
        assert len(at_work) <= one.seat.slots
    _one_after_another([(one.seat.channel_id, one.starts_at, one.ends_at) for one in uploading])
    _one_after_another([("", one.starts_at, one.starts_at + sends(one.item, made.rate)) for one in uploading])
    if learned:
        starts = [one.starts_at for one in uploading if one.seat.account == "news" and not one.seat.caps]
        assert all(sum(end - DAY < at <= end for at in starts) <= learned for end in starts if end < NOON + 3 * DAY)
    for part in parts:
        local = (one.starts_at.astimezone(BERLIN) for one in uploading if one.block == part.name)
        inside = [(at.date(), at.hour * 60 + at.minute) for at in local]
        assert all(part.begins <= minutes < part.ends for _, minutes in inside)
        assert all(count <= part.videos for count in Counter(day for day, _ in inside).values())


def _one_after_another(stretches):
    for before, after in zip(sorted(stretches), sorted(stretches)[1:], strict=False):
        assert before[0] != after[0] or before[2] <= after[1]


@given(st.lists(items, max_size=12), blocks)
def test_what_is_left_out_says_why_and_more_days_lose_nobody(wanted, parts):
    everybody = [seat("news"), seat("sports", caps={"uploads": 1})]
    few = plan(scene(*everybody, uploads=4, days=1, blocks=parts), wanted)
    many = plan(scene(*everybody, uploads=4, days=4, blocks=parts), wanted)

    assert all(one.reasons for one in few if isinstance(one, Left))
    assert sum(isinstance(one, Placed) for one in few) <= sum(isinstance(one, Placed) for one in many)


def test_a_large_plan_takes_few_steps():
    everybody = [seat(f"account {number:02}", caps={"uploads": 6}) for number in range(50)]
    wanted = videos(1000, *(one.account for one in everybody))
    calls = 0

    def count(_frame, event, _argument):
        nonlocal calls
        calls += event == "call"

    for parts in ((), tuple(block._replace(videos=100) for block in BLOCKS)):
        calls = 0
        made = scene(*everybody, blocks=parts, days=14)
        sys.setprofile(count)
        try:
            planned = plan(made, wanted)
        finally:
            sys.setprofile(None)

        assert all(isinstance(one, Placed) for one in planned)
        assert calls < 1000 * 500  # ten for each account, as long as it does not grow with what is planned already
