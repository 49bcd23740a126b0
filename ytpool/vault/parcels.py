"""Secrets under a passphrase, for the way from one machine to another.

A parcel is one JSON object: its `format`, how the key is made of the passphrase (`kdf`: scrypt with `n`, `r`, `p` and
`salt`), and what is in it (`sealed`, AES-256-GCM under `nonce`). The first four are bound to the last, so a parcel that
was changed anywhere does not open.
"""

import base64
import json
import os
import unicodedata
from typing import Any

from ytpool.domain.secret import Secret
from ytpool.errors import FileInvalid, PassphraseWrong

FORMAT = "ytpool-parcel-1"

_SALT_BYTES, _NONCE_BYTES, _KEY_BYTES = 16, 12, 32
_N, _R, _P = 2**17, 8, 1  # 128 MiB and a third of a second for whoever knows it, and for each guess of whoever does not
_LARGEST_N, _LARGEST_R, _LARGEST_P = 2**20, 16, 4  # what a file may ask of this machine
_LARGEST_MEMORY = 2**29  # bytes, of which 128 go for each of n times r


def pack(content: Secret, passphrase: Secret) -> str:
    """Seal a text under a passphrase, as the text of a file."""
    head = {"format": FORMAT, "kdf": "scrypt", "n": _N, "r": _R, "p": _P, "salt": _text(os.urandom(_SALT_BYTES))}
    nonce = os.urandom(_NONCE_BYTES)
    sealed = _cipher(head, passphrase).encrypt(nonce, content.reveal().encode("utf-8", "surrogatepass"), _bound(head))
    return json.dumps({**head, "nonce": _text(nonce), "sealed": _text(sealed)}, indent=1) + "\n"


def unpack(text: str, passphrase: Secret) -> Secret:
    """Return what a parcel holds; raises PassphraseWrong, and FileInvalid for what is no parcel of a known format."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 -- the cipher is opened on first use

    head, nonce, sealed = _read(text)
    try:
        plain = _cipher(head, passphrase).decrypt(nonce, sealed, _bound(head))
    except InvalidTag as error:
        raise PassphraseWrong(
            "the passphrase does not open this file, or the file was changed",
            hint="type it again, or copy the file anew",
        ) from error
    return Secret(plain.decode("utf-8", "surrogatepass"))


def _read(text: str) -> tuple[dict[str, Any], bytes, bytes]:
    try:
        table = json.loads(text)
        if table["format"] != FORMAT:
            raise FileInvalid(
                f"this file is of the format {table['format']!r:.40}, and this ytpool knows {FORMAT}",
                hint="upgrade ytpool on this machine",
            )
        head = {name: table[name] for name in ("format", "kdf", "n", "r", "p", "salt")}
        nonce, sealed = (base64.b64decode(table[name], validate=True) for name in ("nonce", "sealed"))
        base64.b64decode(head["salt"], validate=True)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FileInvalid("this file was cut short or changed", hint="copy it anew") from error
    numbers = ((head["n"], _LARGEST_N), (head["r"], _LARGEST_R), (head["p"], _LARGEST_P))
    sane = all(type(asked) is int and 1 <= asked <= most for asked, most in numbers)
    sane = sane and 128 * head["n"] * head["r"] <= _LARGEST_MEMORY
    known = sane and head["n"].bit_count() == 1 != head["n"] and (head["kdf"], len(nonce)) == ("scrypt", _NONCE_BYTES)
    if not known:
        raise FileInvalid("this file asks for what no ytpool writes", hint="copy it anew")
    return head, nonce, sealed


def _cipher(head: dict[str, Any], passphrase: Secret) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 -- the cipher is opened on first use
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt  # noqa: PLC0415

    salt = base64.b64decode(head["salt"])
    kdf = Scrypt(salt=salt, length=_KEY_BYTES, n=head["n"], r=head["r"], p=head["p"])
    typed = unicodedata.normalize("NFC", passphrase.reveal())  # keyboards of other systems write an umlaut as two
    return AESGCM(kdf.derive(typed.encode("utf-8", "surrogatepass")))


def _bound(head: dict[str, Any]) -> bytes:
    return json.dumps(head, sort_keys=True).encode("ascii")


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
