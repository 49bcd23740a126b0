"""A sandbox on real sockets, driven by clients that we did not write."""

import copy
import http.client
import json
import random
import time
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httplib2
import pytest
from google.oauth2.credentials import Credentials
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.discovery import build_from_document
from googleapiclient.discovery_cache import get_static_doc

from ytpool.sandbox.server import Sandbox

ALL = "https://www.googleapis.com/auth/youtube.force-ssl"
DOCUMENT = json.loads(get_static_doc("youtube", "v3"))


class HandClock:
    """A machine whose wall clock a test holds in its hand."""

    def __init__(self, moment):
        self.moment = moment

    def now(self):
        return self.moment

    def monotonic(self):
        return time.monotonic()

    def boot(self):
        return time.monotonic()

    def era(self):
        return "test"

    def sleep(self, seconds):
        time.sleep(seconds)


@pytest.fixture
def wall():
    return HandClock(datetime(2026, 11, 20, 20, tzinfo=UTC))  # noon in California


@pytest.fixture
def sandbox(tmp_path, wall):
    with Sandbox(tmp_path / "sandbox", seed=7, clock=wall) as running:
        yield running


@pytest.fixture
def control(sandbox):
    sandbox.control.add_project("demo")
    sandbox.control.add_channel("News")
    return sandbox.control


@pytest.fixture
def token(control):
    return control.grant("demo", "News", [ALL])["access_token"]


@pytest.fixture
def send():
    """Send one request over a line of its own, and return status, headers and JSON."""

    def send(url, verb="GET", body=None, *, token=None, **headers):
        parts = urlsplit(url)
        line = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            names["Authorization"] = f"Bearer {token}"
        if isinstance(body, dict):
            body = json.dumps(body)
            names.setdefault("Content-Type", "application/json")
        try:
            line.request(verb, parts.path + (f"?{parts.query}" if parts.query else ""), body=body, headers=names)
            answer = line.getresponse()
            content = answer.read()
            kind = answer.headers.get("Content-Type", "")
            return (
                answer.status,
                answer.headers,
                json.loads(content) if kind.startswith("application/json") else content,
            )
        finally:
            line.close()

    return send


@pytest.fixture
def begin(sandbox, token, send):
    """Start a resumable upload, and return the address of its session."""

    def begin(size, resource=None, *, token=token, part="snippet,status", **headers):
        status, answered, body = send(
            f"{sandbox.url}/upload/youtube/v3/videos?uploadType=resumable&part={part}",
            "POST",
            resource
            if resource is not None
            else {"snippet": {"title": "A day"}, "status": {"privacyStatus": "private"}},
            token=token,
            X_Upload_Content_Length=str(size),
            X_Upload_Content_Type="video/mp4",
            **headers,
        )
        assert status == 200, body
        return answered["Location"]

    return begin


@pytest.fixture
def google(sandbox, control):
    """Build Google's own client for a channel, as REAL-PARTS says; every service is closed at the end."""
    services = []

    def google(channel="News", project="demo", scopes=(ALL,)):
        grant = control.grant(project, channel, scopes)
        client = control.add_project(project)["installed"]
        document = copy.deepcopy(DOCUMENT) | {"rootUrl": f"{sandbox.url}/", "baseUrl": f"{sandbox.url}/"}
        document.pop("mtlsRootUrl", None)
        credentials = Credentials(
            None,
            refresh_token=grant["refresh_token"],
            token_uri=client["token_uri"],
            client_id=client["client_id"],
            client_secret=client["client_secret"],
        )
        line = httplib2.Http(timeout=20)
        line.redirect_codes = line.redirect_codes - {308}
        services.append(build_from_document(document, http=AuthorizedHttp(credentials, http=line)))
        return services[-1]

    yield google
    for service in services:
        service.close()


@pytest.fixture
def movie(tmp_path):
    """Make a file of so many bytes, the same for the same number."""

    def movie(size):
        path = tmp_path / f"movie-{size}.mp4"
        path.write_bytes(random.Random(size).randbytes(size))
        return path

    return movie
