"""Nothing starves: whatever failed, once every rest has ended every account works again."""

import os
import random
import tempfile
from datetime import timedelta
from pathlib import Path

from books import ObedientClock, make_account, make_pool
from hypothesis import given, settings
from hypothesis import strategies as st
from real_parts import examples

from ytpool import config
from ytpool.actions import breakers
from ytpool.actions.calls import paid
from ytpool.domain import balancing, quota
from ytpool.domain.accounts import AccountState
from ytpool.domain.balancing import Strategy, Weights
from ytpool.domain.jobs import Target, TargetKind
from ytpool.domain.secret import Secret
from ytpool.errors import HoldLost, QuotaExhausted, Resting, UpstreamFailed
from ytpool.runtime import Runtime
from ytpool.store import accounts, candidates, ledger, rests
from ytpool.store.ledger import Call, Payer

SCALE = float(os.environ.get("YTPOOL_TEST_SCALE", "0.1"))
POOL = Target(kind=TargetKind.POOL, name="main")
UPLOAD = ("videos.insert", "videos.list")
PROJECTS = ("press", "agency")

ANSWERS = {
    "quotaExceeded": {"http_status": 403, "domain": "youtube.quota"},
    "rateLimitExceeded": {"http_status": 429, "domain": "global", "limit": "videoUploadsPerDayPerProject"},
    "dailyLimitExceeded": {"http_status": 403, "domain": "usageLimits"},
    "userRateLimitExceeded": {"http_status": 403, "domain": "usageLimits", "retry_after": 30.0},
    "servingLimitExceeded": {"http_status": 403, "domain": "usageLimits"},
    "uploadLimitExceeded": {"http_status": 400, "domain": "youtube.video"},
    "uploadRateLimitExceeded": {"http_status": 429, "domain": "youtube.thumbnail"},
    "accessNotConfigured": {"http_status": 403, "domain": "usageLimits"},
    "channelSuspended": {"http_status": 403, "domain": "youtube.channel"},
    "required": {"http_status": 401, "domain": "global"},
    "invalidTitle": {"http_status": 400, "domain": "youtube.video"},
    "backendError": {"http_status": 503, "domain": "global"},
    "internalError": {"http_status": 500, "domain": "global"},
    "noAnswer": {"http_status": 0},
    "never left": {"http_status": 0, "sent": False},
}

events = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(["videos.insert", "videos.insert", "videos.list", "thumbnails.set", "captions.insert"]),
        st.sampled_from(["works", *ANSWERS, "backendError", "noAnswer"]),
        st.integers(1, 8),  # times
        st.sampled_from([0, 1, 20, 90, 3600, 9 * 3600]),  # seconds until the next
    ),
    max_size=10,
)


class Office:
    """Four accounts of two projects in one pool, and Google's answers as they are drawn."""

    def __init__(self, folder):
        self.clock = ObedientClock()
        self.rt = Runtime(config.load(profile=None, environ={"YTPOOL_HOME": folder}), clock=self.clock, seed=1)
        self.rt.store.create()
        with self.rt.store.transaction() as tx:
            self.payers = [make_account(tx, f"a{number}", project=PROJECTS[number % 2]) for number in range(4)]
            make_pool(tx, "main", [payer.account for payer in self.payers])

    def call(self, payer: Payer, operation: str, answer: str):
        """Make one call as the program does, unless something rests."""

        def send(_token):
            if answer != "works":
                raise UpstreamFailed("refused", operation=operation, reason=answer, **ANSWERS[answer])

        try:
            with self.rt.store.transaction() as tx:
                (held,) = ledger.hold(tx, payer, [Call(operation=operation)], self.rt.terms(tx), self.rt.rng)
            paid(self.rt, held, send, token=Secret("t"))
        except (Resting, QuotaExhausted, HoldLost, UpstreamFailed):
            pass

    def somebody_acts(self):
        """Do what waits for a person: rests without an end are lifted, logins made anew."""
        with self.rt.store.transaction() as tx:
            for rest in rests.running(tx):
                if rest.until is None:
                    rests.lift(tx, rest.scope, rest.name, rest.bucket)
            for account in accounts.every(tx):
                if account.state is AccountState.LOGIN_NEEDED:
                    accounts.set_state(tx, account.account, AccountState.ACTIVE, "")

    def wait_for_every_end(self):
        with self.rt.store.transaction() as tx:
            ledger.expire(tx)
            ends = [rest.until for rest in rests.running(tx)] + [quota.resets_at(self.rt.terms(tx).day)]
            left = max(ends) - tx.now
        self.clock.forward(left)

    def candidates(self):
        with self.rt.store.reading() as tx:
            rules = breakers.rules(self.rt.config)
            return candidates.of(tx, POOL, UPLOAD, self.rt.terms(tx), rules=rules)

    def choose(self, found):
        return balancing.choose(
            found, strategy=Strategy.RANDOM, weights=Weights(), now=self.clock.now(), rng=random.Random(1)
        )


@settings(max_examples=examples(max(15, int(150 * SCALE)), at_length=1_500), deadline=None)
@given(events)
def test_after_every_rest_has_ended_every_account_works_again(happened):
    with tempfile.TemporaryDirectory() as folder:
        office = Office(str(Path(folder)))
        for number, operation, answer, times, seconds in happened:
            for _ in range(times):
                office.call(office.payers[number], operation, answer)
            office.clock.forward(timedelta(seconds=seconds))

        office.somebody_acts()
        office.wait_for_every_end()

        found = office.candidates()
        assert [(one.account, one.obstacle) for one in found] == [(f"a{number}", None) for number in range(4)]
        assert all(one.free for one in found)
        assert office.choose(found).account is not None
        before = [one.successes for one in found]
        for payer in office.payers:
            office.call(payer, "videos.insert", "works")
        assert [one.successes for one in office.candidates()] == [number + 1 for number in before]
        with office.rt.store.reading() as tx:
            assert not any(rest.guessed for rest in rests.ever(tx))  # one call that gets through ends what is tried out
            assert ledger.differences(tx) == []
        office.rt.close()
