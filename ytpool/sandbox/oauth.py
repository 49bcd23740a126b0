"""Google's login: the consent page with its channel chooser, codes, tokens, and their end.

One token is one channel: the chooser decides, and nothing in the token's answer tells which one it was.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from html import escape
from urllib.parse import unquote, urlencode, urlsplit

from ytpool.clock import Clock
from ytpool.sandbox.bodies import login
from ytpool.sandbox.discovery import Description
from ytpool.sandbox.things import Channel, Client, Code, Grant, Token
from ytpool.sandbox.wire import Answer, Json, Request
from ytpool.sandbox.world import World

TOKEN_SECONDS = 3599
TESTING_SECONDS = 604799
_CODE_LIVES_FOR = timedelta(minutes=10)
_IDENTITY_SCOPES = frozenset(
    {
        "openid",
        "email",
        "profile",
        "https://www.googleapis.com/auth/userinfo.email",
        "https://www.googleapis.com/auth/userinfo.profile",
    }
)
_CARRIED = ("client_id", "redirect_uri", "response_type", "state", "code_challenge", "code_challenge_method", "scope")


class OAuth:
    """The endpoints of accounts.google.com and oauth2.googleapis.com."""

    def __init__(self, world: World, description: Description, clock: Clock) -> None:
        self._world = world
        self._clock = clock
        self._scopes: Mapping[str, str] = {**dict.fromkeys(_IDENTITY_SCOPES, "See who you are"), **description.scopes}

    # -- in the browser ---------------------------------------------------------------------------------------------

    def page(self, request: Request) -> Answer:
        """Show the consent page."""
        wish = {name: request.argument(name) for name in _CARRIED}
        fault = self._fault(wish)
        if fault is not None:
            return _sorry(*fault)
        channels = self._world.channels.all()
        return Answer(status=200, page=_consent_page(wish, channels, self._scopes))

    def decide(self, request: Request) -> Answer:
        """Take what the person chose, and send the browser back to the client."""
        wish = {name: request.form.get(name, "") for name in _CARRIED}
        fault = self._fault(wish)
        if fault is not None:
            return _sorry(*fault)
        back = {"state": wish["state"]} if wish["state"] else {}
        channel = self._world.channels.get(request.form.get("channel", ""))
        allowed = [scope for scope in wish["scope"].split() if request.form.get(f"allow {scope}") == "on"]
        if request.form.get("decision") != "allow" or channel is None or not allowed:
            return _redirect(wish["redirect_uri"], {"error": "access_denied", **back})
        with self._world.change():
            code = self._world.codes.put(
                Code(
                    code=self._world.new_id("code", 40),
                    client_id=wish["client_id"],
                    redirect_uri=wish["redirect_uri"],
                    challenge=wish["code_challenge"],
                    channel_id=channel.channel_id,
                    scopes=tuple(allowed),
                    expires_at=self._clock.now() + _CODE_LIVES_FOR,
                )
            )
        return _redirect(wish["redirect_uri"], {**back, "code": code.code, "scope": " ".join(allowed)})

    def _fault(self, wish: Mapping[str, str]) -> tuple[int, str, str] | None:
        """Return status, name and explanation of what is wrong with an authorization request."""
        scopes = wish["scope"].split()
        if wish["client_id"] not in {client.client_id for client in self._world.clients.all()}:
            return 401, "invalid_client", "The OAuth client was not found."
        if not _is_loopback(wish["redirect_uri"]):
            return 400, "redirect_uri_mismatch", "A desktop client comes back to a loopback address."
        if wish["response_type"] != "code":
            return 400, "unsupported_response_type", "Only response_type=code is offered."
        if wish["code_challenge"] and wish["code_challenge_method"] != "S256":
            return 400, "invalid_request", "The code challenge method is not S256."
        if not scopes or any(scope not in self._scopes for scope in scopes):
            return 400, "invalid_scope", "Some requested scopes were invalid or missing."
        return None

    # -- tokens -----------------------------------------------------------------------------------------------------

    def token(self, request: Request) -> Answer:
        """Exchange a code, or refresh."""
        form = request.form
        with self._world.change():
            client = self._client(request)
            match form.get("grant_type", ""):
                case "authorization_code":
                    return Answer(status=200, body=self._exchange(client, form), headers=_NO_STORE)
                case "refresh_token":
                    return Answer(status=200, body=self._refresh(client, form), headers=_NO_STORE)
                case other:
                    raise login(400, "unsupported_grant_type", f"Invalid grant_type: {other}", mistake=True)

    def holder(self, request: Request) -> tuple[str, str]:
        """Return the channel and the project a request is about, as far as it can be told."""
        form = request.form
        token = form.get("refresh_token") or form.get("token") or request.argument("token")
        grant = self._grant_of(token)
        if grant is not None:
            return grant.channel_id, grant.project
        code = self._world.codes.get(form.get("code", ""))
        client = self._world.clients.get(code.client_id if code else _credentials(request)[0])
        return (code.channel_id if code else ""), (client.project if client else "")

    def mint(self, client: Client, channel: Channel, scopes: tuple[str, ...]) -> Json:
        """Make a grant with its first token, and return what the token endpoint would."""
        now = self._clock.now()
        project = self._world.project(client.project)
        with self._world.change():
            grant = self._world.grants.put(
                Grant(
                    refresh_token=f"sandbox-refresh-{self._world.new_id('refresh', 32)}",
                    client_id=client.client_id,
                    project=client.project,
                    channel_id=channel.channel_id,
                    scopes=scopes,
                    made_at=now,
                    dies_at=now + timedelta(days=7) if project.testing else None,
                )
            )
            answer = self._issue(grant, grant.scopes, now)
        answer["refresh_token"] = grant.refresh_token
        if grant.dies_at is not None:
            answer["refresh_token_expires_in"] = TESTING_SECONDS
        return answer

    def _exchange(self, client: Client, form: Mapping[str, str]) -> Json:
        code = self._world.codes.get(form.get("code", ""))
        if code is None or code.client_id != client.client_id:
            raise login(400, "invalid_grant", "Malformed auth code.", mistake=True)
        if code.used_for:  # a code seen twice has been stolen: what it was exchanged for dies
            self._kill(self._world.grants.get(code.used_for))
            raise login(400, "invalid_grant", "Bad Request", mistake=True)
        if code.expires_at <= self._clock.now():
            raise login(400, "invalid_grant", "Bad Request")
        if form.get("redirect_uri", "") != code.redirect_uri:
            raise login(400, "redirect_uri_mismatch", "Bad Request", mistake=True)
        _check_verifier(code, form.get("code_verifier", ""))
        channel = self._world.channel(code.channel_id)
        answer = self.mint(client, channel, code.scopes)
        self._world.codes.put(replace(code, used_for=answer["refresh_token"]))
        return answer

    def _refresh(self, client: Client, form: Mapping[str, str]) -> Json:
        grant = self._world.grants.get(form.get("refresh_token", ""))
        now = self._clock.now()
        if grant is None:
            raise login(400, "invalid_grant", "Bad Request")
        if grant.client_id != client.client_id:
            raise login(401, "unauthorized_client", "Unauthorized", mistake=True)
        if not grant.alive(now):
            raise login(400, "invalid_grant", "Token has been expired or revoked.")
        scopes = tuple(form.get("scope", "").split()) or grant.scopes
        if not set(scopes) <= set(grant.scopes):
            raise login(400, "invalid_scope", "Bad Request", mistake=True)
        self._world.count(f"refreshes/{grant.channel_id}")
        return self._issue(grant, scopes, now)

    def _issue(self, grant: Grant, scopes: tuple[str, ...], now: datetime) -> Json:
        token = self._world.tokens.put(
            Token(
                access_token=f"sandbox-access-{self._world.new_id('access', 48)}",
                refresh_token=grant.refresh_token,
                client_id=grant.client_id,
                project=grant.project,
                channel_id=grant.channel_id,
                scopes=scopes,
                expires_at=now + timedelta(seconds=TOKEN_SECONDS),
            )
        )
        return {
            "access_token": token.access_token,
            "expires_in": TOKEN_SECONDS,
            "scope": " ".join(scopes),
            "token_type": "Bearer",
        }

    def _client(self, request: Request) -> Client:
        client_id, secret = _credentials(request)
        client = self._world.clients.get(client_id)
        if not client_id:
            raise login(400, "invalid_request", "Could not determine client ID from request.", mistake=True)
        if client is None:
            raise login(401, "invalid_client", "The OAuth client was not found.", mistake=True)
        if not secret:
            raise login(400, "invalid_request", "client_secret is missing.", mistake=True)
        if not hmac.compare_digest(secret.encode(), client.secret.encode()):
            raise login(401, "invalid_client", "The provided client secret is invalid.", mistake=True)
        return client

    # -- the end ----------------------------------------------------------------------------------------------------

    def revoke(self, request: Request) -> Answer:
        """Take back everything that the token's person has allowed the whole project, all its clients included."""
        token = request.form.get("token") or request.argument("token")
        grant = self._grant_of(token)
        if grant is None or not grant.alive(self._clock.now()):
            raise login(400, "invalid_token", "Token expired or revoked")
        with self._world.change():
            for each in self._world.grants.all():
                if (each.channel_id, each.project) == (grant.channel_id, grant.project):
                    self._kill(each)
        return Answer(status=200, body={})

    def tokeninfo(self, request: Request) -> Answer:
        """Tell what an access token is good for."""
        token = self._world.tokens.get(request.argument("access_token") or request.form.get("access_token", ""))
        grant = self._world.grants.get(token.refresh_token) if token else None
        now = self._clock.now()
        if token is None or grant is None or not grant.alive(now) or token.expires_at <= now:
            raise login(400, "invalid_token", "Invalid Value")
        body = {
            "azp": token.client_id,
            "aud": token.client_id,
            "scope": " ".join(token.scopes),
            "exp": str(int(token.expires_at.timestamp())),
            "expires_in": str(int((token.expires_at - now).total_seconds())),
            "access_type": "offline",
        }
        return Answer(status=200, body=body)

    def _grant_of(self, token: str) -> Grant | None:
        access = self._world.tokens.get(token)
        return self._world.grants.get(access.refresh_token if access else token)

    def _kill(self, grant: Grant | None) -> None:
        if grant is not None and not grant.dead:
            self._world.grants.put(replace(grant, dead=True))


_NO_STORE = {"Cache-Control": "no-cache, no-store, max-age=0, must-revalidate", "Pragma": "no-cache"}


def _credentials(request: Request) -> tuple[str, str]:
    """Read the client's id and secret: code exchanges bring them as HTTP Basic, refreshes in the body."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            client_id, _, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        except ValueError:  # no base64, or no UTF-8 in it
            return "", ""
        return unquote(client_id), unquote(secret)
    return request.form.get("client_id", ""), request.form.get("client_secret", "")


def _check_verifier(code: Code, verifier: str) -> None:
    if not code.challenge:
        return
    if not verifier:
        raise login(400, "invalid_grant", "Missing code verifier.", mistake=True)
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    if not 43 <= len(verifier) <= 128 or not hmac.compare_digest(digest.encode(), code.challenge.rstrip("=").encode()):
        raise login(400, "invalid_grant", "Invalid code verifier.", mistake=True)


def _is_loopback(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return False
    is_ours = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "::1", "localhost"} and not parts.fragment
    return is_ours and re.fullmatch("[!-~]+", uri) is not None  # it becomes a header as it stands


def _redirect(uri: str, more: Mapping[str, str]) -> Answer:
    joined = "&" if urlsplit(uri).query else "?"
    return Answer(status=302, headers={"Location": f"{uri}{joined}{urlencode(more)}"})


def _sorry(status: int, error: str, description: str) -> Answer:
    text = f"<h1>Access blocked</h1><p>{escape(description)}</p><p>Error {status}: {escape(error)}</p>"
    return Answer(status=status, page=_PAGE.format(title="Access blocked", content=text))


def _consent_page(wish: Mapping[str, str], channels: tuple[Channel, ...], scopes: Mapping[str, str]) -> str:
    hidden = "".join(f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in wish.items())
    chooser = "".join(
        f'<label><input type="radio" name="channel" value="{row.channel_id}" required> {escape(row.title)}'
        f" <small>{row.channel_id}</small></label>"
        for row in channels
    )
    wanted = "".join(
        f'<label><input type="checkbox" name="allow {escape(scope)}" checked> {escape(scopes[scope])}'
        f" <small>{escape(scope)}</small></label>"
        for scope in wish["scope"].split()
    )
    content = (
        f"<h1>Choose a channel</h1><p>{escape(wish['client_id'])} wants to use it. This is the sandbox: nothing here "
        f'reaches Google.</p><form method="post">{hidden}<fieldset><legend>Channel</legend>{chooser}</fieldset>'
        f"<fieldset><legend>It will be allowed to</legend>{wanted}</fieldset>"
        '<button name="decision" value="allow">Continue</button> '
        '<button name="decision" value="deny" formnovalidate>Cancel</button></form>'
    )
    return _PAGE.format(title="Choose a channel", content=content)


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width"><title>{title} (sandbox)</title>
<style>body {{ font: 1rem/1.5 sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem }}
label {{ display: block }} small {{ color: #555 }}</style></head>
<body>{content}</body>
</html>
"""
