"""Logging in: what is asked for, what is believed, and who may knock on the receiver."""

import base64
import hashlib
import socket
import threading
import time
import urllib.error
import urllib.request
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from ports import free_port

from ytpool.domain.logins import Client, Token
from ytpool.domain.secret import Secret
from ytpool.errors import ConfigInvalid, LoginFailed, UpstreamFailed

SCOPE = "https://www.googleapis.com/auth/youtube.force-ssl"
CLIENT = Client(client_id="123456789012-abc.apps.example", client_secret=Secret("the-client-secret"), project_id="p")


def form(request):
    return {name: value for name, (value,) in parse_qs(request.body.decode()).items()}


def test_a_login_asks_for_a_chooser_offline_access_and_pkce(youtube):
    begun = youtube.authorization(
        CLIENT,
        "https://a.example/auth?hl=de",
        redirect_uri="http://127.0.0.1:5/",
        scopes=[SCOPE],
        login_hint="me@b.example",
    )

    query = {name: value for name, (value,) in parse_qs(urlsplit(begun.url).query).items()}
    challenge = base64.urlsafe_b64encode(hashlib.sha256(begun.verifier.reveal().encode()).digest()).rstrip(b"=")
    assert query == {
        "hl": "de",
        "response_type": "code",
        "client_id": CLIENT.client_id,
        "redirect_uri": "http://127.0.0.1:5/",
        "scope": SCOPE,
        "state": begun.state,
        "code_challenge": challenge.decode(),
        "code_challenge_method": "S256",
        "access_type": "offline",
        "prompt": "consent select_account",
        "login_hint": "me@b.example",
    }
    assert 43 <= len(begun.verifier.reveal()) <= 128
    assert begun.verifier.reveal() not in begun.url


def test_no_two_logins_share_a_state_or_a_verifier(youtube):
    begun = [
        youtube.authorization(CLIENT, "https://a.example/", redirect_uri="http://127.0.0.1:5/", scopes=[SCOPE])
        for _ in range(20)
    ]

    assert len({one.state for one in begun}) == len({one.verifier for one in begun}) == 20


def test_a_code_becomes_tokens_in_one_post(google, youtube):
    google.answers(
        google.reply(
            200,
            {
                "access_token": "acc",
                "expires_in": 3599,
                "refresh_token": "ref",
                "scope": f"{SCOPE} openid",
                "token_type": "Bearer",
                "refresh_token_expires_in": 604799,
            },
        )
    )

    token = youtube.exchange(
        CLIENT,
        f"{google.url}token",
        code=Secret("the code"),
        redirect_uri="http://127.0.0.1:5/",
        verifier=Secret("ver"),
    )

    assert token == Token(
        access=Secret("acc"),
        expires_in=3599,
        refresh=Secret("ref"),
        scopes=(SCOPE, "openid"),
        refresh_expires_in=604799,
    )
    (request,) = google.requests
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert form(request) == {
        "grant_type": "authorization_code",
        "code": "the code",
        "redirect_uri": "http://127.0.0.1:5/",
        "code_verifier": "ver",
        "client_id": CLIENT.client_id,
        "client_secret": "the-client-secret",
    }


def test_a_refresh_is_one_post_and_may_rotate(google, youtube):
    google.answers(
        google.reply(200, {"access_token": "acc", "expires_in": "3599", "token_type": "Bearer"}),
        google.reply(200, {"access_token": "acc2", "refresh_token": "ref2"}),
    )

    kept = youtube.refresh(CLIENT, f"{google.url}token", Secret("ref"))
    rotated = youtube.refresh(CLIENT, f"{google.url}token", Secret("ref"))

    assert kept == Token(access=Secret("acc"), expires_in=3599)
    assert rotated == Token(access=Secret("acc2"), expires_in=3600, refresh=Secret("ref2"))
    assert form(google.requests[0])["refresh_token"] == "ref"


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}, "invalid_grant"),
        (400, {"error": "invalid_grant", "error_subtype": "invalid_rapt"}, "invalid_rapt"),
        (401, {"error": "deleted_client"}, "deleted_client"),
        (503, b"<html>later</html>", ""),
        (200, b"<html>a login page of the hotel</html>", "malformedAnswer"),
        (200, {"expires_in": 5}, "malformedAnswer"),
        (200, {"access_token": "two\nlines"}, "malformedAnswer"),
        (200, {"access_token": "acc", "token_type": "mac"}, "malformedAnswer"),
    ],
)
def test_a_refresh_that_fails_is_not_repeated_and_says_why(google, youtube, status, body, reason):
    google.answers(google.reply(status, body, Retry_After="0"))

    with pytest.raises(UpstreamFailed) as failed:
        youtube.refresh(CLIENT, f"{google.url}token", Secret("ref"))

    assert (failed.value.operation, failed.value.http_status, failed.value.reason) == ("token", status, reason)
    assert len(google.requests) == 1


def test_a_refresh_whose_answer_is_lost_is_sent_once(google, youtube):
    google.answers(google.hang_up)

    with pytest.raises(UpstreamFailed) as failed:
        youtube.refresh(CLIENT, f"{google.url}token", Secret("ref"))

    time.sleep(0.1)
    assert len(google.requests) == 1
    assert failed.value.sent


def test_a_grant_is_revoked_and_a_dead_one_says_so(google, youtube):
    google.answers(google.reply(200, {}), google.reply(200, b""), google.reply(400, {"error": "invalid_token"}))

    for _ in range(2):
        youtube.revoke(f"{google.url}revoke", Secret("ref"))
    with pytest.raises(UpstreamFailed) as failed:
        youtube.revoke(f"{google.url}revoke", Secret("ref"))

    assert form(google.requests[0]) == {"token": "ref"}
    assert (failed.value.operation, failed.value.reason) == ("revoke", "invalid_token")


def test_no_secret_goes_to_a_plain_address_beyond_this_machine(youtube):
    far = "http://login.example/token"

    with pytest.raises(ConfigInvalid):
        youtube.refresh(CLIENT, far, Secret("ref"))
    with pytest.raises(ConfigInvalid):
        youtube.revoke(far, Secret("ref"))
    with pytest.raises(ConfigInvalid):
        youtube.authorization(CLIENT, far, redirect_uri="http://127.0.0.1:5/", scopes=[SCOPE])


class Browser:
    """Visits the receiver from another thread, in order, and keeps what it was shown."""

    def __init__(self, receiver):
        self.address = receiver.redirect_uri
        self.seen = []

    def visits(self, *visits):
        threading.Thread(target=lambda: [self.visit(*each) for each in visits], daemon=True).start()

    def visit(self, path="", **query):
        url = f"{self.address}{path}?{urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=5) as page:
                self.seen.append((page.status, page.read().decode()))
        except urllib.error.HTTPError as refused:
            with refused:
                self.seen.append((refused.code, refused.read().decode()))


def in_background(*calls):
    thread = threading.Thread(target=lambda: [call() for call in calls])
    thread.start()
    return thread


def test_the_code_that_comes_with_our_state_is_returned(youtube):
    with youtube.receiver() as receiver:
        browser = Browser(receiver)
        visit = in_background(lambda: browser.visit(state="ours", code="the code".replace(" ", "-"), scope=SCOPE))

        code = receiver.wait("ours", 5)

        visit.join()
    assert receiver.redirect_uri.startswith("http://127.0.0.1:")
    assert code == Secret("the-code")
    assert browser.seen[0][0] == 200
    assert "the-code" not in browser.seen[0][1]


def test_favicons_strangers_and_wrong_states_are_waited_past(youtube):
    with youtube.receiver() as receiver:
        browser = Browser(receiver)
        visit = in_background(
            lambda: browser.visit("favicon.ico"),
            lambda: browser.visit(code="stolen"),
            lambda: browser.visit(state="theirs", code="stolen"),
            lambda: browser.visit(state="theirs", error="access_denied"),
            lambda: browser.visit(state="ours"),
            lambda: browser.visit(state="ours", code="good"),
        )

        code = receiver.wait("ours", 5)

        visit.join()
    assert code == Secret("good")
    assert [status for status, _ in browser.seen] == [404, 404, 404, 404, 404, 200]


def test_connections_that_stay_silent_hold_up_nobody(youtube):
    with youtube.receiver() as receiver:
        address = ("127.0.0.1", urlsplit(receiver.redirect_uri).port)
        silent = [socket.create_connection(address) for _ in range(3)]
        browser = Browser(receiver)
        visit = in_background(lambda: browser.visit(state="ours", code="good"))

        code = receiver.wait("ours", 5)

        visit.join()
        for one in silent:
            one.close()
    assert code == Secret("good")


def test_a_login_that_was_declined_says_so(youtube):
    for error, words in (
        ("access_denied", "declined"),
        ("admin_policy_enforced", "admin_policy_enforced"),
        ("<b>", "Google"),
    ):
        with youtube.receiver() as receiver:
            browser = Browser(receiver)
            visit = in_background(lambda browser=browser, error=error: browser.visit(state="ours", error=error))

            with pytest.raises(LoginFailed, match=words) as failed:
                receiver.wait("ours", 5)

            visit.join()
        assert "<b>" not in failed.value.message
        assert browser.seen[0][0] == 200


def test_nobody_coming_ends_at_the_deadline_whoever_else_knocks(youtube):
    began = time.monotonic()
    with youtube.receiver() as receiver:
        browser = Browser(receiver)
        visit = in_background(*[browser.visit] * 3)

        with pytest.raises(LoginFailed, match="nobody came back") as failed:
            receiver.wait("ours", 0.5)

        visit.join()
    assert failed.value.hint
    assert 0.5 <= time.monotonic() - began < 20  # nobody ever comes back


def test_a_registered_address_is_listened_at_exactly_and_a_taken_port_is_said(youtube):
    port = free_port()
    with socket.create_server(("127.0.0.1", port)), pytest.raises(LoginFailed, match="cannot listen"):
        youtube.receiver(f"http://localhost:{port}/back")

    with youtube.receiver(f"http://localhost:{port}/back") as receiver:
        assert receiver.redirect_uri == f"http://localhost:{port}/back"
        address = f"http://127.0.0.1:{port}/back?state=ours&code=good"
        visit = in_background(lambda: urllib.request.urlopen(address, timeout=5).close())
        assert receiver.wait("ours", 5) == Secret("good")
        visit.join()
