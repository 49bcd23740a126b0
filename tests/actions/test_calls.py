"""One paid call: what never left costs nothing."""

from datetime import timedelta

import pytest
from books import ObedientClock

from ytpool import config
from ytpool.actions.calls import paid
from ytpool.errors import HoldLost, MetadataInvalid
from ytpool.runtime import Runtime
from ytpool.store import accounts, ledger
from ytpool.store.ledger import Call, Payer


def test_a_call_that_is_found_wrong_before_it_leaves_costs_nothing(desk):
    with desk.rt.store.transaction() as tx:
        news = accounts.get(tx, "news")
        payer = Payer(account="news", project=news.project, channel_id=news.channel_id)
        (held,) = ledger.hold(tx, payer, [Call(operation="videos.update")], desk.rt.terms(tx), desk.rt.rng)
    before = desk.control.truth()["calls"]

    with pytest.raises(MetadataInvalid):
        paid(
            desk.rt,
            held,
            lambda token: desk.rt.youtube.update_video(token, {"id": "a", "status": {"nonsense": 1}}, ["status"]),
        )

    assert desk.control.truth()["calls"] == before
    with desk.rt.store.reading() as tx:
        states = {row["state"] for row in tx.all("SELECT state FROM ledger WHERE hold = :hold", hold=held.hold)}
        assert ledger.differences(tx) == []
    assert states == {"released"}


@pytest.mark.parametrize(("seconds", "leaves"), [(4, True), (6, False)])
def test_a_call_that_is_kept_waiting_after_it_was_booked_does_not_leave(desk, seconds, leaves):
    clock = ObedientClock(wall=desk.control.clock())
    rt = Runtime(config.load(profile=None, environ=desk.environ), clock=clock, environ=desk.environ, seed=2)
    with rt.store.transaction() as tx:
        news = accounts.get(tx, "news")
        payer = Payer(account="news", project=news.project, channel_id=news.channel_id)
        (held,) = ledger.hold(tx, payer, [Call(operation="videos.list")], rt.terms(tx), rt.rng)
    rt.open_vault()
    sent = []

    def call():
        # The machine sleeps between the booking and the first byte.
        return paid(rt, held, sent.append, before=lambda _: clock.forward(timedelta(seconds=seconds)))

    if leaves:
        call()
    else:
        with pytest.raises(HoldLost, match="kept waiting"):
            call()

    assert len(sent) == leaves
    with rt.store.reading() as tx:
        [state] = {row["state"] for row in tx.all("SELECT state FROM ledger WHERE hold = :hold", hold=held.hold)}
    assert state == ("spent" if leaves else "released")
    rt.close()
