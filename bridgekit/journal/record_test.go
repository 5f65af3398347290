package journal_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
)

// states are those of all entries, in their order.
func states(t *testing.T, db *store.DB) (all []journal.State) {
	t.Helper()
	for id := int64(1); ; id++ {
		var s journal.State
		ok, err := db.One(t.Context(), "SELECT state FROM entry WHERE id = ?", []any{id}, &s)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return all
		}
		all = append(all, s)
	}
}

// If the database refuses the end of an entry, the end of the one behind it is not
// stored before it: after a crash the first would happen again, and be the last.
func TestEndsInOrder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		var tries, stored atomic.Int64
		second := make(chan struct{})
		r := start(t, open, journal.Options{}, func(_ context.Context, e *journal.Entry) journal.Outcome {
			if string(e.Payload) == "second" {
				close(second)
				return journal.Delivered(func(*store.Tx) error {
					if stored.Load() == 0 {
						t.Error("the second end overtakes the first")
					}
					return nil
				})
			}
			return journal.Delivered(func(*store.Tx) error {
				<-second // is on its way when the first is refused
				if tries.Add(1) < 3 {
					return errors.New("refused")
				}
				stored.Store(1)
				return nil
			})
		})
		r.append(text(lane(1), "first"), text(lane(1), "second"))
		r.until("both have ended", func() bool {
			return cmp.Equal([]journal.State{journal.Done, journal.Done}, states(t, r.db))
		})
	})
}

// What a lane's first attempt came to, refused by the database and stored later, does
// not take back that the second has begun.
func TestLateNoteKeepsBegin(t *testing.T) {
	var attempts atomic.Int64
	begun, over := make(chan struct{}), make(chan struct{})
	r := start(t, storetest.Source(t, storetest.SQLite(t)), journal.Options{}, func(ctx context.Context, e *journal.Entry) journal.Outcome {
		if attempts.Add(1) == 1 {
			return journal.RetryIn(time.Nanosecond, errors.New("not now"))
		}
		if err := e.Begin(ctx); err != nil {
			return journal.RetryIn(time.Millisecond, err)
		}
		close(begun)
		<-over
		return journal.Delivered(nil)
	})
	defer close(over)
	sql := func(text string) {
		t.Helper()
		err := r.db.Write(t.Context(), 1, func(tx *store.Tx) error {
			_, err := tx.Exec(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	sql("CREATE TABLE noted (id INTEGER)")
	sql("CREATE TRIGGER refuse BEFORE UPDATE ON entry WHEN NEW.state = 2 BEGIN SELECT RAISE(ABORT, 'disk full'); END")
	r.append(text(lane(1), "a"))
	r.until("it is tried", func() bool { return r.total >= 1 })
	flush(t, r.db)
	flush(t, r.db)
	sql("CREATE TRIGGER log AFTER UPDATE ON entry WHEN NEW.state = 2 BEGIN INSERT INTO noted VALUES (NEW.id); END")
	sql("DROP TRIGGER refuse")
	<-begun
	r.until("the first attempt is noted", func() bool {
		ok, err := r.db.One(t.Context(), "SELECT 1 FROM noted LIMIT 1", nil, new(int))
		return ok && err == nil
	})
	if d := cmp.Diff([]journal.State{journal.Running}, states(t, r.db)); d != "" {
		t.Error(d)
	}
}
