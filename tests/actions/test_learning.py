"""What a refusal for quota teaches hangs on what it names: nothing, a bucket we know, or a limit nobody knew."""

import json

import pytest

from ytpool.actions.calls import settle_verdict
from ytpool.domain import failover
from ytpool.store import accounts, ledger, lessons, limits, meters, rests
from ytpool.store.ledger import Call, Entry, Payer
from ytpool.youtube.answers import Answer, refused


def answer(metric="", limit="", *, value=None, words=""):
    """Make the body of a 429 as Google's front end writes it, with as many facts as are given."""
    error = {"code": 429, "message": words or "Quota exceeded per day.", "status": "RESOURCE_EXHAUSTED"}
    error["errors"] = [{"message": error["message"], "domain": "global", "reason": "rateLimitExceeded"}]
    named = {"quota_metric": metric and f"youtube.googleapis.com/{metric}", "quota_limit": limit}
    if value is not None:
        named["quota_limit_value"] = str(value)
    if metric:
        error["details"] = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "metadata": named}]
    return Answer(status=429, headers={}, body=json.dumps({"error": error}).encode())


@pytest.fixture
def refuse(desk):
    """Let a call go out and come back with this answer; then say what the books and the rests hold."""

    def say(operation, body):
        failure = refused(body, operation)
        verdict = failover.judge(failure)
        with desk.rt.store.transaction() as tx:
            news = accounts.get(tx, "news")
            payer = Payer(account="news", project=news.project, channel_id=news.channel_id)
            (held,) = ledger.hold(tx, payer, [Call(operation=operation)], desk.rt.terms(tx), desk.rt.rng)
            ledger.send(tx, held, desk.rt.book, desk.rt.terms(tx))
            ledger.settle(tx, held.hold, Entry.RELEASED, failure.reason)
            settle_verdict(desk.rt, tx, held, failure, verdict)
            today = desk.rt.terms(tx).day
            return (
                {bucket: limit.units for (_, _, bucket), limit in limits.standing(tx, today).items()},
                {name: one.elsewhere for (scope, _, name), one in meters.on(tx, today).items() if scope == "project"},
                {rest.bucket for rest in rests.running(tx)},
                [(one.operation, one.metric, one.named, one.units) for one in lessons.proposed(tx)],
            )

    return say


def test_words_without_a_value_are_the_rest_of_the_day(refuse):
    words = "Quota exceeded for quota metric 'Video Uploads' and limit 'Video Uploads per day' of service 'youtube'."

    learned, elsewhere, resting, proposed = refuse("videos.insert", answer(words=words))

    assert learned == {}
    assert elsewhere["uploads"] == 100
    assert elsewhere["general"] == 0
    assert (resting, proposed) == ({"uploads"}, [])


def test_a_name_we_never_saw_means_the_bucket_where_the_call_draws_on_one_of_its_own(refuse):
    learned, elsewhere, resting, proposed = refuse(
        "videos.insert", answer("video_insert_calls", "defaultVideoInsertPerDayPerProject", value=30)
    )

    assert learned == {"uploads": 30}
    assert elsewhere["uploads"] == 30
    assert (resting, proposed) == ({"uploads"}, [])


def test_a_bucket_that_the_call_is_not_known_to_draw_on_rests_and_the_call_alone_beside_it(refuse):
    learned, elsewhere, resting, proposed = refuse(
        "videos.list", answer("search_list", "defaultSearchListPerDayPerProject", value=0)
    )

    assert learned == {"search": 0}
    assert (elsewhere["general"], elsewhere["search"]) == (0, 0)
    assert resting == {"search", "videos.list"}
    assert proposed == [("videos.list", "search_list", "defaultSearchListPerDayPerProject", 0)]
