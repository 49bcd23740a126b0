"""`ytpool sandbox fault` reaches everything that the sandbox can do wrong."""

import json
import urllib.error
import urllib.request

import pytest

from ytpool.sandbox.control import Control


@pytest.fixture
def fault(ytpool):
    def fault(*words):
        status, printed, _ = ytpool("sandbox", "fault", *words, "--json")
        return status, json.loads(printed)

    yield fault
    ytpool("sandbox", "down")


def test_every_kind_of_fault_can_be_ordered(fault):
    orders = {
        "error": ("upload.chunk", "--error", "backendError", "--retry-after", "7"),
        "cut": ("upload.chunk", "--cut", "100000", "--times", "2", "--skip", "1"),
        "slow": ("processing", "--slow", "3600"),
        "lose_answer": ("captions.insert", "--lose-answer"),
        "close": ("thumbnails.set", "--close"),
        "forget": ("upload.chunk", "--forget", "0"),
        "boast": ("media.chunk", "--boast", "262144"),
        "move": ("upload.chunk", "--move", "--retry-after", "3"),
        "wait": ("upload.chunk", "--retry-after", "5"),
        "expire": ("upload.chunk", "--expire", "262144", "--status", "410"),
    }
    for order in orders.values():
        assert fault(*order)[0] == 0

    status, answer = fault("processing", "--error", "codec")

    rules = answer["data"]["faults"]
    assert status == 0
    assert [rule["kind"] for rule in rules] == [*orders, "error"]
    assert [rule["retry_after"] for rule in rules if rule["retry_after"] is not None] == [7, 3, 5]
    assert (rules[1]["at"], rules[1]["times"], rules[1]["skip"]) == (100_000, 2, 1)
    assert (rules[9]["at"], rules[9]["status"], rules[10]["error"]) == (262_144, 410, "codec")
    assert fault("--clear")[1]["data"]["faults"] == []


def test_settings_are_changed_and_put_back(fault, ytpool):
    assert fault("--setting", "processing_seconds=600", "--setting", "processing_ends=codec")[0] == 0
    assert fault("--setting", "processing_ends=null", "--setting", "locked_private=true")[0] == 0

    status, answer = fault("--setting", "colour=red")

    assert (status, answer["error"]["code"]) == (2, "usage")
    assert "processing_seconds" in answer["error"]["hint"]
    running = Control(json.loads(ytpool("sandbox", "up", "--json")[1])["data"]["url"])
    changed = {name: value for name, value in running.status()["settings"].items() if value is not None}
    assert changed == {"processing_seconds": 600, "locked_private": True}


@pytest.mark.parametrize(
    "words",
    [
        ["--setting", "processing_seconds"],
        ["--setting", "processing_seconds=-1"],
        ["--setting", "processing_seconds=zebra"],
        ["videos.insert", "--error", "backendError", "--status", "99"],
        ["upload.chunk", "--cut", "-5"],
        ["upload.chunk"],
        ["videos.list", "--move"],
    ],
)
def test_an_order_that_makes_no_sense_is_refused(fault, words):
    status, answer = fault(*words)

    assert (status, answer["error"]["code"]) == (2, "usage")


def test_any_token_may_be_one_channels_until_that_is_ended(ytpool):
    def asked(up):
        request = urllib.request.Request(
            f"{up['api_root']}youtube/v3/channels?part=snippet&mine=true", headers={"Authorization": "Bearer anybodys"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)["items"][0]

    try:
        up = json.loads(ytpool("sandbox", "up", "--accept-any-token", "The News", "--json")[1])["data"]
        again = json.loads(ytpool("sandbox", "up", "--accept-any-token", "The News", "--json")[1])["data"]

        assert (asked(up)["id"], asked(up)["snippet"]["title"]) == (up["anyone_is"], "The News")
        assert again == up
        ended = json.loads(ytpool("sandbox", "up", "--accept-any-token", "", "--json")[1])["data"]
        assert ended["anyone_is"] is None
        with pytest.raises(urllib.error.HTTPError, match="401"):
            asked(up)
    finally:
        ytpool("sandbox", "down")
