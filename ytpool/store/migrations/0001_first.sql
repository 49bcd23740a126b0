-- Names, moments and states are TEXT, counts are BIGINT, moments are fixed-width UTC and compare as text.
-- A boot moment (expires) is seconds on the clock of the era beside it; another era's cannot be compared.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE projects (
    project    TEXT PRIMARY KEY,
    project_id TEXT,                       -- as the client-secrets file names it
    number     TEXT,                       -- the leading number of its client ids
    created_at TEXT NOT NULL
);

CREATE TABLE clients (                     -- OAuth clients; each belongs to one project
    client_id  TEXT PRIMARY KEY,
    project    TEXT NOT NULL REFERENCES projects (project),
    auth_uri   TEXT NOT NULL,
    token_uri  TEXT NOT NULL,
    created_at TEXT NOT NULL
);

CREATE TABLE channels (
    channel_id       TEXT PRIMARY KEY,
    title            TEXT NOT NULL,
    uploads_playlist TEXT NOT NULL DEFAULT '',
    upload_cap       BIGINT,               -- learned from a refusal; uploads in 24 hours
    upload_cap_at    TEXT,
    verified_at      TEXT NOT NULL
);

CREATE TABLE accounts (
    account           TEXT PRIMARY KEY,
    kind              TEXT NOT NULL DEFAULT 'youtube',
    project           TEXT REFERENCES projects (project),
    client_id         TEXT REFERENCES clients (client_id),
    channel_id        TEXT REFERENCES channels (channel_id),
    tier              TEXT NOT NULL DEFAULT 'production',
    state             TEXT NOT NULL DEFAULT 'active',   -- active, login_needed, disabled, draining
    state_reason      TEXT NOT NULL DEFAULT '',
    priority          BIGINT NOT NULL DEFAULT 100,      -- lower comes first
    slots             BIGINT NOT NULL DEFAULT 3,
    scopes            TEXT NOT NULL DEFAULT '',
    token_expires_at  TEXT,
    grant_expires_at  TEXT,
    refreshed_at      TEXT,
    created_at        TEXT NOT NULL,
    successes         BIGINT NOT NULL DEFAULT 0,
    failures          BIGINT NOT NULL DEFAULT 0,
    last_upload_at    TEXT,
    last_operation    TEXT,
    last_operation_at TEXT
);
CREATE INDEX accounts_by_project ON accounts (project);
CREATE INDEX accounts_by_channel ON accounts (channel_id);

CREATE TABLE pools (
    pool            TEXT PRIMARY KEY,
    strategy        TEXT NOT NULL,
    across_projects BIGINT NOT NULL DEFAULT 0,
    reason          TEXT NOT NULL DEFAULT '',
    turn            BIGINT NOT NULL DEFAULT 0,          -- round robin: how many turns were taken
    created_at      TEXT NOT NULL
);

CREATE TABLE pool_members (
    pool    TEXT NOT NULL REFERENCES pools (pool),
    account TEXT NOT NULL REFERENCES accounts (account),
    PRIMARY KEY (pool, account)
);
CREATE INDEX pool_members_by_account ON pool_members (account);

CREATE TABLE secrets (
    kind      TEXT NOT NULL,
    owner     TEXT NOT NULL,
    key_id    TEXT NOT NULL,
    sealed    TEXT NOT NULL,               -- base64 of nonce and AES-GCM ciphertext
    stored_at TEXT NOT NULL,
    PRIMARY KEY (kind, owner)
);

CREATE TABLE limits (                      -- what is believed or decided beside the price book
    scope  TEXT NOT NULL,                  -- project, account, envelope
    name   TEXT NOT NULL,
    bucket TEXT NOT NULL,
    units  BIGINT NOT NULL,
    origin TEXT NOT NULL,                  -- operator, learned
    since  TEXT NOT NULL,
    PRIMARY KEY (scope, name, bucket)
);

CREATE TABLE meters (
    scope     TEXT NOT NULL,
    name      TEXT NOT NULL,
    bucket    TEXT NOT NULL,
    day       TEXT NOT NULL,               -- quota day, Pacific
    ceiling   BIGINT,                      -- NULL: counted, not limited
    held      BIGINT NOT NULL DEFAULT 0,
    sent      BIGINT NOT NULL DEFAULT 0,
    spent     BIGINT NOT NULL DEFAULT 0,
    unknown   BIGINT NOT NULL DEFAULT 0,
    elsewhere BIGINT NOT NULL DEFAULT 0,
    overrun   BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (scope, name, bucket, day)
);
CREATE INDEX meters_by_day ON meters (day, scope, name);

CREATE TABLE ledger (                      -- the journal: the units of one hold on one meter; meters are its sums
    hold       TEXT NOT NULL,
    scope      TEXT NOT NULL,
    name       TEXT NOT NULL,
    bucket     TEXT NOT NULL,
    day        TEXT NOT NULL,
    units      BIGINT NOT NULL,
    state      TEXT NOT NULL,              -- held, sent, spent, released, unknown; elsewhere, overrun
    blurred    BIGINT NOT NULL DEFAULT 0,  -- sent at midnight: booked on both days, and stays unknown
    operation  TEXT NOT NULL DEFAULT '',
    job        TEXT,
    step       TEXT,
    account    TEXT,
    channel_id TEXT,
    fence      BIGINT,                     -- the job's fencing number when the hold was made
    era        TEXT NOT NULL DEFAULT '',
    expires    DOUBLE PRECISION NOT NULL DEFAULT 0,
    held_at    TEXT NOT NULL,
    sent_at    TEXT,
    settled_at TEXT,
    reason     TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (hold, scope, name, bucket, day)
);
CREATE INDEX ledger_by_meter ON ledger (scope, name, bucket, day);
CREATE INDEX ledger_by_job ON ledger (job);
CREATE INDEX ledger_open ON ledger (era, expires) WHERE state IN ('held', 'sent');
CREATE INDEX ledger_by_channel ON ledger (channel_id, operation, sent_at);

CREATE TABLE jobs (
    job            TEXT PRIMARY KEY,
    kind           TEXT NOT NULL,
    state          TEXT NOT NULL,          -- queued, running, deferred, interrupted, unknown, done, partly, failed, cancelled
    target_kind    TEXT NOT NULL,          -- account or pool
    target         TEXT NOT NULL,
    job_key        TEXT NOT NULL DEFAULT '',
    fingerprint    TEXT NOT NULL DEFAULT '',
    sha256         TEXT,
    request        TEXT NOT NULL,          -- JSON: what was asked for
    account        TEXT,
    channel_id     TEXT,
    video_id       TEXT,
    attempts       BIGINT NOT NULL DEFAULT 0,
    not_before     TEXT,
    deadline       TEXT,
    error_code     TEXT NOT NULL DEFAULT '',
    error          TEXT NOT NULL DEFAULT '',
    error_reason   TEXT NOT NULL DEFAULT '', -- Google's own word, verbatim
    created_at     TEXT NOT NULL,
    updated_at     TEXT NOT NULL,
    finished_at    TEXT
);
CREATE INDEX jobs_by_fingerprint ON jobs (fingerprint, job_key);
CREATE INDEX jobs_by_state ON jobs (state, not_before);
CREATE INDEX jobs_by_channel ON jobs (channel_id, state);

CREATE TABLE job_steps (
    job        TEXT NOT NULL REFERENCES jobs (job),
    step       TEXT NOT NULL,
    position   BIGINT NOT NULL,
    state      TEXT NOT NULL,              -- waiting, running, done, failed, unknown, skipped
    detail     TEXT NOT NULL DEFAULT '',
    attempts   BIGINT NOT NULL DEFAULT 0,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (job, step)
);

CREATE TABLE uploads (                     -- the resumable state; the session's URI is a secret of kind upload_session
    job          TEXT PRIMARY KEY REFERENCES jobs (job),
    path         TEXT NOT NULL,
    size         BIGINT NOT NULL,
    modified_ns  BIGINT NOT NULL,
    fingerprint  TEXT NOT NULL,
    slug         TEXT NOT NULL,
    account      TEXT,
    intent_at    TEXT,
    started_at   TEXT,
    kept         BIGINT NOT NULL DEFAULT 0,
    last_sent_at TEXT                      -- set before the last byte may leave
);

CREATE TABLE leases (
    kind        TEXT NOT NULL,             -- slot, channel, job, refresh
    name        TEXT NOT NULL,
    place       BIGINT NOT NULL DEFAULT 0,
    fence       BIGINT NOT NULL,
    holder      TEXT NOT NULL,             -- what it is held for, usually a job
    host        TEXT NOT NULL,
    pid_space   TEXT NOT NULL,
    pid         BIGINT NOT NULL,
    pid_started TEXT NOT NULL,
    era         TEXT NOT NULL,
    expires     DOUBLE PRECISION NOT NULL, -- 0 once given back
    taken_at    TEXT NOT NULL,
    PRIMARY KEY (kind, name, place)
);
CREATE INDEX leases_by_holder ON leases (holder);

CREATE TABLE rests (
    scope   TEXT NOT NULL,                 -- everything, pool, service, project, channel, account
    name    TEXT NOT NULL,
    bucket  TEXT NOT NULL DEFAULT '',      -- empty: all of it
    since   TEXT NOT NULL,
    until   TEXT,                          -- NULL: until a person acts
    reason  TEXT NOT NULL,
    lifts   TEXT NOT NULL,                 -- what ends it, in words
    guessed BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (scope, name, bucket)
);

CREATE TABLE decisions (
    decision   TEXT PRIMARY KEY,
    job        TEXT NOT NULL,
    decided_at TEXT NOT NULL,
    strategy   TEXT NOT NULL,
    account    TEXT,
    best       TEXT NOT NULL,              -- JSON: the ten best with their factors
    rejected   TEXT NOT NULL               -- JSON: per reason a count and up to twenty names
);
CREATE INDEX decisions_by_job ON decisions (job, decided_at);

CREATE TABLE activity (
    activity    TEXT PRIMARY KEY,
    happened_at TEXT NOT NULL,
    account     TEXT,
    project     TEXT,
    channel_id  TEXT,
    operation   TEXT NOT NULL,
    outcome     TEXT NOT NULL,             -- done, failed, unknown
    units       BIGINT NOT NULL DEFAULT 0,
    bytes       BIGINT NOT NULL DEFAULT 0,
    seconds     DOUBLE PRECISION NOT NULL DEFAULT 0,
    job         TEXT,
    reason      TEXT NOT NULL DEFAULT '',
    detail      TEXT NOT NULL DEFAULT ''
);
CREATE INDEX activity_by_moment ON activity (happened_at);
CREATE INDEX activity_by_account ON activity (account, happened_at);

CREATE TABLE sessions (
    session     TEXT PRIMARY KEY,
    person      TEXT NOT NULL,             -- the user whose browser it was
    platform    TEXT NOT NULL,
    state       TEXT NOT NULL,             -- active, expired, banned
    reason      TEXT NOT NULL DEFAULT '',
    digest      TEXT NOT NULL,             -- of the stored file, so that one file is stored once
    cookies     BIGINT NOT NULL,
    expires_at  TEXT,
    stored_at   TEXT NOT NULL,
    used_at     TEXT
);
CREATE INDEX sessions_by_person ON sessions (person, platform);

CREATE TABLE alerts (
    alert      TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,
    subject    TEXT NOT NULL,
    severity   TEXT NOT NULL,
    state      TEXT NOT NULL,              -- open, resolved
    message    TEXT NOT NULL,
    opened_at  TEXT NOT NULL,
    seen_at    TEXT NOT NULL,
    times      BIGINT NOT NULL DEFAULT 1,
    ended_at   TEXT
);
CREATE UNIQUE INDEX alerts_open ON alerts (kind, subject) WHERE state = 'open';
