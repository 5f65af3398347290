package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/hub"
)

// A HubBan is a line of a room's ban list.
type HubBan struct {
	Who    hub.Banned `json:"who"`
	By     string     `json:"by"` // Matrix ID
	Reason string     `json:"reason,omitempty"`
	At     time.Time  `json:"at"`
}

// HubBans is a room's ban list, oldest line first.
func (db *DB) HubBans(ctx context.Context, room string) ([]HubBan, error) {
	var out []HubBan
	err := db.All(ctx, "SELECT who, made_by, reason, at FROM hub_ban WHERE room = ? ORDER BY at, who", []any{room}, func(r *sql.Rows) error {
		var b HubBan
		var at int64
		err := r.Scan(&b.Who, &b.By, &b.Reason, &at)
		b.At = time.UnixMilli(at)
		out = append(out, b)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read ban list: %w", err)
	}
	return out, nil
}

// AddHubBan puts a line on a room's ban list; one that is there gets the new reason.
func (db *DB) AddHubBan(ctx context.Context, room string, b HubBan) error {
	return db.Write(ctx, 1, func(tx *Tx) error {
		_, err := tx.Exec(`INSERT INTO hub_ban (room, who, made_by, reason, at) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (room, who) DO UPDATE SET made_by = excluded.made_by, reason = excluded.reason`, room, b.Who, b.By, b.Reason, b.At.UnixMilli())
		return err
	})
}

// DeleteHubBan takes a line off a room's ban list; it reports whether it was there.
func (db *DB) DeleteHubBan(ctx context.Context, room string, who hub.Banned) (was bool, err error) {
	err = db.Write(ctx, 1, func(tx *Tx) (err error) {
		was, err = tx.One("DELETE FROM hub_ban WHERE room = ? AND who = ? RETURNING 1", []any{room, who}, new(int))
		return err
	})
	return was, err
}

// MoveHubBans gives a room's ban list to the room that takes its place.
func (tx *Tx) MoveHubBans(from, to string) error {
	_, err := tx.Exec("UPDATE hub_ban SET room = ? WHERE room = ? AND who NOT IN (SELECT who FROM hub_ban WHERE room = ?)", to, from, to)
	return err
}

// Hubs lists the rooms that have several portals.
func (db *DB) Hubs(ctx context.Context) ([]string, error) {
	var out []string
	err := db.All(ctx, "SELECT room FROM portal WHERE room <> '' AND state = 'open' GROUP BY room HAVING COUNT(*) > 1 ORDER BY room", nil, func(r *sql.Rows) error {
		var room string
		err := r.Scan(&room)
		out = append(out, room)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read hubs: %w", err)
	}
	return out, nil
}

// LastMessage is the newest row of a portal's map; false if there is none.
func (db *DB) LastMessage(ctx context.Context, portal int64) (Message, bool, error) {
	return first(db.newest(ctx, "SELECT "+messageColumns+" FROM message WHERE portal = ? ORDER BY at DESC LIMIT 1", portal))
}

// MessagesBy lists the events of a portal's map that somebody sent since a time, newest
// first and at most limit: sender is a remote user ID or a Matrix ID.
func (db *DB) MessagesBy(ctx context.Context, portal int64, sender string, since time.Time, limit int) ([]Message, error) {
	return db.newest(ctx, "SELECT "+messageColumns+" FROM message WHERE portal = ? AND sender = ? AND at >= ? ORDER BY at DESC LIMIT ?", portal, sender, since.UnixMilli(), limit)
}

func (db *DB) newest(ctx context.Context, query string, args ...any) ([]Message, error) {
	var out []Message
	err := db.All(ctx, query, args, func(r *sql.Rows) error {
		m, err := scanMessage(r.Scan)
		out = append(out, m)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read message map: %w", err)
	}
	return out, nil
}
