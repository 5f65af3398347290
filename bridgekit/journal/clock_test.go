package journal_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
)

// The clock is put back by hours while nothing runs: what waited for a moment does
// not wait for hours, and nothing comes from the future.
func TestClockPutBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		later := func(context.Context, *journal.Entry) journal.Outcome {
			return journal.RetryIn(50*time.Millisecond, nil)
		}
		r := start(t, open, journal.Options{}, later)
		r.append(text(lane(1), "a"), text(lane(1), "b"))
		r.until("it waits", func() bool { return r.total > 0 })
		r.stop()
		err := r.db.Write(t.Context(), 1, func(tx *store.Tx) error {
			const hours = 5 * 3600 * 1000
			_, err := tx.Exec("UPDATE entry SET created = created + ?, changed = changed + ?, due = CASE WHEN due > 0 THEN due + ? ELSE 0 END", hours, hours, hours)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		r = start(t, open, journal.Options{}, func(_ context.Context, e *journal.Entry) journal.Outcome {
			if e.Created.After(time.Now()) {
				t.Errorf("%s was stored at %v", e.Payload, e.Created)
			}
			return journal.Delivered(nil)
		})
		r.until("both are delivered", func() bool { return r.total == 2 })
	})
}

// How long something waits is stored as it was told, whatever the clock does until that
// is written: both times are of one reading.
func TestWaitIsOfOneReading(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		r := start(t, open, journal.Options{}, func(context.Context, *journal.Entry) journal.Outcome {
			return journal.RetryIn(time.Hour, errors.New("not now"))
		})
		r.append(text(lane(1), "a"))
		var waits int64
		r.until("it waits", func() bool {
			err := r.db.All(t.Context(), "SELECT due - changed FROM entry WHERE due > 0", nil, func(row *sql.Rows) error { return row.Scan(&waits) })
			if err != nil {
				t.Fatal(err)
			}
			return waits != 0
		})
		if want := time.Hour.Milliseconds(); waits != want {
			t.Errorf("it waits %d ms, want %d", waits, want)
		}
	})
}
