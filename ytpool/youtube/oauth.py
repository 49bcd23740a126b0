"""Logging in: the address a person opens, the receiver of the answer, and three POSTs to the token endpoints.

Written by hand where google-auth-oauthlib would be the obvious choice: its flow refuses loopback endpoints and raises
a bare `Warning` for a partial consent unless variables of the whole process say otherwise, its receiver serves exactly
one request, be it for a favicon, and google-auth repeats a refresh by itself. Each function here sends one request.
"""

import base64
import hashlib
import logging
import queue
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

from ytpool.domain.logins import Client, Token, is_token, read_answer
from ytpool.domain.secret import Secret
from ytpool.errors import LoginFailed
from ytpool.youtube.answers import Answer, malformed, refused_token, require_object
from ytpool.youtube.wire import Wire, require_safe

log = logging.getLogger(__name__)

OPERATION = "token"
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
# RFC 6749 lets a server leave expires_in out. Google does not, and says an hour; a token that dies earlier is
# answered with 401, which is met by one refresh.
_USUAL_LIFE = 3600
_SILENT_FOR = 10.0
_LOOK_EVERY = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """A login that has been begun: what to open, and what to recognise its answer by."""

    url: str
    state: str
    verifier: Secret


def authorization(
    client: Client, auth_uri: str, *, redirect_uri: str, scopes: Sequence[str], login_hint: str = ""
) -> Authorization:
    """Write the address that a person opens, with a state and a PKCE verifier that were never used before."""
    require_safe(auth_uri, "auth_uri")
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(scopes),
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "access_type": "offline",
        # Consent alone may skip the chooser and bind the person's own channel instead of the one meant.
        "prompt": "consent select_account",
    }
    if login_hint:
        query["login_hint"] = login_hint
    joint = "&" if urlsplit(auth_uri).query else "?"
    return Authorization(url=f"{auth_uri}{joint}{urlencode(query)}", state=state, verifier=Secret(verifier))


def exchange(wire: Wire, client: Client, token_uri: str, *, code: Secret, redirect_uri: str, verifier: Secret) -> Token:
    """Turn the code of a login into tokens."""
    form = {
        "grant_type": "authorization_code",
        "code": code.reveal(),
        "redirect_uri": redirect_uri,
        "code_verifier": verifier.reveal(),
    }
    return _token(wire, client, token_uri, form, hides=(code, verifier))


def refresh(wire: Wire, client: Client, token_uri: str, refresh_token: Secret) -> Token:
    """Get a new access token, and store what comes back: where `refresh` is set, the old one may be dead."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token.reveal()}
    return _token(wire, client, token_uri, form, hides=(refresh_token,))


def revoke(wire: Wire, revoke_uri: str, token: Secret) -> None:
    """End a grant. A grant that was dead already is refused with `invalid_token`."""
    answer = _post(wire, "revoke", revoke_uri, {"token": token.reveal()})
    if not answer.is_good:
        raise refused_token(answer, "revoke", hides=(token,))


class Receiver:
    """Waits on this machine's loopback for the browser to come back from a login.

    Browsers open connections and leave them silent, ask for favicons, and other programs knock on every port: whoever
    does not bring our state is answered, or left alone, and waited past.
    """

    def __init__(self, redirect_uri: str = "") -> None:
        """Listen on a free port, or exactly where a registered address points."""
        parts = urlsplit(redirect_uri)
        try:
            self._server = _Server(("127.0.0.1", (parts.port or 80) if redirect_uri else 0), _Visitor)
        except OSError as error:
            raise LoginFailed(
                f"cannot listen at {redirect_uri or '127.0.0.1'} for the answer of the login: {error.strerror}",
                hint="end the program that uses this port, or use a client of type Desktop app, which takes any port",
            ) from error
        self.redirect_uri = redirect_uri or f"http://127.0.0.1:{self._server.server_port}/"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.server_close()

    def bring(self, outcome: Secret | LoginFailed) -> None:
        """End the waiting of another thread: the code came another way, or nobody will come."""
        self._server.outcomes.put(outcome)

    def wait(self, state: str, deadline_seconds: float) -> Secret:
        """Return the code that came with this state, or was brought; raise `LoginFailed` when refused or time is up."""
        self._server.state = state
        ends = time.monotonic() + deadline_seconds
        while (left := ends - time.monotonic()) > 0:
            self._server.timeout = min(_LOOK_EVERY, left)
            self._server.handle_request()
            try:
                outcome = self._server.outcomes.get_nowait()
            except queue.Empty:
                continue
            if isinstance(outcome, LoginFailed):
                raise outcome
            return outcome
        raise LoginFailed(
            f"nobody came back from the login within {deadline_seconds:.0f} seconds; nothing was changed",
            hint="run the command again and finish the login in the browser; with --no-browser the address can be "
            "opened on another machine",
        )


class _Server(ThreadingHTTPServer):
    """One thread per visitor, so that a silent one holds up nobody."""

    daemon_threads = True
    block_on_close = False
    state = ""

    def __init__(self, address: tuple[str, int], visitor: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, visitor)
        self.outcomes: queue.SimpleQueue[Secret | LoginFailed] = queue.SimpleQueue()

    def server_bind(self) -> None:
        # HTTPServer would look up the machine's name here, which can take seconds and is not needed.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.socket.getsockname()[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        # The standard library prints a traceback here, and with it whatever the visitor sent.
        del request, client_address
        log.debug("a visitor of the login's receiver broke off")


class _Visitor(BaseHTTPRequestHandler):
    """Answers one request; what brings our state becomes the outcome."""

    server: _Server
    timeout = _SILENT_FOR

    def do_GET(self) -> None:
        outcome: Secret | LoginFailed | None
        try:
            outcome = read_answer(self.path, self.server.state)
        except LoginFailed as failure:
            outcome = failure
        if outcome is None:
            self._page(404, "This address only waits for the answer of a login.")
            return
        # First the page, then the outcome: whoever waits for the outcome may end the process.
        try:
            if isinstance(outcome, LoginFailed):
                self._page(200, "The login was refused. The terminal says more; this page can be closed.")
            else:
                self._page(200, "The login has arrived. Go back to the terminal; this page can be closed.")
        finally:
            self.server.outcomes.put(outcome)

    def _page(self, status: int, sentence: str) -> None:
        content = f"<!doctype html><meta charset=utf-8><title>ytpool</title><p>{sentence}</p>\n".encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Length": str(len(content)),
            "Content-Security-Policy": "default-src 'none'",
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "Connection": "close",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
        """Say nothing: the request's line holds the code."""


def _token(wire: Wire, client: Client, token_uri: str, form: Mapping[str, str], hides: tuple[Secret, ...]) -> Token:
    # Google takes a client's secret in the body and as Basic authorization alike; its own documents show the body.
    credentials = {"client_id": client.client_id, "client_secret": client.client_secret.reveal()}
    answer = _post(wire, OPERATION, token_uri, {**form, **credentials})
    if not answer.is_good:
        raise refused_token(answer, OPERATION, hides=(*hides, client.client_secret))
    table = require_object(answer, OPERATION)
    access, renewed = table.get("access_token"), table.get("refresh_token")
    if not is_token(access) or (renewed is not None and not is_token(renewed)):
        raise malformed(answer, OPERATION, "without a token that could be used")
    if str(table.get("token_type", "Bearer")).lower() != "bearer":
        raise malformed(answer, OPERATION, "with a token that is no bearer token")
    scope, lasts = table.get("scope"), _seconds(table.get("expires_in"))
    return Token(
        access=Secret(str(access)),
        expires_in=_USUAL_LIFE if lasts is None else lasts,
        refresh=Secret(str(renewed)) if renewed is not None else None,
        scopes=tuple(scope.split()) if isinstance(scope, str) else (),
        refresh_expires_in=_seconds(table.get("refresh_token_expires_in")),
    )


def _post(wire: Wire, operation: str, url: str, form: Mapping[str, str]) -> Answer:
    require_safe(url, f"the address for {operation}")
    return wire.send(operation, "POST", url, headers=_FORM, body=urlencode(form).encode(), is_short=True)


def _seconds(value: object) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,10}", value):
        return int(value)  # some servers write numbers as text
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 10**10:
        return int(value)
    return None
