"""Where a key of the vault can be, and where one was found; the keys themselves are known to the vault alone."""

from dataclasses import dataclass
from enum import StrEnum


class KeyPlace(StrEnum):
    """Where a key can be, in the order in which it is looked for."""

    CREDENTIAL = "systemd credential"
    ENVIRONMENT_FILE = "file named by YTPOOL_VAULT_KEY_FILE"
    KEY_FILE = "key file"
    KEYRING = "keyring"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFound:
    """Which key was read, and from where."""

    key_id: str
    place: KeyPlace
    where: str
