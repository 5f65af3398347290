package bridgekit_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

// A new chat's room, its place in the space and its first message, by somebody new,
// are six requests in all.
func TestRequestsOfNewPortal(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.solo()
		r.net.Group("before", "alice", "carol") // makes the spaces
		r.say("carol", "before", "hello")
		r.sees(r.room("before"), "hello")
		space := r.room("alice on Memnet")
		r.wait("the first room's place", func() bool { return len(r.children(space)) == 1 })
		r.net.Group("team", "alice", "dave")
		rest()
		r.hs.ResetRequests()

		r.say("dave", "team", "first")
		room := r.room("team")
		r.sees(room, "first")
		r.wait("its place", func() bool { return len(r.children(space)) == 2 })
		rest()
		asked := r.hs.Requests()
		if len(asked.Log) > 6 {
			t.Errorf("%d requests: %v", len(asked.Log), asked.Log)
		}
		for _, once := range []string{matrixtest.RouteCreateRoom, matrixtest.RouteRegister, matrixtest.RouteSend} {
			if asked.Count[once] != 1 {
				t.Errorf("%d requests of %s", asked.Count[once], once)
			}
		}
		r.hs.ResetRequests()
		r.say("dave", "team", "second")
		r.sees(room, "second")
		rest()
		if log := r.hs.Requests().Log; len(log) != 1 {
			t.Errorf("the next message: %v", log)
		}
	})
}

// rest lets everything happen that is due within a minute of the bubble's time.
func rest() {
	time.Sleep(time.Minute)
	synctest.Wait()
}
