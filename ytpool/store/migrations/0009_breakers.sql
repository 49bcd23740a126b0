-- What has failed in a row, and what takes no calls because of it: a guess, until a call gets through.

CREATE TABLE breakers (
    scope     TEXT NOT NULL,               -- account, service
    name      TEXT NOT NULL,
    bucket    TEXT NOT NULL DEFAULT '',    -- logins: only its refreshes; empty: all of it
    failures  TEXT NOT NULL DEFAULT '',    -- the recent ones in a row: moment and account, a line each
    openings  BIGINT NOT NULL DEFAULT 0,
    since     TEXT,                        -- when it opened
    until     TEXT,                        -- NULL: closed; before it: open; from then on: half-open
    probes    TEXT NOT NULL DEFAULT '',    -- when the calls left that try it out, a line each
    closed_at TEXT,
    reason    TEXT NOT NULL DEFAULT '',
    blamed    BIGINT NOT NULL DEFAULT 0,   -- failures that the account's score was charged with
    PRIMARY KEY (scope, name, bucket)
);

-- Everything that rests: for a reason that is known, and by a breaker's guess.

CREATE VIEW resting AS
    SELECT scope, name, bucket, since, until, reason, lifts, guessed FROM rests
    UNION ALL
    SELECT scope, name, bucket, since, until, reason, 'then a few calls try it out', 1 FROM breakers
     WHERE until IS NOT NULL;
