"""The activity journal: what is counted is what was written, sealed or not; seals hold, whatever goes."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from databases import ON_SQLITE

from ytpool.domain import latencies, moments
from ytpool.store import activity, entries, segments, sums
from ytpool.store.activity import Outcome
from ytpool.store.ledger import Payer
from ytpool.store.sums import Window

MINUTE = timedelta(minutes=1)
NEWS = Payer(account="news", project="acme", channel_id="UCnews")


def seal(books, most=10_000):
    """Seal what is due, and return how many segments that made."""
    made = 0
    while True:
        with books.database.reading() as tx:
            draft = segments.draft(tx, MINUTE, most)
        if draft is None:
            return made
        with books.transaction() as tx:
            assert segments.seal(tx, draft)
        made += 1


def wrong(books):
    found, before = [], None
    with books.database.reading() as tx:
        while (segment := segments.next_to(tx, before)) is not None:
            if problem := segments.what_is_wrong(tx, before, segment):
                found.append((segment.segment, problem))
            before = segment
    return found


def sums_are_right(books):
    with books.database.reading() as tx:
        return sums.what_is_wrong(tx) == ""


def counted(books, window, by):
    """What the journal says it comes to, with everything that cancels out left out."""
    found = {}
    with books.database.reading() as tx:
        for part in sums.over(tx, window, by):
            key = (*part.by, part.outcome)
            took = part.took or [0] * latencies.CLASSES
            numbers = [part.calls, part.units, part.bytes, round(part.seconds * 1000), *took]
            found[key] = [a + b for a, b in zip(found.get(key, [0] * len(numbers)), numbers, strict=True)]
    return {key: numbers for key, numbers in found.items() if any(numbers)}


def recounted(happened, window, by):
    """The same, counted one by one."""
    found = {}
    for one in happened:
        wanted = {"account": window.account, "operation": window.operation}
        if not window.since <= one["at"] < window.until or any(one[k] != v for k, v in wanted.items() if v is not None):
            continue
        named = {**one, "hour": f"{one['at']:%Y-%m-%dT%H}", "project": "acme"}
        key = (*(named[name] for name in by), one["outcome"])
        numbers = found.setdefault(key, [0] * (4 + latencies.CLASSES))
        for place, more in enumerate((1, one["units"], one["size"], round(one["seconds"] * 1000))):
            numbers[place] += more
        if one["seconds"] and one["outcome"] == "done":
            numbers[4 + latencies.class_of(one["seconds"])] += 1
    return found


@pytest.mark.parametrize("seed", range(6))
def test_a_report_is_what_a_recount_of_every_operation_gives_however_much_is_sealed(books, clock, seed):
    rng = random.Random(seed)
    clock.wall = datetime(2026, 1, 28, 22, 30, tzinfo=UTC)
    payers = [books.account(name) for name in ("news", "sports")]
    happened, waiting = [], []
    for number in range(150):
        clock.forward(timedelta(seconds=rng.choice((1, 90, 4000, 90_000))))
        with books.transaction() as tx:
            one = {
                "at": tx.now,
                "account": (payer := rng.choice(payers)).account,
                "operation": rng.choice(("videos.insert", "videos.list")),
                "outcome": rng.choice(("done", "done", "failed", "unknown")),
                "reason": rng.choice(("", "quotaExceeded")),
                "units": rng.randrange(3),
                "size": rng.randrange(1000),
                "seconds": rng.choice((0.0, 0.25, 7.5, 4000.0)),
            }
            activity.record(
                tx,
                books.rng,
                payer,
                one["operation"],
                Outcome(one["outcome"]),
                job=f"job-{number}",
                **{name: one[name] for name in ("units", "size", "seconds", "reason")},
            )
            happened.append(one)
            if one["outcome"] == "unknown":
                waiting.append((f"job-{number}", one))
            if waiting and rng.random() < 0.2:
                job, known = waiting.pop(rng.randrange(len(waiting)))
                assert activity.settle_unknown(
                    tx, books.rng, job, known["operation"], Outcome.DONE, since=known["at"], reason="late"
                )
                known.update(outcome="done", reason="late")
        if rng.random() < 0.1:
            seal(books, most=rng.choice((1, 7, 100)))
    assert wrong(books) == []
    assert sums_are_right(books)

    for _ in range(25):
        since, until = sorted(rng.choice(happened)["at"] + timedelta(seconds=rng.choice((-7, 0, 1800))) for _ in "ab")
        window = Window(since=since, until=until, account=rng.choice((None, "news")))
        by = rng.choice((("account", "operation"), ("project",), ("hour", "operation"), ("hour",), ("reason",), ()))
        assert counted(books, window, by) == recounted(happened, window, by)


def test_a_row_with_an_old_moment_that_comes_late_is_sealed_after_the_others_and_counted_at_its_own_hour(books, clock):
    payer = books.account()
    with books.transaction() as tx:
        activity.record(tx, books.rng, payer, "videos.list", Outcome.DONE)
    clock.forward(timedelta(hours=30))
    assert seal(books) == 1

    before = clock.wall - timedelta(days=40)
    with books.transaction() as tx:
        how = {"operation": "older.upload", "outcome": Outcome.DONE, "reason": "", "detail": ""}
        assert activity.remember(tx, "late", payer, happened_at=before, **how)
        assert not activity.remember(tx, "late", payer, happened_at=before, **how)
    assert seal(books) == 1

    assert wrong(books) == []
    hour = Window(since=before - timedelta(seconds=1), until=before + timedelta(seconds=1))
    assert [*counted(books, hour, ("operation",))] == [("older.upload", "done")]


def test_what_a_clock_that_was_ahead_wrote_is_reported_where_it_is_listed(books, clock):
    clock.wall = datetime(2026, 6, 1, 12, 7, tzinfo=UTC)
    payer = books.account()
    with books.transaction() as tx:
        tx.now += 3 * MINUTE
        tx.at = moments.text(tx.now)
        activity.record(tx, books.rng, payer, "videos.list", Outcome.DONE)

    for minutes, expected in ((0, 0), (4, 1)):
        clock.forward(minutes * MINUTE)
        window = Window(since=clock.wall - timedelta(hours=5), until=clock.wall + timedelta(microseconds=1))
        with books.database.reading() as tx:
            assert len(entries.operations(tx, window, None, 10)) == expected
        assert [numbers[0] for numbers in counted(books, window, ()).values()] == [1] * expected


@pytest.mark.parametrize("span", ["hour", "day", "month", "everyone"])
def test_sums_that_are_not_those_of_the_rows_are_seen(books, clock, span):
    clock.wall = datetime(2026, 5, 30, 12, 10, tzinfo=UTC)
    _many(books, clock, 60)
    seal(books)
    assert sums_are_right(books)

    with books.transaction() as tx:
        assert tx.run("UPDATE activity_sums SET units = units + 1 WHERE span = :span", span=span) > 0

    assert not sums_are_right(books)


def test_of_two_who_seal_the_same_rows_one_does(books, clock):
    payer = books.account()
    with books.transaction() as tx:
        activity.record(tx, books.rng, payer, "videos.list", Outcome.DONE)
    clock.forward(timedelta(hours=1))
    with books.database.reading() as tx:
        drafts = [segments.draft(tx, MINUTE, 10) for _ in range(2)]

    with books.transaction() as tx:
        assert [segments.seal(tx, draft) for draft in drafts] == [True, False]

    assert wrong(books) == []
    [numbers] = counted(books, Window(since=clock.wall - timedelta(days=1), until=clock.wall), ()).values()
    assert numbers[0] == 1


def _many(books, clock, rows, accounts=("news", "sports")):
    payers = [books.account(name) for name in accounts]
    for number in range(rows):
        clock.forward(timedelta(hours=1))
        with books.transaction() as tx:
            payer = payers[number % len(payers)]
            activity.record(
                tx,
                books.rng,
                payer,
                "videos.list",
                Outcome.FAILED,
                reason="forbidden",
                detail=f"said to {payer.account}",
            )
    clock.forward(timedelta(hours=1))
    return payers


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("UPDATE activity SET units = 99 WHERE entry = 5", [(2, "its rows are not those that were sealed")]),
        ("UPDATE activity SET detail = 'nothing' WHERE entry = 5", [(2, "its rows are not those that were sealed")]),
        ("DELETE FROM activity WHERE entry = 6", [(2, "3 rows were sealed, and 2 are there")]),
        ("UPDATE activity SET entry = -1 WHERE entry = 9", [(3, "3 rows were sealed, and 2 are there")]),
        ("DELETE FROM activity_segments WHERE segment = 1", [(2, "the segments before it are missing")]),
        ("UPDATE activity_segments SET digest = 'x' WHERE segment = 2",
         [(2, "its rows are not those that were sealed"), (3, "its rows are not those that were sealed")]),
        ("UPDATE activity_segments SET dropped_at = 'x' WHERE segment = 2",
         [(2, "it was not the oldest, and is said to have been dropped")]),
        ("UPDATE activity_segments SET dropped_at = 'x' WHERE segment = 1",
         [(1, "its rows are said to have been dropped, and 3 are there")]),
    ],
)  # fmt: skip
def test_whatever_is_changed_by_hand_is_seen_and_named(books, clock, what, says):
    _many(books, clock, 9)
    assert (seal(books, most=3), wrong(books)) == (3, [])

    with books.transaction() as tx:
        tx.run(what)

    assert wrong(books) == says


def test_what_names_a_person_can_be_erased_sealed_or_not_and_the_seals_hold(books, clock):
    _many(books, clock, 9)
    seal(books, most=3)
    with books.transaction() as tx:
        activity.record(tx, books.rng, NEWS, "videos.list", Outcome.DONE, detail="said to news")
        segments.to_be_erased(tx, "news")

    while True:
        with books.transaction() as tx:
            if segments.whom_to_erase(tx) is None:
                break
            segments.erase_some(tx, "news", 2)
    with books.transaction() as tx:  # who comes back under this name begins anew
        activity.record(tx, books.rng, NEWS, "videos.list", Outcome.DONE, detail="again")
    clock.forward(timedelta(hours=1))
    seal(books, most=3)

    assert wrong(books) == []
    with books.database.reading() as tx:
        rows = tx.all("SELECT account, channel_id, reason, detail, salt, erased FROM activity ORDER BY entry")
    left = {(row["account"], row["channel_id"], row["detail"]) for row in rows}
    assert left == {("news", None, ""), ("sports", "UCsports", "said to sports"), ("news", "UCnews", "again")}
    assert all((row["erased"] is None) == bool(row["salt"]) for row in rows)


def erase(books, account, most=1000):
    """Erase what is to be erased of an account, as housekeeping does."""
    while True:
        with books.transaction() as tx:
            if segments.whom_to_erase(tx) is None:
                return
            segments.erase_some(tx, account, most)


def test_who_comes_back_with_an_older_past_and_leaves_again_is_erased_whole(books, clock):
    _many(books, clock, 4, accounts=("news",))
    with books.transaction() as tx:
        segments.to_be_erased(tx, "news")
        segments.erase_some(tx, "news", 3)
    with books.transaction() as tx:
        how = {"operation": "older.upload", "outcome": Outcome.DONE, "reason": "", "detail": "said long ago"}
        activity.remember(tx, "late", NEWS, happened_at=clock.wall - timedelta(days=40), **how)
        segments.to_be_erased(tx, "news")

    erase(books, "news")

    with books.database.reading() as tx:
        assert [*tx.all("SELECT activity FROM activity WHERE channel_id IS NOT NULL OR detail <> ''")] == []


def test_an_erased_row_of_an_older_version_cannot_be_guessed_by_its_digest(books, clock):
    make = """
        INSERT INTO activity (activity, happened_at, account, operation, outcome, detail)
        VALUES (:activity, :at, 'news', 'x', 'done', 'y')
    """
    with books.transaction() as tx:
        for number in range(2):
            tx.run(make, activity=str(number), at=tx.at)
        segments.to_be_erased(tx, "news")
    erase(books, "news")
    clock.forward(timedelta(hours=1))

    assert (seal(books), wrong(books)) == (1, [])

    with books.database.reading() as tx:
        one, other = tx.all("SELECT erased FROM activity")
    assert one["erased"] != other["erased"]


@pytest.mark.parametrize("at_once", [1, 1000])
def test_reports_say_of_erased_rows_what_the_rows_say(books, clock, at_once):
    payer = books.account("news")
    for number, outcome in enumerate(("failed", "unknown", "unknown", "done", "unknown")):
        with books.transaction() as tx:
            how = {"job": f"job-{number}", "reason": "said to news"}
            activity.record(tx, books.rng, payer, "videos.insert", Outcome(outcome), **how)
        clock.forward(timedelta(minutes=2))
    since = clock.wall - timedelta(days=1)

    def settle(number, outcome=Outcome.FAILED, reason="found out"):
        with books.transaction() as tx:
            how = {"since": since, "reason": reason}
            assert activity.settle_unknown(tx, books.rng, f"job-{number}", "videos.insert", outcome, **how)

    settle(1)  # and sealed before its account leaves
    clock.forward(timedelta(hours=1))
    seal(books, most=3)
    settle(2)  # and not sealed
    with books.transaction() as tx:
        segments.to_be_erased(tx, "news")
    erase(books, "news", at_once)
    settle(4, Outcome.DONE, "")  # by a person, of an account that is gone

    def told():
        with books.database.reading() as tx:
            window = Window(since=since, until=clock.wall + timedelta(days=1))
            rows = entries.operations(tx, window, None, 100)
            errors = sums.went_wrong(tx, window)
        # With whole hours inside of the window the sums are asked, and each row else.
        return (sorted((row.operation, row.reason) for row in rows if row.outcome != "done"), errors)

    for _ in range(2):
        rows, errors = told()
        assert sorted((one, reason) for one, reason, times in errors for _ in range(times)) == rows
        clock.forward(timedelta(hours=2))
        seal(books)
    with books.database.reading() as tx:
        assert tx.all("SELECT * FROM activity_sums WHERE reason <> ''") == []
    assert (wrong(books), sums_are_right(books)) == ([], True)


def test_what_is_erased_while_somebody_seals_is_sealed_without_its_words(books, clock):
    _many(books, clock, 4)
    with books.database.reading() as tx:
        slow = segments.draft(tx, MINUTE, 10)
    with books.transaction() as tx:
        segments.to_be_erased(tx, "news")
    erase(books, "news")

    with books.transaction() as tx:
        assert not segments.seal(tx, slow)

    assert (seal(books), wrong(books)) == (1, [])
    with books.database.reading() as tx:
        assert tx.all("SELECT * FROM activity_sums WHERE account = 'news' AND reason <> ''") == []
        assert len(tx.all("SELECT * FROM activity_sums WHERE account = 'sports' AND reason <> ''")) > 0


def test_rows_of_an_older_version_get_a_salt_when_they_are_sealed(books, clock):
    make = (
        "INSERT INTO activity (activity, happened_at, operation, outcome, detail) VALUES ('a', :at, 'x', 'done', 'y')"
    )
    with books.transaction() as tx:
        tx.run(make, at=tx.at)
    clock.forward(timedelta(hours=1))

    assert (seal(books), wrong(books)) == (1, [])

    with books.database.reading() as tx:
        assert len(tx.one("SELECT salt FROM activity")["salt"]) == 16


def test_retention_drops_whole_segments_and_the_chain_goes_on_from_the_last_digest(books, clock):
    _many(books, clock, 12)
    assert seal(books, most=3) == 4
    began = clock.wall - timedelta(hours=12)

    with books.transaction() as tx:
        while (oldest := segments.too_old(tx, began + timedelta(hours=8))) is not None:
            segments.drop(tx, oldest)

    assert wrong(books) == []
    with books.database.reading() as tx:
        kept = [row["entry"] for row in tx.all("SELECT entry FROM activity ORDER BY entry")]
        rows = tx.all("SELECT segment, dropped_at IS NOT NULL AS dropped FROM activity_segments ORDER BY segment")
        kept_from = sums.kept_from(tx)
    assert kept == [7, 8, 9, 10, 11, 12]
    assert [(row["segment"], row["dropped"]) for row in rows] == [(2, 1), (3, 0), (4, 0)]

    [numbers] = counted(books, Window(since=kept_from, until=clock.wall), ()).values()
    assert numbers[0] == 6
    with books.transaction() as tx:
        assert segments.too_old(tx, clock.wall + timedelta(days=9999)).segment == 3
    seal(books)
    assert wrong(books) == []
    assert sums_are_right(books)


@ON_SQLITE
def test_no_question_reads_more_of_the_journal_than_it_is_about(books):
    window = Window(
        since=datetime(2026, 1, 1, 0, 30, tzinfo=UTC), until=datetime(2026, 3, 1, 0, 30, tzinfo=UTC), account="news"
    )
    asked = []
    with books.database.reading() as tx:
        sealed = tx.all

        class Listening(type(tx)):
            __slots__ = ()

            def all(self, sql, /, **parameters):
                asked.extend(row["detail"] for row in sealed(f"EXPLAIN QUERY PLAN {sql}", **parameters))
                return []

        listening = Listening(tx._connection, tx.now, books.clock)
        assert list(sums.over(listening, window, ("operation",))) == []
        entries.written(listening, window, 5, 10)
        entries.operations(listening, window, None, 10)

    read = {step for step in asked if step.startswith(("SCAN", "SEARCH")) and "merged_projects" not in step}
    assert read == {
        "SEARCH f USING INDEX sqlite_autoindex_activity_sums_1 (span=? AND begins>? AND begins<?)",
        "SEARCH f USING INDEX activity_by_account (account=? AND happened_at>? AND happened_at<?)",
        "SEARCH f USING INTEGER PRIMARY KEY (rowid>?)",
        "SEARCH later USING INTEGER PRIMARY KEY (rowid>?)",
        "SEARCH later USING INDEX activity_by_settled (settles=?) LEFT-JOIN",
        "SEARCH later USING INDEX activity_by_settled (settles=? AND rowid<?) LEFT-JOIN",
        "SEARCH f USING INDEX sqlite_autoindex_activity_1 (activity=?)",
    }
