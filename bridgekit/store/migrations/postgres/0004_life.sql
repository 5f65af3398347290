-- +goose Up
-- Events that are to be removed at a time.
CREATE TABLE expiry (
	room   TEXT    NOT NULL,
	event  TEXT    NOT NULL,
	portal BIGINT NOT NULL,
	sender TEXT    NOT NULL, -- who of ours sent it; '' for a person of the homeserver
	at     BIGINT NOT NULL, -- ms
	PRIMARY KEY (room, event)
);
CREATE INDEX expiry_at ON expiry (at);

-- Rooms that our users leave.
CREATE TABLE cleanup (
	room     TEXT PRIMARY KEY,
	name     TEXT    NOT NULL, -- for people
	network  TEXT    NOT NULL, -- whose ghosts; '' for all of ours
	scope    TEXT    NOT NULL,
	reason   TEXT    NOT NULL,
	total    BIGINT NOT NULL, -- how many are to leave; -1 until they are counted
	done     BIGINT NOT NULL,
	begun    BIGINT NOT NULL,
	finished BIGINT NOT NULL, -- 0 until it is
	trouble  TEXT    NOT NULL
);

-- +goose Down
DROP TABLE cleanup;
DROP TABLE expiry;
