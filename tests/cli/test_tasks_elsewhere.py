"""A service that is described in full: a key in a header, ids in an address, progress, and every odd answer."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

KEY = "a-key-of-voices"
DESCRIBED = """
[providers.voices]
url = "{url}/v1"
keys = "VOICES_KEY"
cost = 0.5

[providers.voices.submit]
request = "POST /jobs?for={voice?}"
headers = {{ Authorization = "Bearer {{key}}" }}
body = {{ text = "{{text}}", voice = "{{voice?}}", tags = "{{tags?}}", note = "job {{job}}" }}
task_id = "job.ids.0"
code = "error.code"
accepted = ["none"]
busy = ["later"]

[providers.voices.poll]
request = "GET /jobs/{{task_id}}"
headers = {{ Authorization = "Bearer {{key}}" }}
every = 0.1
state = "job.state"
done = ["finished"]
failed = ["broken"]
result = "job.output"
progress = "job.percent"
message = "error.message"
""".replace("{voice?}", "{{voice?}}", 1)


class _Visitor(BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.heard.append(self._heard())
        self._answer(*self.server.says["POST"])

    def do_GET(self):
        self.server.heard.append(self._heard())
        answers = self.server.says["GET"]
        self._answer(*(answers.pop(0) if len(answers) > 1 else answers[0]))

    def _heard(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return self.command, self.path, self.headers["Authorization"], json.loads(body) if body else None

    def _answer(self, status, content, headers=()):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextmanager
def listening():
    with ThreadingHTTPServer(("127.0.0.1", 0), _Visitor) as server:
        server.heard, server.says = [], {}
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def voices(ytpool, home, monkeypatch):
    assert ytpool("init", "--yes", "--vault", "keyfile")[0] == 0
    monkeypatch.setenv("VOICES_KEY", KEY)
    with listening() as server:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        (home / "default" / "config.toml").write_text(DESCRIBED.format(url=url))
        server.says["POST"] = (201, {"job": {"ids": ["a/b c", "second"]}})
        yield server


def submit(ytpool, *words):
    status, out, err = ytpool("task", "submit", "voices", "--set", "text=Hello {key}", "--json", *words)
    told = json.loads(out)
    return status, told["data"], told["error"], out + err


def test_a_service_is_asked_as_its_description_says(ytpool, voices, tmp_path):
    tags = tmp_path / "inputs.json"
    tags.write_text('{"tags": ["a", 1], "voice": "Zoë & co"}')
    voices.says["GET"] = [
        (200, {"job": {"state": "working", "percent": 40}}),
        (502, {"job": {"state": "finished"}}),  # a proxy's page, whatever it holds
        (200, {"job": {"state": "finished", "output": {"url": "https://x.example/1.mp3"}}}),
    ]

    status, seen, _, said = submit(ytpool, "--file", tags, "--follow")

    assert status == 0, said
    assert (seen["task_id"], seen["result"], seen["cost"]) == ("a/b c", {"url": "https://x.example/1.mp3"}, 0.5)
    assert f"{seen['job']}: 40" in said
    (_, path, header, body), (_, asked, _, nothing), *_ = voices.heard
    assert (path, header) == ("/v1/jobs?for=Zo%C3%AB%20%26%20co", f"Bearer {KEY}")
    assert body == {"text": "Hello {key}", "voice": "Zoë & co", "tags": ["a", 1], "note": f"job {seen['job']}"}
    assert (asked, nothing) == ("/v1/jobs/a%2Fb%20c", None)
    assert len(voices.heard) == 4


@pytest.mark.parametrize(
    ("answer", "status", "state", "said"),
    [
        ((201, {"job": {"ids": []}}), 7, "finished_unknown", "no task id at job.ids.0"),
        ((200, b"<html>fine</html>"), 7, "finished_unknown", "no task id at job.ids.0"),
        ((500, {"error": {"message": "oops"}}), 7, "finished_unknown", "HTTP 500, oops"),
        ((302, {}, [("Location", "/elsewhere")]), 1, "failed", "HTTP 302"),
        ((422, {"error": {"message": f"bad text, {KEY}"}}), 1, "failed", "HTTP 422, bad text, (secret)"),
        ((200, {"error": {"code": "wrong", "message": "no"}}), 1, "failed", "error.code wrong"),
        ((200, {"error": {"code": "later"}}), 0, "queued", "error.code later"),
        ((429, {}, [("Retry-After", "7")]), 0, "queued", "HTTP 429"),
        ((401, {"error": {"message": KEY}}), 0, "queued", "HTTP 401, (secret)"),
    ],
)
def test_every_answer_to_a_submission_means_something(ytpool, voices, answer, status, state, said):
    voices.says["POST"] = answer

    done, seen, _, text = submit(ytpool)

    assert (done, seen["state"]) == (status, state), text
    assert said in seen["error"]
    assert len(voices.heard) == 1
    assert KEY not in text + "".join(ytpool("rests", "list")[1:])


def test_a_key_goes_to_no_header_that_it_cannot_stand_in(ytpool, voices, monkeypatch):
    monkeypatch.setenv("VOICES_KEY", "with\nnew line")

    status, seen, error, text = submit(ytpool)

    assert (status, seen, error["code"]) == (2, None, "config_invalid"), text
    assert voices.heard == []
    assert "new line" not in text
