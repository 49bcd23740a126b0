-- Who reads the vault's keys and which they have found: a rotation ends once everybody who lives has the new one.

CREATE TABLE key_readers (
    host     TEXT NOT NULL,
    place    TEXT NOT NULL,                -- keyring, key file, ...: where the key in use was found
    location TEXT NOT NULL,                -- the file, if it is one
    keys     TEXT NOT NULL,                -- ids, with spaces between
    seen_at  TEXT NOT NULL,
    PRIMARY KEY (host, place, location)
);

-- Accounts that somebody wants gone: first said here, then their logins are ended at Google, then they are forgotten.

CREATE TABLE leavings (
    account  TEXT PRIMARY KEY REFERENCES accounts (account),
    asked_at TEXT NOT NULL,
    tried_at TEXT,
    problem  TEXT NOT NULL DEFAULT ''      -- why it is not done yet
);
