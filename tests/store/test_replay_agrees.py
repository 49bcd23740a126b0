"""What is played in the mind is what the state does: the same jobs to the same accounts, one after the other."""

import random
from datetime import timedelta

import pytest
from books import make_pool

from ytpool.domain import balancing, quota
from ytpool.domain.balancing import Strategy, Tier, Weights
from ytpool.domain.jobs import Target, TargetKind
from ytpool.domain.replay import PastJob, Player, Scene, play
from ytpool.store import accounts, candidates, caps, ledger, pools
from ytpool.store.ledger import Call, Payer

POOL = Target(kind=TargetKind.POOL, name="main")
CALLS = ("videos.insert", "videos.list")
CAPS = {"a": 3, "b": 8}
LIMITS = {"uploads": 20, "general": 10_000, "search": 100, "batch_stats": 10_000}


@pytest.fixture
def pool(books):
    """Four accounts: one of them in reserve, two under caps of their own, and one with a channel that takes few."""
    books.account("a", priority=1)
    books.account("b", priority=2)
    books.account("c", priority=2)
    books.account("spare", tier="reserve")
    with books.transaction() as tx:
        make_pool(tx, "main", ("a", "b", "c", "spare"))
    for name, cap in CAPS.items():
        books.limit(cap, scope="account", name=name, bucket="uploads")
    books.limit(20, bucket="uploads")
    return books


def give(books, strategy):
    """Give one job to the pool as the program does, and return who did it."""
    with books.transaction() as tx:
        terms = books.terms(tx)
        caps.learn(tx, "UCc", 2)  # again and again: no upload may try beyond it, which no replay does
        found = candidates.of(tx, POOL, CALLS, terms)
        choice = balancing.choose(found, strategy=strategy, weights=Weights(), now=tx.now, rng=books.rng)
        if choice.account is None:
            return None
        pools.take_turn(tx, "main", choice.account)
        urgency = quota.Urgency.STARTED if choice.tier is Tier.RESERVE else quota.Urgency.NORMAL
        payer = Payer(account=choice.account, project="acme", channel_id=f"UC{choice.account}")
        calls = [Call(operation=operation) for operation in CALLS]
        holds = ledger.hold(tx, payer, calls, terms, books.rng, urgency=urgency)
    for held in holds:
        books.send(held)
        books.settle(held, "spent")
    with books.transaction() as tx:
        accounts.worked(tx, choice.account, "upload", well=True, uploaded=True)
    return choice.account


@pytest.mark.parametrize("strategy", [one for one in Strategy if one is not Strategy.RANDOM])
def test_a_replay_gives_every_job_to_whom_the_state_gives_it(pool, strategy):
    chance = random.Random(3)
    begins = pool.clock.now()
    with pool.database.reading() as tx:
        of_project, of_account = ledger.needs(CALLS, pool.terms(tx))
        everybody = accounts.every(tx)
    jobs, really = [], {}
    for number in range(60):
        pool.forward(minutes=chance.randint(1, 90), seconds=1)
        past = PastJob(
            job=f"j{number:02}", at=pool.clock.now(), units=of_project, counts=of_account, seconds=0.0, opening={}
        )
        if quota.day_across_midnight(past.at) is not None:
            continue  # the state books such a call on both days, and no replay does
        account = give(pool, strategy)
        if account is not None:
            jobs.append(past)
            really[past.job] = account
    players = [
        Player(
            account=one.account,
            project=one.project,
            channel_id=one.channel_id,
            tier=Tier(one.tier),
            priority=one.priority,
            slots=one.slots,
            created_at=one.created_at,
            caps={"uploads": CAPS[one.account]} if one.account in CAPS else {},
            channel_cap=2 if one.account == "c" else None,
        )
        for one in everybody
    ]

    played = play(
        Scene(players=players, jobs=jobs, limits={("acme", bucket): units for bucket, units in LIMITS.items()}),
        strategy,
    )

    assert pool.clock.now() - begins > timedelta(days=1)
    assert set(really.values()) == {"a", "b", "c", "spare"}
    assert played.took == really
