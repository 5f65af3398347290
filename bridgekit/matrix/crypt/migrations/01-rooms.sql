-- v0 -> v1: rooms, their members, and the state of /sync
CREATE TABLE room (
	room_id    TEXT    PRIMARY KEY,
	version    BIGINT  NOT NULL, -- counts what made the rest invalid
	known      BOOLEAN NOT NULL, -- encryption and visibility are up to date
	encryption TEXT    NOT NULL, -- content of m.room.encryption, '' if there is none
	visibility TEXT    NOT NULL,
	members    BOOLEAN NOT NULL  -- the rows of member are up to date
);

CREATE TABLE member (
	room_id TEXT NOT NULL,
	user_id TEXT NOT NULL,
	PRIMARY KEY (room_id, user_id)
);
CREATE INDEX member_user ON member (user_id);

CREATE TABLE state (
	name  TEXT PRIMARY KEY,
	value TEXT NOT NULL
);
