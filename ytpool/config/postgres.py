"""A state that is a PostgreSQL database: where it is, how it is reached, and whom we believe to be it.

What the address says goes before `[postgres]`, and that before a service file. A password is in none of what is kept
here, and no sentence repeats an address that was not understood, for it may hold one.
"""

import os
import pwd
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote, unquote

from ytpool.config import services
from ytpool.config.checks import SSL_MODES
from ytpool.config.given import Given, suggestion
from ytpool.config.places import expanded, from_home
from ytpool.config.settings import DATABASE_FILES, NO_PASSWORD_HERE, PostgresOptions
from ytpool.domain import endpoints
from ytpool.errors import ConfigInvalid

SYSTEM = "system"
_VERIFIES = ("verify-ca", "verify-full")


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    """A database that holds a state, and everything needed to reach it but the password."""

    hosts: tuple[str, ...]
    """Names, numbers or folders of sockets; an empty one is the driver's own socket."""
    ports: tuple[str, ...]
    """As many as hosts."""
    user: str
    name: str
    schema: str
    options: Mapping[str, str]
    """libpq's other keywords."""
    origins: Mapping[str, str]
    """Where the options of `[postgres]` come from that stand somewhere else."""
    service: str = ""
    password_file: Path | None = None

    @property
    def url(self) -> str:
        """The address for people."""
        user = f"{quote(self.user, safe='')}@" if self.user else ""
        if self.hosts == ("",) or any("/" in host or host.startswith("@") for host in self.hosts):
            folder = f"?host={quote(','.join(self.hosts), safe='/,')}" if any(self.hosts) else ""
            port = "" if self.ports == (_PORT,) else f":{','.join(self.ports)}"
            return f"postgresql://{user}{port}/{quote(self.name, safe='')}{folder}"
        hosts = ",".join(
            f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            for host, port in zip(self.hosts, self.ports, strict=True)
        )
        return f"postgresql://{user}{hosts}/{quote(self.name, safe='')}"

    @property
    def shown(self) -> str:
        """The address and the schema, for messages."""
        return f"{self.url} (schema {self.schema})"

    @property
    def item(self) -> str:
        """What the password is called in a keyring."""
        return f"postgres:{','.join(self.hosts)}:{','.join(self.ports)}/{self.name}:{self.user}"

    @property
    def sslmode(self) -> str:
        return self.options["sslmode"]

    def settings(self) -> Mapping[str, str | int]:
        """Return what `[postgres]` comes to with all that the address, a service and the defaults say."""
        found = {key: self.options[key] for key in PostgresOptions._fields if key in self.options}
        return {key: int(value) if key in _NUMBERS else value for key, value in found.items()}

    @property
    def is_here(self) -> bool:
        """Tell whether it is on this machine, or where this machine forwards to."""
        return _is_here(self.hosts, self.options.get("hostaddr", ""))

    @property
    def warning(self) -> str:
        """Say what is weaker than it should be; empty where nothing is."""
        if self.is_here or self.sslmode == "verify-full":
            return ""
        what = (
            "any server with a certificate of the same authority is believed to be the one that was meant"
            if self.sslmode == "verify-ca"
            else "whoever is between here and the server can read and change the state"
        )
        return f"the state is reached with sslmode {self.sslmode}: {what}"

    def parameters(self) -> dict[str, str]:
        """Return libpq's keywords; the password is not among them."""
        found = {"port": ",".join(self.ports), "dbname": self.name, **self.options}
        if any(self.hosts):
            found["host"] = ",".join(self.hosts)
        if self.user:
            found["user"] = self.user
        return found

    def require_files(self) -> None:
        """Raise ConfigInvalid where a file that was named cannot be read, or would be refused by the driver."""
        for key in ("sslrootcert", "sslcert", "sslkey", "passfile"):
            path = self.options.get(key)
            if path and path != SYSTEM:
                _require_readable(key, Path(path), private=key in {"sslkey", "passfile"})
        if self.password_file is not None:
            _require_readable("password_file", self.password_file, private=True)


def read(
    state: Given,
    options: PostgresOptions,
    given: Mapping[str, Given],
    *,
    placed: Callable[[str], Path],
    environ: Mapping[str, str],
) -> Postgres:
    """Understand the address and the options; `placed` says where a path is that stands in the address.

    Raises ConfigInvalid.
    """
    asked = _parsed(state)
    for key in DATABASE_FILES:
        if asked.get(key) and asked[key] != SYSTEM:
            asked[key] = str(placed(asked[key]))
    # What the variable names the driver would read too, and fill in what is left open here.
    name = asked.get("service") or options.service or environ.get("PGSERVICE", "")
    served = _served(name, given.get("postgres.service", state), environ) if name else {}
    section = {
        key: str(getattr(options, key)) for key in _OF_SECTION if getattr(options, key) != getattr(_DEFAULTS, key)
    }
    chosen = {key: value for one in (served, section, asked) for key, value in one.items() if value}
    chosen.pop("service", None)
    origins = dict.fromkeys(served, f"the service {name}") | dict.fromkeys(asked, state.origin)
    found = _built(state, given, options, chosen, environ)
    return replace(
        found,
        service=name,
        origins={
            f"postgres.{key}": origin
            for key, origin in origins.items()
            if key in PostgresOptions._fields and (key in asked or key not in section)
        },
    )


def at(url: str, options: PostgresOptions, environ: Mapping[str, str], *, origin: str) -> Postgres:
    """Understand an address that stands in no setting, such as one of the command line; raises ConfigInvalid."""
    return read(
        Given(url, origin), options, {}, placed=lambda text: Path.cwd() / from_home(text, origin), environ=environ
    )


def _served(name: str, where: Given, environ: Mapping[str, str]) -> Mapping[str, str]:
    try:
        found = services.find(name, environ)
    except ValueError as error:
        where.refuse("postgres.service", str(error))
    for key in found.options:
        if key not in _KNOWN:
            where.refuse("postgres.service", f"the service {name} in {found.file} says {key}, which is not used here")
    return found.options


def _built(
    state: Given,
    given: Mapping[str, Given],
    options: PostgresOptions,
    chosen: dict[str, str],
    environ: Mapping[str, str],
) -> Postgres:
    hosts = (chosen.pop("host", "") or environ.get("PGHOST", "")).split(",")
    ports = (chosen.pop("port", "") or environ.get("PGPORT", "") or _PORT).split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    if len(ports) != len(hosts) or not all(map(_is_port, ports)):
        state.refuse("state", f"state must have a port between 1 and {_LAST_PORT} for each host")
    if any(_NO_HOST.search(host) for host in hosts if not host.startswith(("/", "@"))):
        state.refuse("state", "state must name its host like db.example, db.example:5432 or [::1]:5432")
    user = chosen.pop("user", "") or environ.get("PGUSER", "") or _own_name()
    name = chosen.pop("dbname", "") or environ.get("PGDATABASE", "")
    if not name:
        state.refuse("state", "state names no database: write it like postgresql://user@host/database")
    if address := chosen.get("hostaddr") or environ.get("PGHOSTADDR"):
        chosen["hostaddr"] = address
    chosen |= _trust(state, given, chosen, environ, here=_is_here(hosts, chosen.get("hostaddr", "")))
    for key in _NUMBERS & chosen.keys():
        if not re.fullmatch(r"[1-9]\d{0,8}", chosen[key]):
            state.refuse("state", f"{key} must be a whole number above 0")
    patience = options.dead_after
    defaults = {
        "connect_timeout": str(options.connect_timeout),
        "keepalives_idle": str(max(1, patience // 3)),
        "keepalives_interval": str(max(1, patience // 6)),
        "keepalives_count": "4",
        "tcp_user_timeout": str(patience * 1000),
        "fallback_application_name": "ytpool",
        **({"target_session_attrs": "read-write"} if len(hosts) > 1 else {}),
    }
    return Postgres(
        hosts=tuple(hosts),
        ports=tuple(ports),
        user=user,
        name=name,
        schema=options.schema,
        options={**defaults, **chosen},
        origins={},
        password_file=Path(options.password_file) if options.password_file else None,
    )


def _is_port(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,5}", text) is not None and 0 < int(text) <= _LAST_PORT


def _trust(
    state: Given, given: Mapping[str, Given], chosen: Mapping[str, str], environ: Mapping[str, str], *, here: bool
) -> dict[str, str]:
    """Decide how the server proves who it is."""
    mode = chosen.get("sslmode") or ("prefer" if here else "verify-full")
    if mode not in SSL_MODES:
        state.refuse("state", f"sslmode must be one of {', '.join(SSL_MODES)}")
    if mode not in _VERIFIES:
        if chosen.get("sslrootcert") == SYSTEM:
            given.get("postgres.sslrootcert", state).refuse(
                "postgres.sslrootcert", f"sslrootcert = system goes with sslmode verify-full, not with {mode}"
            )
        return {"sslmode": mode}
    trusted = _trusted(chosen.get("sslrootcert", ""), environ)
    # Anybody can have a certificate that the system trusts; only the name in it says whose it is.
    if mode == "verify-ca" and trusted in {SYSTEM, _system_roots(environ)}:
        given.get("postgres.sslmode", state).refuse(
            "postgres.sslmode",
            "sslmode verify-ca needs sslrootcert, the certificate of an authority of your own; with the system's, "
            "only verify-full proves anything",
        )
    return {"sslmode": mode, "sslrootcert": trusted}


def _parsed(state: Given) -> dict[str, str]:
    """Take an address apart; raises ConfigInvalid without repeating it."""

    def refuse(why: str) -> NoReturn:
        state.refuse("state", why)

    text: str = state.value
    scheme = _SCHEME.match(text)
    if scheme is None or scheme[1].lower() not in {"postgres", "postgresql"}:
        what = f"there is no state at {scheme[1]}:" if scheme else "state is no list of keywords"
        refuse(f"{what}; it is a path, or an address like {_LIKE}")
    parts = _ADDRESS.fullmatch(text)
    authority = parts["authority"] if parts else text
    if ":" in authority.rpartition("@")[0]:
        refuse(f"state has a password in it; {NO_PASSWORD_HERE}")
    if parts is None or not text.isprintable() or " " in text:
        refuse(
            f"state is no address of a database: write it like {_LIKE}, and # / ? @ : in names as %23 %2F %3F %40 %3A"
        )
    found: dict[str, str] = {}

    def put(key: str, value: str) -> None:
        if found.get(key) and value:
            refuse(f"state says {key} twice")
        found[key] = value

    user, _, places = authority.rpartition("@")
    hosts, ports = zip(*(_place(one, refuse) for one in places.split(",")), strict=True)
    put("user", _plain(user, refuse))
    put("host", ",".join(hosts) if any(hosts) else "")
    put("port", ",".join(port or _PORT for port in ports) if any(ports) else "")
    put("dbname", _plain(parts["database"] or "", refuse))
    for key, value in _options(parts["query"] or "", refuse):
        put(key, value)
    return found


def _options(query: str, refuse: Callable[[str], NoReturn]) -> Iterator[tuple[str, str]]:
    for part in filter(None, query.split("&")):
        key, equals, value = part.partition("=")
        if key in {"password", "sslpassword"}:
            refuse(f"state has a password in it; {NO_PASSWORD_HERE}")
        if not equals:
            refuse("state has an option without a value after its ?")
        if key not in _KNOWN:
            shown = f" {key}" if key.isidentifier() else " of that name"
            refuse(f"state has no option{shown}{suggestion(key, sorted(_KNOWN))}")
        yield key, _plain(value, refuse)


def _place(text: str, refuse: Callable[[str], NoReturn]) -> tuple[str, str]:
    parts = _HOST.fullmatch(text)
    if parts is None:
        refuse("state must name its host like db.example, db.example:5432 or [::1]:5432")
    return parts["six"] or _plain(parts["name"], refuse), parts["port"] or ""


def _plain(text: str, refuse: Callable[[str], NoReturn]) -> str:
    try:
        plain = unquote(text, errors="strict")
    except UnicodeDecodeError:
        refuse("state has a % in it that stands for no letter in UTF-8")
    if not plain.isprintable():
        refuse("state has a character in it that nobody can see")
    return plain


def _trusted(chosen: str, environ: Mapping[str, str]) -> str:
    """Return the file with the certificates that are believed, or the word `system`."""
    own = expanded("~/.postgresql/root.crt")
    chosen = chosen or environ.get("PGSSLROOTCERT", "") or (str(own) if own.exists() else SYSTEM)
    return _system_roots(environ) if chosen == SYSTEM else chosen


def _system_roots(environ: Mapping[str, str]) -> str:
    """Find the system's certificates: psycopg brings an OpenSSL of its own, whose `system` is a folder nobody has."""
    named = environ.get("SSL_CERT_FILE")
    return named or next((path for path in _BUNDLES if Path(path).exists()), SYSTEM)


def _is_here(hosts: Sequence[str], addresses: str) -> bool:
    """Tell whether all of them are this machine; a host's address, where it is given, is what is connected to."""
    places = [one or other for one, other in zip_longest(addresses.split(","), hosts, fillvalue="")]
    return all(not place or place.startswith(("/", "@")) or endpoints.is_own(place) for place in places)


def _own_name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container's user need not have a name; then the driver says what is missing
        return ""


def _require_readable(key: str, path: Path, *, private: bool) -> None:
    def wrong(why: str, hint: str) -> ConfigInvalid:
        return ConfigInvalid(f"the {_WHAT[key]} {path} {why}", hint=hint, key=f"postgres.{key}", file=str(path))

    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe of that name would hold us for ever
    except OSError as error:
        raise wrong(f"cannot be read: {error.strerror}", f"let this user read it, or correct postgres.{key}") from None
    found = os.fstat(descriptor)
    os.close(descriptor)
    # As the driver does: a key of root's may be shared with a group.
    others = 0o037 if key == "sslkey" and found.st_uid == 0 else 0o077
    if private and stat.S_ISREG(found.st_mode) and found.st_mode & others:
        raise wrong("can be read by others", f"run: chmod 600 {path}")


_LIKE = "postgresql://user@host:5432/database"
_PORT = "5432"
_LAST_PORT = 65535
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_ADDRESS = re.compile(
    r"(?i:postgres(?:ql)?)://(?P<authority>[^/?#]*)(?:/(?P<database>[^/?#]*))?(?:\?(?P<query>[^#]*))?"
)
_HOST = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[^:\[\]]*))(?::(?P<port>[0-9]{1,5}))?")
_NO_HOST = re.compile(r"[@%?#\[\]]")
"""What no host's name has, and what would say something else in the address for people."""
_WHAT = {
    "sslrootcert": "root certificate",
    "sslcert": "certificate",
    "sslkey": "key",
    "passfile": "password file",
    "password_file": "password file",
}
_DEFAULTS = PostgresOptions()
_OF_SECTION = ("sslmode", "sslrootcert", "sslcert", "sslkey", "passfile", "connect_timeout")
_KNOWN = frozenset(
    {
        *("host", "hostaddr", "port", "user", "dbname", "service", "passfile", "options", "application_name"),
        *(
            "sslmode",
            "sslrootcert",
            "sslcert",
            "sslkey",
            "sslcertmode",
            "sslcrl",
            "sslcrldir",
            "sslnegotiation",
            "sslsni",
        ),
        *("ssl_min_protocol_version", "ssl_max_protocol_version", "channel_binding", "require_auth", "requirepeer"),
        *("gssencmode", "gsslib", "krbsrvname", "gssdelegation", "target_session_attrs", "load_balance_hosts"),
        *("connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"),
        *("tcp_user_timeout",),
    }
)
_NUMBERS = frozenset(
    {"connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"}
)
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
