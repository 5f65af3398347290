package journal

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// sealContext binds sealed payloads to their purpose.
const sealContext = "entry.payload"

// Append stores entries and whatever else does in one transaction, and returns
// when it is durable. Entries of one lane are delivered in the order of the slice
// and of the calls. An entry whose key is known is skipped. If Append returns an
// error nothing is stored, except if ctx ended or the answer to the commit was
// lost: then it is unknown, and what is stored is delivered. It waits until Run has
// loaded the journal.
func (j *Journal) Append(ctx context.Context, entries []Draft, also func(tx *store.Tx) error) error {
	select {
	case <-j.started:
	case <-ctx.Done():
		return fmt.Errorf("append: %w", ctx.Err())
	}
	a := j.prepare(entries, also)
	a.hold()
	res := make(chan error, 1)
	op := &store.Op{Weight: len(entries) + 1, Do: a.do, Done: func(err error) {
		a.done(err)
		res <- err
	}}
	if len(a.fates) == 0 {
		op.Urgency = store.Ahead // it does not look at what the ends of others change
	}
	if err := j.db.Queue(ctx, op); err != nil {
		a.done(err)
		return err
	}
	select {
	case err := <-res:
		if err == nil {
			j.opts.Steps.At(step.Appended)
		}
		return err
	case <-ctx.Done():
		return fmt.Errorf("append: %w", ctx.Err())
	}
}

// An appending is one call of Append.
type appending struct {
	j       *Journal
	entries []Draft
	also    func(tx *store.Tx) error
	lanes   []int64        // ascending
	fates   map[Lane]begun // lanes held for a fate, with what may be delivered already
	sealed  [][]byte
	made    []*Entry          // what the last run of do inserted
	maybe   []*Entry          // what earlier runs did: their commit may have been carried out and not answered for
	changed map[Lane]struct{} // lanes in which a fate changed rows
}

// prepare seals the payloads.
func (j *Journal) prepare(entries []Draft, also func(tx *store.Tx) error) *appending {
	a := &appending{j: j, entries: entries, also: also, fates: map[Lane]begun{}}
	for i := range entries {
		a.lanes = append(a.lanes, int64(entries[i].Lane))
		a.sealed = append(a.sealed, j.db.Seal().Seal(entries[i].Payload, sealContext))
		if entries[i].Key == nil {
			entries[i].Key = randomKey()
		}
	}
	slices.Sort(a.lanes)
	a.lanes = slices.Compact(a.lanes)
	return a
}

// hold stops the lanes whose entries may change.
func (a *appending) hold() {
	j := a.j
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range a.entries {
		if !e.fated() {
			continue
		}
		if _, ok := a.fates[e.Lane]; !ok {
			l := j.lane(e.Lane)
			l.held++
			a.fates[e.Lane] = j.begun(l)
		}
	}
}

// do is the transaction. It may run more than once.
func (a *appending) do(tx *store.Tx) error {
	a.maybe = append(a.maybe, a.made...)
	a.made, a.changed = nil, map[Lane]struct{}{}
	for _, l := range a.lanes {
		if err := tx.Lock(l); err != nil {
			return fmt.Errorf("append: lock lane: %w", err)
		}
	}
	if a.also != nil {
		if err := a.also(tx); err != nil {
			return err
		}
	}
	now := time.Now()
	for i := 0; i < len(a.entries); {
		n, err := 1, error(nil)
		if a.entries[i].fated() {
			err = a.insertFated(tx, i, now)
		} else {
			n = a.plain(i)
			err = a.insert(tx, i, n, now)
		}
		if err != nil {
			return fmt.Errorf("append: %w", err)
		}
		i += n
	}
	return nil
}

// plain is how many of the entries from i on to insert with one statement.
func (a *appending) plain(i int) int {
	n := 0
	for i+n < len(a.entries) && !a.entries[i+n].fated() {
		n++
	}
	return store.BulkSize(n)
}

// insert stores n entries that change no others.
func (a *appending) insert(tx *store.Tx, i, n int, now time.Time) error {
	rows := store.Bulk{
		Head: "INSERT INTO entry (lane, key, kind, target, state, payload, created, changed) VALUES ", Row: "(?, ?, ?, ?, ?, ?, ?, ?)",
		Tail: " ON CONFLICT (key) DO NOTHING RETURNING id, key",
	}
	var args []any
	for k := i; k < i+n; k++ {
		e := &a.entries[k]
		args = append(args, e.Lane, e.Key, e.Kind, e.target(), Stored, a.sealed[k], now.UnixMilli(), now.UnixMilli())
	}
	ids := make(map[string]int64, n)
	err := tx.All(rows.Text(n), args, func(r *sql.Rows) error {
		var id int64
		var key []byte
		err := r.Scan(&id, &key)
		ids[string(key)] = id
		return err
	})
	for k := i; k < i+n && err == nil; k++ {
		key := string(a.entries[k].Key)
		if id, ok := ids[key]; ok {
			a.make(k, id, now)
			delete(ids, key) // one that is in the list twice was stored once
		}
	}
	return err
}

// insertFated stores an entry that may change others.
func (a *appending) insertFated(tx *store.Tx, i int, now time.Time) error {
	e := &a.entries[i]
	known, err := tx.One("SELECT 1 FROM entry WHERE key = ?", []any{e.Key}, new(int))
	if err != nil || known {
		return err // its fate was done with its first append
	}
	consumed, err := a.fate(tx, e)
	if err != nil {
		return err
	}
	if !consumed {
		return a.insert(tx, i, 1, now)
	}
	_, err = tx.Exec("INSERT INTO entry (lane, key, kind, target, state, created, changed) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
		e.Lane, e.Key, e.Kind, e.target(), Done, now.UnixMilli(), now.UnixMilli())
	return err
}

// make notes what was inserted, for the lanes.
func (a *appending) make(i int, id int64, now time.Time) {
	e := &a.entries[i]
	a.made = append(a.made, &Entry{ID: id, Lane: e.Lane, Key: e.Key, Kind: e.Kind, Payload: e.Payload, Value: e.Value, Created: now})
}

// fated reports whether the draft may change undelivered entries.
func (n *Draft) fated() bool { return !n.Fate.none() && n.Changes != "" }

// target is how the row remembers the message: "=" makes it, "~" changes it.
func (n *Draft) target() string {
	switch {
	case n.Makes != "":
		return "=" + n.Makes
	case n.Changes != "":
		return "~" + n.Changes
	}
	return ""
}

// fate applies n's fate and reports whether the making entry was undelivered.
func (a *appending) fate(tx *store.Tx, n *Draft) (consumed bool, err error) {
	type row struct {
		id      int64
		target  string
		payload []byte
	}
	var rows []row
	begun := a.fates[n.Lane]
	err = tx.All("SELECT id, target, payload FROM entry WHERE lane = ? AND target IN (?, ?) AND state < ? AND state <> ? AND id > ? AND id <> ?",
		[]any{n.Lane, "=" + n.Changes, "~" + n.Changes, Done, Running, begun.upTo, begun.id}, func(r *sql.Rows) error {
			var x row
			err := r.Scan(&x.id, &x.target, &x.payload)
			if !a.j.ends(x.id) {
				rows = append(rows, x)
			}
			return err
		})
	if err != nil {
		return false, err
	}
	if n.Fate.Replace != nil && slices.ContainsFunc(rows, func(x row) bool { return x.target[0] == '~' }) {
		return false, nil // behind an earlier change that could not be joined, or that one would win
	}
	for _, x := range rows {
		making := x.target[0] == '='
		consumed = consumed || making
		if n.Fate.Withdraw {
			_, err = tx.Exec("UPDATE entry SET state = ?, payload = NULL, target = '', reason = 'withdrawn', changed = ? WHERE id = ?", Done, time.Now().UnixMilli(), x.id)
		} else if making {
			err = a.replace(tx, n, x.id, x.payload)
		}
		if err != nil {
			return false, err
		}
		a.changed[n.Lane] = struct{}{}
		a.j.opts.Steps.At(step.Withdrawing)
	}
	return consumed, nil
}

func (a *appending) replace(tx *store.Tx, n *Draft, id int64, sealed []byte) error {
	old, err := tx.Seal().Open(sealed, sealContext)
	if err != nil {
		return err
	}
	merged, err := n.Fate.Replace(old)
	if err != nil {
		return fmt.Errorf("replace undelivered entry: %w", err)
	}
	_, err = tx.Exec("UPDATE entry SET payload = ? WHERE id = ?", tx.Seal().Seal(merged, sealContext), id) // changed belongs to due
	return err
}

// done hands what was committed to the lanes and lets held ones go on.
func (a *appending) done(err error) {
	j := a.j
	j.mu.Lock()
	defer j.mu.Unlock()
	for id := range a.fates {
		l := j.lane(id)
		l.held--
		if _, ok := a.changed[id]; ok && err == nil {
			l.reload = true
			l.more = true
			j.unpark(l) // its head may be another now
		}
	}
	if err != nil {
		a.maybe = append(a.maybe, a.made...)
	}
	for _, e := range a.maybe {
		j.foreign(e.Lane, e.ID)
	}
	if err == nil {
		for _, e := range a.made {
			j.counts.appended()
			j.push(e)
		}
	}
	for id := range a.fates {
		j.schedule(j.lane(id))
	}
}
