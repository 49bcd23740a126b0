"""Connecting to the PostgreSQL database that holds the state."""

from collections.abc import Callable
from typing import Any

import psycopg

from ytpool.config.postgres import Postgres
from ytpool.domain.secret import Secret
from ytpool.errors import StateRefused, VaultUnavailable
from ytpool.store.postgres_errors import at_connect

Password = Callable[[], Secret | None]


def no_password() -> None:
    """Know none; the driver looks into its own places."""


def connect(
    place: Postgres,
    *,
    at_hand: Password = no_password,
    in_keyring: Password = no_password,
    seconds: float | None = None,
    **options: Any,
) -> psycopg.Connection[Any]:
    """Connect, within so many seconds if that is less than the settings say; `options` are psycopg's.

    The password at hand is given; without one the driver looks into its own places. The keyring is asked only when the
    server asked for a password and nobody had one. Raises what `postgres_errors` names.
    """
    place.require_files()
    words: dict[str, Any] = {**place.parameters(), **options}
    if seconds is not None:
        words["connect_timeout"] = str(max(2, min(round(seconds), int(words["connect_timeout"]))))
    password = at_hand()
    try:
        return _attempt(words, password)
    except psycopg.Error as error:
        refused = at_connect(error, place)
        if password is not None or not isinstance(refused, StateRefused) or refused.details["reason"] != "no_password":
            raise refused from error
    try:
        password = in_keyring()
    except VaultUnavailable as error:
        raise StateRefused(f"{refused.message}; {error.message}", hint=refused.hint, **refused.details) from error
    if password is None:
        raise refused
    try:
        return _attempt(words, password)
    except psycopg.Error as error:
        raise at_connect(error, place) from error


def _attempt(words: dict[str, Any], password: Secret | None) -> psycopg.Connection[Any]:
    secret: dict[str, Any] = {} if password is None else {"password": password.reveal()}
    return psycopg.connect(**words, **secret)
