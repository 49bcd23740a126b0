"""Runs the benchmarks of this folder one after the other and prints one table of what they promise and what was found.

`tests/benchmarks/run` starts it in its environment. Each program here is a benchmark, but for those that they share.
"""

import argparse
import ast
import json
import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import ratios
import real_parts
from kept import status_of

import ytpool

SHARED = ("dropping", "ratios", "table")
BENCHMARKS = {
    path.stem: ast.get_docstring(ast.parse(path.read_text())).partition("\n\n")[0].replace("\n", " ")
    for path in sorted(HERE.glob("*.py"))
    if path.stem not in SHARED
}
LOGS = ROOT / ".cache" / "tests" / "benchmarks"
BUSY = 0.1
"""The share of the machine that others may have before a figure means little."""
HEADINGS = ("benchmark", "what", "promised", "median", "quartiles", "rounds", "verdict", "also seen")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one benchmark: its rows, and why there are no more of them."""

    benchmark: str
    rows: list[ratios.Row] = field(default_factory=list)
    unable: str = ""
    failed: str = ""
    seconds: float
    others: float | None
    """The share of the machine that did not work for it."""

    @property
    def is_bad(self):
        return bool(self.failed) or not all(row.kept for row in self.rows)


def main():
    asked = arguments()
    if asked.list:
        width = max(map(len, BENCHMARKS))
        print("\n".join(f"{name:{width}}  {about}" for name, about in BENCHMARKS.items()))
        return 0
    before, outcomes, interrupted = load(), [], False
    if before and before > os.cpu_count() * BUSY:
        told(f"this machine is at work already (load {before:.2f}): the figures will say little about ytpool")
    try:
        for name in asked.only or BENCHMARKS:
            told(f"{name} …")
            outcomes.append(measured(name, quick=asked.quick))
    except KeyboardInterrupt:
        interrupted = True
    about = circumstances(before, outcomes, quick=asked.quick)
    print("\n".join([*heading(about), "", *table(outcomes)]))
    if asked.json:
        found = {**about, "benchmarks": [asdict(one) for one in outcomes]}
        asked.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 130 if interrupted else int(any(one.is_bad for one in outcomes))


def arguments():
    parser = argparse.ArgumentParser(
        prog="tests/benchmarks/run",
        description="Measure what ytpool promises of its speed and its needs, and print one table.",
        epilog=f"Status 1: a promise is BROKEN, or a benchmark failed. What each said stands in {LOGS}.",
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=BENCHMARKS, help="only these benchmarks")
    parser.add_argument("--list", action="store_true", help="name the benchmarks and what each measures")
    parser.add_argument("--quick", action="store_true", help="few rounds: to see that all of it runs, not to be quoted")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was found to this file too")
    return parser.parse_args()


def measured(name, *, quick):
    """Run a benchmark as a program of its own."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"{name}.log"
    with tempfile.TemporaryDirectory(prefix="ytpool-bench-") as folder:
        place = Path(folder) / "rows"
        place.touch()
        # What is set for somebody's own ytpool would be measured too.
        environ = {key: value for key, value in os.environ.items() if not key.startswith("YTPOOL_")}
        environ |= {"YTPOOL_BENCHMARK_ROWS": str(place)} | ({"YTPOOL_BENCHMARK_QUICK": "1"} if quick else {})
        began, busy, own = time.monotonic(), busy_seconds(), own_seconds()
        status = status_of([sys.executable, "-u", HERE / f"{name}.py"], says=log, cwd=ROOT, env=environ)
        took = time.monotonic() - began
        rows = [ratios.Row(**json.loads(line)) for line in place.read_text(encoding="utf-8").splitlines()]
    last = (log.read_text(encoding="utf-8", errors="replace").split("\n\n")[-1].splitlines() or [""])[-1]
    others = None if busy is None else busy_seconds() - busy - (own_seconds() - own)
    return Outcome(
        benchmark=name,
        rows=rows,
        unable=last if status == ratios.UNABLE else "",
        failed="" if status in {0, ratios.BROKEN, ratios.UNABLE} else f"{textwrap.shorten(last, 100)} ({log})",
        seconds=took,
        others=None if others is None else max(0.0, others / took / os.cpu_count()),
    )


def table(outcomes):
    """Return the lines of a table that is Markdown as it stands."""
    cells = [HEADINGS]
    for one in outcomes:
        cells += [
            (
                *(one.benchmark, row.what, row.promise, row.found, row.spread, str(row.rounds)),
                *("kept" if row.kept else "BROKEN", row.note),
            )
            for row in one.rows
        ]
        if one.unable:
            cells.append((one.benchmark, "", "", "", "", "", "could not run", one.unable))
        if one.failed:
            cells.append((one.benchmark, "", "", "", "", "", "FAILED", one.failed))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [f"| {' | '.join(map(str.ljust, row, widths))} |" for row in cells]
    return [lines[0], f"|{'|'.join('-' * (width + 2) for width in widths)}|", *lines[1:]]


def circumstances(before, outcomes, *, quick):
    """Say where and when this was measured."""
    return {
        "ytpool": ytpool.__version__,
        "measured_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "seconds": round(sum(one.seconds for one in outcomes), 1),
        "quick": quick,
        "cpu": cpu(),
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "disk": disk(Path(tempfile.gettempdir())),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "postgresql": postgresql(),
        "load_before": before,
        "load_after": load(),
        "disturbed": {one.benchmark: one.others for one in outcomes if (one.others or 0) > BUSY},
    }


def heading(about):
    """Return the lines above the table."""
    lines = [
        f"- ytpool {about['ytpool']}, measured {about['measured_at']} in {about['seconds'] / 60:.1f} minutes",
        (
            f"- {about['cpu']}, {about['cores']} cores, {about['memory_bytes'] / 2**30:.1f} GiB of memory, "
            f"{about['disk']}, {about['kernel']}"
        ),
        f"- Python {about['python']}, SQLite {about['sqlite']}, "
        + (f"PostgreSQL {about['postgresql']}" if about["postgresql"] else "no PostgreSQL"),
    ]
    if about["load_before"] is not None:
        lines.append(f"- load {about['load_before']:.2f} before, {about['load_after']:.2f} after, which is our own too")
    if about["quick"]:
        lines.append("- **few rounds** (`--quick`): this shows that all of it runs, and is not to be quoted")
    if about["disturbed"]:
        shares = ", ".join(f"{name} ({share:.0%})" for name, share in about["disturbed"].items())
        lines.append(f"- **the machine was not quiet**: others used more than {BUSY:.0%} of it during these: {shares}")
    return lines


def cpu():
    if sys.platform == "darwin":
        words = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def disk(folder):
    """Return the kind of disk that a folder lies on, as far as the kernel says it."""
    number = folder.stat().st_dev
    device = f"{os.major(number)}:{os.minor(number)}"
    kind = "disk of unknown kind"
    for place in (Path("/sys/dev/block") / device, Path("/sys/dev/block") / device / ".."):
        turns = place / "queue" / "rotational"
        if turns.exists():
            kind = "rotating disk, says the kernel" if turns.read_text().strip() == "1" else "solid-state disk"
            break
    mounts = Path("/proc/self/mountinfo")
    rows = [line.split() for line in mounts.read_text().splitlines()] if mounts.exists() else []
    system = next((row[row.index("-") + 1] for row in rows if row[2] == device), "")
    return "memory (tmpfs)" if system == "tmpfs" else f"{system} on a {kind}" if system else kind


def postgresql():
    """Return the version that benchmarks find, or nothing."""
    program = real_parts.found("postgres")
    if program is None:
        return ""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    return said.partition(")")[2].split("(")[0].strip()


def load():
    """Return the load of the last minute, where the system counts it."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def busy_seconds():
    """Return for how long the cores have been at work for anybody, a neighbour on the same machine included."""
    place = Path("/proc/stat")
    if not place.exists():
        return None
    user, nice, system, _idle, _waiting, irq, softirq, stolen = map(int, place.read_text().split()[1:9])
    return (user + nice + system + irq + softirq + stolen) / os.sysconf("SC_CLK_TCK")


def own_seconds():
    """Return for how long they have been at work for us and for what we started that has ended."""
    return sum(os.times()[:4])


def told(sentence):
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
