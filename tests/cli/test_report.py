"""The report as people open it: one file that needs nothing else, with the numbers that the commands tell."""

import json
import os
import re
import sqlite3
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
from contextlib import closing
from datetime import timedelta
from html import escape
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from books import Books, ObedientClock, make_account
from chromium import amiss, looking
from newsroom import ROOT, start
from node_packages import packages  # noqa: F401 - a fixture
from real_parts import fill, need, scaled
from schemas import fits
from told import data

from ytpool import config
from ytpool.actions.pictures.days import DayBars
from ytpool.actions.pictures.done import HeatMap, UploadTimeline
from ytpool.actions.pictures.slots import Slots
from ytpool.actions.pictures.use import BurnDowns, UseByAccount
from ytpool.cli import report
from ytpool.clock import SystemClock
from ytpool.domain import quota
from ytpool.domain.sizes import spoken_bytes
from ytpool.store import activity
from ytpool.store.activity import Outcome
from ytpool.store.ledger import Payer
from ytpool.web.pieces import GLUE

MARKUP = "<script>alert('x')</script>\"&"
LONG = "频道" * 100
PICTURES = ("burn-down", "use-by-account", "days", "heat-map", "upload-timeline", "slots")
RIGHT_TO_LEFT = "أخبار المساء"


@pytest.fixture
def busy(sandbox, ytpool, home, make_video):
    """A day until noon: units by the hour, operations that failed, uploads that went through and one that did not."""
    assert ytpool("refresh-tokens", "--force")[0] == 0  # its answer tells ytpool the time
    state = next(home.rglob("state.db"))
    begins = quota.starts_at(quota.quota_day(sandbox.control.clock()))
    books = Books(state, ObedientClock(begins + timedelta(minutes=30)), seed=1)
    payers = [
        Payer(account=name, project="press", channel_id=sandbox.channel(name).channel_id) for name in ("news", "sports")
    ]
    for hour in range(11):
        for payer, calls in zip(payers, (2 + hour % 3, hour % 2), strict=True):
            for number in range(calls):
                books.spend(payer, "videos.insert")
                for _ in range(1 + hour // 3):
                    books.spend(payer, "videos.list")
                with books.transaction() as tx:
                    outcome = Outcome("failed" if number == 1 and hour == 4 else "done")
                    activity.record(tx, books.rng, payer, "videos.insert", outcome, units=1, reason="backendError")
        books.forward(hours=1)
    books.elsewhere(7, project="press", bucket="uploads")
    books.database.close()
    for name in (f"{MARKUP[:20].replace('/', '')}.mp4", f"{RIGHT_TO_LEFT}.mp4", f"{LONG[:60]}.mp4"):
        assert ytpool("upload", make_video(name), "--pool", "main")[0] == 0
    sandbox.channel("sports").fail("videos.insert", "uploadLimitExceeded")
    assert ytpool("upload", make_video("late.mp4"), "--account", "sports")[0] == 5
    with closing(sqlite3.connect(state)) as rows, rows:
        titles = {"news": MARKUP + LONG, "sports": RIGHT_TO_LEFT}
        for name, title in titles.items():
            rows.execute("UPDATE channels SET title = ? WHERE title = ?", (title, name))
    return sandbox


@pytest.fixture
def set_up(ytpool):
    """A profile in which nothing has happened yet."""
    assert ytpool("init", "--yes", "--vault", "keyfile")[0] == 0


class _Tables(HTMLParser):
    """A page's tables by what they are called, its headings, and its hints; a row is text by the columns' heads."""

    def __init__(self, page):
        super().__init__()
        self.tables, self.headings, self.hints = {}, [], []
        self._rows = self._cell = self._heading = self._hint = None
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "table":
            self._rows = self.tables.setdefault(given["aria-labelledby"].removesuffix("-title"), [])
        elif tag == "tr" and self._rows is not None:
            self._rows.append([])
        elif tag in ("th", "td"):
            assert tag == "td" or given["scope"] in ("col", "row")
            self._cell = []
        elif tag in ("h1", "h2", "h3"):
            self._heading = []
        elif tag == "title":
            self._hint = []

    def handle_endtag(self, tag):
        if tag in ("th", "td"):
            self._rows[-1].append("".join(self._cell))
            self._cell = None
        elif tag == "table":
            heads, *rows = self._rows
            self._rows[:] = [dict(zip(heads, row, strict=True)) for row in rows]
            self._rows = None
        elif tag in ("h1", "h2", "h3"):
            self.headings.append((int(tag[1]), "".join(self._heading)))
            self._heading = None
        elif tag == "title":
            self.hints.append("".join(self._hint))
            self._hint = None

    def handle_data(self, text):
        for kept in (self._cell, self._heading, self._hint):
            if kept is not None:
                kept.append(text)


def numbers(row, *names):
    return tuple(int(row[name].replace(",", "")) for name in names)


def written(ytpool, tmp_path, *words):
    """Write the page, and return it."""
    path = tmp_path / "report.html"
    status, out, err = ytpool("report", "--html", path, "--json", *words)
    assert status == 0, out + err
    [told] = fits("report", out)["files"]
    assert (told["kind"], told["file"], told["bytes"]) == ("html", str(path), path.stat().st_size)
    return path.read_text()


@pytest.mark.usefixtures("busy")
def test_tables_and_pictures_have_the_numbers_that_the_commands_tell(ytpool, tmp_path):
    content = written(ytpool, tmp_path)

    page = _Tables(content)
    alerts = data(ytpool("alerts", "list", "--json")[1])["alerts"]
    assert {alert["kind"] for alert in alerts} == {"resting", "drift"}
    assert all(escape(alert["message"]) in content for alert in alerts)
    quota_told = data(ytpool("quota", "report", "--json")[1])
    books = {
        f"press {one['bucket']}": tuple(one[name] for name in ("left", "spent", "unknown", "elsewhere", "limit"))
        for one in quota_told["projects"][0]["buckets"]
    }
    shown = ("Left", "Spent", "Unknown", "Elsewhere", "Limit")
    assert {row["Project, bucket"]: numbers(row, *shown) for row in page.tables["quota"]} == books
    for by in ("account", "operation"):
        told = data(ytpool("activity", "report", "--by", by, "--json")[1])["rows"]
        rows = page.tables[f"by-{by}"]
        assert {row[by.capitalize()]: numbers(row, "Calls", "Done", "Failed", "Unknown", "Units") for row in rows} == {
            row[by]: tuple(row[name] for name in ("calls", "done", "failed", "unknown", "units")) for row in told
        }
    assert {row["Account"] for row in page.tables["accounts"]} == {"news", "sports"}
    [why] = page.tables["why-not"]
    assert (why["Account"], why["Why not"]) == ("sports", data(ytpool("why", "sports", "--json")[1])["obstacle"])
    [apart] = page.tables["drift"]
    assert numbers(apart, "Elsewhere", "Overrun") == (7, 0)
    assert {row["Check"] for row in page.tables["health"]} > {"state", "vault", "bucket press uploads"}

    uploads = next(one for one in quota_told["projects"][0]["buckets"] if one["bucket"] == "uploads")
    assert f"press uploads: {uploads['left']} of {uploads['limit']} left" in page.hints
    for account in quota_told["accounts"]:
        assert f"{account['account']}: {account['used']['uploads']}" in page.hints
    for day in data(ytpool("quota", "history", "--json")[1])["rows"]:
        assert f"press {day['bucket']}, {day['quota_day']}: {day['percent']:g} %" in page.hints
    calls, wrong = {}, {}
    for hint in page.hints:
        if cell := re.fullmatch(r"(\w+), \d\d-\d\d \d\d:00 UTC: (\d+) done or tried(?:, (\d+) went wrong)?", hint):
            calls[cell[1]] = calls.get(cell[1], 0) + int(cell[2])
            wrong[cell[1]] = wrong.get(cell[1], 0) + int(cell[3] or 0)
    rows = data(ytpool("activity", "report", "--by", "account", "--json")[1])["rows"]
    assert calls == {row["account"]: row["calls"] for row in rows}
    assert wrong == {row["account"]: row["failed"] + row["unknown"] for row in rows}
    sent = data(ytpool("activity", "report", "--json")[1])["totals"]["bytes"]
    assert f", {spoken_bytes(sent)}." in content.replace(GLUE, " ")  # as the terminal says it
    jobs = data(ytpool("queue", "list", "--all", "--json")[1])["jobs"]
    sent = [hint for hint in page.hints if " bytes, from " in hint]
    assert [re.search(r": (.*), from ", hint)[1] for hint in sent] == [
        f"{job['state']}, {job['kept']:,} of {job['bytes']:,} bytes" for job in jobs
    ]


@pytest.mark.usefixtures("busy")
def test_the_page_is_for_everybody_and_every_name_on_it_is_text(ytpool, tmp_path, packages):  # noqa: F811
    content = written(ytpool, tmp_path)

    page = _Tables(content)
    assert [text for level, text in page.headings if level < 3] == [
        *("ytpool default", "Alerts", "To do", "Quota", "Uploads", "Queue and slots", "Rests", "Accounts"),
        *("Why not now", "Activity", "Health", "Drift", "Logins", "Sessions"),
    ]
    assert all(after <= before + 1 for (before, _), (after, _) in pairwise(page.headings))
    assert "<script" not in content
    [news, sports] = [row["Channel"] for row in page.tables["accounts"]]
    assert (news.startswith(MARKUP), news.count("频道") > 50, sports) == (True, True, f"{RIGHT_TO_LEFT} (production)")
    address = (tmp_path / "report.html").as_uri()
    with looking(color_scheme="dark") as page:
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        for scheme, width in (("dark", 1280), ("light", 1280), ("light", 375), ("light", 320)):
            page.emulate_media(media="screen", color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert (page.locator("#quota thead").bounding_box()["height"] > 5) == (width == 1280)
            if width != 320:
                assert amiss(page, packages) == []
        assert page.locator("svg[role=img]").count() == 8
        page.emulate_media(media="print", color_scheme="dark")
        page.set_viewport_size({"width": 718, "height": 1000})  # what A4 has between its margins
        assert page.evaluate("document.documentElement.scrollWidth") <= 718
        assert not page.locator("#summary").is_visible()
        assert page.locator("#quota thead").is_visible()
        assert amiss(page, packages) == []  # nobody prints white on white
        assert (page.said, asked) == ([], [address])


@pytest.mark.usefixtures("busy")
def test_each_picture_is_a_file_of_its_own(ytpool, tmp_path):
    need("rsvg-convert")
    svg, png = tmp_path / "picture.svg", tmp_path / "picture.png"

    for picture in PICTURES:
        status, out, err = ytpool("report", "--svg", svg, "--png", png, "--picture", picture, "--json")

        assert status == 0, err
        told = [(one["kind"], one["picture"]) for one in fits("report", out)["files"]]
        assert told == [("svg", picture), ("png", picture)]
        drawn = ET.parse(svg).getroot()
        named = {child.tag.rpartition("}")[2]: child.text for child in drawn[:2]}
        assert (drawn.get("role"), all(named.values()), {*named}) == ("img", True, {"title", "desc"})
        assert size_of(png.read_bytes()) == (2 * int(drawn.get("width")), 2 * int(drawn.get("height")))
    words = ("report", "--svg", svg, "--picture", "burn-down")
    assert ytpool(*words, "--project", "press", "--bucket", "search")[0] == 0
    assert "press search: 100 of 100 left" in svg.read_text()
    assert ytpool(*words, "--project", "pres")[0] == 2
    assert ytpool(*words, "--bucket", "upload")[0] == 2


def test_a_picture_has_one_name_on_the_terminal_and_as_a_file():
    drawn = {kind.picture for kind in (BurnDowns, UseByAccount, DayBars, HeatMap, UploadTimeline, Slots)}

    assert drawn == {*PICTURES} == {*report.Picture}


def size_of(content):
    assert content.startswith(b"\x89PNG")
    return struct.unpack(">II", content[16:24])


@pytest.mark.usefixtures("set_up")
def test_a_png_is_drawn_by_chromium_where_nothing_else_can_and_else_it_is_said(ytpool, tmp_path, monkeypatch):
    browser = need("chromium")
    programs = tmp_path / "programs"
    programs.mkdir()
    png = tmp_path / "picture.png"
    words = ("report", "--png", png, "--picture", "burn-down", "--json")
    monkeypatch.setenv("PATH", str(programs))

    page = tmp_path / "report.html"
    status, out, _ = ytpool(*words, "--html", page)
    error = json.loads(out)["error"]
    assert (status, error["code"], error["message"]) == (6, "extra_missing", "nothing here can draw a PNG")
    assert {"rsvg-convert", "ytpool[browser]", "--svg"} <= {*re.findall(r"[\w\[\]-]+", error["hint"])}
    assert (png.exists(), page.exists()) == (False, False)

    told = tmp_path / "environment"
    (programs / "chromium").write_text(f'#!/bin/sh\n/usr/bin/env > {told}\nexec {browser} "$@"\n')
    (programs / "chromium").chmod(0o755)
    assert ytpool(*words)[0] == 0
    assert "YTPOOL_" not in told.read_text()
    assert size_of(png.read_bytes())[0] == 1920


@pytest.mark.usefixtures("set_up")
def test_a_report_is_replaced_and_keeps_its_permissions_and_nothing_else_is(ytpool, tmp_path):
    ours, theirs, folder = tmp_path / "ours.html", tmp_path / "theirs.html", tmp_path / "folder"
    folder.mkdir()
    theirs.write_text("<h1>My thesis</h1>")
    (tmp_path / "empty.svg").touch()

    assert ytpool("report", "--html", ours)[0] == 0
    assert ours.stat().st_mode & 0o777 == 0o600
    ours.chmod(0o644)
    first = ours.read_bytes()
    assert ytpool("report", "--html", ours)[0] == 0
    assert (ours.stat().st_mode & 0o777, ours.read_bytes() == first) == (0o644, False)
    (tmp_path / "link.html").symlink_to(ours)
    assert ytpool("report", "--html", tmp_path / "link.html")[0] == 0
    assert (tmp_path / "link.html").is_symlink()
    assert ytpool("report", "--svg", tmp_path / "empty.svg", "--picture", "slots")[0] == 0
    for path, words in ((theirs, ()), (folder, ("--yes",)), (folder / "none" / "r.html", ())):
        status, out, _ = ytpool("report", "--html", path, "--json", *words)
        assert (status, json.loads(out)["error"]["code"]) == (2, "file_invalid")
    assert theirs.read_text() == "<h1>My thesis</h1>"
    assert ytpool("report", "--html", theirs, "--yes")[0] == 0
    assert "<h1>ytpool" in theirs.read_text()
    assert sorted(path.name for path in tmp_path.iterdir() if "export" in path.name) == []


@pytest.mark.usefixtures("set_up")
def test_a_full_disk_is_said_in_a_sentence_and_yesterdays_report_stays(ytpool, small_disk):
    path = small_disk / "report.html"
    assert ytpool("report", "--html", path)[0] == 0
    before = path.read_bytes()
    fill(small_disk)

    status, out, err = ytpool("report", "--html", path)

    assert (status, out) == (6, "")
    assert "is full, and nothing of it was kept" in err
    assert path.read_bytes() == before
    assert sorted(path.name for path in small_disk.iterdir()) == ["ballast", "report.html"]


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--svg", "a.svg"),
        ("--html", "a.html", "--picture", "slots"),
        ("--svg", "a", "--png", "a", "--picture", "slots"),
        ("--svg", "a", "--png", "../{here}/a", "--picture", "slots"),
        ("--html", "a", "--svg", "none/a", "--picture", "slots"),
        ("--html", "a", "--svg", "none/a", "--picture", "slots", "--yes"),
        ("--svg", "a", "--picture", "slots", "--bucket", "uploads"),
        ("--svg", "a", "--picture", "use-by-account", "--project", "press"),
        ("--svg", "a", "--picture", "pie"),
        ("--html", "-", "--json"),
        ("--html", "a", "--days", "-1"),
        ("--html", "a", "--days", "nan"),
        ("--svg", "a", "--picture", "days", "--days", "nan"),
        ("--html", "a", "--since", "yesterday"),
        ("--html", "a", "--since", "2999-01-01T00:00"),
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("set_up")
def test_what_makes_no_sense_is_refused_before_anything_is_written(ytpool, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)

    assert ytpool("report", *(word.format(here=tmp_path.name) for word in words))[0] == 2

    assert {path.name for path in tmp_path.iterdir()} == {"home"}


@pytest.mark.usefixtures("set_up")
def test_where_there_is_nothing_to_see_the_report_says_so(ytpool, tmp_path):

    content = written(ytpool, tmp_path, "--since", "0001-01-01T00:00")

    page = _Tables(content)
    assert content.count("<title>Nothing was") == 0  # a text that is cut says the whole of itself in its title
    for sentence in ("Nothing of any bucket is used today", "Nothing was uploaded", "Nothing was done"):
        assert sentence in content
    assert {*page.tables} == {"health"}
    for picture in PICTURES:
        assert ytpool("report", "--svg", tmp_path / "picture.svg", "--picture", picture)[0] == 0
        ET.parse(tmp_path / "picture.svg")


@pytest.mark.usefixtures("set_up")
def test_a_thousand_accounts_with_long_names_are_a_report_that_says_what_it_leaves_out(ytpool, tmp_path):
    accounts = scaled(1000, least=200)
    books = Books(config.load(profile=None, environ=os.environ).paths.state, SystemClock())
    with books.transaction() as tx:
        for number in range(accounts):
            payer = make_account(tx, f"{'频' * 30}-{number}", project="acme", slots=number % 40)
            tx.run("UPDATE channels SET title = :title WHERE channel_id = :id", title=LONG, id=payer.channel_id)
            for _ in range(3):
                activity.record(
                    tx, books.rng, payer, "videos.insert", Outcome.FAILED, reason=f"{MARKUP} {LONG} {number}"
                )
    books.database.close()

    content = written(ytpool, tmp_path, "--days", "365")

    page = _Tables(content)
    assert len(content.encode()) < 1_500_000
    left_out = {int(number.replace(",", "")) for number in re.findall(r"and ([\d,]+) more: ", content)}
    assert {accounts - len(page.tables["accounts"]), accounts - 30, accounts - 40} <= left_out
    assert len(page.tables["accounts"]) <= 50
    assert MARKUP not in content


@pytest.mark.usefixtures("set_up")
def test_one_account_that_did_one_thing_is_told_in_words_that_fit(ytpool, tmp_path):
    books = Books(config.load(profile=None, environ=os.environ).paths.state, SystemClock())
    with books.transaction() as tx:
        payer = make_account(tx, "news", project="acme")
        activity.record(tx, books.rng, payer, "videos.insert", Outcome.DONE, units=1)
    books.spend(payer, "videos.insert")
    books.database.close()

    content = written(ytpool, tmp_path)

    assert "1 operation of 1 account from" in content
    assert "How full 1 bucket was on each of 14 quota days" in content
    assert re.findall(r"(?<![\d,.])1 \w+s\b", content) == []


@pytest.mark.usefixtures("set_up")
def test_a_report_goes_on_through_a_pipe_alone_and_ends_where_nobody_reads_it(tmp_path):
    whole = start(
        "report", "--html", "-", env={**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    )
    out, err = whole.communicate(timeout=60)
    assert (whole.returncode, err) == (0, "")
    assert (out.startswith("<!DOCTYPE html>"), out.endswith("</html>\n")) == (True, True)

    beside = tmp_path / "slots.svg"
    both = start("report", "--html", "-", "--svg", beside, "--picture", "slots", env=os.environ)
    out, err = both.communicate(timeout=60)
    assert (both.returncode, err, out.endswith("</html>\n"), beside.exists()) == (0, "", True, True)

    with start("report", "--html", "-", env=os.environ) as cut:
        cut.stdout.close()
        said = cut.stderr.read()
    assert "Traceback" not in said


@pytest.mark.usefixtures("set_up")
def test_a_report_needs_neither_the_extra_of_serve_nor_the_network(tmp_path):
    program = (
        "import sys; from ytpool.cli.app import main; status = main(sys.argv[1:]); "
        "print(status, sorted({'starlette', 'uvicorn', 'googleapiclient', 'playwright'} & {*sys.modules}))"
    )

    run = subprocess.run(
        [sys.executable, "-c", program, "report", "--html", tmp_path / "r.html"],
        env=os.environ,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert run.stdout.splitlines()[-1] == "0 []"
