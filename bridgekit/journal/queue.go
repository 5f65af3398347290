package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/store"
)

// openLanes lists the lanes that have undelivered entries.
func (j *Journal) openLanes(ctx context.Context) ([]Lane, error) {
	var out []Lane
	err := j.db.All(ctx, "SELECT DISTINCT lane FROM entry WHERE state < 4", nil, func(r *sql.Rows) error {
		var l Lane
		err := r.Scan(&l)
		out = append(out, l)
		return err
	})
	return out, err
}

// read returns the first undelivered entries of a lane with numbers above after, up to upTo,
// limit at most. An entry that cannot be unsealed is an error: nothing may overtake it.
func (j *Journal) read(l Lane, after, upTo int64, limit int) ([]*Entry, error) {
	var out []*Entry
	err := j.db.All(context.Background(), `SELECT id, key, kind, state, attempts, due, payload, created, changed FROM entry
		WHERE lane = ? AND id > ? AND id <= ? AND state < 4 ORDER BY id LIMIT ?`, []any{l, after, upTo, limit}, func(r *sql.Rows) error {
		e := &Entry{Lane: l}
		var due, created, changed int64
		if err := r.Scan(&e.ID, &e.Key, &e.Kind, &e.state, &e.Attempts, &due, &e.Payload, &created, &changed); err != nil {
			return err
		}
		// A clock that was put back must not make anything wait for it: nothing was
		// stored later than now, or waits longer than it was told to.
		now := time.Now()
		if e.Created = time.UnixMilli(created); e.Created.After(now) {
			e.Created = now
		}
		if due > 0 {
			e.due = time.UnixMilli(min(due, now.UnixMilli()+max(0, due-changed)))
		}
		plain, err := j.db.Seal().Open(e.Payload, sealContext)
		e.Payload = plain
		out = append(out, e)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read lane: %w", err)
	}
	return out, nil
}

// An Item is an entry as people see it. It has no content.
type Item struct {
	ID       int64     `json:"id"`
	Lane     Lane      `json:"lane"`
	Kind     string    `json:"kind"`
	State    State     `json:"state"`
	Attempts int       `json:"attempts"`
	Reason   string    `json:"reason,omitempty"`
	Cause    string    `json:"waits_for,omitempty"`
	Created  time.Time `json:"created"`
	Changed  time.Time `json:"changed"`
}

// List returns at most limit entries that are failed (dead letters), or, if all
// is set, of every undelivered state, oldest first.
func (j *Journal) List(ctx context.Context, all bool, limit int) ([]Item, error) {
	where := "state = 4"
	if all {
		where = "state < 5"
	}
	return j.items(ctx, where+" ORDER BY id LIMIT ?", limit)
}

// ErrNoEntry is returned for an entry that is not there or not failed.
var ErrNoEntry = errors.New("there is no such failed entry")

// Item describes one entry.
func (j *Journal) Item(ctx context.Context, id int64) (Item, error) {
	all, err := j.items(ctx, "id = ? AND state < 5", id)
	if err == nil && len(all) == 0 {
		err = ErrNoEntry
	}
	if err != nil {
		return Item{}, err
	}
	return all[0], nil
}

func (j *Journal) items(ctx context.Context, where string, args ...any) ([]Item, error) {
	var out []Item
	err := j.db.All(ctx, "SELECT id, lane, kind, state, attempts, reason, cause, created, changed FROM entry WHERE "+where, args, func(r *sql.Rows) error {
		var i Item
		var created, changed int64
		err := r.Scan(&i.ID, &i.Lane, &i.Kind, &i.State, &i.Attempts, &i.Reason, &i.Cause, &created, &changed)
		i.Created, i.Changed = time.UnixMilli(created), time.UnixMilli(changed)
		out = append(out, i)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list queue: %w", err)
	}
	return out, nil
}

// Retry puts a failed entry at the end of its lane: it is out of order by
// nature. It counts its attempts anew.
func (j *Journal) Retry(ctx context.Context, id int64) error {
	e := &Entry{}
	var maybe []*Entry // of runs whose commit may have been carried out all the same
	op := func(tx *store.Tx) error {
		maybe = append(maybe, e)
		e = &Entry{Created: time.Now()}
		var target string
		var sealed []byte
		ok, err := tx.One("SELECT lane, key, kind, target, payload FROM entry WHERE id = ? AND state = 4", []any{id}, &e.Lane, &e.Key, &e.Kind, &target, &sealed)
		if err != nil {
			return err
		}
		if !ok {
			return ErrNoEntry
		}
		if err := tx.Lock(int64(e.Lane)); err != nil {
			return err
		}
		if e.Payload, err = tx.Seal().Open(sealed, sealContext); err != nil {
			return err
		}
		if _, err := tx.Exec("DELETE FROM entry WHERE id = ?", id); err != nil {
			return err
		}
		now := time.Now().UnixMilli()
		_, err = tx.One("INSERT INTO entry (lane, key, kind, target, state, payload, created, changed) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
			[]any{e.Lane, e.Key, e.Kind, target, Waiting, sealed, now, now}, &e.ID)
		e.state = Waiting // an attempt may have delivered it all the same
		if err != nil || j.loaded() {
			return err
		}
		return announce(tx, e)
	}
	res := make(chan error, 1)
	err := j.db.Queue(ctx, &store.Op{Weight: 2, Do: op, Done: func(err error) {
		if err != nil {
			maybe = append(maybe, e)
		}
		j.retried(e, maybe, err)
		res <- err
	}})
	if err != nil {
		return err
	}
	return <-res
}

// retried hands an entry that was put at the end of its lane to it.
func (j *Journal) retried(e *Entry, maybe []*Entry, err error) {
	if !j.loaded() {
		return // whoever runs the lanes was told
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, m := range maybe {
		if m.ID != 0 {
			j.foreign(m.Lane, m.ID)
		}
	}
	if err == nil {
		j.push(e)
	}
}

// Drop gives a failed entry up: its content is erased.
func (j *Journal) Drop(ctx context.Context, id int64) error {
	return j.db.Write(ctx, 1, func(tx *store.Tx) error {
		n, err := tx.Exec("UPDATE entry SET state = ?, payload = NULL, target = '', changed = ? WHERE id = ? AND state = 4", Done, time.Now().UnixMilli(), id)
		if err == nil && n == 0 {
			err = ErrNoEntry
		}
		return err
	})
}

// Withdraw erases dead letters that make or change a message. A handler that
// removes the message calls it in the transaction that finishes its entry,
// because the letter may have died after the removal was appended.
func Withdraw(tx *store.Tx, l Lane, message string) error {
	_, err := tx.Exec("UPDATE entry SET state = ?, payload = NULL, target = '', changed = ? WHERE lane = ? AND target IN (?, ?) AND state = 4",
		Done, time.Now().UnixMilli(), l, "="+message, "~"+message)
	return err
}

// Waiting are the lanes that have entries of a kind which are not done and have not failed.
func (j *Journal) Waiting(ctx context.Context, kind string) ([]Lane, error) {
	var lanes []Lane
	err := j.db.All(ctx, "SELECT DISTINCT lane FROM entry WHERE state < 4 AND kind = ?", []any{kind}, func(r *sql.Rows) error {
		var l Lane
		err := r.Scan(&l)
		lanes = append(lanes, l)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	return lanes, nil
}

// Remember keeps a key as if an entry with it had been delivered, in the
// transaction of whatever it names: Has finds it for as long as such keys are kept.
func Remember(tx *store.Tx, l Lane, key []byte) error {
	now := time.Now().UnixMilli()
	_, err := tx.Exec("INSERT INTO entry (lane, key, kind, target, state, created, changed) VALUES (?, ?, 'remembered', '', ?, ?, ?) ON CONFLICT (key) DO NOTHING",
		l, key, Done, now, now)
	return err
}

// prune forgets old keys and erases old dead letters, a bounded number at a time.
func (j *Journal) prune(ctx context.Context) {
	before := time.Now().Add(-j.opts.Keep).UnixMilli()
	for ctx.Err() == nil {
		var n int64
		err := j.db.Write(ctx, 500, func(tx *store.Tx) (err error) {
			if _, err = tx.Exec("UPDATE entry SET state = ?, payload = NULL, target = '' WHERE state = 4 AND changed < ?", Done, before); err != nil {
				return err
			}
			n, err = tx.Exec("DELETE FROM entry WHERE id IN (SELECT id FROM entry WHERE state = 5 AND changed < ? LIMIT 500)", before)
			return err
		})
		if err != nil {
			if ctx.Err() == nil {
				j.log.Error("prune journal", "err", err)
			}
			return
		}
		if n < 500 {
			return
		}
	}
}
