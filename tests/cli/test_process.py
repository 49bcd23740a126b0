"""What only a real process shows: closed pipes, full disks, odd locales, signals, terminals."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pexpect
import pyte
import pytest

ROOT = Path(__file__).parents[2]
WITH_SCRATCH = """
import sys
from ytpool.cli.app import COMMANDS, Line, entry
COMMANDS["scratch"] = Line("scratch", "app", "End in one way or another.")
entry()
"""


@pytest.fixture
def environment(home):
    # A run that is not told otherwise has the locale of a plain container.
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "YTPOOL_HOME": str(home), "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests")))}


@pytest.fixture
def run(environment):
    def run(*words, code=None, shell=None, **more):
        start = ["-c", code] if code else ["-m", "ytpool"]
        command = [sys.executable, *start, *words]
        if shell:
            command = ["bash", "-c", shell, "bash", *command]
        return subprocess.run(
            command, env={**environment, **more}, capture_output=True, encoding="utf-8", timeout=30, check=False
        )

    return run


def test_a_reader_that_leaves_early_hears_no_complaint(run):
    ended = run("scratch", "many", code=WITH_SCRATCH, shell='"$@" | head -1; exit ${PIPESTATUS[0]}')

    assert (ended.returncode, ended.stderr) == (141, "")
    assert ended.stdout == "Name\tUsed\tSince\tState\n"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_who_has_closed_a_stream_is_served_all_the_same(run, home, closed):
    ended = run("config", "path", shell=f'"$@" {closed}')
    lost = run("nonsense", shell=f'"$@" {closed}')

    assert (ended.returncode, ended.stderr) == (0, "")
    assert str(home) in ended.stdout or ">&-" in closed
    assert lost.returncode == 2
    assert "Traceback" not in lost.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a full device")
@pytest.mark.parametrize("words", [("config", "show"), ("config", "show", "--json"), ("config", "--help")])
def test_a_full_disk_is_told(run, words):
    ended = run(*words, shell='"$@" >/dev/full')

    assert ended.returncode == 1
    assert ended.stderr == "ytpool: the result could not be written: No space left on device\n"


@pytest.mark.parametrize("flag", [(), ("--json",)])
def test_an_ascii_locale_gets_ascii(run, flag):
    ended = run("scratch", "table", *flag, code=WITH_SCRATCH, PYTHONIOENCODING="ascii", FORCE_COLOR="1")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.isascii()
    if flag:
        assert json.loads(ended.stdout)["data"]["rows"][1]["name"] == "Спорт 日本"
    else:
        assert "##########" in ended.stdout


def test_a_file_name_that_is_no_text_stays_valid_json(run):
    ended = run("config", "path", "--json", YTPOOL_HOME=os.fsdecode(b"/tmp/\xff"))

    assert ended.returncode == 0
    assert json.loads(ended.stdout)["data"]["state"] == "/tmp/\udcff/default/state.db"


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_stopped_is_told_in_one_sentence(environment, stop):
    command = [sys.executable, "-c", WITH_SCRATCH, "scratch", "sleep", "--json"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert process.stderr.readline() == "waiting\n"
        process.send_signal(stop)
        out, err = process.communicate(timeout=10)

    assert (process.returncode, err) == (130, "")
    assert json.loads(out)["error"]["code"] == "interrupted"


INTERRUPTED_WHILE_IMPORTING = """
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "{module}":
            exec("raise KeyboardInterrupt")  # as a signal does that meets a dataclass in the making
sys.meta_path.insert(0, Finder())
from ytpool.__main__ import run
run()
"""


@pytest.mark.parametrize(
    ("module", "told"),
    [
        ("ytpool.cli.app", "ytpool: interrupted\n"),
        (
            "ytpool.actions.reports",
            "ytpool: interrupted; what was begun can be resumed\n        run the same command again\n",
        ),
    ],
)
def test_stopped_while_it_starts_ends_with_its_own_status(environment, module, told):
    """Python ends by SIGINT, whatever status is asked for, when a KeyboardInterrupt once left an `exec`."""
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_WHILE_IMPORTING.format(module=module), "quota", "report"],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", told)


STOPPED_AT_THE_END = """
import os, signal
from ytpool.cli import app, output
from ytpool.cli.invocation import Invocation
went_on = {place}.{name}
def stopped(*words):
    os.kill(os.getpid(), signal.SIGTERM)
    return went_on(*words)
{place}.{name} = stopped
app.entry()
"""


@pytest.mark.parametrize(
    ("place", "name", "ended"),
    [("Invocation", "close", (0, True, "")), ("output", "show", (130, False, "ytpool: interrupted\n"))],
)
def test_stopped_when_all_is_done_it_still_says_so_or_that_it_was_interrupted(run, place, name, ended):
    done = run("--version", "--json", code=STOPPED_AT_THE_END.format(place=place, name=name))

    assert (done.returncode, '"ok": true' in done.stdout, done.stderr) == ended


def screen(environment, *words, columns, code=WITH_SCRATCH):
    """Run in a terminal of this width; return what it looked like at every moment, and the status."""
    terminal = pyte.Screen(columns, 50)
    stream = pyte.ByteStream(terminal)
    child = pexpect.spawn(
        sys.executable,
        ["-c", code, *words],
        env={**environment, "TERM": "xterm-256color", "PYTHONUTF8": "1"},
        dimensions=(50, columns),
        timeout=20,
    )
    seen = []
    while True:
        try:
            stream.feed(child.read_nonblocking(65536, timeout=20))
        except pexpect.EOF:
            break
        seen.append([line.rstrip() for line in terminal.display])
    child.close()
    return seen, child.exitstatus


def test_a_terminal_gets_a_table_that_fits(environment):
    for columns in (40, 80, 200):
        seen, status = screen(environment, "scratch", "table", columns=columns)

        assert status == 0
        shown = "\n".join(seen[-1])
        assert "Спорт" in shown
        assert "█" in shown


UPLOADS = """
import sys, threading, time
from ytpool.cli import progress
from ytpool.cli.invocation import Invocation
run = Invocation(stdout=sys.stdout, stderr=sys.stderr)
run.quiet, run.json = "--quiet" in sys.argv, "--json" in sys.argv
def send(shown, number):
    file = shown.start(f"talk number {number} with a rather long name.mp4", 40_000_000)
    file.stands_at(10_000_000 * (number == 1))
    if number == 2:
        file.note("waiting for news")
        time.sleep(0.3)
        file.note("")
    for at in range(12_000_000, 40_000_001, 2_000_000):
        time.sleep(0.05)
        file.moved_to(at)
    file.done(f"on news as video-{number}")
with progress.uploads(run, total_files=3, total_bytes=120_000_000) as shown:
    threads = [threading.Thread(target=send, args=(shown, number)) for number in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for number in range(4):
        time.sleep(0.15)
        run.note(f"note {number}")
    for thread in threads:
        thread.join()
"""


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_uploads_show_a_line_per_file_that_never_wraps(environment, columns):
    seen, status = screen(environment, columns=columns, code=UPLOADS)

    assert status == 0
    middle = next(lines for lines in seen if sum("%" in line for line in lines) == 4)
    assert [line[:4] for line in middle if "%" in line] == ["talk", "talk", "talk", "0 of"]
    assert "waiting" in "\n".join("\n".join(lines) for lines in seen) or columns < 60
    ended = "\n".join(seen[-1])
    assert [f"video-{number}" in ended.replace("\n", "") for number in (1, 2, 3)] == [True] * 3
    assert [f"note {number}" in ended for number in range(4)] == [True] * 4


def test_without_a_terminal_uploads_are_told_at_start_and_end(run):
    told = run(code=UPLOADS).stderr.splitlines()

    assert "talk number 1 with a rather long name.mp4: 10 MB are there already, 30 MB to send" in told
    assert "talk number 2 with a rather long name.mp4: waiting for news" in told
    assert sum("on news as video-" in line for line in told) == 3
    assert len(told) == 3 + 3 + 1 + 1 + 4


def test_quiet_and_json_show_no_progress(run):
    assert run("--quiet", code=UPLOADS).stderr == ""
    assert run("--json", code=UPLOADS).stderr.splitlines() == [f"note {number}" for number in range(4)]
