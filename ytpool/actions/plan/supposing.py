"""What --what-if says: what a plan is made as if."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import NamedTuple

from ytpool.domain import names
from ytpool.domain.prices import Prices
from ytpool.errors import UsageWrong

_LIMIT = re.compile(r"limit\s+(?:(?P<project>\S+)\s+)?(?P<bucket>[a-z_]+)\s*=\s*(?P<units>[0-9]{1,12})")
_ADD = re.compile(r"add\s+account\s*:\s*(?P<account>\S+)")
_MOST_SUPPOSED = 100


class Supposed(NamedTuple):
    """What --what-if says."""

    limits: tuple[tuple[str, str, int], ...]
    """Project (empty: every one), bucket, units a day."""
    added: tuple[str, ...]


def suppose(what_if: Sequence[str], prices: Prices) -> Supposed:
    """Read what is supposed; raises UsageWrong with what there is to suppose."""
    supposed: list[tuple[str, str, int]] = []
    added: list[str] = []
    if len(what_if) > _MOST_SUPPOSED:
        raise UsageWrong(f"--what-if may be said at most {_MOST_SUPPOSED} times", hint="suppose less at once")
    for text in what_if:
        if match := _LIMIT.fullmatch(text.strip()):
            if match["bucket"] not in prices.limits:
                known = list(prices.limits)
                raise UsageWrong(
                    f"--what-if: there is no bucket {match['bucket']}{meant(match['bucket'], known)}",
                    hint=f"there are {', '.join(known)}",
                )
            supposed.append((match["project"] or "", match["bucket"], int(match["units"])))
        elif match := _ADD.fullmatch(text.strip()):
            added.append(names.require(match["account"], "an account"))
        else:
            raise UsageWrong(
                f"--what-if does not take {text!r}",
                hint="write 'limit uploads=500', 'limit PROJECT uploads=500' or 'add account:NAME'",
            )
    return Supposed(tuple(supposed), tuple(added))


def meant(name: str, known: Sequence[str]) -> str:
    """Say which known name comes closest to one that is not known, if any does."""
    close = get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""
