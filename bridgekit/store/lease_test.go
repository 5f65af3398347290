package store_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
)

// setFact is any write.
func setFact(db *store.DB, value string) error {
	return db.Write(context.Background(), 1, func(tx *store.Tx) error {
		_, err := tx.Exec("INSERT INTO fact (name, value) VALUES ('x', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", value)
		return err
	})
}

// One process has the lease; when it gives it up or does not show, another gets
// it, and nothing of the first is stored any more.
func TestLease(t *testing.T) {
	open := storetest.Source(t, storetest.Postgres(t))
	ctx, log := t.Context(), slog.New(slog.DiscardHandler)
	one, two := open(), open()
	const long = 20 * time.Second // it does not end by itself while the test runs
	a, b := one.Lease("a", long, log), two.Lease("b", long, log)
	if err := a.Claim(ctx); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if err := b.Claim(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("two have the lease: %v", err)
	}
	if err := errors.Join(setFact(one, "a"), setFact(two, "from one that stands by")); err != nil {
		t.Fatal(err)
	}
	if got := b.Holder(ctx); got != "a" {
		t.Errorf("the holder is %q", got)
	}
	hasten(t, two)
	if err := b.Claim(ctx); err != nil { // a does not renew it
		t.Fatal(err)
	}
	if err := setFact(one, "from one that was declared dead"); !errors.Is(err, store.ErrFenced) {
		t.Errorf("it could write: %v", err)
	}
	if err := a.Keep(ctx, func(bool) {}, func() {}); !errors.Is(err, store.ErrFenced) {
		t.Errorf("it could renew: %v", err)
	}
	if err := a.Release(); err != nil { // of what it does not have
		t.Error(err)
	}
	if err := setFact(two, "b"); err != nil {
		t.Error(err)
	}
	if err := b.Release(); err != nil {
		t.Error(err)
	}
	if err := a.Claim(ctx); err != nil {
		t.Error(err)
	}
	if err := setFact(one, "a again"); err != nil {
		t.Error(err)
	}
}

// hasten has the lease end in a moment.
func hasten(t *testing.T, db *store.DB) {
	t.Helper()
	err := db.Write(t.Context(), 1, func(tx *store.Tx) error {
		_, err := tx.Exec("UPDATE lease SET until = until - 19900")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// renewed waits until the lease lasts longer than it did.
func renewed(t *testing.T, db *store.DB) {
	t.Helper()
	until := func() (at int64) {
		if _, err := db.One(t.Context(), "SELECT until FROM lease", nil, &at); err != nil {
			t.Fatal(err)
		}
		return at
	}
	deadline, tick := time.After(2*time.Minute), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	for before := until(); until() <= before; {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("the lease is not renewed")
		}
	}
}

// A kept lease stays; when the database does not answer there is doubt, and none
// when it answers again.
func TestLeaseDoubt(t *testing.T) {
	open := storetest.Source(t, storetest.Postgres(t))
	ctx, log := t.Context(), slog.New(slog.DiscardHandler)
	one, two := open(), open()
	a := one.Lease("a", 300*time.Millisecond, log)
	if err := a.Claim(ctx); err != nil {
		t.Fatal(err)
	}
	doubts, lapsed, kept := make(chan bool, 10), make(chan struct{}, 10), make(chan error, 1)
	keeping, stop := context.WithCancel(ctx)
	go func() { kept <- a.Keep(keeping, func(d bool) { doubts <- d }, func() { lapsed <- struct{}{} }) }()
	// The lease's row is locked by somebody, as by a database that hangs.
	locked, unlock := make(chan struct{}), make(chan struct{})
	over := make(chan error, 1)
	go func() {
		over <- two.Write(ctx, 1, func(tx *store.Tx) error {
			_, err := tx.One("SELECT 1 FROM lease FOR UPDATE", nil, new(int))
			close(locked)
			<-unlock
			return err
		})
	}()
	<-locked
	if !<-doubts {
		t.Error("no doubt while it cannot be renewed")
	}
	<-lapsed
	close(unlock)
	if err := <-over; err != nil {
		t.Error(err)
	}
	if <-doubts {
		t.Error("still in doubt")
	}
	renewed(t, two)
	stop()
	if err := <-kept; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// What a transaction tells is heard by the others when it commits.
func TestListen(t *testing.T) {
	open := storetest.Source(t, storetest.Postgres(t))
	one, two := open(), open()
	ctx, cancel := context.WithCancel(t.Context())
	missed, heard, done := make(chan struct{}, 1), make(chan string, 2), make(chan error, 1)
	go func() {
		done <- one.Listen(ctx, slog.New(slog.DiscardHandler), func() { missed <- struct{}{} }, func(s string) { heard <- s })
	}()
	<-missed
	failed := two.Write(ctx, 1, func(tx *store.Tx) error {
		return errors.Join(tx.Notify("rolled back"), errors.New("fails"))
	})
	if failed == nil {
		t.Error("no error")
	}
	if err := two.Write(ctx, 1, func(tx *store.Tx) error { return tx.Notify("committed") }); err != nil {
		t.Fatal(err)
	}
	if got := <-heard; got != "committed" {
		t.Errorf("heard %q", got)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Who gives the lease up has written what it had queued: the successor must not
// find without an end what was delivered.
func TestReleaseWritesFirst(t *testing.T) {
	open := storetest.Source(t, storetest.Postgres(t))
	one, two := open(), open()
	a := one.Lease("a", time.Minute, slog.New(slog.DiscardHandler))
	if err := a.Claim(t.Context()); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	err := one.Queue(t.Context(), &store.Op{Urgency: store.Later, Do: func(tx *store.Tx) error {
		_, err := tx.Exec("INSERT INTO fact (name, value) VALUES ('end', 'of a')")
		return err
	}, Done: func(err error) { ended <- err }})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Release(); err != nil {
		t.Fatal(err)
	}
	if err := two.Lease("b", time.Minute, slog.New(slog.DiscardHandler)).Claim(t.Context()); err != nil {
		t.Fatal(err)
	}
	var value string
	if _, err := two.One(t.Context(), "SELECT value FROM fact WHERE name = 'end'", nil, &value); err != nil || value != "of a" {
		t.Errorf("the successor sees %q, %v", value, err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// Several processes that start on an empty database at the same time bring its
// schema up to date once.
func TestMigrateTogether(t *testing.T) {
	source := storetest.Postgres(t)
	errs := make(chan error)
	const processes = 4
	for range processes {
		go func() {
			db, err := store.Open(t.Context(), source, storetest.Key())
			if err == nil {
				err = db.Close()
			}
			errs <- err
		}()
	}
	for range processes {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}
