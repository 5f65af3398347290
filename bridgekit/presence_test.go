package bridgekit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

// Who is there on a network is shown with their status text, told again while they are,
// and what changes quickly is told once.
func TestPresence(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.solo().portal("team")
		r.say("carol", "team", "hello")
		r.wait("carol has a ghost", func() bool { return r.hs.Profile(ghost("carol"), "displayname") != "" })
		shown := func(state, words string) func() bool {
			return func() bool {
				s, w := r.hs.Presence(ghost("carol"))
				return s == state && w == words
			}
		}
		carol := r.net.User("carol")
		r.net.User("stranger").Appear(true, "") // nobody has met them
		carol.Appear(true, "at lunch")
		r.wait("carol is there", shown("online", "at lunch"))
		told := r.hs.Requests().Count[matrixtest.RoutePresence]
		time.Sleep(time.Minute)
		if n := r.hs.Requests().Count[matrixtest.RoutePresence] - told; n < 2 || n > 3 {
			t.Errorf("in a minute that is told %d times again, want 2 or 3", n)
		}
		told = r.hs.Requests().Count[matrixtest.RoutePresence]
		for i := range 50 {
			carol.Appear(i%2 == 0, fmt.Sprint("status ", i))
		}
		carol.Appear(false, "")
		r.wait("carol is gone", shown("offline", ""))
		if n := r.hs.Requests().Count[matrixtest.RoutePresence] - told; n > 5 {
			t.Errorf("50 changes at once are told %d times", n)
		}
		told = r.hs.Requests().Count[matrixtest.RoutePresence]
		time.Sleep(time.Minute)
		r.equal("told of who is gone", int64(0), r.hs.Requests().Count[matrixtest.RoutePresence]-told)
	})
}

// A login that is away keeps nobody there, and none is told if the configuration says so.
func TestPresenceEnds(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.solo().portal("team")
		r.say("carol", "team", "hello")
		r.wait("carol has a ghost", func() bool { return r.hs.Profile(ghost("carol"), "displayname") != "" })
		r.net.User("carol").Appear(true, "")
		state := func() string { s, _ := r.hs.Presence(ghost("carol")); return s }
		r.wait("carol is there", func() bool { return state() == "online" })
		up := r.net.Down()
		r.wait("nobody can tell any more", func() bool { return state() == "offline" })
		up()
	})
	virtual(t, rigOptions{config: func(c *config.Config) { c.Limits.Presence = 0 }}, func(r *rig) {
		r.solo().portal("team")
		r.say("carol", "team", "hello")
		r.net.User("carol").Appear(true, "")
		time.Sleep(time.Minute)
		r.equal("requests", int64(0), r.hs.Requests().Count[matrixtest.RoutePresence])
	})
}
