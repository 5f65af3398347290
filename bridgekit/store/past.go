package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A Fill is what the room of a portal still lacks of its chat's past. It lives as
// long as the filling does.
type Fill struct {
	// Login is whose client hands the past over.
	Login network.LoginID `json:"login,omitempty"`
	// Cursor of the next page, as Historian gives it; "" begins with the newest.
	Cursor string `json:"cursor,omitempty"`
	// Left is how many messages are still wanted.
	Left int `json:"left,omitempty"`
	// First is the number of the oldest row that is stored.
	First int64 `json:"first,omitempty"`
	// Since and Until are what the past is wanted from and to, as Unix
	// milliseconds; 0: no limit.
	Since int64 `json:"since,omitempty"`
	Until int64 `json:"until,omitempty"`
	// Began is when the filling did, as Unix milliseconds.
	Began int64 `json:"began"`
	// Fetched: all that is wanted and there is stored.
	Fetched bool `json:"fetched,omitempty"`
}

// A Past is one event of a chat's past that its room does not show yet.
type Past struct {
	Number   int64
	Key      []byte // as its entry of the journal would have it
	Attempts int
	Payload  []byte // a marshalled network event; sealed at rest
}

const pastContext = "past.payload" // see Sealer

// Past lists the oldest events that a portal's room does not show yet.
func (db *DB) Past(ctx context.Context, portal int64, limit int) ([]Past, error) {
	var out []Past
	err := db.All(ctx, "SELECT number, key, attempts, payload FROM past WHERE portal = ? ORDER BY number LIMIT ?", []any{portal, limit}, func(r *sql.Rows) error {
		var p Past
		var sealed []byte
		err := r.Scan(&p.Number, &p.Key, &p.Attempts, &sealed)
		if err == nil {
			p.Payload, err = db.seal.Open(sealed, pastContext)
		}
		out = append(out, p)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read past: %w", err)
	}
	return out, nil
}

// AddPast stores an event of a portal's past, unless one with its key is there.
func (tx *Tx) AddPast(portal int64, p Past) error {
	_, err := tx.Exec("INSERT INTO past (portal, number, key, payload) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", portal, p.Number, p.Key, tx.Seal().Seal(p.Payload, pastContext))
	return err
}

// TriedPast counts an attempt to show an event.
func (tx *Tx) TriedPast(portal, number int64) error {
	_, err := tx.Exec("UPDATE past SET attempts = attempts + 1 WHERE portal = ? AND number = ?", portal, number)
	return err
}

// DeletePast removes an event that is shown, or is not to be.
func (tx *Tx) DeletePast(portal, number int64) error {
	_, err := tx.Exec("DELETE FROM past WHERE portal = ? AND number = ?", portal, number)
	return err
}

// ClearPast removes what is left of a portal's past.
func (tx *Tx) ClearPast(portal int64) error {
	_, err := tx.Exec("DELETE FROM past WHERE portal = ?", portal)
	return err
}

// Unplaced lists the logins in a portal's chat whose owners do not have its room in
// their lists and spaces yet, in the order of entering.
func (db *DB) Unplaced(ctx context.Context, portal int64) ([]network.LoginID, error) {
	var out []network.LoginID
	err := db.All(ctx, "SELECT login FROM login_chat WHERE portal = ? AND placed = 0 ORDER BY since, login", []any{portal}, func(r *sql.Rows) error {
		var l network.LoginID
		err := r.Scan(&l)
		out = append(out, l)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read people of a chat: %w", err)
	}
	return out, nil
}

// Placed stores that a login's owner has a portal's room in their lists.
func (tx *Tx) Placed(n network.NetworkID, l network.LoginID, portal int64) error {
	_, err := tx.Exec("UPDATE login_chat SET placed = 1 WHERE network = ? AND login = ? AND portal = ?", n, l, portal)
	return err
}

// Unplace forgets who has the room that a portal had until now in their lists.
func (tx *Tx) Unplace(portal int64) error {
	_, err := tx.Exec("UPDATE login_chat SET placed = 0 WHERE portal = ? AND placed = 1", portal)
	return err
}

// Merged lists the user IDs that turned out to be other people's second ones, by
// network.
func (db *DB) Merged(ctx context.Context) (map[network.NetworkID]map[network.UserID]network.UserID, error) {
	out := map[network.NetworkID]map[network.UserID]network.UserID{}
	err := db.All(ctx, "SELECT network, person, into_id FROM merged", nil, func(r *sql.Rows) error {
		var n network.NetworkID
		var from, into network.UserID
		err := r.Scan(&n, &from, &into)
		if out[n] == nil {
			out[n] = map[network.UserID]network.UserID{}
		}
		out[n][from] = into
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read merged people: %w", err)
	}
	return out, nil
}

// Merge stores that from is the same person as into.
func (tx *Tx) Merge(n network.NetworkID, from, into network.UserID) error {
	_, err := tx.Exec("INSERT INTO merged (network, person, into_id) VALUES (?, ?, ?) ON CONFLICT (network, person) DO UPDATE SET into_id = excluded.into_id", n, from, into)
	return err
}
