"""Looks at a machine's health: what holds them up holds up nobody else, and what is asked often costs nothing."""

import threading
import time

import pytest
from ftp_servers import misbehaving, repeating

from ytpool.actions.health import looking
from ytpool.actions.health.checks import Check, Look, Sight, Status
from ytpool.errors import Interrupted


def seen(rt, *looks):
    return {check.check: check for check in looking._seen(Sight(rt=rt), [(one, "") for one in looks])}


def well(sight):
    yield Check(check="quick", status=Status.PASS, message=f"{sight.rt.config.profile} is well")


def test_a_look_that_hangs_is_named_and_left_alone(desk):
    held = threading.Event()

    def hangs(_):
        held.wait(60)
        yield from ()

    started = time.monotonic()
    found = seen(
        desk.rt, Look(name="stuck", about="", ask=hangs, within=0.5), Look(name="quick", about="", ask=well, within=5)
    )
    took = time.monotonic() - started
    held.set()

    assert 0.5 <= took < 30
    assert found["quick"].status is Status.PASS
    assert (found["stuck"].status, "has not answered within 0.5 s" in found["stuck"].message) == (Status.FAIL, True)


def test_a_question_to_the_state_that_takes_too_long_is_broken_off(desk):
    ended = []

    def counts(sight):
        try:
            with sight.rt.store.reading() as tx:
                tx.all("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")
        except Interrupted as error:
            ended.append(error)
            raise
        yield from ()

    seen(desk.rt, Look(name="counts", about="", ask=counts, within=0.5))

    [thread] = [one for one in threading.enumerate() if one.name == "health counts"] or [None]
    if thread is not None:
        thread.join(timeout=10)
    assert ended, "it counts on, and whoever closes the state waits for it"


def test_a_mistake_of_ours_is_not_taken_for_bad_health(desk):
    def errs(_):
        raise RuntimeError("as if a look had a bug")

    with pytest.raises(RuntimeError, match="as if a look had a bug"):
        seen(desk.rt, Look(name="errs", about="", ask=errs))


def test_whoever_is_asked_to_stop_waits_for_no_look(desk):
    held = threading.Event()

    def hangs(_):
        held.wait(20)
        yield from ()

    desk.rt.stopping.set()
    with pytest.raises(Interrupted):
        seen(desk.rt, Look(name="stuck", about="", ask=hangs, within=15))
    held.set()


def test_a_server_that_refused_us_is_not_asked_again_at_once(desk):
    visits = []

    def refuses(connection):
        visits.append(connection)
        repeating(connection)

    with misbehaving(refuses) as port:
        settings = desk.rt.config.paths.config
        text = f"[ftp.studio]\nhost = '127.0.0.1'\nport = {port}\ntls = 'none'\n"
        settings.write_text(settings.read_text() + text)
        rt = desk.runtime()

        rounds = looking.Rounds(rt)
        first, second = rounds.go(), rounds.go()

    [before], [after] = ([one for one in seen.checks if one.look == "ftp"] for seen in (first, second))
    assert len(visits) == 1
    assert (before.status, after.seen_at) == (Status.FAIL, before.seen_at)


def test_what_is_asked_often_costs_nothing_and_says_its_age(desk):
    before = desk.control.truth()["calls"]

    rounds = looking.Rounds(desk.rt)
    first = rounds.go()
    time.sleep(0.05)
    second = rounds.go()

    assert desk.control.truth()["calls"] == before
    assert {one.look for one in first.checks} >= {"state", "vault", "disk", "clock", "queue", "youtube", "buckets"}
    now = desk.rt.clock.now()
    assert all(one.seen_at <= now and not one.units for one in (*first.checks, *second.checks))
    ages = {one.check: now - one.seen_at for one in second.checks}
    assert ages["state"] < now - first.checks[0].seen_at
