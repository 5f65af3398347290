package bridgekit_test

import (
	"slices"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/memnet"
)

// A channel's alias leads to its room, whether the room was made for the alias or
// was there before.
func TestAlias(t *testing.T) {
	for _, used := range []bool{true, false} {
		r := newRig(t, rigOptions{net: memnet.Options{Relay: "relay"}})
		r.start()
		r.net.Channel("lobby", "carol")
		if used {
			r.net.Channel("lobby", "relay", "carol")
			if _, err := r.net.User("carol").Say("lobby", "before"); err != nil {
				t.Fatal(err)
			}
			r.room("lobby")
		}
		room := r.alice.Join("#_cw_mem.test_lobby:test")
		if _, err := r.net.User("carol").Say("lobby", "after"); err != nil {
			t.Fatal(err)
		}
		r.wait("the message", func() bool { return slices.Contains(r.bodies(room), "after") })
		if used != slices.Contains(r.bodies(room), "before") {
			t.Errorf("used before: %v, messages %v", used, r.bodies(room))
		}
		r.alice.SendText(room, "hello")
		r.waitNet("the answer", func() bool { return len(r.net.Texts("lobby", "relay")) > 0 })
	}
}
