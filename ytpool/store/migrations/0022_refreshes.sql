-- The last refresh of each account's cookies, by the operator's command: how it went, and from when on another may begin.
-- Its moments are the machine's, not quota time; `begun` is seconds on the boot clock of its era.
CREATE TABLE refreshes (
    account  TEXT PRIMARY KEY,
    begun_at TEXT NOT NULL,
    era      TEXT NOT NULL,
    begun    DOUBLE PRECISION NOT NULL,
    ended_at TEXT,
    outcome  TEXT NOT NULL,                -- running, replaced, failed
    detail   TEXT NOT NULL DEFAULT ''
);
