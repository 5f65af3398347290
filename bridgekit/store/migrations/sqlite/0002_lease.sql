-- +goose Up
-- An SQLite database belongs to one process; the table keeps the schemas alike.
CREATE TABLE lease (
	name   TEXT PRIMARY KEY,
	holder TEXT    NOT NULL,
	fence  INTEGER NOT NULL,
	until  INTEGER NOT NULL
) STRICT;

-- +goose Down
DROP TABLE lease;
