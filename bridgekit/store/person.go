package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
)

// Settings are what a person has chosen for themselves.
type Settings struct {
	// NoDoublePuppet: Causeway does not speak as them.
	NoDoublePuppet bool `json:"no_double_puppet,omitempty"`
}

// SetSettings stores what a person has chosen.
func (db *DB) SetSettings(ctx context.Context, mxid string, s Settings) error {
	data, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	err = db.Write(ctx, 1, func(tx *Tx) error {
		_, err := tx.Exec("INSERT INTO matrix_user (mxid, settings) VALUES (?, ?) ON CONFLICT (mxid) DO UPDATE SET settings = excluded.settings", mxid, string(data))
		return err
	})
	if err != nil {
		return fmt.Errorf("store settings: %w", err)
	}
	return nil
}

// A Person is somebody of Matrix about whom something is stored.
type Person struct {
	MXID       string
	Management string // the room in which the bot talks to them; "" for none
	Settings   Settings
}

// People lists those who have a management room or have chosen something.
func (db *DB) People(ctx context.Context) ([]Person, error) {
	return db.people(ctx, "1 = 1")
}

// Person is what is stored about one; the zero value with their ID if nothing is.
func (db *DB) Person(ctx context.Context, mxid string) (Person, error) {
	p, ok, err := first(db.people(ctx, "mxid = ?", mxid))
	if !ok {
		p.MXID = mxid
	}
	return p, err
}

func (db *DB) people(ctx context.Context, where string, args ...any) ([]Person, error) {
	var out []Person
	err := db.All(ctx, "SELECT mxid, management, settings FROM matrix_user WHERE "+where+" ORDER BY mxid", args, func(r *sql.Rows) error {
		var p Person
		var settings string
		if err := r.Scan(&p.MXID, &p.Management, &settings); err != nil {
			return err
		}
		err := json.Unmarshal([]byte(settings), &p.Settings)
		out = append(out, p)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read people: %w", err)
	}
	return out, nil
}
