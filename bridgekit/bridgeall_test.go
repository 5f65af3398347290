package bridgekit_test

import (
	"slices"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// Many chats are bridged into a space, in the background and over a restart; what is
// bridged already stays as it is.
func TestBridgeAll(t *testing.T) {
	virtual(t, rigOptions{net: memnet.Options{Relay: "relay"}}, func(r *rig) {
		for _, name := range []string{"team-a", "team-b", "team-x", "other"} {
			r.net.Channel(network.ChatID(name), "carol")
		}
		r.start()
		m := r.management(r.alice)
		r.ask(r.alice, m, "bridge-all "+string(netID)+" team-*,!team-x", "to do: 2")
		r.ask(r.alice, m, "bridge-all "+string(netID)+" team-*,!team-x confirm", "one after another")
		r.stop() // it has bridged one at most
		r.start()
		r.connected("relay")
		names := func() []string {
			var out []string
			for _, id := range r.hs.Rooms() {
				out = append(out, r.hs.Room(id).Name)
			}
			return out
		}
		r.wait("both rooms are there", func() bool { return slices.Contains(names(), "team-a") && slices.Contains(names(), "team-b") })
		space := ""
		r.wait("the space holds both", func() bool {
			for _, id := range r.hs.Rooms() {
				if state[map[string]any](r, id, "m.room.create", "")["type"] == "m.space" {
					space = id
				}
			}
			return space != "" && len(r.children(space)) == 2
		})
		if r.hs.Room(space).Membership(r.alice.ID) != "invite" {
			t.Errorf("alice is %q in the space", r.hs.Room(space).Membership(r.alice.ID))
		}
		for _, id := range r.children(space) {
			rule := state[struct {
				Rule  string `json:"join_rule"`
				Allow []struct {
					Room string `json:"room_id"`
				} `json:"allow"`
			}](r, id, "m.room.join_rules", "")
			if rule.Rule != "restricted" || len(rule.Allow) != 1 || rule.Allow[0].Room != space {
				t.Errorf("who may enter %s: %+v", r.hs.Room(id).Name, rule)
			}
		}
		if got := names(); slices.Contains(got, "team-x") || slices.Contains(got, "other") {
			t.Errorf("rooms are %q", got)
		}
		r.ask(r.alice, m, "bridge-all "+string(netID)+" team-*,!team-x", "Bridged: 2; to do: 0")
		r.say("carol", "team-a", "hello")
		r.alice.Join(space)
		for _, id := range r.children(space) {
			if r.hs.Room(id).Name == "team-a" {
				r.sees(id, "hello")
			}
		}
		// More of them, with what is there already.
		r.ask(r.alice, m, "bridge-all "+string(netID)+" confirm", "one after another")
		r.wait("all four are in the space", func() bool { return len(r.children(space)) == 4 })
	})
}

// What the configuration wants bridged is, and so are chats that are made later, also
// while Causeway is away.
func TestBridgeAllPolicy(t *testing.T) {
	virtual(t, rigOptions{net: memnet.Options{Relay: "relay"}, config: func(c *config.Config) {
		c.BridgeAll = config.Policies{netID: {Allow: []string{"team-*"}, Deny: []string{"team-x"}, Guest: "@alice:test"}}
	}}, func(r *rig) {
		r.net.Channel("team-a", "carol")
		r.start()
		carol := r.net.User("carol")
		bridged := func(name string) {
			t.Helper()
			room := r.room(name)
			r.wait(name+" is in the space", func() bool {
				space := r.hs.Room(r.room("Memnet"))
				return space.Membership(r.alice.ID) == "invite" && slices.Contains(r.children(space.ID), room)
			})
		}
		bridged("team-a")
		for _, name := range []string{"other", "team-x", "team-b"} {
			carol.Create(network.ChatID(name))
		}
		bridged("team-b")
		r.stop()
		carol.Create("team-c")
		r.start()
		bridged("team-c")
		r.say("carol", "team-c", "hello")
		r.sees(r.room("team-c"), "hello")
		for _, id := range r.hs.Rooms() {
			if name := r.hs.Room(id).Name; name == "other" || name == "team-x" {
				t.Errorf("%s has a room", name)
			}
		}
		// What somebody asks for stands beside it.
		m := r.management(r.alice)
		r.ask(r.alice, m, "bridge-all "+string(netID)+" other confirm", "one after another")
		bridged("other")
	})
}
