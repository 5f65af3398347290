package bridgekit_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// Two people with logins of their own and a relay are in one chat: everything
// appears once, whoever's connection sees it, and as whom it should.
func TestTwoLogins(t *testing.T) {
	all := variants()
	for name, o := range bare() {
		o.net.Basic = false
		all[name] = o
	}
	for name, o := range all {
		for _, relay := range []bool{false, true} {
			o := o
			if relay {
				o.net.Relay = "relay"
			}
			t.Run(fmt.Sprintf("%s, relay %v", name, relay), func(t *testing.T) { virtual(t, o, func(r *rig) { twoLogins(r, relay) }) })
		}
	}
}

func twoLogins(r *rig, relay bool) {
	r.withLogins("@alice:test alice", "@bob:test bob")
	r.net.Channel("team", "alice", "bob", "carol")
	if relay {
		r.net.Channel("team", "relay")
		r.connected("relay")
	}
	r.say("carol", "team", "begin")
	room := r.room("team")
	r.sees(room, "begin")
	for _, u := range []*matrixtest.User{r.alice, r.bob} {
		r.wait(u.ID+" is invited", func() bool { return r.hs.Room(room).Membership(u.ID) != "" })
		if r.hs.Room(room).Membership(u.ID) == "invite" {
			u.Join(room)
		}
	}
	time.Sleep(time.Second) // the relay heard it too, and is in the chat
	eve := r.hs.CreateUser("eve", "pw")
	r.hs.User(bot).Invite(room, eve.ID)
	eve.Join(room)
	for i := range 8 {
		r.say("carol", "team", fmt.Sprint("carol", i))
		r.alice.SendText(room, fmt.Sprint("alice", i))
		r.bob.SendText(room, fmt.Sprint("bob", i))
		if relay {
			eve.SendText(room, fmt.Sprint("eve", i))
		}
		time.Sleep(time.Second)
	}
	const phone = "from alice's phone"
	if !strings.Contains(r.t.Name(), "none") {
		r.say("alice", "team", phone)
		r.sees(room, phone)
	}
	r.say("carol", "team", "end")
	r.sees(room, "end")
	r.alice.SendText(room, "alice end")
	r.hears("team", "alice", "alice end")
	r.bob.SendText(room, "bob end")
	r.hears("team", "bob", "bob end")
	r.say("carol", "team", "last")
	r.sees(room, "last")
	time.Sleep(20 * time.Second)
	by := map[string][]string{}
	for _, e := range r.hs.Room(room).OfType("m.room.message") {
		if e.Sender != bot {
			by[e.Sender] = append(by[e.Sender], text(e))
		}
	}
	want := map[string][]string{
		ghost("carol"): append(append([]string{"begin"}, numbered("carol", 8)...), "end", "last"),
		"@alice:test":  append(numbered("alice", 8), "alice end"),
		"@bob:test":    append(numbered("bob", 8), "bob end"),
	}
	if relay {
		want["@eve:test"] = numbered("eve", 8)
	}
	if !strings.Contains(r.t.Name(), "none") {
		if r.opts.DoublePuppet != nil {
			a := want["@alice:test"]
			want["@alice:test"] = slices.Insert(slices.Clone(a), len(a)-1, phone)
		} else {
			want[ghost("alice")] = []string{phone}
		}
	}
	r.equal("in the room", want, by)
	r.equal("alice on the network", append(numbered("alice", 8), "alice end"), slices.DeleteFunc(r.net.Texts("team", "alice"), func(s string) bool { return s == phone }))
	r.equal("bob on the network", append(numbered("bob", 8), "bob end"), r.net.Texts("team", "bob"))
	if relay {
		r.waitNet("eve's words", func() bool { return len(r.net.Texts("team", "relay")) == 8 })
		for i, s := range r.net.Texts("team", "relay") {
			if !strings.Contains(s, fmt.Sprint("eve", i)) {
				r.t.Errorf("the relay said %q", s)
			}
		}
	}
}

// What alice does at another device appears as herself, and goes nowhere else.
func TestDoublePuppet(t *testing.T) {
	virtual(t, rigOptions{puppets: true}, func(r *rig) {
		r.solo()
		r.net.Group("team", "alice", "carol")
		id := r.say("alice", "team", "my own words begin it")
		room := r.room("team")
		r.sees(room, "my own words begin it")
		if e := r.event(room, "my own words begin it"); e.Sender != "@alice:test" {
			t.Errorf("it is by %s", e.Sender)
		}
		if err := r.net.User("alice").Edit("team", id, "edited"); err != nil {
			t.Fatal(err)
		}
		r.sees(room, "* edited")
		c := r.say("carol", "team", "hi")
		r.sees(room, "hi")
		for _, remove := range []bool{false, true} {
			if err := r.net.User("alice").React("team", c, "👍", remove); err != nil {
				t.Fatal(err)
			}
			r.wait("the reaction", func() bool { return (len(r.hs.Room(room).OfType("m.reaction")) == 1) == !remove })
		}
		if err := r.net.User("alice").Redact("team", id); err != nil {
			t.Fatal(err)
		}
		r.wait("the redaction", func() bool { return !slices.Contains(r.bodies(room), "my own words begin it") })
		r.settle("team", room)
		if n := r.net.Len("team"); n != 5 {
			t.Errorf("%d messages on the network: %+v", n, r.net.Messages("team"))
		}
		// She leaves the room: then her words are her ghost's.
		r.alice.Leave(room)
		time.Sleep(time.Second)
		r.equal("standing", network.Left, r.net.Standing("team", "alice"))
	})
}
