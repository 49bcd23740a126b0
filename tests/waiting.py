"""Waiting for what another process or thread does."""

import time


def wait_until(true, seconds=30):
    """Return as soon as this is true, and fail where it does not become so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
