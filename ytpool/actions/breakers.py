"""Breakers around calls: asked before a call leaves, told what came of it."""

import logging
from datetime import timedelta

from ytpool.config import Config
from ytpool.domain import failover
from ytpool.domain.breakers import Rules, Service
from ytpool.errors import UpstreamFailed
from ytpool.runtime import Runtime
from ytpool.store import breakers
from ytpool.store.breakers import Probe
from ytpool.store.db import Tx

log = logging.getLogger(__name__)


def rules(config: Config) -> Rules:
    """Return the rules that the settings say."""
    said = config.breakers
    return Rules(
        failures=said.failures,
        within=timedelta(seconds=said.within),
        probes=said.probes,
        rest=timedelta(seconds=said.rest),
        longest=timedelta(seconds=said.longest),
    )


def admit(rt: Runtime, tx: Tx, account: str, service: Service = Service.YOUTUBE) -> tuple[Probe, ...]:
    """Let a call leave, or raise Resting; what is returned belongs to the call if it tries something out."""
    return breakers.admit(tx, account, service, rules(rt.config))


def heard(
    rt: Runtime, tx: Tx, account: str, failure: UpstreamFailed | None, service: Service = Service.YOUTUBE
) -> None:
    """Take in what came of a call: an answer that means something, or a failure that says nothing of the call."""
    if failure is None or not failover.is_breakdown(failure):
        breakers.succeeded(tx, account, service)
        return
    reason = failure.reason if failure.answered and failure.reason else failure.message
    opened = breakers.failed(tx, account, service, rules(rt.config), rt.rng, reason)
    if opened is not None:
        log.warning("breaker opened", extra={"breaker": str(opened), "reason": failure.reason})


def require_closed(tx: Tx, account: str, failure: UpstreamFailed) -> None:
    """Raise Resting if a breaker is open that a failure like this one opens."""
    breakers.require_closed(tx, account, Service.OAUTH if failure.operation == "token" else Service.YOUTUBE)


def take_back(tx: Tx, probes: tuple[Probe, ...]) -> None:
    """The call did not leave after all."""
    breakers.take_back(tx, probes)
