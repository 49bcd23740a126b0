-- Of those who wait in the line for the same account or pool, the first: one that is full keeps nobody else waiting,
-- however many wait for it. Uploads have lanes of their own, for a channel takes one after the other.
CREATE INDEX jobs_in_lane ON jobs (
    (CASE kind WHEN 'upload' THEN 'upload ' ELSE 'other ' END
     || CASE WHEN account IS NULL THEN target_kind || ' ' || target ELSE 'account ' || account END),
    priority DESC, (coalesce(deadline, '9')), (coalesce(not_before, '')), job)
 WHERE is_due = 1 AND held_at IS NULL AND CASE kind WHEN 'task' THEN 0 WHEN 'video.delete' THEN agreed ELSE 1 END = 1
   AND CASE WHEN state IN ('queued', 'deferred', 'interrupted') THEN 1
            WHEN state IN ('finished_unknown', 'partly') AND not_before IS NOT NULL THEN 1 ELSE 0 END = 1;
