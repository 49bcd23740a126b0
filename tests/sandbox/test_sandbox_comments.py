"""Comments and counts, as Google's own Python client and plain requests meet them."""

import json
from datetime import timedelta

import pytest
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaFileUpload

from ytpool.data import discovery_document
from ytpool.sandbox.discovery import Description


@pytest.fixture
def video(google, control, movie):
    """Make a public video of the channel News, processed."""

    def make(size=1000, **status):
        insert = (
            google()
            .videos()
            .insert(
                part="snippet,status",
                body={"snippet": {"title": "A day"}, "status": {"privacyStatus": "public", **status}},
                media_body=MediaFileUpload(str(movie(size)), mimetype="video/mp4"),
            )
        )
        made = insert.execute()["id"]
        control.clock(forward=timedelta(minutes=1))
        return made

    return make


def post(youtube, video_id, text):
    body = {"snippet": {"videoId": video_id, "topLevelComment": {"snippet": {"textOriginal": text}}}}
    return youtube.commentThreads().insert(part="snippet", body=body).execute()


def reply(youtube, parent, text):
    body = {"snippet": {"parentId": parent, "textOriginal": text}}
    return youtube.comments().insert(part="snippet", body=body).execute()


def threads(youtube, video_id, **how):
    return youtube.commentThreads().list(part="snippet,replies", videoId=video_id, **how).execute()["items"]


def reason(refused):
    error = json.loads(refused.value.content)["error"]
    assert "status" not in error  # YouTube's back end
    return error["code"], error["errors"][0]["domain"], error["errors"][0]["reason"]


def test_a_comment_is_written_answered_changed_and_deleted(google, control, video):
    control.add_channel("Sports")
    owner, other = google(), google("Sports")
    first = video()

    thread = post(other, first, "Well <said>\nindeed")
    answer = reply(owner, thread["id"], "Thanks")
    changed = other.comments().update(
        part="snippet", body={"id": thread["id"], "snippet": {"textOriginal": "Well said"}}
    )
    changed = changed.execute()
    (seen,) = threads(owner, first)
    replies = owner.comments().list(part="snippet", parentId=thread["id"]).execute()["items"]
    stats = owner.videos().batchGetStats(part="statistics,snippet,contentDetails", id=[first, "nowhere1234"]).execute()
    owner.comments().delete(id=thread["id"]).execute()

    check = Description.from_document(discovery_document()).check_body
    check("CommentThread", seen, "thread")
    check("BatchGetStatsResponse", stats, "stats")
    top = thread["snippet"]["topLevelComment"]["snippet"]
    assert (top["textOriginal"], top["textDisplay"]) == ("Well <said>\nindeed", "Well &lt;said&gt;<br>indeed")
    assert changed["snippet"]["textOriginal"] == "Well said"
    assert "textOriginal" not in seen["snippet"]["topLevelComment"]["snippet"]  # it is for its author
    assert [one["id"] for one in seen["replies"]["comments"]] == [answer["id"]] == [one["id"] for one in replies]
    assert answer["id"].startswith(f"{thread['id']}.")
    assert [(one["id"], one["statistics"]["commentCount"]) for one in stats["items"]] == [(first, "2")]
    assert threads(owner, first) == []
    truth = control.truth()
    assert truth["refused"] == []
    units = next(iter(next(iter(truth["units"].values())).values()))
    assert (units["batch_stats"], units["general"]) == (1, 50 + 50 + 50 + 1 + 1 + 50 + 1)


def test_a_held_comment_answers_like_any_other_and_only_its_owner_finds_it(google, control, video):
    control.add_channel("Sports")
    owner, other = google(), google("Sports")
    first = video()
    live = post(other, first, "one")
    control.settings(comments_stand="heldForReview")
    held = post(other, first, "two")
    answered = reply(other, live["id"], "three")

    assert held["snippet"]["isPublic"] is live["snippet"]["isPublic"] is True
    assert [one["id"] for one in threads(other, first)] == [live["id"]]
    waiting = threads(owner, first, moderationStatus="heldForReview")
    assert [one["id"] for one in waiting] == [held["id"], live["id"]]  # the second for the reply that waits
    assert [one["id"] for one in waiting[1]["replies"]["comments"]] == [answered["id"]]
    with pytest.raises(HttpError) as refused:
        threads(other, first, moderationStatus="heldForReview")
    assert reason(refused) == (403, "youtube.commentThread", "forbidden")

    owner.comments().setModerationStatus(id=[held["id"], answered["id"]], moderationStatus="published").execute()
    assert [one["id"] for one in threads(other, first)] == [held["id"], live["id"]]
    owner.comments().setModerationStatus(id=live["id"], moderationStatus="rejected", banAuthor=True).execute()
    control.settings(comments_stand=None)
    post(other, first, "four")
    assert [one["id"] for one in threads(owner, first)] == [held["id"]]  # who is banned is rejected from then on


def test_a_comment_may_be_listed_late(google, control, video):
    first = video()
    control.settings(comments_listed_after=600)
    made = post(google(), first, "one")

    early = threads(google("News"), first)
    control.clock(forward=timedelta(minutes=10))

    assert (early, [one["id"] for one in threads(google(), first)]) == ([], [made["id"]])


def test_what_youtube_refuses_of_a_comment_has_its_reason(google, control, video):
    control.add_channel("Sports")
    youtube, first, children = google("Sports"), video(), video(1001, selfDeclaredMadeForKids=True)
    thread = post(google(), first, "one")
    answer = reply(google(), thread["id"], "two")
    stranger = youtube.comments()
    attempts = {
        (404, "youtube.commentThread", "videoNotFound"): lambda: post(youtube, "nowhere1234", "x"),
        (400, "youtube.commentThread", "commentTextRequired"): lambda: post(youtube, first, " "),
        (400, "youtube.commentThread", "commentTextTooLong"): lambda: post(youtube, first, "x" * 10_001),
        (400, "youtube.commentThread", "channelOrVideoIdMissing"): lambda: post(youtube, "", "x"),
        (403, "youtube.commentThread", "commentsDisabled"): lambda: post(youtube, children, "x"),
        (404, "youtube.comment", "parentCommentNotFound"): lambda: reply(youtube, answer["id"], "x"),
        (400, "youtube.comment", "parentIdMissing"): lambda: reply(youtube, "", "x"),
        (403, "youtube.comment", "forbidden"): stranger.setModerationStatus(
            id=thread["id"], moderationStatus="rejected"
        ).execute,
        (404, "youtube.comment", "commentNotFound"): stranger.setModerationStatus(
            id="Ugnowhere", moderationStatus="rejected"
        ).execute,
        (400, "youtube.comment", "banWithoutReject"): google()
        .comments()
        .setModerationStatus(id=thread["id"], moderationStatus="published", banAuthor=True)
        .execute,
    }

    for expected, attempt in attempts.items():
        with pytest.raises(HttpError) as refused:
            attempt()
        assert reason(refused) == expected
