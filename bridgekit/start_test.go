package bridgekit_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit"
)

// A journal that cannot be loaded ends the bridge with its error.
func TestJournalUnreadable(t *testing.T) {
	r := newRig(t, rigOptions{})
	b, err := bridgekit.New(t.Context(), r.opts)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", r.opts.Config.Database.Source)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec("ALTER TABLE entry RENAME TO elsewhere")
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	select {
	case err := <-done:
		if err == nil || errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it hangs")
	}
}
