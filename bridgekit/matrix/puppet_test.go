package matrix

import (
	"testing"
	"time"

	"maunium.net/go/mautrix/id"

	mt "github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

// A yes lasts until a call is refused, whatever it was for; then it is a no for a
// minute and no longer. Who declines is not asked about.
func TestPuppetTurns(t *testing.T) {
	virtual(t, mt.Options{}, func(w *world) {
		alice, room := w.aliceID(), w.room()
		state := func(ask bool) PuppetState {
			t.Helper()
			st, _, err := w.h.PuppetState(w.Context(), alice, ask)
			w.must(err)
			return st
		}
		if got := state(false); got != PuppetUnknown {
			t.Errorf("before anybody asked: %s", got)
		}
		if got := state(true); got != PuppetOn {
			t.Errorf("asked: %s", got)
		}
		w.failOnce(mt.RouteTyping, mt.Fault{Status: 401, Code: "M_UNKNOWN_TOKEN"})
		if err := w.h.Typing(w.Context(), room, alice, time.Second); KindOf(err) != Auth {
			t.Fatal("typing:", err)
		}
		if got := state(false); got != PuppetRefused {
			t.Errorf("after a refusal: %s", got)
		}
		if ok, err := w.h.Puppet(w.Context(), alice); ok || err != nil {
			t.Errorf("right after a refusal: %t, %v", ok, err)
		}
		time.Sleep(puppetRetry)
		if ok, err := w.h.Puppet(w.Context(), alice); !ok || err != nil {
			t.Errorf("a minute after a refusal: %t, %v", ok, err)
		}
		w.h.DeclinePuppet(alice, true)
		w.counts()
		if ok, _ := w.h.Puppet(w.Context(), alice); ok || state(true) != PuppetDeclined || total(w.counts()) != 0 {
			t.Error("who has declined is spoken for, or asked about")
		}
		w.h.DeclinePuppet(alice, false)
		if ok, _ := w.h.Puppet(w.Context(), alice); !ok || state(false) != PuppetOn {
			t.Error("who has changed their mind is not spoken for")
		}
		for u, want := range map[string]PuppetState{"@bob:elsewhere": PuppetForeign, string(w.ghost): PuppetForeign, "@nobody:test": PuppetRefused} {
			if got, _, err := w.h.PuppetState(w.Context(), id.UserID(u), true); got != want || err != nil {
				t.Errorf("%s: %s, %v", u, got, err)
			}
		}
	})
}
