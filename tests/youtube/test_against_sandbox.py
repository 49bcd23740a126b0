"""The real client against the local YouTube, which was written from the facts and knows nothing of the client."""

import hashlib
import json
import random
import threading
from dataclasses import dataclass

import pytest

from ytpool.domain.logins import Client, from_secrets_file
from ytpool.domain.secret import Secret
from ytpool.errors import LoginFailed, UpstreamFailed
from ytpool.sandbox.server import Sandbox
from ytpool.youtube.client import YouTube
from ytpool.youtube.uploads import CHUNK_UNIT, Finished, Kept

SCOPES = ("https://www.googleapis.com/auth/youtube.force-ssl",)
BODY = {
    "snippet": {"title": "A day", "tags": ["one", "two words"], "categoryId": "22"},
    "status": {"privacyStatus": "unlisted", "selfDeclaredMadeForKids": False},
}
CONTENT = random.Random(7).randbytes(3 * CHUNK_UNIT + 1000)


@dataclass
class World:
    sandbox: Sandbox
    youtube: YouTube
    client: Client
    channel: str
    token: Secret

    def open(self, title="A day", slug="day.mp4"):
        return self.youtube.open_session(
            self.token,
            body={**BODY, "snippet": {**BODY["snippet"], "title": title}},
            parts=["snippet", "status"],
            size=len(CONTENT),
            content_type="video/mp4",
            slug=slug,
            notify=False,
        )

    def send(self, session, offset=0):
        return self.youtube.send(
            session,
            token=lambda: self.token,
            read=lambda start, length: CONTENT[start : start + length],
            size=len(CONTENT),
            offset=offset,
            chunk_size=CHUNK_UNIT,
        )

    def published(self):
        return self.sandbox.control.truth()["videos"]


@pytest.fixture
def world(tmp_path):
    with Sandbox(tmp_path / "sandbox") as sandbox:
        client = from_secrets_file(json.dumps(sandbox.control.add_project("press")))
        channel = sandbox.control.add_channel("News")
        granted = sandbox.control.grant("press", "News", SCOPES)
        youtube = YouTube(api_root=f"{sandbox.url}/", heard=lambda _: None, timeout=10)
        yield World(sandbox, youtube, client, channel, Secret(granted["access_token"]))
        youtube.close()


def test_a_login_by_browser_ends_in_a_token_for_the_chosen_channel(world):
    youtube, client = world.youtube, world.client
    sports = world.sandbox.control.add_channel("Sports")

    with youtube.receiver() as receiver:
        begun = youtube.authorization(client, client.auth_uri, redirect_uri=receiver.redirect_uri, scopes=SCOPES)
        browser = threading.Thread(target=world.sandbox.control.consent, args=(begun.url, "Sports"))
        browser.start()
        code = receiver.wait(begun.state, 10)
        browser.join()
    token = youtube.exchange(
        client, client.token_uri, code=code, redirect_uri=receiver.redirect_uri, verifier=begun.verifier
    )
    refreshed = youtube.refresh(client, client.token_uri, token.refresh)

    assert token.scopes == SCOPES
    assert youtube.my_channel(token.access).channel_id == sports
    assert youtube.my_channel(refreshed.access).title == "Sports"

    youtube.revoke(f"{world.sandbox.url}/revoke", token.refresh)
    with pytest.raises(UpstreamFailed) as failed:
        youtube.refresh(client, client.token_uri, token.refresh)
    assert failed.value.reason == "invalid_grant"


def test_a_login_declined_on_the_page_is_told(world):
    with world.youtube.receiver() as receiver:
        begun = world.youtube.authorization(
            world.client, world.client.auth_uri, redirect_uri=receiver.redirect_uri, scopes=SCOPES
        )
        browser = threading.Thread(
            target=world.sandbox.control.consent, args=(begun.url, "News"), kwargs={"deny": True}
        )
        browser.start()

        with pytest.raises(LoginFailed, match="declined"):
            receiver.wait(begun.state, 10)

        browser.join()


def test_a_video_arrives_as_it_was_and_is_found_again(world):
    *kept, finished = world.send(world.open(slug="Grüße & Co.mp4"))

    assert [step.offset for step in kept] == [CHUNK_UNIT, 2 * CHUNK_UNIT, 3 * CHUNK_UNIT]
    assert finished.video["status"]["privacyStatus"] == "unlisted"
    (truth,) = world.published()
    assert truth["sha256"] == hashlib.sha256(CONTENT).hexdigest()

    world.sandbox.control.settings(listed_after=0, file_details_after=0)
    channel = world.youtube.my_channel(world.token)
    (item,), following = world.youtube.uploads(world.token, channel.uploads_playlist)
    video_id = item["contentDetails"]["videoId"]
    (video,) = world.youtube.videos(world.token, [video_id], ["snippet", "status", "fileDetails"])
    assert (video_id, following) == (finished.video["id"], "")
    assert video["snippet"]["title"] == "A day"
    assert video["fileDetails"]["fileName"] == "Grüße & Co.mp4"
    assert video["fileDetails"]["fileSize"] == str(len(CONTENT))


def test_a_video_is_changed_and_deleted(world):
    *_, finished = world.send(world.open())
    video_id = finished.video["id"]

    body = {"id": video_id, "status": {"privacyStatus": "private", "selfDeclaredMadeForKids": False}}
    changed = world.youtube.update_video(world.token, body, ["status"])
    world.youtube.delete_video(world.token, video_id)

    assert changed["status"]["privacyStatus"] == "private"
    assert world.youtube.videos(world.token, [video_id], ["status"]) == []
    with pytest.raises(UpstreamFailed) as failed:
        world.youtube.delete_video(world.token, video_id)
    assert (failed.value.http_status, failed.value.reason) == (404, "videoNotFound")


@pytest.mark.parametrize(
    "fault",
    [
        {"method": "upload.chunk", "kind": "cut", "at": 100_000, "skip": 1},
        {"method": "upload.chunk", "kind": "error", "error": "backendError", "at": 100_000, "skip": 1},
        {"method": "upload.chunk", "kind": "close", "skip": 2},
        {"method": "upload.chunk", "kind": "lose_answer", "skip": 1},
        {"method": "upload.final", "kind": "lose_answer"},
    ],
    ids=lambda fault: f"{fault['method']}-{fault['kind']}",
)
def test_whatever_breaks_while_sending_one_session_makes_one_video(world, fault):
    session = world.open()
    world.sandbox.control.add_fault(**fault)

    with pytest.raises(UpstreamFailed) as failed:
        list(world.send(session))
    assert failed.value.operation == fault["method"]
    found = world.youtube.ask(session, world.token, len(CONTENT))
    if isinstance(found, Kept):
        *_, found = world.send(session, found.offset)

    assert isinstance(found, Finished)
    (truth,) = world.published()
    assert truth["sha256"] == hashlib.sha256(CONTENT).hexdigest()


def test_a_session_that_expired_is_not_found(world):
    session = world.open()
    world.sandbox.control.expire_sessions()

    with pytest.raises(UpstreamFailed) as failed:
        world.youtube.ask(session, world.token, len(CONTENT))

    assert failed.value.http_status in (404, 410)
    assert failed.value.operation == "upload.query"


def test_an_upload_start_that_is_hung_up_on_reaches_youtube_once(world):
    for kind in ("close", "lose_answer"):
        world.sandbox.control.add_fault(method="videos.insert", kind=kind)
        before = world.sandbox.control.truth()["calls"].get("videos.insert", 0)

        with pytest.raises(UpstreamFailed) as failed:
            world.open()

        assert failed.value.sent
        assert world.sandbox.control.truth()["calls"]["videos.insert"] == before + 1


def test_limits_and_dead_tokens_are_told_apart(world):
    control, youtube = world.sandbox.control, world.youtube
    list(world.send(world.open()))

    control.add_channel("News", cap=1)
    with pytest.raises(UpstreamFailed) as capped:
        world.open()
    control.add_channel("News", cap=100)
    control.add_project("press", limits={"uploads": 1})
    with pytest.raises(UpstreamFailed) as no_uploads:
        world.open()
    control.add_project("press", limits={"general": 0})
    with pytest.raises(UpstreamFailed) as no_units:
        youtube.my_channel(world.token)
    control.expire_tokens("News")
    with pytest.raises(UpstreamFailed) as dead:
        youtube.my_channel(world.token)

    assert capped.value.reason == "uploadLimitExceeded"
    assert (no_uploads.value.http_status, no_uploads.value.reason) == (429, "rateLimitExceeded")
    assert "per day" in no_uploads.value.limit.lower() or "PerDay" in no_uploads.value.limit
    assert (no_units.value.http_status, no_units.value.reason) == (403, "quotaExceeded")
    assert (dead.value.http_status, dead.value.reason) == (401, "authError")
