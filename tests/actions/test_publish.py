"""Uploads that meet each other, odd answers and the passing of time: one file, one video, on the right channel."""

import os
import threading
from datetime import timedelta

import pytest
from waiting import wait_until

from ytpool.actions import placing, tokens
from ytpool.domain.video import Privacy, VideoRequest
from ytpool.errors import (
    FileChanged,
    FileInvalid,
    LoginNeeded,
    MetadataInvalid,
    OutcomeUnknown,
    QuotaExhausted,
    UpstreamFailed,
)
from ytpool.store import accounts, leases, ledger, pools, uploads
from ytpool.store.leases import LeaseKind
from ytpool.store.ledger import Call, Payer

MIB = 1024 * 1024


def break_off(desk, path, account="news", **how):
    """Begin an upload and lose the login on its first chunk, then log in again."""
    desk.control.add_fault(method="upload.chunk", kind="error", error="authError", channel=account)
    desk.control.add_fault(method="token", kind="error", error="invalid_grant", channel=account)
    broken = desk.upload(path, account=account, **how)
    assert isinstance(broken.problem, LoginNeeded)
    desk.log_in(account)
    return broken


def held(desk):
    with desk.rt.store.reading() as tx:
        return tx.one("SELECT count(DISTINCT hold) AS n FROM ledger WHERE state = 'held'")["n"]


# Whose job it is


def test_what_a_pool_left_for_later_goes_to_the_channel_that_is_then_named(desk, make_video):
    desk.control.add_project("press", limits={"uploads": 0})
    deferred = desk.upload(make_video(), pool="main")
    assert isinstance(deferred.problem, QuotaExhausted)
    desk.control.add_project("press", limits={"uploads": 100})
    desk.control.clock(forward=timedelta(hours=25))
    tokens.refresh_all(desk.rt, force=True)  # any answer tells the new day

    done = desk.upload(make_video(), account="sports")

    assert (done.state, done.account, done.job) == ("done", "sports", deferred.job)
    assert [video["channel_id"] for video in desk.videos] == [done.channel_id]


def test_a_job_for_one_channel_stays_there_when_a_pool_is_named(desk, make_video):
    desk.control.revoke_grant("sports")
    waiting = desk.upload(make_video(), account="sports")
    assert isinstance(waiting.problem, LoginNeeded)

    assert isinstance(desk.upload(make_video(), pool="main").problem, LoginNeeded)

    desk.log_in("sports")
    done = desk.upload(make_video(), pool="main")
    assert (done.job, done.account, len(desk.videos)) == (waiting.job, "sports", 1)


def test_again_beside_again_makes_one_more_video_and_not_two(desk, make_video):
    path = make_video()
    desk.upload(path, account="news")
    desk.holds_back("upload.final")
    results = []
    both = [
        threading.Thread(target=lambda: results.append(desk.upload(path, account="news", again=True))) for _ in range(2)
    ]

    for thread, has_come_so_far in zip(
        both, (lambda: len(desk.videos) == 2, lambda: any("waiting" in one for one in desk.said)), strict=True
    ):
        thread.start()
        wait_until(has_come_so_far)
    desk.goes_on()
    for thread in both:
        thread.join()

    assert len(desk.videos) == 2
    assert len({result.video_id for result in results}) == 1


# What a file was


@pytest.mark.parametrize("name", ["long.mp4", "copy.mp4"])
def test_a_session_that_holds_bytes_we_know_nothing_of_gets_no_other_file(desk, make_video, name):
    path = make_video("long.mp4", 30 * MIB)
    desk.control.add_fault(method="upload.chunk", kind="cut", at=5 * MIB)
    desk.control.add_fault(method="upload.query", kind="error", error="authError", channel="news")
    desk.control.add_fault(method="token", kind="error", error="invalid_grant", channel="news")
    assert isinstance(desk.upload(path, account="news").problem, LoginNeeded)
    desk.log_in("news")
    content = bytearray(path.read_bytes())
    content[8 * MIB] ^= 1  # where the fingerprint does not look
    path.with_name(name).write_bytes(content)

    other = desk.upload(path.with_name(name), account="news")

    assert isinstance(other.problem, FileChanged)
    assert desk.videos == []


def test_a_short_file_that_was_only_touched_goes_on(desk, make_video):
    path = make_video()
    break_off(desk, path)
    path.write_bytes(path.read_bytes())

    done = desk.upload(path, account="news")

    assert (done.state, done.resumed, desk.calls("videos.insert")) == ("done", True, 1)


def test_a_file_that_vanishes_before_its_first_byte_is_an_error_with_a_name(desk, make_video):
    path = make_video()
    announce = desk.announces
    desk.announces = lambda job, text: (announce(job, text), path.unlink())

    gone = desk.upload(path, account="news")

    assert isinstance(gone.problem, FileInvalid)
    assert (gone.state, held(desk)) == ("interrupted", 0)
    desk.announces = announce
    assert desk.upload(make_video(), account="news").state == "done"


# Odd answers


def test_a_refusal_that_only_the_question_met_forgets_no_session(desk, make_video):
    path = make_video()
    desk.control.settings(listed_after=3600)  # so looking on the channel does not help either
    desk.control.add_fault(method="upload.final", kind="lose_answer")
    desk.control.add_fault(method="upload.query", kind="error", error="forbidden")
    desk.control.settings(listed_after=600)  # else it is found on the channel

    unknown = desk.upload(path, account="news")

    assert isinstance(unknown.problem, OutcomeUnknown)
    assert unknown.state == "finished_unknown"
    again = desk.upload(path, account="news")
    assert (again.state, len(desk.videos), desk.calls("videos.insert")) == ("done", 1, 1)


def test_a_client_that_dies_beside_an_open_session_ends_the_run(desk, make_video):
    path = make_video()
    break_off(desk, path)
    desk.control.expire_tokens("news")
    desk.control.add_fault(method="token", kind="error", error="deleted_client", times=50)
    desk.control.add_fault(method="upload.query", kind="error", error="authError")
    before = desk.calls("token")

    stopped = desk.upload(path, account="news")

    assert isinstance(stopped.problem, UpstreamFailed)
    assert stopped.state == "interrupted"
    assert desk.calls("token") - before < 3


def test_sessions_that_are_gone_at_once_are_not_paid_for_without_end(desk, make_video):
    desk.control.add_fault(method="upload.final", kind="error", error="notFound", status=404, times=50)
    desk.control.add_fault(method="upload.chunk", kind="error", error="notFound", status=404, times=50)

    stopped = desk.upload(make_video("long.mp4", 20 * MIB), account="news")

    assert isinstance(stopped.problem, UpstreamFailed)
    assert (stopped.state, desk.calls("videos.insert"), held(desk)) == ("interrupted", 3, 0)


def test_a_line_that_carries_a_little_each_time_carries_it_all(desk, make_video, monkeypatch):
    monkeypatch.setattr("random.Random.uniform", lambda *_: 0.0)
    for _ in range(12):
        desk.control.add_fault(method="upload.chunk", kind="cut", at=MIB)

    done = desk.upload(make_video("long.mp4", 14 * MIB), account="news")

    assert done.state == "done"
    assert desk.calls("upload.query") == 12


# Time passes


def test_a_moment_of_publication_that_is_over_stops_neither_the_rest_of_an_upload_nor_the_word_that_it_is_done(
    desk, make_video
):
    path = make_video()
    request = VideoRequest(title="x", publish_at=desk.control.clock() + timedelta(hours=1))
    break_off(desk, path, request=request)
    desk.control.clock(forward=timedelta(hours=2))
    tokens.refresh_all(desk.rt, force=True)

    done = desk.upload(path, account="news", request=request)

    assert done.state == "done", done.problem
    assert any("public at once" in text for text in desk.said)
    assert desk.upload(path, account="news", request=request).note.startswith("already published")
    fresh = desk.upload(make_video("other.mp4"), account="news", request=request)
    assert isinstance(fresh.problem, MetadataInvalid)
    assert (fresh.job, len(desk.videos)) == (None, 1)


def test_what_is_announced_is_what_was_begun_and_not_what_is_typed_later(desk, make_video):
    path = make_video()
    break_off(desk, path)
    desk.said.clear()

    done = desk.upload(path, account="news", request=VideoRequest(title="talk", privacy=Privacy.PUBLIC))

    assert desk.videos[0]["privacy"] == done.privacy == "private"
    assert any(text.endswith("as news, private") for text in desk.said)
    assert "not applied" in done.note


def test_a_video_that_could_not_be_read_back_is_read_back_by_the_same_command(desk, make_video):
    path = make_video()
    desk.control.add_fault(method="videos.list", kind="error", error="backendError", times=4)

    partly = desk.upload(path, account="news")
    done = desk.upload(path, account="news")

    assert (partly.state, done.state) == ("partly", "done")
    assert (len(desk.videos), desk.calls("videos.insert"), desk.calls("upload.final")) == (1, 1, 1)


def test_a_worker_that_was_overtaken_leaves_the_holds_of_the_other_alone(desk):
    with desk.rt.store.transaction() as tx:
        slept = leases.take(tx, LeaseKind.JOB, "job", holder="job")
        tx.run("UPDATE leases SET expires = 0")
        other = leases.take(tx, LeaseKind.JOB, "job", holder="job")
        payer = Payer(account="news", project="press", channel_id=accounts.get(tx, "news").channel_id)
        calls = [Call(operation="videos.list")]
        ledger.hold(tx, payer, calls, desk.rt.terms(tx), desk.rt.rng, job="job", fence=other.fence)

    placing.give_back(desk.rt, slept, None)
    assert held(desk) == 1

    placing.give_back(desk.rt, other, None)
    assert held(desk) == 0


def test_every_choice_of_a_pool_takes_a_turn(desk, make_video):
    with desk.rt.store.transaction() as tx:
        pools.arrange(tx, "main", strategy="round_robin")
    desk.control.add_fault(method="videos.insert", kind="error", error="forbidden")
    first = make_video("first.mp4")

    took = [desk.upload(path, pool="main").account for path in (first, first, make_video("2.mp4"), make_video("3.mp4"))]

    assert took == ["news", "sports", "news", "sports"]


@pytest.mark.parametrize("error", ["conflict", "duplicate"])
def test_a_session_start_that_is_called_a_duplicate_is_not_repeated(desk, make_video, error):
    desk.control.add_fault(method="videos.insert", kind="error", error=error, status=409, times=50)

    stopped = desk.upload(make_video(), account="news")

    assert isinstance(stopped.problem, UpstreamFailed)
    assert desk.calls("videos.insert") == 1


def test_the_name_that_was_sent_is_the_name_that_is_kept(desk, make_video):
    path = make_video()
    desk.control.add_fault(method="videos.insert", kind="error", error="forbidden")
    first = desk.upload(path, account="news")
    moved = path.rename(path.with_name("renamed.mp4"))

    done = desk.upload(moved, account="news")

    with desk.rt.store.reading() as tx:
        assert uploads.get(tx, done.job).slug == desk.videos[0]["file_name"] == "renamed.mp4"
    assert done.job == first.job


@pytest.mark.parametrize("name", [b"caf\xe9.mp4", b"two\nlines.mp4"])
def test_a_name_that_cannot_be_told_is_refused_before_anything_is_spent(desk, tmp_path, name):
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(b"video")

    refused = desk.upload(path, account="news")

    assert isinstance(refused.problem, FileInvalid)
    assert (refused.job, desk.calls("videos.insert")) == (None, 0)
