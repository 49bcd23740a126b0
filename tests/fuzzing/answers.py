"""Parsers of what others answer or call back: Google, task services, browsers' sites, and whoever visits `serve`.

What HTTP carries comes over a real connection, from a server that answers with the bytes it is given.
"""

import asyncio
import json
import socket
import threading
from datetime import UTC
from email.message import EmailMessage

import urllib3
from fuzzing.documents import BYTES, as_json, contents, tables, texts
from fuzzing.target import CANARY, Target, outcome, require_hidden, require_sentence, require_shown
from hypothesis import strategies as st
from starlette.responses import Response

from ytpool.domain import alert_targets, providers, servers
from ytpool.domain.comments import Comment
from ytpool.domain.logins import Client
from ytpool.domain.markers import Forms, Heard, judge, shipped
from ytpool.domain.processing import Processing
from ytpool.domain.reconcile import FileDetails
from ytpool.domain.secret import Secret
from ytpool.domain.servers import FtpServer, Page
from ytpool.domain.stats import Stats
from ytpool.domain.uploads import Finished, Kept
from ytpool.probes import ftp, mail, messages, pages, web_sessions
from ytpool.probes.tasks import TaskServices
from ytpool.web.guard import TRUSTED, Guard
from ytpool.web.traffic import Traffic
from ytpool.web.visitors import Visitors
from ytpool.youtube import answers, client, oauth, uploads
from ytpool.youtube.answers import Answer
from ytpool.youtube.wire import Wire

_SECRET = Secret(CANARY)


class _Server:
    """Answers every request with the same bytes and hangs up; one that greets does not wait for a request."""

    def __init__(self, *, greets=False):
        self.answer = b""
        self._greets = greets
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            connection, _ = self._listening.accept()
            with connection:
                connection.settimeout(5)
                try:
                    if not self._greets:
                        self._hear(connection)
                    connection.sendall(self.answer)
                    if self._greets:
                        connection.shutdown(socket.SHUT_WR)
                        while connection.recv(1 << 16):
                            pass
                except OSError:
                    continue

    def _hear(self, connection):
        heard = b""
        while b"\r\n\r\n" not in heard:
            block = connection.recv(1 << 16)
            if not block:
                return
            heard += block
        head, _, body = heard.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        while len(body) < length:
            body += connection.recv(1 << 16)


def _refuse(path, sentence):
    raise AssertionError((path, sentence))


_servers = {}


def _answering(content, *, greets=False):
    if greets not in _servers:
        _servers[greets] = _Server(greets=greets)
    _servers[greets].answer = content
    return _servers[greets].url


# Google

_REFUSALS = (
    {
        "error": {
            "code": 403,
            "message": f"Quota exceeded for quota metric 'Queries' and limit 'Queries per day' {CANARY}",
            "errors": [{"message": CANARY, "domain": "youtube.quota", "reason": "quotaExceeded"}],
            "status": "PERMISSION_DENIED",
            "details": [
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "RATE_LIMIT_EXCEEDED",
                    "domain": "googleapis.com",
                    "metadata": {"quota_limit": "PerDay", "quota_limit_value": "100", "quota_metric": f"a/{CANARY}"},
                }
            ],
        }
    },
    {"error": "invalid_grant", "error_description": f"Bad {CANARY}", "error_subtype": "invalid_rapt"},
)
_STATUSES = st.sampled_from([302, 308, 400, 401, 403, 404, 410, 429, 500, 503])
_DATES = texts("Fri, 20 Nov 2026 12:00:00 GMT", "Fri, 20 Nov 2026 12:00:00 -0000", "120", "1.5")
_HEADERS = st.fixed_dictionaries({}, optional={"Date": _DATES, "Retry-After": _DATES})


def read_a_refusal(asked):
    status, headers, body = asked
    answer = Answer(status=status, headers=headers, body=body)
    for read in (answers.refused, answers.refused_token):
        failure = read(answer, "videos.insert", hides=(_SECRET,))
        require_sentence(failure.message, (CANARY,))
        require_shown(dict(failure.details), (CANARY,))
        assert len(failure.message) <= 2000
        assert failure.details.get("limit_value") is None or failure.details["limit_value"] >= 0
    wait, moment = answer.retry_after, answer.answered_at
    assert wait is None or 0 <= wait < float("inf")
    assert moment is None or moment.tzinfo is UTC


_KEPT = (
    "HTTP/1.1 308 Resume Incomplete\r\nRange: bytes=0-524287\r\n"
    "Date: Fri, 20 Nov 2026 12:00:00 GMT\r\nContent-Length: 0\r\n"
)
_RESUMED = (
    f"{_KEPT}\r\n",
    f"{_KEPT}Location: /upload?upload_id={CANARY}\r\nRetry-After: 3\r\n\r\n",
    'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"id": "x"}',
    f"HTTP/1.1 503 No\r\nContent-Length: {len(CANARY)}\r\n\r\n{CANARY}",
)
_SIZE = 1 << 20


def ask_a_session(content):
    session, wire = Secret(f"{_answering(content)}upload?upload_id={CANARY}"), Wire(heard=lambda _: None, timeout=5)
    try:
        event, _ = outcome(lambda: uploads.ask(wire, session, _SECRET, _SIZE), secrets=(CANARY,))
    finally:
        wire.close()
    if event is not None:
        assert isinstance(event, Kept | Finished)
        assert isinstance(event, Finished) or 0 <= event.offset <= _SIZE


def _answer(table, status="200 OK"):
    body = json.dumps(table)
    return f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"


_GRANTED = {
    "access_token": CANARY,
    "expires_in": 3599,
    "refresh_token": CANARY,
    "scope": "a b",
    "token_type": "Bearer",
    "refresh_token_expires_in": 604799,
}
_CLIENT = Client(client_id="1234567890-abc.apps.example", client_secret=_SECRET)


def get_a_token(content):
    wire = Wire(heard=lambda _: None, timeout=5)
    try:
        url = _answering(content)
        token, _ = outcome(lambda: oauth.refresh(wire, _CLIENT, url, _SECRET), secrets=(CANARY,))
    finally:
        wire.close()
    if token is not None:
        assert 0 <= token.expires_in < 10**10
        require_hidden(token, "access", "refresh")


_CHANNEL = {
    "id": "UC" + "a" * 22,
    "snippet": {"title": "News"},
    "contentDetails": {"relatedPlaylists": {"uploads": "UU" + "a" * 22}},
}
_VIDEO = {
    "id": "abcdefghijk",
    "statistics": {"viewCount": "12", "likeCount": "3", "commentCount": "1"},
    "snippet": {"publishTime": "2026-11-19T10:00:00Z", "publishedAt": "2026-11-19T10:00:00Z"},
    "contentDetails": {"duration": "PT1M"},
    "fileDetails": {"fileName": "talk.mp4", "fileSize": "1048576"},
    "status": {"uploadStatus": "processed", "failureReason": "codec", "rejectionReason": "duplicate"},
    "processingDetails": {
        "processingStatus": "processing",
        "processingProgress": {"partsTotal": "10", "partsProcessed": "4", "timeLeftMs": "9000"},
        "processingFailureReason": "other",
    },
    "suggestions": {"processingErrors": ["audioFile"], "processingHints": ["x"], "tagSuggestions": [{"tag": "a"}]},
}
_COMMENT = {
    "id": "Ugx" + "a" * 20,
    "snippet": {
        "videoId": "abcdefghijk",
        "authorChannelId": {"value": "UC" + "a" * 22},
        "authorDisplayName": "A",
        "textOriginal": "Hello",
        "likeCount": 3,
        "publishedAt": "2026-11-19T10:00:00Z",
        "moderationStatus": "published",
    },
}
_THREAD = {
    "id": _COMMENT["id"],
    "snippet": {"totalReplyCount": 1, "topLevelComment": _COMMENT},
    "replies": {"comments": [_COMMENT]},
}


_LIST = {"items": [_CHANNEL, {"id": "x"}], "nextPageToken": "abc", "pageInfo": {"totalResults": 2}}


def read_a_list(body):
    answer = Answer(status=200, headers={}, body=body)
    table, _ = outcome(lambda: answers.require_object(answer, "channels.list"), secrets=(CANARY,))
    if table is None:
        return
    items, following = client._page(table)
    assert isinstance(following, str)
    for item in items:
        channel, _ = outcome(lambda item=item: client._channel(item, answer, "channels.list"), secrets=(CANARY,))
        assert channel is None or channel.channel_id
    made, _ = outcome(lambda: client._made(answer, "playlists.insert"), secrets=(CANARY,))
    assert made is None or made["id"]


def read_a_video(resource):
    if isinstance(resource, dict):
        for read in (Stats.from_resource, FileDetails.from_resource, Processing.from_resource):
            require_shown(read(resource))


def read_a_comment(resource):
    if isinstance(resource, dict):
        require_shown(Comment.from_thread(resource))
        require_shown(Comment.from_resource(resource))


# Task services

_HUB = providers.from_table(
    "hub",
    {
        "preset": "runninghub",
        "url": "https://hub.example",
        "keys": "HUB_KEY",
        "callback": {"url": "https://us.example"},
    },
    _refuse,
)
_TASKS = (
    {"code": 0, "msg": "success", "data": {"taskId": "7", "taskStatus": "RUNNING", "failedReason": {"message": "no"}}},
    {"code": 805, "msg": "FAILED", "data": {"failedReason": {"exception_message": CANARY}}, "taskId": 7},
    {
        "event": "TASK_END",
        "taskId": "7",
        "eventData": json.dumps({"code": 0, "msg": CANARY, "data": [{"fileUrl": "u"}]}),
    },
)


def hear_of_a_task(content):
    hushed = providers.hushed(content, [CANARY])
    for how in (_HUB.poll, _HUB.callback):
        told = providers.told(how, hushed)
        require_shown([told.progress, told.message], (CANARY,))
        require_shown(json.loads(providers.stored(told.result)), (CANARY,))
        assert told.ended is not None or told.result is None
    for status in (200, 429, 500):
        providers.taken(_HUB.submit, status, hushed)
    require_shown(providers.task_id(content, _HUB.callback.task_id))


def ask_a_service(content):
    url = _answering(content)
    heard, _ = outcome(lambda: TaskServices(timeout=5).send(url, "GET /tasks", headers={}, body={}))
    if heard is not None:
        assert heard.retry_after is None or heard.retry_after < 10**6


def look_at_a_page(content):
    page = Page("site", url=_answering(content), expect=(200, "fine"), timeout=5.0)
    outcome(lambda: pages.look(page, stays_here=True))


_GREETINGS = (
    "220 ready\r\n331 password?\r\n230 welcome\r\n200 fine\r\n",
    "220-a\r\n220-b\r\n220 ready\r\n230 welcome\r\n200 fine\r\n",
    "120 soon\r\n220 ready\r\n331 password?\r\n530 wrong\r\n",
    "421 too many\r\n",
)


def log_in_to_ftp(content):
    host, _, port = _answering(content, greets=True).removeprefix("http://").rstrip("/").partition(":")
    server = FtpServer("store", host=host, port=int(port), user="ytpool", tls=servers.NONE, timeout=5.0)
    outcome(lambda: ftp.noop(server, _SECRET))


# Who is told of alerts


_MAIL = EmailMessage()
_MAIL["From"], _MAIL["To"], _MAIL["Subject"] = "y@studio.example", "n@studio.example, m@studio.example", "Quota"
_MAIL.set_content("It is used up.")
_MAILED = (
    f"220 a\r\n250-a\r\n250 AUTH PLAIN LOGIN\r\n235 in\r\n250 a\r\n250 b\r\n550 {CANARY}\r\n354 go\r\n250 taken\r\n",
    f"220 ready\r\n250-mail.example\r\n250 AUTH LOGIN CRAM-MD5\r\n334 VXNlcg==\r\n535 {CANARY}\r\n",
    f"220-a\r\n220 ready\r\n502 no\r\n250 mail.example\r\n421 {CANARY}\r\n",
    "554 nobody\r\n",
)


def send_a_mail(content):
    host, _, port = _answering(content, greets=True).removeprefix("http://").rstrip("/").partition(":")
    sides = {"from": "y@studio.example", "to": ["n@studio.example", "m@studio.example"]}
    night = alert_targets.from_table(
        "night", {"type": "email", "host": host, "port": int(port), "tls": "none", **sides}, _refuse
    )
    for target, password in ((night, None), (night._replace(user="ytpool"), _SECRET)):
        said, _ = outcome(lambda to=target, by=password: mail.send(to, by, _MAIL, seconds=5), secrets=(CANARY,))
        if said:
            require_sentence(said, (CANARY,))


def post_an_alert(content):
    url = Secret(f"{_answering(content)}hooks/{CANARY}")
    hook = alert_targets.from_table("hook", {"type": "webhook", "url": url.reveal()}, _refuse)
    outcome(lambda: messages.post(hook, url, _SECRET, "{}", {}, seconds=5), secrets=(CANARY,))


# Sites that sessions are for


def look_for_a_form(text):
    """What is found does not depend on where a page is cut."""
    marks = (*shipped("tiktok").form, 'input[type="password"]', 'form[action*="/login"]')
    whole, cut = Forms(marks), Forms(marks)
    whole.feed(text)
    for begin in range(0, len(text), 7):
        cut.feed(text[begin : begin + 7])
    assert whole.found == cut.found


def _in_a_header(*valid):  # a header is read as latin-1
    return texts(*valid).map(lambda text: text.encode("utf-8", "replace").decode("latin-1"))


def judge_where_it_sends(location):
    answer = urllib3.HTTPResponse(status=302, headers={"Location": location})
    try:
        sent_to = web_sessions._following(answer, "https://www.tiktok.com/setting")
    except web_sessions._StrangeError:
        return
    for name in ("youtube", "tiktok", "instagram"):
        marks = shipped(name)
        verdict = judge(marks, Heard(status=302, sent_to=sent_to))
        require_sentence(verdict.words)
        marks.is_end(sent_to)


# Visitors of `serve`

_SHARED = Visitors(Secret("token-of-serve"), Secret("shared-by-machines"))
_HEADER_NAMES = st.sampled_from([b"host", b"authorization", b"cookie", b"content-length", b"transfer-encoding", b"x"])
_VALUES = texts("127.0.0.1:8383", "[::1]:80", "Bearer token-of-serve", f"{_SHARED._name(80)}=1.a.b", "a=b; c")
_VISITS = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["GET", "POST", "OPTIONS", "BREW"]),
        "path": texts("/", "/metrics", "/webhooks/hub", "/livez", "*"),
        "headers": st.lists(
            st.tuples(_HEADER_NAMES, _VALUES.map(lambda text: text.encode("latin-1", "replace")) | BYTES), max_size=5
        ),
    }
)


def visit(asked):
    """Only who has the token, or a cookie that stands for it, is trusted, whatever else is said."""
    seen = []

    async def app(scope, receive, send):
        seen.append(scope[TRUSTED])
        await Response("fine")(scope, receive, send)

    sent = []

    async def send(message):
        sent.append(message)

    methods = {"/": "GET", "/metrics": "GET", "/livez": "GET", "/webhooks/": "POST"}
    guard = Guard(
        app, Traffic(), methods=methods, visitors=_SHARED, needs_token=True, hosts=frozenset({"pool.example"})
    )
    scope = {"type": "http", "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 9), "query_string": b"", **asked}
    asyncio.run(guard(scope, None, send))

    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    has_it = any(name == b"authorization" and b"token-of-serve" in value for name, value in asked["headers"])
    assert has_it or True not in seen


_TOKEN_HEADERS = as_json(_GRANTED).map(lambda body: body.encode("utf-8", "replace"))


def _over_http(*statuses):
    def written(status, headers, body):
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode("latin-1", "replace") + body

    return lambda bodies: st.builds(written, st.sampled_from(statuses), _HEADERS, bodies)


TARGETS = (
    Target(
        name="error body",
        inputs=st.tuples(_STATUSES, _HEADERS, contents(json.dumps(_REFUSALS[0]), of=as_json(*_REFUSALS))),
        check=read_a_refusal,
    ),
    Target(name="resumable answer", inputs=contents(*_RESUMED), check=ask_a_session),
    Target(
        name="token answer",
        inputs=st.one_of(
            _over_http("200 OK", "400 Bad Request", "503 No")(_TOKEN_HEADERS),
            contents(_answer(_GRANTED), _answer(_REFUSALS[1], "400 Bad Request")),
        ),
        check=get_a_token,
    ),
    Target(
        name="list of things",
        inputs=contents(json.dumps(_LIST), of=as_json(_LIST, _CHANNEL)),
        check=read_a_list,
    ),
    Target(name="video", inputs=tables(_VIDEO), check=read_a_video),
    Target(name="comment", inputs=tables(_THREAD, _COMMENT), check=read_a_comment),
    Target(name="task answer", inputs=tables(*_TASKS), check=hear_of_a_task),
    Target(name="task service", inputs=contents(_answer(_TASKS[0]), _answer({}, "429 Later")), check=ask_a_service),
    Target(
        name="page",
        inputs=contents("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine", "HTTP/1.1 302 Go\r\nLocation: /x\r\n\r\n"),
        check=look_at_a_page,
    ),
    Target(name="mail server", inputs=contents(*_MAILED), check=send_a_mail),
    Target(
        name="answer to an alert",
        inputs=contents(
            "HTTP/1.1 204 Fine\r\n\r\n", "HTTP/1.1 429 Later\r\nRetry-After: 20\r\nContent-Length: 0\r\n\r\n"
        ),
        check=post_an_alert,
    ),
    Target(name="ftp", inputs=contents(*_GREETINGS), check=log_in_to_ftp),
    Target(
        name="login form",
        inputs=texts(
            '<p><!-- <form> --><form action="/login"><input type="password" name=x></form>', "<script>'<'</script>"
        ),
        check=look_for_a_form,
    ),
    Target(
        name="where a site sends",
        inputs=_in_a_header(
            "https://www.tiktok.com/login?x=1", "https://accounts.google.com/v3/signin", "http://127.0.0.1/"
        ),
        check=judge_where_it_sends,
    ),
    Target(name="visit of serve", inputs=_VISITS, check=visit),
)
