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
	// Found: the rooms that were made in between are known.
	Found bool `json:"found,omitempty"`
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

// SetRestored stores what is known about the restore; the zero value forgets it.
func (db *DB) SetRestored(ctx context.Context, r Restored) error {
	return db.Write(ctx, 1, func(tx *Tx) error {
		if r.At.IsZero() {
			_, err := tx.Exec("DELETE FROM fact WHERE name = ?", restoredFact)
			return err
		}
		text, err := json.Marshal(r)
		if err == nil {
			_, err = tx.Exec("UPDATE fact SET value = ? WHERE name = ?", string(text), restoredFact)
		}
		return err
	})
}

// AdoptPortal stores the row of a portal that an earlier process made, under its
// number, unless another chat has that; a chat that has a row keeps its number. It returns
// the number.
func (tx *Tx) AdoptPortal(p Portal) (id int64, err error) {
	const query = "INSERT INTO portal (id, network, chat, login, created) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
	now := time.Now().UnixMilli()
	if _, err := tx.Exec(query, p.ID, p.Network, p.Chat.ID, p.Chat.Login, now); err != nil {
		return 0, fmt.Errorf("adopt portal: %w", err)
	}
	if tx.dialect.dollars { // the counter does not see a number that is given
		if _, err := tx.Exec("SELECT setval(pg_get_serial_sequence('portal', 'id')::regclass, (SELECT GREATEST(MAX(id), COALESCE(pg_sequence_last_value(pg_get_serial_sequence('portal', 'id')::regclass), 1)) FROM portal))"); err != nil {
			return 0, fmt.Errorf("adopt portal: %w", err)
		}
	}
	const other = "INSERT INTO portal (network, chat, login, created) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
	if _, err := tx.Exec(other, p.Network, p.Chat.ID, p.Chat.Login, now); err != nil {
		return 0, fmt.Errorf("adopt portal: %w", err)
	}
	if _, err := tx.One("SELECT id FROM portal WHERE network = ? AND chat = ? AND login = ?", []any{p.Network, p.Chat.ID, p.Chat.Login}, &p.ID); err != nil {
		return 0, fmt.Errorf("adopt portal: %w", err)
	}
	return p.ID, tx.SavePortal(p)
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
	// What waits may have been delivered: changes of it must come after it, not
	// be merged into it or withdraw it.
	if _, err := q.ExecContext(ctx, "UPDATE entry SET target = '' WHERE state < 4"); err != nil {
		return fmt.Errorf("note that the database was restored: %w", err)
	}
	// The place in the homeserver's stream (bridgekit's missedFact) is the copy's:
	// everything since would be taken for events that were not pushed, and sent
	// again to networks that cannot recognise it.
	if _, err := q.ExecContext(ctx, "DELETE FROM fact WHERE name = 'missed.since'"); err != nil {
		return fmt.Errorf("note that the database was restored: %w", err)
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
