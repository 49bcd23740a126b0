"""Whether the books agree with what really happened: per project, bucket and quota day, over the whole of a story."""

from contextlib import closing

from books import database_at

from ytpool.clock import SystemClock


def assert_all_agrees(state, truth, *, idle=True):
    """Compare every day of a state with the sandbox's truth; unless told, nothing may be under way any more."""
    clock = SystemClock()
    with closing(database_at(state, clock, clock.now)) as database, database.reading() as books:
        rows = books.all(
            """
            SELECT p.number, m.bucket, m.day, m.spent, m.unknown, m.held + m.sent
              FROM meters m JOIN projects p ON p.project = m.name WHERE m.scope = 'project'
            """
        )
        left = books.all("SELECT DISTINCT hold, operation, job FROM ledger WHERE state IN ('held', 'sent')")
    booked = {(number, bucket, day): (spent, unknown) for number, bucket, day, spent, unknown, _ in rows}
    charged = {
        (number, bucket, day): units
        for number, days in truth["units"].items()
        for day, buckets in days.items()
        for bucket, units in buckets.items()
    }
    for key in booked | charged:
        spent, unknown = booked.get(key, (0, 0))
        assert spent <= charged.get(key, 0) <= spent + unknown, (key, spent, charged.get(key, 0), unknown)
    assert not truth["refused"], truth["refused"]
    if idle:
        assert left == []
