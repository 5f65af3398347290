package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// A Handler delivers one entry. Calls for one lane never overlap; calls for
// different lanes run concurrently. When ctx ends it returns soon with whatever
// is true; a panic counts as an error of that entry.
type Handler func(ctx context.Context, e *Entry) Outcome

// Options configure a Journal. The zero value of each number means its default.
type Options struct {
	DB  *store.DB
	Log *slog.Logger
	// Steps is told which steps the journal reaches; may be nil.
	Steps step.Hook
	// Workers is how many lanes run at once, not counting slow ones. Default 64.
	Workers int
	// Attempts is how often an entry is tried before it fails. Default 8.
	Attempts int
	// Backoff spaces the attempts. Default 1 s doubling to 5 min.
	Backoff Backoff
	// Failed is asked what to append with a dead letter, to tell people in
	// words; may be nil. What it returns changes no undelivered entry. It is
	// part of the handler's call.
	Failed func(ctx context.Context, e *Entry, words string) []Draft
	// Grace is how long Run lets handlers finish after its context ended.
	// Default 8 s.
	Grace time.Duration
	// Keep is how long keys of finished entries and dead letters are kept. Default 30 days.
	Keep time.Duration
}

const (
	slow     = 2 * time.Second // a handler that takes longer lends its place
	page     = 128             // entries of a lane in memory
	few      = 16              // entries of a lane in memory if there is much already
	buffered = 8 << 20         // bytes of all lanes in memory, beyond one entry each
)

// A Journal is the queue of one process. Append and the queue's inspection may
// be called concurrently.
type Journal struct {
	db      *store.DB
	log     *slog.Logger
	opts    Options
	handler Handler

	mu        sync.Mutex // guards what follows, and every lane
	lanes     map[Lane]*lane
	ready     []*lane
	parked    map[string]map[*lane]struct{}
	workers   int                // running, not counting those that lent their place
	inMemory  int                // bytes of entries in lanes' buffers
	ending    map[int64]struct{} // delivered entries whose end is not committed
	records   map[Lane]*record   // the newest of each lane that is not stored
	refused   map[Lane]int       // records that the database refused and that are not stored: the lane begins nothing
	recovered int64              // entries up to this number were there at start
	pushed    int64              // entries up to this number were pushed: what is read beyond would be pushed again
	running   bool
	paused    bool          // no handler is called
	aborted   bool          // abort is closed
	started   chan struct{} // Run has loaded the lanes
	abort     chan struct{} // closed: handlers get no grace

	wg sync.WaitGroup
	// ctx of handlers: outlives Run's by Grace, within handlers; guarded by mu, as interrupt.
	handlerCtx, handlers context.Context
	interrupt            context.CancelFunc // ends handlerCtx
	counts               counters
}

// New makes a journal that hands entries to handler.
func New(o Options, handler Handler) *Journal {
	if o.Workers == 0 {
		o.Workers = 64
	}
	if o.Attempts == 0 {
		o.Attempts = 8
	}
	if o.Backoff == (Backoff{}) {
		o.Backoff = Backoff{First: time.Second, Max: 5 * time.Minute}
	}
	if o.Grace == 0 {
		o.Grace = 8 * time.Second
	}
	if o.Keep == 0 {
		o.Keep = 30 * 24 * time.Hour
	}
	return &Journal{db: o.DB, log: o.Log, opts: o, handler: handler, lanes: map[Lane]*lane{}, ending: map[int64]struct{}{}, records: map[Lane]*record{}, refused: map[Lane]int{}, parked: map[string]map[*lane]struct{}{}, started: make(chan struct{}), abort: make(chan struct{})}
}

// Run loads the lanes that have work and runs them until ctx is done. Then it
// starts nothing new, gives handlers Options.Grace to finish, cancels them, and
// returns when the last has returned. Appends made before Run wait for it.
func (j *Journal) Run(ctx context.Context) error {
	handlers, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	load := func(ctx context.Context) error { return j.load(ctx, handlers) }
	if err := j.db.Patiently(ctx, "load journal", load); err != nil {
		return err
	}
	j.prune(ctx)
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			j.prune(ctx)
		case <-ctx.Done():
			j.stop(cancel)
			return fmt.Errorf("journal: %w", ctx.Err())
		}
	}
}

// load makes a lane for each that has undelivered entries.
func (j *Journal) load(ctx, handlers context.Context) error {
	var last int64
	if _, err := j.db.One(ctx, "SELECT COALESCE(MAX(id), 0) FROM entry", nil, &last); err != nil {
		return fmt.Errorf("load journal: %w", err)
	}
	ids, err := j.openLanes(ctx)
	if err != nil {
		return fmt.Errorf("load journal: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.recovered, j.pushed, j.handlers, j.running = last, last, handlers, true
	j.handlerCtx, j.interrupt = context.WithCancel(handlers)
	for _, id := range ids {
		l := j.lane(id)
		l.more = true
		j.schedule(l)
	}
	for _, l := range j.lanes { // appended before Run
		j.schedule(l)
	}
	close(j.started)
	return nil
}

// stop waits for the handlers, patiently first.
func (j *Journal) stop(cancel context.CancelFunc) {
	j.mu.Lock()
	j.running = false
	for _, l := range j.lanes {
		l.stopTimer()
	}
	j.mu.Unlock()
	done := make(chan struct{})
	go func() { j.wg.Wait(); close(done) }()
	select {
	case <-done:
		return
	case <-time.After(j.opts.Grace):
	case <-j.abort:
	}
	cancel()
	<-done
}

// Started is closed when Run has loaded the journal.
func (j *Journal) Started() <-chan struct{} { return j.started }

// Wake schedules the lanes whose head is parked on cause.
func (j *Journal) Wake(cause string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for l := range j.parked[cause] {
		l.cause = ""
		j.schedule(l)
	}
	delete(j.parked, cause)
}

// Busy reports whether a lane has undelivered entries, as far as the appends of
// this process that have returned go.
func (j *Journal) Busy(l Lane) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.lanes[l] != nil
}

// unpark lets a lane's head be looked at again. It is called with mu held.
func (j *Journal) unpark(l *lane) {
	if l.cause == "" {
		return
	}
	if delete(j.parked[l.cause], l); len(j.parked[l.cause]) == 0 {
		delete(j.parked, l.cause)
	}
	l.cause = ""
}

// Has reports whether an entry with a key was appended, in whatever state it is.
func (j *Journal) Has(ctx context.Context, key []byte) (bool, error) {
	has, err := j.db.One(ctx, "SELECT 1 FROM entry WHERE key = ?", []any{key}, new(int))
	if err != nil {
		return false, fmt.Errorf("look for entry: %w", err)
	}
	return has, nil
}

// Unsettled reports whether a lane's head may be delivered already without
// anybody knowing yet: an earlier process or attempt was cut off.
// A head that was appended after the entry with number before does not count: nothing of
// it can have come about by then. So two lanes never wait for each other.
// If causes are given, a head that is parked on something else does not count.
func (j *Journal) Unsettled(id Lane, before int64, causes ...string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	l := j.lanes[id]
	switch {
	case l == nil, l.cause != "" && len(causes) > 0 && !slices.Contains(causes, l.cause):
		return false
	case l.tried != 0:
		return l.tried < before
	case len(l.buf) == 0: // it will be read in a moment
		return l.more && l.last < min(j.recovered, before)
	}
	return l.buf[0].ID <= j.recovered && !l.clean && l.buf[0].ID < before
}

// Delivering reports whether a lane's head is with the handler.
func (j *Journal) Delivering(id Lane) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	l := j.lanes[id]
	return l != nil && l.active != 0
}

// errPanic is the cause of an entry whose handler panicked.
var errPanic = errors.New("panic while delivering")
