"""Checking 500 browser sessions at a platform that answers after 200 ms, beside one after the other: at least 6 times.

Run from the repository's root as `python tests/benchmarks/sessions.py`. Both are `sessions check` without the start of
the program; one after the other is `--parallel 1`, measured with fifty of them and taken times ten. The platform runs
in a process of its own.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

import platform_site
import ratios

from ytpool import config
from ytpool.actions import session_checks, session_files, setup
from ytpool.actions.session_checks import How
from ytpool.actions.session_files import Said
from ytpool.domain.sessions import Finding
from ytpool.runtime import Runtime

AT_LEAST = 6.0
SESSIONS, SAMPLE = 500, 50
ANSWERS_AFTER = 0.2
ROUNDS = 3


def main():
    with (
        tempfile.TemporaryDirectory(prefix="ytpool-bench-") as folder,
        subprocess.Popen(
            [sys.executable, platform_site.__file__, str(ANSWERS_AFTER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="ascii",
        ) as site,
    ):
        try:
            measure(Path(folder), platform_site.Site(site.stdout.readline().strip()))
        finally:
            site.stdin.close()


def measure(folder, site):
    rt = brought_in(folder, site)
    few = [f"user-{number}" for number in range(SAMPLE)]
    seconds = ratios.in_turn(
        lambda: check(rt, (), SESSIONS, How()), lambda: check(rt, few, SAMPLE, How(parallel=1)), ROUNDS
    )
    rt.close()
    together, alone = (min(column) for column in zip(*seconds, strict=True))
    ratios.report(
        f"checking {SESSIONS} sessions, {How().parallel} at once, against one by one",
        [one * SESSIONS / SAMPLE / all_ for all_, one in seconds],
        at_least=AT_LEAST,
        note=f"at best {together:.1f} s; {SAMPLE} one by one {alone:.1f} s",
    )


def check(rt, which, count, how):
    found = session_checks.check(rt, which, None, how)
    assert [one.finding for one in found] == [Finding.ALIVE] * count, found


def brought_in(folder, site):
    environ = {"YTPOOL_HOME": str(folder / "home")}
    settings = folder / "home" / "default" / "config.toml"
    first = Runtime(config.load(profile=None, environ=environ), environ=environ)
    setup.init(first, vault=setup.KEY_FILE)
    first.close()
    settings.write_text(f'{settings.read_text()}\n[platforms.our]\nurl = "{site.home}"\n')
    files = [folder / f"user-{number}_our.json" for number in range(SESSIONS)]
    for file in files:
        file.write_text(json.dumps(site.state()))
    rt = Runtime(config.load(profile=None, environ=environ), environ=environ)
    for file in files:
        stored = list(session_files.migrate(rt, [file], Said(user=file.stem.removesuffix("_our"), platform="our")))
        assert stored[0].problem is None, stored
    return rt


if __name__ == "__main__":
    ratios.run(main)
