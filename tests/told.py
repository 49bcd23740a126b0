"""What a command told with `--json`."""

import json


def told(out):
    """Return the object that a command ended with: its last line, whatever came before."""
    return json.loads(out.splitlines()[-1])


def data(out):
    """Return what was asked for."""
    return told(out)["data"]
