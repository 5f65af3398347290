-- +goose Up
-- Who has spoken in a portal through its relay: a flood of new people is told from
-- those who are known there.
CREATE TABLE speaker (
	portal INTEGER NOT NULL,
	mxid   TEXT    NOT NULL,
	since  INTEGER NOT NULL,
	PRIMARY KEY (portal, mxid)
) STRICT;
CREATE INDEX speaker_mxid ON speaker (mxid);

-- +goose Down
DROP TABLE speaker;
