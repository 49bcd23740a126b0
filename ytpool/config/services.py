"""libpq's service files: connection options under a name, shared by every program of a machine."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from ytpool.config.places import expanded
from ytpool.domain.secret import Secret


class Service(NamedTuple):
    """What stands under a name, and in which file; the password apart."""

    file: Path
    options: Mapping[str, str]
    password: Secret | None


def find(name: str, environ: Mapping[str, str]) -> Service:
    """Return a service from the first file that has it; raises ValueError, whose text says what is wrong."""
    looked = []
    for path in _files(environ):
        try:
            text = path.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise ValueError(f"the service file {path} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ValueError(f"the service file {path} is no text in UTF-8") from None
        looked.append(str(path))
        if (options := _section(name, text, path)) is not None:
            password = options.pop("password", "")
            return Service(path, options, Secret(password) if password else None)
    where = " or ".join(looked or map(str, _files(environ)))
    raise ValueError(f"there is no service {name} in {where}")


def _files(environ: Mapping[str, str]) -> Iterator[Path]:
    named = environ.get("PGSERVICEFILE")
    yield Path(named) if named else expanded("~/.pg_service.conf")
    yield Path(environ.get("PGSYSCONFDIR") or _SYSTEM) / "pg_service.conf"


def _section(name: str, text: str, path: Path) -> dict[str, str] | None:
    found: dict[str, str] | None = None
    for number, written in enumerate(text.splitlines(), 1):
        line = written.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            if found is not None:
                break
            found = {} if line == f"[{name}]" else None
        elif found is not None:
            key, equals, value = line.partition("=")
            if not equals:  # LDAP among them; the line is not repeated, for it may be half of a password
                raise ValueError(f"{path}:{number}: this line is no KEY=VALUE")
            found.setdefault(key.strip(), value.strip())
    return found


_SYSTEM = "/etc/postgresql-common"
