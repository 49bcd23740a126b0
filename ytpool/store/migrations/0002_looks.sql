-- What was seen on a channel's uploads list while it was asked whether a video had arrived.

CREATE TABLE looks (
    job       TEXT NOT NULL REFERENCES jobs (job),
    looked_at TEXT NOT NULL,               -- by Google's clock, before the list was read
    outcome   TEXT NOT NULL,               -- JSON: found, not_yet, not_there or doubtful, with the videos concerned
    PRIMARY KEY (job, looked_at)
);
