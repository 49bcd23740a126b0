"""Find a key by its id: files first, because they work everywhere, then the keyring."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ytpool.domain.keys import KeyFound, KeyPlace
from ytpool.errors import VaultKeyLost, VaultUnavailable
from ytpool.vault import keyfiles, keyrings
from ytpool.vault.keys import Key

CREDENTIAL = "ytpool-key"
KEY_FILE_VARIABLE = "YTPOOL_VAULT_KEY_FILE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where keys may be on this machine."""

    environ: Mapping[str, str]
    key_file: Path | None
    keyring_timeout: float = keyrings.TIMEOUT

    def find(self, key_id: str) -> tuple[Key, KeyFound]:
        """Return the key of this id from the first place that has it.

        A file that is missing or holds other keys is passed over; one that cannot be used is an error at once, because
        whoever named it meant it.
        """
        looked = []
        for place, path in self._files():
            keys = keyfiles.read(path, place)
            for key in keys or ():
                if key.key_id == key_id:
                    return key, KeyFound(key_id=key_id, place=place, where=str(path))
            looked.append(f"{path} (no such file)" if keys is None else f"{path} (holds other keys)")
        try:
            found = keyrings.read(key_id, timeout=self.keyring_timeout)
        except VaultUnavailable as error:
            raise VaultUnavailable(
                f"{_sentence(f'the vault key {key_id} is out of reach', looked)}; {error.message}",
                hint=f"put the key file back from your copy, or:\n{error.hint}" if looked else error.hint,
                key_id=key_id,
                looked_in=looked,
            ) from error
        if found is None:
            looked.append("the keyring (no such item)")
            raise VaultKeyLost(
                _sentence(f"the vault key {key_id} is lost", looked),
                hint=f"bring back a file with the line that holds it, and name it with {KEY_FILE_VARIABLE};\n"
                "if there is none, the stored secrets stay closed: begin with a new --profile and log every account in",
                key_id=key_id,
                looked_in=looked,
            )
        return found

    def _files(self) -> Iterator[tuple[KeyPlace, Path]]:
        if folder := self.environ.get("CREDENTIALS_DIRECTORY"):
            yield KeyPlace.CREDENTIAL, Path(folder) / CREDENTIAL
        if named := self.environ.get(KEY_FILE_VARIABLE):
            yield KeyPlace.ENVIRONMENT_FILE, Path(named)
        if self.key_file is not None and str(self.key_file) != named:
            yield KeyPlace.KEY_FILE, self.key_file


def _sentence(what: str, looked: list[str]) -> str:
    return f"{what}; looked in {', '.join(looked)}" if looked else what
