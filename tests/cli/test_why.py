"""Why a job waits, an account is not chosen, a bucket takes no new work; and what would change it."""

import json
from datetime import timedelta

import pytest
from books import Books, ObedientClock
from jsonschema import Draft202012Validator

from ytpool import data as shipped
from ytpool.store.ledger import Payer


@pytest.fixture
def why(ytpool):
    """Ask why, in JSON that fits its schema."""

    def ask(kind, what):
        status, out, err = ytpool("why", what, "--json")
        assert status == 0, err
        answer = json.loads(out.splitlines()[-1])["data"]
        Draft202012Validator(shipped.load(f"schemas/why-{kind}.json")).validate(answer)
        return answer

    return ask


@pytest.fixture
def books(sandbox, home):
    """The newsroom's books, to be written to at noon."""
    opened = Books(next(home.rglob("state.db")), ObedientClock(sandbox.control.clock()), seed=1)
    yield opened
    opened.database.close()


def payer(sandbox, account="news"):
    return Payer(account=account, project="press", channel_id=sandbox.channel(account).channel_id)


def commands(told):
    return [way["command"] for way in told["ways"] if way["command"]]


def words(told):
    return "\n".join(way["what"] for way in told["ways"])


@pytest.mark.usefixtures("sandbox")
def test_of_two_accounts_that_can_work_each_says_who_comes_first_and_why(why):
    news, sports = why("account", "news"), why("account", "sports")

    assert (news["able"], news["free"], news["obstacle"], news["rests"], news["caps"]) == (True, True, "", [], [])
    weighed = sum(news["factors"][name] * news["weights"][name] for name in news["factors"])
    assert news["score"] == pytest.approx(weighed, abs=1e-3)
    assert {row["bucket"]: row["needed"] for row in news["buckets"]} == {"uploads": 1, "general": 4}
    assert [(row["pool"], row["chosen"], row["place"], row["reason"]) for row in news["pools"]] == [
        ("main", True, 1, "")
    ]
    [row] = sports["pools"]
    assert (row["strategy"], row["chosen"], row["place"], row["first"]) == ("fill", False, 2, "news")
    assert row["reason"] == "news comes first by priority and name, and has a free slot"
    assert commands(sports) == ["ytpool pools compare main"]


def test_an_account_that_cannot_work_says_until_when_and_what_helps(ytpool, sandbox, video, why, books):
    sandbox.channel("news").fail("videos.insert", "uploadLimitExceeded")
    assert ytpool("upload", video, "--pool", "main")[0] == 0
    books.limit(0, scope="account", name="sports", bucket="uploads")

    resting, capped = why("account", "news"), why("account", "sports")

    assert (resting["able"], resting["obstacle"]) == (False, "resting (channel): uploadLimitExceeded")
    assert [rest["reason"] for rest in resting["rests"]] == ["uploadLimitExceeded"]
    assert resting["until"] == resting["rests"][0]["until"]
    assert "rests until" in words(resting)
    assert (capped["able"], capped["caps"][0]["cap"], capped["caps"][0]["used"]) == (False, 0, 1)
    assert commands(capped) == ["ytpool accounts set sports --cap uploads=N"]

    sandbox.channel("news").revoke()
    ytpool("refresh-tokens", "--force")
    assert commands(why("account", "news"))[0] == "ytpool auth add news"
    shown = ytpool("why", "news")[1]
    assert "not today: login needed" in shown
    assert "what would change it:" in shown


def test_a_pause_and_a_full_envelope_stand_in_the_way_with_what_ends_them(ytpool, sandbox, why, books, monkeypatch):
    monkeypatch.setenv("YTPOOL_ENVELOPES_PRESET", "publishing")
    books.limit(30, name="press", bucket="general")  # reading has three of them, and an upload wants four
    assert ytpool("pause", "--pool", "main", "--reason", "wrong logo")[0] == 0

    paused = why("account", "news")
    assert ytpool("unpause", "--pool", "main")[0] == 0
    full = why("account", "news")

    assert (paused["able"], paused["until"]) == (False, None)
    assert commands(paused) == ["ytpool unpause --pool main"]
    assert (full["able"], full["obstacle"][:25]) == (False, "the envelope for reading ")
    assert "the envelope for reading" in words(full)
    assert sandbox.truth()["refused"] == []


def test_a_bucket_says_who_used_it_and_when_it_takes_new_work_again(ytpool, sandbox, why, books):
    free = why("project", "press/uploads")
    for _ in range(9):
        books.spend(payer(sandbox), "videos.insert")
    books.sent(payer(sandbox, "sports"), "videos.insert")
    books.elsewhere(6, project="press", bucket="uploads")
    books.limit(20, name="press", bucket="uploads")

    full = why("project", "press/uploads")

    [bucket] = free["buckets"]
    assert (bucket["open"], bucket["comes_back"], bucket["origin"]) == (True, None, "price book since 2026-06-01")
    assert (free["ways"], free["accounts"]) == ([], ["news", "sports"])
    [bucket] = full["buckets"]
    assert (bucket["open"], bucket["comes_back"], bucket["level"], bucket["left"]) == (False, full["resets_at"], 16, 4)
    assert bucket["origin"].startswith("set by the operator on ")
    assert [(row["account"], row["units"]) for row in bucket["spenders"]] == [("news", 9), ("sports", 1)]
    assert [(row["column"], row["units"]) for row in bucket["corrections"]] == [("elsewhere", 6)]
    assert commands(full) == [
        "ytpool quota adjust press uploads -6 --reason '…'",
        "ytpool projects set press --limit uploads=N",
    ]
    assert "--use-buffer" in words(full)
    assert [one["bucket"] for one in why("project", "press")["buckets"]][:2] == ["general", "uploads"]
    assert "takes no new work until" in ytpool("why", "press")[1]


def test_a_job_that_waits_says_who_cannot_take_it_and_when_that_ends(ytpool, sandbox, video, why):
    sandbox.project(limits={"uploads": 0})
    status, out, _ = ytpool("upload", video, "--pool", "main", "--json")
    assert status == 5
    job = json.loads(out.splitlines()[-1])["data"]["job"]

    waiting = why("job", job)
    sandbox.project(limits={"uploads": 100})
    sandbox.control.clock(forward=timedelta(hours=24))
    assert ytpool("refresh-tokens", "--force")[0] == 0  # its answer tells ytpool the time
    free = why("job", job)
    assert ytpool("upload", video, "--pool", "main")[0] == 0
    done = why("job", job)

    assert {one["account"] for one in waiting["in_the_way"]} == {"news", "sports"}
    assert {one["until"] for one in waiting["in_the_way"]} == {waiting["not_before"]}
    assert waiting["able"] == []
    assert waiting["ways"][0]["what"].startswith("it goes on at ")
    assert len(waiting["ways"]) == len({json.dumps(way) for way in waiting["ways"]})
    assert (free["in_the_way"], free["able"]) == ([], ["news", "sports"])
    assert (done["state"], done["ways"], done["able"]) == ("done", [], [])


def test_a_name_that_is_two_things_is_asked_back_and_said_with_its_kind(ytpool, sandbox, video, why):
    assert ytpool("upload", video, "--account", "news")[0] == 0
    [listed] = json.loads(ytpool("queue", "list", "--all", "--json")[1])["data"]["jobs"]
    beginning = listed["job"][:8]
    for name in ("press", beginning):
        login = ("--client-secrets", sandbox.secrets_file(), "--token", sandbox.token_file(f"{name} channel"))
        assert ytpool("auth", "import", name, *login)[0] == 0

    for name, forms in (
        ("press", "ytpool why account:press or ytpool why project:press"),
        (beginning, f"ytpool why job:{beginning} or ytpool why account:{beginning}"),
    ):
        status, _, err = ytpool("why", name)
        assert status == 2
        assert forms in err
    assert why("account", "account:press")["account"] == "press"
    assert why("project", "project:press")["project"] == "press"
    assert why("project", "bucket:press/uploads")["buckets"][0]["bucket"] == "uploads"
    assert why("job", f"job:{beginning}")["job"] == listed["job"]


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("nwes", "did you mean news?"),
        ("press/upload", "it has general, uploads"),
        ("account:nobody", "no account named"),
    ],
)
def test_what_is_not_there_is_named(ytpool, name, meant):
    status, _, err = ytpool("why", name)

    assert status == 2
    assert meant in err


def test_why_reaches_as_far_into_a_bucket_as_the_job_does_that_was_tried_before(ytpool, sandbox, why, video):
    sandbox.channel("news").fail("videos.insert", "channelSuspended")
    status, out, _ = ytpool("upload", video, "--account", "news", "--json")
    assert status == 6
    assert ytpool("rests", "lift", "account", "news")[0] == 0
    assert ytpool("quota", "adjust", "press", "general", "+8500", "--reason", "test")[0] == 0

    told = why("job", json.loads(out)["data"]["job"])

    assert (told["able"], told["in_the_way"]) == (["news"], [])
    assert ytpool("upload", video, "--account", "news")[0] == 0
