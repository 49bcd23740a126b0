"""Comments through the pool: said once, by the right account, and never said again for want of an answer."""

import io
import json
import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from agreement import assert_all_agrees
from newsroom import ROOT, assert_books_agree, forget_googles_clock, run_ahead, start
from told import data
from waiting import wait_until

TEXT = "The slides are on our site"


@pytest.fixture
def talk(ytpool, sandbox, make_video):
    """Publish a video on the channel `news`, and wait until everybody sees it."""

    def publish(name="talk.mp4", *words):
        status, out, err = ytpool(
            "upload", make_video(name, 1000), "--account", "news", "--privacy", "public", *words, "--json"
        )
        assert status == 0, err
        sandbox.control.clock(forward=timedelta(minutes=1))
        return data(out)["video_id"]

    return publish


@pytest.fixture
def post(ytpool):
    """Comment, and return the status, the whole answer and what stderr said."""

    def run(video_id, text=TEXT, *words, target=("--pool", "main")):
        status, out, err = ytpool("comment", "post", video_id, text, *target, *words, "--json")
        return status, json.loads(out), err

    return run


def texts(sandbox):
    return [comment["text"] for comment in sandbox.truth()["comments"]]


def authors(sandbox):
    titles = {channel["channel_id"]: channel["title"] for channel in sandbox.truth()["channels"]}
    return [titles[comment["channel_id"]] for comment in sandbox.truth()["comments"]]


def todo(ytpool):
    return data(ytpool("todo", "--json")[1])["items"]


def cap(ytpool, account, comments, *words):
    """Let an account post so many comments a day."""
    assert ytpool("accounts", "set", account, "--cap", f"comments={comments}", *words)[0] == 0


def at_midnight(sandbox):
    sandbox.control.clock(forward=timedelta(hours=13))  # from noon on, and a while past the minute that is blurred


# Said once


def test_a_comment_is_announced_said_once_read_back_and_counted(ytpool, sandbox, talk):
    video_id = talk()

    status, out, err = ytpool("comment", "post", f"https://youtu.be/{video_id}", TEXT, "--pool", "main", "--json")

    assert status == 0, err
    [comment] = sandbox.truth()["comments"]
    told = data(out)
    assert (told["comment_id"], told["moderation"], told["account"]) == (comment["comment_id"], "published", "news")
    assert told["url"] == f"https://www.youtube.com/watch?v={video_id}&lc={comment['comment_id']}"
    assert "comment as news of channel news" in err
    assert f"({video_id}, public)" in err
    report = data(ytpool("quota", "report", "--json")[1])
    assert {row["account"]: row["comments_today"] for row in report["accounts"]} == {"news": 1, "sports": 0}
    assert_books_agree(ytpool, sandbox)

    [job] = [one for one in data(ytpool("queue", "list", "--all", "--json")[1])["jobs"] if one["kind"] == "comment"]
    why = data(ytpool("why", job["job"], "--json")[1])
    assert (job["video_id"], why["account"], why["decisions"][0]["account"]) == (video_id, "news", "news")
    assert "commentThreads.insert" in ytpool("activity", "report")[1]


def test_a_rehearsed_comment_sends_nothing(ytpool, sandbox, talk, post):
    video_id = talk()
    before = sandbox.truth()["calls"]

    status, answer, _ = post(video_id, TEXT, "--dry-run")

    assert (status, answer["data"]["account"], answer["data"]["units"]) == (0, "news", {"general": 52})
    assert "whoever sees the video sees it" in answer["data"]["note"]
    assert sandbox.truth()["calls"] == before
    assert "comment" not in ytpool("queue", "list", "--all")[1]


def test_the_text_may_come_from_a_file_or_from_standard_input(ytpool, sandbox, talk, tmp_path, monkeypatch):
    video_id = talk()
    (tmp_path / "text.txt").write_bytes("\ufeffGrüß Gott,\nalle zusammen\r\n".encode())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"from a pipe\n")))

    assert ytpool("comment", "post", video_id, "--text-file", tmp_path / "text.txt", "--pool", "main")[0] == 0
    assert ytpool("comment", "post", video_id, "-", "--pool", "main")[0] == 0

    assert texts(sandbox) == ["Grüß Gott,\nalle zusammen", "from a pipe"]


# The same words


def test_the_same_words_are_refused_on_a_video_whoever_says_them(sandbox, talk, post):
    video_id = talk()
    assert post(video_id, "Thank you all!")[0] == 0

    for target in (("--pool", "main"), ("--account", "sports")):
        status, answer, _ = post(video_id, " thank YOU\u200b  all!", target=target)

        assert (status, answer["error"]["code"]) == (2, "text_repeated")
        assert "--repeat-text" in answer["error"]["hint"]
    assert texts(sandbox) == ["Thank you all!"]
    assert post(video_id, "thank you all!", "--repeat-text", target=("--account", "sports"))[0] == 0
    assert authors(sandbox) == ["news", "sports"]


def test_a_pool_does_not_say_the_same_on_another_video_within_a_day(ytpool, sandbox, talk, post):
    one, other = talk(), talk("other.mp4")
    secrets, alone = sandbox.secrets_file(), sandbox.token_file("alone")
    assert ytpool("auth", "import", "alone", "--client-secrets", secrets, "--token", alone)[0] == 0
    assert post(one, target=("--account", "news"))[0] == 0

    assert post(other, target=("--account", "sports"))[0] == 2  # who shares the pool
    assert post(other, target=("--account", "alone"))[0] == 0  # who does not
    sandbox.control.clock(forward=timedelta(hours=25))
    assert ytpool("stats", one)[0] == 0  # which tells the time
    assert post(other, target=("--account", "sports"))[0] == 2  # on this video it was said, however long ago
    assert post(talk("third.mp4"), target=("--account", "sports"))[0] == 0
    assert authors(sandbox) == ["news", "alone", "sports"]


def test_of_two_processes_that_say_the_same_at_once_one_does(ytpool, sandbox, talk):
    video_id = talk()
    sandbox.control.add_fault(method="commentThreads.insert", kind="slow", seconds=1.0, times=9)

    words = [("--account", "news"), ("--account", "sports"), ("--pool", "main")]
    processes = [start("comment", "post", video_id, TEXT, *target, env=os.environ) for target in words]
    for process in processes:
        process.communicate(timeout=60)

    assert sorted(process.returncode for process in processes) == [0, 2, 2]
    assert texts(sandbox) == [TEXT]
    assert_books_agree(ytpool, sandbox)


def test_comments_take_turns_of_their_own(ytpool, sandbox, talk, post, make_video):
    video_id = talk()
    assert ytpool("pools", "set", "main", "--strategy", "round_robin")[0] == 0

    for number in range(4):
        assert post(video_id, f"number {number}")[0] == 0
        assert ytpool("upload", make_video(f"{number}.mp4", 1000), "--pool", "main")[0] == 0

    assert authors(sandbox) == ["news", "sports", "news", "sports"]
    assert len(sandbox.videos_on("sports")) == 2


# Whether it is seen


def test_a_comment_that_is_held_for_review_is_said_to_be(sandbox, talk, post):
    video_id = talk()
    sandbox.control.settings(comments_stand="heldForReview")

    status, answer, _ = post(video_id, target=("--account", "sports"))

    assert (status, answer["data"]["moderation"]) == (0, "held_for_review")
    assert "held for review" in answer["data"]["note"]


def test_what_only_a_stranger_could_tell_is_said_to_be_unknown(ytpool, sandbox, talk, post):
    video_id = talk()
    sandbox.control.settings(comments_listed_after=3600)
    assert ytpool("accounts", "disable", "news")[0] == 0

    status, answer, _ = post(video_id, target=("--account", "sports"))

    assert (status, answer["data"]["state"], answer["data"]["moderation"]) == (0, "done", "not_listed")
    assert "listed late" in answer["data"]["note"]
    assert_books_agree(ytpool, sandbox)


def test_an_owner_who_cannot_look_spoils_nothing(sandbox, talk, post):
    video_id = talk()
    sandbox.control.settings(comments_stand="heldForReview")
    sandbox.channel("news").fail("commentThreads.list", "forbidden", times=9)

    status, answer, err = post(video_id, target=("--account", "sports"))

    assert (status, answer["data"]["moderation"]) == (0, "not_listed")
    assert "news, who is shown what is held, could not look" in err


def test_a_comment_that_could_not_be_read_back_is_posted_and_read_back_later(sandbox, talk, post):
    video_id = talk()
    sandbox.channel("news").fail("commentThreads.list", "forbidden")

    status, answer, _ = post(video_id)
    assert (status, answer["error"]["code"], answer["data"]["state"]) == (3, "partly", "partly")
    status, answer, _ = post(video_id)

    assert (status, answer["data"]["moderation"]) == (0, "published")
    assert texts(sandbox) == [TEXT]


# Replies


def test_a_reply_stands_under_its_comment_and_repeats_nothing(ytpool, sandbox, talk, post):
    video_id = talk()
    thread = post(video_id)[1]["data"]["comment_id"]
    first = ytpool("comment", "reply", thread, "Thank you", "--account", "sports", "--json")
    assert (first[0], data(first[1])["moderation"]) == (0, "published"), first
    answer = data(first[1])

    under_a_reply = ytpool("comment", "reply", answer["comment_id"], "And you", "--account", "news", "--json")
    repeated = ytpool("comment", "reply", thread, TEXT, "--account", "news", "--repeat-text", "--json")
    refused = ytpool("comment", "reply", thread, "THANK you", "--account", "news", "--json")
    same_video = post(video_id, "thank you", target=("--account", "news"))

    assert (answer["parent_id"], answer["video_id"]) == (thread, video_id)
    assert (under_a_reply[0], json.loads(under_a_reply[1])["error"]["code"]) == (2, "unknown_name")
    assert f"ytpool comment reply {thread}" in json.loads(under_a_reply[1])["error"]["hint"]
    assert (repeated[0], refused[0], same_video[0]) == (0, 2, 2)
    assert [one["parent_id"] for one in sandbox.truth()["comments"]] == ["", thread, thread]
    assert_books_agree(ytpool, sandbox)


def test_a_reply_finds_out_on_which_video_it_would_repeat_something(ytpool, sandbox, talk, post):
    video_id = talk()
    thread = post(video_id, "Ask us anything")[1]["data"]["comment_id"]
    assert post(video_id, "Thank you", target=("--account", "news"))[0] == 0
    sandbox.control.clock(forward=timedelta(hours=25))
    assert ytpool("stats", video_id)[0] == 0

    status, out, _ = ytpool("comment", "reply", thread, "thank you", "--account", "sports", "--json")

    assert (status, json.loads(out)["error"]["code"]) == (2, "text_repeated")
    assert sandbox.calls("comments.insert") == 0
    assert todo(ytpool) == []


# An answer that nobody heard


def test_a_comment_whose_answer_is_lost_is_found_in_its_thread(ytpool, sandbox, talk, post):
    video_id = talk()
    sandbox.channel("news").spoil("commentThreads.insert", "lose_answer")

    status, answer, _ = post(video_id)

    [comment] = sandbox.truth()["comments"]
    assert (status, answer["data"]["comment_id"]) == (0, comment["comment_id"])
    assert "found in the thread" in answer["data"]["note"]
    assert_books_agree(ytpool, sandbox)


def test_a_clock_that_was_ahead_when_a_comment_was_said_hides_it_from_nobody(ytpool, sandbox, state, talk):
    video_id = talk()
    forget_googles_clock(state)
    sandbox.channel("news").spoil("commentThreads.insert", "lose_answer")

    status, out, err = run_ahead(sandbox, "comment", "post", video_id, TEXT, "--account", "news", "--json")

    [comment] = sandbox.truth()["comments"]
    assert (status, data(out)["comment_id"]) == (0, comment["comment_id"]), err
    assert_books_agree(ytpool, sandbox)


@pytest.mark.parametrize(("fault", "arrived"), [("lose_answer", 1), ("close", 0)])
def test_an_unknown_comment_is_never_said_again_until_a_person_says_so(ytpool, sandbox, talk, post, fault, arrived):
    video_id = talk()
    sandbox.control.settings(comments_listed_after=7200)
    sandbox.channel("news").spoil("commentThreads.insert", fault)

    status, answer, _ = post(video_id)
    job = answer["data"]["job"]
    word = f"ytpool queue resolve {job} --as done:COMMENT_ID, failed or restart"
    assert (status, answer["error"]["code"], answer["data"]["state"]) == (7, "outcome_unknown", "finished_unknown")
    assert word in answer["error"]["hint"]
    assert [(item["name"], item["command"]) for item in todo(ytpool)] == [(job, word)]

    assert post(video_id)[0] == 7  # the same command
    assert post(video_id, target=("--account", "sports"))[0] == 7  # another account
    assert ytpool("queue", "retry", job)[0] == 7
    assert ytpool("upload", "--resume")[0] == 0
    assert ytpool("queue", "cancel", job)[0] == 7
    assert sandbox.calls("commentThreads.insert") == 1
    assert len(texts(sandbox)) == arrived

    if arrived:
        comment_id = sandbox.truth()["comments"][0]["comment_id"]
        assert ytpool("queue", "resolve", job, "--as", "done:UgzDE2tasfmrYLyNkGt4AaABAg")[0] == 2
        assert ytpool("queue", "resolve", job, "--as", f"done:{comment_id}")[0] == 0
        assert post(video_id)[0] == 2
    else:
        assert ytpool("queue", "resolve", job, "--as", "restart")[0] == 0
        sandbox.control.settings(comments_listed_after=None)
        assert ytpool("queue", "retry", job)[0] == 0
    assert texts(sandbox) == [TEXT]
    assert todo(ytpool) == []
    assert_books_agree(ytpool, sandbox)


def test_a_comment_that_is_interrupted_on_its_way_is_found_by_the_same_command(ytpool, sandbox, talk, post):
    video_id = talk()
    sandbox.holds_back("commentThreads.insert")
    with start("comment", "post", video_id, TEXT, "--pool", "main", env=os.environ) as process:
        wait_until(lambda: sandbox.calls("commentThreads.insert"))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)

    assert process.returncode == 130
    [item] = todo(ytpool)
    assert "nobody heard whether the comment of news is there" in item["message"]
    assert post(video_id)[0] == 0
    assert texts(sandbox) == [TEXT]


def test_an_unknown_comment_is_found_once_it_is_listed(ytpool, sandbox, talk, post):
    video_id = talk()
    sandbox.control.settings(comments_listed_after=600)
    sandbox.channel("news").spoil("commentThreads.insert", "lose_answer")
    assert post(video_id)[0] == 7
    sandbox.control.clock(forward=timedelta(minutes=11))

    status, answer, _ = post(video_id)

    assert (status, answer["data"]["state"], answer["data"]["moderation"]) == (0, "done", "published")
    assert sandbox.calls("commentThreads.insert") == 1
    assert todo(ytpool) == []


def test_a_lost_comment_that_is_held_is_found_by_the_owner_of_the_video(sandbox, talk, post):
    video_id = talk()
    sandbox.control.settings(comments_stand="heldForReview")
    sandbox.channel("sports").spoil("commentThreads.insert", "lose_answer")

    status, answer, _ = post(video_id, target=("--account", "sports"))

    assert (status, answer["data"]["moderation"]) == (0, "held_for_review")
    assert texts(sandbox) == [TEXT]


POINTS = {
    "after the comment is booked": 0,
    "before the comment is settled": 1,
    "after the comment is settled": 1,
    "before the comment's end is stored": 1,
}
"""Where a process dies, and how many comments there are then."""
HEARD = ("after the comment is settled", "before the comment's end is stored")


@pytest.mark.parametrize("point", POINTS)
def test_a_process_that_is_killed_is_followed_by_one_that_says_nothing_twice(ytpool, sandbox, talk, post, home, point):
    video_id = talk()
    words = ("comment", "post", video_id, TEXT, "--pool", "main")
    killed = subprocess.run(
        [sys.executable, "tests/killing.py", point, "ytpool", *words], env=os.environ, cwd=ROOT, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert len(texts(sandbox)) == POINTS[point]
    # Whoever says it died on its way; nobody has to type anything again for it to be on the list.
    assert [item["kind"] for item in todo(ytpool)] == ["outcome_unknown"] * (point not in HEARD)

    status, answer, _ = post(video_id)

    assert sandbox.calls("commentThreads.insert") == POINTS[point]
    if POINTS[point]:
        assert (status, answer["data"]["state"], answer["data"]["account"]) == (0, "done", "news")
    else:
        job = answer["data"]["job"]
        assert (status, [item["name"] for item in todo(ytpool)]) == (7, [job])
        assert ytpool("queue", "resolve", job, "--as", "restart")[0] == 0
        assert post(video_id)[0] == 0
    assert texts(sandbox) == [TEXT]
    assert_all_agrees(home / "default" / "state.db", sandbox.truth())


# Who says it


def test_a_cap_hands_over_to_the_next_and_the_last_one_waits_for_the_reset(ytpool, sandbox, talk, post, home):
    cap(ytpool, "news", 1)
    cap(ytpool, "sports", 1)
    video_id = talk()

    assert [post(video_id, text)[0] for text in ("one", "two")] == [0, 0]
    status, answer, _ = post(video_id, "three")
    job = answer["data"]["job"]

    assert authors(sandbox) == ["news", "sports"]
    assert (status, answer["data"]["state"]) == (5, "deferred")
    assert "at its cap of 1 comments today" in answer["error"]["message"]
    assert "have cron run: ytpool work --once" in answer["error"]["hint"]
    at_midnight(sandbox)
    assert ytpool("stats", video_id)[0] == 0
    assert ytpool("queue", "retry", job)[0] == 0
    assert texts(sandbox) == ["one", "two", "three"]
    assert_all_agrees(home / "default" / "state.db", sandbox.truth())


def test_a_cap_of_zero_does_not_lift_by_itself(ytpool, sandbox, talk, post):
    cap(ytpool, "news", 0)
    video_id = talk()

    status, answer, _ = post(video_id, target=("--account", "news"))

    assert (status, answer["data"]["state"]) == (6, "deferred"), answer
    assert "ytpool accounts set news --cap comments=N" in answer["error"]["hint"]
    assert post(video_id, "another")[1]["data"]["account"] == "sports"
    assert authors(sandbox) == ["sports"]


def test_a_deferred_comment_is_taken_by_the_same_command(ytpool, sandbox, talk, post):
    video_id = talk()
    sandbox.channel("news").fail("commentThreads.insert", "quotaExceeded")

    status, answer, _ = post(video_id)
    assert (status, answer["error"]["code"], texts(sandbox)) == (5, "quota_exhausted", [])
    assert post(video_id)[0] == 5
    at_midnight(sandbox)
    assert ytpool("refresh-tokens", "--force")[0] == 0  # which tells the time
    status, again, _ = post(video_id)

    assert (status, again["data"]["job"]) == (0, answer["data"]["job"])
    assert texts(sandbox) == [TEXT]


def test_a_dead_login_hands_over_to_the_next_account(ytpool, sandbox, talk, post):
    video_id = talk()
    sandbox.channel("news").fail("commentThreads.insert", "authError")
    sandbox.channel("news").fail("token", "invalid_grant")

    alone, waits, _ = post(video_id, "alone", target=("--account", "news"))
    status, answer, _ = post(video_id)

    assert (alone, waits["data"]["state"], waits["error"]["code"]) == (4, "deferred", "login_needed")
    assert [item["kind"] for item in todo(ytpool)] == ["login_needed"]  # and no comment that may be there
    assert (status, answer["data"]["account"], authors(sandbox)) == (0, "sports", ["sports"])
    assert_books_agree(ytpool, sandbox)


def test_nothing_is_said_while_an_operator_has_paused_what_is_written(ytpool, sandbox, talk, post):
    video_id = talk()
    assert ytpool("pause", "--reason", "a legal matter")[0] == 0

    status, answer, _ = post(video_id)
    assert (status, answer["error"]["code"], answer["data"]["state"]) == (6, "out_of_service", "deferred")
    assert ytpool("comment", "list", video_id)[0] == ytpool("stats", video_id, "--pool", "main")[0] == 0
    assert ytpool("unpause")[0] == 0

    assert post(video_id)[0] == 0
    assert texts(sandbox) == [TEXT]


def test_wait_sleeps_until_the_cap_is_over(ytpool, make_video):
    def run(*words):
        status, out, err = ytpool(*words, "--profile", "sandbox", "--json")
        assert status == 0, err
        return data(out)

    try:
        run("auth", "add", "news", "--pool", "main")
        cap(ytpool, "news", 1, "--profile", "sandbox")
        video_id = run("upload", make_video(size=1000), "--account", "news")["video_id"]
        run("comment", "post", video_id, "one", "--account", "news")
        words = ("comment", "post", video_id, "two", "--account", "news", "--wait", "--profile", "sandbox")
        with start(*words, env=os.environ) as process:
            said = process.stderr.readline()
            run("sandbox", "clock", "--forward", "24h")
            try:
                out, err = process.communicate(timeout=30)
            finally:
                process.kill()
    finally:
        ytpool("sandbox", "down", "--profile", "sandbox")

    assert "waiting until" in said

    assert (process.returncode, "published" in out) == (0, True), err


def test_a_cap_holds_over_processes(ytpool, sandbox, talk):
    cap(ytpool, "news", 1)
    video_id = talk()
    sandbox.control.add_fault(method="commentThreads.insert", kind="slow", seconds=0.5, times=9)

    processes = [
        start("comment", "post", video_id, f"number {n}", "--account", "news", env=os.environ) for n in range(3)
    ]
    for process in processes:
        process.communicate(timeout=60)

    assert sorted(process.returncode for process in processes) == [0, 5, 5]
    assert len(texts(sandbox)) == 1
    assert_books_agree(ytpool, sandbox)


def test_a_comment_does_not_wait_for_an_upload_to_its_channel(ytpool, sandbox, talk, make_video):
    video_id = talk()
    sandbox.holds_back("upload.final")
    with start("upload", make_video("long.mp4", 2000), "--account", "news", env=os.environ) as upload:
        wait_until(lambda: sandbox.calls("upload.final") > 1)

        assert ytpool("comment", "post", video_id, TEXT, "--account", "news", "--no-wait")[0] == 0
        assert upload.poll() is None
        sandbox.goes_on()
        upload.communicate(timeout=30)


# Bad input


def test_what_cannot_be_said_is_refused_before_it_costs_a_comment(ytpool, sandbox, talk):
    video_id = talk()
    cases = [
        ((video_id, ""), "metadata_invalid"),
        ((video_id, "x" * 10_001), "metadata_invalid"),
        (("nowhere", TEXT), "usage"),
        (("nowhere1234", TEXT), "unknown_name"),
        ((video_id,), "usage"),
        ((video_id, TEXT, "--text-file", "text.txt"), "usage"),
        ((video_id, "--text-file", "/nowhere.txt"), "file_invalid"),
        ((video_id, TEXT, "--wait", "--no-wait"), "usage"),
        ((video_id, TEXT, "--account", "news"), "usage"),
    ]

    for words, code in cases:
        status, out, _ = ytpool("comment", "post", *words, "--pool", "main", "--json")
        assert (status, json.loads(out)["error"]["code"]) == (2, code), words

    assert sandbox.calls("commentThreads.insert") == 0
    assert data(ytpool("queue", "list", "--json")[1])["jobs"] == []


def test_comments_that_are_turned_off_end_the_job(ytpool, sandbox, talk, post):
    video_id = talk("children.mp4", "--made-for-kids")

    status, answer, _ = post(video_id)

    assert (status, answer["data"]["state"]) == (1, "failed")
    assert answer["error"]["hint"] == "The video takes no comments."
    assert sandbox.calls("commentThreads.insert") == 1  # no other account would fare better
    assert_books_agree(ytpool, sandbox)


def test_an_account_whose_login_does_not_cover_comments_is_passed_over(ytpool, sandbox, talk, post):
    video_id, secrets = talk(), sandbox.secrets_file()
    token = sandbox.token_file("narrow", scopes=("https://www.googleapis.com/auth/youtube",))
    words = ("auth", "import", "narrow", "--client-secrets", secrets, "--token", token)
    assert ytpool(*words, "--pool", "main", "--priority", 1)[0] == 0

    assert post(video_id, "one")[1]["data"]["account"] == "news"
    status, answer, _ = post(video_id, "two", target=("--account", "narrow"))

    assert (status, answer["error"]["code"]) == (4, "login_needed")
    assert "ytpool auth add narrow" in answer["error"]["hint"]


# Listing and moderating


def test_the_owner_lists_what_is_held_and_lets_it_through(ytpool, sandbox, talk, post):
    video_id = talk()
    assert post(video_id, "seen", target=("--account", "sports"))[0] == 0
    sandbox.control.settings(comments_stand="heldForReview")
    held = post(video_id, "held", target=("--account", "sports"))[1]["data"]["comment_id"]

    assert ytpool("accounts", "set", "sports", "--priority", 1)[0] == 0  # who would be asked first
    _, out, _ = ytpool("comment", "list", video_id, "--status", "held", "--json")
    assert [one["comment_id"] for one in data(out)["comments"]] == [held]
    assert ytpool("comment", "list", video_id, "--status", "held", "--account", "sports")[0] == 1
    status, out, err = ytpool("comment", "moderate", held, "--as", "published", "--pool", "main", "--json")

    assert (status, data(out)["comments"][0]["state"], data(out)["comments"][0]["account"]) == (0, "done", "news")
    assert "becomes published, as news" in err
    _, out, _ = ytpool("comment", "list", video_id, "--json")
    assert [one["text"] for one in data(out)["comments"]] == ["held", "seen"]
    assert ytpool("queue", "list")[1].strip().count("moderation") == 0
    assert_books_agree(ytpool, sandbox)


def test_each_comment_that_cannot_be_decided_about_says_why(ytpool, sandbox, talk, post):
    video_id = talk()
    ours = post(video_id, "one", target=("--account", "sports"))[1]["data"]["comment_id"]
    nowhere = "UgzDE2tasfmrYLyNkGt4AaABAg"

    status, out, _ = ytpool("comment", "moderate", ours, nowhere, "--as", "rejected", "--ban", "--json")
    stranger = ytpool("comment", "moderate", ours, "--as", "held", "--account", "sports", "--json")
    banned = ytpool("comment", "moderate", ours, "--as", "published", "--ban", "--json")

    assert (status, [one["state"] for one in data(out)["comments"]]) == (3, ["done", "refused"])
    assert (stranger[0], json.loads(stranger[1])["error"]["code"]) == (2, "wrong_channel")
    assert (banned[0], sandbox.calls("comments.setModerationStatus")) == (2, 1)
    assert post(video_id, "two", target=("--account", "sports"))[1]["data"]["moderation"] == "rejected"


def test_a_decision_whose_answer_is_lost_is_made_again(ytpool, sandbox, talk, post):
    ours = post(talk())[1]["data"]["comment_id"]
    sandbox.channel("news").spoil("comments.setModerationStatus", "lose_answer")

    assert ytpool("comment", "moderate", ours, "--as", "held", "--account", "news")[0] == 0

    assert [one["standing"] for one in sandbox.truth()["comments"]] == ["heldForReview"]
    assert_books_agree(ytpool, sandbox)


# Counts


def test_counts_come_fifty_for_a_unit_and_each_unknown_video_is_told(ytpool, sandbox, talk, monkeypatch):
    video_id = talk()
    sandbox.control.settings(video_views=1234, video_likes=56)
    ids = [f"nowhere{number:04}" for number in range(50)]
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(ids)))

    status, out, err = ytpool("stats", video_id, "-", "--pool", "main", "--json")

    assert (status, sandbox.calls("videos.batchGetStats")) == (3, 2), err
    first, *others = data(out)["videos"]
    assert (first["views"], first["likes"], first["comments"], first["error"]) == (1234, 56, 0, None)
    assert {one["error"]["code"] for one in others} == {"unknown_name"}
    assert ytpool("stats", video_id, "--account", "sports")[0] == 0
    assert ytpool("stats", "no video")[0] == ytpool("stats", video_id, "--pool", "nowhere")[0] == 2
    assert_books_agree(ytpool, sandbox)


def test_counts_are_asked_by_the_next_account_and_tell_when_nobody_can(ytpool, sandbox, talk):
    video_id = talk()
    sandbox.channel("news").expire_token()
    sandbox.channel("news").revoke()

    status, out, _ = ytpool("stats", video_id, "--pool", "main", "--json")
    assert (status, data(out)["account"]) == (0, "sports")
    sandbox.channel("sports").fail("videos.batchGetStats", "rateLimitExceeded.per_day")
    status, out, _ = ytpool("stats", video_id, "--pool", "main", "--json")

    assert (status, json.loads(out)["error"]["code"]) == (5, "quota_exhausted")
    assert sandbox.calls("videos.batchGetStats") == 3  # the first with a token that was over
    assert ytpool("comment", "post", video_id, TEXT, "--pool", "main")[0] == 0  # which is another bucket's
