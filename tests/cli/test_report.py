"""The report as people open it: one file that needs nothing else, with the numbers that the commands tell."""

import json
import os
import re
import sqlite3
import struct
import subprocess
import xml.etree.ElementTree as ET
from contextlib import closing, contextmanager
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from books import Books, ObedientClock, make_account, make_project
from newsroom import start
from real_parts import fill, need, scaled
from schemas import fits

from ytpool import config
from ytpool.clock import SystemClock
from ytpool.domain import quota
from ytpool.store import activity
from ytpool.store.activity import Outcome
from ytpool.store.ledger import Payer

MARKUP = "<script>alert('x')</script>\"&"
LONG = "频道" * 100
RIGHT_TO_LEFT = "أخبار المساء"


def data(out):
    return json.loads(out.splitlines()[-1])["data"]


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


def test_look(busy, ytpool):
    out = os.environ["LOOK"]
    assert ytpool("report", "--html", f"{out}/r.html", "--json")[0] == 0
    for picture in ("burn-down", "use", "heat-map", "uploads", "slots"):
        status, _, err = ytpool("report", "--svg", f"{out}/{picture}.svg", "--png", f"{out}/{picture}.png", "--picture", picture)
        assert status == 0, err
