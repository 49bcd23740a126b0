"""Completion: the scripts we ship are Typer's of today, and they work in the real shells."""

import os
import shutil
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


def press_tab(command, environment, typed, awaited):
    with pexpect.spawn(command[0], command[1:], env=environment, timeout=20, encoding="utf-8") as child:
        child.expect_exact("ready>")
        child.send(f"{typed}\t\t")
        return [child.expect_exact(word) for word in awaited]


def test_bash_completes_a_group_and_its_verbs(environment, tmp_path):
    start = tmp_path / "bashrc"
    start.write_text(f"source {ROOT}/completions/ytpool.bash\nPS1='ready>'\n")
    command = [need("bash"), "--noprofile", "--rcfile", str(start), "-i"]

    assert press_tab(command, environment, "ytpool conf", ["ig"]) == [0]
    assert press_tab(command, environment, "ytpool config ", ["check", "import", "path", "show"]) == [0, 0, 0, 0]


def test_zsh_completes_a_group_and_its_verbs(environment, tmp_path):
    functions = tmp_path / "functions"
    functions.mkdir()
    shutil.copy(ROOT / "completions/ytpool.zsh", functions / "_ytpool")
    (tmp_path / ".zshrc").write_text(f"fpath=({functions} $fpath)\nautoload -Uz compinit\ncompinit -u\nPS1='ready>'\n")
    command = [need("zsh"), "-i"]

    assert press_tab(command, environment, "ytpool conf", ["ig"]) == [0]
    assert press_tab(command, environment, "ytpool config ", ["check", "import", "path", "show"]) == [0, 0, 0, 0]


def test_fish_completes_with_the_line_of_help(environment):
    def complete(typed):
        script = f"source {ROOT}/completions/ytpool.fish; complete -C '{typed}'"
        told = subprocess.run(
            [need("fish"), "-N", "-c", script], env=environment, capture_output=True, text=True, timeout=20, check=True
        )
        return dict(line.split("\t") for line in told.stdout.splitlines())

    told = complete("ytpool ")
    assert told.keys() == COMMANDS.keys()
    assert all(COMMANDS[name].about.startswith(about.removesuffix("...")) for name, about in told.items())
    assert complete("ytpool config ").keys() == {"show", "path", "check", "import"}
    assert "--json" in complete("ytpool config show --")
    # What stands before the command does not stop it.
    assert complete("ytpool --profile sandbox --json config sh").keys() == {"show"}
