"""The line in which jobs wait: who comes next, and that asking does not look at everybody."""

from datetime import timedelta

import pytest
from books import make_pool
from databases import ON_SQLITE

from ytpool.domain.jobs import InLine, JobState, Target, TargetKind
from ytpool.store import jobs, leases, line, whereabouts
from ytpool.store.leases import LeaseKind

ACCOUNT, POOL = TargetKind.ACCOUNT, TargetKind.POOL


@pytest.fixture
def wait(books):
    """Let a job wait in the line."""

    def add(job, kind="comment", target="news", of=ACCOUNT, **how):
        with books.transaction() as tx:
            jobs.add(
                tx,
                job,
                kind=kind,
                target=Target(kind=of, name=target),
                job_key="",
                fingerprint="",
                sha256=None,
                request="{}",
                steps=(),
            )
            line.ask(tx, job, InLine(**how))

    return add


@pytest.fixture
def pick(books):
    def pick(**how):
        with books.transaction() as tx:
            picked = line.pick(tx, **how)
        return None if picked is None else picked.job.job

    return pick


def test_the_most_important_comes_first_then_the_most_urgent_then_the_one_that_waits_longest(books, wait, pick):
    books.account(slots=9)
    soon, later = books.clock.wall + timedelta(hours=1), books.clock.wall + timedelta(hours=2)
    wait("j1")
    wait("j2", deadline=later)
    wait("j3", deadline=soon)
    wait("j4", priority=1)
    wait("j5", priority=-1, deadline=soon)
    wait("j6", not_before=soon, priority=9)

    assert [pick() for _ in range(6)] == ["j4", "j3", "j2", "j1", "j5", None]
    with books.transaction() as tx:
        assert line.soonest(tx) == soon
    books.forward(hours=1)
    assert pick() == "j6"


def test_who_has_no_place_left_is_passed_over_and_keeps_nobody_else_waiting(books, wait, pick):
    books.account("news", slots=2)
    books.account("sports", slots=1)
    books.account("radio", channel_id="UCnews")
    for number in range(4):
        wait(f"j{number}")
    wait("k1", kind="upload", target="sports")
    wait("k2", kind="upload", target="radio")
    wait("k3", target="sports")

    # Two of news; one of sports, whose only place it takes; the upload of radio.
    assert [pick() for _ in range(5)] == ["j0", "j1", "k1", "k2", None]


def test_a_channel_takes_one_upload_at_a_time_whichever_of_its_accounts_it_is_for(books, wait, pick):
    books.account("news")
    books.account("radio", channel_id="UCnews")
    wait("j1", kind="upload")
    wait("j2", kind="upload", target="radio")
    wait("j3", target="radio")

    assert [pick() for _ in range(3)] == ["j1", "j3", None]


def test_a_pool_is_given_as_many_uploads_as_it_has_channels(books, wait, pick):
    books.account("news")
    books.account("sports")
    with books.transaction() as tx:
        make_pool(tx, "main", ["news", "sports"])
    for number in range(3):
        wait(f"j{number}", kind="upload", target="main", of=POOL)
    wait("j3", target="main", of=POOL)

    assert [pick() for _ in range(4)] == ["j0", "j1", "j3", None]


def test_only_what_is_for_a_pool_is_picked_where_that_is_asked_for(books, wait, pick):
    books.account("news")
    books.account("sports")
    with books.transaction() as tx:
        make_pool(tx, "main", ["sports"])
    wait("j1")
    wait("j2", target="sports")
    wait("j3", target="main", of=POOL)

    assert [pick(pool="main") for _ in range(3)] == ["j2", "j3", None]
    with books.transaction() as tx:
        assert (line.has_due(tx), line.has_due(tx, pool="other")) == (True, False)


def test_what_a_worker_left_that_is_gone_is_picked_by_the_same_order(books, wait, pick):
    books.account()
    wait("j1", priority=1)
    wait("j2", priority=2)
    assert pick() == "j2"
    with books.transaction() as tx:
        mine = leases.take(tx, LeaseKind.JOB, "j2", holder="j2")
        jobs.move(tx, mine, JobState.RUNNING)
    assert [pick(), pick()] == ["j1", None]

    books.forward(seconds=11)  # nobody renews anything

    assert pick() == "j2"


def test_what_leads_nowhere_is_left_alone_for_a_while_and_what_is_held_until_it_is_let_go(books, wait, pick):
    books.account()
    wait("j1")
    wait("j2")
    with books.transaction() as tx:
        line.put_off(tx, "j1", tx.now + timedelta(minutes=1))
        line.hold(tx, "j2")
        assert line.waiting(tx) == 1
    assert pick() is None

    books.forward(minutes=1)
    assert [pick(), pick()] == ["j1", None]
    with books.transaction() as tx:
        line.let_go(tx, "j2")
    assert pick() == "j2"


@ON_SQLITE
@pytest.mark.parametrize(
    ("question", "index"),
    [
        (line.RIPEN, "jobs_to_come"),
        (line.NEXT % "", "jobs_in_line"),
        (line.FIRST_IN_LANE % "", "jobs_in_lane"),
        (line.LANES, "jobs_in_lane"),
        (line.SOONEST, "jobs_to_come"),
        (line.LEFT_BEHIND % "", "jobs_by_state"),
    ],
)
def test_asking_who_is_next_looks_at_the_head_of_the_line_only(books, question, index):
    with books.transaction() as tx:
        given = {name: tx.at for name in ("at", "lane") if f":{name}" in question}
        plan = " ".join(row["detail"] for row in tx.all(f"EXPLAIN QUERY PLAN {question}", **given))

    assert f"USING INDEX {index}" in plan or f"USING COVERING INDEX {index}" in plan
    assert "TEMP B-TREE" not in plan
    assert "SCAN jobs " not in plan.replace(f"SCAN jobs USING INDEX {index}", "").replace(
        f"SCAN jobs USING COVERING INDEX {index}", ""
    )


def test_what_was_put_off_by_a_clock_that_was_wrong_is_not_left_alone_for_days(books, wait, pick):
    books.account()
    wait("j1")
    with books.transaction() as tx:
        line.put_off(tx, "j1", tx.now + timedelta(days=2))
    assert pick() is None

    with books.transaction() as tx:
        line.forget_far(tx)

    assert pick() == "j1"


def test_which_machine_lacked_a_file_is_known_as_long_as_the_job_is_to_be_done(books, wait):
    for job in ("j1", "j2"):
        wait(job)
    with books.transaction() as tx:
        whereabouts.missed(tx, {"j1": "/mnt/1.mp4", "j2": "/mnt/2.mp4"})
        tx.run("UPDATE jobs SET state = 'done' WHERE job = 'j1'")
        whereabouts.forget_ended(tx)

        assert whereabouts.missed_here(tx) == ["j2"]
        assert whereabouts.without(tx, "j1") == ()
