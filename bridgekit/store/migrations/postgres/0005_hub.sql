-- +goose Up
CREATE TABLE hub_ban (
	room   TEXT   NOT NULL,
	who    TEXT   NOT NULL, -- a pattern: "@*:bad.example", "irc.libera/spam*"
	made_by TEXT   NOT NULL,
	reason TEXT   NOT NULL,
	at     BIGINT NOT NULL,
	PRIMARY KEY (room, who)
);

-- +goose Down
DROP TABLE hub_ban;
