"""What visitors send to `serve`: callbacks with their secrets, the form where the token is brought, cookies, questions.

All of it goes through the door and the addresses behind it, over a real state in which one task waits for its callback.
"""

import asyncio
import atexit
import json
from datetime import timedelta
from urllib.parse import quote, urlencode

import tomli_w
from fuzzing.documents import BYTES, as_json, contents, texts
from fuzzing.target import CANARY, Target, scratch
from hypothesis import strategies as st

from ytpool import config
from ytpool.actions.tasks.wire import proof_of
from ytpool.domain.jobs import JobState, TargetKind
from ytpool.domain.jobs import Target as Place
from ytpool.domain.secret import Secret
from ytpool.runtime import Runtime
from ytpool.store import jobs, tasks
from ytpool.web import snapshots
from ytpool.web.app import application
from ytpool.web.connections import Crowd
from ytpool.web.standing import Standing
from ytpool.web.traffic import Traffic

_TOKEN, _JOB, _SECRET = "token-of-serve", "job-1", "secret-of-a-task"
_SETTINGS = {
    "providers": {
        "hub": {
            "preset": "runninghub",
            "url": "https://hub.example",
            "keys": "HUB_KEY",
            "callback": {"url": "https://us.example"},
        }
    }
}
_MAY_BE_UNWELL = {"/readyz", "/api/health", "/api/ready"}


class _Server:
    """All that is behind the door, in this thread."""

    def __init__(self):
        home = scratch()
        folder = home / "default"
        folder.mkdir(mode=0o700)
        (folder / "config.toml").write_text(tomli_w.dumps(_SETTINGS))
        self.rt = Runtime(config.load(profile=None, environ={"YTPOOL_HOME": str(home)}))
        atexit.register(self.rt.close)
        self.rt.store.create()
        with self.rt.store.transaction() as tx:
            place = Place(kind=TargetKind.PROVIDER, name="hub")
            jobs.add(
                tx,
                _JOB,
                kind="task",
                target=place,
                job_key="",
                fingerprint="",
                sha256=None,
                request=json.dumps({"inputs": {}}),
                steps=(),
            )
            tasks.add(tx, _JOB, "hub")
        traffic = Traffic()
        self._loop = asyncio.new_event_loop()
        atexit.register(self._loop.close)
        self.app = application(
            self.rt,
            Standing(self.rt, None),
            traffic,
            Crowd(traffic),
            snapshots.feed(self.rt),
            token=Secret(_TOKEN),
            shared=Secret("shared-by-machines"),
            hosts=frozenset({"pool.example"}),
        )
        self.wait()

    def wait(self):
        """Let the task wait for its callback, again."""
        with self.rt.store.transaction() as tx:
            tasks.begin(tx, _JOB, "hub/primary", proof=proof_of(_SECRET), until=tx.now + timedelta(hours=1))

    def state(self):
        with self.rt.store.reading() as tx:
            return tasks.get(tx, _JOB).state

    def visit(self, method, path, query, headers, body):
        """Return status, headers and content of the answer."""
        sent, pieces = [], [body[:20], body[20:]]

        async def receive():
            if not pieces:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

        async def send(message):
            sent.append(message)

        scope = {
            "type": "http",
            "http_version": "1.1",
            "scheme": "http",
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 9),
            "root_path": "",
            "method": method,
            "path": path,
            "raw_path": path.encode("utf-8", "replace"),
            "query_string": query.encode("latin-1", "replace"),
            "headers": headers,
        }
        self._loop.run_until_complete(asyncio.wait_for(self.app(scope, receive, send), 20))
        starts = [message for message in sent if message["type"] == "http.response.start"]
        assert len(starts) == 1, sent
        assert sent[-1].get("more_body", False) is False, "half an answer"
        content = b"".join(message.get("body", b"") for message in sent[1:])
        return starts[0]["status"], dict(starts[0]["headers"]), content


_servers = []


def _server():
    if not _servers:
        _servers.append(_Server())
    return _servers[0]


_CALLS = (
    {"event": "TASK_END", "taskId": "7", "eventData": json.dumps({"code": 0, "msg": "", "data": [{"fileUrl": "u"}]})},
    {"event": "TASK_END", "taskId": "7", "eventData": json.dumps({"code": 805, "msg": CANARY})},
    {"taskId": 7, "event": "TASK_RUNNING"},
)
_SECRETS = st.sampled_from([_SECRET] * 4) | texts(_SECRET)
_CALLED = st.tuples(_SECRETS, st.booleans(), contents(json.dumps(_CALLS[0]), of=as_json(*_CALLS)))


def call_back(asked):
    """A callback is taken with the task's own secret alone, and what is no callback changes nothing."""
    secret, in_header, content = asked
    server = _server()
    query = "" if in_header else urlencode({"secret": secret}, errors="replace")
    headers = [(b"x-ytpool-secret", secret.encode("latin-1", "replace"))] if in_header else []

    status, _, told = server.visit("POST", "/webhooks/hub", query, headers, content)

    assert status in {200, 400, 403, 404, 413}, (status, told)
    answer = json.loads(told)
    assert answer["ok"] is (status == 200)
    if status == 200:
        assert secret.strip() == _SECRET
        server.wait()
    assert server.state() is JobState.RUNNING


_PATHS = ("/", "/events", "/login", "/logout", "/livez", "/metrics", "/api/health", "/webhooks/hub", "/dashboard.css")
_NAMES = (b"authorization", b"cookie", b"last-event-id", b"content-length", b"x-forwarded-proto", b"host", b"accept")
_VALUES = texts(f"Bearer {_TOKEN}", "1.a.b", "ytpool-80=x; a=b", "0a1b2c3d-12", "https", "pool.example", "5")
_FORMS = contents(f"name=ytpool&token={_TOKEN}", "token=wrong&token=&x=%ff")
_VISITS = st.tuples(
    st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "DELETE"]),
    st.sampled_from(_PATHS) | texts(*_PATHS),
    texts("after=0a1b2c3d-12", "secret=x", "name=a&name=b").map(
        lambda text: quote(text.encode("utf-8", "replace"), safe="=&%")
    )
    | st.just("after=%ff&after=0-9"),
    st.lists(
        st.tuples(st.sampled_from(_NAMES), _VALUES.map(lambda text: text.encode("latin-1", "replace")) | BYTES),
        max_size=4,
    )
    | st.just([(b"authorization", f"Bearer {_TOKEN}".encode())]),
    _FORMS,
)


def look_around(asked):
    """Nobody meets a bug, sees the pages without the token, or has words of its own in the head of an answer."""
    method, path, query, headers, body = asked
    server = _server()

    status, told, content = server.visit(method, path or "/", query, headers, body)

    assert status < 500 or (status == 503 and path in _MAY_BE_UNWELL), (status, content)
    for name, value in told.items():
        assert not {*name, *value} & {*b"\r\n\0"}
    has_token = _TOKEN.encode() in body + b"".join(value for _, value in headers)
    assert has_token or b"set-cookie" not in told or b"Max-Age=0" in told[b"set-cookie"]
    assert _TOKEN.encode() not in content


TARGETS = (
    Target(name="callback to serve", inputs=_CALLED, check=call_back),
    Target(name="pages of serve", inputs=_VISITS, check=look_around),
)
