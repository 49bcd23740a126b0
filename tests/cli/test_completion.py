"""Completion: the scripts we ship are Typer's of today, and they work in the real shells."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest
from real_parts import need
from typer.completion import get_completion_script

from ytpool.cli.app import COMMANDS, COMPLETING

ROOT = Path(__file__).parents[2]
SHELLS = {"bash": "bash", "zsh": "zsh", "fish": "fish", "powershell": "ps1"}


@pytest.mark.parametrize("shell", SHELLS)
def test_the_scripts_are_those_of_the_installed_typer(shell):
    shipped = ROOT / "completions" / f"ytpool.{SHELLS[shell]}"
    fresh = get_completion_script(prog_name="ytpool", complete_var=COMPLETING, shell=shell)

    again = f"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION=1 ytpool --show-completion {shell} > {shipped}"
    assert shipped.read_text(encoding="utf-8") == fresh + "\n", f"stale; make it again with\n  {again}"


@pytest.fixture
def environment(home, tmp_path):
    """A shell that finds `ytpool` and has no settings of its own."""
    program = tmp_path / "bin" / "ytpool"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m ytpool "$@"\n')
    program.chmod(0o755)
    return {
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "YTPOOL_HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "TERM": "dumb",
        "LANG": "C.UTF-8",
    }


SPITEFUL = "night$(touch${IFS}a);`touch${IFS}b`'s\\$(touch${IFS}c)"
"""A name that a shell would obey if it were handed over as it is."""


@pytest.fixture
def names(environment, sandbox, ytpool, make_video, tmp_path):
    """Accounts `news`, `sports` and one with a spiteful name, a job, and sessions of users with awkward names."""
    secrets = sandbox.secrets_file()
    token = sandbox.token_file("night")
    assert ytpool("auth", "import", SPITEFUL, "--client-secrets", secrets, "--token", token)[0] == 0
    environment |= sandbox.addresses()
    status, out, err = ytpool("upload", make_video(), "--pool", "main", "--queue", "--json")
    assert status == 0, err
    for user in ("Анна Б", "zoe@home"):
        file = tmp_path / "cookies.json"
        cookie = {"name": "sessionid", "value": f"of {user}", "domain": ".instagram.com", "path": "/"}
        file.write_text(json.dumps({"cookies": [{**cookie, "expires": 4_000_000_000}], "origins": []}))
        assert ytpool("sessions", "migrate", "--file", file, "--user", user, "--platform", "instagram")[0] == 0
    return json.loads(out.splitlines()[-1])["data"]["job"]


def bash(folder):
    start = folder / "bashrc"
    start.write_text(f"source {ROOT}/completions/ytpool.bash\nPS1='ready>'\nbind 'set enable-bracketed-paste off'\n")
    return [need("bash"), "--noprofile", "--rcfile", str(start), "-i"]


def zsh(folder):
    lines = ("autoload -Uz compinit", "compinit -u", f"source {ROOT}/completions/ytpool.zsh", "PS1='ready>'", "")
    (folder / ".zshrc").write_text("\n".join(lines))
    return [need("zsh"), "-i"]


interactive = pytest.mark.parametrize("shell", [bash, zsh])


def press_tab(command, environment, typed, awaited):
    with pexpect.spawn(command[0], command[1:], env=environment, timeout=20, encoding="utf-8") as child:
        child.expect_exact("ready>")
        child.send(f"{typed}\t\t")
        return [child.expect_exact(word) for word in awaited]


@interactive
def test_a_shell_completes_a_group_and_its_verbs(environment, tmp_path, shell):
    command = shell(tmp_path)

    assert press_tab(command, environment, "ytpool conf", ["ig"]) == [0]
    assert press_tab(command, environment, "ytpool config ", ["check", "import", "path", "show"]) == [0, 0, 0, 0]


@interactive
def test_a_shell_completes_names_from_the_state_so_that_the_command_means_them(
    environment, names, tmp_path, shell, monkeypatch
):
    command = shell(tmp_path)
    monkeypatch.chdir(tmp_path)
    lines = {
        "ytpool accounts show ni": SPITEFUL,
        "ytpool auth status --account spo": "sports",
        "ytpool auth status --account=spo": "sports",
        f"ytpool queue show {names[:-2]}": names,
        "ytpool sessions show Ан": "Анна Б",
        "ytpool sessions show zoe@h": "zoe@home",
        "ytpool sessions show zoe@home@in": "zoe@home",
        "ytpool why ne": "news",
    }
    with pexpect.spawn(command[0], command[1:], env=environment, timeout=20, encoding="utf-8") as child:
        child.setwinsize(50, 400)
        child.expect_exact("ready>")
        for typed, meant in lines.items():
            child.send(typed)
            child.expect_exact(typed[-4:])
            child.send("\t")
            child.expect(r"[^\\\s] ")  # what is whole is followed by a space
            child.send(" --json; echo status=$?\r")
            child.expect(r"status=(\d+)\r")
            told = child.before
            assert (child.match[1], json.dumps(meant, ensure_ascii=False)[1:-1] in told) == ("0", True), (typed, told)

    assert [path.name for path in tmp_path.iterdir() if len(path.name) == 1] == []


def test_fish_completes_with_the_line_of_help(environment, names):
    def complete(typed):
        script = f"source {ROOT}/completions/ytpool.fish; complete -C {shlex.quote(typed)}"
        told = subprocess.run(
            [need("fish"), "-N", "-c", script], env=environment, capture_output=True, text=True, timeout=20, check=True
        )
        return dict(line.split("\t") if "\t" in line else (line, "") for line in told.stdout.splitlines())

    told = complete("ytpool ")
    assert told.keys() == COMMANDS.keys()
    assert all(COMMANDS[name].about.startswith(about.removesuffix("...")) for name, about in told.items())
    assert complete("ytpool config ").keys() == {"show", "path", "check", "import"}
    assert "--json" in complete("ytpool config show --")
    # What stands before the command does not stop it.
    assert complete("ytpool --profile sandbox --json config sh").keys() == {"show"}
    assert complete("ytpool accounts show ").keys() == {"news", "sports", SPITEFUL}
    assert complete("ytpool accounts show s") == {"sports": "sports"}
    assert complete("ytpool upload --pool ").keys() == {"main"}
    assert complete(f"ytpool queue show {names[:3]}").keys() == {names}
    assert complete("ytpool sessions show ").keys() == {"Анна Б@instagram", "zoe@home@instagram"}
    assert complete("ytpool pools set main --strategy r").keys() == {"round_robin", "random"}
    assert "news" not in complete("ytpool accounts show --profile nobody ")


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("file", ["config.toml", "state.db"])
def test_tab_offers_nothing_and_says_nothing_where_settings_or_state_are_broken(ytpool, home, monkeypatch, file):
    monkeypatch.setenv(COMPLETING, "complete_bash")
    monkeypatch.setenv("COMP_CWORD", "3")
    monkeypatch.setenv("COMP_WORDS", "ytpool\naccounts\nshow\n")
    whole = ytpool()

    (home / "default" / file).write_text("no [settings and no state")

    assert whole == (0, "news\nsports\n", "")
    assert ytpool() == (0, "", "")


def test_a_shell_that_nobody_knows_is_refused(ytpool, monkeypatch):
    monkeypatch.setenv(COMPLETING, "complete_csh")

    status, _, err = ytpool()

    assert (status, "complete_bash, complete_zsh" in err) == (2, True)
