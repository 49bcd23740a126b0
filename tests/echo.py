"""What stands between ytpool and its local YouTube, and can be made to repeat all that it hears.

No honest server does that. One that logs too much, and answers with its log, does.
"""

import http.client
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_NOT_PASSED_ON = {"connection", "transfer-encoding", "content-length"}


class _Visitor(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_one_of_any_verb(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, headers, answer = (self.server.mood or self._passed_on)(self, body)
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in _NOT_PASSED_ON:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.handle_one_of_any_verb
        raise AttributeError(name)

    def _passed_on(self, _, body):
        there = http.client.HTTPConnection("127.0.0.1", self.server.port_behind, timeout=30)
        there.request(self.command, self.path, body=body, headers=dict(self.headers))
        answer = there.getresponse()
        content = answer.read()
        there.close()
        return answer.status, answer.getheaders(), content

    def log_message(self, *_):
        pass


def repeats(status):
    """Answer with everything that was sent: as the message of an error, and as its reason."""

    def answer(visitor, body):
        heard = f"{visitor.command} {visitor.path}\n{visitor.headers}\n{body.decode('utf-8', 'replace')[:4000]}"
        table = {"error": heard, "error_description": heard}
        if "/youtube/" in visitor.path:
            table = {"error": {"code": status, "message": heard, "errors": [{"message": heard, "reason": heard}]}}
        return status, [("Content-Type", "application/json")], json.dumps(table).encode()

    return answer


def babbles(visitor, body):
    """Answer well, with a page that holds everything that was sent."""
    heard = f"{visitor.path}\n{visitor.headers}\n{body.decode('utf-8', 'replace')[:4000]}"
    page = f"<html><body><pre>{heard}</pre></body></html>"
    return 200, [("Content-Type", "text/html")], page.encode()


@contextmanager
def standing_before(url):
    """Stand before a server; `mood` is how requests are answered, or None where they are passed on."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Visitor)
    server.daemon_threads = True
    server.port_behind, server.mood = urlsplit(url).port, None
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
