package portal

import (
	"log/slog"
	"slices"
	"testing"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/matrix/crypt"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
)

// A session's key may come again, and may be missed again, after what waited for it
// was taken up.
func TestSetAsideAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		db := open()
		s := &Service{db: db, j: journal.New(journal.Options{DB: db, Log: slog.New(slog.DiscardHandler)}, nil)}
		k := &crypt.NoKey{Room: "!room:test", Session: id.SessionID("session")}
		name := keyCause(k.Room, k.Session)
		for range 2 {
			if err := s.setAside(t.Context(), 7, k); err != nil {
				t.Fatal(err)
			}
			if waiting, err := s.waitingFor(t.Context(), name); err != nil || !slices.Equal(waiting, []int64{7}) {
				t.Fatalf("%v wait, %v", waiting, err)
			}
			for range 2 {
				if err := s.takeUp(t.Context(), name); err != nil {
					t.Fatal(err)
				}
			}
		}
		if names, err := db.KVNames(t.Context(), "", asideLogin); err != nil || len(names) > 0 {
			t.Errorf("%q is kept, %v", names, err)
		}
		// An earlier version kept an empty list.
		if err := s.aside().Set(t.Context(), name, nil); err != nil {
			t.Fatal(err)
		}
		if waiting, err := s.waitingFor(t.Context(), name); err != nil || len(waiting) > 0 {
			t.Errorf("%v wait, %v", waiting, err)
		}
	})
}

// Late is what was set aside because its key was missing, and not what the homeserver
// kept while Causeway was away.
func TestMarkLate(t *testing.T) {
	said := time.Now().Add(-time.Hour)
	for name, one := range map[string]struct {
		encrypted, tried bool
		created          time.Time
		want             string
	}{
		"its key came late":           {true, true, said.Add(10 * time.Minute), said.UTC().Format("(late, from 15:04 UTC) ") + "hello"},
		"the homeserver had kept it":  {true, false, said.Add(10 * time.Minute), "hello"},
		"tried again in time":         {true, true, said.Add(time.Second), "hello"},
		"never encrypted, and failed": {false, true, said.Add(10 * time.Minute), "hello"},
	} {
		o := &outbound{encrypted: one.encrypted, e: &journal.Entry{Tried: one.tried, Created: one.created}, evt: &rawEvent{TS: said.UnixMilli()}}
		c := network.Text("hello")
		if o.markLate(&c); c.Parts[0].Text.String() != one.want {
			t.Errorf("%s: it says %q, not %q", name, c.Parts[0].Text.String(), one.want)
		}
	}
}
