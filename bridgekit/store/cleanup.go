package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A Scope says who leaves a room that is cleaned up.
type Scope string

const (
	ScopeGhosts Scope = "ghosts" // bridged people; the bot stays
	ScopeOurs   Scope = "ours"   // bridged people and the bot
	ScopeAll    Scope = "all"    // everybody; the bot removes people and leaves last
)

// A Cleanup is a room that people of ours leave, one after another. Who is to
// leave is asked of the homeserver, so it goes on after a restart where it was.
type Cleanup struct {
	Room    string
	Name    string            // for people
	Network network.NetworkID // whose ghosts leave; "" for those of all networks
	Scope   Scope
	Reason  string // shown to those who are removed
	// Total is how many are to leave, -1 until they are counted; Done have left.
	Total, Done     int
	Begun, Finished time.Time // Finished is zero until it is
	Trouble         string    // why somebody could not leave, in words; "" if all could
}

const cleanupColumns = "room, name, network, scope, reason, total, done, begun, finished, trouble"

// AddCleanup begins a room's clean-up. One that is under way for fewer people is
// widened.
func (tx *Tx) AddCleanup(c Cleanup) error {
	_, err := tx.Exec("INSERT INTO cleanup ("+cleanupColumns+`) VALUES (?, ?, ?, ?, ?, -1, 0, ?, 0, '')
		ON CONFLICT (room) DO UPDATE SET name = excluded.name, reason = excluded.reason, total = -1, done = 0, begun = excluded.begun, finished = 0, trouble = '',
		network = CASE WHEN cleanup.finished = 0 AND cleanup.network <> excluded.network THEN '' ELSE excluded.network END,
		scope = CASE WHEN cleanup.finished = 0 AND (cleanup.scope = 'all' OR cleanup.scope = 'ours' AND excluded.scope = 'ghosts') THEN cleanup.scope ELSE excluded.scope END`,
		c.Room, c.Name, c.Network, c.Scope, c.Reason, time.Now().UnixMilli())
	return err
}

// SaveCleanup stores how far a clean-up is.
func (tx *Tx) SaveCleanup(c Cleanup) error {
	finished := int64(0)
	if !c.Finished.IsZero() {
		finished = c.Finished.UnixMilli()
	}
	_, err := tx.Exec("UPDATE cleanup SET total = ?, done = ?, finished = ?, trouble = ? WHERE room = ? AND begun = ?",
		c.Total, c.Done, finished, c.Trouble, c.Room, c.Begun.UnixMilli())
	return err
}

// DeleteCleanup forgets a room's clean-up.
func (tx *Tx) DeleteCleanup(room string) error {
	_, err := tx.Exec("DELETE FROM cleanup WHERE room = ?", room)
	return err
}

// ForgetCleanups removes those that finished before a time.
func (tx *Tx) ForgetCleanups(before time.Time) error {
	_, err := tx.Exec("DELETE FROM cleanup WHERE finished <> 0 AND finished < ?", before.UnixMilli())
	return err
}

// Cleanups lists clean-ups, oldest first; with open only those that are under way.
func (db *DB) Cleanups(ctx context.Context, open bool) ([]Cleanup, error) {
	where := ""
	if open {
		where = " WHERE finished = 0"
	}
	var out []Cleanup
	err := db.All(ctx, "SELECT "+cleanupColumns+" FROM cleanup"+where+" ORDER BY begun, room", nil, func(r *sql.Rows) error {
		var c Cleanup
		var begun, finished int64
		err := r.Scan(&c.Room, &c.Name, &c.Network, &c.Scope, &c.Reason, &c.Total, &c.Done, &begun, &finished, &c.Trouble)
		if c.Begun = time.UnixMilli(begun); finished != 0 {
			c.Finished = time.UnixMilli(finished)
		}
		out = append(out, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read clean-ups: %w", err)
	}
	return out, nil
}

// JoinedGhosts lists whom of a room the facts of package matrix know to be in it or
// invited; it is all there is to know of a room that the bot is out of.
func (db *DB) JoinedGhosts(ctx context.Context, room string) ([]string, error) {
	prefix := "join " + room + " "
	var out []string
	err := db.All(ctx, "SELECT name FROM fact WHERE name LIKE ?", []any{prefix + "%"}, func(r *sql.Rows) error {
		var name string
		err := r.Scan(&name)
		if user, ok := strings.CutPrefix(name, prefix); ok { // the pattern may match more
			out = append(out, user)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read members: %w", err)
	}
	return out, nil
}

// JoinedRooms lists the rooms that facts know somebody to be in.
func (db *DB) JoinedRooms(ctx context.Context) (map[string][]string, error) {
	out := map[string][]string{}
	err := db.All(ctx, "SELECT name FROM fact WHERE name LIKE 'join %'", nil, func(r *sql.Rows) error {
		var name string
		err := r.Scan(&name)
		if parts := strings.Split(name, " "); len(parts) == 3 {
			out[parts[1]] = append(out[parts[1]], parts[2])
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read members: %w", err)
	}
	return out, nil
}
