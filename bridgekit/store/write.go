package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/step"
)

// laterTime is how long operations that nobody waits for may wait for company.
const laterTime = 20 * time.Millisecond

// ErrClosed is returned by writes after Run has ended.
var ErrClosed = errors.New("database is shut down")

// errAway says that there is no connection to the database.
var errAway = errors.New("connect to database")

// An Op is one write. Do may run more than once (a group that failed is tried
// again operation by operation), so it changes nothing but the database and
// what it sets anew each time.
type Op struct {
	Weight int // roughly how many rows; at least 1
	// Urgency says in which order it is done; the zero value is InTurn.
	Urgency Urgency
	Do      func(tx *Tx) error
	// Done is called once by the writer's goroutine after the commit (nil) or
	// the failure, in the order of commits. It must not block.
	Done func(error)

	number int64 // the queue's
}

// Write does op and returns when it is durable, or why it is not. Nothing of a
// failed op remains. If ctx ends first, the outcome is unknown.
func (db *DB) Write(ctx context.Context, weight int, do func(tx *Tx) error) error {
	res := make(chan error, 1)
	if err := db.Queue(ctx, &Op{Weight: weight, Do: do, Done: func(err error) { res <- err }}); err != nil {
		return err
	}
	select {
	case err := <-res:
		return err
	case <-ctx.Done():
		return fmt.Errorf("write: %w", context.Cause(ctx))
	}
}

// Queue hands op to the writer and returns at once, unless the queue is full:
// then it waits. An error means that op will not run and Done is not called.
func (db *DB) Queue(ctx context.Context, op *Op) error { return db.queue.put(ctx, op) }

// Run writes until ctx is done and then what is queued. It must run as long as
// anything writes.
func (db *DB) Run(ctx context.Context) error {
	w := &writer{db: db}
	defer w.close()
	// From now on nobody restores or moves the database.
	connect := func(context.Context) error { return w.connect(context.Background()) }
	if err := db.Patiently(ctx, "write", connect); err != nil {
		w.end()
		return fmt.Errorf("database writer: %w", err)
	}
	if !db.dialect.locks {
		w.log = newCheckpointer(db)
		copying := make(chan struct{})
		ctx, cancel := context.WithCancel(ctx)
		defer func() { cancel(); <-copying }()
		go func() { defer close(copying); w.log.run(ctx) }()
	}
	var patience <-chan time.Time // nil unless something waits that can wait
	for {
		select {
		case <-db.queue.wake:
		case <-patience:
			patience = nil
			w.commit(db.queue.take(true))
		case <-ctx.Done():
			w.end()
			return fmt.Errorf("database writer: %w", ctx.Err())
		}
		for w.commit(db.queue.take(false)) {
		}
		switch waiting := db.queue.waiting(); {
		case !waiting:
			patience = nil
		case patience == nil: // its time runs from the first, however many follow
			patience = time.After(laterTime)
		}
	}
}

// A writer owns the one writing connection and its prepared statements.
type writer struct {
	db   *DB
	conn *sql.Conn
	tx   *Tx
	log  *checkpointer // nil on PostgreSQL
}

// end lets nothing more in and commits what is queued.
func (w *writer) end() {
	w.db.queue.close()
	for w.commit(w.db.queue.take(true)) {
	}
}

// commit runs a group in one transaction; if that fails, each operation alone. It
// reports whether there was anything to do.
func (w *writer) commit(group []*Op) bool {
	if len(group) == 0 {
		return false
	}
	err := w.transact(group)
	weight := 0
	for _, op := range group {
		weight += op.Weight
		switch {
		case err == nil, len(group) == 1, errors.Is(err, errAway):
			w.finish(op, err)
		default:
			alone := w.transact([]*Op{op})
			if errors.Is(alone, errAway) {
				err = alone // for the others too: each would wait for as long
			}
			w.finish(op, alone)
		}
	}
	if w.log != nil && w.conn != nil {
		if err := w.log.wrote(context.Background(), weight, w.conn); err != nil {
			w.close() // it may hang in what it did; another begins anew
		}
	}
	return true
}

func (w *writer) finish(op *Op, err error) {
	w.db.queue.done(op)
	if op.Done != nil {
		op.Done(err)
	}
}

// transact runs the operations in one transaction. The context is the
// program's end of patience, not a caller's: a commit is never cut short.
func (w *writer) transact(group []*Op) (err error) {
	ctx := context.Background()
	if err := w.connect(ctx); err != nil {
		return err
	}
	w.tx.heaps = nil // of a transaction that failed
	if _, err := w.tx.Exec(w.db.dialect.begin); err != nil {
		w.close()
		return fmt.Errorf("begin: %w", err)
	}
	err = w.tx.fenced(w.db.fence.Load())
	for i := 0; i < len(group) && err == nil; i++ {
		err = w.do(group[i])
	}
	if err == nil {
		err = w.tx.flush()
	}
	if err == nil {
		w.db.steps.At(step.Committing)
		if _, err = w.tx.Exec("COMMIT"); err == nil {
			w.db.steps.At(step.Committed)
			return nil
		}
		err = fmt.Errorf("commit: %w", err)
	}
	if _, rerr := w.conn.ExecContext(ctx, "ROLLBACK"); rerr != nil {
		w.close() // the connection is in an unknown state
	}
	return err
}

// do runs one operation; a panic in it is its error, not the writer's end.
func (w *writer) do(op *Op) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("write: panic: %v", r)
		}
	}()
	return op.Do(w.tx)
}

func (w *writer) connect(ctx context.Context) error {
	if w.conn != nil {
		return nil
	}
	conn, err := w.db.writer.Conn(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", errAway, err)
	}
	if err := w.db.dialect.shareRun(ctx, conn); err != nil {
		return errors.Join(fmt.Errorf("connect to database: %w", err), conn.Close())
	}
	w.conn = conn
	w.tx = &Tx{dialect: w.db.dialect, q: conn, seal: w.db.seal, stmts: map[string]*sql.Stmt{}}
	return nil
}

// close drops the connection; the next commit opens another.
func (w *writer) close() {
	if w.conn == nil {
		return
	}
	for _, s := range w.tx.stmts { // SQLite keeps a connection open for its statements
		_ = s.Close()
	}
	// A connection that failed is discarded by returning ErrBadConn.
	_ = w.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = w.conn.Close()
	w.conn, w.tx = nil, nil
}
