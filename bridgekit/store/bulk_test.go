package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
)

// facts is a Bulk on a table that has few columns.
func facts(tail string) store.Bulk {
	return store.Bulk{Head: "INSERT INTO fact (name, value) VALUES ", Row: "(?, ?)", Tail: tail}
}

// Numbers grow in the order of a statement's rows, whatever their number: a lane's
// order depends on it.
func TestBulkNumbers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		db := open()
		rows := store.Bulk{Head: "INSERT INTO entry (lane, key, kind, target, state, created, changed) VALUES ", Row: "(1, ?, ?, '', 0, 0, 0)", Tail: " ON CONFLICT (key) DO NOTHING"}
		for _, n := range []int{1, 4, 16, 64} {
			var args []any
			var want []string
			for i := range n {
				kind := fmt.Sprintf("%d of %d", i, n)
				args, want = append(args, []byte(kind), kind), append(want, kind)
			}
			var got []string
			write(t, db, func(tx *store.Tx) error {
				_, err := tx.Exec(rows.Text(n), args...)
				return err
			})
			err := db.All(t.Context(), "SELECT kind FROM entry WHERE kind LIKE ? ORDER BY id", []any{fmt.Sprint("% of ", n)}, func(r *sql.Rows) error {
				var kind string
				err := r.Scan(&kind)
				got = append(got, kind)
				return err
			})
			if d := cmp.Diff(want, got); d != "" || err != nil {
				t.Errorf("%d rows: %v %s", n, err, d)
			}
		}
	})
}

// What was added is written before the next statement and before the commit, all of
// it, and nothing of an operation that fails or panics.
func TestAdd(t *testing.T) {
	add := func(tx *store.Tx, from, to int) {
		for i := from; i < to; i++ {
			tx.Add(facts(""), nil, []any{fmt.Sprint(i), "v"})
		}
	}
	count := func(tx *store.Tx) (n int, err error) {
		_, err = tx.One("SELECT COUNT(*) FROM fact", nil, &n)
		return n, err
	}
	tests := map[string]struct {
		do   func(tx *store.Tx) error
		want int
		ok   bool
	}{
		"one":          {func(tx *store.Tx) error { add(tx, 0, 1); return nil }, 1, true},
		"of all sizes": {func(tx *store.Tx) error { add(tx, 0, 64+16+4+3); return nil }, 87, true},
		"seen by the next statement": {func(tx *store.Tx) error {
			add(tx, 0, 5)
			n, err := count(tx)
			if err == nil && n != 5 {
				err = fmt.Errorf("it sees %d rows", n)
			}
			add(tx, 5, 7)
			return err
		}, 7, true},
		"refused by the database": {func(tx *store.Tx) error { add(tx, 0, 70); add(tx, 0, 1); return nil }, 0, false},
		"failed":                  {func(tx *store.Tx) error { add(tx, 0, 9); return errors.New("no") }, 0, false},
		"panicked":                {func(tx *store.Tx) error { add(tx, 0, 9); panic("no") }, 0, false},
	}
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		db := open()
		for name, test := range tests {
			write(t, db, func(tx *store.Tx) error {
				_, err := tx.Exec("DELETE FROM fact")
				return err
			})
			if err := db.Write(t.Context(), 1, test.do); (err == nil) != test.ok {
				t.Errorf("%s: %v", name, err)
			}
			var n int
			if _, err := db.One(t.Context(), "SELECT COUNT(*) FROM fact", nil, &n); err != nil || n != test.want {
				t.Errorf("%s: %d rows, want %d, %v", name, n, test.want, err)
			}
		}
	})
}

// One operation of a group that fails, by what it added, takes no other down.
func TestAddGroup(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		db := open()
		held, release, res := make(chan struct{}), make(chan struct{}), make(chan error, 3)
		queue := func(op *store.Op) {
			t.Helper()
			if err := db.Queue(t.Context(), op); err != nil {
				t.Fatal(err)
			}
		}
		queue(&store.Op{Do: func(*store.Tx) error { return nil }, Done: func(error) { close(held); <-release }})
		<-held
		for _, name := range []string{"a", "", "b"} {
			queue(&store.Op{Done: func(err error) { res <- err }, Do: func(tx *store.Tx) error {
				tx.Add(facts(""), nil, []any{name, "v"})
				if name == "" {
					tx.Add(facts(""), nil, []any{name, "again"}) // the name is taken
				}
				return nil
			}})
		}
		close(release)
		if a, bad, b := <-res, <-res, <-res; a != nil || bad == nil || b != nil {
			t.Errorf("outcomes %v, %v, %v", a, bad, b)
		}
		var n int
		if _, err := db.One(t.Context(), "SELECT COUNT(*) FROM fact", nil, &n); err != nil || n != 2 {
			t.Errorf("%d rows, %v", n, err)
		}
	})
}
