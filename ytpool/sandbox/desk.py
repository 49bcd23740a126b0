"""What a rehearsal may ask for and set: channels, projects, faults, the clock, and the truth about what happened."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

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
_MOST = 10**11
T = TypeVar("T")


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


def _words(value: object) -> str:
    if not isinstance(value, str):
        raise UsageWrong(f"{value!r} is no text")
    return value


def _number(value: object) -> float:
    # What is larger, or no number at all, would be an error of each later answer that reckons with it.
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _MOST:
        raise UsageWrong(f"{value!r} is no number up to {_MOST:,}")
    return value


def _seconds(value: object) -> float:
    if _number(value) < 0:
        raise UsageWrong(f"{value!r} is negative")
    return _number(value)


def _pace(value: object) -> float:
    if not _seconds(value):
        raise UsageWrong("nothing ever comes at this pace")
    return _seconds(value)


def _count(value: object) -> int:
    if not isinstance(value, int):
        raise UsageWrong(f"{value!r} is no whole number")
    return int(_seconds(value))


def _units(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST:
        raise UsageWrong(f"{value!r} is no number of units")
    return value


def _status(value: object) -> int:
    if not 200 <= _count(value) <= 599:
        raise UsageWrong(f"{value!r} is no status of an answer")
    return _count(value)


def _list_of_words(value: object) -> list[str]:
    return [_words(one) for one in _items(value, list)]


def _limits(value: object) -> dict[str, int]:
    return {bucket: _count(limit) for bucket, limit in _items(value, dict).items()}


def _items(value: object, kind: type[T]) -> T:
    if not isinstance(value, kind):
        raise UsageWrong(f"{value!r} is no {kind.__name__}")
    return value


_SETTINGS: Mapping[str, Callable[[Any], Any]] = {
    # How long a video takes: until it is processed, until its fileDetails are known, until it is in the uploads
    # playlist; and how long the details of its processing are known afterwards.
    "processing_seconds": _seconds,
    "file_details_after": _seconds,
    "listed_after": _seconds,
    # How long it takes until new playlists, videos on them, and caption tracks are listed.
    "playlists_listed_after": _seconds,
    "playlist_items_listed_after": _seconds,
    "captions_listed_after": _seconds,
    "processing_known_for": _seconds,
    # How videos are whose bytes are no film, and how every new one ends.
    "video_width": _count,
    "video_height": _count,
    "video_seconds": _seconds,
    "processing_ends": _end,
    # What YouTube decides over its owner's head.
    "locked_private": _flag,
    "decided_for_kids": _flag,
    # Thumbnails are 404 until the video is processed; for a Short they always are.
    "thumbnails_wait": _flag,
    # Playlists: how many a channel may have, how many videos each, whether twice the same, and their order.
    "playlists_per_channel": _count,
    "playlist_holds": _count,
    "videos_once_per_playlist": _flag,
    "sorted_by_date": _flag,
    # How every new comment stands, how late a published one is listed, whether videos take any, and what is counted.
    "comments_stand": _standing,
    "comments_listed_after": _seconds,
    "comments_disabled": _flag,
    "video_views": _count,
    "video_likes": _count,
    "session_lives_for": _seconds,
    "accept_any_token": _words,
    # The service of tasks beside YouTube: how long a task takes, how it ends, how and how late that is called back,
    # how many a key may run at once, and whether its answers lack the task's id.
    "tasks_take": _seconds,
    "tasks_end": _task_end,
    "tasks_call": _call,
    "tasks_call_after": _seconds,
    "tasks_per_key": _count,
    "tasks_without_id": _flag,
}
_PUTS = frozenset({"chunk", "final", "query"})
_UPLOAD_STEPS = frozenset(f"{kind}.{put}" for kind in ("upload", "media") for put in _PUTS)
_LIFE_STEPS = frozenset({"processing", "listing", "file_details"})
_LOGIN_STEPS = frozenset({"token", "revoke", "tokeninfo"})
_TASK_STEPS = frozenset(f"tasks.{name}" for name in tasks.METHODS)
_FIELDS: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(
        ("name", "title", "project", "channel", "channel_id", "client", "client_id", "client_secret"), _words
    ),
    **dict.fromkeys(("bucket", "to", "method", "kind", "error"), _words),
    **dict.fromkeys(("times", "skip", "retry_after", "at", "cap", "thumbnail_cap"), _count),
    "units": _units,
    "seconds": _seconds,
    "bytes_per_second": _pace,
    "forward_seconds": _number,
    "status": _status,
    **dict.fromkeys(("testing", "thumbnails", "charge"), _flag),
    **dict.fromkeys(("scopes", "fault_ids"), _list_of_words),
    "limits": _limits,
}
"""What the fields of a wish have to be; one that is null is left out."""


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
            if name != "settings":  # where null puts back
                wish = {field: _checked_as(field, value) for field, value in wish.items() if value is not None}
            if name in {"projects", "clients"}:
                wish["root"] = root
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
            row = self._world.channels.put(replace(found, cap=cap, thumbnails=thumbnails, thumbnail_cap=thumbnail_cap))
        return {"channel_id": row.channel_id}

    def charge(self, project: str, bucket: str, units: int) -> Json:
        """Count units of today as used, as if another program of the project had used them."""
        known = self._quota.buckets(self._clock.now())
        if bucket not in known:
            raise UsageWrong(f"there is no bucket {bucket!r}", hint="one of: " + ", ".join(known))
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
        wanted: dict[str, Any] = {}
        for name, value in settings.items():
            if name not in _SETTINGS:
                raise UsageWrong(f"there is no setting {name!r}", hint="one of: " + ", ".join(_SETTINGS))
            wanted[name] = None if value is None else _SETTINGS[name](value)
        with self._world.change():
            if wanted.get("accept_any_token") is not None:
                wanted["accept_any_token"] = self._world.channel(wanted["accept_any_token"]).channel_id
            for name, value in wanted.items():
                self._world.set(name, value)
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


def _checked_as(field: str, value: object) -> Any:
    """Return a field of a wish as it has to be, or say why it is not."""
    try:
        return _FIELDS[field](value) if field in _FIELDS else value
    except UsageWrong as wrong:
        raise UsageWrong(f"{field}: {wrong.message}") from None


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
