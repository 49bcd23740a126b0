"""What the last days came to, what today will, and what another strategy would have made of them."""

import json
from datetime import date, timedelta

import pytest
from books import Books, ObedientClock
from jsonschema import Draft202012Validator

from ytpool import data as shipped
from ytpool.domain import moments, quota
from ytpool.domain.jobs import Target, TargetKind
from ytpool.domain.publication import Publication
from ytpool.domain.video import VideoRequest
from ytpool.store import caps, jobs
from ytpool.store.ledger import Payer


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
    for days_ago, uploads in ((3, 2), (1, 5)):
        books = past(days_ago)
        books.forward(hours=2)
        for _ in range(uploads):
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
        jobs.add_upload(tx, job, path=f"/{job}.mp4", size=1, modified_ns=1, fingerprint=job, slug=f"{job}.mp4")
        tx.run(
            "UPDATE jobs SET not_before = :at WHERE job = :job", job=job, at=None if at is None else moments.text(at)
        )


def test_a_bucket_runs_out_when_the_pace_of_past_days_and_the_queue_say(ytpool, past, today):
    live_through(past, 6, hourly=1)
    books = past(0)
    books.limit(25, name="press", bucket="uploads")  # new work stops at 20
    for _ in range(8):
        books.spend(past.payers["news"], "videos.insert")
    noon = quota.starts_at(today) + timedelta(hours=12)

    def runs_out():
        row = by_name(told("quota-forecast", ytpool("quota", "forecast", "--json")[1]))["project", "press", "uploads"]
        assert (row["used"], row["level"], row["days"], row["enough"]) == (8, 20, 6, True)
        return row

    alone = runs_out()
    wait_in_queue(books, "waiting", target=Target(kind=TargetKind.POOL, name="main"))
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
