"""The operating system's keyring, through the `keyring` library, which reads the process's own environment.

Three traps of that library are closed here. It has no time limit: a frozen daemon would hold a cron job for ever. Its
null backend takes everything and keeps nothing: what matters is read back. And with `keyrings.alt` installed it may
choose a backend that writes plain text: those are refused by name.
"""

import logging
import os
import secrets
import sys
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

from ytpool.domain.keys import KeyFound, KeyPlace
from ytpool.domain.secret import Secret
from ytpool.errors import VaultUnavailable
from ytpool.vault.keys import Key

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

log = logging.getLogger(__name__)

T = TypeVar("T")

SERVICE = "ytpool"
TIMEOUT = 3.0

_NONE = "there is none in this environment"
_REFUSED = {
    "keyring.backends.null": "it keeps nothing",
    "keyrings.alt": "it keeps plain text or asks for a password of its own",
    "keyrings.cryptfile": "it asks for a password of its own and loses parallel writes",
}


def read(key_id: str, *, timeout: float = TIMEOUT) -> tuple[Key, KeyFound] | None:
    """Return the key of this id, or None if the keyring answers and has no such item."""

    def look() -> tuple[str | None, str]:
        backend = _backend()
        return backend.get_password(SERVICE, _item(key_id)), backend.name

    text, name = _ask(look, timeout, key_id)
    return None if text is None else (_key_of(text, key_id), _found(key_id, name))


def create_in_keyring(*, timeout: float = TIMEOUT) -> KeyFound:
    """Make a key under an id of its own, write it, and read it back. Calling again makes another; none is replaced."""
    return keep_in_keyring(Key.make(), timeout=timeout)


def keep_in_keyring(key: Key, *, timeout: float = TIMEOUT) -> KeyFound:
    """Write a key under its id and read it back; one that is there already is left as it is."""

    def write() -> tuple[str, str]:
        backend = _backend()
        # The library would overwrite: what is already there under this id is not ours to touch.
        if backend.get_password(SERVICE, _item(key.key_id)) is None:
            backend.set_password(SERVICE, _item(key.key_id), key.line().reveal())
        text = backend.get_password(SERVICE, _item(key.key_id))
        if text is None:
            raise _UnusableError(f"{backend.name} took the key and did not keep it")
        return text, backend.name

    text, name = _ask(write, timeout)
    _key_of(text, key.key_id)
    return _found(key.key_id, name)


def password(item: str, *, timeout: float = TIMEOUT) -> Secret | None:
    """Return a password that somebody else's server asks for, or None if the keyring answers and has no such item."""
    text = _ask(lambda: _backend().get_password(SERVICE, item), timeout, ways=_WITHOUT)
    return Secret(text) if text else None


def keep_password(item: str, value: Secret, *, timeout: float = TIMEOUT) -> str:
    """Write a password, over the one before, read it back, and name the keyring."""

    def write() -> str:
        backend = _backend()
        backend.set_password(SERVICE, item, value.reveal())
        if backend.get_password(SERVICE, item) != value.reveal():
            raise _UnusableError(f"{backend.name} does not keep what it is given")
        return backend.name

    return _ask(write, timeout, ways=_WITHOUT)


def forget_password(item: str, *, timeout: float = TIMEOUT) -> bool:
    """Take a password away; False where there was none."""

    def remove() -> bool:
        backend = _backend()
        if backend.get_password(SERVICE, item) is None:
            return False
        backend.delete_password(SERVICE, item)
        return True

    return _ask(remove, timeout, ways=_WITHOUT)


def keyring_answers(*, timeout: float = TIMEOUT) -> str | None:
    """Name the keyring that really keeps what it is given, or None; why not is logged.

    A probe item is written, read back and deleted.
    """
    probe, value = f"probe:{secrets.token_hex(8)}", secrets.token_hex(8)

    def go() -> str:
        backend = _backend()
        backend.set_password(SERVICE, probe, value)
        if backend.get_password(SERVICE, probe) != value:
            raise _UnusableError(f"{backend.name} does not keep what it is given")
        backend.delete_password(SERVICE, probe)
        return backend.name

    try:
        return _ask(go, timeout)
    except VaultUnavailable as error:
        log.info("no usable keyring", extra={"reason": error.message})
        return None


def ways_out(key_id: str | None = None) -> str:
    """Say how a key can be reached where no keyring can, as under cron; with an id, how a key file is made from one."""
    ways = (
        "three ways out: name a key file (0600) with YTPOOL_VAULT_KEY_FILE;\n"
        "in a systemd unit, LoadCredential=ytpool-key:FILE;\n"
        "while your desktop session runs, reach its keyring with"
        f" DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/{os.getuid()}/bus"
    )
    if key_id is None:
        return ways
    show = f"{sys.executable} -m keyring get {SERVICE} {_item(key_id)}"
    there = f"ytpool vault move --to keyfile; or this makes the key file: (umask 077; {show} > FILE)"
    return f"{ways}\nwhere the keyring works: {there}"


_WITHOUT = "keep the password in ~/.pgpass, or name a file (0600) that holds it with YTPOOL_POSTGRES_PASSWORD_FILE"


class _UnusableError(Exception):
    """Why we do not use a keyring although it answers."""


def _item(key_id: str) -> str:
    return f"key:{key_id}"


def _found(key_id: str, backend: str) -> KeyFound:
    where = f"keyring item {SERVICE} / {_item(key_id)} ({backend})"
    return KeyFound(key_id=key_id, place=KeyPlace.KEYRING, where=where)


def _key_of(text: str, key_id: str) -> Key:
    try:
        key = Key.from_line(text)
    except ValueError as error:
        what = str(error)
    else:
        if key.key_id == key_id:
            return key
        what = f"another key, {key.key_id}"
    raise VaultUnavailable(
        f"the keyring item {SERVICE} / {_item(key_id)} holds {what}",
        hint="name a file with the right key by YTPOOL_VAULT_KEY_FILE; the keyring item is left as it is.",
        key_id=key_id,
    )


def _backend() -> "KeyringBackend":
    """Return the best backend that we accept. Choosing asks D-Bus, so this too runs under the time limit."""
    # Late, because it costs an eighth of a second with its backends, and most keys are in a file or remembered.
    import keyring  # noqa: PLC0415
    from keyring.backends.chainer import ChainerBackend  # noqa: PLC0415

    chosen = keyring.get_keyring()
    refused = {}
    for backend in chosen.backends if isinstance(chosen, ChainerBackend) else [chosen]:
        reason = _reason_to_refuse(backend)
        if reason is None:
            return backend
        refused[backend.name] = reason
    why = "; ".join(f"the backend {name} is refused, {reason}" for name, reason in refused.items())
    raise _UnusableError(why or _NONE)


def _reason_to_refuse(backend: "KeyringBackend") -> str | None:
    # The whole ancestry, because a plain-text backend with a new name is still one.
    modules = [f"{ancestor.__module__}." for ancestor in type(backend).__mro__]
    for prefix, reason in _REFUSED.items():
        if any(module.startswith(f"{prefix}.") for module in modules):
            return reason
    return None


def _ask(call: Callable[[], T], timeout: float, key_id: str | None = None, *, ways: str = "") -> T:
    """Call the keyring under our time limit; whatever goes wrong there comes back as one kind of error."""
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:  # noqa: BLE001 - carried to the waiting thread and raised there
            answer.set_exception(error)

    # A daemon thread, because an executor's would be waited for when the process ends.
    Thread(target=run, name="keyring", daemon=True).start()
    try:
        return answer.result(timeout)
    # Backends are plugins: they, SecretStorage and D-Bus each raise errors of their own, with no common base.
    except Exception as error:
        why = f"it did not answer within {timeout:g} s" if isinstance(error, TimeoutError) else _reason(error)
        raise VaultUnavailable(f"the keyring cannot be used: {why}", hint=ways or ways_out(key_id)) from error


def _reason(error: Exception) -> str:
    from keyring.errors import InitError, KeyringLocked, NoKeyringError  # noqa: PLC0415 - as in _backend

    match error:
        case _UnusableError():
            return str(error)
        case KeyringLocked():
            return "it is locked"
        case NoKeyringError():  # its own text recommends keyrings.alt, which we refuse
            return _NONE
        case InitError():
            return f"nobody has unlocked it ({error})"
        case _:
            return f"{type(error).__name__}: {error}"
