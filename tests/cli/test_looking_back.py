"""What the last days came to, what today will, and what another strategy would have made of them."""

import json
import re
from datetime import date, timedelta

import pytest
from books import Books, ObedientClock
from jsonschema import Draft202012Validator

from ytpool import data as shipped
from ytpool.domain import ids, moments, quota
from ytpool.domain.jobs import Target, TargetKind
from ytpool.domain.publication import Publication
from ytpool.domain.video import VideoRequest
from ytpool.store import activity, caps, jobs, uploads
from ytpool.store.activity import Outcome
from ytpool.store.ledger import Payer

POOL = Target(kind=TargetKind.POOL, name="main")


def told(name, printed):
    """Check what a command printed against its schema, and return its `data`."""
    answer = json.loads(printed.splitlines()[-1])
    Draft202012Validator(shipped.load("schemas/envelope.json")).validate(answer)
    Draft202012Validator(shipped.load(f"schemas/{name}.json")).validate(answer["data"])
    return answer["data"]


@pytest.fixture
def today(sandbox):
    """The quota day of the newsroom, where it is noon."""
    return quota.quota_day(sandbox.control.clock())


@pytest.fixture
def past(sandbox, ytpool, home, today):
    """The newsroom's books on a day gone by, to be written to: `past(3)` is three days ago, half past midnight."""
    assert ytpool("refresh-tokens", "--force")[0] == 0  # its answer tells ytpool the time
    state = next(home.rglob("state.db"))
    channels = {name: sandbox.channel(name).channel_id for name in ("news", "sports")}
    opened = []

    def books(days_ago):
        begins = quota.starts_at(today - timedelta(days=days_ago)) + timedelta(minutes=30)
        opened.append(Books(state, ObedientClock(begins), seed=days_ago))
        return opened[-1]

    books.payers = {
        name: Payer(account=name, project="press", channel_id=channel_id) for name, channel_id in channels.items()
    }
    yield books
    for one in opened:
        one.database.close()


def test_the_history_tells_each_day_and_the_fullest(ytpool, past, today):
    news = past.payers["news"]
    for days_ago, sent in ((3, 2), (1, 5)):
        books = past(days_ago)
        books.forward(hours=2)
        for _ in range(sent):
            books.spend(news, "videos.insert")
            books.spend(news, "videos.list")
    books.sent(news, "videos.insert")
    books.elsewhere(12, project="press", bucket="uploads")
    books.limit(40, name="press", bucket="uploads")

    status, out, _ = ytpool("quota", "history", "--days", 4, "--bucket", "uploads", "--json")

    assert status == 0
    seen = told("quota-history", out)
    assert (seen["since"], seen["until"]) == (str(today - timedelta(days=3)), str(today))
    rows = {row["quota_day"]: row for row in seen["rows"]}
    assert list(rows) == [str(today - timedelta(days=3)), str(today - timedelta(days=1))]
    before, yesterday = rows.values()
    assert (before["limit"], before["spent"], before["percent"], before["status"]) == (100, 2, 2.0, "green")
    assert {name: yesterday[name] for name in ("limit", "spent", "held", "unknown", "elsewhere", "used")} == {
        "limit": 40,
        "spent": 5,
        "held": 1,
        "unknown": 0,
        "elsewhere": 12,
        "used": 18,
    }
    assert seen["peaks"] == [
        {
            "project": "press",
            "bucket": "uploads",
            "days": 2,
            "used": 20,
            "mean": 10.0,
            "percent": 45.0,
            "quota_day": str(today - timedelta(days=1)),
        }
    ]
    everything = told("quota-history", ytpool("quota", "history", "--project", "press", "--json")[1])
    assert {row["bucket"] for row in everything["rows"]} == {"uploads", "general"}
    assert date.fromisoformat(everything["since"]) == today - timedelta(days=13)


@pytest.mark.usefixtures("sandbox")
def test_the_history_of_nothing_is_told_as_such_and_a_name_that_is_unknown_refused(ytpool):
    status, out, _ = ytpool("quota", "history", "--bucket", "search", "--json")
    assert (status, told("quota-history", out)["rows"]) == (0, [])

    for words, meant in (
        (("--project", "pres"), "did you mean press?"),
        (("--bucket", "upload"), "did you mean uploads?"),
    ):
        status, _, err = ytpool("quota", "history", *words)
        assert status == 2
        assert meant in err


# Ahead


def by_name(ahead):
    return {(row["scope"], row["name"], row["bucket"]): row for row in ahead["rows"]}


def live_through(past, days, hourly):
    """Let each of the last so many days have uploaded so many every hour."""
    for days_ago in range(days, 0, -1):
        books = past(days_ago)
        for _ in range(24):
            for _ in range(hourly):
                books.spend(past.payers["news"], "videos.insert")
            books.forward(hours=1)


def wait_in_queue(books, job, *, target, at=None):
    """Let a publication wait for its turn."""
    with books.transaction() as tx:
        job = job or ids.new(tx.now, books.rng)
        asked = Publication(video=VideoRequest(title="A talk"))
        jobs.add(
            tx,
            job,
            kind="upload",
            target=target,
            job_key=job,
            fingerprint=job,
            sha256=None,
            request=json.dumps(asked.to_dict()),
            steps=tuple(step.step for step in asked.steps()),
        )
        uploads.add(tx, job, path=f"/{job}.mp4", size=1, modified_ns=1, fingerprint=job, slug=f"{job}.mp4")
        tx.run(
            "UPDATE jobs SET not_before = :at WHERE job = :job", job=job, at=None if at is None else moments.text(at)
        )
    return job


def test_a_bucket_runs_out_when_the_pace_of_past_days_and_the_queue_say(ytpool, past, today):
    live_through(past, 6, hourly=1)
    books = past(0)
    books.limit(25, name="press", bucket="uploads")  # new work stops at 20
    for _ in range(8):
        books.spend(past.payers["news"], "videos.insert")
    noon = quota.at(today, 12, 0)

    def runs_out():
        row = by_name(told("quota-forecast", ytpool("quota", "forecast", "--json")[1]))["project", "press", "uploads"]
        assert (row["used"], row["level"], row["days"], row["enough"]) == (8, 20, 6, True)
        return row

    alone = runs_out()
    wait_in_queue(books, "waiting", target=POOL)
    wait_in_queue(books, "planned", target=Target(kind=TargetKind.ACCOUNT, name="news"), at=noon + timedelta(hours=2))
    wait_in_queue(books, "tomorrow", target=Target(kind=TargetKind.ACCOUNT, name="news"), at=noon + timedelta(hours=13))
    queued = runs_out()

    assert (alone["status"], alone["likely"], alone["queued"]) == ("lasts", None, 0)
    assert (queued["status"], queued["queued"]) == ("likely", 2)
    expected = noon + timedelta(hours=10)  # ten more uploads at one an hour, behind the two that wait
    assert abs(moments.parse(queued["likely"]) - expected) < timedelta(minutes=2)
    assert queued["early"] == queued["likely"] == queued["late"]


def test_caps_run_out_too_and_those_of_a_channel_come_back_upload_by_upload(ytpool, past):
    books = past(0)
    books.limit(2, scope="account", name="news", bucket="uploads")
    books.limit(9, scope="account", name="news", bucket="comments")
    for _ in range(2):
        books.spend(past.payers["news"], "videos.insert")
    with books.transaction() as tx:
        caps.learn(tx, past.payers["sports"].channel_id, 4)
    books.spend(past.payers["sports"], "videos.insert")

    rows = by_name(told("quota-forecast", ytpool("quota", "forecast", "--json")[1]))

    full, free, learned = (
        rows["account", "news", "uploads"],
        rows["account", "news", "comments"],
        rows["channel", "sports", "uploads"],
    )
    assert (full["status"], full["percent"]) == ("out", 100.0)
    assert (free["status"], free["used"], free["likely"]) == ("lasts", 0, None)
    assert (learned["used"], learned["limit"]) == (1, 4)


def test_an_envelope_runs_out_before_its_bucket_does(ytpool, past, monkeypatch):
    monkeypatch.setenv("YTPOOL_ENVELOPES_PRESET", "publishing")
    books = past(0)
    books.limit(100, name="press", bucket="general")  # reading has ten of them
    wait_in_queue(books, "one", target=POOL)
    alone = by_name(told("quota-forecast", ytpool("quota", "forecast", "--json")[1]))
    for number in range(2):
        wait_in_queue(books, f"more {number}", target=POOL)

    rows = by_name(told("quota-forecast", ytpool("quota", "forecast", "--json")[1]))

    reading = ("envelope", "press", "reading")
    assert (alone[reading]["queued"], rows[reading]["queued"], rows[reading]["level"]) == (4, 12, 10)
    assert (rows[reading]["status"], rows["project", "press", "general"]["status"]) == ("likely", "lasts")
    assert ("envelope", "press", "buffer") not in rows


@pytest.mark.usefixtures("sandbox")
def test_with_little_history_the_forecast_says_so(ytpool, monkeypatch):
    status, out, _ = ytpool("quota", "forecast", "--json")

    ahead = told("quota-forecast", out)
    assert status == 0
    assert {row["days"] for row in ahead["rows"]} == {0}
    assert "no past day is known" in ahead["notes"][0]
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    drawn = ytpool("quota", "forecast")[1]
    assert "not today" in drawn
    assert "wide on purpose" in " ".join(drawn.split())


# What another strategy would have made of it


def publish(books, payer, *, handed_over_by=None, seconds=600.0):
    """Let a job of the pool come, be done, and be written down as the program does it."""
    job = wait_in_queue(books, None, target=POOL)
    for operation in ("videos.insert", "videos.list"):
        books.settle(books.sent(payer, operation, job=job), "spent")
    with books.transaction() as tx:
        if handed_over_by is not None:
            failed = Outcome.FAILED
            activity.record(tx, books.rng, handed_over_by, "videos.insert", failed, job=job, reason="accountSuspended")
        activity.record(tx, books.rng, payer, "upload", Outcome.DONE, seconds=seconds, job=job)
        tx.run(
            "UPDATE jobs SET state = 'done', account = :account, channel_id = :channel_id WHERE job = :job",
            job=job,
            account=payer.account,
            channel_id=payer.channel_id,
        )


def compared(ytpool, *words):
    status, out, err = ytpool("pools", "compare", "main", *words, "--json")
    assert status == 0, err
    return told("pools-compare", out)


def test_the_last_days_are_played_again_and_an_even_strategy_is_taken_over_an_uneven_one(ytpool, past, monkeypatch):
    books = past(2)
    for _ in range(24):
        publish(books, past.payers["news"])
        books.forward(hours=1)

    seen = compared(ytpool)

    rows = {row["strategy"]: row for row in seen["strategies"]}
    assert (seen["jobs"], seen["accounts"], seen["strategy"], seen["enough"]) == (24, 2, "fill", True)
    assert (rows["fill"]["most"], rows["fill"]["least"], rows["fill"]["fairness"]) == (24, 0, 0.5)
    assert (rows["round_robin"]["most"], rows["round_robin"]["least"]) == (12, 12)
    assert {row["done"] for row in rows.values()} == {24}
    assert {row["peak"]["percent"] for row in rows.values()} == {24.0}
    assert seen["take"] == "health"
    assert seen["reason"].startswith(
        "take health: with it the accounts' shares are even to 1.00 of 1; with fill, as now"
    )
    assert compared(ytpool)["strategies"] == seen["strategies"]
    assert ytpool("pools", "set", "main", "--strategy", "round_robin")[0] == 0
    assert compared(ytpool)["take"] == "round_robin"
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    drawn = ytpool("pools", "compare", "main")[1]
    assert re.search(r"round_robin +now", drawn)
    assert "stay with round_robin" in drawn


def test_an_account_that_hands_jobs_over_and_one_that_cannot_work_are_told(ytpool, past, sandbox):
    books = past(1)
    for number in range(20):
        publish(books, past.payers["sports"], handed_over_by=past.payers["news"] if number < 10 else None, seconds=60.0)
        books.forward(minutes=30)

    rows = {row["strategy"]: row for row in compared(ytpool)["strategies"]}
    assert (rows["fill"]["done"], rows["fill"]["failed"]) == (20, 0)
    assert rows["fill"]["most"] >= 15  # news comes first, and hands nearly everything over to sports

    sandbox.channel("news").revoke()
    ytpool("refresh-tokens", "--force")
    seen = compared(ytpool)
    assert (seen["accounts"], seen["left_out"]) == (1, ["news"])
    assert seen["notes"] == ["news is left out: login needed"]
    sandbox.channel("sports").revoke()
    ytpool("refresh-tokens", "--force")
    status, _, err = ytpool("pools", "compare", "main")
    assert status == 6
    assert "pool main has no account that can work" in err


def test_with_too_few_jobs_nothing_is_recommended(ytpool, past):
    empty = compared(ytpool)
    books = past(1)
    publish(books, past.payers["news"])
    few = compared(ytpool, "--days", "3")

    assert (empty["strategies"], empty["take"], empty["enough"]) == ([], None, False)
    assert empty["reason"].startswith("the pool had no job in 14 days and today; 20 are needed")
    assert (len(few["strategies"]), few["take"], few["jobs"]) == (5, None, 1)
    assert few["reason"].startswith("the pool had one job in 3 days")


@pytest.mark.usefixtures("sandbox")
def test_a_pool_that_is_not_there_is_not_compared(ytpool):
    status, _, err = ytpool("pools", "compare", "mian")

    assert status == 2
    assert "did you mean main?" in err
