-- Round robin: the turn of the pool at which an account was last chosen; whoever waits longest comes next.

ALTER TABLE pool_members ADD COLUMN served BIGINT NOT NULL DEFAULT 0;
