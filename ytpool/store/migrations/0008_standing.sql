-- What an operator decided of an account stands beside what its login is good for: neither overwrites the other.

ALTER TABLE accounts ADD COLUMN standing TEXT NOT NULL DEFAULT 'active';  -- active, draining, disabled
ALTER TABLE accounts ADD COLUMN standing_reason TEXT NOT NULL DEFAULT '';

UPDATE accounts SET standing = state, standing_reason = state_reason, state = 'active', state_reason = ''
 WHERE state IN ('draining', 'disabled');

CREATE TABLE labels (                      -- an operator's own words about accounts
    account TEXT NOT NULL REFERENCES accounts (account),
    label   TEXT NOT NULL,
    value   TEXT NOT NULL,
    PRIMARY KEY (account, label)
);

CREATE TABLE merged_projects (             -- a process that began under a former name still finds the books
    former  TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (project)
);
