"""The large forms of what tests try small, one after the other, each from a seed that is said.

`tests/nightly` starts it in its environment. A trial that passed whole is remembered with the sources it passed on, so
that a night that was broken off goes on where it was. Nothing here is timed: how long a trial took is told, and
promised by nobody.
"""

import argparse
import hashlib
import json
import os
import random
import sys
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

from kept import status_of

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".cache" / "nightly"
PASSED = FOLDER / "passed.json"
WHOLE = {"YTPOOL_TEST_SCALE": "1"}
WIDTH = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Something to try at length: tests, chosen as pytest is told, and how large; or a program that takes a seed."""

    about: str
    tests: tuple[str, ...] = ()
    program: tuple[str, ...] = ()
    environ: dict[str, str] = field(default_factory=lambda: WHOLE)

    @property
    def is_there(self):
        return all((ROOT / word).exists() for word in (*self.tests, *self.program) if word.startswith("tests"))

    def words(self, seed, report):
        """Return the program that makes this trial; tests also write what became of each."""
        if self.program:
            return [sys.executable, *self.program, "--seed", str(seed)]
        pytest = ["-m", "pytest", "-s", "-p", "no:cacheprovider", "--override-ini", "tmp_path_retention_policy=failed"]
        return [sys.executable, *pytest, f"--hypothesis-seed={seed}", f"--junitxml={report}", *self.tests]


TRIALS = {
    "chaos": Trial(
        about="2,000 uploads while processes die, lines break, answers are lost and midnight passes",
        tests=("tests/cli/test_chaos.py", "-m", "nightly"),
        environ={"YTPOOL_TEST_SCALE": "0.1"},
    ),
    "chaos-large-files": Trial(about="the same with 200 uploads of up to 30 MB", tests=("tests/cli/test_chaos.py",)),
    "week": Trial(
        about="seven days, fifty videos a day, fifteen accounts, disasters every day and a clock change",
        tests=("tests/cli/test_virtual_week.py",),
    ),
    "properties": Trial(
        about="every property with 4,000 examples, the ledger against its model among them",
        tests=("tests", "-m", "hypothesis"),
        environ={"YTPOOL_TEST_SCALE": "1", "YTPOOL_TEST_EXAMPLES": "4000"},
    ),
    "workers-die": Trial(
        about="2,000 jobs of 8 workers that are killed, stand still and wake again",
        tests=("tests/cli/test_workers_die.py",),
    ),
    "fleet": Trial(
        about="1,000 jobs on three machines; workers killed, links cut, PostgreSQL restarted",
        tests=("tests/cli/test_fleet_survives.py",),
    ),
    "moving": Trial(
        about="a million rows from SQLite to PostgreSQL and back, killed at random",
        tests=("tests/cli/test_state_moves.py",),
    ),
    "kills": Trial(about="250 processes killed in the middle of the books", tests=("tests/store/test_processes.py",)),
    "rehearsals": Trial(
        about="every shipped scenario on fifteen accounts, and every planted defect found",
        tests=("tests/cli/test_rehearse.py", "-m", "nightly"),
    ),
    "sizes": Trial(
        about="everything else that everyday tests make smaller: jobs, sessions, processes, files of 300 MB",
        tests=(
            "tests/actions/test_nothing_starves.py",
            "tests/cli/test_alerts.py",
            "tests/cli/test_dashboard.py",
            "tests/cli/test_multi_server.py",
            "tests/cli/test_plan.py",
            "tests/cli/test_real_input.py",
            "tests/cli/test_report.py",
            "tests/cli/test_serve_behind_proxies.py",
            "tests/cli/test_sessions.py",
            "tests/cli/test_tasks.py",
            "tests/domain/test_fairness.py",
            "tests/store/test_database.py",
        ),
    ),
    "fuzzing": Trial(
        about="every parser of what comes from outside, ten minutes each",
        program=("tests/fuzzing", "--seconds", "600"),
    ),
}
TRIALS = {name: trial for name, trial in TRIALS.items() if trial.is_there}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a trial ended."""

    trial: str
    verdict: str
    seed: int
    seconds: float
    detail: str = ""


def main():
    asked = arguments()
    if asked.list:
        print("\n".join(f"{name:{WIDTH}}{trial.about}" for name, trial in TRIALS.items()))
        return 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    sources = digest()
    remembered = {} if asked.again or not PASSED.exists() else json.loads(PASSED.read_text(encoding="utf-8"))
    passed = remembered if remembered.get("sources") == sources else {"sources": sources}
    ended = []
    try:
        for name in asked.only or TRIALS:
            if name in passed:
                print(f"{name}: passed before, on these very sources", flush=True)
                ended.append(Ended(trial=name, **passed[name]))
                continue
            seed = random.randrange(1, 2**31) if asked.seed is None else asked.seed
            print(f"{name}: seed {seed} …", flush=True)
            ended.append(tried(name, seed))
            print(f"{name}: {ended[-1].verdict} {ended[-1].detail}".rstrip(), flush=True)
            if ended[-1].verdict == "passed":
                last = ended[-1]
                passed[name] = {"verdict": "passed before", "seed": last.seed, "seconds": last.seconds}
                _keep(passed)
    except KeyboardInterrupt:
        summary(ended)
        return 130
    summary(ended)
    return int(any(one.verdict == "FAILED" for one in ended))


def arguments():
    parser = argparse.ArgumentParser(
        prog="tests/nightly",
        description="Try at length what everyday tests try small. It takes hours.",
        epilog=f"Status 1: a trial failed. What each said stands in {FOLDER}. A trial of which tests were "
        "skipped, because a real program is missing, is said to be partly tried, and is not remembered.",
    )
    parser.add_argument("--only", nargs="+", metavar="TRIAL", choices=TRIALS, help="only these trials")
    parser.add_argument("--list", action="store_true", help="name the trials and what each tries")
    parser.add_argument("--seed", type=int, metavar="N", help="play them from this seed instead of one by chance")
    parser.add_argument("--again", action="store_true", help="run what passed on these sources too")
    return parser.parse_args()


def tried(name, seed):
    """Make one trial, and say how it ended."""
    trial, report, log = TRIALS[name], FOLDER / f"{name}.xml", FOLDER / f"{name}.log"
    report.unlink(missing_ok=True)
    environ = {key: value for key, value in os.environ.items() if not key.startswith("YTPOOL_") or "_TEST_" in key}
    environ |= trial.environ | {"YTPOOL_CHAOS_SEED": str(seed)}
    began = time.monotonic()
    status = status_of(trial.words(seed, report), says=log, cwd=ROOT, env=environ)
    took = round(time.monotonic() - began, 1)
    verdict, detail = ("FAILED", f"(status {status}; {log})") if status else ("passed", "")
    if not status and trial.tests:
        cases = [*ET.parse(report).getroot().iter("testcase")]
        skipped = [one.find("skipped").get("message", "") for one in cases if one.find("skipped") is not None]
        detail = f"({len(cases) - len(skipped)} of {len(cases)} tests)"
        if skipped:
            verdict, detail = "partly tried", f"{detail[:-1]}; {skipped[0].partition(chr(10))[0]})"
    return Ended(trial=name, verdict=verdict, seed=seed, seconds=took, detail=detail)


def digest():
    """Return what tells these sources from others."""
    found = hashlib.sha256()
    for path in sorted([ROOT / "pyproject.toml", *(ROOT / "ytpool").rglob("*"), *(ROOT / "tests").rglob("*")]):
        if path.is_file() and "__pycache__" not in path.parts:
            found.update(f"{path.relative_to(ROOT)}\0".encode())
            found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def summary(ended):
    print(f"\n{'trial':{WIDTH}}{'verdict':16}{'seed':>12}{'took':>12}")
    for one in ended:
        print(f"{one.trial:{WIDTH}}{one.verdict:16}{one.seed:>12}{timedelta(seconds=round(one.seconds))!s:>12}")


def _keep(passed):
    """Remember what passed, whatever ends this program meanwhile."""
    beside = PASSED.with_suffix(".new")
    beside.write_text(json.dumps(passed, indent=1) + "\n", encoding="utf-8")
    beside.replace(PASSED)


if __name__ == "__main__":
    sys.exit(main())
