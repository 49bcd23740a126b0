-- Where the files of a job are. `files_on` is the machine on which they lay when it was asked for; NULL: it sends none, or
-- an older version made it.
ALTER TABLE jobs ADD COLUMN files_on TEXT;

-- Machines that have looked for the files of a job and have them not. Each looks anew after a while, and whoever finds
-- them takes its own row away.
CREATE TABLE absences (
    job     TEXT NOT NULL REFERENCES jobs (job),
    host    TEXT NOT NULL,
    path    TEXT NOT NULL,               -- of the file that was missed, as this machine calls it
    seen_at TEXT NOT NULL,
    PRIMARY KEY (job, host)
);
CREATE INDEX absences_by_host ON absences (host, seen_at);
