"""A state with one additive migration more than this program knows, as a newer one leaves it while both work.

`YTPOOL_TEST_NEWER=1` makes every state of `books` and of the newsroom such a one, so that whole files of tests can be
run on it.
"""

import os

from ytpool.store import db, meta

EVERYWHERE = bool(os.environ.get("YTPOOL_TEST_NEWER"))
"""Read at once, like all that says how tests are run."""

_TABLE = "things_to_come"


def made(database):
    """Add a table, an index, and to every table of ours a column; to those that grow also one with a default."""
    with database.transaction() as tx:
        known = tx.tables()
        if _TABLE in known:
            return
        tx.run(f"CREATE TABLE {_TABLE} (thing TEXT PRIMARY KEY, job TEXT)")
        for table in known:
            tx.run(f"ALTER TABLE {table} ADD COLUMN to_come TEXT")
        for table in ("jobs", "leases", "ledger", "accounts", "activity"):
            tx.run(f"ALTER TABLE {table} ADD COLUMN so_far BIGINT NOT NULL DEFAULT 0")
        tx.run("CREATE INDEX jobs_by_things_to_come ON jobs (to_come, state) WHERE to_come IS NOT NULL")
        meta.put(tx, "schema", str(db.known() + 1))


def has_come(tx):
    """Tell whether what was added is all there still."""
    columns = [tx.all(f"SELECT to_come FROM {table} LIMIT 1") for table in tx.tables() if table != _TABLE]
    return _TABLE in tx.tables() and len(columns) > 30
