"""One paid call: what never left costs nothing."""

import pytest

from ytpool.actions.calls import paid
from ytpool.errors import MetadataInvalid
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
