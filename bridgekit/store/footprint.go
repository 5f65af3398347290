package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A Trace is a message or reaction of somebody in the map.
type Trace struct {
	Portal int64             `json:"portal"`
	Event  string            `json:"event"`
	Remote network.MessageID `json:"remote,omitempty"`
	At     time.Time         `json:"at"`
}

// A Footprint is what is stored about a person of Matrix besides their logins.
type Footprint struct {
	Person
	Facts    []string // names of what is known about them at the homeserver
	Speaks   []int64  // portals in which the relay has spoken for them
	Messages []Trace  // rows of the map that name them as the sender
}

// Footprint collects what is stored about somebody. It reads the whole map of
// messages: it is for the rare times that somebody asks.
func (db *DB) Footprint(ctx context.Context, mxid string) (Footprint, error) {
	p, err := db.Person(ctx, mxid)
	f := Footprint{Person: p}
	if err != nil {
		return f, err
	}
	err = db.All(ctx, "SELECT name FROM fact WHERE name LIKE ? ESCAPE '~' ORDER BY name", []any{endsIn(mxid)}, func(r *sql.Rows) error {
		var name string
		err := r.Scan(&name)
		f.Facts = append(f.Facts, name)
		return err
	})
	if err != nil {
		return f, fmt.Errorf("read facts: %w", err)
	}
	err = db.All(ctx, "SELECT portal FROM speaker WHERE mxid = ? ORDER BY portal", []any{mxid}, func(r *sql.Rows) error {
		var id int64
		err := r.Scan(&id)
		f.Speaks = append(f.Speaks, id)
		return err
	})
	if err != nil {
		return f, fmt.Errorf("read speakers: %w", err)
	}
	err = db.All(ctx, "SELECT portal, event, remote, at FROM message WHERE sender = ? ORDER BY at, event", []any{mxid}, func(r *sql.Rows) error {
		var t Trace
		var at int64
		err := r.Scan(&t.Portal, &t.Event, &t.Remote, &at)
		t.At = time.UnixMilli(at)
		f.Messages = append(f.Messages, t)
		return err
	})
	if err != nil {
		return f, fmt.Errorf("read message map: %w", err)
	}
	return f, nil
}

// endsIn is a pattern of LIKE for names whose last word is a Matrix ID.
func endsIn(mxid string) string {
	return "% " + strings.NewReplacer("~", "~~", "%", "~%", "_", "~_").Replace(mxid)
}

// Forget removes what Footprint collects. Rows of the message map stay without the
// sender: that an event and a remote message are the same is needed so that what
// others do to the message (answer, react, remove) finds it.
func (db *DB) Forget(ctx context.Context, facts *Facts, mxid string) error {
	f, err := db.Footprint(ctx, mxid)
	if err != nil {
		return err
	}
	err = db.Write(ctx, 1+len(f.Messages), func(tx *Tx) error {
		for _, q := range []string{"DELETE FROM matrix_user WHERE mxid = ?", "DELETE FROM speaker WHERE mxid = ?",
			"UPDATE message SET sender = '' WHERE sender = ?", "DELETE FROM reaction WHERE sender = ?"} {
			if _, err := tx.Exec(q, mxid); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("forget: %w", err)
	}
	for _, name := range f.Facts {
		if err := facts.SetFact(ctx, name, ""); err != nil {
			return err
		}
	}
	return nil
}

// Speaks reports whether Spoke was called for somebody in a portal.
func (db *DB) Speaks(ctx context.Context, portal int64, mxid string) (bool, error) {
	return db.One(ctx, "SELECT 1 FROM speaker WHERE portal = ? AND mxid = ?", []any{portal, mxid}, new(int))
}

// Spoke notes that the relay has spoken for somebody in a portal.
func (db *DB) Spoke(ctx context.Context, portal int64, mxid string) error {
	return db.Write(ctx, 1, func(tx *Tx) error {
		_, err := tx.Exec("INSERT INTO speaker (portal, mxid, since) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", portal, mxid, time.Now().UnixMilli())
		return err
	})
}

// Speakers lists the people for whom a relay has spoken, and in how many portals.
func (db *DB) Speakers(ctx context.Context) (map[string]int, error) {
	out := map[string]int{}
	err := db.All(ctx, "SELECT mxid, COUNT(*) FROM speaker GROUP BY mxid", nil, func(r *sql.Rows) error {
		var mxid string
		var n int
		err := r.Scan(&mxid, &n)
		out[mxid] = n
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read speakers: %w", err)
	}
	return out, nil
}

// PortalsOf lists all portals of chats of one login alone, with and without a room.
func (db *DB) PortalsOf(ctx context.Context, n network.NetworkID, login network.LoginID) ([]Portal, error) {
	return db.portals(ctx, "network = ? AND login = ? AND login <> ''", n, login)
}

// A PortalUse is a portal with a room and who uses it.
type PortalUse struct {
	Portal
	Logins  []network.LoginID
	Waiting int // undelivered entries, both ways
}

// PortalUses lists all portals with a room; lanes are those of a portal's entries.
func (db *DB) PortalUses(ctx context.Context, lanes func(portal int64) []int64) ([]PortalUse, error) {
	all, err := db.portals(ctx, "room <> ''")
	if err != nil {
		return nil, err
	}
	logins := map[int64][]network.LoginID{}
	err = db.All(ctx, "SELECT portal, login FROM login_chat ORDER BY since, login", nil, func(r *sql.Rows) error {
		var id int64
		var l network.LoginID
		err := r.Scan(&id, &l)
		logins[id] = append(logins[id], l)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read logins of chats: %w", err)
	}
	waiting := map[int64]int{}
	err = db.All(ctx, "SELECT lane, COUNT(*) FROM entry WHERE state < 5 GROUP BY lane", nil, func(r *sql.Rows) error {
		var lane int64
		var n int
		err := r.Scan(&lane, &n)
		waiting[lane] = n
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count entries: %w", err)
	}
	out := make([]PortalUse, 0, len(all))
	for _, p := range all {
		u := PortalUse{Portal: p, Logins: slices.Clip(logins[p.ID])}
		for _, lane := range lanes(p.ID) {
			u.Waiting += waiting[lane]
		}
		out = append(out, u)
	}
	return out, nil
}

// CountPortals counts the chats with an open room that one of an owner's logins is in.
func (db *DB) CountPortals(ctx context.Context, owner string) (n int, err error) {
	_, err = db.One(ctx, `SELECT COUNT(DISTINCT p.id) FROM portal p JOIN login_chat c ON c.portal = p.id
		JOIN login l ON l.network = c.network AND l.id = c.login WHERE l.owner = ? AND p.room <> '' AND p.state <> 'closed'`, []any{owner}, &n)
	if err != nil {
		return 0, fmt.Errorf("count portals: %w", err)
	}
	return n, nil
}
