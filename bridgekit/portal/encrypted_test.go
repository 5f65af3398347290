package portal

import (
	"encoding/json"
	"log/slog"
	"reflect"
	"slices"
	"testing"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/markup"
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
			if err := s.setAside(t.Context(), &journal.Entry{ID: 7, Key: []byte("key")}, k); err != nil {
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

// A message that was set aside says that it comes late. Others do not, however far the
// homeserver's clock is behind ours.
func TestMarkLate(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		db := open()
		s := &Service{db: db, j: journal.New(journal.Options{DB: db, Log: slog.New(slog.DiscardHandler)}, nil)}
		aside := &journal.Entry{ID: 7, Key: []byte("aside"), Created: time.Now(), Tried: true}
		if err := s.setAside(t.Context(), aside, &crypt.NoKey{Room: "!room:test", Session: "session"}); err != nil {
			t.Fatal(err)
		}
		for _, one := range []struct {
			e    *journal.Entry
			want string
		}{
			{aside, "(late, from 04:05 UTC) hello"},
			{&journal.Entry{ID: 8, Key: []byte("tried"), Created: time.Now(), Tried: true}, "hello"},
			{&journal.Entry{ID: 9, Key: []byte("new"), Created: time.Now()}, "hello"},
		} {
			at := time.Date(2026, 1, 2, 4, 5, 6, 0, time.UTC)
			o := &outbound{Service: s, e: one.e, evt: &rawEvent{TS: at.UnixMilli()}, encrypted: true}
			c := network.Content{Parts: []network.Part{{Text: markup.Plain("hello")}}}
			if err := o.markLate(t.Context(), &c); err != nil || c.Parts[0].Text.String() != one.want {
				t.Errorf("%s: %q, %v; want %q", one.e.Key, c.Parts[0].Text, err, one.want)
			}
		}
	})
}

// What was removed before the homeserver pushed it has nothing left to decrypt, and is
// no failure.
func TestRemovedBeforeItWasPushed(t *testing.T) {
	s := &Service{}
	for content, gone := range map[string]bool{`{}`: true, `{"algorithm":"m.megolm.v1.aes-sha2","ciphertext":"x"}`: false} {
		evt := &rawEvent{ID: "$1", Type: event.EventEncrypted.Type, Content: json.RawMessage(content)}
		_, _, out := s.clear(t.Context(), &journal.Entry{}, evt)
		if out == nil || reflect.DeepEqual(*out, journal.Delivered(nil)) != gone {
			t.Errorf("%s: %+v, want it delivered: %v", content, out, gone)
		}
	}
}
