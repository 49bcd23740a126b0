-- Sessions: several of one user on one platform are told apart, each knows how it is to be used, since when it is in its
-- state, and what was found when somebody looked. A proxy's address is a secret, and lies with the cookies.
ALTER TABLE sessions ADD COLUMN name TEXT NOT NULL DEFAULT '';        -- the second of a pair is 2, unless somebody named it
ALTER TABLE sessions ADD COLUMN user_agent TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN login_ends_at TEXT;                   -- from then on nobody is logged in with it
ALTER TABLE sessions ADD COLUMN state_since TEXT;                     -- NULL: since it was stored
ALTER TABLE sessions ADD COLUMN changed_at TEXT;                      -- NULL: its content is still what was stored first
ALTER TABLE sessions ADD COLUMN version BIGINT NOT NULL DEFAULT 1;    -- of its content: what was found in an older one is stale
ALTER TABLE sessions ADD COLUMN checked_at TEXT;
ALTER TABLE sessions ADD COLUMN found TEXT NOT NULL DEFAULT '';       -- what the last look found: alive, logged_out, ...
ALTER TABLE sessions ADD COLUMN found_detail TEXT NOT NULL DEFAULT '';

UPDATE sessions
   SET name = CAST(1 + (SELECT count(*) FROM sessions AS earlier
                         WHERE earlier.person = sessions.person AND earlier.platform = sessions.platform
                           AND earlier.session < sessions.session) AS TEXT)
 WHERE EXISTS (SELECT 1 FROM sessions AS earlier
                WHERE earlier.person = sessions.person AND earlier.platform = sessions.platform
                  AND earlier.session < sessions.session);
