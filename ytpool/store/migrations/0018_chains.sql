-- What a chain has tried for its jobs: one row for each step that it came to, kept for its books.
CREATE TABLE chain_tries (
    job        TEXT NOT NULL REFERENCES jobs (job),
    round      BIGINT NOT NULL,            -- a job that failed goes through its chain again
    position   BIGINT NOT NULL,
    chain      TEXT NOT NULL,
    step       TEXT NOT NULL,              -- its service, behind the names of the chains that led to it
    service    TEXT NOT NULL,
    outcome    TEXT NOT NULL,              -- skipped, running, served, failed, unknown
    why        TEXT NOT NULL DEFAULT '',
    cost       DOUBLE PRECISION NOT NULL DEFAULT 0,
    repeatable BIGINT NOT NULL DEFAULT 0,  -- one that nobody heard of may be run again
    output     TEXT,
    cut        BIGINT NOT NULL DEFAULT 0,  -- there was more output
    task       TEXT,                       -- the job of its task, where a provider was asked
    begun_at   TEXT NOT NULL,
    ended_at   TEXT,
    PRIMARY KEY (job, round, position)
);
CREATE INDEX chain_tries_by_chain ON chain_tries (chain, step);
