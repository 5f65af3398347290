package bridgekit_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

// text is a message's body.
func text(e *matrixtest.Event) string {
	var c struct {
		Body string `json:"body"`
	}
	if json.Unmarshal(e.Content, &c) != nil {
		return ""
	}
	return c.Body
}

// A message crosses both ways through a room that is made for it.
func TestMessagesBothWays(t *testing.T) {
	r := newRig(t, rigOptions{})
	r.start()
	r.signIn()
	r.net.Group("team", "alice", "carol", "dave")
	if _, err := r.net.User("carol").Say("team", "hello from the network"); err != nil {
		t.Fatal(err)
	}
	room := r.room("team")
	r.wait("the message", func() bool { return slices.Contains(r.bodies(room), "hello from the network") })
	r.alice.Join(room)
	r.alice.SendText(room, "hello from Matrix")
	r.waitNet("the answer", func() bool { return slices.Contains(r.net.Texts("team", "alice"), "hello from Matrix") })
	if _, err := r.net.User("dave").Say("team", "bye"); err != nil {
		t.Fatal(err)
	}
	r.wait("the last message", func() bool { return slices.Contains(r.bodies(room), "bye") })
	if d := cmp.Diff([]string{"hello from the network", "hello from Matrix", "bye"}, r.bodies(room)); d != "" {
		t.Error(d)
	}
	for _, id := range r.hs.Rooms() { // the password is nowhere
		for _, e := range r.hs.Room(id).Timeline {
			if text(e) == "secret" {
				t.Errorf("the password is still in %s", e.Content)
			}
		}
	}
}
