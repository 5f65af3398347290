package arrival

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/causeway-chat/causeway/bridgekit/journal"
)

// An Order is the order at one moment. It does not change.
type Order struct {
	portals []int64
	entries map[string]int64 // numbers by key
}

// Read reads the order from a bridge's database.
func Read(ctx context.Context, db *sql.DB) (*Order, error) {
	o := &Order{entries: map[string]int64{}}
	err := each(ctx, db, "SELECT id FROM portal", func(rows *sql.Rows) error {
		var id int64
		err := rows.Scan(&id)
		o.portals = append(o.portals, id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the portals: %w", err)
	}
	err = each(ctx, db, "SELECT id, key FROM entry", func(rows *sql.Rows) error {
		var id int64
		var key []byte
		err := rows.Scan(&id, &key)
		o.entries[string(key)] = id
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	return o, nil
}

// each calls f for each row of a query.
func each(ctx context.Context, db *sql.DB, query string, f func(rows *sql.Rows) error) error {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Of is the place of an event, from 1 on; false if it is not in the journal.
func (o *Order) Of(event string) (place int64, known bool) {
	for _, p := range o.portals {
		if id, ok := o.entries[string(journal.Key("out", event, fmt.Sprint(p)))]; ok {
			place, known = max(place, id), true
		}
	}
	return place, known
}
