-- +goose Up
CREATE TABLE entry (
	id       INTEGER PRIMARY KEY AUTOINCREMENT,
	lane     INTEGER NOT NULL,
	key      BLOB    NOT NULL UNIQUE,
	kind     TEXT    NOT NULL,
	target   TEXT    NOT NULL,
	state    INTEGER NOT NULL,
	attempts INTEGER NOT NULL DEFAULT 0,
	due      INTEGER NOT NULL DEFAULT 0,
	cause    TEXT    NOT NULL DEFAULT '',
	reason   TEXT    NOT NULL DEFAULT '',
	payload  BLOB,
	created  INTEGER NOT NULL,
	changed  INTEGER NOT NULL
);
CREATE INDEX entry_open ON entry (lane, id) WHERE state < 4;
CREATE INDEX entry_failed ON entry (id) WHERE state = 4;
CREATE INDEX entry_done ON entry (changed) WHERE state = 5;
CREATE INDEX entry_target ON entry (lane, target) WHERE state < 5 AND target <> '';

CREATE TABLE portal (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	network TEXT NOT NULL,
	chat    TEXT NOT NULL,
	login   TEXT NOT NULL,
	room    TEXT NOT NULL DEFAULT '',
	state   TEXT NOT NULL DEFAULT '',
	relay   TEXT NOT NULL DEFAULT '',
	info    TEXT NOT NULL DEFAULT '{}',
	created INTEGER NOT NULL,
	UNIQUE (network, chat, login)
);
CREATE INDEX portal_room ON portal (room) WHERE room <> '';

CREATE TABLE message (
	portal INTEGER NOT NULL,
	event  TEXT    NOT NULL,
	remote TEXT    NOT NULL,
	part   INTEGER NOT NULL,
	login  TEXT    NOT NULL,
	sender TEXT    NOT NULL,
	txn    TEXT    NOT NULL,
	at     INTEGER NOT NULL,
	PRIMARY KEY (portal, event, remote)
);
CREATE INDEX message_remote ON message (portal, remote) WHERE remote <> '';
CREATE INDEX message_txn ON message (portal, txn) WHERE txn <> '';

CREATE TABLE reaction (
	portal INTEGER NOT NULL,
	target TEXT    NOT NULL,
	sender TEXT    NOT NULL,
	emoji  TEXT    NOT NULL,
	event  TEXT    NOT NULL,
	at     INTEGER NOT NULL,
	PRIMARY KEY (portal, target, sender, emoji)
);
CREATE INDEX reaction_event ON reaction (portal, event);

CREATE TABLE login (
	num     INTEGER PRIMARY KEY AUTOINCREMENT,
	network TEXT NOT NULL,
	id      TEXT NOT NULL,
	owner   TEXT NOT NULL,
	remote  TEXT NOT NULL,
	name    TEXT NOT NULL,
	data    BLOB,
	created INTEGER NOT NULL,
	UNIQUE (network, id)
);
CREATE INDEX login_owner ON login (owner);

CREATE TABLE login_chat (
	network TEXT    NOT NULL,
	login   TEXT    NOT NULL,
	portal  INTEGER NOT NULL,
	since   INTEGER NOT NULL, -- order of entering
	PRIMARY KEY (network, login, portal)
);
CREATE INDEX login_chat_portal ON login_chat (portal);

CREATE TABLE kv (
	network TEXT NOT NULL,
	login   TEXT NOT NULL,
	name    TEXT NOT NULL,
	value   BLOB NOT NULL,
	PRIMARY KEY (network, login, name)
);

CREATE TABLE cursor (
	network TEXT NOT NULL,
	login   TEXT NOT NULL,
	name    TEXT NOT NULL,
	value   BLOB NOT NULL,
	PRIMARY KEY (network, login, name)
);

CREATE TABLE matrix_user (
	mxid       TEXT PRIMARY KEY,
	management TEXT NOT NULL DEFAULT '',
	settings   TEXT NOT NULL DEFAULT '{}'
);

CREATE TABLE fact (
	name  TEXT PRIMARY KEY,
	value TEXT NOT NULL
);

CREATE TABLE page (
	id    TEXT PRIMARY KEY,
	name  TEXT NOT NULL,
	mime  TEXT NOT NULL,
	data  BLOB,
	media TEXT NOT NULL DEFAULT '',
	until INTEGER NOT NULL
);
CREATE INDEX page_until ON page (until);

-- +goose Down
DROP TABLE page;
DROP TABLE fact;
DROP TABLE matrix_user;
DROP TABLE cursor;
DROP TABLE kv;
DROP TABLE login_chat;
DROP TABLE login;
DROP TABLE reaction;
DROP TABLE message;
DROP TABLE portal;
DROP TABLE entry;
