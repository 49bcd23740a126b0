"""The guide: what it says is so, on a terminal it is read, and everything it tells to type works."""

import json
import os
import re
import sys

import pexpect
import pytest
from newsroom import ROOT
from real_parts import need
from schemas import fits
from typed import blocks_of, commands_in

from ytpool.actions import guide
from ytpool.domain.failover import VERDICTS

COOKIE = {"name": "sessionid", "value": "of anna", "domain": ".instagram.com", "path": "/", "expires": 4_000_000_000}
SCHEDULE = re.compile(r"(?:[\d*/,-]+\s+){5}\S.*")


@pytest.fixture
def desk(sandbox, make_video, browser, tmp_path, monkeypatch):
    """A working folder with the files that the pages name, two accounts that are logged in, and a browser.

    The program is one that starts from everywhere, as where it is installed.
    """
    program = tmp_path / "ytpool"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom ytpool.__main__ import run; run()\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(program)])
    folder = tmp_path / "desk"
    (folder / "old").mkdir(parents=True)
    monkeypatch.chdir(folder)
    make_video().rename("talk.mp4")
    sandbox.secrets_file().rename("client_secret.json")
    (folder / "autumn.csv").write_text("file,title\ntalk.mp4,The talk of autumn\n")
    (folder / "phrase.txt").write_text("many words that nobody knows\n")
    (folder / "phrase.txt").chmod(0o600)
    (folder / "old" / "anna_instagram.json").write_text(json.dumps({"cookies": [COOKIE], "origins": []}))
    browser("news")
    return folder


def typed_in(text):
    """The commands of a page's shell blocks, each with the status it says in a comment, else 0."""
    for block in blocks_of(text, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            says = re.search(r"#.*\bstatus (\d+)", line)
            for words in commands_in(line):
                yield words, int(says[1]) if says else 0


@pytest.mark.parametrize("topic", [topic for topic in guide.TOPICS if topic != "servers"])  # test_multi_server does it
def test_every_command_of_a_page_does_what_the_page_says(ytpool, desk, topic):  # noqa: ARG001 - it is where they run
    ran = list(typed_in(guide.page(topic).text))
    try:
        told = {" ".join(words): (*ytpool(*words), status) for words, status in ran}
    finally:
        ytpool("sandbox", "down")

    assert ran
    assert {line: (status, err) for line, (status, _, err, expected) in told.items() if status != expected} == {}


@pytest.mark.parametrize("topic", ["cron", "rehearse", "sessions", "servers"])
def test_every_line_of_a_crontab_is_one(topic):
    (crontab,) = blocks_of(guide.page(topic).text, "cron")
    lines = crontab.splitlines()

    assert [line for line in lines if not SCHEDULE.fullmatch(line) and not re.fullmatch(r"[A-Z_]+=\S+", line)] == []
    assert "%" not in crontab, "cron would begin a new line there"
    assert "PATH=" in lines[0], "cron looks for programs in /usr/bin and /bin only"


def test_the_matrix_is_the_one_in_the_code():
    text = guide.page("failover").text

    for (reason, when), verdict in VERDICTS.items():
        line = next(one for one in text.splitlines() if one.startswith("- ") and one.endswith(verdict.advice))
        assert reason == "any" or reason in line, reason
        assert when == "any" or f"({when})" in line, (reason, when)
    assert "{verdicts}" not in text


def test_without_a_topic_it_lists_them_and_a_pipe_gets_markdown_as_it_is(ytpool):
    _, listed, _ = ytpool("guide", "--json")
    topics = [row["topic"] for row in fits("guide", listed)["topics"]]
    for topic in topics:
        status, printed, err = ytpool("guide", topic, "--json")
        told = fits("guide", printed)
        assert (status, err, told["topic"], bool(told["about"])) == (0, "", topic, True)
        assert ytpool("guide", topic)[1] == told["text"]

    assert topics == [*guide.TOPICS, *guide.FILES]


def test_a_topic_that_is_not_there_names_the_one_that_was_meant(ytpool):
    status, _, err = ytpool("guide", "quotas")

    assert (status, "did you mean `ytpool guide quota`?" in err) == (2, True)
    assert "start, cron, quota" in ytpool("guide", "xyz")[2]


@pytest.fixture
def read(home):
    """Read on a terminal of this width: the program as it is started there."""

    def begin(topic, *, width=80, **variables):
        environment = {"PATH": os.environ["PATH"], "YTPOOL_HOME": str(home), "PYTHONPATH": str(ROOT)}
        return pexpect.spawn(
            sys.executable,
            ["-m", "ytpool", "guide", topic],
            env={**environment, "TERM": "xterm", "LANG": "C.UTF-8", **variables},
            dimensions=(24, width),
            timeout=20,
            encoding="utf-8",
        )

    return begin


def ends(child):
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    return child.before


def test_a_long_page_is_read_in_less_and_ctrl_c_does_not_end_it(read):
    need("less")
    with read("failover") as child:
        child.expect("Failover: what an error means")
        child.expect("\r\n\x1b.*:|\r:")
        child.sendintr()
        child.send("/uploadLimitExceeded\r")
        child.expect("uploadLimitExceeded")
        child.send("q")
        ends(child)


@pytest.mark.parametrize("pager", ["sed s/^/read:/", "no-such-pager", "head -n 1", ""])
def test_the_pager_is_the_readers_own_and_where_it_is_none_the_page_is_there_all_the_same(read, pager):
    with read("recipes", PAGER=pager) as child:
        told = ends(child)

    if pager.startswith("sed"):
        assert all(line.startswith("read:") for line in told.splitlines())
    assert "Recipes" in told
    assert ("ytpool-rules.yml" in told) == (not pager.startswith("head"))


@pytest.mark.parametrize("width", [20, 80, 200])
@pytest.mark.parametrize("topic", guide.TOPICS)
def test_a_page_fits_every_terminal_and_its_commands_can_be_copied(ytpool, monkeypatch, topic, width):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(width))
    _, out, _ = ytpool("guide", topic)
    lines = [re.sub(r"\x1b\[[\d;]*m", "", line).rstrip() for line in out.splitlines()]

    assert max(map(len, lines)) <= min(width, 100)
    if width >= 80:
        text = guide.page(topic).text
        typed = [line for block in blocks_of(text, "sh", "cron", "toml") for line in block.splitlines() if line]
        assert {line.strip() for line in typed} <= {line.strip() for line in lines}
