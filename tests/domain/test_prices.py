"""The price book as it is shipped: which prices hold on which quota day."""

import json
from datetime import date

import pytest

from ytpool import data
from ytpool.domain.prices import PriceBook
from ytpool.errors import ConfigInvalid

BOOK = PriceBook.from_table(data.load("prices.json"))


@pytest.mark.parametrize(
    ("day", "upload", "search", "buckets"),
    [
        (date(2025, 12, 3), {"general": 1600}, {"general": 100}, {"general": 10000}),
        (date(2025, 12, 4), {"general": 100}, {"general": 100}, {"general": 10000}),
        (date(2026, 5, 31), {"general": 100}, {"general": 100}, {"general": 10000}),
        (date(2026, 6, 1), {"uploads": 1}, {"search": 1}, {"general": 10000, "uploads": 100, "search": 100}),
        (
            date(2026, 6, 3),
            {"uploads": 1},
            {"search": 1},
            {"general": 10000, "uploads": 100, "search": 100, "batch_stats": 10000},
        ),
    ],
)
def test_a_price_holds_from_its_first_quota_day_until_the_next_entry(day, upload, search, buckets):
    prices = BOOK.on(day)

    assert prices.cost("videos.insert") == upload
    assert prices.cost("search.list") == search
    assert prices.limits == buckets


def test_a_whole_publication_costs_what_google_s_table_adds_up_to():
    prices = BOOK.on(date(2026, 11, 20))
    steps = ["thumbnails.set", "captions.insert", "playlistItems.insert", "playlistItems.insert", "videos.list"]

    assert sum(prices.cost(step)["general"] for step in steps) == 551


def test_every_price_draws_on_a_bucket_that_has_a_limit():
    for prices in BOOK.entries:
        assert {bucket for cost in prices.prices.values() for bucket in cost} == set(prices.limits)
        assert prices.source


def test_every_priced_operation_is_one_of_google_s():
    known = {method["id"].removeprefix("youtube.") for method in _methods(json.loads(data.discovery_document()))}

    assert {operation for prices in BOOK.entries for operation in prices.prices} <= known


def test_an_operation_without_a_price_is_named():
    with pytest.raises(ConfigInvalid, match=r"videos\.sing"):
        BOOK.on(date(2026, 11, 20)).cost("videos.sing")


def test_every_operation_is_done_for_one_purpose():
    priced = {
        operation for prices in BOOK.entries for operation in prices.prices if "general" in prices.cost(operation)
    }

    assert set(BOOK.purposes) == priced
    assert set(BOOK.purposes.values()) == {"publishing", "metadata", "reading"}
    assert sum(map(len, data.load("prices.json")["purposes"].values())) == len(BOOK.purposes)


@pytest.mark.parametrize(
    ("names", "bucket"),
    [
        (("Video Uploads", ""), "uploads"),
        (("video uploads", "defaultVideoInsertPerDayPerProject"), "uploads"),
        (("search_list", "defaultSearchListPerDayPerProject"), "search"),
        (("", "Search Queries per day"), "search"),
        (("Caption Inserts", "Caption Inserts per day"), None),
        (("", ""), None),
    ],
)
def test_a_bucket_is_found_by_what_google_calls_its_metric_or_its_limit(names, bucket):
    assert BOOK.bucket_named(*names) == bucket


def test_the_book_of_a_day_says_since_when_each_price_holds_and_who_says_so():
    listed = {price.operation: price for price in BOOK.prices_on(date(2026, 11, 20))}

    assert len(listed) == len(BOOK.on(date(2026, 11, 20)).prices)
    assert listed["videos.insert"][1:4] == ("uploads", 1, date(2026, 6, 1))
    assert "2026-06-01" in listed["videos.insert"].source
    assert listed["videos.batchGetStats"].since == date(2026, 6, 3)
    assert listed["captions.insert"][1:4] == ("general", 400, None)
    assert "quota calculator" in listed["captions.insert"].source
    assert {each.bucket: (each.limit, each.since) for each in BOOK.limits_on(date(2026, 6, 2))} == {
        "general": (10_000, None),
        "uploads": (100, date(2026, 6, 1)),
        "search": (100, date(2026, 6, 1)),
    }
    assert (
        next(price.units for price in BOOK.prices_on(date(2025, 12, 3)) if price.operation == "videos.insert") == 1600
    )


def _methods(resource):
    yield from resource.get("methods", {}).values()
    for inner in resource.get("resources", {}).values():
        yield from _methods(inner)
