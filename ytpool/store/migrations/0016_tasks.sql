-- What another service does for us. A key's slot is taken from the moment a task is sent until it has ended, or until
-- its time is over: no process need live meanwhile.

CREATE TABLE tasks (
    job        TEXT PRIMARY KEY REFERENCES jobs (job),
    provider   TEXT NOT NULL,
    account    TEXT,                       -- provider/primary, provider/account_2, ...; NULL: not sent yet
    task_id    TEXT,                       -- as the service calls it
    proof      TEXT,                       -- SHA-256 of the secret that its callback has to bring
    sent_at    TEXT,                       -- set before the request may leave
    until      TEXT,                       -- when its time is over, and its slot free
    ended_at   TEXT,                       -- when the service said how it ended
    freed_at   TEXT,                       -- when its slot became free
    ask_at     TEXT,                       -- when the service is asked about it next
    progress   TEXT NOT NULL DEFAULT '',
    result     TEXT,                       -- JSON, as the service gave it
    cost       DOUBLE PRECISION NOT NULL DEFAULT 0,
    heard_from TEXT NOT NULL DEFAULT ''    -- answer, poll, callback: who told of the end
);
CREATE INDEX tasks_by_task_id ON tasks (provider, task_id);
CREATE INDEX tasks_by_proof ON tasks (proof);
CREATE INDEX tasks_in_slots ON tasks (account) WHERE sent_at IS NOT NULL AND freed_at IS NULL;
