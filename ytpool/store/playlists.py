"""Playlists that were made here, known by their titles until YouTube lists them."""

from datetime import timedelta

from ytpool.domain import moments
from ytpool.store.db import Tx

_LISTED_WITHIN = timedelta(hours=1)
"""One that is not listed after so long is there no more, or has another title."""


def made(tx: Tx, channel_id: str, title: str, playlist_id: str) -> None:
    """Remember a playlist that was just made; a later one of the same title takes its place."""
    tx.run(
        """
        INSERT INTO playlists (channel_id, title, playlist_id, made_at)
        VALUES (:channel_id, :title, :playlist_id, :at)
        ON CONFLICT (channel_id, title) DO UPDATE SET playlist_id = excluded.playlist_id, made_at = excluded.made_at
        """,
        channel_id=channel_id,
        title=title,
        playlist_id=playlist_id,
        at=tx.at,
    )


def made_lately(tx: Tx, channel_id: str, title: str) -> str | None:
    """Return the playlist of this title that a channel was given within the last hour."""
    row = tx.one(
        """
        SELECT playlist_id FROM playlists WHERE channel_id = :channel_id AND title = :title AND made_at > :since
        """,
        channel_id=channel_id,
        title=title,
        since=moments.text(tx.now - _LISTED_WITHIN),
    )
    return None if row is None else str(row["playlist_id"])
