package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/testbed/arrival"
)

// queue looks into the child's database.
func (w *world) queue() (*sql.DB, error) {
	if w.cluster != nil {
		return sql.Open("pgx", w.cluster.DSN)
	}
	return sql.Open("sqlite", "file:"+filepath.Join(w.dir, sqliteFile)+"?mode=ro&_pragma=busy_timeout(5000)")
}

// settled waits until everything that was said has come to its end: nothing waits
// on either side, and the journal is empty. Where nobody can tell what waits it
// also gives everything that is missing some time to appear; what does not is
// counted when both sides are compared.
func (w *world) settled(ctx context.Context, within time.Duration) error {
	db, err := w.queue()
	if err != nil {
		return err
	}
	defer db.Close()
	waiting := ""
	var empty time.Time // since when the journal is; zero: it is not
	err = until(ctx, "everything has arrived", within, func() (bool, error) {
		before, n, all := w.outside()
		if n > 0 {
			waiting, empty = fmt.Sprintf("%d events before Causeway", n), time.Time{}
			return false, w.revive()
		}
		var entries int
		if err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM entry WHERE state < 4").Scan(&entries); err != nil {
			return false, fmt.Errorf("look into the journal: %w", err)
		}
		if entries > 0 {
			waiting, empty = fmt.Sprintf("%d entries in the journal", entries), time.Time{}
			return false, w.revive()
		}
		if after, n, _ := w.outside(); n != 0 || before != after {
			return false, nil
		}
		if empty.IsZero() {
			empty = time.Now()
		}
		waiting = "what is missing on one of the sides"
		if all || time.Since(empty) > appearWithin {
			return true, nil
		}
		whole, err := w.whole(ctx)
		return whole, errors.Join(err, w.revive())
	})
	if err != nil {
		return fmt.Errorf("%w: %s", err, waiting)
	}
	return nil
}

// appearWithin is how long after the journal is empty something may appear that
// nobody knows to be on its way.
const appearWithin = 25 * time.Second

// whole reports whether nothing is missing on either side.
func (w *world) whole(ctx context.Context) (bool, error) {
	if err := w.readHistory(ctx); err != nil {
		return false, err
	}
	r := w.compare()
	pause(ctx, 10*tick) // it is much to compare
	return len(r.Lost)+len(r.Wrong) == 0, nil
}

// readHistory reads from the database what only Causeway knows.
func (w *world) readHistory(ctx context.Context) error {
	if w.home.late() {
		if err := w.readArrival(ctx); err != nil {
			return err
		}
	}
	db, err := w.queue()
	if err != nil {
		return err
	}
	defer db.Close()
	return w.far.heard(ctx, db, w.chats)
}

// hit notes what is on its way to a network that recognises nothing, as a process
// has just left it: no more than that may be there twice.
func (w *world) hit(ctx context.Context) error {
	if !w.never("") {
		return nil
	}
	db, err := w.queue()
	if err != nil {
		return err
	}
	defer db.Close()
	portals, err := portalsOf(ctx, db)
	if err != nil {
		return err
	}
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
		if l := journal.Lane(lane); l.Way() == journal.Out && w.never(portals[l.Number()]) {
			w.flying[id] = true
		}
	}
	return rows.Err()
}

// never reports whether a network, or for "" any one, recognises nothing.
func (w *world) never(id network.NetworkID) bool {
	for s := range sides {
		if n := w.far.net(s); (id == "" || n.id() == id) && n.features().Once == network.OnceNever {
			return true
		}
	}
	return false
}

// portalsOf are the networks of all portals, by their numbers.
func portalsOf(ctx context.Context, db *sql.DB) (map[int64]network.NetworkID, error) {
	rows, err := db.QueryContext(ctx, "SELECT id, network FROM portal")
	if err != nil {
		return nil, fmt.Errorf("read the portals: %w", err)
	}
	defer rows.Close()
	all := map[int64]network.NetworkID{}
	for rows.Next() {
		var id int64
		var n network.NetworkID
		if err := rows.Scan(&id, &n); err != nil {
			return nil, err
		}
		all[id] = n
	}
	return all, rows.Err()
}

// outside is how much has come to Causeway from outside so far, and how much has
// not. all is false if nobody can tell that of a side.
func (w *world) outside() (came string, waits int, all bool) {
	pushed, a, knownA := w.home.pushed()
	said, b, knownB := w.far.waiting(w.chats)
	return pushed + " " + said, a + b, knownA && knownB
}

// dump writes what both sides hold into the run's folder, for a failure.
func (w *world) dump() error {
	var b strings.Builder
	for _, room := range w.home.rooms() {
		c := w.chatOf(room)
		if c == nil {
			continue
		}
		fmt.Fprintf(&b, "== %s, room %s\n", c.id, room)
		for _, e := range w.home.room(room).timeline() {
			state := ""
			if e.RedactedBy != nil {
				state = " (removed by " + e.RedactedBy.ID + ")"
			}
			fmt.Fprintf(&b, "%s %s %s%s %.300s\n", e.ID, e.Type, e.Sender, state, e.Content)
		}
		for _, s := range c.sides() {
			if s != onMatrix {
				fmt.Fprintf(&b, "== %s on %s\n%s\n", c.id, s, strings.Join(w.far.net(s).lines(c), "\n"))
			}
		}
		fmt.Fprintf(&b, "== %s in the book\n", c.id)
		for _, m := range c.all() {
			fmt.Fprintf(&b, "%s by %s, rev %d, gone %v (%v, %v), remote %q, event %q, acts %v, reactions %v\n", m.token, m.who, m.rev, m.gone, m.stays, m.from, m.remote, m.event, m.acts, m.reactions)
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
	order, err := arrival.Read(ctx, db)
	if err != nil {
		return err
	}
	w.arrival = map[string]int64{}
	for _, c := range w.chats {
		for _, m := range c.book[onMatrix] {
			for _, act := range m.acts {
				if at, ok := order.Of(act); ok {
					w.arrival[act] = at
				}
			}
		}
	}
	return nil
}

// removedKeys are the keys of entries about messages that were removed, on their way
// to all networks: of what people did in the room, and of copies.
func (w *world) removedKeys(portals map[int64]network.NetworkID) map[string]bool {
	keys := map[string]bool{}
	add := func(event string) {
		for portal := range portals {
			keys[string(journal.Key("out", event, fmt.Sprint(portal)))] = true
		}
	}
	for _, c := range w.chats {
		gone := map[string]bool{}
		for _, m := range c.all() {
			gone[m.token] = m.gone
			if m.gone {
				for _, act := range m.acts {
					add(act)
				}
			}
		}
		room := w.home.room(c.room)
		for _, e := range room.timeline() {
			of := room.Event(relationOf(e).Event)
			if e.RedactedBy != nil || gone[tokenOf(e.Body())] || of != nil && (of.RedactedBy != nil || gone[tokenOf(of.Body())]) {
				add(e.ID)
				add("redaction of " + e.ID)
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
	portals, err := portalsOf(ctx, db)
	if err != nil {
		return err
	}
	removed := w.removedKeys(portals)
	rows, err := db.QueryContext(ctx, "SELECT id, lane, key, kind, reason FROM entry WHERE state = 4")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id, lane int64
		var key []byte
		var kind, reason string
		if err := rows.Scan(&id, &lane, &key, &kind, &reason); err != nil {
			return err
		}
		if removed[string(key)] && (reason == "that message does not exist on the network" || reason == "this message is not on Slack any more") {
			continue // somebody else removed what it changes
		}
		if w.never(portals[journal.Lane(lane).Number()]) && strings.HasPrefix(reason, "nobody can tell whether it arrived") {
			continue
		}
		if reason == noAnswerWords {
			continue // counted as lost, if it is not excused
		}
		if w.faults[faultSignedOut] > 0 && strings.HasPrefix(reason, signedOutWords) {
			continue
		}
		r.Dead = append(r.Dead, fmt.Sprintf("entry %d, %s: %s", id, kind, reason))
	}
	return rows.Err()
}
