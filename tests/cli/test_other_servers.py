"""A server that is no sandbox of ours: Google's protocol, and every freedom it leaves.

Other paths for the logins, no `Date`, header names in lower case, `201` where others say 200, chunks acknowledged
less than whole or without a `Range`, sessions under an address of their own, numbers and fields nobody asked for.
"""

import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

CHANNEL = "UC" + "o" * 22
MIB = 1024 * 1024


class Other(ThreadingHTTPServer):
    """What the stranger knows: the bytes of one upload, and what was said to it."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Stranger)
        self.content = b""
        self.size = None
        self.puts = 0
        self.video = {}
        self.heard = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Stranger(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = urlsplit(self.path).path
        self.server.heard.append((self.command, path))
        if path == "/login/v9/exchange":
            assert parse_qs(body.decode())["grant_type"] == ["refresh_token"]
            self.say(200, {"access_token": "one", "expires_in": 1800, "token_type": "bearer", "id": None})
        elif self.headers["Authorization"] != "Bearer one":
            self.say(401, {"error": "who are you?"})
        elif path == "/base/youtube/v3/channels":
            self.say(203, {"items": [{"id": CHANNEL, "snippet": {"title": "Ö"}, "newField": [1]}], "pageInfo": {}})
        elif path == "/base/upload/youtube/v3/videos":
            self.server.video = json.loads(body)
            self.server.size = int(self.headers["X-Upload-Content-Length"])
            self.say(201, None, location="/sessions/a%2Fb?x=1&y=")
        elif path.startswith("/sessions/"):
            self.receive(body)
        elif path == "/base/youtube/v3/videos":
            status = {**self.server.video["status"], "uploadStatus": "processed"}
            self.say(200, {"items": [{"id": "-other_one", "status": status, "snippet": {}}]})
        else:
            self.say(404, {"error": {"code": 404}})

    do_POST = do_PUT = do_GET  # noqa: N815 - the base class wants these names

    def receive(self, body):
        server = self.server
        server.puts += 1
        found = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+)", self.headers["Content-Range"])
        assert int(found[2]) == server.size
        if found[1] is not None:
            assert int(found[1]) == len(server.content)
            if server.puts == 1:
                self.say(308, None)  # kept nothing, and says so by saying nothing
                return
            # Takes half a chunk once, in whole quanta.
            server.content += body if server.puts != 3 else body[: 4 * MIB]
        if len(server.content) == server.size:
            self.say(200, {"id": "-other_one", "kind": "youtube#video"})
        else:
            self.say(308, None, range=f"bytes=0-{len(server.content) - 1}")

    def say(self, status, content, **headers):
        body = b"" if content is None else json.dumps(content).encode()
        lines = [f"HTTP/1.1 {status} {'Resume Incomplete' if status == 308 else 'Whatever'}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"content-length: {len(body)}", "content-type: application/json; charset=UTF-8", "", ""]
        self.wfile.write("\r\n".join(lines).encode() + body)

    def log_message(self, *words):
        pass


@pytest.fixture
def other(home, ytpool, monkeypatch):  # noqa: ARG001 - the home must be there first
    with Other() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        for name, path in (("API_ROOT", "/base/"), ("AUTH_URI", "/a"), ("TOKEN_URI", "/login/v9/exchange")):
            monkeypatch.setenv(f"YTPOOL_GOOGLE_{name}", server.url + path)
        monkeypatch.setenv("YTPOOL_GOOGLE_REVOKE_URI", server.url + "/login/v9/revoke")
        monkeypatch.setenv("YTPOOL_UPLOAD_CHUNK_MIB", "8")
        assert ytpool("init", "--yes", "--vault", "keyfile")[0] == 0
        yield server
        server.shutdown()
        thread.join()


def test_any_server_that_speaks_googles_protocol_will_do(ytpool, other, tmp_path, make_video):
    secrets, token = tmp_path / "client.json", tmp_path / "token.json"
    client = {"client_id": "77-abc.apps.googleusercontent.com", "client_secret": "other"}
    google = {
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    secrets.write_text(json.dumps({"installed": client | google}))
    token.write_text(json.dumps({"refresh_token": "old", "scopes": ["https://www.googleapis.com/auth/youtube"]}))
    video = make_video("Größe.mp4", 20 * MIB + 5)

    status, _, err = ytpool("auth", "import", "other", "--client-secrets", secrets, "--token", token)
    assert status == 0, err
    status, out, err = ytpool("upload", video, "--account", "other", "--privacy", "unlisted", "--json")

    assert status == 0, (out, err)
    told = json.loads(out)["data"]
    assert (told["video_id"], told["channel_id"], told["state"]) == ("-other_one", CHANNEL, "done")
    assert hashlib.sha256(other.content).hexdigest() == told["sha256"]
    assert other.video["snippet"]["title"] == "Größe"
    assert {path for _, path in other.heard} == {
        "/login/v9/exchange",
        "/base/youtube/v3/channels",
        "/base/upload/youtube/v3/videos",
        "/sessions/a%2Fb",
        "/base/youtube/v3/videos",
    }
    assert ytpool("state", "check")[0] == 0
