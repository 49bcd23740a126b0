"""When two texts are the same, what a list of comments proves, and what people type for a comment."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytpool.domain import comments
from ytpool.domain.comments import Comment, Remark
from ytpool.errors import MetadataInvalid

INTENT = datetime(2026, 11, 20, 20, 0, 30, 400_000, tzinfo=UTC)
OURS, REMARK = "UCours", Remark(text="Well  said", video_id="a1b2c3d4e5f")


def seen(comment_id="Ugone", *, text="well said ", author="UCours", after=timedelta(), parent=None):
    snippet = {
        "authorChannelId": {"value": author},
        "textDisplay": text,
        "publishedAt": f"{INTENT + after:%Y-%m-%dT%H:%M:%SZ}",
        **({"parentId": parent} if parent else {}),
    }
    return Comment.from_resource({"id": comment_id, "snippet": snippet})


def found(*some, claimed=(), remark=REMARK):
    one = comments.find(some, remark, author_id=OURS, since=INTENT, claimed=claimed)
    return one and one.comment_id


@pytest.mark.parametrize("other", ["WELL SAID", " well\n\tsaid ", "well\u200b sa\u00adid", "Ｗｅｌｌ ｓａｉｄ"])  # noqa: RUF001
def test_spacing_case_and_invisible_characters_make_no_other_text(other):
    assert comments.digest(other) == comments.digest("Well said")


@given(st.text(max_size=40))
def test_what_is_compared_is_compared_the_same_the_second_time(text):
    assert comments.compared(comments.compared(text)) == comments.compared(text)


@given(st.text(alphabet="abc ", max_size=12), st.text(alphabet="abc ", max_size=12))
def test_other_words_are_another_text(one, other):
    assert (comments.digest(one) == comments.digest(other)) == (one.split() == other.split())


def test_our_words_by_our_channel_since_our_intent_are_ours():
    assert found(seen()) == "Ugone"  # YouTube's whole seconds lie before our intent


@pytest.mark.parametrize(
    "other",
    [
        seen(author="UCelse"),
        seen(text="well done"),
        seen(after=-timedelta(minutes=5)),
        seen(parent="Ugthread"),
        Comment.from_resource({"id": "Ugone", "snippet": "odd"}),
    ],
    ids=["another channel", "other words", "before our intent", "a reply", "nonsense"],
)
def test_anything_else_is_not_ours(other):
    assert found(other) is None


def test_what_another_job_has_posted_is_not_ours():
    assert found(seen("Ugone"), seen("Ugtwo", after=timedelta(seconds=9)), claimed={"Ugone"}) == "Ugtwo"


def test_a_reply_is_looked_for_among_replies():
    remark = Remark(text="Well said", parent_id="Ugthread")

    assert found(seen(parent="Ugthread"), remark=remark) == "Ugone"


@pytest.mark.parametrize(
    ("text", "says"), [("", "empty"), (" \n\u3000\u200b", "empty"), ("x" * 10_001, "10,001"), ("\udcff", "no letters")]
)
def test_a_text_that_would_be_refused_is_not_sent(text, says):
    with pytest.raises(MetadataInvalid, match=says):
        comments.check(text)


THREAD = "UgzDE2tasfmrYLyNkGt4AaABAg"


@pytest.mark.parametrize(
    ("typed", "means"),
    [
        (THREAD, THREAD),
        (f"https://www.youtube.com/watch?v=a1b2c3d4e5f&lc={THREAD}", THREAD),
        (f"https://youtube.com/watch?lc={THREAD}.8PPANzy1hQk8PPAc&v=a1b2c3d4e5f", f"{THREAD}.8PPANzy1hQk8PPAc"),
    ],
)
def test_a_comment_is_named_by_its_id_or_its_address(typed, means):
    assert comments.comment_id(typed) == means


@pytest.mark.parametrize("typed", ["a1b2c3d4e5f", "https://youtu.be/a1b2c3d4e5f", "", "nice video", f"{THREAD}."])
def test_what_is_no_comment_is_not_taken_for_one(typed):
    with pytest.raises(ValueError, match="no comment"):
        comments.comment_id(typed)
