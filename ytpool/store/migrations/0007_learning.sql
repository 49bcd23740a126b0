-- What Google's answers teach: each lesson with its date, and limits that the price book does not know.

ALTER TABLE ledger ADD COLUMN tries BIGINT NOT NULL DEFAULT 0;  -- goes beyond a learned limit; on an account's row: a learned cap
ALTER TABLE channels ADD COLUMN upload_cap_raised_at TEXT;      -- when an upload beyond the learned cap went well

CREATE TABLE lessons (                     -- by the hold whose answer taught it
    hold       TEXT NOT NULL,
    scope      TEXT NOT NULL,              -- project, channel
    name       TEXT NOT NULL,
    bucket     TEXT NOT NULL,
    day        TEXT NOT NULL,              -- the quota day it is about
    operation  TEXT NOT NULL,
    believed   BIGINT,                     -- NULL: no limit was known
    shown      BIGINT NOT NULL,            -- what Google named, or what it let through
    stands     BIGINT NOT NULL,            -- 0: the operator's word was another, and stayed
    reason     TEXT NOT NULL,
    learned_at TEXT NOT NULL,
    PRIMARY KEY (hold, scope, name, bucket)
);
CREATE INDEX lessons_by_day ON lessons (day);

CREATE TABLE proposed_prices (             -- limits that Google named and the price book does not have
    project   TEXT NOT NULL,
    operation TEXT NOT NULL,
    metric    TEXT NOT NULL,
    named     TEXT NOT NULL,               -- the limit, in Google's words
    units     BIGINT,                      -- NULL: no value was named
    times     BIGINT NOT NULL DEFAULT 1,
    first_at  TEXT NOT NULL,
    last_at   TEXT NOT NULL,
    PRIMARY KEY (project, operation, metric, named)
);
