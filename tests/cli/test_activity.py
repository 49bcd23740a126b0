"""What was done, as people and scripts see it: reports, exports that are whole or not there, and what comes."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from books import Books, make_account
from newsroom import ROOT, start
from schemas import fits
from told import data

from ytpool import config
from ytpool.actions import sealing
from ytpool.clock import SystemClock
from ytpool.runtime import Runtime
from ytpool.store import accounts, activity, segments
from ytpool.store.activity import Outcome
from ytpool.store.ledger import Payer

LONG = "频道" * 100
"""A name of 200 characters."""


@pytest.fixture
def journal(home):  # noqa: ARG001 - it sets the environment
    """A state whose journal a test writes by itself, without anybody who works."""
    books = Books(config.load(profile=None, environ=os.environ).paths.state, SystemClock()).created()
    yield books
    books.database.close()


def write(books, account, *rows, ago=timedelta(0)):
    """Write rows: (operation, outcome, more), as long ago as this."""
    with books.transaction() as tx:
        payer = Payer(account=account, project="acme", channel_id=f"UC{account}")
        if accounts.find(tx, account) is None:
            make_account(tx, account)
        tx.now -= ago
        tx.at = f"{tx.now:%Y-%m-%dT%H:%M:%S.%f}Z"
        for operation, outcome, more in rows:
            activity.record(tx, books.rng, payer, operation, Outcome(outcome), **more)


def seal_all(keeps=0):
    settings = config.load(profile=None, environ={**os.environ, "YTPOOL_ACTIVITY_RETENTION_DAYS": str(keeps)})
    rt = Runtime(settings)
    try:
        while sealing.seal_some(rt):
            pass
        sealing.keep(rt)
    finally:
        rt.close()


def a_day(books):
    """Two accounts' day, the hours of which are known."""
    write(
        books,
        "news",
        ("videos.insert", "done", {"units": 1, "seconds": 0.25}),
        ("videos.insert", "failed", {"reason": "quotaExceeded", "detail": "The request cannot be completed."}),
        ("upload", "done", {"size": 5_000_000, "seconds": 12.5}),
        ago=timedelta(hours=5),
    )
    write(books, "sports", ("videos.insert", "unknown", {"reason": "", "detail": "no answer"}), ago=timedelta(hours=2))


@pytest.mark.parametrize("sealed", [False, True])
def test_a_report_has_a_line_for_whatever_is_asked_for(ytpool, journal, sealed):
    a_day(journal)
    if sealed:
        seal_all()

    def lines(by, *words):
        report = fits("activity-report", ytpool("activity", "report", "--by", by, "--json", *words)[1])
        assert report["by"] == [by]
        return {row[by]: row["calls"] for row in report["rows"]}

    assert lines("account") == {"news": 3, "sports": 1}
    assert lines("project") == {"acme": 4}
    assert lines("operation") == {"upload": 1, "videos.insert": 3}
    assert lines("outcome") == {"done": 2, "failed": 1, "unknown": 1}
    assert lines("outcome", "--account", "sports") == {"unknown": 1}
    assert lines("account", "--operation", "upload", "--project", "acme") == {"news": 1}
    hours = lines("hour")
    assert [*hours.values()] == [3, 1]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:00:00Z", hour) for hour in hours)

    report = fits("activity-report", ytpool("activity", "report", "--json")[1])
    rows = {(row["account"], row["operation"]): row for row in report["rows"]}
    assert (rows["news", "upload"]["median_seconds"], rows["news", "upload"]["bytes"]) == (12.5, 5_000_000)
    assert (rows["news", "videos.insert"]["success_rate"], rows["sports", "videos.insert"]["p95_seconds"]) == (
        0.5,
        None,
    )
    assert report["errors"] == [
        {"operation": "videos.insert", "reason": "", "times": 1},
        {"operation": "videos.insert", "reason": "quotaExceeded", "times": 1},
    ]


def test_an_operation_that_nothing_is_called_is_refused_with_what_was_meant(ytpool, journal):
    write(journal, "news", ("of.yesterday", "done", {}))
    seal_all()

    for words in (("report",), ("report", "--plot"), ("export", "--rows"), ("tail", "-f")):
        status, _, err = ytpool("activity", *words, "--operation", "video.insert")
        assert (status, "did you mean videos.insert?" in err) == (2, True)
    assert (
        "the journal has of.yesterday; what costs units: ytpool quota prices"
        in ytpool("activity", "report", "--operation", "xyz")[2]
    )
    for name, calls in (("of.yesterday", 1), ("thumbnails.set", 0), ("oauth.refresh", 0)):
        status, out, _ = ytpool("activity", "report", "--operation", name, "--json")
        assert (status, data(out)["totals"]["calls"]) == (0, calls)


def test_what_was_unknown_counts_once_as_what_it_turned_out_to_be_at_its_own_hour(ytpool, journal):
    a_day(journal)
    write(journal, "culture", ("videos.insert", "unknown", {"job": "j", "reason": "lost"}), ago=timedelta(hours=3))
    seal_all()
    before = data(ytpool("accounts", "show", "culture", "--json")[1])
    with journal.transaction() as tx:
        since = tx.now - timedelta(days=1)
        settle = ("j", "videos.insert")
        assert activity.settle_unknown(tx, journal.rng, *settle, Outcome.DONE, since=since)
        assert not activity.settle_unknown(tx, journal.rng, *settle, Outcome.DONE, since=since)

    [row] = data(ytpool("activity", "report", "--account", "culture", "--by", "account", "--json")[1])["rows"]
    assert (row["calls"], row["done"], row["unknown"], row["success_rate"]) == (1, 1, 0, 1.0)
    assert data(ytpool("activity", "report", "--hours", "2.5", "--account", "culture", "--json")[1])["rows"] == []
    after = data(ytpool("accounts", "show", "culture", "--json")[1])
    assert (before["account"], after["account"]) == ("culture", "culture")
    with journal.database.reading() as tx:
        score = tx.one("SELECT successes, failures FROM accounts WHERE account = 'culture'")
        assert (score["successes"], score["failures"]) == (1, 0)

    [one] = [
        json.loads(line)
        for line in ytpool("activity", "export", "--rows", "--account", "culture", "--format", "jsonl")[1].splitlines()
    ]
    assert (one["outcome"], one["reason"]) == ("done", "")
    assert one["settled_at"] > one["happened_at"]
    lines = [json.loads(line) for line in ytpool("activity", "tail", "--account", "culture", "--json")[1].splitlines()]
    assert [(line["outcome"], line["settles"]) for line in lines[:-1]] == [("unknown", None), ("done", one["activity"])]


def test_nothing_one_thing_and_names_that_nobody_has(ytpool, journal):
    with journal.transaction() as tx:
        make_account(tx, "idle")
    empty = fits("activity-report", ytpool("activity", "report", "--account", "idle", "--json")[1])
    assert (empty["rows"], empty["errors"], empty["totals"]["success_rate"]) == ([], [], None)
    assert ytpool("activity", "report")[1].splitlines()[0].startswith("Account\tOperation\tCalls\tDone\t")
    assert ytpool("activity", "report", "--by", "hour")[1].splitlines()[0].startswith("Hour\tCalls\t")
    assert json.loads(ytpool("activity", "export", "--rows")[1])["rows"] == []
    assert ytpool("activity", "export", "--format", "csv")[1].count("\n") == 1
    assert ytpool("activity", "tail")[1].count("\n") == 1

    both = "--hours", "8", "--since", "2026-01-01T00:00"
    for words in (("--account", "nobody"), ("--project", "nobody"), ("--hours", "nan"), ("--by", "mood"), both):
        assert ytpool("activity", "report", *words)[0] == 2, words
    for words in (("--hours", "1e300"), ("--hours", "inf"), ("--since", "0001-01-01T00:00Z"), ("--hours", "0")):
        assert ytpool("activity", "report", *words)[0] == 0, words
    status, _, err = ytpool("activity", "report", "--since", "2026-01-02T00:00", "--until", "2026-01-01T00:00")
    assert (status, "--since is the earlier" in err) == (2, True)


@pytest.mark.parametrize(("columns", "more"), [(20, 998), (80, 3), (200, 3)])
def test_a_thousand_accounts_and_names_of_any_script_fit_every_terminal(ytpool, journal, monkeypatch, columns, more):
    with journal.transaction() as tx:
        for name in (LONG, "ناشر", *(f"account-{number}" for number in range(more))):
            payer = make_account(tx, name)
            activity.record(tx, journal.rng, payer, "videos.list", Outcome.DONE, units=1, detail=f"for {name}")
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("FORCE_COLOR", "1")

    for words in (("report",), ("tail", "-n", "5")):
        status, _, err = ytpool("activity", *words)
        assert (status, err) == (0, "")
    report = data(ytpool("activity", "report", "--by", "account", "--json")[1])
    assert len(report["rows"]) == 2 + more
    assert LONG in {row["account"] for row in report["rows"]}


def test_a_terminal_that_knows_only_ascii_gets_json_that_says_the_same(journal):
    write(journal, LONG, ("videos.list", "done", {}))
    words = ("activity", "export", "--rows", "--format", "jsonl")
    env = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}

    with start(*words, env=env) as process:
        out, err = process.communicate(timeout=60)

    assert (process.returncode, err, json.loads(out)["account"]) == (0, "", LONG)


def test_an_export_says_in_every_form_what_the_report_says(ytpool, journal, tmp_path, monkeypatch):
    a_day(journal)
    seal_all()
    monkeypatch.chdir(tmp_path)
    until = f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M}Z"
    window = ("--hours", "24", "--until", until)
    report = data(ytpool("activity", "report", *window, "--json")[1])

    assert json.loads(ytpool("activity", "export", *window)[1]) == report
    lines = ytpool("activity", "export", *window, "--format", "jsonl")[1].splitlines()
    assert [json.loads(line) for line in lines] == report["rows"]
    table = [*csv.DictReader(io.StringIO(ytpool("activity", "export", *window, "--format", "csv")[1]))]
    assert [row["calls"] for row in table] == [str(row["calls"]) for row in report["rows"]]

    status, out, _ = ytpool("activity", "export", *window, "--file", "--json")
    told = fits("activity-export", out)
    assert (status, told["lines"]) == (0, 3)
    assert re.fullmatch(r"aggregated_activity_\d{4}-\d\d-\d\dT\d{6}Z_\d{4}-\d\d-\d\dT\d{6}Z\.json", told["file"])
    assert json.loads((tmp_path / told["file"]).read_text()) == report
    assert (tmp_path / told["file"]).stat().st_mode & 0o777 == 0o600

    assert ytpool("activity", "export", *window, "--rows", "--output", "day.csv")[0] == 0
    rows = [*csv.DictReader(io.StringIO((tmp_path / "day.csv").read_text(encoding="utf-8")))]
    assert [(row["account"], row["outcome"]) for row in rows] == [
        ("news", "done"), ("news", "failed"), ("news", "done"), ("sports", "unknown"),
    ]  # fmt: skip
    assert rows[1]["detail"] == "The request cannot be completed."
    (tmp_path / "all").mkdir()
    rows_told = data(ytpool("activity", "export", *window, "--rows", "--format", "csv", "--output", "all", "--json")[1])
    assert Path(rows_told["file"]).read_text() == (tmp_path / "day.csv").read_text()
    events = [json.loads(line) for line in ytpool("activity", "export", *window, "--rows", "--json")[1].splitlines()]
    assert [one["event"] for one in events] == ["operation"] * 4 + ["result"]
    assert sorted(path.name for path in tmp_path.glob("*") if path.is_file()) == sorted(("day.csv", told["file"]))


@pytest.mark.parametrize(
    "words",
    [
        ("--file", "--output", "x.json"),
        ("--rows", "--by", "account"),
        ("--json", "--format", "csv"),
        ("--format", "xml"),
        ("--output", "/nowhere/x.json"),
        ("--output", "/dev/null"),
    ],
)
@pytest.mark.usefixtures("journal")
def test_an_export_that_makes_no_sense_is_refused(ytpool, words):
    assert ytpool("activity", "export", *words)[0] == 2


@pytest.mark.usefixtures("journal")
def test_a_video_that_was_named_by_mistake_is_not_written_over(ytpool, make_video):
    video = make_video("talk.mp4", 5000)
    before = video.read_bytes()
    assert before.count(0)

    for words in (("activity", "export"), ("activity", "export", "--rows"), ("accounts", "export")):
        status, _, err = ytpool(*words, "--output", video)
        assert (status, "talk.mp4 is there, and is no text" in err, video.read_bytes()) == (2, True, before)


def test_a_disk_that_gets_full_while_exporting_is_said_and_leaves_what_was_there(ytpool, journal, small_disk):
    write(journal, "news", *[("videos.list", "done", {"detail": "x" * 900})] * 3000)
    target = small_disk / "all.jsonl"
    target.write_text("the export of yesterday\n")

    status, _, err = ytpool("activity", "export", "--rows", "--output", target)

    assert status == 6
    assert f"the disk that holds {target} is full, and nothing of it was kept" in err
    assert [path.name for path in small_disk.iterdir()] == ["all.jsonl"]
    assert target.read_text() == "the export of yesterday\n"


def test_an_export_whose_reader_has_enough_ends_at_once(journal):
    write(journal, "news", *[("videos.list", "done", {"detail": "x" * 900})] * 2000)

    with start("activity", "export", "--rows", "--format", "jsonl", env=os.environ) as process:
        first = process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=30) == 141
        assert process.stderr.read() == ""
    assert json.loads(first)["operation"] == "videos.list"


@contextmanager
def following(*words):
    with start("activity", "tail", "-f", *words, env=os.environ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_what_comes_is_shown_as_it_comes_until_ctrl_c(journal):
    write(journal, "news", ("videos.list", "done", {}))

    with following("--json") as process:
        assert json.loads(process.stdout.readline())["operation"] == "videos.list"
        write(journal, "sports", ("videos.insert", "failed", {"reason": "forbidden"}))
        one = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        end = json.loads(process.stdout.readline())
        status = process.wait(timeout=30)

    assert (one["event"], one["account"], one["reason"]) == ("activity", "sports", "forbidden")
    assert (status, end["event"], end["error"]["code"], end["data"]["lines"]) == (130, "result", "interrupted", 2)


def test_following_ends_when_nobody_reads_any_more_although_nothing_comes(journal):
    write(journal, "news", ("videos.list", "done", {}))

    with following("-n", "1") as process:
        assert process.stdout.readline().startswith("activity\t")
        assert "videos.list" in process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=30) == 141


def test_who_follows_does_next_to_nothing_while_nothing_happens(journal):
    write(journal, "news", ("videos.list", "done", {}))

    with following("-n", "1") as process:
        process.stdout.readline(), process.stdout.readline()
        before = _ticks(process.pid)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=3)
        used = (_ticks(process.pid) - before) / os.sysconf("SC_CLK_TCK")

    assert used <= 0.1


def _ticks(pid):
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_the_state_check_names_the_segment_that_was_changed_and_the_last_digest(ytpool, journal):
    a_day(journal)
    seal_all()
    status, out, _ = ytpool("state", "check", "--json")
    told = data(out)["journal"]
    assert (status, told["segments"], told["rows"], told["wrong"]) == (0, 1, 4, [])
    assert re.fullmatch("[0-9a-f]{64}", told["digest"])

    with journal.transaction() as tx:
        tx.run("UPDATE activity SET outcome = 'done' WHERE outcome = 'failed'")
    status, out, err = ytpool("state", "check")

    assert status == 8
    assert "segment 1 (entries 1 to 4" in err
    assert "restore a backup" in err
    assert "not as it was sealed" in out

    with journal.transaction() as tx:
        tx.run("UPDATE activity SET outcome = 'failed' WHERE reason = 'quotaExceeded'")
        tx.run("UPDATE activity_sums SET calls = calls + 1 WHERE span = 'hour' AND operation = 'upload'")
    assert data(ytpool("state", "check", "--json")[1])["journal"]["wrong"] == [
        "its sums by hour tell of 5 calls, and its rows of 4"
    ]


def test_tidy_counts_a_single_step_as_one(ytpool, journal):
    write(journal, "news", ("videos.list", "done", {}), ago=timedelta(hours=1))

    assert "to be sealed, erased or dropped\t1 step\n" in ytpool("tidy")[1]


def test_what_is_too_old_goes_and_reports_say_since_when_they_know(ytpool, journal):
    for days in (40, 30, 20, 1):
        write(journal, "news", ("videos.list", "done", {}), ago=timedelta(days=days))
        seal_all()
    seal_all(keeps=25)

    report = fits("activity-report", ytpool("activity", "report", "--hours", "2400", "--json")[1])
    assert (report["totals"]["calls"], report["kept_from"]) == (2, report["since"])
    assert ytpool("state", "check")[0] == 0
    assert len(ytpool("activity", "tail")[1].splitlines()) == 3


def test_whoever_dies_while_sealing_leaves_a_journal_that_is_whole(ytpool, journal, monkeypatch):
    a_day(journal)
    with monkeypatch.context() as broken:
        broken.setattr("ytpool.store.sums.add", _dies)
        with pytest.raises(RuntimeError):
            seal_all()
    with journal.database.reading() as tx:
        assert segments.last(tx) is None

    seal_all()

    assert data(ytpool("state", "check", "--json")[1])["journal"]["rows"] == 4
    assert data(ytpool("activity", "report", "--json")[1])["totals"]["calls"] == 4


def _dies(*_):
    raise RuntimeError("as if it died")


SEALS = """
import os
from ytpool import config
from ytpool.actions import sealing
from ytpool.runtime import Runtime

sealing.AT_ONCE = 50
rt = Runtime(config.load(profile=None, environ=os.environ))
while sealing.seal_some(rt):
    print("sealed", flush=True)
rt.close()
"""


def test_many_who_seal_at_once_one_of_them_killed_count_every_row_once(ytpool, journal):
    with journal.transaction() as tx:
        payer = make_account(tx, "news")
        tx.now -= timedelta(hours=3)
        tx.at = f"{tx.now:%Y-%m-%dT%H:%M:%S.%f}Z"
        for _ in range(2000):
            activity.record(tx, journal.rng, payer, "videos.list", Outcome.DONE, units=1)

    words = (sys.executable, "-c", SEALS)
    sealing_now = [subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)]
    sealing_now[0].stdout.readline()
    sealing_now[0].kill()
    ends = [process.communicate(timeout=60) for process in sealing_now]

    assert [process.returncode for process in sealing_now[1:]] == [0, 0, 0], ends
    told = data(ytpool("state", "check", "--json")[1])["journal"]
    assert (told["segments"], told["rows"], told["wrong"]) == (40, 2000, [])
    totals = data(ytpool("activity", "report", "--json")[1])["totals"]
    assert (totals["calls"], totals["units"]) == (2000, 2000)
