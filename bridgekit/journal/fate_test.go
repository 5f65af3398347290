package journal_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
)

// A redaction or edit of what has not left takes effect on it.
func TestFate(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		begun, release := make(chan struct{}), make(chan struct{})
		r := start(t, open, journal.Options{}, func(ctx context.Context, e *journal.Entry) journal.Outcome {
			if string(e.Payload) == "first" {
				close(begun)
				<-release
			}
			if string(e.Payload) == "dead" {
				return journal.Fail(errors.New("x"), "x")
			}
			return journal.Delivered(nil)
		})
		makes := func(id, s string) journal.Draft {
			d := text(lane(1), s)
			d.Makes = id
			return d
		}
		replace := func(old []byte) ([]byte, error) { return append([]byte("edited "), old...), nil }
		withdraw := func(id string) journal.Draft {
			return journal.Draft{Lane: lane(1), Kind: "redaction", Changes: id, Payload: []byte("redact " + id), Fate: journal.Fate{Withdraw: true}}
		}
		edit := func(id string) journal.Draft {
			return journal.Draft{Lane: lane(1), Kind: "edit", Changes: id, Payload: []byte("edit " + id), Fate: journal.Fate{Replace: replace}}
		}
		r.append(makes("1", "first"))
		<-begun
		r.append(makes("2", "two"), makes("3", "three"), makes("4", "four"))
		r.append(withdraw("2"), edit("3"), edit("4"), withdraw("4"), withdraw("1"), edit("9"))
		close(release)
		r.append(text(lane(1), "end"))
		r.until("the end is handled", func() bool { return slices.Contains(r.got[lane(1)], "end") })
		want := []string{"first", "edited three", "redact 1", "edit 9", "end"}
		if d := cmp.Diff(want, r.got[lane(1)]); d != "" {
			t.Error(d)
		}
		r.append(makes("5", "dead"))
		r.until("it is a dead letter", func() bool {
			dead, err := r.j.List(t.Context(), false, 1)
			return err == nil && len(dead) == 1
		})
		r.append(withdraw("5"))
		r.until("the dead letter is withdrawn", func() bool { return unfinished(t, r.db) == 0 })
	})
}

// A head that is withdrawn while it is parked lets the next one go.
func TestWithdrawParkedHead(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		parked := make(chan struct{})
		r := start(t, open, journal.Options{}, func(_ context.Context, e *journal.Entry) journal.Outcome {
			if string(e.Payload) == "waits" { // what is appended before it is parked cannot withdraw it
				return journal.Park("something", func() bool { close(parked); return true }, nil)
			}
			return journal.Delivered(nil)
		})
		head, next := text(lane(1), "waits"), text(lane(1), "next")
		head.Makes = "m"
		r.append(head)
		<-parked
		r.append(next)
		gone := text(lane(1), "gone")
		gone.Changes, gone.Fate.Withdraw = "m", true
		r.append(gone)
		r.until("the next one is handled", func() bool { return slices.Contains(r.got[lane(1)], "next") })
	})
}

// What an earlier process may have delivered is neither withdrawn nor replaced,
// also behind the first entry; and a change does not overtake an earlier one.
func TestFateInDoubt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		park := func(context.Context, *journal.Entry) journal.Outcome { return journal.Park("x", nil, nil) }
		r := start(t, open, journal.Options{}, park)
		one, two := text(lane(1), "one"), text(lane(1), "two")
		one.Makes, two.Makes = "1", "2"
		r.append(one, two)
		r.until("it is parked", func() bool { return r.total == 1 })
		r.stop()
		looked, gate := make(chan struct{}), make(chan struct{})
		first := true
		r = start(t, open, journal.Options{}, func(_ context.Context, e *journal.Entry) journal.Outcome {
			if string(e.Payload) == "one" && first {
				first = false
				close(looked)
				<-gate
				e.Fresh()
				return journal.Park("y", nil, nil)
			}
			return journal.Delivered(nil)
		})
		change := func(id, name string, f journal.Fate) journal.Draft {
			return journal.Draft{Lane: lane(1), Kind: "edit", Changes: id, Payload: []byte(name), Fate: f}
		}
		replace := journal.Fate{Replace: func([]byte) ([]byte, error) { return []byte("replaced"), nil }}
		<-looked
		r.append(change("2", "redact two", journal.Fate{Withdraw: true}), change("1", "edit one", replace))
		close(gate)
		r.until("it is parked again", func() bool { return r.j.Stats().Parked["y"] == 1 })
		r.append(change("1", "edit one again", replace))
		r.j.Wake("y")
		r.append(text(lane(1), "end"))
		r.until("the end is handled", func() bool { return slices.Contains(r.got[lane(1)], "end") })
		want := []string{"one", "one", "two", "redact two", "edit one", "edit one again", "end"}
		if d := cmp.Diff(want, r.got[lane(1)]); d != "" {
			t.Error(d)
		}
	})
}
