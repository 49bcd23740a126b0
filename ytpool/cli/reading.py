"""Whoever reads what a command goes on writing, and may have stopped."""

import select

from ytpool.cli.invocation import Invocation
from ytpool.runtime import Runtime


def is_read_on(call: Invocation, rt: Runtime, seconds: float) -> bool:
    """Wait so long; False as soon as nobody reads stdout any more, which else only the next line would tell."""
    if call.lost is not None:
        return False
    try:
        descriptor = call.stdout.fileno()
    except OSError:
        rt.sleep(seconds)
        return True
    looks = select.poll()
    looks.register(descriptor, 0)  # that it is closed is told in any case
    if looks.poll(seconds * 1000):
        call.lost = BrokenPipeError()
    return call.lost is None
