"""OAuth clients, tokens, and the two files an operator brings them in.

What Google's console writes for a desktop client and what Google's libraries write for a user look alike and are
often confused; each parser says which of the two it was given. Nothing here talks to anybody.
"""

import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from ytpool.domain.endpoints import is_safe
from ytpool.domain.secret import Secret
from ytpool.errors import ClientSecretsInvalid, LoginFailed, TokenFileInvalid, UsageWrong

AUTH_URI = "https://accounts.google.com/o/oauth2/v2/auth"
TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address, not a token

_WHERE_CLIENTS_COME_FROM = (
    "in Google Cloud console, Google Auth Platform, Clients: create a client of type Desktop app, download its JSON, "
    "and pass that file with --client-secrets"
)
_WHERE_TOKENS_COME_FROM = "log in instead: ytpool auth add NAME --client-secrets FILE"
_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_PICKLE = re.compile(rb"\x80[\x02-\x05]|c[a-z_][\w.]*\n\w")  # a protocol's number, or the name of a class
_JAVA_OBJECT = b"\xac\xed\x00\x05"
_DATABASE = b"SQLite format 3\x00"
_COOKIES = re.compile(rb"# (?:Netscape )?HTTP Cookie File")
_CHANNEL_ID = re.compile(r"UC[A-Za-z0-9_-]{22}")
_CODE = re.compile(r"[A-Za-z0-9._~%/+-]{6,1024}")
_REFRESH_TOKEN = ("refresh_token", "refreshToken")
_ACCESS_TOKEN = ("token", "access_token", "accessToken")
_DEEPEST = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """An OAuth client of a project. `redirect_uri` is empty where any loopback port will do, as for desktop clients."""

    client_id: str
    client_secret: Secret
    auth_uri: str = AUTH_URI
    token_uri: str = TOKEN_URI
    project_id: str | None = None
    redirect_uri: str = ""

    @property
    def number(self) -> str | None:
        """Return the number of the client's project."""
        return number_of(self.client_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What a token endpoint handed out.

    `refresh` is None where the old refresh token stays; where it is set, the old one may be dead already. Empty
    `scopes` mean: what was asked for. `refresh_expires_in` is set by Google for clients in testing: seven days.
    """

    access: Secret
    expires_in: int
    refresh: Secret | None = None
    scopes: tuple[str, ...] = ()
    refresh_expires_in: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenFile:
    """What an authorized-user file tells; its access token may be long dead."""

    refresh: Secret
    access: Secret | None
    scopes: tuple[str, ...]
    client_id: str | None
    client_secret: Secret | None = None
    token_uri: str = TOKEN_URI

    @property
    def client(self) -> Client | None:
        """The OAuth client, where the file brings it along; whose project it is, only its id can tell."""
        if self.client_id is None or self.client_secret is None or not is_token(self.client_id):
            return None
        return Client(client_id=self.client_id, client_secret=self.client_secret, token_uri=self.token_uri)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSeen:
    """The channel that a token speaks for."""

    channel_id: str
    title: str
    uploads_playlist: str
    verified: bool = True
    """YouTube said so; else it is somebody's word."""


def number_of(client_id: str) -> str | None:
    """Return the project's number, which Google writes before the client id's first hyphen."""
    digits, hyphen, _ = client_id.partition("-")
    return digits if hyphen and digits.isascii() and digits.isdigit() else None


def is_channel_id(text: str) -> bool:
    """Say whether this is written as YouTube writes the ids of channels."""
    return _CHANNEL_ID.fullmatch(text) is not None


def is_token(text: object) -> bool:
    """Say whether this can be sent as a token: visible ASCII, nothing that could end a header line."""
    return isinstance(text, str) and _PRINTABLE.fullmatch(text) is not None


def from_secrets_file(content: str | bytes) -> Client:
    """Read a client-secrets file as Google's console writes it, or say what it is instead."""
    table = _object(content, ClientSecretsInvalid, "client-secrets file", _WHERE_CLIENTS_COME_FROM)
    if "installed" in table:
        return _client(table["installed"], redirect_uri="")
    if "web" in table:
        return _client(table["web"], redirect_uri=_loopback_redirect(table["web"]))
    raise ClientSecretsInvalid(f"the client-secrets file is {_what_it_is(table)}", hint=_WHERE_CLIENTS_COME_FROM)


def from_token_file(content: str | bytes) -> TokenFile:
    """Read a token file, whoever wrote it: google-auth, gcloud, oauth2client, Go, Node, PHP, .NET, or a token answer.

    The login may stand anywhere in it, but it must be the only one. A format that is a program, or would have to be
    run to be read, is refused.
    """
    if isinstance(content, bytes):
        _require_text(content)
    table = _object(content, TokenFileInvalid, "token file", _WHERE_TOKENS_COME_FROM)
    if "installed" in table or "web" in table or table.get("type") == "service_account":
        raise TokenFileInvalid(f"the token file is {_what_it_is(table)}", hint=_WHERE_TOKENS_COME_FROM)
    found = _logins(table)
    if not found:
        raise TokenFileInvalid(
            "the token file has no refresh_token, so it would be worth nothing after an hour",
            hint=_WHERE_TOKENS_COME_FROM,
        )
    if len({str(_first(one, _REFRESH_TOKEN)) for one in found}) > 1:
        raise TokenFileInvalid(
            f"the token file holds {len(found)} logins",
            hint="write each into a file of its own, and bring in one by one",
        )
    login = found[0]
    refresh, access = _first(login, _REFRESH_TOKEN), _first(login, _ACCESS_TOKEN)
    for name, value in (("refresh_token", refresh), ("token", access)):
        if value is not None and not is_token(value):
            raise TokenFileInvalid(f"{name} in the token file is not a token", hint=_WHERE_TOKENS_COME_FROM)
    client_id, client_secret = login.get("client_id"), login.get("client_secret")
    token_uri = login.get("token_uri") or TOKEN_URI
    if not isinstance(token_uri, str) or not is_safe(token_uri):
        raise TokenFileInvalid("token_uri in the token file is not an https address", hint=_WHERE_TOKENS_COME_FROM)
    return TokenFile(
        refresh=Secret(refresh),
        access=Secret(access) if access else None,
        scopes=_scopes(login.get("scopes", login.get("scope"))),
        client_id=client_id if isinstance(client_id, str) and client_id else None,
        client_secret=Secret(client_secret) if isinstance(client_secret, str) and is_token(client_secret) else None,
        token_uri=token_uri,
    )


def _require_text(content: bytes) -> None:
    """Refuse what is known not to be JSON, and say what it is."""
    if _PICKLE.match(content):
        raise TokenFileInvalid(
            "the token file is a Python pickle; reading one runs whatever code it holds, so it is not read",
            hint="convert it where it was made: open(…, 'w').write(credentials.to_json())",
        )
    if content.startswith(_JAVA_OBJECT):
        raise TokenFileInvalid(
            "the token file is a serialised Java object; reading one runs code that it names, so it is not read",
            hint=f"let the program that made it print its refresh token; or {_WHERE_TOKENS_COME_FROM}",
        )
    if content.startswith(_DATABASE):
        raise TokenFileInvalid(
            "the token file is a database, not JSON",
            hint=f"let the program that made it export one login as JSON; or {_WHERE_TOKENS_COME_FROM}",
        )
    if _COOKIES.match(content):
        raise TokenFileInvalid(
            "the token file holds a browser's cookies, and the API takes none", hint=_WHERE_TOKENS_COME_FROM
        )


def _logins(value: object, depth: int = 0) -> list[Mapping[str, Any]]:
    """Return the objects that hold a refresh token; what lies below such an object is a copy of it."""
    if depth > _DEEPEST:
        return []
    if isinstance(value, Mapping):
        if _first(value, _REFRESH_TOKEN):
            return [value]
        value = list(value.values())
    return [login for one in value for login in _logins(one, depth + 1)] if isinstance(value, list) else []


def _first(table: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((table[name] for name in names if table.get(name)), None)


def read_pasted(text: str, state: str) -> Secret:
    """Return the code in what a person pasted: the address their browser came to, or the code alone.

    Raises UsageWrong for anything else, which can be pasted again; LoginFailed where the login was refused.
    """
    pasted = text.strip().strip("\"'<>")
    if "code=" in pasted or "error=" in pasted or "://" in pasted:
        address = pasted if "?" in pasted else f"?{pasted}"
        code = read_answer(address, state)
        if code is not None:
            return code
        if _query(address).get("state", [state])[0] != state:
            raise UsageWrong("this address belongs to another login", hint="paste the one that this login ended at")
        raise UsageWrong(
            "there is no answer of this login in it", hint="paste the whole address, from http to its end, with state="
        )
    if not _CODE.fullmatch(pasted):
        raise UsageWrong("this is neither an address nor a code", hint="copy it from the browser's address bar")
    # Without its state a code does not tell whose login it is; but another login's does not fit our verifier.
    return Secret(unquote(pasted))


def read_answer(address: str, state: str) -> Secret | None:
    """Return the code in the address a login came back to, or None where it does not belong to this login.

    A login that belongs here and was refused is `LoginFailed`.
    """
    query = _query(address)
    given = query.get("state", [""])[0]
    # What was pasted may hold bytes that are no UTF-8, as a terminal hands them over.
    if not state or not hmac.compare_digest(given.encode("utf-8", "surrogatepass"), state.encode()):
        return None
    error = query.get("error", [""])[0]
    if error == "access_denied":
        raise LoginFailed(
            "the login was declined in the browser",
            hint="nothing was changed; run the same command again",
            reason=error,
        )
    if error:
        shown = error if re.fullmatch(r"[\w.-]{1,60}", error) else "an error that cannot be shown"
        raise LoginFailed(
            f"Google refused the login: {shown}",
            hint="nothing was changed; its page in the browser may say more",
            reason=shown,
        )
    code = query.get("code", [""])[0]
    return Secret(code) if is_token(code) else None


def _query(address: str) -> Mapping[str, list[str]]:
    try:
        return parse_qs(urlsplit(address).query)
    except ValueError:  # half of a number in brackets, for instance
        return {}


def _client(fields: object, *, redirect_uri: str) -> Client:
    if not isinstance(fields, Mapping):
        raise ClientSecretsInvalid("the client-secrets file holds no client", hint=_WHERE_CLIENTS_COME_FROM)
    for name in ("client_id", "client_secret"):
        if not is_token(fields.get(name)):
            raise ClientSecretsInvalid(f"the client-secrets file has no {name}", hint=_WHERE_CLIENTS_COME_FROM)
    addresses = {"auth_uri": fields.get("auth_uri") or AUTH_URI, "token_uri": fields.get("token_uri") or TOKEN_URI}
    for name, address in addresses.items():
        if not isinstance(address, str) or not is_safe(address):
            raise ClientSecretsInvalid(
                f"{name} in the client-secrets file is not an https address", hint=_WHERE_CLIENTS_COME_FROM
            )
    project_id = fields.get("project_id")
    return Client(
        client_id=fields["client_id"],
        client_secret=Secret(fields["client_secret"]),
        auth_uri=addresses["auth_uri"],
        token_uri=addresses["token_uri"],
        project_id=project_id if isinstance(project_id, str) and project_id else None,
        redirect_uri=redirect_uri,
    )


def _loopback_redirect(fields: object) -> str:
    """Return the one address of a web client that this machine can answer at."""
    registered = fields.get("redirect_uris") if isinstance(fields, Mapping) else None
    addresses = [one for one in registered if isinstance(one, str)] if isinstance(registered, list) else []
    # Google compares a web client's address to the letter, port and all, and we listen on plain http.
    fits = [address for address in addresses if is_safe(address) and _is_ours(address)]
    if fits:
        return min(fits, key=_needs_root)
    where = f"they go to {', '.join(addresses[:3])}" if addresses else "it has no redirect address at all"
    raise ClientSecretsInvalid(
        f"the client-secrets file is for a web application whose answers do not come to this machine: {where}",
        hint=f"add http://127.0.0.1:8080/ to its redirect addresses and download it again; or, better, "
        f"{_WHERE_CLIENTS_COME_FROM}",
    )


def _is_ours(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1")


def _needs_root(address: str) -> bool:
    return (urlsplit(address).port or 80) < 1024


def _object(
    content: str | bytes, error: type[ClientSecretsInvalid | TokenFileInvalid], name: str, hint: str
) -> Mapping[str, Any]:
    try:
        table = json.loads(
            content.decode("utf-8-sig") if isinstance(content, bytes) else content.removeprefix("\ufeff")
        )
    except (ValueError, RecursionError):
        raise error(f"the {name} is not JSON", hint=hint) from None
    if not isinstance(table, dict):
        raise error(f"the {name} is JSON, but no object", hint=hint)
    return table


def _what_it_is(table: Mapping[str, Any]) -> str:
    if table.get("type") == "service_account":
        return "for a service account, and YouTube has no channels for those: a person must log in"
    if "installed" in table or "web" in table:
        return "a client-secrets file: pass it with --client-secrets"
    if "refresh_token" in table or "access_token" in table or table.get("type") == "authorized_user":
        return "a token file: pass it with --token, and the OAuth client's own JSON with --client-secrets"
    return "JSON, but neither 'installed' nor 'web' is in it"


def _scopes(given: object) -> tuple[str, ...]:
    words = given.split() if isinstance(given, str) else given if isinstance(given, list) else []
    return tuple(word for word in words if isinstance(word, str))
