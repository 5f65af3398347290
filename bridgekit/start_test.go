package bridgekit_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
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
	case <-time.After(2 * time.Minute):
		t.Fatal("it hangs")
	}
}

// While the database refuses to note that a call begins, nothing is sent, and it costs
// the message none of its attempts.
func TestBeginRefused(t *testing.T) {
	features := memnet.DefaultFeatures()
	features.Once = network.OnceNever
	virtual(t, rigOptions{net: memnet.Options{Features: &features}}, func(r *rig) {
		room := r.solo().portal("team")
		db, err := sql.Open("sqlite", "file:"+r.opts.Config.Database.Source+"?_pragma=busy_timeout(10000)")
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec("CREATE TRIGGER refuse BEFORE UPDATE ON entry WHEN NEW.state = 1 BEGIN SELECT RAISE(ABORT, 'disk full'); END"); err != nil {
			t.Fatal(err)
		}
		r.alice.SendText(room, "mine")
		time.Sleep(time.Hour)
		r.equal("on the network", []string(nil), unsettled(r.net.Texts("team", "alice")))
		if _, err := db.Exec("DROP TRIGGER refuse"); err != nil {
			t.Fatal(err)
		}
		r.hears("team", "alice", "mine")
		r.settle("team", room)
		r.equal("notices", []string(nil), r.notices(room))
	})
}
