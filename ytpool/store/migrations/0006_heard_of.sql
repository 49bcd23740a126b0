-- What a person has said of an upload, and what is known of a step whose answer did not come.

ALTER TABLE uploads ADD COLUMN cleared_at TEXT;                    -- when a person last said that it is to be sent

ALTER TABLE job_steps ADD COLUMN unheard TEXT NOT NULL DEFAULT ''; -- the write that was begun last, as a method's name
ALTER TABLE job_steps ADD COLUMN missed TEXT NOT NULL DEFAULT '';  -- what it was to make, where a look has not found it
ALTER TABLE job_steps ADD COLUMN missed_at TEXT;                   -- since when
