-- +goose Up
-- A line that was lifted stays for what was said before: entries up to a number, which
-- may still wait for their network. there: the portals in whose chats the ban was made
-- too, as numbers between spaces.
ALTER TABLE hub_ban ADD COLUMN since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE hub_ban ADD COLUMN until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE hub_ban ADD COLUMN there TEXT NOT NULL DEFAULT '';

-- +goose Down
DELETE FROM hub_ban WHERE until <> 0;
ALTER TABLE hub_ban DROP COLUMN there;
ALTER TABLE hub_ban DROP COLUMN until;
ALTER TABLE hub_ban DROP COLUMN since;
