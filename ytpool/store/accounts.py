"""Accounts, the channels they work on, and what each has done."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ytpool.domain import moments
from ytpool.domain.accounts import Account, AccountState
from ytpool.errors import UnknownName
from ytpool.store.db import Tx
from ytpool.store.suggest import unknown

_SELECT = """
    SELECT a.*, c.title AS channel_title FROM accounts a LEFT JOIN channels c ON c.channel_id = a.channel_id
     WHERE a.kind = 'youtube'
"""


def every(tx: Tx) -> list[Account]:
    """Return all accounts, in the order people set them up to be used."""
    return [Account.from_row(row) for row in tx.all(f"{_SELECT} ORDER BY a.priority, a.account")]


def find(tx: Tx, account: str) -> Account | None:
    row = tx.one(f"{_SELECT} AND a.account = :account", account=account)
    return None if row is None else Account.from_row(row)


def get(tx: Tx, account: str) -> Account:
    """Return an account; raises UnknownName, with the names that come close."""
    found = find(tx, account)
    if found is None:
        raise unknown_account(tx, account)
    return found


def unknown_account(tx: Tx, account: str) -> UnknownName:
    names = [row["account"] for row in tx.all("SELECT account FROM accounts ORDER BY account")]
    return unknown("account", account, names, listed_by="ytpool accounts list", made_by="ytpool auth add NAME")


def add(tx: Tx, *, account: str, project: str, client_id: str, channel_id: str, tier: str, priority: int) -> None:
    tx.run(
        """
        INSERT INTO accounts (account, project, client_id, channel_id, tier, priority, created_at)
        VALUES (:account, :project, :client_id, :channel_id, :tier, :priority, :at)
        """,
        account=account,
        project=project,
        client_id=client_id,
        channel_id=channel_id,
        tier=tier,
        priority=priority,
        at=tx.at,
    )


def logged_in(
    tx: Tx,
    account: str,
    *,
    project: str,
    client_id: str,
    scopes: tuple[str, ...],
    token_expires_at: datetime,
    grant_expires_at: datetime | None,
) -> None:
    """Keep a fresh login: the account may work again, its history stays."""
    tx.run(
        """
        UPDATE accounts
           SET project = :project, client_id = :client_id, scopes = :scopes, token_expires_at = :token_expires_at,
               grant_expires_at = :grant_expires_at, refreshed_at = :at,
               state = CASE state WHEN 'login_needed' THEN 'active' ELSE state END,
               state_reason = CASE state WHEN 'login_needed' THEN '' ELSE state_reason END
         WHERE account = :account
        """,
        account=account,
        project=project,
        client_id=client_id,
        scopes=" ".join(scopes),
        token_expires_at=moments.text(token_expires_at),
        grant_expires_at=None if grant_expires_at is None else moments.text(grant_expires_at),
        at=tx.at,
    )


def refreshed(tx: Tx, account: str, token_expires_at: datetime) -> None:
    """Keep the life of a fresh token; the login that gave it is alive, whatever another process took it for."""
    tx.run(
        """
        UPDATE accounts
           SET token_expires_at = :expires, refreshed_at = :at,
               state = CASE state WHEN 'login_needed' THEN 'active' ELSE state END,
               state_reason = CASE state WHEN 'login_needed' THEN '' ELSE state_reason END
         WHERE account = :account
        """,
        account=account,
        expires=moments.text(token_expires_at),
        at=tx.at,
    )


def scopes(tx: Tx) -> dict[str, str]:
    """Return what each account's login was granted, as Google wrote it."""
    rows = tx.all("SELECT account, scopes FROM accounts")
    return {row["account"]: row["scopes"] for row in rows}


def set_state(tx: Tx, account: str, state: AccountState, reason: str) -> None:
    tx.run(
        "UPDATE accounts SET state = :state, state_reason = :reason WHERE account = :account",
        account=account,
        state=state,
        reason=reason,
    )


def arrange(tx: Tx, account: str, *, tier: str | None = None, priority: int | None = None) -> None:
    """Change how an account takes part; None leaves as it is."""
    tx.run(
        """
        UPDATE accounts SET tier = coalesce(:tier, tier), priority = coalesce(:priority, priority)
         WHERE account = :account
        """,
        account=account,
        tier=tier,
        priority=priority,
    )


def worked(tx: Tx, account: str, operation: str, *, well: bool, uploaded: bool = False) -> None:
    """Count a call's outcome towards the account's score."""
    tx.run(
        """
        UPDATE accounts
           SET successes = successes + :well, failures = failures + :badly, last_operation = :operation,
               last_operation_at = :at, last_upload_at = CASE WHEN :uploaded = 1 THEN :at ELSE last_upload_at END
         WHERE account = :account
        """,
        account=account,
        operation=operation,
        well=int(well),
        badly=int(not well),
        uploaded=int(uploaded),
        at=tx.at,
    )


def keep_channel(tx: Tx, *, channel_id: str, title: str, uploads_playlist: str) -> None:
    """Store what YouTube says of a channel."""
    tx.run(
        """
        INSERT INTO channels (channel_id, title, uploads_playlist, verified_at)
        VALUES (:channel_id, :title, :uploads_playlist, :at)
        ON CONFLICT (channel_id) DO UPDATE
           SET title = excluded.title, uploads_playlist = excluded.uploads_playlist, verified_at = excluded.verified_at
        """,
        channel_id=channel_id,
        title=title,
        uploads_playlist=uploads_playlist,
        at=tx.at,
    )


def uploads_playlist(tx: Tx, channel_id: str) -> str:
    """Return the playlist on which YouTube lists what a channel has uploaded."""
    row = tx.one("SELECT uploads_playlist FROM channels WHERE channel_id = :channel_id", channel_id=channel_id)
    return str(row["uploads_playlist"])


def channel_titles(tx: Tx) -> Mapping[str, str]:
    return {row["channel_id"]: row["title"] for row in tx.all("SELECT channel_id, title FROM channels")}


def learn_upload_cap(tx: Tx, channel_id: str, uploads: int) -> None:
    """Remember how many uploads a channel took in 24 hours before YouTube refused one.

    At least one: when the channel has rested, one call may try whether the cap still holds.
    """
    tx.run(
        "UPDATE channels SET upload_cap = :uploads, upload_cap_at = :at WHERE channel_id = :channel_id",
        channel_id=channel_id,
        uploads=max(1, uploads),
        at=tx.at,
    )


def caps(tx: Tx) -> dict[tuple[str, str], int]:
    """Return the operators' caps: (account, what is counted) → how many a quota day."""
    rows: list[Any] = tx.all("SELECT name, bucket, units FROM limits WHERE scope = 'account'")
    return {(row["name"], row["bucket"]): row["units"] for row in rows}
