package matrix

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"maunium.net/go/mautrix/id"

	mt "github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

// Many lanes need the same new ghost at once: it is made once.
func TestEnsureMerged(t *testing.T) {
	virtual(t, mt.Options{}, func(w *world) {
		room := w.room()
		w.counts()
		w.hs.Faults.Set(func(mt.Call) mt.Fault { return mt.Fault{Latency: time.Second} })
		var g sync.WaitGroup
		for i := range 20 {
			g.Go(func() {
				if _, err := w.h.Send(w.Context(), w.message(room, fmt.Sprint(i), "x")); err != nil {
					t.Error(err)
				}
			})
		}
		g.Wait()
		c := w.counts()
		if c[mt.RouteRegister] != 1 || c[mt.RouteInvite] != 1 || c[mt.RouteJoinRoom] != 1 || c[mt.RouteSend] != 20 {
			t.Errorf("requests: %v", c)
		}
	})
}

// Short rate limits are waited for while a ghost is made, long ones are not.
func TestEnsureRateLimited(t *testing.T) {
	virtual(t, mt.Options{}, func(w *world) {
		room := w.room()
		w.failOnce(mt.RouteInvite, mt.Fault{Status: 429, RetryAfter: 5 * time.Second})
		start := time.Now()
		w.must(w.h.EnsureJoined(w.Context(), room, w.ghost))
		if d := time.Since(start); d != 5*time.Second {
			t.Errorf("waited %v", d)
		}
		w.failOnce(mt.RouteInvite, mt.Fault{Status: 429, RetryAfter: time.Minute})
		err := w.h.EnsureJoined(w.Context(), room, w.h.GhostID("net", "other"))
		w.wantKind(err, RateLimited)
	})
}

func TestProfile(t *testing.T) {
	w := newWorld(t, mt.Options{})
	p := Profile{Name: "Bob", Avatar: id.ContentURI{Homeserver: "test", FileID: "x"}}
	w.must(w.h.SetProfile(w.Context(), w.ghost, p))
	if c := w.counts(); c[mt.RouteProfile] != 2 || total(c) != 3 {
		t.Errorf("first time: %v", c)
	}
	w.must(w.h.SetProfile(w.Context(), w.ghost, p))
	if c := w.counts(); total(c) != 0 {
		t.Errorf("unchanged: %v", c)
	}
	w.failOnce(mt.RouteProfile, mt.Fault{Status: 500})
	p.Name = "Bobby"
	w.wantKind(w.h.SetProfile(w.Context(), w.ghost, p), Server)
	w.must(w.h.SetProfile(w.Context(), w.ghost, p))
	if got := w.hs.Profile(string(w.ghost), "displayname"); got != "Bobby" {
		t.Errorf("name is %q", got)
	}
	if c := w.counts(); c[mt.RouteProfile] != 2 || total(c) != 2 {
		t.Errorf("changed name: %v", c)
	}
	w.wantKind(w.h.SetProfile(w.Context(), w.aliceID(), p), NotAllowed)
}
