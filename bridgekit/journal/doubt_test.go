package journal_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
)

// doubtful opens a database behind a proxy; after lose, the answer to the next
// commit is lost, and the commit is not.
func doubtful(t *testing.T) (open func() *store.DB, lose func()) {
	proxy, dsn := storetest.NewProxy(t, storetest.Postgres(t))
	var armed atomic.Bool
	hook := func(n step.Name) {
		if n == step.Committing && armed.CompareAndSwap(true, false) {
			proxy.LoseAnswer()
		}
	}
	return func() *store.DB {
		db, err := store.Open(t.Context(), dsn, storetest.Key(), store.WithSteps(hook))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); _ = db.Run(ctx) }()
		t.Cleanup(func() { cancel(); <-done; _ = db.Close() })
		return db
	}, func() { armed.Store(true) }
}

// An append whose commit was carried out and not answered for is delivered, once
// and in its place, whether its caller is told of a failure or the writer tries it again.
func TestCommitUnanswered(t *testing.T) {
	for _, together := range []int{1, 3} {
		t.Run(fmt.Sprint(together, " in a group"), func(t *testing.T) {
			open, lose := doubtful(t)
			r := start(t, open, journal.Options{}, nil)
			draft := func(s string) journal.Draft {
				return journal.Draft{Lane: lane(1), Kind: "test", Payload: []byte(s), Key: journal.Key("test", s)}
			}
			r.append(draft("before")) // the connection knows the statements now
			r.until("the first is delivered", func() bool { return r.total == 1 })
			release := holdWriter(t, r.db)
			res := make(chan error, together)
			for i := range together {
				go func() { res <- r.j.Append(t.Context(), []journal.Draft{draft(fmt.Sprint(i))}, nil) }()
			}
			lose()
			release()
			for range together {
				<-res
			}
			for i := range together { // whoever had no answer comes again
				r.append(draft(fmt.Sprint(i)))
			}
			r.append(draft("behind"))
			r.until("all are delivered", func() bool { return r.total >= together+2 })
			r.mu.Lock()
			defer r.mu.Unlock()
			if n := len(r.got[lane(1)]); n != together+2 || r.got[lane(1)][n-1] != "behind" {
				t.Errorf("delivered %q", r.got[lane(1)])
			}
		})
	}
}

// holdWriter keeps the writer busy until release is called.
func holdWriter(t *testing.T, db *store.DB) (release func()) {
	t.Helper()
	held, over := make(chan struct{}), make(chan struct{})
	op := &store.Op{Do: func(*store.Tx) error { return nil }, Done: func(error) { close(held); <-over }}
	if err := db.Queue(t.Context(), op); err != nil {
		t.Fatal(err)
	}
	<-held
	return func() { close(over) }
}

// An entry that was delivered and whose end the database refuses is not delivered
// again when its lane, which has forgotten it, reads what was changed.
func TestEndRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		var refuse atomic.Bool
		refuse.Store(true)
		r := start(t, open, journal.Options{}, func(_ context.Context, e *journal.Entry) journal.Outcome {
			switch string(e.Payload) {
			case "dead":
				return journal.Fail(errors.New("no"), "no")
			case "refused":
				return journal.Delivered(func(*store.Tx) error {
					if refuse.Load() {
						return errors.New("refused")
					}
					return nil
				})
			}
			return journal.Delivered(nil)
		})
		defer refuse.Store(false)
		r.append(journal.Draft{Lane: lane(1), Kind: "test", Payload: []byte("dead"), Makes: "m"})
		r.append(journal.Draft{Lane: lane(1), Kind: "test", Payload: []byte("refused")})
		r.until("it is delivered", func() bool { return r.total == 2 })
		flush(t, r.db)
		r.append(journal.Draft{Lane: lane(1), Kind: "test", Payload: []byte("removal"), Changes: "m", Fate: journal.Fate{Withdraw: true}})
		r.append(journal.Draft{Lane: lane(1), Kind: "test", Payload: []byte("behind")})
		refuse.Store(false) // until then nothing begins behind it
		r.until("the next is delivered", func() bool { return r.got[lane(1)][len(r.got[lane(1)])-1] == "behind" })
		r.mu.Lock()
		defer r.mu.Unlock()
		if d := cmp.Diff([]string{"dead", "refused", "behind"}, r.got[lane(1)]); d != "" {
			t.Error(d)
		}
	})
}

// A dead letter that is put back by a commit whose answer was lost is delivered.
func TestRetryUnanswered(t *testing.T) {
	open, lose := doubtful(t)
	var well atomic.Bool
	r := start(t, open, journal.Options{}, func(_ context.Context, e *journal.Entry) journal.Outcome {
		if well.Load() {
			return journal.Delivered(nil)
		}
		return journal.Fail(errors.New("no"), "no")
	})
	for i := range 2 { // with the first, the connection learns the statements
		r.append(text(lane(1), fmt.Sprint(i)))
	}
	r.until("both are dead", func() bool { return r.total == 2 && !r.j.Busy(lane(1)) })
	flush(t, r.db)
	dead, err := r.j.List(t.Context(), false, 10)
	if err != nil || len(dead) != 2 {
		t.Fatal(dead, err)
	}
	well.Store(true)
	if err := r.j.Retry(t.Context(), dead[0].ID); err != nil {
		t.Fatal(err)
	}
	r.until("the first is delivered", func() bool { return r.total == 3 && !r.j.Busy(lane(1)) })
	flush(t, r.db)
	lose()
	_ = r.j.Retry(t.Context(), dead[1].ID) // nobody knows
	r.until("the second is delivered", func() bool { return r.total == 4 })
}

// flush waits until what is queued was written, or refused.
func flush(t *testing.T, db *store.DB) {
	t.Helper()
	if err := db.Write(t.Context(), 1, func(*store.Tx) error { return nil }); err != nil {
		t.Fatal(err)
	}
}
