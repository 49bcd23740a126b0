"""Machines that share a state: heard by what they do, seldom enough, and by a clock that nobody sets."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ytpool.store import leases, machines, owners
from ytpool.store.leases import LeaseKind

HERE = owners.me().host


def beats(books, clock, seconds, say):
    """How often something is written down that is said every second for so long."""
    written = set()
    for _ in range(seconds):
        with books.transaction() as tx:
            say(tx)
            row = tx.one("SELECT beat FROM machines WHERE host = :host", host=HERE)
            written.add(row and row["beat"])
        clock.forward(timedelta(seconds=1))
    return len(written)


def test_a_machine_is_written_down_once_a_minute_and_by_who_holds_something_every_ten_seconds(books, clock):
    def take_something(tx):
        lease = leases.take(tx, LeaseKind.SLOT, "a", holder="j1")
        leases.give_back(tx, [lease])

    assert beats(books, clock, 121, take_something) == 3
    with books.transaction() as tx:
        lease = leases.take(tx, LeaseKind.JOB, "j1", holder="j1", lasts_for=timedelta(hours=1))
    clock.forward(timedelta(seconds=10))
    assert beats(books, clock, 30, lambda tx: leases.renew(tx, [lease])) == 3


def test_how_long_nothing_was_heard_is_told_by_a_clock_that_nobody_sets(books, clock):
    with books.transaction() as tx:
        machines.beat(tx, "work", ahead=1.5)
    clock.forward(timedelta(seconds=30))
    clock.wall += timedelta(days=2)

    with books.database.reading() as tx:
        [machine], [process] = machines.every(tx), machines.processes(tx)

    assert (machine.silent_for, machine.ahead) == (timedelta(seconds=30), 1.5)
    assert process.lives
    assert machine.seen_at == tx.now - timedelta(seconds=30)
    clock.forward(machines.SILENT_AFTER)
    with books.database.reading() as tx:
        assert not machines.processes(tx)[0].lives


def test_who_ended_without_a_word_is_struck_off_when_another_comes_and_leaving_twice_changes_nothing(books):
    with books.transaction() as tx:
        machines.beat(tx, "work")
        tx.run("UPDATE processes SET pid = 4194999")
        assert machines.processes(tx)[0].is_dead

        machines.beat(tx, "serve")

        assert [one.doing for one in machines.processes(tx)] == ["serve"]
        for _ in range(2):
            machines.leave(tx)
        assert machines.processes(tx) == []


@pytest.mark.skipif(not Path("/proc/self/ns/pid").exists(), reason="only Linux has namespaces of numbers")
def test_a_machine_of_the_same_name_is_not_looked_for_here():
    me = owners.me()
    boot, space = me.pid_space.split(" ")

    assert boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    gone = replace(me, pid=4194999, started="1")
    assert owners.is_dead(gone)
    assert not owners.is_dead(replace(gone, pid_space=f"{'0' * len(boot)} {space}"))


def test_what_an_earlier_run_of_this_machine_left_is_struck_off_by_the_next_once_it_is_not_heard(books):
    with books.transaction() as tx:
        machines.beat(tx, "work")
        tx.run("UPDATE processes SET pid_space = 'before the power was cut'")
        machines.beat(tx, "work")
    for seconds, stay in ((60, 2), (31, 1)):
        books.forward(seconds=seconds)
        with books.transaction() as tx:
            machines.beat(tx)
            assert len(machines.processes(tx)) == stay


def test_who_only_passed_by_is_forgotten_after_a_day_the_others_after_a_month_and_a_word_never(books):
    def pass_by(*hosts):
        with books.transaction() as tx:
            for host in hosts:
                machines.seen(tx, host)

    pass_by("a4f0c2", "studio", "drained")
    books.forward(seconds=61)
    pass_by("studio")
    with books.transaction() as tx:
        machines.drain(tx, "drained", by="anna", reason="")
    for days, known in ((2, {"studio", "drained"}), (30, {"drained"})):
        books.forward(seconds=days * 86400)
        pass_by(f"new after {days} days")
        with books.transaction() as tx:
            assert {one.host for one in machines.every(tx)} == {*known, f"new after {days} days"}
