package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
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
			return false, w.revive()
		}
		var entries int
		if err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM entry WHERE state < 4").Scan(&entries); err != nil {
			return false, fmt.Errorf("look into the journal: %w", err)
		}
		if entries > 0 {
			waiting = fmt.Sprintf("%d entries in the journal", entries)
			return false, w.revive()
		}
		after, n := w.outside()
		return n == 0 && before == after, nil
	})
	if err != nil {
		return fmt.Errorf("%w: %s", err, waiting)
	}
	return nil
}

// hit notes what is on its way to a network that recognises nothing, as a process
// has just left it: no more than that may be there twice.
func (w *world) hit(ctx context.Context) error {
	if w.plan.Net.Features.Once != network.OnceNever {
		return nil
	}
	db, err := w.queue()
	if err != nil {
		return err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, "SELECT id, lane FROM entry WHERE state = $1", journal.Running)
	if err != nil {
		return fmt.Errorf("look what is on its way: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, lane int64
		if err := rows.Scan(&id, &lane); err != nil {
			return err
		}
		if journal.Lane(lane).Way() == journal.Out {
			w.flying[id] = true
		}
	}
	return rows.Err()
}

// outside is how much has come to Causeway from outside so far, and how much has
// not.
func (w *world) outside() (came string, waits int) {
	pushed := w.hs.Pushed(w.nodes[0].spec.Registration.ID)
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

// dump writes what both sides hold into the run's folder, for a failure.
func (w *world) dump() error {
	var b strings.Builder
	for _, room := range w.hs.Rooms() {
		c := w.chatOf(room)
		if c == nil {
			continue
		}
		fmt.Fprintf(&b, "== %s, room %s\n", c.id, room)
		for _, e := range w.hs.Room(room).Timeline {
			state := ""
			if e.RedactedBy != nil {
				state = " (removed by " + e.RedactedBy.ID + ")"
			}
			fmt.Fprintf(&b, "%s %s %s%s %.300s\n", e.ID, e.Type, e.Sender, state, e.Content)
		}
		fmt.Fprintf(&b, "== %s on the network\n", c.id)
		for _, m := range w.net.Messages(c.id) {
			reply := network.MessageID("")
			if m.Content.Reply != nil {
				reply = m.Content.Reply.ID
			}
			fmt.Fprintf(&b, "%s by %s (login %q, txn %s) removed %v, %d edits, reply %q, %v: %.100s\n", m.ID, m.Sender, m.Login, m.Txn, m.Redacted, m.Edits, reply, m.Reactions, contentText(m.Content))
		}
		fmt.Fprintf(&b, "== %s in the book\n", c.id)
		for _, m := range append(c.book[onNetwork], c.book[onMatrix]...) {
			fmt.Fprintf(&b, "%s by %s, rev %d, gone %v, remote %q, event %q, acts %v, reactions %v\n", m.token, m.who, m.rev, m.gone, m.remote, m.event, m.acts, m.reactions)
		}
	}
	return os.WriteFile(filepath.Join(w.dir, "sides.txt"), []byte(b.String()), 0o600)
}

// readArrival reads from the journal in which order events came. Dendrite pushes
// what was not acknowledged before its restart behind newer events.
func (w *world) readArrival(ctx context.Context) error {
	db, err := w.queue()
	if err != nil {
		return err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, "SELECT id, key FROM entry")
	if err != nil {
		return err
	}
	defer rows.Close()
	at := map[string]int{}
	for rows.Next() {
		var id int
		var key []byte
		if err := rows.Scan(&id, &key); err != nil {
			return err
		}
		at[string(key)] = id
	}
	w.arrival = map[string]int{}
	for _, c := range w.chats {
		for _, m := range c.book[onMatrix] {
			for _, act := range m.acts {
				for portal := range 2 * len(w.chats) {
					if id, ok := at[string(journal.Key("out", act, fmt.Sprint(portal)))]; ok {
						w.arrival[act] = id
					}
				}
			}
		}
	}
	return rows.Err()
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
		if w.faults[faultSignedOut] > 0 && strings.HasPrefix(reason, signedOutWords) {
			continue
		}
		r.Dead = append(r.Dead, fmt.Sprintf("entry %d, %s: %s", id, kind, reason))
	}
	return rows.Err()
}
