package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// An Emoji is a custom emoji whose picture is on the homeserver.
type Emoji struct {
	Network network.NetworkID
	network.Emoji
	URI string // mxc
}

const emojiColumns = "network, id, name, uri"

// Emoji is the custom emoji of an ID; false if its picture was never uploaded.
func (db *DB) Emoji(ctx context.Context, n network.NetworkID, id network.EmojiID) (Emoji, bool, error) {
	return first(db.emoji(ctx, "network = ? AND id = ?", n, id))
}

// EmojiAt is the custom emoji whose picture is at an mxc URI; false if that is none.
func (db *DB) EmojiAt(ctx context.Context, uri string) (Emoji, bool, error) {
	return first(db.emoji(ctx, "uri = ?", uri))
}

// EmojiOf lists the custom emoji of a network whose pictures were uploaded, the
// earliest first.
func (db *DB) EmojiOf(ctx context.Context, n network.NetworkID) ([]Emoji, error) {
	return db.emoji(ctx, "network = ?", n)
}

func (db *DB) emoji(ctx context.Context, where string, args ...any) ([]Emoji, error) {
	var out []Emoji
	err := db.All(ctx, "SELECT "+emojiColumns+" FROM emoji WHERE "+where+" ORDER BY at, id", args, func(r *sql.Rows) error {
		var e Emoji
		err := r.Scan(&e.Network, &e.ID, &e.Name, &e.URI)
		out = append(out, e)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read emoji: %w", err)
	}
	return out, nil
}

// SaveEmoji stores where the picture of a custom emoji is, and what it is called now.
// When it returns, that is durable.
func (db *DB) SaveEmoji(ctx context.Context, all ...Emoji) error {
	if len(all) == 0 {
		return nil
	}
	now := time.Now().UnixMilli()
	err := db.Write(ctx, len(all), func(tx *Tx) error {
		for _, e := range all {
			_, err := tx.Exec("INSERT INTO emoji ("+emojiColumns+", at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (network, id) DO UPDATE SET name = excluded.name, uri = excluded.uri",
				e.Network, e.ID, e.Name, e.URI, now)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("store emoji: %w", err)
	}
	return nil
}
