"""`refresh-tokens` that comes by by itself: what is printed was tried, and works with an empty environment."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from real_parts import need
from schemas import fits

EMPTY = ("env", "-i", f"HOME={Path.home()}", "PATH=/usr/bin:/bin")


def test_the_line_for_cron_refreshes_what_this_installation_would(ytpool, sandbox, installed):
    status, out, err = installed("refresh-tokens", "--print-cron")
    assert status == 0, err
    when, line = out.strip().split(" * * * * ")
    assert (when, line.endswith(">/dev/null")) == ("*/20", True)
    sandbox.control.clock(forward=timedelta(minutes=40))
    assert ytpool("refresh-tokens", "--account", "news", "--force")[0] == 0  # its answer tells ytpool the time
    before = sandbox.calls("token")

    done = subprocess.run(
        [*EMPTY, "sh", "-c", line.replace(r"\%", "%")], cwd="/", capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert sandbox.calls("token") - before == 1  # that of `sports`, which was due


def test_the_units_for_systemd_are_what_systemd_takes(sandbox, installed, tmp_path):  # noqa: ARG001 - it is set up there
    status, out, err = installed("refresh-tokens", "--print-systemd", "--account", "news", "--json")
    assert status == 0, err
    found = fits("refresh-tokens-print", out)
    folder = tmp_path / "units"
    folder.mkdir()
    paths = []
    for file in found["files"]:
        paths.append(folder / Path(file["path"]).name)
        paths[-1].write_text(file["content"])
        paths[-1].chmod(0o644)
    assert [path.name for path in paths] == ["ytpool-refresh.service", "ytpool-refresh.timer"]
    assert "systemctl" in found["commands"][-1]

    done = subprocess.run(
        [need("systemd-analyze"), "verify", "--man=no", *paths], capture_output=True, text=True, check=False
    )

    assert [line for line in done.stderr.splitlines() if "ytpool" in line] == []
    assert "--account news" in paths[0].read_text()


def test_a_key_that_cron_could_not_read_is_said_with_what_helps(ytpool, sandbox, installed, home, tmp_path):  # noqa: ARG001
    credentials = tmp_path / "credentials"
    credentials.mkdir(mode=0o700)
    (home / "default" / "vault.key").rename(credentials / "ytpool-key")
    assert installed("refresh-tokens", CREDENTIALS_DIRECTORY=str(credentials))[0] == 0

    status, out, _ = installed("refresh-tokens", "--print-cron", "--json", CREDENTIALS_DIRECTORY=str(credentials))

    assert status == 6
    told = json.loads(out)
    assert (told["data"]["works"], told["data"]["line"].startswith("*/20 ")) == (False, True)
    assert told["error"]["code"] in {"vault_unavailable", "vault_key_lost"}
    assert "YTPOOL_VAULT_KEY_FILE" in told["error"]["hint"] or "key file" in told["error"]["hint"]


@pytest.mark.usefixtures("sandbox")
def test_a_program_that_does_not_start_from_elsewhere_is_no_good_to_cron(ytpool, tmp_path, monkeypatch):
    elsewhere = tmp_path / "python"  # one that has never heard of ytpool
    elsewhere.write_text("#!/bin/sh\necho No module named ytpool >&2\nexit 1\n")
    elsewhere.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(elsewhere))
    monkeypatch.setattr(sys, "argv", ["-c"])

    status, out, _ = ytpool("refresh-tokens", "--print-cron", "--json")

    assert (status, json.loads(out)["error"]["code"]) == (6, "schedule_fails")
    assert ytpool("refresh-tokens", "--print-cron", "--print-systemd")[0] == 2


def test_a_worker_runs_on_by_systemd_and_comes_by_every_minute_by_cron(sandbox, installed, tmp_path):  # noqa: ARG001
    status, out, err = installed("work", "--print-systemd", "--parallel", "4", "--pool", "main", "--json")
    assert status == 0, err
    [unit] = fits("refresh-tokens-print", out)["files"]
    assert unit["path"].endswith("/ytpool-work.service")
    assert "work --quiet --pool main --parallel 4" in unit["content"]
    wanted = {"Restart=always", "SuccessExitStatus=130", "KillMode=mixed", "[Install]"}
    assert wanted <= {*unit["content"].splitlines()}
    path = tmp_path / "ytpool-work.service"
    path.write_text(unit["content"])
    subprocess.run([need("systemd-analyze"), "verify", "--man=no", path], check=True)

    status, out, err = installed("work", "--print-cron")
    assert status == 0, err
    when, line = out.strip().split(" * * * * ")
    assert (when, "work --quiet --once" in line) == ("*", True)
    assert installed("work", "--print-cron", "--once")[0] == 2


def test_keys_of_services_that_are_set_here_are_not_handed_to_a_scheduler_and_that_is_said(home, sandbox, installed):  # noqa: ARG001
    config = home / "default" / "config.toml"
    film = '[providers.film]\npreset = "runninghub"\nurl = "https://film.example"\nkeys = "FILM_KEY"\n'
    config.write_text(f"{config.read_text()}\n{film}")

    status, out, err = installed("work", "--print-cron", "--json", FILM_KEY_2="a key of mine")
    without = installed("work", "--print-cron", "--json")[1]
    tokens = installed("refresh-tokens", "--print-cron", "--json", FILM_KEY="a key of mine")[1]

    assert status == 0, err
    (note,) = json.loads(out)["data"]["notes"]
    assert "FILM_KEY" in note
    assert "ytpool task keep-key film" in note
    assert "a key of mine" not in out
    assert json.loads(without)["data"]["notes"] == json.loads(tokens)["data"]["notes"] == []
