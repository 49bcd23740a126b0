-- Machines that work on this state, by their host names. `beat` is seconds on the clock of the era beside it, and says
-- when one was heard last; `seen_at` is the same as a moment, for eras that are over.
CREATE TABLE machines (
    host       TEXT PRIMARY KEY,
    first_at   TEXT NOT NULL,
    seen_at    TEXT NOT NULL,
    era        TEXT NOT NULL,
    beat       DOUBLE PRECISION NOT NULL,
    version    TEXT NOT NULL,
    knows      BIGINT NOT NULL,            -- the last migration that it knows
    ahead      DOUBLE PRECISION,           -- seconds by which its clock was ahead of the database's, which may have none
    lacks      TEXT NOT NULL DEFAULT '',   -- ids of the vault's keys that it has looked for and not found
    drained_at TEXT,
    drained_by TEXT NOT NULL DEFAULT '',
    reason       TEXT NOT NULL DEFAULT ''
);

-- Of those, the processes that stay until they say that they leave: workers and servers.
CREATE TABLE processes (
    host        TEXT NOT NULL,
    pid_space   TEXT NOT NULL,
    pid         BIGINT NOT NULL,
    pid_started TEXT NOT NULL,
    doing       TEXT NOT NULL,             -- work, serve
    version     TEXT NOT NULL,
    knows       BIGINT NOT NULL,
    began_at    TEXT NOT NULL,
    seen_at     TEXT NOT NULL,
    era         TEXT NOT NULL,
    beat        DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (host, pid_space, pid)
);
