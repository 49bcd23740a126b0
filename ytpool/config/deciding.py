"""Every setting decided: the environment's over the file's over the default, each checked, and some together."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ytpool.config import file
from ytpool.config.checks import ANYTHING, CHECKS, WHOLE, zones
from ytpool.config.environment import from_environment
from ytpool.config.given import Given, suggestion
from ytpool.config.places import from_home, paths_of, profile_named
from ytpool.config.settings import (
    ALERT_TARGETS,
    DATABASE_FILES,
    SANDBOX,
    SECTIONS,
    TABLES,
    Balancing,
    Config,
    Envelopes,
    Google,
    Paths,
    PostgresOptions,
    Thresholds,
    attribute,
    shares_of,
)

if TYPE_CHECKING:
    from ytpool.config.postgres import Postgres


def load(*, profile: str | None, environ: Mapping[str, str]) -> Config:
    """Decide every setting. The profile is the flag's, else `YTPOOL_PROFILE`, else `default`."""
    name = profile_named(profile, environ)
    paths = paths_of(name, environ)
    written, variables = file.read(paths.config), from_environment(environ)
    ignored: Mapping[str, str] = {}
    if name == SANDBOX:
        written, variables, ignored = _of_the_sandbox(written, variables)
    return _decide(name, paths, {**written, **variables}, environ, ignored)


def write_initial(paths: Paths, values: Mapping[str, Any]) -> bool:
    """Create the configuration file, readable by its owner only; an existing one is never touched.

    Returns whether it was created.
    """
    import tomli_w  # noqa: PLC0415 - only `init` writes

    text = "# Settings of this ytpool profile; `ytpool config show` lists them all.\n\n" + tomli_w.dumps(values)
    _decide("default", paths, file.parse(text, paths.config), {}, {})
    return file.create(paths.config, text)


def _of_the_sandbox(
    written: Mapping[str, Given], variables: Mapping[str, Given]
) -> tuple[dict[str, Given], dict[str, Given], dict[str, str]]:
    """Leave out what must not reach the sandbox profile, Google's addresses and everybody's books; and say why."""
    ignored = {f"google.{key}": "the sandbox of this profile" for key in Google._fields}
    if "state" in variables and "state" not in written:
        ignored["state"] = f"this profile, whose books are its own; {variables['state'].origin} is ignored"
    kept = {key: one for key, one in written.items() if key not in ignored}
    return kept, {key: one for key, one in variables.items() if key not in ignored and key != "state"}, ignored


def _decide(
    profile: str,
    paths: Paths,
    given: Mapping[str, Given],
    environ: Mapping[str, str],
    ignored: Mapping[str, str],
) -> Config:
    named: dict[str, Any] = {table: {} for table in (*TABLES, _TARGETS)}
    values: dict[str, Any] = {}
    for key, one in given.items():
        section, name = _table_of(key)
        if section not in named:
            values[key] = _checked(key, one)
        elif "." not in name or isinstance(one.value, tuple):  # each setting of a platform stands beside it as written
            named[section][name] = one.value
    for key in _PATHS:
        if values.get(key) and (key, values[key]) != _SYSTEMS_CERTIFICATES:
            values[key] = str(_path(given[key], paths))
    sections = {
        attribute(name): kind(**{key: values[f"{name}.{key}"] for key in kind._fields if f"{name}.{key}" in values})
        for name, kind in SECTIONS.items()
    }
    origins = {key: one.origin for key, one in given.items()} | {**ignored}
    if profile == SANDBOX:
        sections["google"] = Google("", "", "", "")
    database = _database(profile, sections["postgres"], given, paths, environ)
    if database is not None:
        origins |= database.origins
    elif "state" in values:
        paths = paths._replace(state=_path(given["state"], paths))
    _check_together(sections["thresholds"], sections["balancing"], sections["envelopes"], given)
    return Config(profile=profile, paths=paths, origins=origins, database=database, **named, **sections)


def _table_of(key: str) -> tuple[str, str]:
    """Return the field that a setting is in, and its name there."""
    if key.startswith(f"{ALERT_TARGETS}."):
        return _TARGETS, key[len(ALERT_TARGETS) + 1 :]
    section, _, name = key.partition(".")
    return section, name


def _checked(key: str, given: Given) -> Any:
    section, _, name = key.rpartition(".")
    default: Any = SECTIONS[section]._field_defaults[name] if section else ""
    value: Any = given.value
    if isinstance(default, tuple):
        if key == _REFRESHER:
            return _words(key, given, "like ['/opt/log-in', '{account}', '{file}']; no shell reads it")
        if key == _PATH_MAP:
            return _path_map(key, given)
        from ytpool.config import blocks  # noqa: PLC0415 - most have none

        return blocks.read(key, given)
    if isinstance(default, float) and type(value) is int:
        value = float(value)
    if type(value) is not type(default):
        given.refuse(key, f"{key} must be {_TYPES[type(default)]}, not {value!r}")
    if key.startswith("google."):
        value = _address(key, value, given)
    right, meaning = CHECKS.get(key, ANYTHING)
    if not right(value):
        wish = ""
        if key == "time.zone":
            wish = suggestion(value, zones())
        given.refuse(key, f"{key} must be {meaning}, not {value!r}{wish}")
    return value


def _path_map(key: str, given: Given) -> tuple[str, ...]:
    from ytpool.domain.path_map import PathMap  # noqa: PLC0415 - most have none

    texts = _words(key, given, "like ['/mnt/a=/srv/a']")
    try:
        PathMap.from_texts(texts)
    except ValueError as error:
        given.refuse(key, f"{key} {error}")
    return texts


def _words(key: str, given: Given, like: str) -> tuple[str, ...]:
    """Read a list of texts in the file, and in a variable words as a shell would split them."""
    value = given.value
    if isinstance(value, str) and not given.file:
        import shlex  # noqa: PLC0415 - only where a variable names a command

        try:
            value = [Given(word, given.origin) for word in shlex.split(value)]
        except ValueError as error:
            given.refuse(key, f"{key} cannot be split into words: {error}")
    if not isinstance(value, list) or not all(isinstance(word.value, str) for word in value):
        given.refuse(key, f"{key} is a list of texts {like}")
    return tuple(word.value for word in value)


def _address(key: str, value: str, given: Given) -> str:
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


def _database(
    profile: str, options: PostgresOptions, given: Mapping[str, Given], paths: Paths, environ: Mapping[str, str]
) -> "Postgres | None":
    """Return the database that holds the state, or None where a file does."""
    state = given.get("state")
    if state is None or not _ADDRESS.search(state.value):
        return None
    from ytpool.config import postgres  # noqa: PLC0415 - most have a file

    if profile == SANDBOX:
        sentence = "the sandbox profile keeps its books in a file of its own, apart from everybody's; state is its path"
        state.refuse("state", sentence)
    return postgres.read(
        state, options, given, placed=lambda text: _path(state._replace(value=text), paths), environ=environ
    )


def _path(given: Given, paths: Paths) -> Path:
    # A path in the file is meant from the file's own folder: cron starts elsewhere than a terminal does.
    base = paths.config.parent if given.file else Path.cwd()
    return base / from_home(given.value, given.origin)


def _check_together(
    thresholds: Thresholds, balancing: Balancing, envelopes: Envelopes, given: Mapping[str, Given]
) -> None:
    shares = shares_of(envelopes, given)
    if sum(shares.values()) > WHOLE:
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


_TARGETS = "alert_targets"
_PATHS = ("serve.cookies_file", *(f"postgres.{key}" for key in DATABASE_FILES))
_SYSTEMS_CERTIFICATES = ("postgres.sslrootcert", "system")
_ADDRESS = re.compile(
    r"^[A-Za-z][A-Za-z0-9+.-]*:/|^postgres(?:ql)?:|(?:^|\s)(?:host|hostaddr|dbname|user|password|service)\s*="
)
"""What is meant to be a database, also where it is written wrong: a password in it must not become a file's name."""
_REFRESHER = "sessions.refresh.command"
_PATH_MAP = "path.map"
_TYPES = {str: "text in quotes", int: "a whole number", float: "a number", bool: "true or false"}
