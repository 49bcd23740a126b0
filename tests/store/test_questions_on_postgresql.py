"""What must be answered by an index is on PostgreSQL too, which plans by other rules than SQLite."""

import pytest
from books import Books, ObedientClock

from ytpool.store import hours, journal, leases, line

ASKED = {
    "at": "2026-11-18T20:00:00.000000Z",
    "lane": "upload account news",
    **dict.fromkeys(("first", "pool", "job", "since", "until", "scope", "name", "bucket"), ""),
    "most": 1,
    "boot": 1.0,
}


@pytest.fixture(scope="module")
def database(postgres):
    """A state that nobody has written to, so that the planner knows nothing of its rows."""
    with postgres.schema() as schema:
        database = Books(f"{postgres.url}#{schema}", ObedientClock()).created().database
        yield database
        database.close()


@pytest.mark.parametrize(
    ("question", "table", "index"),
    [
        (line.RIPEN, "jobs", "jobs_to_come"),
        (line.NEXT % "", "jobs", "jobs_in_line"),
        (line.FIRST_IN_LANE % "", "jobs", "jobs_in_lane"),
        (line.LANES, "jobs", "jobs_in_lane"),
        (line.SOONEST, "jobs", "jobs_to_come"),
        (line.LEFT_BEHIND % "", "jobs", "jobs_by_state"),
        (leases.ON_MACHINES, "leases", "leases_held"),
        (journal.JOBS, "jobs", "jobs_pkey"),
        (journal.CALLS, "ledger", "ledger_by_job"),
        (journal.WORK, "activity", "activity_by_moment"),
        (hours.BY_HOUR, "ledger", "ledger_by_meter"),
    ],
)
def test_a_question_can_be_answered_by_its_index(database, question, table, index):
    with database.imagining() as tx:
        # An empty table is read whole, whatever indexes it has; so that is not to be had here, nor what follows it.
        for way in ("seqscan", "sort", "bitmapscan"):
            tx.run(f"SET LOCAL enable_{way} = off")
        plan = [row[0] for row in tx.all(f"EXPLAIN (COSTS OFF) {question}", **ASKED)]

    assert [step for step in plan if step.endswith(f" on {table}") and "Scan" in step] == [
        step for step in plan if f"using {index} on {table}" in step
    ]
    assert any(f"using {index} on {table}" in step for step in plan)
