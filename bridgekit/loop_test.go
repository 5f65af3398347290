package bridgekit_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// calls counts what the bridge asks of the network, by operation.
func (r *rig) calls() func(op string) int {
	var mu sync.Mutex
	count := map[string]int{}
	r.net.Fail(func(op string, _ network.ChatID) error {
		mu.Lock()
		defer mu.Unlock()
		count[op]++
		return nil
	})
	return func(op string) int {
		mu.Lock()
		defer mu.Unlock()
		return count[op]
	}
}

// Two people of the homeserver are signed in and in one chat, so each one's login
// sees what the other one's account does. Nothing that a person does on one side
// comes back to it from the other.
func TestNoLoops(t *testing.T) {
	setup := func(r *rig) (room string, calls func(op string) int) {
		r.withLogins("@alice:test alice", "@bob:test bob")
		r.net.Group("team", "alice", "bob", "carol")
		r.say("carol", "team", "begin team")
		room = r.room("team")
		r.sees(room, "begin team")
		for _, who := range []string{"@alice:test", "@bob:test"} {
			r.wait(who+" is in the room", func() bool { return r.hs.Room(room).Membership(who) == "join" })
		}
		return room, r.calls()
	}
	t.Run("messages", func(t *testing.T) {
		virtual(t, rigOptions{puppets: true}, func(r *rig) {
			room, calls := setup(r)
			r.say("alice", "team", "from the phone")
			r.sees(room, "from the phone")
			r.alice.SendText(room, "from Matrix")
			r.hears("team", "alice", "from Matrix")
			time.Sleep(time.Minute)
			r.equal("sends", 1, calls("send"))
			r.equal("room", []string{"begin team", "from the phone", "from Matrix"}, r.bodies(room))
			r.equal("on the network", 3, int(r.net.Len("team")))
		})
	})
	t.Run("receipts", func(t *testing.T) {
		virtual(t, rigOptions{puppets: true}, func(r *rig) {
			room, calls := setup(r)
			id := r.message("team", "begin team").ID
			first := r.event(room, "begin team").ID
			if err := r.net.User("alice").Read("team", id); err != nil {
				t.Fatal(err)
			}
			r.wait("it shows in Matrix", func() bool { return r.hs.Room(room).Receipt("@alice:test", "m.read", "") == first })
			time.Sleep(time.Minute)
			r.equal("calls after reading on the network", 0, calls("read"))
			r.bob.Receipt(room, "m.read", first, "")
			time.Sleep(time.Minute)
			r.equal("calls after reading in Matrix", 1, calls("read"))
			r.say("carol", "team", "next")
			r.sees(room, "next")
			r.alice.Receipt(room, "m.read", r.event(room, "next").ID, "")
			time.Sleep(time.Minute)
			r.equal("calls after reading more in Matrix", 2, calls("read"))
		})
	})
	t.Run("typing", func(t *testing.T) {
		virtual(t, rigOptions{puppets: true}, func(r *rig) {
			room, calls := setup(r)
			if err := r.net.User("alice").Type("team", 20*time.Second); err != nil {
				t.Fatal(err)
			}
			r.wait("alice types", func() bool { return slices.Contains(r.hs.Room(room).Typing, "@alice:test") })
			time.Sleep(5 * time.Minute)
			r.equal("calls after typing on the network", 0, calls("type"))
			r.equal("who types", 0, len(r.hs.Room(room).Typing))
			r.alice.Typing(room, 20*time.Second)
			time.Sleep(10 * time.Second)
			r.equal("calls while typing in Matrix", 1, calls("type"))
			time.Sleep(5 * time.Minute)
			r.equal("calls after typing in Matrix", 2, calls("type")) // that it began, and that it ended
			r.equal("who types", 0, len(r.hs.Room(room).Typing))
		})
	})
	t.Run("redactions", func(t *testing.T) {
		virtual(t, rigOptions{puppets: true}, func(r *rig) {
			room, calls := setup(r)
			id := r.say("alice", "team", "a slip")
			r.sees(room, "a slip")
			if err := r.net.User("alice").Redact("team", id); err != nil {
				t.Fatal(err)
			}
			r.wait("it is gone from Matrix", func() bool { return !slices.Contains(r.bodies(room), "a slip") })
			time.Sleep(time.Minute)
			r.equal("calls after removing on the network", 0, calls("redact"))
			event := r.alice.SendText(room, "another")
			r.hears("team", "alice", "another")
			r.alice.Redact(room, event, "")
			time.Sleep(time.Minute)
			r.equal("calls after removing in Matrix", 1, calls("redact"))
			r.equal("redactions in the room", 2, len(r.hs.Room(room).OfType("m.room.redaction")))
		})
	})
}
