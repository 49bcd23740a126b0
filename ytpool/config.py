"""Settings: flags over environment over file over defaults, decided once and strictly checked.

The classes below are the list of settings: a field is a key of `config.toml`, its default says its type, and
`YTPOOL_<SECTION>_<KEY>` overrides it. They are named tuples, not dataclasses, because every command defines them
and a dataclass costs six times as much to define. Loading creates nothing; `tomllib` and `platformdirs` are
imported only where there is a file to read or no `YTPOOL_HOME`.
"""

import os
import re
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn
from urllib.parse import urlsplit

from ytpool.errors import ConfigInvalid

if TYPE_CHECKING:
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


class Upload(NamedTuple):
    privacy: str = "private"
    chunk_mib: int = 16
    notify: bool = True
    category: str = "22"


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
    upload: Upload = Upload()
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
    platforms: "Mapping[str, Marks]" = {}  # noqa: RUF012 - a mapping that nobody writes to
    """How platforms show whether a session is logged in, where that was set."""

    def is_set(self, key: str) -> bool:
        """Tell whether somebody chose this value, for instance `google.token_uri`, or it is the default."""
        return key in self.origins

    def shares(self) -> Mapping[str, int]:
        """Return the per cent of each purpose that has an envelope, the preset's where nobody chose; mostly none."""
        return _shares(self.envelopes, self.origins)

    def origin(self, key: str) -> str:
        """Say where a value comes from: `default`, a file with its line, or a variable."""
        return self.origins.get(key, "default")

    def settings(self) -> Mapping[str, Any]:
        """List every setting by its dotted name."""
        named = {
            f"{section}.{key}": _listed(value)
            for section in SECTIONS
            for key, value in getattr(self, _attribute(section))._asdict().items()
        }
        # A provider's requests are not listed: somebody may have written a key into one.
        services = {
            f"{_PROVIDERS}.{provider.name}.{key}": value
            for provider in self.providers.values()
            for key, value in provider._asdict().items()
            if isinstance(value, str | int | float) and key != "name"
        }
        # Nor are commands, for the same reason.
        chains = {
            f"{_CHAINS}.{name}": [step.chain or step.service for step in steps] for name, steps in self.chains.items()
        }
        files = {f"{_COOKIE_FILES}.{name}.path": str(path) for name, path in self.cookie_files.items()}
        servers = {
            f"{server.section}.{key}": value
            for server in self.ftp.values()
            for key, value in server._asdict().items()
            if key != "name"
        }
        pages = {
            f"{_CHECKS}.{page.name}.{key}": value
            for page in self.checks.values()
            for key, value in (("url", page.shown), ("expect", [*page.expect]), ("timeout", page.timeout))
        }
        platforms = {
            f"{_PLATFORMS}.{marks.name}.{key}": list(value) if isinstance(value, tuple) else value
            for marks in self.platforms.values()
            for key, value in marks._asdict().items()
            if f"{_PLATFORMS}.{marks.name}.{key}" in self.origins
        }
        return {"state": str(self.paths.state), **named, **services, **chains, **servers, **pages, **files, **platforms}


SECTIONS: Mapping[str, type[Any]] = {
    "google": Google,
    "time": Time,
    "vault": Vault,
    "upload": Upload,
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

OF_OTHER_PROGRAMS: Mapping[str, str] = {
    "YT_ACCOUNT_ID": "serve.account",
    "YT_DLP_COOKIES_FILE": "serve.cookies_file",
}
"""Variables of other programs that say the same as a setting of ours; our own go before them."""

SECRET_VARIABLES = frozenset({"YTPOOL_SERVE_TOKEN"})
"""Variables that hold a secret: they are read where it is needed, and are no settings that anybody could list."""

Check = tuple[Callable[[Any], bool], str]
"""A test of a value, and the end of the sentence "… must be …"."""


def load(*, profile: str | None, environ: Mapping[str, str]) -> Config:
    """Decide every setting. The profile is the flag's, else `YTPOOL_PROFILE`, else `default`."""
    name = _profile(profile, environ)
    paths = _paths(name, environ)
    given = {**_from_file(paths.config), **_from_environment(environ)}
    return _decide(name, paths, given)


def write_initial(paths: Paths, values: Mapping[str, Mapping[str, Any]]) -> bool:
    """Create the configuration file, readable by its owner only; an existing one is never touched.

    Returns whether it was created. Of several processes at once exactly one creates it, and none sees half a file.
    """
    import tempfile  # noqa: PLC0415 - only `init` writes

    import tomli_w  # noqa: PLC0415

    text = "# Settings of this ytpool profile; `ytpool config show` lists them all.\n\n" + tomli_w.dumps(values)
    _decide("default", paths, _parse(text, paths.config))
    make_private_folder(paths.config.parent)
    descriptor, draft = tempfile.mkstemp(prefix=".config.", dir=paths.config.parent)  # 0600, whatever the umask
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        os.link(draft, paths.config)  # unlike a rename, it never replaces
    except FileExistsError:
        return False
    finally:
        Path(draft).unlink()
    return True


def make_private_folder(folder: Path) -> None:
    """Create a folder and its missing parents, each for its owner only, whatever the umask."""
    if folder.is_dir():
        return
    make_private_folder(folder.parent)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return
    folder.chmod(0o700)


class _Given(NamedTuple):
    """A value somebody wrote, with the place where it stands."""

    value: Any
    origin: str
    file: str = ""
    line: int = 0

    def refuse(self, key: str, sentence: str) -> NoReturn:
        raise ConfigInvalid(
            f"{self.origin}: {sentence}",
            hint="correct it, and look again with: ytpool config check",
            key=key,
            **({"file": self.file, "line": self.line} if self.file else {"variable": self.origin}),
        )


def _profile(flag: str | None, environ: Mapping[str, str]) -> str:
    name = flag if flag is not None else environ.get("YTPOOL_PROFILE") or "default"
    if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}", name):
        origin = "--profile" if flag is not None else "YTPOOL_PROFILE"
        raise ConfigInvalid(
            f"{origin}: {name!r} is no name for a profile: up to 64 letters, digits, dots, dashes and underlines, "
            "not beginning with a dot",
            profile=name,
        )
    return name


def _paths(profile: str, environ: Mapping[str, str]) -> Paths:
    if home := environ.get("YTPOOL_HOME"):
        folder = Path(home).expanduser().absolute() / profile
        return Paths(folder / "config.toml", folder / "state.db", folder / "cache", folder / "sandbox")
    import platformdirs  # noqa: PLC0415 - not needed where YTPOOL_HOME says it all

    state = Path(platformdirs.user_state_dir("ytpool", appauthor=False)) / profile
    return Paths(
        config=Path(platformdirs.user_config_dir("ytpool", appauthor=False)) / profile / "config.toml",
        state=state / "state.db",
        cache=Path(platformdirs.user_cache_dir("ytpool", appauthor=False)) / profile,
        sandbox=state / "sandbox",
    )


def _from_file(file: Path) -> dict[str, _Given]:
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigInvalid(f"{file}: cannot be read: {error.strerror}", file=str(file)) from error
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigInvalid(f"{file}:{line}: is not UTF-8 text", file=str(file), line=line) from error
    return _parse(text, file)


def _parse(text: str, file: Path) -> dict[str, _Given]:
    import tomllib  # noqa: PLC0415 - most commands find no file, and pay nothing for it

    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        sentence, _, place = str(error).partition(" (at ")
        found = re.match(r"line (\d+)", place)
        line = int(found[1]) if found else text.count("\n") + 1
        message = f"{file}:{line}: this is not TOML: {sentence[:1].lower()}{sentence[1:]}"
        raise ConfigInvalid(message, file=str(file), line=line) from error
    lines = _lines(text)

    def given(value: Any, *path: str) -> _Given:
        line = next((lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in lines), 1)
        return _Given(value, f"{file}:{line}", str(file), line)

    found_values = {**_services_given(table, given), **_cookie_files_given(table, given)}
    for section, value in _sections_of(table):
        if section == "state":
            found_values["state"] = given(value, "state")
        elif section not in SECTIONS and section not in _TABLES:
            what = "section" if isinstance(value, dict) else "setting"
            given(value, section).refuse(section, _unknown(what, section, ["state", *SECTIONS, *_TABLES]))
        elif not isinstance(value, dict):
            given(value, section).refuse(section, f"{section} is a section: write [{section}] and its keys below")
        else:
            for key, inner in value.items():
                name, path = f"{section}.{key}", (*section.split("."), key)
                if _variable(name) in SECRET_VARIABLES:
                    given(None, *path).refuse(name, _no_place_for_secrets(name))
                if key not in SECTIONS[section]._fields:
                    given(inner, *path).refuse(name, _unknown_key(section, key))
                found_values[name] = given(_placed(given, inner, *path), *path)
    return found_values


def _sections_of(table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Return what is written, a section that stands in another one by its full name."""
    for section, value in table.items():
        rest = value
        for inner in [name for name in SECTIONS if name.startswith(f"{section}.")]:
            key = inner.partition(".")[2]
            if isinstance(value, dict) and key in value:
                yield inner, value[key]
                rest = {name: one for name, one in rest.items() if name != key}
        if rest is value or rest:
            yield section, rest


def _attribute(section: str) -> str:
    return section.replace(".", "_")


def _variable(key: str) -> str:
    return f"YTPOOL_{key.replace('.', '_').upper()}"


def _no_place_for_secrets(key: str) -> str:
    keep = f"ytpool vault keep {key.partition('.')[0]}"
    return f"{key} is a secret and does not belong into a file: set {_variable(key)}, or run: {keep}"


def _listed(value: Any) -> Any:
    """Return a setting as `config show` lists it: of a command the program, as somebody may write a key behind it."""
    if not isinstance(value, tuple):
        return value
    listed = list(map(str, value))
    return [*listed[:1], "..."] if len(listed) > 1 and isinstance(value[0], str) else listed


def _placed(given: Callable[..., _Given], value: Any, *path: str) -> Any:
    """Keep the place of every entry of an array, and of every key of its tables."""
    if not isinstance(value, list):
        return value
    entries: list[_Given] = []
    for number, entry in enumerate(value):
        where = (*path, str(number))
        inner = {key: given(one, *where, key) for key, one in entry.items()} if isinstance(entry, dict) else entry
        entries.append(given(inner, *where))
    return entries


def _services_given(table: dict[str, Any], given: Callable[..., _Given]) -> dict[str, _Given]:
    """Read what is no section with a fixed list of keys, and take it out of the table; chains name providers."""
    found: dict[str, _Given] = {}
    if isinstance(table.get(_PROVIDERS), dict):
        from ytpool.domain import providers  # noqa: PLC0415 - most have none

        found |= _named_given(_PROVIDERS, "a provider", providers.from_table, table.pop(_PROVIDERS), given)
    if isinstance(table.get(_FTP), dict):
        from ytpool.domain import servers  # noqa: PLC0415 - most have none

        found |= _named_given(_FTP, "an FTP server", servers.ftp_from_table, table.pop(_FTP), given)
    if isinstance(table.get(_CHECKS), dict):
        from ytpool.domain import servers  # noqa: PLC0415

        found |= _named_given(_CHECKS, "a service to be checked", servers.page_from_table, table.pop(_CHECKS), given)
    if isinstance(table.get(_CHAINS), dict):
        found |= _chains_given(table.pop(_CHAINS), found, given)
    if isinstance(table.get(_PLATFORMS), dict):
        from ytpool.domain import markers  # noqa: PLC0415 - most set nothing

        found |= _named_given(_PLATFORMS, "a platform", markers.from_table, table.pop(_PLATFORMS), given)
    return found


def _named_given(
    section: str, what: str, read: Callable[..., Any], table: Mapping[str, Any], given: Callable[..., _Given]
) -> dict[str, _Given]:
    """Read what has names of the operator's own; each becomes one value, and every setting of it knows its place."""
    found = {}
    for name, settings in table.items():
        if not isinstance(settings, dict):
            sentence = f"{name} is {what}: write [{section}.{name}] and its keys below"
            given(settings, section, name).refuse(f"{section}.{name}", sentence)

        def refuse(path: tuple[str, ...], sentence: str, name: str = name) -> NoReturn:
            given(None, section, name, *path).refuse(".".join((section, name, *path)), sentence)

        found[f"{section}.{name}"] = given(read(name, settings, refuse), section, name)
        for key, value in settings.items():
            if not isinstance(value, dict):
                found[f"{section}.{name}.{key}"] = given(value, section, name, key)
    return found


def _chains_given(
    tables: Mapping[str, Any], so_far: Mapping[str, _Given], given: Callable[..., _Given]
) -> dict[str, _Given]:
    """Read the chains, together: they may name each other."""
    from ytpool.domain import chains  # noqa: PLC0415 - most have none

    def refuse(path: tuple[str, ...], sentence: str) -> NoReturn:
        given(None, _CHAINS, *path).refuse(".".join((_CHAINS, *path)), sentence)

    services = {key.split(".")[1] for key in so_far if key.startswith(f"{_PROVIDERS}.") and key.count(".") == 1}
    found = chains.from_tables(tables, services, refuse)
    return {f"{_CHAINS}.{name}": given(steps, _CHAINS, name) for name, steps in found.items()}


def _cookie_files_given(table: dict[str, Any], given: Callable[..., _Given]) -> dict[str, _Given]:
    """Read which files hold whose cookies, and take them out of the table."""
    if not isinstance(table.get(_COOKIE_FILES), dict):
        return {}
    found = {}
    for name, entry in table.pop(_COOKIE_FILES).items():
        key = f"{_COOKIE_FILES}.{name}"
        where = given(entry, _COOKIE_FILES, name)
        if not name.isprintable() or "." in name or not name:
            where.refuse(key, f"{name!r} is no name for an account: letters that can be seen, without dots")
        if not isinstance(entry, dict):
            where.refuse(key, f"{name} is an account: write [{_COOKIE_FILES}.{name}] and its path below")
        for setting in entry:
            if setting != "path":
                given(None, _COOKIE_FILES, name, setting).refuse(f"{key}.{setting}", "a cookie file has only a path")
        path = entry.get("path")
        if not isinstance(path, str) or not path:
            where.refuse(f"{key}.path", f"path must be the path of a file in quotes, not {path!r}")
        found[key] = where._replace(value=Path(where.file).parent / Path(path).expanduser())
        found[f"{key}.path"] = given(path, _COOKIE_FILES, name, "path")
    return found


_PROVIDERS = "providers"
_CHAINS = "chains"
_COOKIE_FILES = "cookie_files"
_FTP = "ftp"
_CHECKS = "checks"
_PLATFORMS = "platforms"
_TABLES = (_PROVIDERS, _CHAINS, _COOKIE_FILES, _FTP, _CHECKS, _PLATFORMS)
"""Sections whose names are the operator's own."""


def _from_environment(environ: Mapping[str, str]) -> dict[str, _Given]:
    found = {}
    if state := environ.get("YTPOOL_STATE"):
        found["state"] = _Given(state, "YTPOOL_STATE")
    for variable, key in OF_OTHER_PROGRAMS.items():
        if text := environ.get(variable):
            found[key] = _Given(text, variable)
    for variable, text in environ.items():
        prefix, _, rest = variable.partition("_")
        if prefix != "YTPOOL" or not text or variable in SECRET_VARIABLES:
            continue
        section, key = _named(rest.lower())
        # A misspelt endpoint would quietly send a rehearsal to Google.
        if section not in SECTIONS:
            if key and get_close_matches(section, SECTIONS, n=1, cutoff=0.7):
                _Given(text, variable).refuse(section, _unknown("section", section, tuple(SECTIONS)))
            continue
        if key not in SECTIONS[section]._fields:
            _Given(text, variable).refuse(f"{section}.{key}", _unknown_key(section, key))
        default = SECTIONS[section]._field_defaults[key]
        found[f"{section}.{key}"] = _Given(_from_text(text, default), variable)
    return found


def _named(rest: str) -> tuple[str, str]:
    """Tell section and key of a variable's name; a section that stands in another is tried first."""
    for section in SECTIONS:
        if "." in section and rest.startswith(f"{_attribute(section)}_"):
            return section, rest[len(section) + 1 :]
    section, _, key = rest.partition("_")
    return section, key


def _from_text(text: str, default: Any) -> Any:
    """Read a variable as the type of its default; what cannot be read stays text, and is refused as such."""
    if isinstance(default, bool):
        return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}.get(text.lower(), text)
    if isinstance(default, tuple):
        return text
    try:
        return type(default)(text)
    except ValueError:
        return text


def _decide(profile: str, paths: Paths, given: Mapping[str, _Given]) -> Config:
    if profile == SANDBOX:
        given = {key: value for key, value in given.items() if not key.startswith("google.")}
    named: dict[str, Any] = {section: {} for section in _TABLES}
    values: dict[str, Any] = {}
    for key, one in given.items():
        section, _, name = key.partition(".")
        if section not in named:
            values[key] = _checked(key, one)
        elif "." not in name or isinstance(one.value, tuple):  # each setting of a platform stands beside it as written
            named[section][name] = one.value
    if values.get(_SERVED_FILE):
        values[_SERVED_FILE] = str(_path(given[_SERVED_FILE], paths))
    sections = {
        _attribute(name): kind(**{key: values[f"{name}.{key}"] for key in kind._fields if f"{name}.{key}" in values})
        for name, kind in SECTIONS.items()
    }
    origins = {key: one.origin for key, one in given.items()}
    if profile == SANDBOX:
        sections["google"] = Google("", "", "", "")
        origins |= {f"google.{key}": "the sandbox of this profile" for key in Google._fields}
    if "state" in values:
        paths = paths._replace(state=_state_path(given["state"], paths))
    _check_together(sections["thresholds"], sections["balancing"], sections["envelopes"], given)
    return Config(profile=profile, paths=paths, origins=origins, **named, **sections)


def _shares(envelopes: Envelopes, chosen: Container[str]) -> Mapping[str, int]:
    if envelopes == Envelopes():
        return {}
    preset = PRESETS.get(envelopes.preset, {})
    percents = {
        purpose: getattr(envelopes, purpose) if f"envelopes.{purpose}" in chosen else preset.get(purpose, 0)
        for purpose in Envelopes._fields[1:-1]
    }
    return {purpose: percent for purpose, percent in percents.items() if percent}


def _checked(key: str, given: _Given) -> Any:
    section, _, name = key.rpartition(".")
    default: Any = SECTIONS[section]._field_defaults[name] if section else ""
    value: Any = given.value
    if isinstance(default, tuple):
        return _words(key, given) if key == _REFRESHER else _blocks(key, given)
    if isinstance(default, float) and type(value) is int:
        value = float(value)
    if type(value) is not type(default):
        given.refuse(key, f"{key} must be {_TYPES[type(default)]}, not {value!r}")
    if key.startswith("google."):
        value = _address(key, value, given)
    right, meaning = CHECKS.get(key, _ANYTHING)
    if not right(value):
        wish = ""
        if key == "time.zone":
            wish = _suggestion(value, _zones())
        given.refuse(key, f"{key} must be {meaning}, not {value!r}{wish}")
    return value


def _words(key: str, given: _Given) -> tuple[str, ...]:
    """Read a command: a list of texts in the file, and in a variable words as a shell would split them."""
    value = given.value
    if isinstance(value, str) and not given.file:
        import shlex  # noqa: PLC0415 - only where a variable names a command

        try:
            value = [_Given(word, given.origin) for word in shlex.split(value)]
        except ValueError as error:
            given.refuse(key, f"{key} cannot be split into words: {error}")
    if not isinstance(value, list) or not all(isinstance(word.value, str) for word in value):
        given.refuse(
            key, f"{key} is a list of texts like ['/opt/log-in', '{{account}}', '{{file}}']; no shell reads it"
        )
    return tuple(word.value for word in value)


def _blocks(key: str, given: _Given) -> tuple[Block, ...]:
    if not isinstance(given.value, list) or not all(isinstance(entry.value, dict) for entry in given.value):
        given.refuse(key, f"{key} is a list of tables in the file: write [[{key}]], and {', '.join(_BLOCK_KEYS)} below")
    blocks: list[Block] = []
    for entry in given.value:
        block = _block(key, entry)
        for other in blocks:
            if other.name == block.name:
                entry.refuse(key, f"there are two blocks called {block.name}")
            if other.begins < block.ends and block.begins < other.ends:
                entry.refuse(key, f"the blocks {other.name} and {block.name} overlap")
        blocks.append(block)
    return tuple(sorted(blocks, key=lambda block: block.begins))


def _block(key: str, entry: _Given) -> Block:
    for name, inner in entry.value.items():
        if name not in _BLOCK_KEYS:
            inner.refuse(
                f"{key}.{name}", f"a block has no {name}{_suggestion(name, _BLOCK_KEYS)}; it has {_BLOCK_WORDS}"
            )
    for name in _BLOCK_KEYS:
        if name not in entry.value:
            entry.refuse(f"{key}.{name}", f"a block needs {_BLOCK_WORDS}, and this one has no {name}")
    values = {name: entry.value[name].value for name in _BLOCK_KEYS}
    if not isinstance(values["name"], str) or not values["name"].strip() or not values["name"].isprintable():
        entry.value["name"].refuse(f"{key}.name", f"a block's name is text in quotes, not {values['name']!r}")
    for name in ("from", "to"):
        if not isinstance(values[name], str) or not _CLOCK.fullmatch(values[name]):
            sentence = f"{name} must be an hour in quotes like 06:00, or 24:00, not {values[name]!r}"
            entry.value[name].refuse(f"{key}.{name}", sentence)
    videos = values["videos"]
    if type(videos) is not int or not 1 <= videos <= _MOST_VIDEOS:
        sentence = f"videos must be a whole number between 1 and {_MOST_VIDEOS}, not {videos!r}"
        entry.value["videos"].refuse(f"{key}.videos", sentence)
    block = Block(values["name"], _minutes(values["from"]), _minutes(values["to"]), videos)
    if block.begins >= block.ends:
        sentence = (
            f"{block.name} must end after it begins; one that goes over midnight is two, until 24:00 and from 00:00"
        )
        entry.value["to"].refuse(f"{key}.to", sentence)
    return block


def _minutes(hour: str) -> int:
    hours, _, minutes = hour.partition(":")
    return 60 * int(hours) + int(minutes)


def _hour(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _address(key: str, value: str, given: _Given) -> str:
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        given.refuse(key, f"{key} must be an address, not {value!r} ({error})")
    if parts.scheme not in {"http", "https"} or not host or parts.username or parts.query or parts.fragment:
        given.refuse(key, f"{key} must be an address like https://host/path, without a query, not {value!r}")
    if parts.scheme == "http" and not re.fullmatch(r"localhost|::1|127(\.\d{1,3}){3}", host):
        given.refuse(key, f"{key} may use plain http only for this machine (127.0.0.1, ::1, localhost), not {value!r}")
    if key == "google.api_root" and not value.endswith("/"):
        return value + "/"
    return value


def _state_path(given: _Given, paths: Paths) -> Path:
    if re.match(r"postgres(ql)?://", given.value):
        given.refuse("state", "this version keeps its state in a local file: state must be a path, not a database URL")
    if "://" in given.value:
        given.refuse("state", f"state must be a path, not {given.value!r}")
    return _path(given, paths)


def _path(given: _Given, paths: Paths) -> Path:
    # A path in the file is meant from the file's own folder: cron starts elsewhere than a terminal does.
    base = paths.config.parent if given.file else Path.cwd()
    return base / Path(given.value).expanduser()


def _check_together(
    thresholds: Thresholds, balancing: Balancing, envelopes: Envelopes, given: Mapping[str, _Given]
) -> None:
    shares = _shares(envelopes, given)
    if sum(shares.values()) > _WHOLE:
        key = next(f"envelopes.{name}" for name in reversed(Envelopes._fields) if f"envelopes.{name}" in given)
        values = ", ".join(f"{name} {percent}" for name, percent in shares.items())
        given[key].refuse(key, f"envelopes must come to 100 per cent together at the most, not {values}")
    if not thresholds.yellow < thresholds.orange < thresholds.red:
        key = next(f"thresholds.{name}" for name in Thresholds._fields if f"thresholds.{name}" in given)
        values = ", ".join(f"{name} {value}" for name, value in thresholds._asdict().items())
        given[key].refuse(key, f"thresholds must rise from yellow over orange to red, not {values}")
    weights = [f"balancing.{name}" for name in Balancing._fields[1:]]
    if not any(balancing[1:]):
        given[weights[0]].refuse(weights[0], "balancing must weigh something: quota, success, idle and age are all 0")


def _unknown(what: str, name: str, known: Sequence[str]) -> str:
    return f"there is no {what} {name}{_suggestion(name, known)}"


def _unknown_key(section: str, key: str) -> str:
    known = SECTIONS[section]._fields
    if close := get_close_matches(key, known, n=1):
        return f"there is no setting {section}.{key}; did you mean {section}.{close[0]}?"
    return f"there is no setting {section}.{key}; {section} has {', '.join(known)}"


def _suggestion(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _lines(text: str) -> dict[tuple[str, ...], int]:
    """Find the line on which each section and key is written, which `tomllib` does not tell."""
    found: dict[tuple[str, ...], int] = {}
    section: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*(\[\[?)([^\[\]]+)\]", line):
            section = _dotted(header[2])
            found.setdefault(section, number)
            if header[1] == "[[":
                place = next(place for place in count() if (*section, str(place)) not in found)
                section = (*section, str(place))
                found[section] = number
        elif key := re.match(r"""\s*([\w\-."' ]+?)\s*=""", line):
            path = (*section, *_dotted(key[1]))
            found.setdefault(path, number)
            found.setdefault(path[:1], number)
    return found


def _dotted(name: str) -> tuple[str, ...]:
    return tuple(part.strip(" \t\"'") for part in name.split("."))


def _is_place(text: str) -> bool:
    from ytpool.domain import endpoints  # noqa: PLC0415 - only where a place is named

    try:
        endpoints.place(text, 0)
    except ValueError:
        return False
    return True


def is_zone(name: str) -> bool:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415 - only where a zone is named

    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _zones() -> list[str]:
    from zoneinfo import available_timezones  # noqa: PLC0415 - only to help with a misspelt one

    return sorted(available_timezones())


def _one_of(*words: str) -> Check:
    return (lambda value: value in words), f"one of {', '.join(words)}"


def _between(least: float, most: float) -> Check:
    return (lambda value: least <= value <= most), f"between {least} and {most}"


_SERVED_FILE = "serve.cookies_file"
_REFRESHER = "sessions.refresh.command"
_TYPES = {str: "text in quotes", int: "a whole number", float: "a number", bool: "true or false"}
_ANYTHING: Check = (lambda _: True), ""
_WEIGHT = _between(0, 1000)
_WHOLE = 100
_SHARE = _between(0, _WHOLE)
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")
_RATE = re.compile(r"0*[1-9]\d{0,11}(\.\d{1,6})?\s*[KMG]?(i?B)?(/s)?", re.IGNORECASE | re.ASCII)
_BLOCK_KEYS = ("name", "from", "to", "videos")
_BLOCK_WORDS = "name, from, to and videos"
_MOST_VIDEOS = 10_000
_HOUR = re.compile(r"([01]\d|2[0-3]):[0-5]\d|")

CHECKS: Mapping[str, Check] = {
    "state": (bool, "a path"),
    "time.zone": (is_zone, "a time zone like Europe/Berlin"),
    "vault.place": ((lambda value: value in {"", "keyring", "keyfile"}), "keyring or keyfile"),
    "vault.keyring_timeout": _between(0.1, 600),
    "upload.privacy": _one_of("private", "unlisted", "public"),
    "upload.chunk_mib": _between(8, 64),
    "upload.category": (str.isdecimal, "the number of a category in quotes"),
    "thresholds.yellow": _between(1, 100),
    "thresholds.orange": _between(1, 100),
    "thresholds.red": _between(1, 100),
    "balancing.strategy": _one_of("health", "round_robin", "least_used", "random", "fill"),
    "balancing.quota": _WEIGHT,
    "balancing.success": _WEIGHT,
    "balancing.idle": _WEIGHT,
    "balancing.age": _WEIGHT,
    "breakers.failures": _between(1, 100),
    "breakers.within": _between(1, 3600),
    "breakers.probes": _between(1, 100),
    "breakers.rest": _between(0.1, 3600),
    "breakers.longest": _between(0.1, 24 * 3600),
    "envelopes.preset": ((lambda value: value in {"", *PRESETS}), "publishing, or empty"),
    "envelopes.publishing": _SHARE,
    "envelopes.metadata": _SHARE,
    "envelopes.reading": _SHARE,
    "envelopes.buffer": _SHARE,
    "envelopes.lend_after": (
        (lambda value: _HOUR.fullmatch(value) is not None),
        "an hour of the quota day like 18:00, which is California's, or empty",
    ),
    "refresh.within_minutes": _between(1, 24 * 60),
    "plan.rate": (
        (lambda value: _RATE.fullmatch(value) is not None),
        "bytes per second like 800K, 5M or 1.5G",
    ),
    "serve.bind": (_is_place, "a place like 127.0.0.1:8383 or [::1]:8383"),
    "activity.retention_days": _between(0, 36_500),
    "sessions.refresh.timeout": _between(1, 280),
    "sessions.inactive_days": _between(1, 3650),
    "health.disk_warn_mib": _between(0, 1 << 30),
    "health.disk_fail_mib": _between(0, 1 << 30),
    "health.waiting_hours": _between(0.1, 24 * 365),
    "health.cookie_days": _between(0, 365),
    "health.deep_units": _between(0, 1000),
    "targets.reserves_ready": _between(0, 10_000),
    "targets.score": _between(0, 1),
    "targets.uploads_successful": _SHARE,
    "targets.fallbacks": _SHARE,
    "alerts.escalate_after_hours": _between(0, 24 * 365),
    "network.timeout": _between(1, 3600),
    "log.level": _one_of("debug", "info", "warning", "error"),
}
