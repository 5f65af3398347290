-- +goose Up
CREATE TABLE past (
	portal   BIGINT NOT NULL,
	number   BIGINT NOT NULL, -- order in the room; what is older has a smaller one
	key      BYTEA   NOT NULL,
	attempts BIGINT NOT NULL DEFAULT 0,
	payload  BYTEA   NOT NULL,
	PRIMARY KEY (portal, number),
	UNIQUE (portal, key)
);

CREATE TABLE merged (
	network TEXT NOT NULL,
	person  TEXT NOT NULL,
	into_id TEXT NOT NULL,
	PRIMARY KEY (network, person)
);

-- Whether the room is in the lists and spaces of the login's owner.
ALTER TABLE login_chat ADD COLUMN placed BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE login_chat DROP COLUMN placed;
DROP TABLE merged;
DROP TABLE past;
