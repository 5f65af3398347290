package journal_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

// A rig runs one journal over a database that outlives it.
type rig struct {
	t    *testing.T
	db   *store.DB
	j    *journal.Journal
	stop func() // waits for Run

	mu    sync.Mutex
	got   map[journal.Lane][]string
	total int
	wake  chan struct{}
}

// start runs a journal whose handler records each payload before deciding by f;
// nil delivers everything.
func start(t *testing.T, open func() *store.DB, o journal.Options, f func(ctx context.Context, e *journal.Entry) journal.Outcome) *rig {
	t.Helper()
	r := &rig{t: t, db: open(), got: map[journal.Lane][]string{}, wake: make(chan struct{}, 1)}
	o.DB, o.Log = r.db, slog.New(slog.DiscardHandler)
	if o.Backoff == (journal.Backoff{}) {
		o.Backoff = journal.Backoff{First: time.Millisecond, Max: 2 * time.Millisecond}
	}
	r.j = journal.New(o, func(ctx context.Context, e *journal.Entry) journal.Outcome {
		out := journal.Delivered(nil)
		if f != nil {
			out = f(ctx, e)
		}
		r.record(e)
		return out
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.j.Run(ctx) }()
	<-r.j.Started()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v", err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

func (r *rig) record(e *journal.Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got[e.Lane] = append(r.got[e.Lane], string(e.Payload))
	r.total++
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// calls is how often handlers were called.
func (r *rig) calls() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.total
}

// until waits for cond, asked again after each handler call.
func (r *rig) until(what string, cond func() bool) {
	r.t.Helper()
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		r.mu.Lock()
		ok := cond()
		r.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-r.wake:
		case <-tick.C:
		case <-deadline:
			r.t.Fatalf("%s did not come true; handled %v", what, r.got)
		}
	}
}

func (r *rig) append(entries ...journal.Draft) {
	r.t.Helper()
	if err := r.j.Append(r.t.Context(), entries, nil); err != nil {
		r.t.Fatal(err)
	}
}

func lane(n int64) journal.Lane { return journal.LaneOf(n, journal.In) }

func text(l journal.Lane, s string) journal.Draft {
	return journal.Draft{Lane: l, Kind: "message", Payload: []byte(s)}
}

// Entries of one lane are handled once and in order, and lanes side by side,
// also when there are more than memory holds.
func TestOrder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		r := start(t, open, journal.Options{Workers: 4}, nil)
		var wg sync.WaitGroup
		var mu sync.Mutex // makes the order of appends known
		next := map[int64]int{}
		const writers, each = 32, 40
		for w := range int64(writers) {
			n := w % 4 // four lanes of many writers
			wg.Go(func() {
				for range each {
					mu.Lock()
					res := make(chan error, 1)
					d := text(lane(n), fmt.Sprint(next[n]))
					next[n]++
					go func() { res <- r.j.Append(t.Context(), []journal.Draft{d}, nil) }()
					if n != 0 { // lane 0 is appended to concurrently: any order, but each once
						if err := <-res; err != nil {
							t.Error(err)
						}
						mu.Unlock()
						continue
					}
					mu.Unlock()
					if err := <-res; err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		r.until("all are handled and finished", func() bool { return r.total >= writers*each && unfinished(t, r.db) == 0 })
		slices.SortFunc(r.got[lane(0)], func(a, b string) int { return strings.Compare(fmt.Sprintf("%9s", a), fmt.Sprintf("%9s", b)) })
		for l, got := range r.got {
			if len(got) != writers/4*each {
				t.Errorf("lane %d: %d handled, want %d", l, len(got), writers/4*each)
			}
			for i, s := range got {
				if s != fmt.Sprint(i) {
					t.Fatalf("lane %d: position %d holds %s", l, i, s)
				}
			}
		}
	})
}

// unfinished counts what is not done.
func unfinished(t *testing.T, db *store.DB) (n int) {
	if _, err := db.One(t.Context(), "SELECT COUNT(*) FROM entry WHERE state < 5", nil, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestKnownKeyIsSkipped(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		r := start(t, open, journal.Options{}, nil)
		a := text(lane(1), "a")
		a.Key = journal.Key("x", "1")
		r.append(a, a)
		r.append(a, text(lane(1), "b"), text(lane(1), "b")) // no key: two happenings
		r.until("three are handled and finished", func() bool { return r.total >= 3 && unfinished(t, r.db) == 0 })
		r.stop()
		again := start(t, open, journal.Options{}, nil)
		again.append(a, text(lane(1), "end"))
		again.until("the end is handled", func() bool { return again.total >= 1 })
		if d := cmp.Diff([]string{"a", "b", "b"}, r.got[lane(1)]); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff([]string{"end"}, again.got[lane(1)]); d != "" {
			t.Error(d)
		}
	})
}

func TestKeyParts(t *testing.T) {
	if slices.Equal(journal.Key("a", "bc"), journal.Key("ab", "c")) {
		t.Error("different names have one key")
	}
}

// What fails inside the transaction leaves nothing, and a cursor commits with
// its entries.
func TestAppendIsOneTransaction(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		r := start(t, open, journal.Options{}, nil)
		boom := errors.New("boom")
		err := r.j.Append(t.Context(), []journal.Draft{text(lane(1), "lost")}, func(tx *store.Tx) error {
			return errors.Join(tx.SetCursor("n", "l", "c", []byte("1")), boom)
		})
		if !errors.Is(err, boom) {
			t.Fatalf("got %v", err)
		}
		if c, _ := r.db.Cursor(t.Context(), "n", "l", "c"); c != nil {
			t.Error("the cursor of a failed append is there")
		}
		err = r.j.Append(t.Context(), []journal.Draft{text(lane(1), "kept")}, func(tx *store.Tx) error { return tx.SetCursor("n", "l", "c", []byte("2")) })
		if err != nil {
			t.Fatal(err)
		}
		if c, _ := r.db.Cursor(t.Context(), "n", "l", "c"); string(c) != "2" {
			t.Errorf("cursor %q", c)
		}
		r.until("it is handled", func() bool { return r.total == 1 })
		if d := cmp.Diff([]string{"kept"}, r.got[lane(1)]); d != "" {
			t.Error(d)
		}
	})
}

// A head that fails is tried again before what is behind it, then becomes a
// dead letter that a person can retry or drop.
func TestRetryAndDeadLetter(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		var mu sync.Mutex
		broken := true
		dead := make(chan string, 4)
		o := journal.Options{Attempts: 3, Failed: func(_ context.Context, e *journal.Entry, words string) []journal.Draft {
			dead <- string(e.Payload) + ": " + words
			return []journal.Draft{text(lane(2), "about "+string(e.Payload))}
		}}
		r := start(t, open, o, func(_ context.Context, e *journal.Entry) journal.Outcome {
			mu.Lock()
			defer mu.Unlock()
			switch {
			case string(e.Payload) == "panic":
				panic("in a handler")
			case string(e.Payload) == "bad" && broken:
				return journal.RetryLater(errors.New("no"), "it does not work")
			case string(e.Payload) == "never":
				return journal.Fail(errors.New("no"), "never")
			}
			return journal.Delivered(nil)
		})
		r.append(text(lane(1), "bad"), text(lane(1), "panic"), text(lane(1), "never"), text(lane(1), "good"))
		r.until("the lane is through", func() bool { return slices.Contains(r.got[lane(1)], "good") })
		if d := cmp.Diff([]string{"bad: it does not work", "panic: an error in Causeway; the administrator finds it in the log", "never: never"}, []string{<-dead, <-dead, <-dead}); d != "" {
			t.Error(d)
		}
		r.until("each was told of", func() bool { return len(r.got[lane(2)]) == 3 })
		// The panicking handler does not reach record.
		if d := cmp.Diff([]string{"bad", "bad", "bad", "never", "good"}, r.got[lane(1)]); d != "" {
			t.Error(d)
		}
		items, err := r.j.List(t.Context(), false, 10)
		if err != nil || len(items) != 3 || items[0].Reason != "it does not work" || items[0].Attempts != 3 || items[0].State != journal.Failed {
			t.Fatalf("%+v %v", items, err)
		}
		mu.Lock()
		broken = false
		mu.Unlock()
		if err := r.j.Retry(t.Context(), items[0].ID); err != nil {
			t.Fatal(err)
		}
		r.until("the retried one is handled", func() bool { return len(r.got[lane(1)]) == 6 })
		for _, i := range items[1:] {
			if err := r.j.Drop(t.Context(), i.ID); err != nil {
				t.Error(err)
			}
		}
		if err := r.j.Drop(t.Context(), items[1].ID); !errors.Is(err, journal.ErrNoEntry) {
			t.Errorf("dropped twice: %v", err)
		}
		if err := r.j.Retry(t.Context(), items[1].ID); !errors.Is(err, journal.ErrNoEntry) {
			t.Errorf("retried what was dropped: %v", err)
		}
		r.until("nothing is left", func() bool { return unfinished(t, r.db) == 0 })
	})
}

// A parked lane waits without attempts, wakes on its cause, also if the cause
// went away while it was being parked, and survives a restart.
func TestPark(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		var mu sync.Mutex
		up := false
		isUp := func() bool { mu.Lock(); defer mu.Unlock(); return up }
		handler := func(_ context.Context, e *journal.Entry) journal.Outcome {
			if e.Lane == lane(1) && !isUp() {
				return journal.Park("net", func() bool { return !isUp() }, nil)
			}
			return journal.Delivered(nil)
		}
		r := start(t, open, journal.Options{Attempts: 2}, handler)
		r.append(text(lane(1), "a"), text(lane(1), "b"), text(lane(2), "c"))
		r.until("one is parked and the other lane goes on", func() bool { return r.total == 2 })
		for range 5 { // costs no attempts
			n := r.calls()
			r.until("it is tried", func() bool {
				r.j.Wake("net") // which finds nothing before it is parked
				return r.total > n
			})
		}
		r.j.Wake("other")
		r.until("it is stored as parked", func() bool {
			all, err := r.j.List(t.Context(), true, 10)
			return err == nil && len(all) == 2 && all[0].State == journal.Parked && all[0].Cause == "net" && all[0].Attempts == 0
		})
		r.stop()
		mu.Lock()
		up = true
		mu.Unlock()
		r = start(t, open, journal.Options{}, handler)
		r.until("both are handled after the restart", func() bool { return r.total == 2 })
		if d := cmp.Diff([]string{"a", "b"}, r.got[lane(1)]); d != "" {
			t.Error(d)
		}
	})
}

// The cause may go away between the handler's look and the parking.
func TestParkMissesNoWake(t *testing.T) {
	var r *rig
	calls := 0
	r = start(t, storetest.Source(t, storetest.SQLite(t)), journal.Options{}, func(context.Context, *journal.Entry) journal.Outcome {
		calls++
		if calls == 1 {
			r.j.Wake("net") // before it is parked
			return journal.Park("net", func() bool { return false }, nil)
		}
		return journal.Delivered(nil)
	})
	r.append(text(lane(1), "a"))
	r.until("it is delivered", func() bool { return r.total == 2 })
}

// Hung handlers hold up their own lanes only, even when there are more of them
// than workers.
func TestHungLanesDoNotStopOthers(t *testing.T) {
	hung := make(chan struct{})
	r := start(t, storetest.Source(t, storetest.SQLite(t)), journal.Options{Workers: 2, Grace: time.Second}, func(ctx context.Context, e *journal.Entry) journal.Outcome {
		if strings.HasPrefix(string(e.Payload), "hang") {
			select {
			case <-hung:
			case <-ctx.Done():
			}
		}
		return journal.Delivered(nil)
	})
	for n := range int64(6) {
		r.append(text(lane(n), "hang"))
	}
	for i := range 200 {
		r.append(text(lane(0), fmt.Sprint(i)))
	}
	r.append(text(lane(100), "free"))
	r.until("the free lane is handled", func() bool { return len(r.got[lane(100)]) == 1 })
	if len(r.got[lane(0)]) != 0 {
		t.Error("a message overtook the hung one of its lane")
	}
	close(hung)
	r.until("the rest follows", func() bool { return len(r.got[lane(0)]) == 201 })
}

// Wiped means wiped: no payload stays behind a finished entry.
func TestFinishedEntriesAreErased(t *testing.T) {
	r := start(t, storetest.Source(t, storetest.SQLite(t)), journal.Options{}, nil)
	r.append(text(lane(1), "very secret"))
	r.until("it is finished", func() bool { return unfinished(t, r.db) == 0 })
	var n int
	if _, err := r.db.One(t.Context(), "SELECT COUNT(*) FROM entry WHERE payload IS NOT NULL", nil, &n); err != nil || n != 0 {
		t.Errorf("%d payloads are left, %v", n, err)
	}
	if s := r.j.Stats(); s.Appended != 1 || s.Delivered != 1 || s.Lanes != 0 {
		t.Errorf("%+v", s)
	}
}

func TestBackoff(t *testing.T) {
	b := journal.Backoff{First: time.Second, Max: time.Minute}
	for n, mid := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 40: time.Minute} {
		for range 50 {
			if w := b.Wait(n); w < mid*3/4 || w > mid*5/4+1 {
				t.Fatalf("attempt %d: %v, want about %v", n, w, mid)
			}
		}
	}
}

func BenchmarkJournal(b *testing.B) {
	for _, lanes := range []int64{1, 100} {
		b.Run(fmt.Sprint(lanes, "-lanes"), func(b *testing.B) {
			db, stop, err := storetest.Start(storetest.SQLite(b))
			if err != nil {
				b.Fatal(err)
			}
			defer stop()
			var wg sync.WaitGroup
			j := journal.New(journal.Options{DB: db, Log: slog.New(slog.DiscardHandler)}, func(context.Context, *journal.Entry) journal.Outcome {
				wg.Done()
				return journal.Delivered(nil)
			})
			ctx, cancel := context.WithCancel(b.Context())
			done := make(chan error, 1)
			go func() { done <- j.Run(ctx) }()
			<-j.Started()
			wg.Add(b.N)
			sem := make(chan struct{}, 256)
			b.ResetTimer()
			for i := range b.N {
				sem <- struct{}{}
				go func() {
					if err := j.Append(ctx, []journal.Draft{text(lane(int64(i)%lanes), "hello, this is a message of usual length")}, nil); err != nil {
						b.Error(err)
					}
					<-sem
				}()
			}
			wg.Wait()
			b.StopTimer()
			cancel()
			<-done
		})
	}
}
