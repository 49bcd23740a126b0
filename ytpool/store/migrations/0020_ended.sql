-- What ended today is asked every morning, however many jobs there have ever been.

CREATE INDEX jobs_by_end ON jobs (finished_at) WHERE finished_at IS NOT NULL;
