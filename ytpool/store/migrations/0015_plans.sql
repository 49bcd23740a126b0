-- What was planned when it was queued: taken as a wish when the job is placed, and compared with what happened.

CREATE TABLE plans (
    job        TEXT PRIMARY KEY REFERENCES jobs (job),
    plan       TEXT NOT NULL,              -- the jobs of one `plan --apply` share it; sorts by time
    account    TEXT NOT NULL,
    block      TEXT NOT NULL,
    starts_at  TEXT NOT NULL,
    ends_at    TEXT NOT NULL
);
CREATE INDEX plans_by_plan ON plans (plan);
