"""Whether the books agree with what really happened: per project, bucket and quota day, over the whole of a story."""

import json
from collections import Counter

from newsroom import looking_at


def assert_all_agrees(state, truth, *, idle=True):
    """Compare every day of a state with the sandbox's truth; unless told, nothing may be under way any more."""
    with looking_at(state) as books:
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


def assert_each_was_said_once(ytpool, state, texts, truth, *, unknown_at_most):
    """Compare jobs that were to say these texts with what was said: each once, or the job says that it is unknown.

    What is unknown waits for a person, and that is all that does.
    """
    said = {comment["comment_id"]: comment["text"] for comment in truth["comments"]}
    times = Counter(said.values())
    assert times.keys() <= {*texts.values()}
    jobs = json.loads(ytpool("queue", "list", "--all", "--json")[1])["data"]["jobs"]
    states = {job["job"]: job["state"] for job in jobs if job["kind"] == "comment"}
    print(Counter(states.values()))
    assert states.keys() == texts.keys()
    for job, became in states.items():
        assert (became, times[texts[job]]) in {("done", 1), ("finished_unknown", 1), ("finished_unknown", 0)}, job
    with looking_at(state) as books:
        heard = dict(books.all("SELECT job, comment_id FROM comments WHERE comment_id IS NOT NULL"))
    assert all(said[heard[job]] == texts[job] for job, became in states.items() if became == "done")
    unknown = {job for job, became in states.items() if became == "finished_unknown"}
    assert len(unknown) <= unknown_at_most
    assert {item["name"] for item in json.loads(ytpool("todo", "--json")[1])["data"]["items"]} == unknown
