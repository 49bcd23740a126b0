"""Accounts, the channels they work on, and what each has done."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from ytpool.domain import moments
from ytpool.domain.accounts import Account, AccountState, Standing
from ytpool.errors import OutOfService, UnknownName
from ytpool.store import leavings
from ytpool.store.db import Tx
from ytpool.store.suggest import unknown

UNCONFIRMED = "(unconfirmed)"
"""What stands for the title of a channel that only the operator has named."""

_SELECT = """
    SELECT a.*, c.title AS channel_title FROM accounts a LEFT JOIN channels c ON c.channel_id = a.channel_id
     WHERE a.kind = 'youtube'
"""


def every(tx: Tx) -> list[Account]:
    """Return all accounts, in the order people set them up to be used."""
    return [Account.from_row(row) for row in tx.all(f"{_SELECT} ORDER BY a.priority, a.account")]


def first_at(tx: Tx) -> datetime | None:
    """Return when the first of them was made; None where there is none."""
    return moments.parse_optional(tx.one("SELECT min(created_at) AS moment FROM accounts")["moment"])


def on_channel(tx: Tx, channel_id: str) -> list[Account]:
    """Return the accounts that work on a channel."""
    rows = tx.all(f"{_SELECT} AND a.channel_id = :channel_id ORDER BY a.account", channel_id=channel_id)
    return [Account.from_row(row) for row in rows]


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


def add(
    tx: Tx, *, account: str, project: str, client_id: str, channel_id: str | None, tier: str, priority: int
) -> None:
    """Make an account; without a channel, which its first login will tell, it has to be one that needs a login."""
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
    channel_id: str,
    scopes: tuple[str, ...],
    token_expires_at: datetime,
    grant_expires_at: datetime | None,
    seen: bool = False,
) -> None:
    """Keep a fresh login: the account may work again, its history and its channel stay.

    `seen` says that YouTube was just asked for the channel: nobody's word and no file was taken for it. Whoever logs an
    account in that was on its way out wants to keep it.
    """
    if leavings.take_back(tx, account):
        stand(tx, account, Standing.ACTIVE, "")
    tx.run(
        """
        UPDATE accounts
           SET project = :project, client_id = :client_id, channel_id = coalesce(channel_id, :channel_id),
               scopes = :scopes, token_expires_at = :token_expires_at,
               grant_expires_at = :grant_expires_at, refreshed_at = :at, refresh_sent_at = NULL,
               logged_in_at = :at, verified_at = CASE WHEN :seen = 1 THEN :at END,
               logins = CASE WHEN client_id = :client_id THEN logins + 1 ELSE 1 END,
               state = CASE state WHEN 'login_needed' THEN 'active' ELSE state END,
               state_reason = CASE state WHEN 'login_needed' THEN '' ELSE state_reason END
         WHERE account = :account
        """,
        account=account,
        project=project,
        client_id=client_id,
        channel_id=channel_id,
        scopes=" ".join(scopes),
        token_expires_at=moments.text(token_expires_at),
        grant_expires_at=None if grant_expires_at is None else moments.text(grant_expires_at),
        seen=int(seen),
        at=tx.at,
    )


def was_logged_in(
    tx: Tx,
    account: str,
    *,
    logged_in_at: datetime | None,
    refreshed_at: datetime | None,
    verified_at: datetime | None,
    logins: int,
) -> None:
    """Say of a login that was made elsewhere when it was made, and when it last proved to live."""
    moment = {"logged_in_at": logged_in_at, "refreshed_at": refreshed_at, "verified_at": verified_at}
    tx.run(
        """
        UPDATE accounts SET logged_in_at = :logged_in_at, refreshed_at = :refreshed_at, verified_at = :verified_at,
               logins = :logins
         WHERE account = :account
        """,
        account=account,
        logins=logins,
        **{name: None if at is None else moments.text(at) for name, at in moment.items()},
    )


def refresh_begins(tx: Tx, account: str) -> None:
    """Write down that a refresh is about to leave; one before it whose answer nobody kept stays written down."""
    tx.run(
        "UPDATE accounts SET refresh_sent_at = coalesce(refresh_sent_at, :at) WHERE account = :account",
        account=account,
        at=tx.at,
    )


def refresh_gave_nothing(tx: Tx, account: str) -> None:
    """The answer to a refresh was heard, and no token was in it."""
    tx.run("UPDATE accounts SET refresh_sent_at = NULL WHERE account = :account", account=account)


def refreshed(tx: Tx, account: str, *, token_expires_at: datetime, grant_expires_at: datetime | None = None) -> None:
    """Keep the life of a fresh token; the login that gave it is alive, whatever another process took it for.

    Where the answer says nothing of the grant's own end, the one that is known stays.
    """
    tx.run(
        """
        UPDATE accounts
           SET token_expires_at = :expires, grant_expires_at = coalesce(:grant_expires, grant_expires_at),
               refreshed_at = :at, refresh_sent_at = NULL,
               state = CASE state WHEN 'login_needed' THEN 'active' ELSE state END,
               state_reason = CASE state WHEN 'login_needed' THEN '' ELSE state_reason END
         WHERE account = :account
        """,
        account=account,
        expires=moments.text(token_expires_at),
        grant_expires=None if grant_expires_at is None else moments.text(grant_expires_at),
        at=tx.at,
    )


def verified(tx: Tx, account: str) -> None:
    """Write down that the login was just seen to speak for the account's channel."""
    tx.run("UPDATE accounts SET verified_at = :at WHERE account = :account", account=account, at=tx.at)


def scopes(tx: Tx) -> dict[str, str]:
    """Return what each account's login was granted, as Google wrote it."""
    rows = tx.all("SELECT account, scopes FROM accounts")
    return {row["account"]: row["scopes"] for row in rows}


def set_state(tx: Tx, account: str, state: AccountState, reason: str) -> None:
    """Write down what a login is good for; what the operator decided of the account stands beside it."""
    tx.run(
        "UPDATE accounts SET state = :state, state_reason = :reason WHERE account = :account",
        account=account,
        state=state,
        reason=reason,
    )


def arrange(
    tx: Tx, account: str, *, tier: str | None = None, priority: int | None = None, slots: int | None = None
) -> None:
    """Change how an account takes part; None leaves as it is."""
    tx.run(
        """
        UPDATE accounts SET tier = coalesce(:tier, tier), priority = coalesce(:priority, priority),
               slots = coalesce(:slots, slots)
         WHERE account = :account
        """,
        account=account,
        tier=tier,
        priority=priority,
        slots=slots,
    )


def stand(tx: Tx, account: str, standing: Standing, reason: str) -> None:
    """Write down what the operator decided of an account; every process obeys from its next call on.

    One that is to work again, or to finish its work, does not leave any more.
    """
    if standing is not Standing.DISABLED:
        leavings.take_back(tx, account)
    tx.run(
        "UPDATE accounts SET standing = :standing, standing_reason = :reason WHERE account = :account",
        account=account,
        standing=standing,
        reason=reason,
    )


def require_open(tx: Tx, account: str, *, begins: bool) -> None:
    """Raise OutOfService where the operator's word forbids to work as this account, or to begin anything new there."""
    row = tx.one("SELECT standing, standing_reason FROM accounts WHERE account = :account", account=account)
    if row is None:  # a login's first call, or one that was just removed, whose token is dead
        return
    why = f": {row['standing_reason']}" if row["standing_reason"] else ""
    hint = f"to let it work again: ytpool accounts enable {account}"
    match row["standing"]:
        case Standing.DISABLED:
            raise OutOfService(f"{account} is disabled{why}", hint=hint, account=account)
        case Standing.DRAINING if begins:
            raise OutOfService(f"{account} is being drained and begins nothing new{why}", hint=hint, account=account)


def remove(tx: Tx, account: str) -> None:
    """Forget an account and what is decided of it; what was done with it stays in journal and history."""
    tx.run("DELETE FROM pool_members WHERE account = :account", account=account)
    tx.run("DELETE FROM labels WHERE account = :account", account=account)
    tx.run("DELETE FROM limits WHERE scope = 'account' AND name = :account", account=account)
    tx.run("UPDATE meters SET ceiling = NULL WHERE scope = 'account' AND name = :account", account=account)
    for table in ("rests", "breakers"):
        tx.run(f"DELETE FROM {table} WHERE scope = 'account' AND name = :account", account=account)
    leavings.take_back(tx, account)
    tx.run("DELETE FROM accounts WHERE account = :account", account=account)


def forget_channel(tx: Tx, channel_id: str) -> None:
    """Forget what YouTube told of a channel that no account works on any more; its id stays, for the books name it."""
    if not on_channel(tx, channel_id):
        tx.run("UPDATE channels SET title = '', uploads_playlist = '' WHERE channel_id = :id", id=channel_id)
        tx.run("DELETE FROM playlists WHERE channel_id = :id", id=channel_id)


def labels(tx: Tx) -> dict[str, dict[str, str]]:
    """Return the labels of every account that has any."""
    found: dict[str, dict[str, str]] = {}
    for row in tx.all("SELECT account, label, value FROM labels ORDER BY account, label"):
        found.setdefault(row["account"], {})[row["label"]] = row["value"]
    return found


def label(tx: Tx, account: str, given: Mapping[str, str], gone: Collection[str] = ()) -> None:
    """Give an account these labels, in place of those of the same name, and take others away."""
    for name, value in given.items():
        tx.run(
            """
            INSERT INTO labels (account, label, value) VALUES (:account, :label, :value)
            ON CONFLICT (account, label) DO UPDATE SET value = excluded.value
            """,
            account=account,
            label=name,
            value=value,
        )
    for name in gone:
        tx.run("DELETE FROM labels WHERE account = :account AND label = :label", account=account, label=name)


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


def blame(tx: Tx, account: str, failures: int) -> None:
    """Charge an account's score with failures that turned out to be its own, or give them back (below 0)."""
    tx.run(
        """
        UPDATE accounts SET failures = CASE WHEN failures + :failures > 0 THEN failures + :failures ELSE 0 END
         WHERE account = :account
        """,
        account=account,
        failures=failures,
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


def name_channel(tx: Tx, channel_id: str) -> None:
    """Store a channel on the operator's word; what YouTube has said of it stays."""
    tx.run(
        """
        INSERT INTO channels (channel_id, title, uploads_playlist, verified_at) VALUES (:channel_id, :title, '', '')
        ON CONFLICT (channel_id) DO NOTHING
        """,
        channel_id=channel_id,
        title=UNCONFIRMED,
    )


def uploads_playlist(tx: Tx, channel_id: str) -> str:
    """Return the playlist on which YouTube lists what a channel has uploaded."""
    row = tx.one("SELECT uploads_playlist FROM channels WHERE channel_id = :channel_id", channel_id=channel_id)
    return str(row["uploads_playlist"])


def channel_titles(tx: Tx) -> Mapping[str, str]:
    return {row["channel_id"]: row["title"] for row in tx.all("SELECT channel_id, title FROM channels")}


def sealed_with(tx: Tx, keys: Sequence[str]) -> frozenset[str]:
    """Return the accounts of which some secret is sealed with any of these keys, or that of their client."""
    rows = tx.among(
        """
        SELECT a.account FROM accounts a
         WHERE EXISTS (SELECT 1 FROM secrets s
                        WHERE s.key_id IN (:names)
                          AND (s.kind IN ('access_token', 'refresh_token') AND s.owner = a.account
                               OR s.kind = 'client_secret' AND s.owner = a.client_id))
        """,
        keys,
    )
    return frozenset(row["account"] for row in rows)


def caps(tx: Tx) -> dict[tuple[str, str], int]:
    """Return the operators' caps: (account, what is counted) → how many a quota day."""
    rows: list[Any] = tx.all("SELECT name, bucket, units FROM limits WHERE scope = 'account'")
    return {(row["name"], row["bucket"]): row["units"] for row in rows}
