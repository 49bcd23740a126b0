"""Seal and open texts with AES-256-GCM, each bound to what it is and whose it is."""

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from ytpool.domain.keys import KeyFound, KeyPlace
from ytpool.domain.secret import Sealed, Secret
from ytpool.errors import NotInitialised, SecretDamaged
from ytpool.vault import keyfiles, keyrings
from ytpool.vault.keys import Key
from ytpool.vault.places import Places

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12


class Vault:
    """Seals and opens secrets; a key is looked for when it is first needed, and then kept.

    `key_id` is the key that new secrets are sealed with; secrets of other keys open too, as long as those are found.
    """

    def __init__(
        self,
        *,
        key_id: str | None,
        key_file: Path | None,
        environ: Mapping[str, str],
        keyring_timeout: float = keyrings.TIMEOUT,
    ) -> None:
        self._key_id = key_id
        self._places = Places(environ=environ, key_file=key_file, keyring_timeout=keyring_timeout)
        self._keys: dict[str, Key] = {}
        self._looking = Lock()  # threads that start together ask the keyring once

    def seal_with(self, key_id: str | None) -> None:
        """Seal with this key from now on; another process may have rotated it."""
        self._key_id = key_id

    def holds(self, key_id: str | None) -> bool:
        """Tell whether a key was read already, so that it opens and seals wherever it has gone since."""
        return key_id in self._keys

    def look_in(self, key_file: Path | None) -> None:
        """Look in this file for keys that are not known yet."""
        self._places = replace(self._places, key_file=key_file)

    def seal(self, kind: str, owner: str, value: Secret) -> Sealed:
        key = self._key(self._current())
        nonce = os.urandom(_NONCE_BYTES)
        # Cookies and titles come from JSON, which may hold half a surrogate pair; it must come back as it went in.
        plain = value.reveal().encode("utf-8", "surrogatepass")
        ciphertext = _cipher(key).encrypt(nonce, plain, _bound_to(key.key_id, kind, owner))
        return Sealed(key_id=key.key_id, text=base64.b64encode(nonce + ciphertext).decode("ascii"))

    def open(self, kind: str, owner: str, sealed: Sealed) -> Secret:
        """Return what was sealed; one that was changed, or sealed for another kind or owner, is `SecretDamaged`."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - see _cipher

        key = self._key(sealed.key_id)
        try:
            content = base64.b64decode(sealed.text, validate=True)
            nonce, ciphertext = content[:_NONCE_BYTES], content[_NONCE_BYTES:]
            plain = _cipher(key).decrypt(nonce, ciphertext, _bound_to(key.key_id, kind, owner))
        except (ValueError, InvalidTag) as error:  # ValueError: no base64, or too short to hold a nonce
            raise SecretDamaged(
                f"the stored {kind} of {owner} does not open: it was changed, or belongs to another row",
                hint="restore the state from a backup, or store this secret anew (for a token: log in again).",
                kind=kind,
                owner=owner,
                key_id=sealed.key_id,
            ) from error
        return Secret(plain.decode("utf-8", "surrogatepass"))

    def locate(self, key_id: str | None = None) -> KeyFound:
        """Look for a key now, whatever is remembered, and say where it is; without an id, the one we seal with."""
        with self._looking:
            key, found = self._places.find(key_id or self._current())
            self._keys[key.key_id] = key
        return found

    def make_beside(self, found: KeyFound) -> KeyFound:
        """Make a new key in the place where another is: in the same file or in the keyring, whose keys all stay.

        Raises VaultUnavailable where that cannot be written, as a credential of systemd never can.
        """
        return self._kept(Key.make(), found)

    def copy(self, key_id: str, to: KeyFound) -> KeyFound:
        """Write a key of another place in this one too, and read it back there; copying again changes nothing."""
        return self._kept(self._key(key_id), to)

    def _kept(self, key: Key, place: KeyFound) -> KeyFound:
        if place.place is KeyPlace.KEYRING:
            return keyrings.keep_in_keyring(key, timeout=self._places.keyring_timeout)
        return keyfiles.add_to_file(Path(place.where), key, place.place)

    def _current(self) -> str:
        if self._key_id is None:
            raise NotInitialised("this state has no vault key yet", hint="run: ytpool init")
        return self._key_id

    def _key(self, key_id: str) -> Key:
        with self._looking:
            if key_id not in self._keys:
                self._keys[key_id], _ = self._places.find(key_id)
            return self._keys[key_id]


def _bound_to(key_id: str, kind: str, owner: str) -> bytes:
    # JSON, because with a plain separator an owner `a|b` could pass for another kind's `b`.
    return json.dumps(["ytpool", 1, key_id, kind, owner]).encode("ascii")


def _cipher(key: Key) -> "AESGCM":
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - locating a key needs no cipher

    return AESGCM(key.value)
