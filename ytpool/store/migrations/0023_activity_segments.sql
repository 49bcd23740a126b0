-- The journal is numbered in the order in which it is written, and only appended to: how something ended that was
-- unknown is a row of its own, which settles the first. What is there already is taken in as it stands.
CREATE TABLE numbered_activity (
    entry       INTEGER PRIMARY KEY,
    activity    TEXT NOT NULL UNIQUE,
    happened_at TEXT NOT NULL,
    account     TEXT,
    project     TEXT,                      -- as it was called then; `merged_projects` says what it is called now
    channel_id  TEXT,
    operation   TEXT NOT NULL,
    outcome     TEXT NOT NULL,             -- done, failed, unknown
    units       BIGINT NOT NULL DEFAULT 0,
    bytes       BIGINT NOT NULL DEFAULT 0,
    seconds     DOUBLE PRECISION NOT NULL DEFAULT 0,
    job         TEXT,
    reason      TEXT NOT NULL DEFAULT '',
    detail      TEXT NOT NULL DEFAULT '',
    settles     TEXT,                      -- the activity whose unknown outcome this one says
    salt        TEXT NOT NULL DEFAULT '',
    erased      TEXT                       -- the digest of channel, reason and detail, where they were erased
);
INSERT INTO numbered_activity (activity, happened_at, account, project, channel_id, operation, outcome, units, bytes,
                               seconds, job, reason, detail)
SELECT activity, happened_at, account, project, channel_id, operation, outcome, units, bytes, seconds, job, reason,
       detail
  FROM activity ORDER BY activity;
DROP TABLE activity;
ALTER TABLE numbered_activity RENAME TO activity;
CREATE INDEX activity_by_moment ON activity (happened_at);
CREATE INDEX activity_by_account ON activity (account, happened_at);
CREATE INDEX activity_by_settled ON activity (settles) WHERE settles IS NOT NULL;

-- The journal up to here cannot change unseen: each digest covers the rows of its segment and the digest before it.
CREATE TABLE activity_segments (
    segment     BIGINT PRIMARY KEY,
    first       BIGINT NOT NULL,           -- entries
    last        BIGINT NOT NULL,
    rows        BIGINT NOT NULL,
    first_at    TEXT NOT NULL,             -- the earliest and the latest moment among them
    last_at     TEXT NOT NULL,
    digest      TEXT NOT NULL,
    sealed_at   TEXT NOT NULL,
    dropped_at  TEXT                       -- its rows are gone, and it stays for its digest until the next one goes
);

-- What sealed rows come to, by hour, by day and by month; `everyone` is the hours of all accounts together.
CREATE TABLE activity_sums (
    span        TEXT NOT NULL,             -- hour, day, month, everyone
    begins      TEXT NOT NULL,             -- the beginning of a moment: 2026-11-20T04, 2026-11-20, 2026-11
    account     TEXT NOT NULL,
    project     TEXT NOT NULL,
    operation   TEXT NOT NULL,
    outcome     TEXT NOT NULL,
    reason      TEXT NOT NULL,
    calls       BIGINT NOT NULL,
    units       BIGINT NOT NULL,
    bytes       BIGINT NOT NULL,
    seconds     DOUBLE PRECISION NOT NULL,
    last_at     TEXT NOT NULL,
    took_0      BIGINT NOT NULL,           -- of what was done, by how long it took: `domain/latencies` has the bounds
    took_1      BIGINT NOT NULL,
    took_2      BIGINT NOT NULL,
    took_3      BIGINT NOT NULL,
    took_4      BIGINT NOT NULL,
    took_5      BIGINT NOT NULL,
    took_6      BIGINT NOT NULL,
    took_7      BIGINT NOT NULL,
    took_8      BIGINT NOT NULL,
    took_9      BIGINT NOT NULL,
    took_10     BIGINT NOT NULL,
    took_11     BIGINT NOT NULL,
    took_12     BIGINT NOT NULL,
    took_13     BIGINT NOT NULL,
    took_14     BIGINT NOT NULL,
    took_15     BIGINT NOT NULL,
    took_16     BIGINT NOT NULL,
    took_17     BIGINT NOT NULL,
    took_18     BIGINT NOT NULL,
    took_19     BIGINT NOT NULL,
    took_20     BIGINT NOT NULL,
    PRIMARY KEY (span, begins, account, project, operation, outcome, reason)
);

-- Whose channel and words are to be erased from the journal: everything of theirs up to an entry.
CREATE TABLE activity_erasures (
    account     TEXT PRIMARY KEY,
    upto        BIGINT NOT NULL,
    reached_at  TEXT NOT NULL DEFAULT '',  -- the moment and the entry of the last one that is erased
    reached     BIGINT NOT NULL DEFAULT 0
);
