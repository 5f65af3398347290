package main

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// queue looks into the child's database.
func (w *world) queue() (*sql.DB, error) {
	if w.cluster != nil {
		return sql.Open("pgx", w.cluster.DSN)
	}
	return sql.Open("sqlite", "file:"+filepath.Join(w.dir, sqliteFile)+"?mode=ro&_pragma=busy_timeout(5000)")
}

// settled waits until everything that was said has come to its end: nothing waits
// on either side, and the journal is empty.
func (w *world) settled(ctx context.Context, within time.Duration) error {
	db, err := w.queue()
	if err != nil {
		return err
	}
	defer db.Close()
	waiting := ""
	err = until(ctx, "everything has arrived", within, func() (bool, error) {
		before, n := w.outside()
		if n > 0 {
			waiting = fmt.Sprintf("%d events before Causeway", n)
			return false, w.alive()
		}
		var entries int
		if err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM entry WHERE state < 4").Scan(&entries); err != nil {
			return false, fmt.Errorf("look into the journal: %w", err)
		}
		if entries > 0 {
			waiting = fmt.Sprintf("%d entries in the journal", entries)
			return false, w.alive()
		}
		after, n := w.outside()
		return n == 0 && before == after, nil
	})
	if err != nil {
		return fmt.Errorf("%w: %s", err, waiting)
	}
	return nil
}

// outside is how much has come to Causeway from outside so far, and how much has
// not.
func (w *world) outside() (came string, waits int) {
	pushed := w.hs.Pushed(w.node.spec.Registration.ID)
	waits = int(pushed.Pending)
	for _, u := range []network.UserID{"alice", "bob", relayUser} {
		waits += w.net.Pending(u)
	}
	var messages int64
	for _, c := range w.chats {
		messages += w.net.Len(c.id)
	}
	return fmt.Sprint(pushed.Events, messages), waits
}

// alive is an error if the child is gone without being told.
func (w *world) alive() error {
	select {
	case <-w.node.proc.Ended():
		return w.node.proc.Err()
	default:
		return nil
	}
}

// removedKeys are the keys of entries about messages that were removed.
func (w *world) removedKeys() map[string]bool {
	keys := map[string]bool{}
	for _, c := range w.chats {
		for _, m := range append(c.book[onNetwork], c.book[onMatrix]...) {
			for _, act := range m.acts {
				for portal := range 2 * len(w.chats) {
					keys[string(journal.Key("out", act, fmt.Sprint(portal)))] = m.gone
				}
			}
		}
	}
	return keys
}

// deadLetters are those that nothing in the plan is a reason for.
func (w *world) deadLetters(ctx context.Context, r *result) error {
	db, err := w.queue()
	if err != nil {
		return err
	}
	defer db.Close()
	removed := w.removedKeys()
	rows, err := db.QueryContext(ctx, "SELECT id, key, kind, reason FROM entry WHERE state = 4")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var key []byte
		var kind, reason string
		if err := rows.Scan(&id, &key, &kind, &reason); err != nil {
			return err
		}
		if removed[string(key)] && reason == "that message does not exist on the network" {
			continue // somebody else removed what it changes
		}
		if w.plan.Net.Features.Once == network.OnceNever && strings.HasPrefix(reason, "nobody can tell whether it arrived") {
			continue
		}
		r.Dead = append(r.Dead, fmt.Sprintf("entry %d, %s: %s", id, kind, reason))
	}
	return rows.Err()
}
