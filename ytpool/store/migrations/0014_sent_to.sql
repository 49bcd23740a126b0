-- Where bytes of an upload have been taken it stays, whatever becomes of its session.

ALTER TABLE uploads ADD COLUMN sent_to TEXT;                       -- the channel that gave it a session first

UPDATE uploads SET sent_to = (SELECT channel_id FROM jobs WHERE jobs.job = uploads.job) WHERE started_at IS NOT NULL;
