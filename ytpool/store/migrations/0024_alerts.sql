-- Alerts: what has a cause stays one alert for as long as it lasts. `subject` tells causes apart, `title` is what people
-- call it; `worst` is what it has come to so far, and is never announced twice.
ALTER TABLE alerts ADD COLUMN title TEXT NOT NULL DEFAULT '';
ALTER TABLE alerts ADD COLUMN command TEXT NOT NULL DEFAULT '';           -- what to type; empty where nothing helps but time
ALTER TABLE alerts ADD COLUMN worst TEXT NOT NULL DEFAULT 'info';
ALTER TABLE alerts ADD COLUMN escalated_at TEXT;
ALTER TABLE alerts ADD COLUMN acknowledged_at TEXT;
ALTER TABLE alerts ADD COLUMN acknowledged_by TEXT NOT NULL DEFAULT '';
ALTER TABLE alerts ADD COLUMN note TEXT NOT NULL DEFAULT '';
CREATE INDEX alerts_by_cause ON alerts (kind, subject, ended_at);
CREATE INDEX alerts_by_end ON alerts (ended_at);

-- What is to be told of an alert to one target. It waits for its message, and what happens meanwhile takes its place.
-- Its moments, and those of messages, are the machine's, not quota time.
CREATE TABLE alert_notices (
    notice    TEXT PRIMARY KEY,
    alert     TEXT NOT NULL,
    target    TEXT NOT NULL,
    event     TEXT NOT NULL,               -- opened, escalated, resolved
    severity  TEXT NOT NULL,
    since     TEXT NOT NULL,
    message   TEXT                         -- NULL: it waits
);
CREATE UNIQUE INDEX alert_notices_waiting ON alert_notices (target, alert) WHERE message IS NULL;
CREATE INDEX alert_notices_by_alert ON alert_notices (alert, target);
CREATE INDEX alert_notices_by_message ON alert_notices (message);

-- Messages to targets: written down before they are sent, with their content, and settled after. One that was begun and
-- not settled is sent again under its id, with the number of the attempt, because nobody knows whether it has arrived.
CREATE TABLE alert_messages (
    message    TEXT PRIMARY KEY,
    target     TEXT NOT NULL,
    state      TEXT NOT NULL,              -- sending, delivered, given_up
    content    TEXT NOT NULL,              -- JSON
    written_at TEXT NOT NULL,
    attempts   BIGINT NOT NULL DEFAULT 0,
    not_before TEXT NOT NULL,              -- of the next attempt, whatever becomes of this one
    ended_at   TEXT,
    reason     TEXT NOT NULL DEFAULT ''    -- why the last attempt failed; empty while nobody knows
);
CREATE INDEX alert_messages_by_target ON alert_messages (target, written_at);
CREATE UNIQUE INDEX alert_messages_sending ON alert_messages (target) WHERE state = 'sending';
