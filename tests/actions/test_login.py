"""Logins and refreshes that meet each other, and logins after somebody has acted."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from waiting import wait_until

from ytpool.actions import tokens
from ytpool.clock import SystemClock
from ytpool.domain.accounts import AccountState
from ytpool.errors import LoginFailed, LoginNeeded, PoolForbidden, UpstreamFailed, UsageWrong
from ytpool.runtime import Runtime
from ytpool.store import accounts, leases
from ytpool.store.leases import LeaseKind


def account(desk, name):
    with desk.rt.store.reading() as tx:
        return accounts.get(tx, name)


@pytest.mark.parametrize("error", ["accessNotConfigured", "accountDelegationForbidden"])
def test_a_login_after_somebody_has_acted_is_not_held_up_by_what_was_wrong(make_desk, error):
    desk = make_desk()
    desk.control.add_fault(method="channels.list", kind="error", error=error)
    with pytest.raises((UpstreamFailed, LoginFailed)):
        desk.log_in("news")

    assert desk.log_in("news").account == "news"


def test_a_new_login_is_not_dead_because_the_one_before_it_is(desk):
    desk.holds_back("token")
    desk.control.add_fault(method="token", kind="error", error="invalid_grant")
    got = []
    old = threading.Thread(target=lambda: got.append(tokens.refresh_all(desk.rt, account="news", force=True)))
    old.start()
    wait_until(lambda: desk.calls("token") == 3)  # two logins, and now this

    desk.log_in("news")
    desk.goes_on()
    old.join()

    assert account(desk, "news").state is AccountState.ACTIVE
    assert got[0][0].problem is None
    assert tokens.refresh_all(desk.rt, account="news", force=True)[0].outcome == "refreshed"


def test_a_refresh_that_answers_shows_that_the_login_lives(desk):
    desk.holds_back("token")
    slow = threading.Thread(target=lambda: tokens.refresh_all(desk.rt, account="news", force=True))
    slow.start()
    wait_until(lambda: desk.calls("token") == 3)
    with desk.rt.store.transaction() as tx:  # as another process does that asked with a token rotated meanwhile
        accounts.set_state(tx, "news", AccountState.LOGIN_NEEDED, "invalid_grant")

    desk.goes_on()
    slow.join()

    assert account(desk, "news").state is AccountState.ACTIVE


def test_a_slow_refresh_keeps_its_lease(desk, monkeypatch):
    monkeypatch.setattr(leases, "REFRESH_LASTS_FOR", leases.REFRESH_LASTS_FOR / 15)
    desk.holds_back("token")
    slow = threading.Thread(target=lambda: tokens.refresh_all(desk.rt, account="news", force=True))
    slow.start()
    wait_until(lambda: desk.calls("token") == 3)
    time.sleep(2.3)

    with desk.rt.store.reading() as tx:
        assert leases.held(tx, LeaseKind.REFRESH) == {"news": ["news"]}

    desk.goes_on()
    slow.join()


def test_another_client_cannot_carry_a_pool_over_to_another_project_unasked(desk):
    with pytest.raises(PoolForbidden):
        desk.log_in("news", project="other")

    assert account(desk, "news").project == account(desk, "sports").project


def test_a_dead_token_file_asks_for_a_login(make_desk):
    desk = make_desk()
    desk.control.add_fault(method="token", kind="error", error="invalid_grant")

    with pytest.raises(LoginFailed, match="is dead"):
        desk.log_in("news")


def test_a_login_that_is_dead_is_said_so(desk):
    desk.control.revoke_grant("news")

    [refreshed] = tokens.refresh_all(desk.rt, account="news", force=True)

    assert isinstance(refreshed.problem, LoginNeeded)
    assert account(desk, "news").state is AccountState.LOGIN_NEEDED


@pytest.mark.parametrize("pool", ["", "two words", "-p"])
def test_a_pool_that_could_not_be_typed_is_not_made(make_desk, pool):
    desk = make_desk()

    with pytest.raises(UsageWrong, match="a pool's name"):
        desk.log_in("news", pool=pool)


@pytest.mark.parametrize("hours", [-7, 7])
def test_a_clock_that_is_hours_off_moves_no_tokens_end(make_desk, hours):
    desk = make_desk()
    off = desk.control.clock() - datetime.now(UTC) + timedelta(hours=hours)

    class Off(SystemClock):
        def now(self):
            return super().now() + off

    desk.rt.close()
    desk.rt = Runtime(desk.rt.config, clock=Off(), environ=desk.environ, seed=1)
    desk.log_in("news")

    left = account(desk, "news").token_expires_at - desk.control.clock()
    assert timedelta(minutes=59) < left < timedelta(minutes=61)
