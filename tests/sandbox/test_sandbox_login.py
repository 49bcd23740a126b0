"""The login, driven by google-auth-oauthlib and by hand."""

import base64
import hashlib
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from google_auth_oauthlib.flow import InstalledAppFlow
from oauthlib.oauth2.rfc6749.errors import AccessDeniedError

from ytpool.errors import SandboxFailed, UnknownName

ALL = "https://www.googleapis.com/auth/youtube.force-ssl"
UPLOAD = "https://www.googleapis.com/auth/youtube.upload"
VERIFIER = "v" * 64


class Browser:
    """What `webbrowser` hands out, with Control as the person in front of it."""

    def __init__(self, control, channel, **choice):
        self.control, self.channel, self.choice = control, channel, choice
        self.thread = None

    def get(self, _using=None):
        return self

    def open(self, url, **_):
        self.thread = threading.Thread(target=self.control.consent, args=(url, self.channel), kwargs=self.choice)
        self.thread.start()
        return True


@pytest.fixture
def log_in(control, monkeypatch):
    """Run the flow of google-auth-oauthlib, with a script as the person."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")

    def log_in(channel, *, testing=False, **choice):
        secrets = control.add_project("demo", testing=testing)
        flow = InstalledAppFlow.from_client_config(secrets, [ALL])
        browser = Browser(control, channel, **choice)
        monkeypatch.setattr("webbrowser.get", browser.get)
        try:
            flow.run_local_server(host="127.0.0.1", port=0, timeout_seconds=10, prompt="consent select_account")
        finally:
            browser.thread.join()
        return flow.oauth2session.token

    return log_in


def _catch(receiver, consent):
    """Answer the browser that comes back, and return what it asked for; nothing if the consent ended elsewhere."""
    receiver.settimeout(0.05)
    while True:
        try:
            line, _ = receiver.accept()
        except TimeoutError:
            if consent.done():
                return ""
            continue
        with line:
            asked = line.recv(65536).split()[1].decode()
            line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            return asked


@pytest.fixture
def authorize(control):
    """Walk the consent page without a client, and return the code with the form that would exchange it."""

    def authorize(scopes=ALL, allowed=None, **changes):
        client = control.add_project("demo")["installed"]
        challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
        with socket.create_server(("127.0.0.1", 0)) as receiver:
            back = f"http://127.0.0.1:{receiver.getsockname()[1]}/"
            wish = {
                "client_id": client["client_id"],
                "redirect_uri": back,
                "response_type": "code",
                "scope": scopes,
                "state": "s t/a&t=e",
                "code_challenge": challenge,
                "code_challenge_method": "S256",
                **changes,
            }
            with ThreadPoolExecutor(1) as person:
                consent = person.submit(
                    control.consent, f"{client['auth_uri']}?{urlencode(wish)}", "News", scopes=allowed
                )
                caught = _catch(receiver, consent)
                consent.result()
        answer = {name: values[0] for name, values in parse_qs(urlsplit(caught).query).items()}
        form = {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "redirect_uri": back,
            "code_verifier": VERIFIER,
            "client_id": client["client_id"],
            "client_secret": client["client_secret"],
        }
        return answer, form

    return authorize


@pytest.fixture
def post(sandbox, send):
    def post(path, **form):
        status, _, body = send(
            f"{sandbox.url}/{path}", "POST", urlencode(form), Content_Type="application/x-www-form-urlencoded"
        )
        return status, body

    return post


def test_an_installed_app_logs_in_through_the_consent_page(log_in, control, send, sandbox):
    token = log_in("News")

    status, _, body = send(f"{sandbox.url}/youtube/v3/channels?part=snippet&mine=true", token=token["access_token"])
    assert status == 200
    assert body["items"][0]["snippet"]["title"] == "News"
    assert (token["expires_in"], token["token_type"], token["scope"]) == (3599, "Bearer", [ALL])
    assert "refresh_token_expires_in" not in token
    assert control.truth()["refused"] == []


def test_a_person_may_say_no(log_in):
    with pytest.raises(AccessDeniedError):
        log_in("News", deny=True)


def test_a_grant_of_a_testing_project_says_so_and_dies_after_seven_days(log_in, control, post):
    token = log_in("News", testing=True)
    client = control.add_project("demo", testing=True)["installed"]
    form = {
        "grant_type": "refresh_token",
        "refresh_token": token["refresh_token"],
        "client_id": client["client_id"],
        "client_secret": client["client_secret"],
    }
    alive = post("token", **form)

    control.clock(forward=timedelta(days=7))

    assert token["refresh_token_expires_in"] == 604799
    assert alive[0] == 200
    assert set(alive[1]) == {"access_token", "expires_in", "scope", "token_type"}
    assert post("token", **form) == (
        400,
        {"error": "invalid_grant", "error_description": "Token has been expired or revoked."},
    )


def test_a_code_is_good_once_and_only_with_its_verifier(authorize, post, sandbox, send):
    answer, form = authorize()
    assert answer["state"] == "s t/a&t=e"
    assert post("token", **{**form, "code_verifier": "w" * 64})[1]["error"] == "invalid_grant"
    assert post("token", **{**form, "redirect_uri": "http://127.0.0.1:1/"})[1]["error"] == "redirect_uri_mismatch"

    status, token = post("token", **form)
    second = post("token", **form)

    assert status == 200
    assert second[1]["error"] == "invalid_grant"
    # A code seen twice was stolen, so what it became is over too.
    url = f"{sandbox.url}/youtube/v3/channels?part=id&mine=true"
    assert send(url, token=token["access_token"])[0] == 401


def test_the_client_proves_itself_by_basic_auth_or_in_the_body(authorize, post, sandbox, send):
    _, form = authorize()
    name, secret = form.pop("client_id"), form.pop("client_secret")
    basic = base64.b64encode(f"{name}:{secret}".encode()).decode()

    assert post("token", **form, client_id=name, client_secret="wrong")[0:2][0] == 401
    status, _, token = send(f"{sandbox.url}/token", "POST", urlencode(form), Authorization=f"Basic {basic}")

    assert status == 200
    assert token["refresh_token"]


def test_revoking_ends_everything_the_project_was_allowed(control, post, send, sandbox):
    one, two = (control.grant("demo", "News", [ALL]) for _ in range(2))

    assert post("revoke", token=one["refresh_token"]) == (200, {})

    assert send(f"{sandbox.url}/youtube/v3/channels?part=id&mine=true", token=two["access_token"])[0] == 401
    assert post("revoke", token=one["refresh_token"])[0] == 400
    assert send(f"{sandbox.url}/tokeninfo?access_token={two['access_token']}")[0] == 400


def test_tokeninfo_tells_client_scope_and_time_left(control, send, sandbox):
    grant = control.grant("demo", "News", [UPLOAD])

    status, _, info = send(f"{sandbox.url}/tokeninfo?access_token={grant['access_token']}")

    assert status == 200
    assert (info["scope"], info["expires_in"]) == (UPLOAD, "3599")
    assert info["aud"] == control.add_project("demo")["installed"]["client_id"]


def test_a_token_lives_for_an_hour_of_the_sandbox(control, send, sandbox, token):
    url = f"{sandbox.url}/youtube/v3/channels?part=id&mine=true"
    assert send(url, token=token)[0] == 200

    control.clock(forward=timedelta(hours=1))

    status, headers, body = send(url, token=token)
    assert status == 401
    assert headers["Date"] == "Fri, 20 Nov 2026 21:00:00 GMT"
    assert body["error"]["errors"] == [
        {
            "message": "Invalid Credentials",
            "domain": "global",
            "reason": "authError",
            "location": "Authorization",
            "locationType": "header",
        }
    ]
    assert body["error"]["status"] == "UNAUTHENTICATED"


def test_a_person_may_allow_a_part_of_what_was_asked(authorize, post):
    answer, form = authorize(scopes=f"{UPLOAD} {ALL}", allowed=[UPLOAD])

    assert answer["scope"] == UPLOAD
    assert post("token", **form)[1]["scope"] == UPLOAD


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "http://example.com/"},
        {"redirect_uri": "http://127.0.0.1.example.com/"},
        {"client_id": "nobody"},
        {"response_type": "token"},
        {"scope": "https://www.googleapis.com/auth/drive"},
    ],
)
def test_a_wrong_authorization_request_ends_on_a_page_and_goes_nowhere(authorize, changes):
    with pytest.raises(SandboxFailed, match="Access blocked"):
        authorize(**changes)


def test_nobody_can_choose_a_channel_that_is_not_there(control):
    with pytest.raises(UnknownName):
        control.consent(
            control.add_project("demo")["installed"]["auth_uri"]
            + "?"
            + urlencode(
                {
                    "client_id": control.add_project("demo")["installed"]["client_id"],
                    "redirect_uri": "http://127.0.0.1:1/",
                    "response_type": "code",
                    "scope": ALL,
                }
            ),
            "Nowhere",
        )
