"""The way to a running sandbox's desk, over HTTP; and a browser for its consent page."""

import http.client
import json
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from ytpool.domain import moments
from ytpool.errors import SandboxFailed, UnknownName, UsageWrong, YtpoolError

_SECONDS = 10.0
_ERRORS: dict[str, type[YtpoolError]] = {"usage": UsageWrong, "unknown_name": UnknownName}


class Control:
    """What a rehearsal may ask a sandbox and tell it. Channels and projects are named by id or by title."""

    def __init__(self, url: str, *, timeout: float = _SECONDS) -> None:
        self.url = url
        self._timeout = timeout

    def status(self) -> dict[str, Any]:
        """Say who is running there, and what there is."""
        return self._ask("status")

    def truth(self) -> dict[str, Any]:
        """Say what really happened: videos and what they have, calls, units, and what YouTube would have refused."""
        return self._ask("truth")

    def clock(self, forward: timedelta | None = None, to: datetime | None = None) -> datetime:
        """Move the sandbox's clock ahead, or only ask where it stands; it never goes back."""
        wish = {
            "forward_seconds": None if forward is None else forward.total_seconds(),
            "to": None if to is None else to.isoformat(),
        }
        return moments.parse(self._tell("clock", **wish)["now"])

    def add_project(self, name: str, *, testing: bool = False, limits: dict[str, int] | None = None) -> dict[str, Any]:
        """Make a project, or change the one of this name; return its client-secrets file for an installed app."""
        return self._tell("projects", name=name, testing=testing, limits=limits or {})

    def add_client(self, client_id: str, client_secret: str, project: str = "") -> dict[str, Any]:
        """Register a client of one's own; the number it begins with is its project's, unless that is named."""
        return self._tell("clients", client_id=client_id, client_secret=client_secret, project=project)

    def add_channel(
        self,
        title: str,
        *,
        channel_id: str = "",
        cap: int | None = None,
        thumbnails: bool = True,
        thumbnail_cap: int | None = None,
    ) -> str:
        """Make a channel, or set what the one with this id may do, or else with this title; return its id.

        The caps are uploads and thumbnails in 24 hours; a channel without `thumbnails` may set none.
        """
        wish = {"title": title, "cap": cap, "thumbnails": thumbnails, "thumbnail_cap": thumbnail_cap}
        return str(self._tell("channels", **wish, channel_id=channel_id)["channel_id"])

    def charge(self, project: str, bucket: str, units: int) -> None:
        """Count units of today as used, as if another program of the project had used them."""
        self._tell("units", project=project, bucket=bucket, units=units)

    def grant(self, project: str, channel: str, scopes: Iterable[str], client: str = "") -> dict[str, Any]:
        """Make a grant as if somebody had consented; return what the token endpoint would."""
        return self._tell("grants", project=project, channel=channel, scopes=list(scopes), client=client)

    def add_fault(self, **rule: Any) -> str:
        """Add a fault rule (`faults.Rule` names its fields), and return its id."""
        return str(self._tell("faults", **rule)["fault_id"])

    def faults(self) -> list[dict[str, Any]]:
        """List all rules, with how often each was asked (`seen`) and struck (`done`)."""
        return list(self._request("GET", "faults", None))

    def clear_faults(self, fault_ids: Iterable[str] | None = None) -> None:
        """Forget these rules, or all."""
        self._tell("faults/clear", fault_ids=None if fault_ids is None else [*fault_ids])

    def revoke_grant(self, channel: str) -> None:
        """Kill all grants of a channel."""
        self._tell("grants/revoke", channel=channel)

    def expire_tokens(self, channel: str) -> None:
        """Let all access tokens of a channel be over."""
        self._tell("tokens/expire", channel=channel)

    def expire_sessions(self) -> None:
        """Let all upload sessions be gone."""
        self._tell("sessions/expire")

    def settings(self, **settings: Any) -> None:
        """Change what is neither fault nor thing, such as `processing_seconds`; `status` names them all.

        None puts a setting back.
        """
        self._tell("settings", **settings)

    def reset(self) -> None:
        """Empty everything but the clock."""
        self._tell("reset")

    def stop(self) -> None:
        """End the sandbox."""
        self._tell("stop")

    def consent(
        self, authorization_url: str, channel: str, *, deny: bool = False, scopes: Iterable[str] | None = None
    ) -> None:
        """Act as the browser: open the page, choose the channel, answer, and follow the way back to the client.

        Without `scopes` everything that was asked for is allowed.
        """
        status, headers, page = _fetch("GET", authorization_url, timeout=self._timeout)
        if status != 200:
            raise SandboxFailed(f"the consent page was refused: {_text(page)}", http_status=status)
        form = _Form()
        form.feed(page)
        chosen = form.channels.get(channel) or (channel if channel in form.channels.values() else None)
        if chosen is None:
            raise UnknownName(f"the consent page offers no channel {channel!r}", name=channel)
        fields = {**form.hidden, "channel": chosen, "decision": "deny" if deny else "allow"}
        wanted = None if scopes is None else {f"allow {scope}" for scope in scopes}
        fields |= {box: "on" for box in form.boxes if wanted is None or box in wanted}
        status, headers, page = _fetch("POST", authorization_url.partition("?")[0], urlencode(fields), self._timeout)
        if status != 302:
            raise SandboxFailed(f"the consent was refused: {_text(page)}", http_status=status)
        _fetch("GET", urljoin(authorization_url, headers["location"]), timeout=self._timeout)

    def _ask(self, name: str) -> dict[str, Any]:
        return dict(self._request("GET", name, None))

    def _tell(self, name: str, /, **wish: Any) -> dict[str, Any]:
        return dict(self._request("POST", name, json.dumps(wish)))

    def _request(self, verb: str, name: str, body: str | None) -> Any:
        status, _, text = _fetch(verb, f"{self.url}/sandbox/{name}", body, self._timeout)
        try:
            answer = json.loads(text)
        except ValueError as error:
            raise SandboxFailed(f"what answers at {self.url} is no sandbox", url=self.url) from error
        if status != 200:
            kind = _ERRORS.get(answer.get("code", ""), SandboxFailed)
            raise kind(answer["error"], hint=answer.get("hint", ""))
        return answer


def _fetch(verb: str, url: str, body: str | None = None, timeout: float = _SECONDS) -> tuple[int, dict[str, str], str]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    kind = "application/json" if body and body.startswith("{") else "application/x-www-form-urlencoded"
    try:
        connection.request(verb, target, body=body, headers={"Content-Type": kind} if body is not None else {})
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, headers, answer.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        raise SandboxFailed(f"nothing answers at {url.partition('?')[0]}: {error}", hint="ytpool sandbox up") from error
    finally:
        connection.close()


class _Form(HTMLParser):
    """Reads the consent page: its hidden fields, the channels by title, and the boxes to tick."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden: dict[str, str] = {}
        self.channels: dict[str, str] = {}
        self.boxes: list[str] = []
        self._channel: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = {name: value or "" for name, value in attrs}
        if tag != "input":
            if tag == "small":
                self._channel = None
            return
        match about.get("type"):
            case "hidden":
                self.hidden[about["name"]] = about["value"]
            case "radio":
                self._channel = about["value"]
            case "checkbox":
                self.boxes.append(about["name"])

    def handle_data(self, data: str) -> None:
        if self._channel is not None and data.strip():
            self.channels[data.strip()] = self._channel


def _text(page: str) -> str:
    """Return what a person would read on a small page."""
    return " ".join(re.sub(r"<[^>]*>", " ", page.partition("<body>")[2] or page).split())
