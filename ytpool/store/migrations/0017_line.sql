-- Jobs wait in a line for whoever works it off: by priority, deadline, not-before and age. `is_due` says that a job's
-- moment was seen to come; it only keeps the search short, and whoever picks a job compares the moment again.
ALTER TABLE jobs ADD COLUMN priority BIGINT NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN held_at TEXT;              -- an operator holds it back since then
ALTER TABLE jobs ADD COLUMN put_off_until TEXT;        -- a worker that got nowhere with it looks again then
ALTER TABLE jobs ADD COLUMN agreed BIGINT NOT NULL DEFAULT 0;   -- a person has said yes to what this destroys
ALTER TABLE jobs ADD COLUMN is_due BIGINT NOT NULL DEFAULT 0;

CREATE INDEX jobs_in_line ON jobs (priority DESC, (coalesce(deadline, '9')), (coalesce(not_before, '')), job)
 WHERE is_due = 1 AND held_at IS NULL AND CASE kind WHEN 'task' THEN 0 WHEN 'video.delete' THEN agreed ELSE 1 END = 1
   AND CASE WHEN state IN ('queued', 'deferred', 'interrupted') THEN 1
            WHEN state IN ('finished_unknown', 'partly') AND not_before IS NOT NULL THEN 1 ELSE 0 END = 1;

CREATE INDEX jobs_to_come ON jobs ((coalesce(put_off_until, not_before, '')))
 WHERE is_due = 0 AND held_at IS NULL AND CASE kind WHEN 'task' THEN 0 WHEN 'video.delete' THEN agreed ELSE 1 END = 1
   AND CASE WHEN state IN ('queued', 'deferred', 'interrupted') THEN 1
            WHEN state IN ('finished_unknown', 'partly') AND not_before IS NOT NULL THEN 1 ELSE 0 END = 1;

-- Of all places that were ever taken, those that are held now.
CREATE INDEX leases_held ON leases (kind, expires);

CREATE INDEX jobs_held ON jobs (held_at) WHERE held_at IS NOT NULL;
CREATE INDEX jobs_put_off ON jobs (put_off_until) WHERE put_off_until IS NOT NULL;
