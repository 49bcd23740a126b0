"""What a rehearsal may ask for and set: channels, projects, faults, the clock, and the truth about what happened."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from ytpool.domain import moments
from ytpool.errors import UsageWrong, YtpoolError
from ytpool.sandbox import tasks
from ytpool.sandbox.bodies import NAMES
from ytpool.sandbox.clock import VirtualClock
from ytpool.sandbox.comments import STANDINGS
from ytpool.sandbox.discovery import Description
from ytpool.sandbox.faults import KINDS, TRICKS, Rule
from ytpool.sandbox.oauth import OAuth
from ytpool.sandbox.quota import Quota
from ytpool.sandbox.resources import FAILURES, REJECTIONS, upload_status
from ytpool.sandbox.things import Channel, Client, Playlist, Project, Thing, Video
from ytpool.sandbox.wire import Answer, Json
from ytpool.sandbox.world import World, when

_ENDS = FAILURES | REJECTIONS


def _end(name: str) -> str:
    if name not in _ENDS:
        raise UsageWrong(f"a video does not end as {name!r}", hint="one of: " + ", ".join(sorted(_ENDS)))
    return name


def _standing(name: str) -> str:
    if name not in STANDINGS:
        raise UsageWrong(f"a comment does not stand as {name!r}", hint="one of: " + ", ".join(STANDINGS))
    return name


def _call(name: str) -> str:
    if name not in tasks.CALLS:
        raise UsageWrong(f"a task's end is not called back {name!r}", hint="one of: " + ", ".join(tasks.CALLS))
    return name


def _task_end(name: str) -> str:
    if name not in tasks.ENDS:
        raise UsageWrong(f"a task does not end as {name!r}", hint="one of: " + ", ".join(tasks.ENDS))
    return name


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise UsageWrong(f"{value!r} is neither true nor false")
    return value


_SETTINGS: Mapping[str, Callable[[Any], Any]] = {
    # How long a video takes: until it is processed, until its fileDetails are known, until it is in the uploads
    # playlist; and how long the details of its processing are known afterwards.
    "processing_seconds": float,
    "file_details_after": float,
    "listed_after": float,
    # How long it takes until new playlists, videos on them, and caption tracks are listed.
    "playlists_listed_after": float,
    "playlist_items_listed_after": float,
    "captions_listed_after": float,
    "processing_known_for": float,
    # How videos are whose bytes are no film, and how every new one ends.
    "video_width": int,
    "video_height": int,
    "video_seconds": float,
    "processing_ends": _end,
    # What YouTube decides over its owner's head.
    "locked_private": _flag,
    "decided_for_kids": _flag,
    # Thumbnails are 404 until the video is processed; for a Short they always are.
    "thumbnails_wait": _flag,
    # Playlists: how many a channel may have, how many videos each, whether twice the same, and their order.
    "playlists_per_channel": int,
    "playlist_holds": int,
    "videos_once_per_playlist": _flag,
    "sorted_by_date": _flag,
    # How every new comment stands, how late a published one is listed, whether videos take any, and what is counted.
    "comments_stand": _standing,
    "comments_listed_after": float,
    "comments_disabled": _flag,
    "video_views": int,
    "video_likes": int,
    "session_lives_for": float,
    "accept_any_token": str,
    # The service of tasks beside YouTube: how long a task takes, how it ends, how and how late that is called back,
    # how many a key may run at once, and whether its answers lack the task's id.
    "tasks_take": float,
    "tasks_end": _task_end,
    "tasks_call": _call,
    "tasks_call_after": float,
    "tasks_per_key": int,
    "tasks_without_id": _flag,
}
_PUTS = frozenset({"chunk", "final", "query"})
_UPLOAD_STEPS = frozenset(f"{kind}.{put}" for kind in ("upload", "media") for put in _PUTS)
_LIFE_STEPS = frozenset({"processing", "listing", "file_details"})
_LOGIN_STEPS = frozenset({"token", "revoke", "tokeninfo"})
_TASK_STEPS = frozenset(f"tasks.{name}" for name in tasks.METHODS)
_NUMBERS = frozenset({"times", "skip", "status", "retry_after", "at", "seconds", "bytes_per_second"})


def _setting(name: str, value: Any) -> Any:
    """Return what a setting may be; no stretch of time and no number of things is below 0."""
    kind = _SETTINGS[name]
    try:
        wanted = kind(value)
    except (TypeError, ValueError, OverflowError):
        raise UsageWrong(f"{name} is a number, and {value!r} is none") from None
    if kind in {int, float} and not 0 <= wanted < math.inf:
        raise UsageWrong(f"{name} is a number from 0 on, and not {value!r}")
    return wanted


class Desk:
    """The sandbox's operator. What a person can get wrong is a `YtpoolError`, and becomes a 400."""

    def __init__(
        self,
        world: World,
        clock: VirtualClock,
        *,
        quota: Quota,
        oauth: OAuth,
        description: Description,
        about: Json,
    ) -> None:
        self._world = world
        self._quota = quota
        self._oauth = oauth
        self._description = description
        self._clock = clock
        self._about = about
        self.on_stop: Callable[[], None] = lambda: None
        self.on_reset: Callable[[], None] = lambda: None
        self._asked: Mapping[str, Callable[..., Any]] = {
            "status": self.status,
            "truth": self.truth,
            "faults": self.faults,
        }
        self._told: Mapping[str, Callable[..., Any]] = {
            "clock": self.move_clock,
            "projects": self.add_project,
            "clients": self.add_client,
            "channels": self.add_channel,
            "units": self.charge,
            "grants": self.grant,
            "faults": self.add_fault,
            "faults/clear": self.clear_faults,
            "grants/revoke": self.revoke_grant,
            "tokens/expire": self.expire_tokens,
            "sessions/expire": self.expire_sessions,
            "settings": self.change_settings,
            "reset": self.reset,
            "stop": self.stop,
        }

    def answer(self, verb: str, name: str, root: str, wish: Json) -> Answer:
        """Do what `GET` or `POST /sandbox/NAME` asks for."""
        known = self._asked if verb == "GET" else self._told
        if name not in known:
            return Answer(status=404, body={"error": f"the sandbox has no control {verb} {name}", "code": "usage"})
        try:
            if name in {"projects", "clients"}:
                wish = {**wish, "root": root}
            return Answer(status=200, body=known[name](**wish))
        except YtpoolError as error:
            return Answer(status=400, body={"error": error.message, "code": error.code, "hint": error.hint})
        except (TypeError, ValueError) as error:  # a field that is missing, unknown, or of the wrong kind
            return Answer(status=400, body={"error": f"{name}: {error}", "code": "usage", "hint": ""})

    # -- asking -----------------------------------------------------------------------------------------------------

    def status(self) -> Json:
        """Say who is running here, and what there is."""
        with self._world.change():
            return {
                **self._about,
                "now": when(self._clock.now()),
                "seed": self._world.settings["seed"],
                "settings": {name: self._world.settings.get(name) for name in _SETTINGS},
                "projects": [self._project(row) for row in self._world.projects.all()],
                "channels": [self._channel(row) for row in self._world.channels.all()],
                "videos": sum(row.deleted_at is None for row in self._world.videos.all()),
                "faults": sum(not rule.spent for rule in self._world.faults.all()),
            }

    def truth(self) -> Json:
        """Say what really happened."""
        with self._world.change():  # so that nothing moves while it is written down
            return {
                "now": when(self._clock.now()),
                "projects": [self._project(row) for row in self._world.projects.all()],
                "channels": [self._channel(row) for row in self._world.channels.all()],
                "videos": [self._video(row) for row in self._world.videos.all()],
                "thumbnails": [_shown(row) for row in self._world.thumbnails.all()],
                "captions": [_shown(row) for row in self._world.captions.all()],
                "playlists": [self._playlist(row) for row in self._world.playlists.all()],
                "comments": [_shown(row) for row in self._world.comments.all()],
                "tasks": [row.to_row() for row in self._world.tasks.all()],
                "calls": self._world.counted("calls/"),
                "units": self._quota.units(),
                "errors": self._world.counted("errors/"),
                "refused": [dict(row) for row in self._world.refused.values()],
                "refreshes": self._world.counted("refreshes/"),
                "upload_sessions": self._world.counted("sessions/"),
            }

    def faults(self) -> list[Json]:
        """List every rule, spent ones too, with how often it was asked and how often it struck."""
        return [rule.to_row() for rule in self._world.faults.all()]

    # -- telling ----------------------------------------------------------------------------------------------------

    def move_clock(self, forward_seconds: float | None = None, to: str | None = None) -> Json:
        """Move the clock ahead, by a span or to a moment; without either say where it stands."""
        if forward_seconds is not None:
            now = self._clock.forward(timedelta(seconds=forward_seconds))
        elif to is not None:
            now = self._clock.set_to(moments.parse(to))
        else:
            now = self._clock.now()
        return {"now": when(now)}

    def add_project(self, name: str, root: str, *, testing: bool = False, limits: dict[str, int] | None = None) -> Json:
        """Make a project with an OAuth client, or change the one of this name; return its client-secrets file."""
        with self._world.change():
            found = next((row for row in self._world.projects.all() if row.name == name), None)
            if found is None:
                number = "".join(self._world.chance("project").choices("123456789", k=12))
                found = Project(number=number, name=name, project_id=_slug(name))
                client_id = f"{number}-{self._world.new_id('client', 16).lower()}.apps.googleusercontent.com"
                self._world.clients.put(
                    Client(
                        client_id=client_id, secret=f"sandbox-secret-{self._world.new_id('secret', 16)}", project=number
                    )
                )
            row = self._world.projects.put(replace(found, testing=testing, limits=dict(limits or {})))
        return _secrets_file(self._client_of(row), row, root)

    def add_client(self, client_id: str, client_secret: str, root: str, project: str = "") -> Json:
        """Register a client of our caller's; the number it begins with says whose it is, or else the project named."""
        number, dash, _ = client_id.partition("-")
        if project:
            number = self._world.project(project).number
        elif not dash or not number.isdigit():
            raise UsageWrong(f"a client id begins with its project's number and a dash, and {client_id!r} does not")
        with self._world.change():
            row = self._world.projects.get(number)
            if row is None:
                row = self._world.projects.put(
                    Project(number=number, name=f"project-{number}", project_id=f"project-{number}")
                )
            client = self._world.clients.put(Client(client_id=client_id, secret=client_secret, project=number))
        return _secrets_file(client, row, root)

    def add_channel(
        self,
        title: str,
        *,
        channel_id: str = "",
        cap: int | None = None,
        thumbnails: bool = True,
        thumbnail_cap: int | None = None,
    ) -> Json:
        """Make a channel, or set what the one with this id may do, or else with this title."""
        with self._world.change():
            found = self._world.channels.get(channel_id)
            if not channel_id:
                found = next((row for row in self._world.channels.all() if row.title == title), None)
            if found is None:
                channel_id = channel_id or "UC" + self._world.new_id("channel", 22)
                found = Channel(channel_id=channel_id, title=title, made_at=self._clock.now())
            row = self._world.channels.put(
                replace(found, cap=cap, thumbnails=_flag(thumbnails), thumbnail_cap=thumbnail_cap)
            )
        return {"channel_id": row.channel_id}

    def charge(self, project: str, bucket: str, units: int) -> Json:
        """Count units of today as used, as if another program of the project had used them."""
        if isinstance(units, bool) or not isinstance(units, int) or units < 0:
            raise UsageWrong(f"{units!r} is no number of units")
        with self._world.change():
            self._quota.use(self._world.project(project).number, bucket, units, self._clock.now())
        return {}

    def grant(self, project: str, channel: str, scopes: list[str], client: str = "") -> Json:
        """Make a grant as if somebody had just consented, to this client of the project or to its first."""
        known = self._world.project(project)
        for scope in scopes:
            if scope not in self._description.scopes:
                raise UsageWrong(f"{scope!r} is no scope of the YouTube Data API")
        asking = self._client_of(known, client)
        return self._oauth.mint(asking, self._world.channel(channel), tuple(scopes))

    def add_fault(self, **rule: Any) -> Json:
        """Add a rule; see `faults.Rule` for its fields."""
        if "fault_id" in rule or "seen" in rule or "done" in rule:
            raise UsageWrong("a fault's id and counts are the sandbox's")
        rule = self._checked(rule)
        with self._world.change():
            fault_id = f"fault-{self._world.count('drawn/fault')}"
            self._world.faults.put(Rule(**{"fault_id": fault_id, **rule}))
        return {"fault_id": fault_id}

    def clear_faults(self, fault_ids: list[str] | None = None) -> Json:
        """Forget these rules, or all."""
        with self._world.change():
            for rule in self._world.faults.all():
                if fault_ids is None or rule.key in fault_ids:
                    self._world.faults.drop(rule.key)
        return {}

    def revoke_grant(self, channel: str) -> Json:
        """Kill every grant of a channel, as its owner would in the account's settings."""
        channel_id = self._world.channel(channel).channel_id
        with self._world.change():
            for row in self._world.grants.all():
                if row.channel_id == channel_id:
                    self._world.grants.put(replace(row, dead=True))
        return {}

    def expire_tokens(self, channel: str) -> Json:
        """Let every access token of a channel be over; the grants live on."""
        channel_id = self._world.channel(channel).channel_id
        with self._world.change():
            for row in self._world.tokens.all():
                if row.channel_id == channel_id:
                    self._world.tokens.put(replace(row, expires_at=min(row.expires_at, self._clock.now())))
        return {}

    def expire_sessions(self) -> Json:
        """Let every upload session be gone, finished ones too."""
        with self._world.change():
            for row in self._world.sessions.all():
                self._world.sessions.put(replace(row, dead=True))
        return {}

    def change_settings(self, **settings: Any) -> Json:
        """Change what is neither fault nor thing; None puts a setting back."""
        with self._world.change():
            for name, value in settings.items():
                if name not in _SETTINGS:
                    raise UsageWrong(f"there is no setting {name!r}", hint="one of: " + ", ".join(_SETTINGS))
                wanted = None if value is None else _setting(name, value)
                if name == "accept_any_token" and wanted is not None:
                    wanted = self._world.channel(wanted).channel_id
                self._world.set(name, wanted)
        return {}

    def reset(self) -> Json:
        """Empty everything but the clock."""
        with self._world.change():
            self._world.reset()
            self.on_reset()
        return {}

    def stop(self) -> Json:
        """End the sandbox, after this answer."""
        self.on_stop()
        return {}

    def _check_kind(self, method: str | None, kind: str | None, error: str | None) -> None:
        steps = sorted(_UPLOAD_STEPS | _LOGIN_STEPS | _LIFE_STEPS | _TASK_STEPS)
        if method not in {*self._description.methods, *steps}:
            raise UsageWrong(f"a fault is for a method of the API, or for one of {', '.join(steps)}")
        if kind not in KINDS:
            raise UsageWrong(f"a fault is one of {', '.join(KINDS)}")
        if (kind == "error") != bool(error):
            raise UsageWrong("a fault of the kind error names its error, and no other does")
        if kind in TRICKS and method not in _UPLOAD_STEPS:
            raise UsageWrong(f"{kind} happens to one of {', '.join(sorted(_UPLOAD_STEPS))}, not to {method}")
        if method in _LIFE_STEPS and kind not in {"slow", *(["error"] if method == "processing" else [])}:
            raise UsageWrong(f"{method} may only be slow{', or end with an error' if method == 'processing' else ''}")
        if error and method in _LIFE_STEPS:
            _end(error)
        elif error and error not in NAMES:
            raise UsageWrong(f"there is no error named {error!r}", hint="one of: " + ", ".join(NAMES))

    def _checked(self, rule: Json) -> Json:
        self._check_kind(rule.get("method"), rule.get("kind"), rule.get("error"))
        if rule["kind"] == "wait" and rule.get("retry_after") is None:
            raise UsageWrong("a fault of the kind wait says for how many seconds, as retry_after")
        rule = {name: value for name, value in rule.items() if value is not None}
        for name in _NUMBERS & rule.keys():
            if isinstance(rule[name], bool) or not isinstance(rule[name], int | float) or rule[name] < 0:
                raise UsageWrong(f"a fault's {name} is a number, and {rule[name]!r} is none")
        if "channel" in rule:
            rule["channel"] = self._world.channel(rule["channel"]).channel_id
        if "project" in rule:
            rule["project"] = self._world.project(rule["project"]).number
        return rule

    def _client_of(self, row: Project, client_id: str = "") -> Client:
        of_project = (client for client in self._world.clients.all() if client.project == row.number)
        found = next((client for client in of_project if client_id in ("", client.client_id)), None)
        if found is None:
            raise UsageWrong(f"project {row.name} has no client {client_id!r}")
        return found

    def _project(self, row: Project) -> Json:
        units = self._quota.units().get(row.number, {})
        return {**row.to_row(), "units": units}

    def _channel(self, row: Channel) -> Json:
        return _shown(row)

    def _playlist(self, row: Playlist) -> Json:
        rows = [item for item in self._world.playlist_items.all() if item.playlist_id == row.playlist_id]
        items = [_shown(item) for item in sorted(rows, key=lambda item: item.position)]
        shown = _shown(row)
        return {**shown, "title": row.parts["snippet"]["title"], "items": items}

    def _video(self, row: Video) -> Json:
        now = self._clock.now()
        return {
            "id": row.video_id,
            "channel_id": row.channel_id,
            "project": row.project,
            "title": row.parts["snippet"]["title"],
            "bytes": row.bytes,
            "sha256": row.sha256,
            "file_name": row.file_name,
            "content_type": row.content_type,
            "privacy": row.privacy(now),
            "upload_status": upload_status(row, now, self._world.settings),
            "publish_at": row.parts["status"].get("publishAt"),
            "notify": row.notify,
            "published_at": when(row.uploaded_at),
            "deleted": row.deleted_at is not None,
            "parts": row.parts,
        }


def _shown(row: Thing) -> Json:
    """Show a thing, and whether it was deleted."""
    shown = row.to_row()
    if "deleted_at" in shown:
        shown["deleted"] = shown.pop("deleted_at") is not None
    return shown


def _slug(name: str) -> str:
    return (
        "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name.lower()).strip("-")
        or "project"
    )


def _secrets_file(client: Client, project: Project, root: str) -> Json:
    return {
        "installed": {
            "client_id": client.client_id,
            "project_id": project.project_id,
            "auth_uri": f"{root}/o/oauth2/v2/auth",
            "token_uri": f"{root}/token",
            "client_secret": client.secret,
            "redirect_uris": ["http://localhost"],
        }
    }
