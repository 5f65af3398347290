-- +goose Up
CREATE TABLE lease (
	name   TEXT PRIMARY KEY,
	holder TEXT   NOT NULL, -- for people
	fence  BIGINT NOT NULL, -- grows with every change of hands
	until  BIGINT NOT NULL  -- ms, by the database's clock
);

-- +goose Down
DROP TABLE lease;
