package store_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
)

// What was learned is known before it is stored, whatever memory has to forget.
func TestLearnedIsNotForgotten(t *testing.T) {
	db, ctx := storetest.Source(t, storetest.SQLite(t))(), t.Context()
	f := store.NewFacts(db)
	const known, some = 8192, 100 // as many as memory keeps, and some of them
	for i := range known {
		if err := f.Learn(ctx, fmt.Sprint(i), "old"); err != nil {
			t.Fatal(err)
		}
	}
	write(t, db, func(*store.Tx) error { return nil })
	held, over := make(chan struct{}), make(chan struct{})
	hold := &store.Op{Do: func(*store.Tx) error { return nil }, Done: func(error) { close(held); <-over }}
	if err := db.Queue(ctx, hold); err != nil {
		t.Fatal(err)
	}
	<-held
	for i := range some {
		if err := f.Learn(ctx, fmt.Sprint(i), "new"); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 2000 { // others come, and all are asked for
		if err := f.Learn(ctx, fmt.Sprint("more", i), "x"); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		for i := known - 1; i >= 0; i-- {
			want := "old"
			if i < some {
				want = "new"
			}
			if got, err := f.Fact(ctx, fmt.Sprint(i)); err != nil || got != want {
				err = errors.Join(err, fmt.Errorf("fact %d is %q, not %q", i, got, want))
				close(over)
				t.Fatal(err)
			}
		}
	}
	close(over)
	write(t, db, func(*store.Tx) error { return nil })
	for i := range some {
		if got, err := f.Fact(ctx, fmt.Sprint(i)); err != nil || got != "new" {
			t.Errorf("stored, fact %d is %q (%v)", i, got, err)
		}
	}
}

// That there is no fact is known like one: a message asks for some that are almost
// never there.
func TestAbsentFactIsKnown(t *testing.T) {
	db, ctx := storetest.Source(t, storetest.SQLite(t))(), t.Context()
	f := store.NewFacts(db)
	check := func(what, want string) {
		t.Helper()
		if got, err := f.Fact(ctx, "a"); err != nil || got != want {
			t.Errorf("%s: %q, %v", what, got, err)
		}
	}
	check("at first", "")
	write(t, db, func(tx *store.Tx) error { // past Facts, which would know
		_, err := tx.Exec("INSERT INTO fact (name, value) VALUES ('a', 'unseen')")
		return err
	})
	check("asked again", "")
	if err := f.SetFact(ctx, "a", "set"); err != nil {
		t.Fatal(err)
	}
	check("set", "set")
	if err := f.SetFact(ctx, "a", ""); err != nil {
		t.Fatal(err)
	}
	check("removed", "")
	if err := f.Learn(ctx, "a", "learned"); err != nil {
		t.Fatal(err)
	}
	check("learned", "learned")
	write(t, db, func(*store.Tx) error { return nil })
	check("stored", "learned")
}
