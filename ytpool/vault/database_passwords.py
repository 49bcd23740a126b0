"""The password of the database that holds the state. It is never in the vault, whose rows lie in that database.

First what lies in files of ours; then the driver looks into `~/.pgpass`; and only when the server asked for a password
that nobody had, the keyring, so that nobody waits for one who does not need it.
"""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ytpool.config import services
from ytpool.config.postgres import Postgres
from ytpool.config.settings import DATABASE_CREDENTIAL
from ytpool.domain.secret import Secret
from ytpool.errors import ConfigInvalid
from ytpool.vault import keyrings

_LONGEST = 4096
_FOR_OWNER_ONLY = 0o077
_AS_SYSTEMD_MAKES_IT = 0o037


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabasePassword:
    """Where one database's password may be. Asked anew for each connection, it notices a new password."""

    database: Postgres
    environ: Mapping[str, str]
    keyring_timeout: float = keyrings.TIMEOUT

    def at_hand(self) -> Secret | None:
        """Return what a service file, systemd or the file that the settings name holds.

        Raises ConfigInvalid where one is there and cannot be used.
        """
        if self.database.service:
            try:
                served = services.find(self.database.service, self.environ).password
            except ValueError as error:
                raise ConfigInvalid(str(error), hint="look again with: ytpool config check") from None
            if served is not None:
                return served
        if folder := self.environ.get("CREDENTIALS_DIRECTORY"):
            credential = Path(folder) / DATABASE_CREDENTIAL
            if credential.exists():
                return _first_line(credential, _AS_SYSTEMD_MAKES_IT)
        if self.database.password_file is not None:
            return _first_line(self.database.password_file, _FOR_OWNER_ONLY)
        return None

    def in_keyring(self) -> Secret | None:
        """Return what the keyring holds, or None; raises VaultUnavailable where it cannot be asked."""
        return keyrings.password(self.database.item, timeout=self.keyring_timeout)

    def keep(self, value: Secret) -> str:
        """Write it into the keyring, over the one before, and name the keyring."""
        return keyrings.keep_password(self.database.item, value, timeout=self.keyring_timeout)

    def forget(self) -> bool:
        """Take it out of the keyring; False where there was none."""
        return keyrings.forget_password(self.database.item, timeout=self.keyring_timeout)


def _first_line(path: Path, others: int) -> Secret:
    def wrong(why: str, hint: str) -> ConfigInvalid:
        return ConfigInvalid(f"the password file {path} {why}", hint=hint, file=str(path))

    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe of that name would hold us for ever
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise wrong("is not a regular file", "name another one with YTPOOL_POSTGRES_PASSWORD_FILE")
            if found.st_mode & others:
                raise wrong("can be read by others", f"run: chmod 600 {path}")
            line = file.readline(_LONGEST)
        text = line.decode("utf-8").rstrip("\r\n")
    except OSError as error:
        raise wrong(f"cannot be read: {error.strerror}", "let the user who runs ytpool read it") from None
    except UnicodeDecodeError:
        raise wrong("is no text in UTF-8", "save it as UTF-8") from None
    if not text or "\0" in text:
        raise wrong("has no password in its first line", "write it there")
    return Secret(text)
