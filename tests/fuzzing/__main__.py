"""Fuzz one parser, or all of them one after another, for as long as one likes; ends with 1 where a promise was broken.

Run: python tests/fuzzing [TARGET ...] [--seconds 600] [--seed 1] [--coverage]

Each round of inputs has a seed of its own, counted up from the first, so a run can be repeated. What breaks a promise
is told once for each place where it breaks, with the shortest input seen, and the search goes on. `--coverage` lets
libFuzzer choose the inputs by the lines they reach, which needs atheris (pip install atheris), takes one target, and
ends at the first finding.
"""

import argparse
import logging
import resource
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

_MEMORY = 3 << 30
"""Bytes that a run may have; a parser that wants more is told so, and that is a finding."""


def main() -> int:
    options = argparse.ArgumentParser(prog="tests/fuzzing", description=__doc__.partition("\n")[0])
    options.add_argument("target", nargs="*", help="names of targets; all without one")
    options.add_argument("--seconds", type=float, default=600, help="of a processor, for each target (default: 600)")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--coverage", action="store_true", help="let libFuzzer choose the inputs")
    asked = options.parse_args()
    if asked.coverage:
        return by_coverage(asked)
    logging.getLogger().addHandler(logging.NullHandler())  # what is told of each refusal would drown what is found
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    from fuzzing.every import TARGETS
    from fuzzing.searching import by_chance

    if unknown := set(asked.target) - {target.name for target in TARGETS}:
        options.error(
            f"there is no target {', '.join(sorted(unknown))}; there are {', '.join(t.name for t in TARGETS)}"
        )
    found = 0
    for target in TARGETS:
        if not asked.target or target.name in asked.target:
            found += len(by_chance(target, asked.seconds, asked.seed))
    return 1 if found else 0


def by_coverage(asked):
    """Hand one target to libFuzzer, which never returns: it ends the process itself."""
    import atheris

    with atheris.instrument_imports(include=["ytpool"]):
        from fuzzing import target as bounds
        from fuzzing.every import TARGETS

    bounds.COUNTS[0] = False
    (target,) = [one for one in TARGETS if one.name in asked.target]
    tried = target.test(examples=1).hypothesis.fuzz_one_input
    how = [
        f"-max_total_time={asked.seconds:.0f}",
        f"-seed={asked.seed}",
        "-timeout=30",
        "-rss_limit_mb=3072",
        "-len_control=0",
    ]
    atheris.Setup([sys.argv[0], *how, "-max_len=8192", "-print_final_stats=1"], tried)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
