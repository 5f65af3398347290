package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"
)

// Restored says that the database is a copy of an earlier one that went on: what
// happened in between may have been delivered without anything here knowing.
type Restored struct {
	Taken time.Time `json:"taken"` // when the copy was made
	At    time.Time `json:"at"`    // when it was put into place
}

// restoredFact keeps it.
const restoredFact = "restored"

// Restored tells whether and when the database was restored; the zero value if
// it never was, or so long ago that nothing comes back.
func (db *DB) Restored(ctx context.Context) (r Restored, err error) {
	var text string
	ok, err := db.One(ctx, "SELECT value FROM fact WHERE name = ?", []any{restoredFact}, &text)
	if err != nil || !ok {
		return r, err
	}
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return r, fmt.Errorf("read when the database was restored: %w", err)
	}
	return r, nil
}

// noteRestored stores that the database is a copy. A copy of a copy that had not
// caught up is as old as the first.
func noteRestored(ctx context.Context, q querier, d dialect, r Restored) error {
	var before []Restored
	rows, err := q.QueryContext(ctx, d.rebind("SELECT value FROM fact WHERE name = ?"), restoredFact)
	err = each(rows, err, func(rows *sql.Rows) error {
		var text string
		var b Restored
		if err := rows.Scan(&text); err != nil {
			return err
		}
		err := json.Unmarshal([]byte(text), &b)
		before = append(before, b)
		return err
	})
	if err != nil {
		return fmt.Errorf("note that the database was restored: %w", err)
	}
	for _, b := range before {
		if b.Taken.Before(r.Taken) {
			r.Taken = b.Taken
		}
	}
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("note that the database was restored: %w", err)
	}
	_, err = q.ExecContext(ctx, d.rebind("INSERT INTO fact (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"), restoredFact, string(text))
	if err != nil {
		return fmt.Errorf("note that the database was restored: %w", err)
	}
	return nil
}
