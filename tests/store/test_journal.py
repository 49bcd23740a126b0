"""The journal of a pool's jobs is asked by index, whatever came before."""

import pytest
from databases import ON_SQLITE

from ytpool.store import journal


@ON_SQLITE
@pytest.mark.parametrize(
    ("question", "answered_by"),
    [
        (journal.JOBS, "SEARCH jobs USING INDEX sqlite_autoindex_jobs_1 (job>?)"),
        (journal.CALLS, "SEARCH ledger USING INDEX ledger_by_job (job=?)"),
        (journal.WORK, "SEARCH activity USING INDEX activity_by_moment (happened_at>?)"),
    ],
)
def test_no_question_looks_at_days_it_is_not_about(books, question, answered_by):
    with books.database.reading() as tx:
        given = {"first": "", "pool": "main", "most": 1, "job": "", "since": ""}
        plan = [row["detail"] for row in tx.all(f"EXPLAIN QUERY PLAN {question}", **given)]

    assert answered_by in plan
    assert not any(step.startswith(("SCAN jobs", "SCAN ledger", "SCAN activity")) for step in plan)
