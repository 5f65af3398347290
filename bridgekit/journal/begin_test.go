package journal_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
)

// After a kill the unfinished entries come back in order, marked, until the
// first that had not been delivered.
func TestRecovered(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		park := func(context.Context, *journal.Entry) journal.Outcome { return journal.Park("x", nil, nil) }
		r := start(t, open, journal.Options{}, park)
		r.append(text(lane(1), "a"), text(lane(1), "b"), text(lane(1), "c"))
		r.until("it is parked", func() bool { return r.total == 1 })
		r.stop()
		var marks []string
		var left []bool
		r = start(t, open, journal.Options{}, func(_ context.Context, e *journal.Entry) journal.Outcome {
			marks = append(marks, fmt.Sprint(string(e.Payload), e.Recovered))
			left = append(left, e.MayHaveLeft())
			if string(e.Payload) == "b" {
				e.Fresh()
			}
			if string(e.Payload) == "d" {
				if err := e.Begin(context.Background()); err != nil {
					t.Error(err)
				}
				return journal.Park("kill", nil, nil)
			}
			return journal.Delivered(nil)
		})
		r.append(text(lane(1), "d"))
		r.until("all are handled", func() bool { return r.total == 4 })
		if d := cmp.Diff([]string{"atrue", "btrue", "cfalse", "dfalse"}, marks); d != "" {
			t.Error(d)
		}
		if slices.Contains(left, true) {
			t.Errorf("began before they began: %v", left)
		}
	})
}

// cutOff leaves an entry behind that was begun, and of which nobody knows more.
func cutOff(t *testing.T, open func() *store.DB) {
	t.Helper()
	r := start(t, open, journal.Options{Grace: time.Millisecond}, func(ctx context.Context, e *journal.Entry) journal.Outcome {
		if err := e.Begin(ctx); err != nil {
			t.Error(err)
		}
		<-ctx.Done()
		return journal.RetryLater(ctx.Err(), "")
	})
	r.append(text(lane(1), "a"))
	r.until("it is running", func() bool {
		all, err := r.j.List(t.Context(), true, 1)
		return err == nil && len(all) == 1 && all[0].State == journal.Running
	})
	r.stop()
}

// Begin is remembered over a kill.
func TestBegin(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		cutOff(t, open)
		r := start(t, open, journal.Options{}, func(_ context.Context, e *journal.Entry) journal.Outcome {
			if !e.MayHaveLeft() || !e.Recovered {
				t.Error("the begun entry is not marked")
			}
			return journal.Delivered(nil)
		})
		r.until("it is handled", func() bool { return r.total == 1 })
	})
}

// What may have been delivered comes back marked, and is not withdrawn.
func TestTried(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		var mu sync.Mutex
		tried := map[string][]bool{}
		again := make(chan struct{})
		r := start(t, open, journal.Options{}, func(_ context.Context, e *journal.Entry) journal.Outcome {
			mu.Lock()
			tried[string(e.Payload)] = append(tried[string(e.Payload)], e.Tried)
			n := len(tried[string(e.Payload)])
			mu.Unlock()
			if n == 1 && string(e.Payload) == "doubtful" {
				return journal.Park("something", func() bool { close(again); return true }, errors.New("no answer")).Unsure()
			}
			if n == 1 && string(e.Payload) == "untouched" {
				return journal.RetryIn(time.Millisecond, errors.New("not yet"))
			}
			return journal.Delivered(nil)
		})
		head := text(lane(1), "doubtful")
		head.Makes = "m"
		r.append(head, text(lane(2), "untouched"))
		<-again
		gone := text(lane(1), "gone")
		gone.Changes, gone.Fate.Withdraw = "m", true
		r.append(gone)
		r.j.Wake("something")
		r.until("all is handled", func() bool { return slices.Contains(r.got[lane(1)], "gone") && len(r.got[lane(2)]) == 2 })
		mu.Lock()
		defer mu.Unlock()
		if d := cmp.Diff(map[string][]bool{"doubtful": {false, true}, "untouched": {false, false}, "gone": {false}}, tried); d != "" {
			t.Error(d)
		}
	})
}

// That an entry may have left is known to the process after the next one too, which
// did not come to deliver it.
func TestBeginOverTwoKills(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		cutOff(t, open)
		r := start(t, open, journal.Options{}, func(context.Context, *journal.Entry) journal.Outcome { return journal.Park("x", nil, nil) })
		r.until("it is parked", func() bool { return r.j.Stats().Parked["x"] == 1 })
		r.stop()
		var left bool
		r = start(t, open, journal.Options{}, func(_ context.Context, e *journal.Entry) journal.Outcome {
			left = e.MayHaveLeft()
			return journal.Delivered(nil)
		})
		r.until("it is delivered", func() bool { return r.total == 1 })
		if !left {
			t.Error("nobody knows that it may have left")
		}
	})
}
