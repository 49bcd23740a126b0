"""Places that one worker holds at a time, and owners who die."""

import os
import subprocess
import sys
from datetime import timedelta

import pytest
from databases import ON_POSTGRESQL, ON_SQLITE

from ytpool.store import leases, owners
from ytpool.store.leases import LeaseKind


@pytest.fixture
def take(books):
    def take(name="a", *, kind=LeaseKind.SLOT, holder="j1", **given):
        with books.transaction() as tx:
            return leases.take(tx, kind, name, holder=holder, **given)

    return take


@pytest.fixture
def give_back(books):
    def give_back(*held):
        with books.transaction() as tx:
            leases.give_back(tx, held)

    return give_back


def _owned_by(books, owner):
    """Write another process's name on the lease that is there."""
    with books.transaction() as tx:
        tx.run("UPDATE leases SET pid = :pid, pid_started = :started", pid=owner.pid, started=owner.started)


def _owner_of(process):
    return owners._owner.__wrapped__(process.pid)


def test_each_place_is_taken_once(take):
    assert [take(places=3).place for _ in range(3)] == [0, 1, 2]
    assert take(places=3) is None
    assert take("b", places=3).place == 0


def test_a_place_given_back_is_free_and_giving_back_twice_takes_it_from_nobody(books, take, give_back):
    mine = take()
    give_back(mine)
    yours = take()

    give_back(mine)

    assert take() is None
    with books.transaction() as tx:
        assert leases.holds(tx, yours)
        assert not leases.holds(tx, mine)


def test_fewer_slots_than_are_taken_admit_nobody_until_enough_are_free(take, give_back):
    first, second, _ = (take(places=3) for _ in range(3))

    give_back(first)
    assert take(places=2) is None
    give_back(second)

    assert take(places=2).place == 0


def test_a_lease_ends_with_its_time_unless_it_is_renewed(books, take):
    kept, left = take("kept"), take("left")
    books.forward(seconds=9)
    with books.transaction() as tx:
        assert leases.renew(tx, [kept])
    books.forward(seconds=2)

    assert take("kept") is None
    assert take("left").fence == left.fence + 1
    with books.transaction() as tx:
        assert leases.renew(tx, [kept])
        assert not leases.renew(tx, [left])
        assert not leases.renew(tx, [kept, left])


def test_a_lease_that_ran_out_cannot_be_renewed_even_if_nobody_took_it(books, take):
    lease = take()
    books.forward(seconds=10)

    with books.transaction() as tx:
        assert not leases.renew(tx, [lease])
        assert not leases.holds(tx, lease)


@ON_SQLITE
def test_a_reboot_ends_every_lease(books, take):
    take(lasts_for=timedelta(days=1))
    books.clock.reboot()

    with books.database.reading() as tx:
        assert leases.held(tx, LeaseKind.SLOT) == {}
    assert take().fence == 2


@ON_POSTGRESQL
def test_a_reboot_of_one_machine_ends_no_lease_before_its_time(books, take):
    lease = take(lasts_for=timedelta(seconds=10))
    books.clock.reboot()

    assert take() is None
    with books.transaction() as tx:
        assert leases.renew(tx, [lease], lasts_for=timedelta(seconds=10))
    books.forward(seconds=10)
    assert take().fence == 2


def test_fencing_numbers_rise_for_ever(take, give_back):
    for fence in range(1, 5):
        lease = take()
        assert lease.fence == fence
        give_back(lease)


def test_who_holds_what_is_told_by_name(books, take):
    take("a", holder="j1", places=2)
    take("a", holder="j2", places=2)
    take("b", holder="j3")
    take("c", kind=LeaseKind.CHANNEL, holder="j1")

    with books.database.reading() as tx:
        assert leases.held(tx, LeaseKind.SLOT) == {"a": ["j1", "j2"], "b": ["j3"]}


@pytest.fixture
def process():
    """A process that waits for its end."""
    started = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield started
    started.kill()
    started.wait()
    started.stdin.close()


def test_the_lease_of_a_living_process_is_respected(books, take, process):
    take()
    _owned_by(books, _owner_of(process))

    assert take() is None


def test_the_lease_of_a_dead_process_is_free_at_once_zombies_included(books, take, process):
    take()
    _owned_by(books, _owner_of(process))
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, and still in the table of processes

    assert take().fence == 2

    _owned_by(books, _owner_of(process))
    process.wait()
    assert take().fence == 3


def test_a_process_that_got_a_dead_owners_number_does_not_inherit_its_lease(books, take, process):
    take()
    before = _owner_of(process)
    _owned_by(books, owners.Owner(host=before.host, pid_space=before.pid_space, pid=before.pid, started="1"))

    assert take().fence == 2


@pytest.mark.parametrize("column", ["host", "pid_space"])
def test_a_process_that_cannot_be_seen_from_here_counts_as_alive(books, take, column):
    take()
    with books.transaction() as tx:
        tx.run(f"UPDATE leases SET pid_started = '1', {column} = 'elsewhere'")

    assert take() is None
    books.forward(seconds=10)
    assert take().fence == 2
