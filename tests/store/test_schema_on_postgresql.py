"""The tables of a state on PostgreSQL: the same whichever version began it, and those that a file has."""

from secrets import token_urlsafe

import newer
import pytest
from books import Books, ObedientClock, database_at

from ytpool.domain.jobs import Target, TargetKind
from ytpool.store import db, jobs, uploads
from ytpool.store.postgres import for_postgres

SHAPE = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attcollation::regcollation::text,
           pg_get_expr(d.adbin, d.adrelid), a.attidentity
      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
     WHERE c.relnamespace = to_regnamespace('{0}')::oid AND c.relkind IN ('r', 'v') ORDER BY c.relname, a.attnum;
"""
RULES = """
    SELECT pg_get_indexdef(i.indexrelid) AS said FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     WHERE c.relnamespace = to_regnamespace('{0}')::oid
     UNION ALL
    SELECT r.conrelid::regclass::text || ' ' || pg_get_constraintdef(r.oid) FROM pg_constraint r
     WHERE r.connamespace = to_regnamespace('{0}')::oid ORDER BY said
"""


@pytest.fixture
def shape_of(postgres):
    """Say what tables, indexes and rules a schema has."""

    def shape_of(schema):
        rules = [row.replace(schema, "schema") for (row,) in postgres.sql(RULES.format(schema))]
        return postgres.sql(SHAPE.format(schema)), rules

    return shape_of


@pytest.mark.skipif(newer.EVERYWHERE, reason="what is compared is what this program makes")
def test_every_way_of_migrating_ends_with_the_same_schema(postgres, schema, shape_of):
    clock = ObedientClock()
    Books(f"{postgres.url}#{schema}", clock).created().database.close()
    fresh = shape_of(schema)
    assert len(fresh[0]) > 300

    for done in (1, len(db.migrations()) // 2, len(db.migrations()) - 1):
        with postgres.schema() as older:
            with postgres.connected() as connection:
                connection.execute(f"CREATE SCHEMA {older}; SET search_path = {older}")
                for sql in db.migrations()[:done]:
                    connection.execute(for_postgres(sql))
                connection.execute("INSERT INTO meta (key, value) VALUES ('schema', %s), ('min_reader', '1')", [done])
            database = database_at(f"{postgres.url}#{older}", clock, clock.now)
            assert database.is_older()
            assert database.is_older()  # to ask has changed nothing
            assert database.exists()
            assert not database.is_older()
            database.close()
            assert shape_of(older) == fresh


def test_a_file_has_the_same_tables_and_columns(postgres, schema, tmp_path):
    told = []
    for place in (tmp_path / "state.db", f"{postgres.url}#{schema}"):
        books = Books(place, ObedientClock()).created()
        with books.transaction() as tx:
            told.append({table: {*tx.columns(table)} for table in tx.tables()})
        books.database.close()

    assert told[0] == told[1]


def test_a_file_may_lie_as_deep_as_a_machine_lets_it(postgres, schema):
    books = Books(f"{postgres.url}#{schema}", ObedientClock()).created()
    deep = "/".join(token_urlsafe(150) for _ in range(20))  # no part of it is like another, so it cannot be packed
    target = Target(kind=TargetKind.ACCOUNT, name="news")
    with books.transaction() as tx:
        jobs.add(
            tx,
            "j1",
            kind="upload",
            target=target,
            job_key="",
            fingerprint="f",
            sha256=None,
            request="{}",
            steps=(),
        )
        uploads.add(tx, "j1", path=f"/{deep}", size=1, modified_ns=1, fingerprint="f", slug="talk.mp4")

        assert uploads.get(tx, "j1").path == f"/{deep}"
    books.database.close()
