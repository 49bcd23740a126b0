"""Pictures on a terminal: what they show, in any width, with and without colour and Unicode."""

import io
import json
import os
import re
import subprocess
import sys
from datetime import date, timedelta

import pytest
from books import Books, ObedientClock, make_account
from jsonschema import Draft202012Validator
from newsroom import ROOT
from rich.cells import cell_len
from rich.console import Console

from ytpool import data
from ytpool.actions.forecast import Ahead
from ytpool.actions.pictures.days import DayBars, DayRow
from ytpool.actions.pictures.done import HeatMap, HeatRow, Sent, UploadTimeline
from ytpool.actions.pictures.slots import Slots
from ytpool.actions.pictures.use import AccountUse, BurnDown, BurnDowns, UseByAccount, Used
from ytpool.actions.queue import AccountSlots
from ytpool.cli import plots  # noqa: F401 -- how pictures are seen
from ytpool.cli.canvas import Canvas
from ytpool.cli.output import VIEWS
from ytpool.domain import quota
from ytpool.store import activity
from ytpool.store.activity import Outcome

DAY = date(2026, 11, 20)
BEGINS = quota.starts_at(DAY)
NOON = BEGINS + timedelta(hours=12)
RESET = quota.resets_at(DAY)
HOUR = timedelta(hours=1)
NAMES = ("news", "новости", "新聞台東京" * 40, "weather " * 25, "a\u0301" * 100, "\u202eright-to-left", "nine\nlines\t")


def ahead(used=60, band=None, **given):
    band = band or [(hours, 60 + hours, 60 + 2 * hours, 60 + 4 * hours) for hours in range(13)]
    told = {
        "scope": "project",
        "name": NAMES[2],
        "bucket": "uploads",
        "limit": 100,
        "level": 80,
        "used": used,
        "queued": 0.0,
        "percent": float(used),
        "status": "likely",
        "early": NOON + 5 * HOUR,
        "likely": NOON + 10 * HOUR,
        "late": None,
        "days": 8,
        "enough": True,
        "basis": "8 past days",
        "band": tuple({"at": NOON + h * HOUR, "low": low, "likely": mid, "high": high} for h, low, mid, high in band),
    }
    return Ahead(**{**told, **given})


def burn_down(row, course):
    return BurnDown(
        scope=row.scope,
        name=row.name,
        bucket=row.bucket,
        begins=BEGINS,
        now=NOON,
        resets_at=RESET,
        limit=row.limit,
        level=row.level,
        used=row.used,
        course=tuple(Used(at=BEGINS + hour * HOUR, used=used) for hour, used in course),
        ahead=row,
    )


def burn_downs(*pictures, more=0):
    return BurnDowns(quota_day=DAY, resets_at=RESET, pictures=pictures, more=more, unused=3)


def use(shares, others=None, more=0):
    accounts = tuple(AccountUse(account=name, used=sum(hourly), hourly=tuple(hourly)) for name, hourly in shares)
    return UseByAccount(
        quota_day=DAY,
        bucket="uploads",
        begins=BEGINS,
        now=NOON,
        resets_at=RESET,
        limit=100,
        used=sum(one.used for one in (*accounts, *([others] if others else ()))),
        hours=tuple(BEGINS + number * HOUR for number in range(12)),
        accounts=accounts,
        others=others,
        more=more,
    )


def heat(rows, hours=24, span=HOUR, more=0):
    return HeatMap(
        since=NOON - hours * span,
        until=NOON,
        starts=tuple(NOON + (number - hours) * span for number in range(hours)),
        span=span,
        calls=sum(sum(cells) for _, cells, _ in rows),
        rows=tuple(
            HeatRow(
                account=name, calls=sum(cells), failed=failed, cells=tuple(cells), wrong=(0,) * (hours - 1) + (failed,)
            )
            for name, cells, failed in rows
        ),
        most=max((max(cells) for _, cells, _ in rows), default=0),
        more=more,
    )


def sent(name, state, begun, lasted, *, working=False):
    begins = NOON - begun * HOUR
    return Sent(
        job="j",
        file=f"/videos/{name}",
        account=name,
        state=state,
        working=working,
        begun_at=begins,
        ended_at=None if working else begins + lasted * HOUR,
        until=begins + lasted * HOUR,
        bytes=100,
        kept=42,
    )


def timeline(*uploads, more=0):
    return UploadTimeline(since=NOON - 24 * HOUR, until=NOON, uploads=uploads, more=more)


def slots(*accounts, more=0):
    found = tuple(
        AccountSlots(name=name, running=running, max_slots=most, available=free, state=state)
        for name, running, most, free, state in accounts
    )
    taken, places = (sum(getattr(one, name) for one in found) for name in ("running", "max_slots"))
    return Slots(at=NOON, running=taken, max_slots=places, queued=1, accounts=found, more=more)


def bars(rows, days=14, before=None, more=0):
    return DayBars(
        since=DAY - timedelta(days=days - 1),
        until=DAY,
        days=days,
        before_since=before,
        thresholds=(70, 80, 90),
        rows=tuple(DayRow(project=name, bucket="uploads", percents=now, before=then) for name, now, then in rows),
        more=more,
    )


STATES = ("done", "failed", "running", "finished_unknown", "interrupted", "partly", "cancelled")
PICTURES = {
    "burn-down": burn_downs(
        burn_down(ahead(), [(0, 0), (6, 10), (12, 60)]),
        burn_down(ahead(limit=0, level=0, used=0), [(0, 0), (12, 0)]),
        burn_down(ahead(limit=9_999_999, used=120, status="out"), [(0, 0), (12, 120)]),
        more=4,
    ),
    "no burn-down": burn_downs(),
    "use": use([(name, [number % 3] * 12) for number, name in enumerate(NAMES)]),
    "use of many": use(
        [(f"account-{number}", [100_000 - number] * 12) for number in range(7)],
        AccountUse(account="", used=12, hourly=(1,) * 12),
        more=993,
    ),
    "no use": use([]),
    "heat": heat(
        [(name, [number * hour for hour in range(24)], number) for number, name in enumerate(NAMES)], more=950
    ),
    "heat of a month": heat([("news", [1] * 168, 0)], hours=168, span=4 * HOUR),
    "heat of one call": heat([("news", [0] * 23 + [1], 1)]),
    "no heat": heat([]),
    "timeline": timeline(
        *(sent(name, state, 30 - 4 * n, n) for n, (name, state) in enumerate(zip(NAMES, STATES, strict=True))),
        sent("now", "running", 0.1, 0.1, working=True),
        more=3,
    ),
    "no timeline": timeline(),
    "slots": slots(
        *((name, n, 3 * n, n, "active") for n, name in enumerate(NAMES)), ("off", 0, 400, 0, "disabled"), more=9
    ),
    "no slots": slots(),
    "days": bars([(name, (None, 0.0, 3.0, 75.5, 100.0) + (85.0,) * 9, None) for name in NAMES], more=2),
    "days compared": bars([("press", (20.0,) * 60, (None,) * 60)], days=60, before=date(2026, 7, 1)),
    "no days": bars([]),
}


def drawn(picture, width, *, unicode=True, coloured=False):
    """Return the lines that a terminal of this width shows, without colours."""
    view = VIEWS[type(picture)]
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=True, no_color=not coloured, highlight=False)
    for line in view.picture(picture, Canvas(width, unicode, coloured)):
        console.print(line)
    return re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue()).splitlines()


@pytest.mark.parametrize("name", PICTURES)
def test_no_picture_is_wider_than_its_terminal_whatever_the_names(name):
    for width in (20, 21, 33, 80, 200):
        for unicode, coloured in ((True, True), (True, False), (False, False)):
            lines = drawn(PICTURES[name], width, unicode=unicode, coloured=coloured)

            assert lines
            assert all(cell_len(line) <= width for line in lines), (
                width,
                [line for line in lines if cell_len(line) > width],
            )
            assert not any("\t" in line or "\u202e" in line for line in lines)
            if not unicode:
                assert all(line.isascii() for line in lines), lines


def test_columns_stay_right_behind_names_of_wide_letters():
    lines = drawn(PICTURES["slots"], 60)
    ends = {cell_len(line[: found.end()]) for line in lines[1:] if (found := re.search(r"\d+ of \d+", line))}

    assert len(ends) == 1


def test_a_burn_down_falls_and_the_band_falls_from_there_in_its_order():
    lines = drawn(burn_downs(burn_down(ahead(name="press"), [(0, 0), (6, 10), (12, 60)])), 80)
    chart = [re.split("[│┤]", line)[1] for line in lines if re.search("[│┤]", line)]
    columns = ["".join(row[place : place + 1] for row in reversed(chart)) for place in range(72)]

    heights = [len(column.rstrip("┄ ")) for column in columns]
    assert heights[:36] == sorted(heights[:36], reverse=True)
    assert (heights[0], heights[35]) == (8, 4)
    assert {sign for column in columns[:36] for sign in column} <= set("█▇▆▅▄▃▂▁┄ ")
    assert {sign for column in columns[36:] for sign in column} == set("▓▒░ ")
    for column in columns[36:]:
        assert re.fullmatch("▓*▒*░*[┄ ]*", column)
    assert lines[0] == "uploads of press: 40 of 100 left"
    assert "".join(lines[1:3]) == (
        "runs out at 06:00Z; at 01:00Z on a busy day, and not today on a quiet one; now 20:00Z, resets 08:00Z"
    )
    assert lines[len(chart) + 4].split() == [f"{hour % 24:02}" for hour in range(8, 32)]


def test_what_stands_on_few_days_says_so():
    row = ahead(days=1, enough=False, basis="one past day, from nothing more today to twice the pace of the busiest")
    text = " ".join(drawn(burn_downs(burn_down(row, [(0, 0), (12, 60)])), 80))

    assert "What is ahead rests on one past day, from nothing more" in text


def test_layers_of_a_column_are_as_high_as_their_units():
    lines = drawn(use([("news", [4] * 12), ("sports", [2, 0] * 6), ("kids", [0, 1] * 6)]), 80)
    chart = [re.split("[│┤]", line)[1] for line in lines if re.search("[│┤]", line)]

    first, second = ("".join(row[place] for row in reversed(chart)) for place in (0, 3))
    assert (first, second.rstrip()) == ("aaaabb", "aaaac")
    assert "a news 48 (73 %)  b sports 12 (18 %)  c kids 6 (9 %)" in lines


def test_a_cell_of_two_layers_has_two_colours():
    view = VIEWS[UseByAccount]
    found = use([("news", [90] * 12), ("sports", [70] * 12)])
    styles = {str(span.style) for line in view.picture(found, Canvas(80, True, True)) for span in line.spans}

    assert {"cyan", "magenta", "cyan on magenta"} <= styles


def test_failures_are_seen_without_colour():
    row = next(line for line in drawn(heat([("news", [0] * 23 + [5], 2)]), 120) if line.startswith("news"))

    assert re.search(r"█+!  +5 +2$", row)


# Through the front door


@pytest.fixture
def morning(sandbox, ytpool, home):
    """Nine hours of work in the books of two accounts."""
    assert ytpool("refresh-tokens", "--force")[0] == 0  # its answer tells ytpool the time
    begins = quota.starts_at(quota.quota_day(sandbox.control.clock()))
    books = Books(next(home.rglob("state.db")), ObedientClock(begins + timedelta(minutes=30)), seed=1)
    with books.transaction() as tx:
        payers = [make_account(tx, name, project="press") for name in ("evening", "夜のニュース")]
    for _ in range(9):
        for payer in payers:
            books.spend(payer, "videos.insert")
            with books.transaction() as tx:
                activity.record(tx, books.rng, payer, "videos.insert", Outcome.DONE, units=1, seconds=1.0)
        books.forward(hours=1)
    yield books
    books.database.close()


EVERY = (
    ("quota", "report"),
    ("quota", "forecast"),
    ("quota", "history", "--compare"),
    ("activity", "report"),
    ("queue", "status"),
)


@pytest.mark.usefixtures("morning")
def test_pictures_are_drawn_for_people_tabbed_for_pipes_and_numbers_for_scripts(ytpool, monkeypatch):
    schema = Draft202012Validator(data.load("schemas/plots.json"))
    for words in EVERY:
        told = json.loads(ytpool(*words, "--json")[1])["data"]
        status, out, err = ytpool(*words, "--plot", "--json")
        plotted = json.loads(out)["data"]
        piped = ytpool(*words, "--plot")[1]
        with monkeypatch.context() as terminal:
            terminal.setenv("FORCE_COLOR", "1")
            terminal.setenv("COLUMNS", "80")
            coloured = ytpool(*words, "--plot")[1]
            terminal.setenv("NO_COLOR", "1")
            plain = ytpool(*words, "--plot")[1]

        assert (status, err) == (0, "")
        assert plotted.keys() == told.keys() | {"plots"}
        schema.validate(plotted["plots"])
        Draft202012Validator(data.load(f"schemas/{words[0]}-{words[1]}.json")).validate(plotted)
        for table in piped.rstrip("\n").split("\n\n"):
            head, *rows = table.split("\n")
            assert all(row.count("\t") == head.count("\t") for row in rows), words
        assert "\t" not in coloured
        assert re.search(r"\x1b\[[0-9;]*3[0-9]", coloured)
        assert not re.search(r"\x1b\[[0-9;]*3[0-9]", plain)


@pytest.mark.usefixtures("morning")
def test_a_window_without_bounds_begins_where_something_was_done(ytpool):
    told = json.loads(ytpool("activity", "report", "--hours", "1e7", "--plot", "--json")[1])["data"]
    heat, _ = told["plots"]

    assert told["since"] < "1900"
    assert heat["starts"][0] > "2026"
    assert sum(sum(row["cells"]) for row in heat["rows"]) == heat["calls"] == told["totals"]["calls"]
    only = json.loads(ytpool("activity", "report", "--project", "press", "--plot", "--json")[1])["data"]["plots"]
    assert [one["picture"] for one in only] == ["heat-map"]


@pytest.mark.usefixtures("empty_sandbox")
def test_nothing_to_draw_is_said(ytpool, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    for words, said in (
        (("quota", "report"), "0 of 0 used by accounts"),
        (("quota", "forecast"), "nothing is used today"),
        (("quota", "history"), "nothing was used in these days"),
        (("activity", "report", "--hours", "0"), "no upload was on its way"),
    ):
        status, out, _ = ytpool(*words, "--plot")

        assert status == 0
        assert said in out


def test_a_locale_of_c_gets_ascii(morning, ytpool):  # noqa: ARG001 -- the books are there
    environ = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "FORCE_COLOR": "1"}
    for words in (("quota", "forecast"), ("activity", "report"), ("quota", "report", "--watch", "60")):
        process = subprocess.Popen(
            [sys.executable, "-m", "ytpool", *words, "--plot"],
            env={**environ, "NO_COLOR": "1", "COLUMNS": "60"},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        if "--watch" in words:
            head = process.stdout.readline()
            process.stdout.close()  # as `head -1` does
            assert process.wait(timeout=20) == 141
            assert head.isascii()
            assert process.stderr.read() == b""
            process.stderr.close()
            continue
        out, err = process.communicate(timeout=20)
        assert (process.returncode, err) == (0, b"")
        assert out.isascii()
        assert b"\\u" not in out


def test_a_thousand_accounts_fit_on_a_page(morning, ytpool, monkeypatch):
    with morning.transaction() as tx:
        payers = [make_account(tx, f"account-{number:04}", project="press") for number in range(1000)]
        for payer in payers:
            activity.record(tx, morning.rng, payer, "videos.list", Outcome.DONE, units=1)
            tx.run(
                """
                INSERT INTO meters (scope, name, bucket, day, spent) VALUES ('account', :name, 'general', :day, 1)
                """,
                name=payer.account,
                day=quota.quota_day(tx.now).isoformat(),
            )
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    for words, said in (
        (("quota", "report"), "995 others"),
        (("activity", "report"), "accounts more, less busy"),
        (("queue", "status"), "accounts more, none of them busier"),
    ):
        status, out, _ = ytpool(*words, "--plot")

        assert status == 0
        assert said in out
        assert out.count("\n") < 80


# Compared


def test_two_periods_are_compared_bucket_by_bucket(morning, ytpool, sandbox, home, monkeypatch):  # noqa: ARG001
    today = quota.quota_day(sandbox.control.clock())
    begins = quota.starts_at(today - timedelta(days=9)) + HOUR
    earlier = Books(next(home.rglob("state.db")), ObedientClock(begins), seed=9)
    with earlier.transaction() as tx:
        payer = make_account(tx, "morning", project="press")
    for _ in range(6):
        earlier.spend(payer, "videos.insert")
    earlier.spend(payer, "search.list")
    earlier.database.close()

    def compared(*words):
        status, out, err = ytpool("quota", "history", *words, "--json")
        assert status == 0, err
        told = json.loads(out)["data"]
        Draft202012Validator(data.load("schemas/quota-history.json")).validate(told)
        return told, {row["bucket"]: row for row in told["compared"]}

    told, rows = compared("--days", "7", "--compare")
    assert told["before"]["since"] == str(today - timedelta(days=13))
    assert (rows["uploads"]["used"], rows["uploads"]["used_before"], rows["uploads"]["change"]) == (18, 6, 200.0)
    assert (rows["search"]["used"], rows["search"]["change"]) == (0, -100.0)
    assert rows["uploads"]["used"] == sum(row["used"] for row in told["rows"] if row["bucket"] == "uploads")
    assert compared("--days", "3", "--compare", today - timedelta(days=5))[1]["uploads"]["change"] is None
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert re.search(r"uploads +18 +6 +\+200 %", ytpool("quota", "history", "--days", "7", "--compare")[1])

    for day, said in ((today, "name an earlier day"), ("yesterday", "is no day")):
        status, _, err = ytpool("quota", "history", "--compare", day)
        assert status == 2
        assert said in err
