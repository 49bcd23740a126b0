"""What the settings are, and what each is when nobody says otherwise.

The classes below are the list of settings: a field is a key of `config.toml`, its default says its type, and
`YTPOOL_<SECTION>_<KEY>` overrides it. They are named tuples, not dataclasses, because every command defines them
and a dataclass costs six times as much to define.
"""

from collections.abc import Container, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ytpool.config.postgres import Postgres
    from ytpool.domain.alert_targets import Target
    from ytpool.domain.chains import Step
    from ytpool.domain.markers import Marks
    from ytpool.domain.providers import Provider
    from ytpool.domain.servers import FtpServer, Page

SANDBOX = "sandbox"
"""The profile that talks to its own local YouTube and never to Google."""


class Google(NamedTuple):
    """Where Google is. All four are empty in the sandbox profile, so that nothing there can reach Google."""

    api_root: str = "https://youtube.googleapis.com/"
    auth_uri: str = "https://accounts.google.com/o/oauth2/v2/auth"
    token_uri: str = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
    revoke_uri: str = "https://oauth2.googleapis.com/revoke"


class Time(NamedTuple):
    zone: str = "UTC"


class Vault(NamedTuple):
    place: str = ""
    key_file: str = ""
    keyring_timeout: float = 3.0


class PostgresOptions(NamedTuple):
    """How a state that is a PostgreSQL database is reached, beside what its address says, which goes first.

    The password is none of them: it would be seen where settings are listed.
    """

    schema: str = "ytpool"
    sslmode: str = ""
    """Empty: `verify-full`, and `prefer` on this machine itself."""
    sslrootcert: str = ""
    """Whose certificates are believed: a file, or `system`; empty: `~/.postgresql/root.crt` if it is there, or that."""
    sslcert: str = ""
    sslkey: str = ""
    service: str = ""
    passfile: str = ""
    password_file: str = ""
    connect_timeout: int = 10
    dead_after: int = 30
    """Seconds of silence after which a connection is taken for dead."""


DATABASE_FILES = ("sslrootcert", "sslcert", "sslkey", "passfile", "password_file")
"""Which of them are paths."""

DATABASE_CREDENTIAL = "ytpool-pg"
"""The password's name in $CREDENTIALS_DIRECTORY, where systemd puts it."""

NO_PASSWORD_HERE = (
    "a password does not belong there, where it would be shown: keep it in ~/.pgpass, in a service file, in systemd's "
    f"credential {DATABASE_CREDENTIAL} or another file that postgres.password_file names, or in the keyring: ytpool "
    "state password"
)


class Upload(NamedTuple):
    privacy: str = "private"
    chunk_mib: int = 16
    notify: bool = True
    category: str = "22"


class PathSettings(NamedTuple):
    """Where folders that the state names hang on this machine, each as FROM=TO; `domain/path_map` reads them."""

    map: tuple[str, ...] = ()


class Thresholds(NamedTuple):
    """Per cent of a limit at which a bucket changes colour."""

    yellow: int = 70
    orange: int = 80
    red: int = 90


class Balancing(NamedTuple):
    """The strategy of pools that name none, and the weights of the `health` strategy."""

    strategy: str = "health"
    quota: float = 0.4
    success: float = 0.3
    idle: float = 0.2
    age: float = 0.1


class Breakers(NamedTuple):
    """When what fails without a word rests for a while; spans are seconds."""

    failures: int = 5
    within: float = 60.0
    probes: int = 3
    rest: float = 30.0
    longest: float = 900.0


class Envelopes(NamedTuple):
    """Shares of the general bucket in per cent, each for one purpose; 0: none. A preset fills in what is not set."""

    preset: str = ""
    publishing: int = 0
    metadata: int = 0
    reading: int = 0
    buffer: int = 0
    lend_after: str = ""


PRESETS: Mapping[str, Mapping[str, int]] = {
    "publishing": {"publishing": 70, "metadata": 10, "reading": 10, "buffer": 10},
}
"""Ready-made envelopes."""


class Refresh(NamedTuple):
    within_minutes: int = 30


class Block(NamedTuple):
    """A stretch of each day for so many uploads; minutes since midnight in `time.zone`."""

    name: str
    begins: int
    ends: int
    videos: int

    def written(self) -> Mapping[str, str | int]:
        """Return it as it stands in the file."""
        return {"name": self.name, "from": _hour(self.begins), "to": _hour(self.ends), "videos": self.videos}

    def __str__(self) -> str:
        return f"{self.name} {_hour(self.begins)}-{_hour(self.ends)}: {self.videos}"


class Plan(NamedTuple):
    """What `plan` takes for granted: how fast the line is, and how uploads are spread over a day."""

    rate: str = "10M"
    blocks: tuple[Block, ...] = ()


class Activity(NamedTuple):
    """For how many days what was done is kept, each operation by itself; 0: for ever."""

    retention_days: int = 400


class Serve(NamedTuple):
    """Where `serve` listens, and the cookie file of another program that it watches for one account."""

    bind: str = "127.0.0.1:8383"
    hosts: str = ""
    account: str = ""
    cookies_file: str = ""


class SessionsRefresh(NamedTuple):
    """The operator's command that logs in anew; what it writes is checked before it becomes a cookie file."""

    command: tuple[str, ...] = ()
    timeout: float = 240.0


class Sessions(NamedTuple):
    """When a browser session that nobody uses is expired."""

    inactive_days: int = 30


class Health(NamedTuple):
    """Where `health` begins to warn, and what it may spend."""

    disk_warn_mib: int = 1024
    disk_fail_mib: int = 100
    waiting_hours: float = 24.0
    cookie_days: float = 3.0
    deep_units: int = 10
    """Units a day for all `--deep` together."""
    backup_days: int = 7
    """Without a backup for so long it warns; 0: never."""


class Targets(NamedTuple):
    """What an operator wants to be true every morning; below a target `health` warns, 0 asks for nothing."""

    reserves_ready: int = 3
    score: float = 0.7
    uploads_successful: float = 98.0
    """Per cent of a day's uploads."""
    fallbacks: float = 5.0
    """Per cent of a day's uploads that may be done by another account than the one first chosen, or by a reserve."""


class Alerts(NamedTuple):
    """When a warning that nobody has acknowledged becomes critical; 0: never."""

    escalate_after_hours: float = 24.0


class Browser(NamedTuple):
    """The Chromium in which sessions are looked at; empty: the first one that is installed."""

    executable: str = ""


class Network(NamedTuple):
    timeout: float = 60.0


class Log(NamedTuple):
    level: str = "warning"


class Paths(NamedTuple):
    """Where this profile keeps its things. Nothing of it need exist."""

    config: Path
    state: Path
    cache: Path
    sandbox: Path

    @property
    def folder(self) -> Path:
        """The folder of the state file: locks and key files lie beside it."""
        return self.state.parent


class Config(NamedTuple):
    """Every setting of one profile, and where each value comes from."""

    profile: str
    paths: Paths
    origins: Mapping[str, str]
    google: Google = Google()
    time: Time = Time()
    vault: Vault = Vault()
    postgres: PostgresOptions = PostgresOptions()
    upload: Upload = Upload()
    path: PathSettings = PathSettings()
    thresholds: Thresholds = Thresholds()
    balancing: Balancing = Balancing()
    breakers: Breakers = Breakers()
    envelopes: Envelopes = Envelopes()
    refresh: Refresh = Refresh()
    plan: Plan = Plan()
    activity: Activity = Activity()
    serve: Serve = Serve()
    sessions_refresh: SessionsRefresh = SessionsRefresh()
    sessions: Sessions = Sessions()
    health: Health = Health()
    targets: Targets = Targets()
    alerts: Alerts = Alerts()
    browser: Browser = Browser()
    network: Network = Network()
    log: Log = Log()
    providers: "Mapping[str, Provider]" = {}  # noqa: RUF012 - a mapping that nobody writes to
    """The services that run tasks, by name."""
    chains: "Mapping[str, tuple[Step, ...]]" = {}  # noqa: RUF012 - a mapping that nobody writes to
    """The services that stand in for each other, by the name of their chain."""
    cookie_files: Mapping[str, Path] = {}
    """Files of other programs that hold an account's cookies, by account; besides the one of `serve`."""
    ftp: "Mapping[str, FtpServer]" = {}  # noqa: RUF012 - a mapping that nobody writes to
    """The FTP servers that `health` looks at, by name."""
    checks: "Mapping[str, Page]" = {}  # noqa: RUF012 - a mapping that nobody writes to
    """The other services that `health` looks at, by name."""
    alert_targets: "Mapping[str, Target]" = {}  # noqa: RUF012 - a mapping that nobody writes to
    """Who is told of alerts, by name."""
    platforms: "Mapping[str, Marks]" = {}  # noqa: RUF012 - a mapping that nobody writes to
    """How platforms show whether a session is logged in, where that was set."""
    database: "Postgres | None" = None
    """The database that holds the state; mostly none, and then the state is a file: `paths.state`."""

    def is_set(self, key: str) -> bool:
        """Tell whether somebody chose this value, for instance `google.token_uri`, or it is the default."""
        return key in self.origins

    @property
    def state(self) -> str:
        """Say where the state is: a path, or the address of a database, in which there is never a password."""
        return str(self.paths.state) if self.database is None else self.database.url

    def shares(self) -> Mapping[str, int]:
        """Return the per cent of each purpose that has an envelope, the preset's where nobody chose; mostly none."""
        return shares_of(self.envelopes, self.origins)

    def origin(self, key: str) -> str:
        """Say where a value comes from: `default`, a file with its line, or a variable."""
        return self.origins.get(key, "default")

    def settings(self) -> Mapping[str, Any]:
        """List every setting by its dotted name."""
        named = {
            f"{section}.{key}": _listed(f"{section}.{key}", value)
            for section in SECTIONS
            for key, value in getattr(self, attribute(section))._asdict().items()
        }
        if self.database is not None:
            named |= {f"postgres.{key}": value for key, value in self.database.settings().items()}
        # A provider's requests are not listed: somebody may have written a key into one.
        services = {
            f"{PROVIDERS}.{provider.name}.{key}": value
            for provider in self.providers.values()
            for key, value in provider._asdict().items()
            if isinstance(value, str | int | float) and key != "name"
        }
        # Nor are commands, for the same reason.
        chains = {
            f"{CHAINS}.{name}": [step.chain or step.service for step in steps] for name, steps in self.chains.items()
        }
        files = {f"{COOKIE_FILES}.{name}.path": str(path) for name, path in self.cookie_files.items()}
        servers = {
            f"{server.section}.{key}": value
            for server in self.ftp.values()
            for key, value in server._asdict().items()
            if key != "name"
        }
        pages = {
            f"{PAGES}.{page.name}.{key}": value
            for page in self.checks.values()
            for key, value in (("url", page.shown), ("expect", [*page.expect]), ("timeout", page.timeout))
        }
        targets = {
            f"{target.section}.{key}": value
            for target in self.alert_targets.values()
            for key, value in target.settings().items()
        }
        platforms = {
            f"{PLATFORMS}.{marks.name}.{key}": list(value) if isinstance(value, tuple) else value
            for marks in self.platforms.values()
            for key, value in marks._asdict().items()
            if f"{PLATFORMS}.{marks.name}.{key}" in self.origins
        }
        others = {**services, **chains, **servers, **pages, **targets, **files, **platforms}
        return {"state": self.state, **named, **others}


SECTIONS: Mapping[str, type[Any]] = {
    "google": Google,
    "time": Time,
    "vault": Vault,
    "postgres": PostgresOptions,
    "upload": Upload,
    "path": PathSettings,
    "thresholds": Thresholds,
    "balancing": Balancing,
    "breakers": Breakers,
    "envelopes": Envelopes,
    "refresh": Refresh,
    "plan": Plan,
    "activity": Activity,
    "serve": Serve,
    "sessions": Sessions,
    "sessions.refresh": SessionsRefresh,
    "health": Health,
    "targets": Targets,
    "alerts": Alerts,
    "browser": Browser,
    "network": Network,
    "log": Log,
}
"""By name as it is written in the file; one with a dot stands in another."""

PROVIDERS = "providers"
CHAINS = "chains"
COOKIE_FILES = "cookie_files"
FTP = "ftp"
PAGES = "checks"
PLATFORMS = "platforms"
TABLES = (PROVIDERS, CHAINS, COOKIE_FILES, FTP, PAGES, PLATFORMS)
"""Sections whose names are the operator's own."""

ALERT_TARGETS = "alerts.targets"
"""Names of the operator's own, too, within a section that has settings."""


def shares_of(envelopes: Envelopes, chosen: Container[str]) -> Mapping[str, int]:
    """Return the per cent of each purpose that has an envelope: the preset's, where nobody chose."""
    if envelopes == Envelopes():
        return {}
    preset = PRESETS.get(envelopes.preset, {})
    percents = {
        purpose: getattr(envelopes, purpose) if f"envelopes.{purpose}" in chosen else preset.get(purpose, 0)
        for purpose in Envelopes._fields[1:-1]
    }
    return {purpose: percent for purpose, percent in percents.items() if percent}


def attribute(section: str) -> str:
    """Name the field of a section, as variables name it, too."""
    return section.replace(".", "_")


def _listed(key: str, value: Any) -> Any:
    """Return a setting as `config show` lists it: of a command the program, as somebody may write a key behind it."""
    if not isinstance(value, tuple):
        return value
    if key == "path.map":
        return [*value]
    listed = list(map(str, value))
    return [*listed[:1], "..."] if len(listed) > 1 and isinstance(value[0], str) else listed


def _hour(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
