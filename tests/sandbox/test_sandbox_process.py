"""One sandbox per folder, in the background: started once, and nothing lost however it ends."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import ytpool
from ytpool.clock import SystemClock
from ytpool.errors import SandboxFailed, UsageWrong
from ytpool.sandbox import process
from ytpool.sandbox.clock import VirtualClock, offset
from ytpool.sandbox.control import Control

ALL = "https://www.googleapis.com/auth/youtube.force-ssl"
HOME = str(Path(ytpool.__file__).parent.parent)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "profile" / "sandbox"
    yield folder
    process.stop(folder)


def _answers(url):
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", int(url.rpartition(":")[2]))) == 0


def kill(folder):
    """Kill the sandbox as the kernel would, and wait until it is gone."""
    os.kill(json.loads((folder / "sandbox.json").read_text())["pid"], signal.SIGKILL)
    end = time.monotonic() + 30
    while process.running(folder) is not None:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_killed_sandbox_comes_back_with_everything_it_answered(folder, send):
    url = process.ensure(folder)
    control = Control(url)
    control.add_project("demo", limits={"uploads": 50})
    control.add_channel("News", cap=20)
    control.clock(forward=timedelta(hours=5))
    control.add_fault(method="videos.list", kind="close")
    token = control.grant("demo", "News", [ALL])["access_token"]
    insert = f"{url}/upload/youtube/v3/videos?uploadType=resumable&part=snippet"
    size = 262144 + 7
    done, half = (
        send(insert, "POST", {"snippet": {"title": title}}, token=token, X_Upload_Content_Length=str(size))[1][
            "Location"
        ]
        for title in ("done", "half")
    )
    video = send(done, "PUT", bytes(size))[2]
    send(half, "PUT", bytes(262144), Content_Range=f"bytes 0-262143/{size}")
    before = control.truth()

    kill(folder)

    assert process.ensure(folder) == url
    after = control.truth()
    assert datetime.fromisoformat(after.pop("now")) > datetime.fromisoformat(before.pop("now"))
    assert after == before
    assert len(control.faults()) == 1
    assert send(done, "PUT", b"", Content_Range=f"bytes */{size}")[2]["id"] == video["id"]
    status, headers, _ = send(half, "PUT", b"", Content_Range=f"bytes */{size}")
    assert (status, headers["Range"]) == (308, "bytes=0-262143")
    assert send(f"{url}/youtube/v3/channels?part=id&mine=true", token=token)[0] == 200


def test_many_that_ask_at_once_get_one_sandbox(folder):
    code = f"from pathlib import Path; from ytpool.sandbox.process import ensure; print(ensure(Path({str(folder)!r})))"
    askers = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": HOME})
        for _ in range(4)
    ]
    answers = {asker.communicate(timeout=60)[0] for asker in askers}

    assert len(answers) == 1
    assert answers.pop().decode().strip() == process.running(folder)
    assert (folder / "sandbox.log").read_text().count('"pid"') == 1


def test_a_folder_has_one_server_only(folder):
    process.ensure(folder)

    second = subprocess.run(
        [sys.executable, "-m", "ytpool.sandbox", "--folder", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        env={**os.environ, "PYTHONPATH": HOME},
    )

    assert second.returncode == 1
    assert second.stderr == f"another sandbox already runs in {folder}\n"


def test_stopping_is_told_apart_from_not_running(folder):
    assert process.stop(folder) is False
    assert process.running(folder) is None
    process.ensure(folder)

    assert process.stop(folder) is True

    assert process.running(folder) is None


def test_a_sandbox_ends_when_told_over_its_desk_and_when_nobody_asks(folder):
    url = process.ensure(folder)
    Control(url).stop()
    end = time.monotonic() + 30
    while process.running(folder) and time.monotonic() < end:
        time.sleep(0.02)
    assert process.running(folder) is None

    assert process.ensure(folder, idle=0.2) == url

    end = time.monotonic() + 30
    while process.running(folder) and time.monotonic() < end:
        time.sleep(0.1)
    assert process.running(folder) is None


def test_a_sandbox_whose_folder_is_gone_ends(folder):
    url = process.ensure(folder)
    shutil.rmtree(folder)

    end = time.monotonic() + 30
    while _answers(url) and time.monotonic() < end:
        time.sleep(0.1)
    assert not _answers(url)


def test_a_sandbox_that_cannot_start_says_why(folder):
    folder.mkdir(parents=True)
    (folder / "journal.jsonl").write_text("this is no journal\n")

    with pytest.raises(SandboxFailed, match=r"line 1 of .*journal\.jsonl is damaged"):
        process.ensure(folder)


def test_half_a_line_at_the_end_was_never_answered(folder):
    control = Control(process.ensure(folder))
    control.add_channel("News")
    kill(folder)
    with (folder / "journal.jsonl").open("a") as journal:
        journal.write('[["channels","UCx",{"chan')

    process.ensure(folder)

    assert [channel["title"] for channel in control.status()["channels"]] == ["News"]


def test_the_same_seed_makes_the_same_ids_and_a_reset_begins_again(folder, tmp_path):
    other = tmp_path / "other"
    try:
        made = []
        for each, seed in ((folder, 5), (other, 5), (tmp_path / "third", 6)):
            control = Control(process.ensure(each, seed=seed))
            made.append((control.add_channel("News"), control.add_project("demo")["installed"]["client_id"]))
        before = Control(process.ensure(folder)).clock(forward=timedelta(days=1))
        control = Control(process.ensure(folder))
        control.reset()

        assert control.status()["channels"] == []
        assert control.clock() >= before  # a reset keeps the clock
        assert made[0] == made[1] != made[2]
        assert control.add_channel("News") == made[0][0]
    finally:
        process.stop(other)
        process.stop(tmp_path / "third")


def test_the_clock_is_seen_by_every_process_and_never_goes_back(folder):
    control = Control(process.ensure(folder))
    here = VirtualClock(SystemClock(), folder)
    assert offset(folder) == timedelta()
    start = here.now()

    control.clock(forward=timedelta(hours=8))
    there = control.clock(to=datetime.now(UTC) + timedelta(days=2))

    assert here.now() >= there >= start + timedelta(hours=40)
    assert abs(offset(folder) - timedelta(days=2)) < timedelta(seconds=5)
    with pytest.raises(UsageWrong, match="never goes back"):
        control.clock(to=datetime.now(UTC))
    with pytest.raises(UsageWrong, match="never goes back"):
        control.clock(forward=timedelta(seconds=-1))
    for beyond in ({"to": datetime(9999, 12, 31, tzinfo=UTC)}, {"forward": timedelta(days=1_000_000)}):
        with pytest.raises(UsageWrong, match="2100-01-01 and no further"):
            control.clock(**beyond)
    assert there <= control.clock() < there + timedelta(hours=1)


def test_a_machine_set_back_stops_the_clock_until_it_has_caught_up(tmp_path, wall):
    clock = VirtualClock(wall, tmp_path)
    clock.forward(timedelta(hours=1))
    stood = clock.now()

    wall.moment -= timedelta(hours=3)

    assert clock.now() == stood
    wall.moment += timedelta(hours=4)
    assert clock.now() == stood + timedelta(hours=1)


def test_looking_up_the_offset_imports_next_to_nothing(tmp_path):
    code = (
        "import sys; from pathlib import Path; from ytpool.sandbox.clock import offset; offset(Path('.')); "
        "print(*[name for name in ('http', 'asyncio', 'email', 'ssl', 'subprocess') if name in sys.modules])"
    )
    loaded = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {HOME!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    ).stdout.split()

    assert loaded == []


def test_concurrent_calls_are_all_counted(control, sandbox, send, token):
    url = f"{sandbox.url}/youtube/v3/channels?part=id&mine=true"
    callers = [threading.Thread(target=lambda: [send(url, token=token) for _ in range(20)]) for _ in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()

    truth = control.truth()
    assert truth["calls"]["channels.list"] == 160
    assert truth["projects"][0]["units"] == {"2026-11-20": {"general": 160}}
