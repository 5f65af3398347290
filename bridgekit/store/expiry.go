package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// An Expiry is an event that is to be removed from its room at a time.
type Expiry struct {
	Portal int64
	Room   string
	Event  string
	Sender string // the ghost or bot that sent it; "" for a person of the homeserver
	At     time.Time
}

const expiryColumns = "portal, room, event, sender, at"

// AddExpiry stores when an event is to be removed; what is known stays.
func (tx *Tx) AddExpiry(e Expiry) {
	tx.Add(Bulk{"INSERT INTO expiry (" + expiryColumns + ") VALUES ", "(?, ?, ?, ?, ?)", " ON CONFLICT DO NOTHING"}, nil,
		[]any{e.Portal, e.Room, e.Event, e.Sender, e.At.UnixMilli()})
}

// DeleteExpiry forgets an event that is removed.
func (tx *Tx) DeleteExpiry(room, event string) error {
	_, err := tx.Exec("DELETE FROM expiry WHERE room = ? AND event = ?", room, event)
	return err
}

// PostponeExpiry has an event removed later: it could not be now.
func (tx *Tx) PostponeExpiry(room, event string, to time.Time) error {
	_, err := tx.Exec("UPDATE expiry SET at = ? WHERE room = ? AND event = ?", to.UnixMilli(), room, event)
	return err
}

// Expired lists at most limit events whose time has come by now, oldest first.
func (db *DB) Expired(ctx context.Context, now time.Time, limit int) ([]Expiry, error) {
	var out []Expiry
	err := db.All(ctx, "SELECT "+expiryColumns+" FROM expiry WHERE at <= ? ORDER BY at, event LIMIT ?", []any{now.UnixMilli(), limit}, func(r *sql.Rows) error {
		var e Expiry
		var at int64
		err := r.Scan(&e.Portal, &e.Room, &e.Event, &e.Sender, &at)
		e.At = time.UnixMilli(at)
		out = append(out, e)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read expiries: %w", err)
	}
	return out, nil
}

// NextExpiry is when the next event is to be removed; false if none is.
func (db *DB) NextExpiry(ctx context.Context) (time.Time, bool, error) {
	var at int64
	ok, err := db.One(ctx, "SELECT at FROM expiry ORDER BY at LIMIT 1", nil, &at)
	if err != nil {
		return time.Time{}, false, fmt.Errorf("read expiries: %w", err)
	}
	return time.UnixMilli(at), ok, nil
}
