-- What was said by whom, found again by its text: none is said twice without being meant.

CREATE TABLE comments (
    job        TEXT PRIMARY KEY REFERENCES jobs (job),
    digest     TEXT NOT NULL,              -- of the text as it is compared
    video_id   TEXT,                       -- a reply learns it from its thread
    parent_id  TEXT,                       -- of a reply
    sent_at    TEXT,                       -- set before the call may leave: from then on it may be there
    comment_id TEXT,
    moderation TEXT NOT NULL DEFAULT ''    -- published, held_for_review, likely_spam, rejected, not_listed
);
CREATE INDEX comments_by_digest ON comments (digest);
CREATE UNIQUE INDEX comments_by_id ON comments (comment_id);
CREATE INDEX comments_unheard ON comments (job) WHERE sent_at IS NOT NULL AND comment_id IS NULL;

-- Comments take turns of their own, or a comment after every upload would leave all uploads to one of two accounts.

ALTER TABLE pool_members ADD COLUMN served_comments BIGINT NOT NULL DEFAULT 0;
