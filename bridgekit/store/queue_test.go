package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Operations are written as an urgency, a for Ahead, i for InTurn, l for Later, and
// a weight. Groups are what take returns, by the operations' places in the list.
func TestQueueOrder(t *testing.T) {
	many := func(op string, n int) []string { return strings.Fields(strings.Repeat(op+" ", n)) }
	count := func(from, to int) (s string) {
		for i := from; i < to; i++ {
			s += fmt.Sprint(i, " ")
		}
		return strings.TrimSpace(s)
	}
	tests := map[string]struct {
		ops  []string
		all  bool
		want []string
	}{
		"what somebody waits for comes in its order":     {ops: []string{"i1", "a1", "i1"}, want: []string{"0 1 2"}},
		"what can wait waits for company":                {ops: []string{"l2", "l2"}},
		"and not for ever":                               {ops: []string{"l2", "l2"}, all: true, want: []string{"0 1"}},
		"it goes when it is much":                        {ops: many("l2", 64), want: []string{count(0, 64)}},
		"it goes with what somebody waits for":           {ops: []string{"l2", "a1", "l2"}, want: []string{"1 0 2"}},
		"in turn sees what was queued before it":         {ops: []string{"l2", "i1", "l2"}, want: []string{"0 1 2"}},
		"ahead behind in turn does not overtake it":      {ops: []string{"l2", "i1", "a1"}, want: []string{"0 1 2"}},
		"in turn behind ahead still sees it":             {ops: []string{"a1", "l2", "i1"}, want: []string{"0 1 2"}},
		"a long queue is seen over several commits":      {ops: append(many("l2", 400), "i1"), want: []string{count(0, 320), count(320, 401)}},
		"ahead takes a bounded number of others along":   {ops: append(many("l2", 100), "a1"), want: []string{"100 " + count(0, 64)}},
		"one that is heavier than a group goes alone":    {ops: []string{"a4000", "a1"}, want: []string{"0", "1"}},
		"heavier than the queue counts as the queue":     {ops: []string{"a99999", "a1"}, want: nil},
		"however much is urgent, others are not starved": {ops: []string{"l2", "a512", "a512", "a512"}, want: []string{"1 0", "2", "3"}},
	}
	for name, test := range tests {
		bubble(t, name, func(t *testing.T) {
			q := newQueue()
			place := map[*Op]int{}
			for i, text := range test.ops {
				op := &Op{Urgency: map[byte]Urgency{'a': Ahead, 'i': InTurn, 'l': Later}[text[0]]}
				if _, err := fmt.Sscan(text[1:], &op.Weight); err != nil {
					t.Fatal(err)
				}
				place[op] = i
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
				defer cancel()
				if err := q.put(ctx, op); err != nil {
					if test.want != nil || !errors.Is(err, context.DeadlineExceeded) {
						t.Fatal(err)
					}
					return // it has no room, as expected
				}
			}
			var got []string
			for group := q.take(test.all); group != nil; group = q.take(test.all) {
				var places []string
				for _, op := range group {
					places = append(places, fmt.Sprint(place[op]))
					q.done(op)
				}
				got = append(got, strings.Join(places, " "))
			}
			if d := cmp.Diff(test.want, got); d != "" {
				t.Error(d)
			}
			if !q.waiting() && test.want != nil && (!q.soon.TryAcquire(maxQueue) || !q.late.TryAcquire(maxQueue)) {
				t.Error("room was not given back")
			}
		})
	}
}

// bubble runs a test in a bubble of its own time.
func bubble(t *testing.T, name string, test func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

// What is queued after the end is refused and takes no room; what waited for room
// is refused too.
func TestQueueClosed(t *testing.T) {
	q := newQueue()
	if err := q.put(t.Context(), &Op{Weight: maxQueue}); err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error, 1)
	go func() { waiting <- q.put(t.Context(), &Op{}) }()
	q.close()
	if err := q.put(t.Context(), &Op{Urgency: Later}); !errors.Is(err, ErrClosed) {
		t.Errorf("queued after the end: %v", err)
	}
	for _, op := range q.take(true) {
		q.done(op)
	}
	if err := <-waiting; !errors.Is(err, ErrClosed) {
		t.Errorf("it waited for room: %v", err)
	}
	if !q.soon.TryAcquire(maxQueue) || !q.late.TryAcquire(maxQueue) {
		t.Error("room was not given back")
	}
}

// An operation that can wait does for a bounded time, however many follow it.
func TestLaterInTime(t *testing.T) {
	source := "sqlite:" + filepath.Join(t.TempDir(), "causeway.db")
	synctest.Test(t, func(t *testing.T) {
		db, err := Open(t.Context(), source, make([]byte, KeySize))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); _ = db.Run(ctx) }()
		defer func() {
			cancel()
			<-ended
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		}()
		time.Sleep(time.Second)
		began := time.Now()
		var took time.Duration
		first := make(chan struct{})
		for i := range 20 {
			op := &Op{Urgency: Later, Do: func(*Tx) error { return nil }}
			if i == 0 {
				op.Done = func(error) { took = time.Since(began); close(first) }
			}
			if err := db.Queue(t.Context(), op); err != nil {
				t.Fatal(err)
			}
			time.Sleep(laterTime / 4)
		}
		<-first
		if took > laterTime {
			t.Errorf("it waited for %v", took)
		}
	})
}
