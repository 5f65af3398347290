package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/hub"
)

// A HubBan is a line of a room's ban list.
type HubBan struct {
	Who    hub.Banned `json:"who"`
	By     string     `json:"by"` // Matrix ID
	Reason string     `json:"reason,omitempty"`
	At     time.Time  `json:"at"`
	// There are the portals in whose chats the ban was made too.
	There []int64 `json:"-"`

	since, until int64 // entries of the journal; until 0: it is in force
}

// Holds reports whether the line was in force when an entry of the journal was stored,
// or is now.
func (b *HubBan) Holds(entry int64) bool {
	return b.until == 0 || entry > b.since && entry <= b.until
}

// Lifted reports whether the line is in force no more.
func (b *HubBan) Lifted() bool { return b.until != 0 }

// HubBans is a room's ban list, oldest line first.
func (db *DB) HubBans(ctx context.Context, room string) ([]HubBan, error) {
	return db.hubBans(ctx, room, " AND until = 0")
}

// EverBanned is HubBans with what was lifted.
func (db *DB) EverBanned(ctx context.Context, room string) ([]HubBan, error) {
	return db.hubBans(ctx, room, "")
}

func (db *DB) hubBans(ctx context.Context, room, which string) ([]HubBan, error) {
	var out []HubBan
	err := db.All(ctx, "SELECT who, made_by, reason, at, since, until, there FROM hub_ban WHERE room = ?"+which+" ORDER BY at, who", []any{room}, func(r *sql.Rows) error {
		var b HubBan
		var at int64
		var there string
		if err := r.Scan(&b.Who, &b.By, &b.Reason, &at, &b.since, &b.until, &there); err != nil {
			return err
		}
		b.At = time.UnixMilli(at)
		for field := range strings.FieldsSeq(there) {
			n, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				return fmt.Errorf("portal of a ban: %w", err)
			}
			b.There = append(b.There, n)
		}
		out = append(out, b)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read ban list: %w", err)
	}
	return out, nil
}

// AddHubBan puts a line on a room's ban list; one that is there gets the new reason.
func (db *DB) AddHubBan(ctx context.Context, room string, b HubBan) error {
	return db.Write(ctx, 1, func(tx *Tx) error {
		_, err := tx.Exec(`INSERT INTO hub_ban (room, who, made_by, reason, at, since) VALUES (?, ?, ?, ?, ?, (SELECT COALESCE(MAX(id), 0) FROM entry))
			ON CONFLICT (room, who) DO UPDATE SET made_by = excluded.made_by, reason = excluded.reason,
			at = CASE WHEN hub_ban.until = 0 THEN hub_ban.at ELSE excluded.at END, since = CASE WHEN hub_ban.until = 0 THEN hub_ban.since ELSE excluded.since END, until = 0`,
			room, b.Who, b.By, b.Reason, b.At.UnixMilli())
		return err
	})
}

// BannedThere notes that a line was carried out in the chat of a portal too.
func (db *DB) BannedThere(ctx context.Context, room string, who hub.Banned, portal int64) error {
	return db.Write(ctx, 1, func(tx *Tx) error {
		one := fmt.Sprint(portal)
		_, err := tx.Exec(`UPDATE hub_ban SET there = there || ' ' || CAST(? AS TEXT) WHERE room = ? AND who = ? AND ' ' || there || ' ' NOT LIKE '% ' || CAST(? AS TEXT) || ' %'`, one, room, who, one)
		return err
	})
}

// DeleteHubBan takes a line off a room's ban list, for what is stored from now on, and
// returns it; false if it was not there. What was lifted a month ago is forgotten.
func (db *DB) DeleteHubBan(ctx context.Context, room string, who hub.Banned) (HubBan, bool, error) {
	all, err := db.HubBans(ctx, room)
	if err != nil {
		return HubBan{}, false, err
	}
	i := slices.IndexFunc(all, func(b HubBan) bool { return b.Who == who })
	if i < 0 {
		return HubBan{}, false, nil
	}
	err = db.Write(ctx, 2, func(tx *Tx) error {
		_, err := tx.Exec("UPDATE hub_ban SET until = (SELECT COALESCE(MAX(id), -1) FROM entry), there = '', at = ? WHERE room = ? AND who = ? AND until = 0", time.Now().UnixMilli(), room, who)
		if err != nil {
			return err
		}
		_, err = tx.Exec("DELETE FROM hub_ban WHERE until <> 0 AND at < ?", time.Now().Add(-liftedKept).UnixMilli())
		return err
	})
	return all[i], true, err
}

// liftedKept is how long it is known that somebody was banned: longer than entries wait.
const liftedKept = 30 * 24 * time.Hour

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
