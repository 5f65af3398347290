package journal

import (
	"context"
	"errors"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/store"
)

// errBehind refuses a write that would overtake an earlier one of its lane which
// the database refused.
var errBehind = errors.New("an earlier outcome of the lane is not stored yet")

// A record is the write of what became of an entry. Those of a lane are stored in
// their order, whichever of them the database refuses: after a crash everything from
// the first that is missing happens again, so the last happens last.
type record struct {
	id     int64 // of the entry
	lane   Lane
	prev   *record // the lane's record before; nil when this one is stored
	stored bool    // in the database, or in the transaction under way
	failed bool    // the database refused it once
}

// do is r's part of a transaction. Like everything that reads or changes stored it
// runs in the writer's goroutine.
func (r *record) do(tx *store.Tx, do func(tx *store.Tx) error) error {
	if r.prev.missing() {
		return errBehind
	}
	r.stored = true
	return do(tx)
}

// missing reports whether what comes after r would overtake it now.
func (r *record) missing() bool { return r != nil && !r.stored }

// insist queues op, again and again until it is committed: what it records has
// happened and must not happen twice.
func (j *Journal) insist(op *store.Op, e *Entry) {
	r := &record{id: e.ID, lane: e.Lane}
	j.mu.Lock()
	r.prev = j.records[e.Lane]
	j.records[e.Lane] = r
	j.mu.Unlock()
	do, then := op.Do, op.Done
	op.Do = func(tx *store.Tx) error { return r.do(tx, do) }
	op.Done = func(err error) {
		if r.stored = err == nil; err != nil {
			j.refuse(r, op, err)
			return
		}
		r.prev = nil
		j.recorded(r)
		if then != nil {
			then(nil)
		}
	}
	j.queue(op, r)
}

func (j *Journal) queue(op *store.Op, r *record) {
	if err := j.db.Queue(context.Background(), op); err != nil {
		j.log.Error("record the outcome of a delivery", "entry", r.id, "err", err)
	}
}

// recorded takes in that r is stored.
func (j *Journal) recorded(r *record) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.ending, r.id)
	if j.records[r.lane] == r {
		delete(j.records, r.lane)
	}
	if !r.failed {
		return
	}
	if j.refused[r.lane]--; j.refused[r.lane] > 0 {
		return
	}
	delete(j.refused, r.lane)
	if l := j.lanes[r.lane]; l != nil {
		j.schedule(l)
	}
}

// refuse queues a write that failed again after a second, unless the journal
// stops: then the next start looks before it delivers again. Until it is stored the
// lane begins nothing.
func (j *Journal) refuse(r *record, op *store.Op, err error) {
	if !errors.Is(err, errBehind) {
		j.log.Error("record the outcome of a delivery", "entry", r.id, "err", err)
	}
	j.mu.Lock()
	if !r.failed {
		r.failed = true
		j.refused[r.lane]++
	}
	running := j.running
	j.mu.Unlock()
	if running {
		time.AfterFunc(time.Second, func() { j.queue(op, r) })
	}
}
