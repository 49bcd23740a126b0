"""What PostgreSQL, its driver and what stands between say, in our words.

While a connection is made libpq tells no SQLSTATE, only a text. A server that speaks another language than English is
heard in its own words then, and taken for one that cannot be reached.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

import psycopg

from ytpool.config.postgres import Postgres
from ytpool.errors import (
    ConfigInvalid,
    DiskFull,
    Interrupted,
    StateBusy,
    StateRefused,
    StateUnreachable,
    StateUnusable,
    YtpoolError,
)


def named(error: psycopg.Error, place: Postgres, waited: float) -> YtpoolError | None:
    """Give the trouble of a connection that was made one of our names, or none where it is a bug of ours.

    `details["reason"]` says which it is. `waited` is for how many seconds another's transaction was waited for.
    """
    state = error.sqlstate or ""
    if state == _CANCELLED and "statement timeout" in _said(error):  # nobody broke it off
        return _TOO_SLOW.error(error, place, waited)
    case = _OF_STATES.get(state) or _OF_STATES.get(state[:2])
    if case is not None:
        return case.error(error, place, waited)
    if not isinstance(error, psycopg.OperationalError | psycopg.InternalError):
        return None
    # What the server did not say, the driver says of a wire that is gone, encrypted or not.
    return (_OTHER if state else _LOST).error(error, place)


def at_connect(error: psycopg.Error, place: Postgres) -> YtpoolError:
    """Give the failure of a connection one of our names; `details["reason"]` says which."""
    if error.pgconn is not None and error.pgconn.needs_password:
        return _NO_PASSWORD.error(error, place)
    said = _said(error)
    case = next((case for case in _CASES if re.search(case.pattern, said)), _UNREACHABLE)
    return case.error(error, place)


class _Case(NamedTuple):
    reason: str
    kind: type[YtpoolError]
    what: str
    hint: str | Callable[[Postgres, str], str]
    """What to type; it may depend on the place, and on what was said."""
    pattern: str = r"(?!)"

    def error(self, error: psycopg.Error, place: Postgres, waited: float = 0) -> YtpoolError:
        words = {"place": place.shown, "said": _said(error), "user": place.user, "name": place.name}
        return self.kind(
            self.what.format(**words, hosts=_hosts(place), waited=f"{waited:.0f}"),
            hint=self.hint if isinstance(self.hint, str) else self.hint(place, words["said"]),
            reason=self.reason,
            path=place.shown,
        )


def _said(error: psycopg.Error) -> str:
    """Return the telling part of what was said, in one line."""
    if error.sqlstate and error.diag.message_primary:
        return error.diag.message_primary
    lines = [_PREFIX.sub("", line.strip()) for line in str(error).splitlines() if line.strip()]
    # Where TLS is preferred, the second attempt is the one without, whose answer says nothing of the first.
    return lines[0] if lines else type(error).__name__


def _hosts(place: Postgres) -> str:
    return " or ".join(host or "the driver's socket" for host in place.hosts)


def _where_passwords_belong(place: Postgres, _: str) -> str:
    return (
        "keep it in ~/.pgpass (0600), in a file that YTPOOL_POSTGRES_PASSWORD_FILE names, in systemd's credential "
        f"ytpool-pg, or in the keyring as ytpool / {place.item}: ytpool state password"
    )


def _where_passwords_come_from(place: Postgres, _: str) -> str:
    named = f" ({place.password_file})" if place.password_file else ""
    return (
        f"the first that has one gives the password: a service file, systemd's credential ytpool-pg, the file that "
        f"YTPOOL_POSTGRES_PASSWORD_FILE names{named}, PGPASSWORD, ~/.pgpass, the keyring's ytpool / {place.item}; "
        "correct it there"
    )


def _what_to_grant(place: Postgres, said: str) -> str:
    if "for database" in said:
        return f"let its owner grant it: GRANT CONNECT, CREATE ON DATABASE {place.name} TO {place.user}"
    return "the schema belongs to the role that made it: let `state` name that role before its @, on every machine"


_PREFIX = re.compile(
    r"(?:connection failed: |connection is bad: )*(?:connection to server .*? failed: )?(?:(?:FATAL|ERROR):\s+)?"
)
_TRY_AGAIN = "it is tried again by whatever runs on; try again, or look at the server"
_IS_IT_THERE = "is it running, and do host, port and firewall let this machine through? ytpool config show"
_RIGHT_NAME = "let `state` name the host as its certificate does, or have the server get a certificate for this name"
_AUTHORITY = "name the authority's certificate with postgres.sslrootcert; do not turn the check off"
_UNREACHABLE = _Case("unreachable", StateUnreachable, "the state in {place} cannot be reached: {said}", _IS_IT_THERE)
_NO_PASSWORD = _Case(
    "no_password",
    StateRefused,
    "the state in {place} asks for the password of {user}, and there is none",
    _where_passwords_belong,
)
_PASSWORD = _Case(
    "authentication",
    StateRefused,
    "the state in {place} refuses {user}: {said}",
    _where_passwords_come_from,
    r"authentication failed|no such user|SASL|auth failed",
)
_LOST = _Case("lost", StateUnreachable, "the connection to the state in {place} was lost: {said}", _TRY_AGAIN)
_FULL = _Case("too_many", StateUnreachable, "the state in {place} takes no more connections: {said}", _TRY_AGAIN)
_STARTING = _Case("starting", StateUnreachable, "the state in {place} takes nobody now: {said}", _TRY_AGAIN)
_READ_ONLY = _Case(
    "read_only",
    StateUnreachable,
    "the state in {place} can only be read: {said}",
    "is it a standby, or was it made read-only? let `state` name the server that writes",
    r"session is read-only|in hot standby mode|server is not in hot standby",
)
_RIGHTS = _Case(
    "rights",
    StateRefused,
    "the state in {place} does not let {user} do this: {said}",
    _what_to_grant,
    r"permission denied",
)
_NO_DATABASE = _Case(
    "no_database",
    StateRefused,
    "the state cannot be in {place}: there is no database {name} on that server",
    lambda place, _: f"let its operator make it: createdb {place.name}",
    r"database \"[^\"]*\" does not exist|no such database",
)

_CASES = (
    _Case(
        "certificate_name",
        StateRefused,
        "the state in {place} is not who it should be: its certificate is for another name than {hosts}: {said}",
        _RIGHT_NAME,
        r"does not match host name|could not get server's host name",
    ),
    _Case(
        "certificate_authority",
        StateRefused,
        "the state in {place} is not believed: nobody that we believe has signed its certificate: {said}",
        _AUTHORITY,
        r"certificate verify failed|unable to get local issuer|self.signed certificate|certificate has expired",
    ),
    _Case(
        "no_tls",
        StateRefused,
        "the state in {place} speaks no TLS, and without it whoever is between here and there could read along",
        "have TLS turned on there (ssl = on), or reach it through a tunnel that ends on this machine",
        r"does not support SSL",
    ),
    _Case(
        "not_admitted",
        StateRefused,
        "the state in {place} does not admit {user} from this machine: {said}",
        "let its operator add a line to pg_hba.conf, or correct user, database and sslmode: ytpool config show",
        r"pg_hba\.conf|role \"[^\"]*\" does not exist|not permitted to log in|require_auth|authentication method|"
        r"valid client certificate",
    ),
    _Case(
        "tls_files",
        ConfigInvalid,
        "the settings of TLS for the state in {place} cannot be used: {said}",
        "look at postgres.sslrootcert, sslcert and sslkey: ytpool config check",
        r"certificate file|private key file|could not (?:read|load).*(?:certificate|key)|weak sslmode",
    ),
    _Case(
        "options",
        ConfigInvalid,
        "the options of the state in {place} cannot be used: {said}",
        "correct them, and look again with: ytpool config check",
        r"invalid .*value|invalid connection option|unsupported startup parameter|unrecognized configuration parameter",
    ),
    _Case(
        "no_postgres",
        StateRefused,
        "what answers at {place} is no PostgreSQL: {said}",
        "correct host and port of `state`",
        r"invalid response to SSL negotiation|expected authentication request|unsupported frontend protocol",
    ),
    _LOST._replace(
        pattern=r"SSL (?:SYSCALL )?error: (?:EOF|unexpected eof|Broken pipe|Connection (?:reset|timed out))"
    ),
    _Case(
        "tls",
        StateRefused,
        "the state in {place} and this machine cannot agree on TLS: {said}",
        "look at the server's log",
        r"SSL error|SSL SYSCALL error|tlsv1 alert|sslv3 alert",
    ),
    _NO_DATABASE,
    _PASSWORD,
    _FULL._replace(
        pattern=r"too many clients|connection slots are reserved|too many connections|no more connections allowed"
    ),
    _STARTING._replace(
        pattern=r"starting up|shutting down|recovery mode|not (?:yet )?accepting connections|"
        r"pgbouncer is|server login failed"
    ),
    _READ_ONLY,
    _RIGHTS,
    _Case(
        "refused",
        StateUnreachable,
        "nobody listens where the state should be, at {place}: {said}",
        _IS_IT_THERE,
        r"Connection refused|No such file or directory|Is the server running",
    ),
    _Case(
        "timeout",
        StateUnreachable,
        "the state in {place} does not answer: {said}",
        _IS_IT_THERE,
        r"timeout expired|timed out",
    ),
    _Case(
        "unknown_host",
        StateUnreachable,
        "the state in {place} cannot be reached: no name server knows {hosts}",
        "correct the host in `state`, or look at this machine's network",
        r"could not translate host name|failed to resolve host|Name or service not known|name resolution",
    ),
    _LOST._replace(pattern=r"server closed the connection|connection is lost|connection is closed|Connection reset"),
)

_OTHER = _Case("other", StateUnusable, "the state in {place} cannot be used: {said}", "run: ytpool state check")
_DAMAGED = _Case(
    "damaged",
    StateUnusable,
    "the state in {place} cannot be read: {said}",
    "look at the server's log; then restore a backup of the database",
)
_CANCELLED = "57014"
_TOO_SLOW = _Case(
    "too_slow",
    StateBusy,
    "the state in {place} was busy, or slow, for longer than its statement_timeout lets {user} wait",
    lambda place, _: (
        f"try again; or let its operator give us the time: ALTER ROLE {place.user} SET statement_timeout = 0"
    ),
)
_OF_STATES = {
    "08": _LOST,
    "57P01": _LOST,
    "57P02": _LOST,
    "57P03": _STARTING,
    "57P05": _LOST,
    "25P03": _LOST,
    "25P04": _LOST,
    "53300": _FULL,
    "53100": _Case(
        "disk_full",
        DiskFull,
        "the disk that holds the state in {place} is full: {said}",
        "free some space there and try again",
    ),
    "53": _Case("resources", StateUnreachable, "the state in {place} is short of something: {said}", _TRY_AGAIN),
    "58030": _DAMAGED,
    "XX001": _DAMAGED,
    "XX002": _DAMAGED,
    "25006": _READ_ONLY,
    "28": _PASSWORD,
    "3D000": _NO_DATABASE,
    "42501": _RIGHTS,
    "55P03": _Case(
        "busy",
        StateBusy,
        "another process has held the state in {place} for more than {waited} seconds",
        "try again; if it stays so, look for a stopped ytpool process, also on other machines",
    ),
    _CANCELLED: _Case(
        "cancelled",
        Interrupted,
        "what was asked of the state in {place} took too long, and was broken off",
        "try again",
    ),
    "40": _Case("busy", StateBusy, "too many write to the state in {place} at once: {said}", "try again"),
}
