package journal

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/causeway-chat/causeway/bridgekit/store"
)

// Deposit stores entries for the process that runs the lanes and wakes it; it is
// Append for a process that stands by, before its own Run. Drafts with a Fate are
// not for it: what they change may be on its way elsewhere.
func (j *Journal) Deposit(ctx context.Context, entries []Draft) error {
	a := j.prepare(entries, nil)
	return j.db.Write(ctx, len(entries)+1, func(tx *store.Tx) error {
		if err := a.do(tx); err != nil {
			return err
		}
		for _, e := range a.made {
			if err := announce(tx, e); err != nil {
				return err
			}
		}
		return nil
	})
}

// announce wakes an entry's lane in the process that runs it, if this one does not.
func announce(tx *store.Tx, e *Entry) error {
	if err := tx.Notify(fmt.Sprintf("lane %d %d", e.Lane, e.ID)); err != nil {
		return fmt.Errorf("announce entry: %w", err)
	}
	return nil
}

// loaded reports whether this process runs the lanes.
func (j *Journal) loaded() bool {
	select {
	case <-j.started:
		return true
	default:
		return false
	}
}

// Heard takes in a notification of what another process stored.
func (j *Journal) Heard(text string) {
	var id int64
	var l Lane
	if n, err := fmt.Sscanf(text, "lane %d %d", &l, &id); err != nil || n != 2 {
		return // from another version
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.foreign(l, id)
}

// Look takes in what other processes have stored in a lane, heard of or not, and
// reports whether the lane has undelivered entries. What this process appends
// afterwards is delivered behind them.
func (j *Journal) Look(ctx context.Context, l Lane) (waits bool, err error) {
	var id int64
	if _, err := j.db.One(ctx, "SELECT COALESCE(MAX(id), 0) FROM entry WHERE lane = ? AND state < 4", []any{l}, &id); err != nil {
		return false, fmt.Errorf("look at lane: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if id > 0 {
		j.foreign(l, id)
	}
	return id > 0, nil
}

// LookAll takes in what other processes have stored in any lane, for one who has not
// heard them for a while.
func (j *Journal) LookAll(ctx context.Context) error {
	newest := map[Lane]int64{}
	err := j.db.All(ctx, "SELECT lane, MAX(id) FROM entry WHERE state < 4 GROUP BY lane", nil, func(r *sql.Rows) error {
		var l Lane
		var id int64
		err := r.Scan(&l, &id)
		newest[l] = id
		return err
	})
	if err != nil {
		return fmt.Errorf("look at all lanes: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for l, id := range newest {
		j.foreign(l, id)
	}
	return nil
}

// foreign notes that a lane may have an entry that was not pushed: another process
// stored it, or a commit of this one whose answer was lost. The lane looks for it,
// before anything that is pushed later. It is called with mu held.
func (j *Journal) foreign(id Lane, entry int64) {
	l := j.lane(id)
	if entry <= l.last {
		return
	}
	l.foreign = max(l.foreign, entry)
	l.pushes++ // a read that is under way does not see it
	l.more = true
	j.schedule(l)
}

// Pause keeps handlers from being called until Pause(false): the process may have
// lost the right to deliver. Handlers that run go on.
func (j *Journal) Pause(on bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.paused = on
	for range j.ready { // each takes one, or ends
		j.spawn()
	}
}

// Interrupt cancels the handlers that run, for a process that may have lost the right
// to deliver and does not know it: what they were about may be with another one by now.
// Those that are called later are not concerned.
func (j *Journal) Interrupt() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.handlers == nil {
		return // none has been called yet
	}
	j.interrupt()
	j.handlerCtx, j.interrupt = context.WithCancel(j.handlers)
}

// context is that of a handler that is called now.
func (j *Journal) context() context.Context {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.handlerCtx
}

// Abort makes Run's end hasty: handlers are cancelled at once. It is for a process
// that has lost the right to deliver.
func (j *Journal) Abort() {
	j.Pause(true)
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.aborted {
		j.aborted = true
		close(j.abort)
	}
}
