"""Logins on their way to another machine: in one file with the arrangement, under a passphrase.

Only what no browser can be spared for goes along: refresh tokens and client secrets. Access tokens are made anew there.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Self

from ytpool.actions import secrets
from ytpool.domain import moments
from ytpool.domain.secret import Secret
from ytpool.errors import EndpointsChanged, FileInvalid
from ytpool.runtime import Runtime
from ytpool.store import accounts, leavings, meta, projects
from ytpool.store import secrets as sealed
from ytpool.store.db import Tx
from ytpool.store.secrets import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """One account's login, with what opens it."""

    account: str
    client_id: str
    auth_uri: str
    token_uri: str
    channel_id: str
    channel_title: str
    uploads_playlist: str
    scopes: tuple[str, ...]
    grant_expires_at: str | None
    logged_in_at: str | None
    refreshed_at: str | None
    verified_at: str | None
    logins: int
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Self:
        """Read what was packed of one; raises ValueError or TypeError for what no version of ours packs."""
        if not isinstance(table, Mapping):
            raise TypeError(f"{type(table).__name__} instead of a table")
        dated: dict[str, Any] = {
            key: value if value is None else _text(value) for key, value in table.items() if key in _MOMENTS
        }
        for value in dated.values():
            _parsed(value)
        return cls(
            **{key: _text(value) for key, value in table.items() if key not in {"scopes", "logins", *_MOMENTS}},
            **dated,
            scopes=tuple(map(_text, table["scopes"])),
            logins=_count(table["logins"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Luggage:
    """What one file brings."""

    api_root: str
    arrangement: str
    logins: tuple[Login, ...]

    @classmethod
    def from_text(cls, text: Secret) -> Self:
        """Read what was packed; what cannot be read was packed by another version."""
        try:
            table: Mapping[str, Any] = json.loads(text.reveal())
            logins = tuple(map(Login.from_table, table["logins"]))
            return cls(api_root=_text(table["api_root"]), arrangement=_text(table["arrangement"]), logins=logins)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise FileInvalid(
                "this file opens, and what is in it is not known here", hint="upgrade ytpool on this machine"
            ) from error


def is_sealed(text: str) -> bool:
    """Tell a file under a passphrase from one of plain TOML, which never begins so."""
    return text.lstrip().startswith("{")


def packed(rt: Runtime, arrangement: str, passphrase: Secret) -> tuple[str, tuple[str, ...]]:
    """Return a file's text with the arrangement and every living login in it, and whose they are."""
    rt.open_vault()
    with rt.store.reading() as tx:
        logins = tuple(_logins(rt, tx))
    content = {"api_root": rt.root_name, "arrangement": arrangement, "logins": [asdict(one) for one in logins]}
    return rt.pack(Secret(json.dumps(content)), passphrase), tuple(one.account for one in logins)


def unpacked(rt: Runtime, text: str, passphrase: Secret) -> Luggage:
    """Open a file; raises PassphraseWrong, FileInvalid, or EndpointsChanged for logins of another place than Google."""
    found = Luggage.from_text(rt.unpack(text, passphrase))
    if found.api_root != rt.root_name:
        raise EndpointsChanged(
            f"the logins in this file are for {found.api_root}, and the settings here say {rt.root_name}",
            hint="let both machines name the same place, or use another --profile",
            remembered=found.api_root,
            configured=rt.root_name,
        )
    return found


def wanted(tx: Tx, brought: Luggage) -> list[Login]:
    """Return the logins of those accounts that need one here; a living login is not replaced."""
    there = {one.account: one for one in accounts.every(tx)}
    return [
        one
        for one in brought.logins
        if (here := there.get(one.account)) is not None
        and here.needs_login
        and here.client_id == one.client_id
        and here.channel_id in ("", one.channel_id)
    ]


def keep(rt: Runtime, tx: Tx, logins: Sequence[Login]) -> None:
    """Store logins for accounts that are there; their access tokens are due at once."""
    if logins:
        rt.require_same_root(tx)
        meta.put_first(tx, meta.API_ROOT, rt.root_name)
    for one in logins:
        account = accounts.get(tx, one.account)
        if sealed.get(tx, Kind.CLIENT_SECRET, one.client_id) is None:
            projects.keep_client(
                tx,
                client_id=one.client_id,
                project=account.project,
                auth_uri=one.auth_uri,
                token_uri=one.token_uri,
            )
            secrets.keep(rt, tx, Kind.CLIENT_SECRET, one.client_id, Secret(one.client_secret))
        accounts.keep_channel(
            tx, channel_id=one.channel_id, title=one.channel_title, uploads_playlist=one.uploads_playlist
        )
        secrets.keep(rt, tx, Kind.REFRESH_TOKEN, one.account, Secret(one.refresh_token))
        accounts.logged_in(
            tx,
            one.account,
            project=account.project,
            client_id=one.client_id,
            channel_id=one.channel_id,
            scopes=one.scopes,
            token_expires_at=tx.now,
            grant_expires_at=_parsed(one.grant_expires_at),
        )
        accounts.was_logged_in(
            tx,
            one.account,
            logged_in_at=_parsed(one.logged_in_at),
            refreshed_at=_parsed(one.refreshed_at),
            verified_at=_parsed(one.verified_at),
            logins=one.logins,
        )


def _logins(rt: Runtime, tx: Tx) -> list[Login]:
    found = []
    for one in sorted(accounts.every(tx), key=lambda one: one.account):
        token = secrets.read(rt, tx, Kind.REFRESH_TOKEN, one.account)
        if one.needs_login or token is None or leavings.find(tx, one.account) is not None:
            continue
        client = projects.client(tx, one.client_id)
        found.append(
            Login(
                account=one.account,
                client_id=one.client_id,
                auth_uri=client.auth_uri,
                token_uri=client.token_uri,
                channel_id=one.channel_id,
                channel_title=one.channel_title,
                uploads_playlist=accounts.uploads_playlist(tx, one.channel_id),
                scopes=tuple(one.scopes),
                grant_expires_at=_written(one.grant_expires_at),
                logged_in_at=_written(one.logged_in_at),
                refreshed_at=_written(one.refreshed_at),
                verified_at=_written(one.verified_at),
                logins=one.logins,
                client_secret=secrets.require(rt, tx, Kind.CLIENT_SECRET, one.client_id).reveal(),
                refresh_token=token.reveal(),
            )
        )
    return found


_MOMENTS = frozenset({"grant_expires_at", "logged_in_at", "refreshed_at", "verified_at"})


def _count(value: object) -> int:
    if type(value) is not int:
        raise TypeError(f"{type(value).__name__} instead of a whole number")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} instead of text")
    return value


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moments.text(moment)


def _parsed(text: str | None) -> datetime | None:
    return None if text is None else moments.parse(text)
