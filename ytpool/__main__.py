"""`python -m ytpool` is the same program as `ytpool`."""

from ytpool.cli.app import entry

entry()
