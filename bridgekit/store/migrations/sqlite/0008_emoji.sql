-- +goose Up
-- Pictures of custom emoji that are on the homeserver, each once. uri is where; name is
-- what the network calls it, between colons.
CREATE TABLE emoji (
	network TEXT    NOT NULL,
	id      TEXT    NOT NULL,
	name    TEXT    NOT NULL,
	uri     TEXT    NOT NULL,
	at      INTEGER NOT NULL,
	PRIMARY KEY (network, id)
) STRICT;
CREATE INDEX emoji_uri ON emoji (uri);

-- +goose Down
DROP TABLE emoji;
