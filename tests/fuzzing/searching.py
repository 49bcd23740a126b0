"""Fuzz a target for a while, and go on after what is found."""

import time
import traceback
from dataclasses import replace
from pathlib import Path

A_ROUND = 500
"""Inputs of one seed."""


def by_chance(target, seconds, seed):
    """Try inputs for so many seconds of a processor; return what was found, by the place where it broke."""
    began, tried, found = time.process_time(), 0, {}

    def collect(given_input):
        nonlocal tried
        if time.process_time() - began >= seconds:
            return
        tried += 1
        try:
            target.hold(given_input)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            place, said = _place(error)
            shown = repr(given_input)
            if place not in found or len(shown) < len(found[place][1]):
                found[place] = said, shown

    rounds = 0
    while time.process_time() - began < seconds:
        collecting = replace(target, check=collect)
        collecting.test(examples=A_ROUND, seeded=seed + rounds, shrinks=False, bounded=False)()
        rounds += 1
    spent = time.process_time() - began
    print(
        f"{target.name}: {tried:,} inputs in {spent:,.0f} s of a processor, seeds {seed} to {seed + rounds - 1}: ",
        end="",
    )
    print(f"{len(found)} findings" if found else "nothing found", flush=True)
    for place, (said, shown) in found.items():
        print(f"  {place}: {said}\n    {shown[:300]}", flush=True)
    return found


def _place(error):
    frames = traceback.extract_tb(error.__traceback__)
    ours = next((one for one in reversed(frames) if "/ytpool/" in one.filename), frames[-1])
    said = str(error).partition("\n")[0][:120]
    return f"{type(error).__name__} at {Path(ours.filename).name}:{ours.lineno} in {ours.name}", ascii(said)
