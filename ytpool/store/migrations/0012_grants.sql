-- How long a login will live: when it was made, how many were, and when it was last seen to speak for its channel.

ALTER TABLE accounts ADD COLUMN logged_in_at TEXT;
ALTER TABLE accounts ADD COLUMN logins BIGINT NOT NULL DEFAULT 0;  -- of its OAuth client: Google keeps a hundred alive
ALTER TABLE accounts ADD COLUMN verified_at TEXT;
ALTER TABLE accounts ADD COLUMN refresh_sent_at TEXT;              -- an answer may be on its way that nobody kept

-- A channel that several accounts share was verified by one of them; the others have proved it when they were made.
UPDATE accounts SET verified_at = created_at, logins = 1 WHERE scopes <> '';
