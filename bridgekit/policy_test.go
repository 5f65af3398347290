package bridgekit_test

import (
	"strings"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/hub"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// What the configuration says for a network holds in its rooms, and what a room says
// holds above that, until it leaves it to the configuration again.
func TestPolicyOfNetwork(t *testing.T) {
	conf := func(c *config.Config) {
		c.Networks = config.Networks{{ID: "mem.a", Policy: &hub.Policy{Reactions: hub.ThreadReactions}}, {ID: "mem.b"}}
	}
	inHub(t, hubRigOptions{rigOptions: rigOptions{config: conf}, nets: []string{"a", "b"}}, func(r *hubRig) {
		r.bob.SendText(r.room, "yes?")
		r.gets("yes?", "a", "b")
		on := r.event(r.room, "yes?").ID
		r.bob.React(r.room, on, "👍")
		r.line("a", "Reactions: 👍 bob")
		r.ask(r.alice, r.room, "!cw hub", "reactions thread (from the configuration)")
		r.setHub("a", "reactions", "ignore")
		r.ask(r.alice, r.room, "!cw hub", "reactions ignore (set here)")
		r.alice.React(r.room, on, "👍")
		r.quiet()
		r.line("a", "Reactions: 👍 bob")
		r.setHub("a", "reactions", "default")
		r.alice.React(r.room, on, "🎉")
		r.line("a", "Reactions: 👍 bob; 🎉 alice")
		for _, s := range r.texts("b") {
			if strings.Contains(s, "Reactions") || strings.Contains(s, "reacted") {
				t.Errorf("b, of which the configuration says nothing, hears %q", s)
			}
		}
	})
}

// The configuration's policy for moderators and for people who are gone holds in a room
// of one network.
func TestPolicyOfNetworkAlone(t *testing.T) {
	conf := func(c *config.Config) {
		c.Networks = config.Networks{{ID: netID, Policy: &hub.Policy{Powers: []hub.Power{}, Gone: hub.GoneKick}}}
	}
	virtual(t, rigOptions{net: plain("relay"), config: conf}, func(r *rig) {
		room, dave := relayRig(r)
		r.ask(r.alice, room, "!cw set-relay", "heard on Memnet")
		dave.SendText(room, "stays")
		r.hears("team", "relay", "<dave> stays")
		if err := r.net.User("carol").Redact("team", r.message("team", "<dave> stays").ID); err != nil {
			t.Fatal(err)
		}
		r.say("carol", "team", "pass")
		r.sees(room, "pass")
		r.sees(room, "stays")
		if err := r.net.User("carol").Remove("team", "bob", network.Left); err != nil {
			t.Fatal(err)
		}
		r.wait("bob is out of the room too", func() bool { return r.hs.Room(room).Membership(r.bob.ID) == "leave" })
	})
}
