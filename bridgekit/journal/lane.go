package journal

import (
	"context"
	"maps"
	"runtime/debug"
	"slices"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// A lane is the memory of one lane with work. Journal.mu guards it.
type lane struct {
	id      Lane
	buf     []*Entry // the next entries, oldest first; the first may be running
	more    bool     // the database has entries behind buf
	foreign int64    // number of the newest entry known from another process
	last    int64    // number of the newest entry that was ever in buf
	queued  bool     // in Journal.ready
	busy    bool     // a worker has it
	active  int64    // number of the entry that the worker delivers; 0 if none
	pushes  int      // how often there was something new, to notice it during a read
	held    int      // appends that may change buf are being committed
	reload  bool     // buf no longer matches the database
	cause   string   // the head is parked on it
	timer   *time.Timer
	clean   bool  // the first recovered entry had not been delivered
	handled int64 // number of the last entry that a handler got
	tried   int64 // number of the head if an attempt may have delivered it
}

// begun says which entries of a lane may be delivered already: the one with number
// id, and those with numbers up to upTo. These were there at the start: as the end
// of an entry is not waited for, a crash can leave several that were delivered.
type begun struct{ id, upTo int64 }

// begun is what may be delivered of l. It is called with mu held.
func (j *Journal) begun(l *lane) begun {
	b := begun{id: l.active}
	if b.id == 0 {
		b.id = l.tried
	}
	if !l.clean {
		b.upTo = j.recovered
	}
	return b
}

func (l *lane) stopTimer() {
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
}

// lane finds or makes the memory of a lane.
func (j *Journal) lane(id Lane) *lane {
	l := j.lanes[id]
	if l == nil {
		l = &lane{id: id}
		j.lanes[id] = l
	}
	return l
}

// schedule queues l for a worker if there is anything to do for it now.
func (j *Journal) schedule(l *lane) {
	if j.enqueue(l) {
		j.spawn()
	}
}

// enqueue is schedule for a worker that goes on itself. It reports whether l was
// queued.
func (j *Journal) enqueue(l *lane) bool {
	if !j.running || l.queued || l.busy || l.held > 0 || l.cause != "" || l.timer != nil || j.refused[l.id] > 0 {
		return false
	}
	if len(l.buf) == 0 && !l.more {
		delete(j.lanes, l.id)
		return false
	}
	l.queued = true
	j.ready = append(j.ready, l)
	return true
}

// spawn starts a worker if one is allowed and there is work.
func (j *Journal) spawn() {
	if !j.running || j.paused || len(j.ready) == 0 || j.workers >= j.opts.Workers {
		return
	}
	j.workers++
	j.wg.Add(1)
	go j.work()
}

// work takes lanes from the ready queue until there are none.
func (j *Journal) work() {
	defer j.wg.Done()
	for {
		j.mu.Lock()
		if !j.running || j.paused || len(j.ready) == 0 {
			j.workers--
			j.mu.Unlock()
			return
		}
		l := j.ready[0]
		j.ready = j.ready[1:]
		l.queued, l.busy = false, true
		j.mu.Unlock()
		if lent := j.step(l); lent {
			return
		}
	}
}

// A turn is one handler call, as far as its worker's place is concerned.
type turn struct{ lent, over bool }

// step handles l's head and puts l back. It reports whether the worker lent its
// place to another because the handler was slow.
func (j *Journal) step(l *lane) (lent bool) {
	e, err := j.head(l)
	if err != nil || e == nil {
		j.mu.Lock()
		defer j.mu.Unlock()
		l.busy = false
		if err != nil {
			j.log.Error("read journal", "lane", l.id, "err", err)
			j.delay(l, time.Second)
		}
		j.schedule(l)
		return false
	}
	var t turn
	lend := time.AfterFunc(slow, func() { j.lend(&t) })
	out := j.judge(e, j.handle(e))
	lend.Stop()
	j.opts.Steps.At(step.Handled)
	e.Value = nil // the next attempt begins with what is stored
	j.mu.Lock()
	t.over = true
	op := j.settle(l, e, out)
	j.mu.Unlock()
	if op != nil {
		j.insist(op, e) // waits while the writer is behind
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	l.busy, l.active = false, 0
	if t.lent {
		j.schedule(l)
	} else {
		j.enqueue(l) // this worker takes the next lane that is ready
	}
	return t.lent
}

// lend gives a slow worker's place to another.
func (j *Journal) lend(t *turn) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if t.over {
		return
	}
	t.lent = true
	j.workers--
	j.spawn()
}

// handle calls the handler and turns a panic into an error.
func (j *Journal) handle(e *Entry) (out Outcome) {
	defer func() {
		if r := recover(); r != nil {
			j.log.Error("panic while delivering", "entry", e.ID, "kind", e.Kind, "panic", r, "stack", string(debug.Stack()))
			out = RetryLater(errPanic, "an error in Causeway; the administrator finds it in the log")
		}
	}()
	return j.handler(j.context(), e)
}

// head returns l's first entry, paged in if needed; nil if there is none or it
// is not time for it yet.
func (j *Journal) head(l *lane) (*Entry, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if l.reload {
		j.forget(l)
	}
	if len(l.buf) == 0 && l.more {
		if err := j.pageIn(l); err != nil {
			return nil, err
		}
	}
	if len(l.buf) == 0 || l.held > 0 || l.reload {
		return nil, nil
	}
	e := l.buf[0]
	if wait := time.Until(e.due); wait > 0 {
		e.due = time.Time{}
		j.delay(l, wait)
		return nil, nil
	}
	e.Recovered = e.ID <= j.recovered && !l.clean
	e.Tried = e.Attempts > 0 || e.state == Waiting || l.tried == e.ID
	e.Repeated = l.handled == e.ID || e.Recovered || e.Tried || e.state != Stored
	l.active, l.handled = e.ID, e.ID
	return e, nil
}

// pageIn reads the next entries of a lane that has none in memory. It gives up
// the lock while it reads.
func (j *Journal) pageIn(l *lane) error {
	after, upTo, pushes, foreign := l.last, max(j.pushed, l.foreign), l.pushes, l.foreign != 0
	limit := j.limit()
	ending := maps.Clone(j.ending) // those of this lane that it has forgotten may be refused for long
	j.mu.Unlock()
	var err error
	if foreign { // the ends of what this memory does not know any more are committed first
		err = j.db.Write(context.Background(), 1, func(*store.Tx) error { return nil })
	}
	var rows []*Entry
	if err == nil {
		rows, err = j.read(l.id, after, upTo, limit)
	}
	j.mu.Lock()
	if err != nil {
		return err
	}
	for _, e := range rows {
		e.lane, e.j = l, j
		l.last = e.ID
	}
	l.more = len(rows) == limit || l.pushes != pushes
	l.buf = slices.DeleteFunc(rows, func(e *Entry) bool { _, ends := ending[e.ID]; return ends })
	for _, e := range l.buf {
		j.inMemory += e.size()
	}
	return nil
}

// limit is how many entries a lane may have in memory now.
func (j *Journal) limit() int {
	if j.inMemory >= buffered/2 {
		return few
	}
	return page
}

// forget drops what is in memory: the next head is read again.
func (j *Journal) forget(l *lane) {
	if len(l.buf) > 0 {
		l.last = l.buf[0].ID - 1
		for _, e := range l.buf {
			j.inMemory -= e.size()
		}
		l.buf = nil
	}
	l.more, l.reload = true, false
}

// push gives a committed entry to its lane's memory.
func (j *Journal) push(e *Entry) {
	l := j.lane(e.Lane)
	l.pushes++
	j.pushed = max(j.pushed, e.ID)
	if e.ID <= l.last {
		return // read already, with one that another process stored behind it
	}
	if l.more || l.reload || len(l.buf) >= j.limit() || (len(l.buf) > 0 && j.inMemory >= buffered) {
		l.more = true
	} else {
		e.lane, e.j = l, j
		l.buf = append(l.buf, e)
		l.last = e.ID
		j.inMemory += e.size()
	}
	j.schedule(l)
}

// delay schedules l after wait.
func (j *Journal) delay(l *lane, wait time.Duration) {
	l.stopTimer()
	if !j.running {
		return
	}
	l.timer = time.AfterFunc(wait, func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		l.timer = nil
		j.schedule(l)
	})
}

// settle does what the handler decided and returns the write that records it.
// It runs with mu held.
func (j *Journal) settle(l *lane, e *Entry, out Outcome) *store.Op {
	if !j.running && out.state != Done && j.handlerCtx.Err() != nil {
		return nil // cut off by the shutdown: the row stays as it was
	}
	if out.maybe {
		l.tried = e.ID
	}
	switch out.state {
	case Failed:
		return j.fail(l, e, out)
	case Parked:
		l.cause, l.active = out.cause, 0 // what is parked did not leave: it may be withdrawn from now on
		j.park(l, out)
		return j.note(e, Parked, 0, out)
	case Waiting:
		return j.retry(l, e, out)
	}
	j.pop(l)
	j.counts.delivered(e)
	j.ending[e.ID] = struct{}{}
	return j.finish(e, out)
}

// judge counts the attempt, turns one too many into a failure, and asks what is
// said about a failure.
func (j *Journal) judge(e *Entry, out Outcome) Outcome {
	if out.state == Waiting && !out.free {
		out.maybe = true
		if e.Attempts++; e.Attempts >= j.opts.Attempts {
			out.state = Failed
		}
	}
	if out.state != Failed {
		return out
	}
	if out.words == "" {
		out.words = "the delivery failed; the administrator finds the cause in the log"
	}
	if j.opts.Failed != nil {
		out.more = j.opts.Failed(j.context(), e, out.words)
	}
	return out
}

// retry makes the head wait.
func (j *Journal) retry(l *lane, e *Entry, out Outcome) *store.Op {
	wait := out.wait
	if !out.free {
		wait = j.opts.Backoff.Wait(e.Attempts)
	} else if out.err == nil {
		j.delay(l, wait)
		return nil // it waits for another entry, for a moment: nothing to keep
	}
	j.log.Info("delivery is tried again", "entry", e.ID, "kind", e.Kind, "attempts", e.Attempts, "wait", wait.Round(time.Millisecond), "err", out.err)
	j.counts.retried()
	j.delay(l, wait)
	return j.note(e, Waiting, wait, out)
}

func (j *Journal) fail(l *lane, e *Entry, out Outcome) *store.Op {
	j.pop(l)
	j.counts.failed()
	j.log.Warn("delivery failed", "entry", e.ID, "kind", e.Kind, "attempts", e.Attempts, "err", out.err)
	return j.bury(e, out)
}

func (j *Journal) park(l *lane, out Outcome) {
	set := j.parked[out.cause]
	if set == nil {
		set = map[*lane]struct{}{}
		j.parked[out.cause] = set
	}
	set[l] = struct{}{}
	if out.still != nil {
		// Asked without the lock: it may take others.
		go func() {
			if !out.still() {
				j.Wake(out.cause)
			}
		}()
	}
}

// pop removes the head from memory.
func (j *Journal) pop(l *lane) {
	j.inMemory -= l.buf[0].size()
	l.buf[0] = nil
	l.buf = l.buf[1:]
	l.tried = 0
}

// finish is the write that ends an entry.
func (j *Journal) finish(e *Entry, out Outcome) *store.Op {
	id, urgency := e.ID, store.Later
	if e.begun {
		urgency = store.InTurn // until it is stored, a crash makes a double
	}
	return &store.Op{Weight: 2, Urgency: urgency, Do: func(tx *store.Tx) error {
		if out.apply != nil {
			if err := out.apply(tx); err != nil {
				return err
			}
		}
		tx.Add(store.Bulk{Head: "UPDATE entry SET state = ?, payload = NULL, target = '', cause = '', reason = '', changed = ? WHERE id IN (", Row: "?", Tail: ")"},
			[]any{Done, time.Now().UnixMilli()}, []any{id})
		return nil
	}}
}

// bury is the write that makes an entry a dead letter, together with what is
// said about it.
func (j *Journal) bury(e *Entry, out Outcome) *store.Op {
	id, attempts, words := e.ID, e.Attempts, out.words
	a := j.prepare(out.more, func(tx *store.Tx) error {
		_, err := tx.Exec("UPDATE entry SET state = ?, attempts = ?, reason = ?, cause = '', changed = ? WHERE id = ?", Failed, attempts, words, time.Now().UnixMilli(), id)
		return err
	})
	return &store.Op{Weight: 1 + len(out.more), Do: a.do, Done: a.done}
}

// note is the write that records a waiting or parked head. Both times in it are of one
// reading of the clock: how long it waits is the difference, whatever becomes of the
// clock before it is written, and after.
func (j *Journal) note(e *Entry, s State, wait time.Duration, out Outcome) *store.Op {
	now, due := time.Now().UnixMilli(), int64(0)
	if wait > 0 {
		due = now + wait.Milliseconds()
	}
	reason, attempts := out.words, e.Attempts
	if e.MayHaveLeft() {
		s = Running // it still may have, also for the next process
	}
	return &store.Op{Weight: 1, Urgency: store.Later, Do: func(tx *store.Tx) error {
		_, err := tx.Exec("UPDATE entry SET state = ?, attempts = ?, due = ?, cause = ?, reason = ?, changed = ? WHERE id = ? AND state < ?",
			s, attempts, due, out.cause, reason, now, e.ID, Failed)
		return err
	}}
}

// ends reports whether an entry was delivered and its end is not committed, which
// is so for long if the database refuses it.
func (j *Journal) ends(id int64) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	_, ok := j.ending[id]
	return ok
}
