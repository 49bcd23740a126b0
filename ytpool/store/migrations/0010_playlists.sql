-- Playlists that were made here; YouTube lists a new one late.

CREATE TABLE playlists (
    channel_id  TEXT NOT NULL REFERENCES channels (channel_id),
    title       TEXT NOT NULL,
    playlist_id TEXT NOT NULL,
    made_at     TEXT NOT NULL,
    PRIMARY KEY (channel_id, title)
);
