"""Which steps of a chain may be tried for an order, now: what it allows, what is there, and what rests."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from ytpool.actions import api_keys, programs
from ytpool.actions.tasks import slots
from ytpool.domain import chains as rules
from ytpool.domain import moments
from ytpool.domain.chains import Step
from ytpool.domain.jobs import Job
from ytpool.errors import (
    NoEligibleAccount,
    UnknownName,
    UsageWrong,
)
from ytpool.runtime import Runtime
from ytpool.store import chains, jobs, rests
from ytpool.store.db import Tx
from ytpool.store.rests import Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainOrder:
    """What somebody wants of a chain."""

    chain: str
    inputs: Mapping[str, str]
    arguments: tuple[str, ...] = ()
    max_cost: float | None = None
    """For all that is tried together."""
    min_quality: float | None = None
    again: bool = False
    """Do it although just this was asked for and is not over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTested:
    """Whether a step would be tried now, and if not, why."""

    step: str
    service: str
    by: str
    """command or provider"""
    cost: float
    quality: float
    would: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainTest:
    """What a run would try now, in order."""

    chain: str
    steps: tuple[StepTested, ...]


def test(rt: Runtime, order: ChainOrder) -> ChainTest:
    """Say which steps would be tried now, and why the others not; nothing is run, sent or stored."""
    _require_numbers(order)
    return _tested(rt, order, require_chain(rt, order.chain), spent=0.0)


def look_again(rt: Runtime, job_id: str) -> ChainTest:
    """Say which steps would be tried now for a job that was asked for."""
    with rt.store.reading() as tx:
        job = jobs.get(tx, job_id)
        spent = sum(one.cost for one in chains.of_job(tx, job.job))
    return _tested(rt, order_of(job), require_chain(rt, job.target.name), spent=spent)


def require_chain(rt: Runtime, name: str) -> dict[str, Step]:
    """Return the steps of a chain, those of chains in it too; raises UnknownName."""
    known = rt.config.chains
    if name in known:
        return dict(rules.flattened(known, name))
    close = get_close_matches(name, known, n=1)
    there = f"there are {', '.join(known)}" if known else f"describe it in [[chains.NAME]] of {rt.config.paths.config}"
    raise UnknownName(
        f"there is no chain named {name!r}",
        hint=f"did you mean {close[0]}?" if close else there,
        what="chain",
        name=name,
    )


def require_sensible(rt: Runtime, order: ChainOrder) -> dict[str, Step]:
    """Refuse what no step could ever do, and inputs that are missing or that nobody takes."""
    steps = require_chain(rt, order.chain)
    _require_numbers(order)
    if all(_out_of_reach(order, step, spent=0.0) for step in steps.values()):
        raise UsageWrong(
            f"no step of {order.chain} fits --max-cost and --min-quality",
            hint=f"see: ytpool chain test {order.chain}",
        )
    needed: set[str] = set()
    known: set[str] = set()
    for step in steps.values():
        takes = rt.config.providers[step.provider].inputs if step.provider else dict.fromkeys(step.words, True)
        known |= set(takes)
        needed |= {name for name, must in takes.items() if must}
    if missing := sorted(needed - set(order.inputs)):
        raise UsageWrong(f"{order.chain} needs {', '.join(missing)}", hint=f"say --set {missing[0]}=VALUE")
    if strange := sorted(set(order.inputs) - known):
        takes_all = f"it takes {', '.join(sorted(known))}" if known else "it takes none"
        raise UsageWrong(f"{order.chain} has no {', '.join(strange)}", hint=takes_all)
    return steps


def _require_numbers(order: ChainOrder) -> None:
    """Refuse what is no number, or has no end: nothing can be said to cost so much."""
    for option, number in (("--max-cost", order.max_cost), ("--min-quality", order.min_quality)):
        if number is not None and not math.isfinite(number):
            raise UsageWrong(f"{option} takes a number, not {number}", hint="leave it out, and there is no limit")


def _tested(rt: Runtime, order: ChainOrder, steps: Mapping[str, Step], *, spent: float) -> ChainTest:
    tested = []
    for label, step in steps.items():
        why = not_ready(rt, order, step, spent)
        with rt.store.reading() as tx:
            why = why or why_it_rests(tx, step)
        tested.append(
            StepTested(
                step=label,
                service=step.service,
                by="provider" if step.provider else "command",
                cost=step.cost,
                quality=step.quality,
                would=not why,
                why=why,
            )
        )
    return ChainTest(chain=order.chain, steps=tuple(tested))


def _out_of_reach(order: ChainOrder, step: Step, spent: float) -> str:
    if order.min_quality is not None and not step.quality >= order.min_quality:
        return f"its quality is {step.quality:g}, below {order.min_quality:g}"
    if order.max_cost is not None and not spent + step.cost <= order.max_cost + _ROUNDING:
        already = f" and {spent:g} are spent" if spent else ""
        return f"it is too dear: it costs {step.cost:g}{already}, and {order.max_cost:g} is the most"
    return ""


_ROUNDING = 1e-9
"""0.1 + 0.2 is not more than 0.3."""


def not_ready(rt: Runtime, order: ChainOrder, step: Step, spent: float) -> str:
    """Say why a step is not to be tried; empty where nothing speaks against it. Whether it rests is asked apart."""
    if why := _out_of_reach(order, step, spent):
        return why
    if step.provider:
        provider = rt.config.providers[step.provider]
        try:
            free = slots.free(rt, provider, api_keys.require(rt, provider))
        except NoEligibleAccount as error:
            return error.message
        return "" if free else "no slot of its keys is free"
    return "" if programs.find(rt, step.command[0], programs.environment(rt)) else f"{step.command[0]} is not there"


def why_it_rests(tx: Tx, step: Step) -> str:
    """Say until when a step rests and why; empty where it does not."""
    for rest in rests.running(tx):
        is_it = rest.scope is Scope.SERVICE and rest.name in {step.service, step.provider}
        if is_it or rest.scope is Scope.EVERYTHING:
            until = "a person acts" if rest.until is None else moments.spoken(rest.until)
            return f"it rests until {until}: {rest.reason}"
    return ""


def order_of(job: Job) -> ChainOrder:
    """Read what a chain's job was asked for."""
    request = json.loads(job.request)
    return ChainOrder(
        chain=job.target.name,
        inputs=request["inputs"],
        arguments=tuple(request["arguments"]),
        max_cost=request["max_cost"],
        min_quality=request["min_quality"],
    )
