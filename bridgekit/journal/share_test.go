package journal_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
)

// What a process deposits that stands by is delivered by the one that runs the
// lanes, in order with what that one appends, whether it was heard at once or
// looked for later.
func TestDeposit(t *testing.T) {
	for _, notified := range []bool{true, false} {
		t.Run(fmt.Sprint("notified ", notified), func(t *testing.T) {
			open := storetest.Source(t, storetest.Postgres(t))
			r := start(t, open, journal.Options{}, nil)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ready := make(chan struct{})
			if notified {
				go func() {
					_ = r.db.Listen(ctx, slog.New(slog.DiscardHandler), func() { close(ready) }, r.j.Heard) // ends with ctx
				}()
				<-ready
			}
			lane := journal.LaneOf(7, journal.Control)
			other := journal.New(journal.Options{DB: open(), Log: slog.New(slog.DiscardHandler)}, nil)
			var want []string
			for i := range 40 { // more than a page
				text := fmt.Sprint(i)
				d := []journal.Draft{{Lane: lane, Kind: "test", Payload: []byte(text), Key: journal.Key("test", text)}}
				add := func() error {
					_, err := r.j.Look(ctx, lane)
					return errors.Join(err, r.j.Append(ctx, d, nil))
				}
				if i%3 > 0 {
					add = func() error { return other.Deposit(ctx, d) }
				}
				if err := errors.Join(add(), other.Deposit(ctx, d)); err != nil { // a known key is skipped
					t.Fatal(err)
				}
				want = append(want, text)
			}
			if !notified {
				if _, err := r.j.Look(ctx, lane); err != nil {
					t.Fatal(err)
				}
			}
			r.until("all are delivered", func() bool { return r.total >= len(want) })
			r.mu.Lock()
			if d := cmp.Diff(want, r.got[lane]); d != "" {
				t.Error(d)
			}
			r.mu.Unlock()
			waits, err := r.j.Look(ctx, lane)
			for i := 0; waits && err == nil && i < 1000; i++ { // its ends are committed behind it
				err = r.db.Write(ctx, 1, func(*store.Tx) error { return nil })
				if err == nil {
					waits, err = r.j.Look(ctx, lane)
				}
			}
			if err != nil || waits {
				t.Error("the lane still waits:", err)
			}
		})
	}
}

// While it is paused, a journal takes entries and delivers none.
func TestPause(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		r := start(t, open, journal.Options{}, nil)
		r.j.Pause(true)
		for i := range 20 {
			if err := r.j.Append(t.Context(), []journal.Draft{{Lane: journal.Lane(i), Kind: "test", Payload: []byte("x")}}, nil); err != nil {
				t.Fatal(err)
			}
		}
		for range 20 {
			if err := r.db.Write(t.Context(), 1, func(*store.Tx) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
		r.mu.Lock()
		if r.total != 0 {
			t.Errorf("%d were delivered", r.total)
		}
		r.mu.Unlock()
		r.j.Pause(false)
		r.until("all are delivered", func() bool { return r.total == 20 })
	})
}

// What another process has put back while nobody listened is found in whichever
// lane it is.
func TestLookAll(t *testing.T) {
	open := storetest.Source(t, storetest.Postgres(t))
	r := start(t, open, journal.Options{}, func(_ context.Context, e *journal.Entry) journal.Outcome {
		if e.Recovered || e.Tried {
			return journal.Delivered(nil)
		}
		return journal.Fail(errors.New("no"), "no")
	})
	r.append(text(lane(3), "x"))
	r.until("it is dead", func() bool { return r.total == 1 && !r.j.Busy(lane(3)) })
	flush(t, r.db)
	dead, err := r.j.List(t.Context(), false, 1)
	if err != nil || len(dead) != 1 {
		t.Fatal(dead, err)
	}
	other := journal.New(journal.Options{DB: open(), Log: slog.New(slog.DiscardHandler)}, nil)
	if err := errors.Join(other.Retry(t.Context(), dead[0].ID), r.j.LookAll(t.Context())); err != nil {
		t.Fatal(err)
	}
	r.until("it is delivered", func() bool { return r.total == 2 })
}
