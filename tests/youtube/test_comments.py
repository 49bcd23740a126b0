"""Comments and counts as they stand on the wire."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from ytpool.domain import failover
from ytpool.domain.failover import Next
from ytpool.errors import UpstreamFailed, UsageWrong

WRITES = {
    "commentThreads.insert": lambda youtube, token: youtube.insert_comment(token, "v1", "Grüße\n<b>"),
    "comments.insert": lambda youtube, token: youtube.insert_reply(token, "Ug1", "Grüße\n<b>"),
}
by_write = pytest.mark.parametrize("operation", WRITES)


def asked(request):
    parts = urlsplit(request.target)
    return request.method, parts.path.removeprefix("/youtube/v3/"), parse_qs(parts.query)


def test_a_comment_and_a_reply_carry_their_text_as_it_was_written(google, youtube, token):
    google.answers(*[google.reply(200, {"id": "Ug1"})] * 2)

    assert [write(youtube, token)["id"] for write in WRITES.values()] == ["Ug1", "Ug1"]

    comment, reply = google.requests
    assert [asked(one)[:2] for one in (comment, reply)] == [("POST", "commentThreads"), ("POST", "comments")]
    text = {"textOriginal": "Grüße\n<b>"}
    assert json.loads(comment.body) == {"snippet": {"videoId": "v1", "topLevelComment": {"snippet": text}}}
    assert json.loads(reply.body) == {"snippet": {"parentId": "Ug1", **text}}


@by_write
def test_what_says_something_is_sent_once_and_an_odd_answer_leaves_it_unknown(google, youtube, token, operation):
    odd = [
        google.hang_up,
        google.reply(200, {"kind": "youtube#comment"}),
        google.reply(200, b'{"id": "Ug'),
        google.reply(503, b"<html>"),
        google.reply(302, b"", Location="/elsewhere"),
    ]
    google.answers(*odd)

    for _ in odd:
        with pytest.raises(UpstreamFailed) as failure:
            WRITES[operation](youtube, token)
        assert failover.judge(failure.value).next is Next.UNKNOWN

    assert len(google.requests) == len(odd)


def test_lists_ask_for_the_newest_first_in_plain_text_and_for_what_is_held(google, youtube, token):
    google.answers(*[google.reply(200, {"items": [{"id": "Ug1"}], "nextPageToken": "N"})] * 4)

    assert youtube.comment_threads(token, video_id="v1", status="heldForReview", search="a b") == ([{"id": "Ug1"}], "N")
    youtube.comment_threads(token, ids=["Ug1", "Ug2"])
    youtube.comments(token, parent_id="Ug1", page="N")
    youtube.comments(token, ids=["Ug1"])

    held, threads, replies, one = (asked(request)[2] for request in google.requests)
    assert (held["videoId"], held["moderationStatus"], held["order"]) == (["v1"], ["heldForReview"], ["time"])
    assert (held["searchTerms"], held["maxResults"], held["textFormat"]) == (["a b"], ["100"], ["plainText"])
    assert (threads["id"], "moderationStatus" in threads) == (["Ug1,Ug2"], False)  # which do not go together
    assert (replies["parentId"], replies["pageToken"]) == (["Ug1"], ["N"])
    assert (one["id"], "parentId" in one) == (["Ug1"], False)


def test_decisions_and_counts_take_fifty_at_once_and_no_more(google, youtube, token):
    google.answers(google.reply(204, b""), google.reply(200, {"items": [{"id": "v1"}]}))
    many = [f"v{number}" for number in range(51)]

    youtube.moderate(token, ["Ug1", "Ug2"], "rejected", ban=True)
    assert youtube.stats(token, many[:50]) == [{"id": "v1"}]
    for call in (
        lambda: youtube.moderate(token, many, "held"),
        lambda: youtube.stats(token, many),
        lambda: youtube.comments(token, ids=many),
        lambda: youtube.moderate(token, ["Ug1"], "held"),  # which is no word of YouTube's
    ):
        with pytest.raises(UsageWrong):
            call()

    moderated, counted = map(asked, google.requests)
    decision = {"id": ["Ug1,Ug2"], "moderationStatus": ["rejected"], "banAuthor": ["true"]}
    assert moderated == ("POST", "comments/setModerationStatus", decision)
    assert counted[:2] == ("GET", "videos:batchGetStats")
    assert counted[2]["id"] == [",".join(many[:50])]
