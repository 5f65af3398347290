package bridgekit_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// What a network's moderators do there holds in the room as far as the room's policy says.
func TestModeration(t *testing.T) {
	virtual(t, rigOptions{net: plain("relay")}, func(r *rig) {
		room, dave := relayRig(r)
		r.ask(r.alice, room, "!cw set-relay", "heard on Memnet")
		passed := 0
		pass := func() { // what happened there before is here
			t.Helper()
			passed++
			r.say("carol", "team", fmt.Sprint("pass ", passed))
			r.sees(room, fmt.Sprint("pass ", passed))
		}
		remove := func(text string) {
			t.Helper()
			dave.SendText(room, text)
			r.hears("team", "relay", "<dave> "+text)
			if err := r.net.User("carol").Redact("team", r.message("team", "<dave> "+text).ID); err != nil {
				t.Fatal(err)
			}
		}
		remove("one")
		r.wait("one is removed here too", func() bool { return !slices.Contains(r.bodies(room), "one") })
		r.ask(r.alice, room, "!cw hub set "+string(netID)+" moderators none", "")
		remove("two")
		pass()
		if !slices.Contains(r.bodies(room), "two") {
			t.Errorf("two was removed although moderators may not: %q", r.bodies(room))
		}

		in := func() string { return r.hs.Room(room).Membership(r.bob.ID) }
		expel := func() {
			t.Helper()
			if err := r.net.User("carol").Remove("team", "bob", network.Left); err != nil {
				t.Fatal(err)
			}
			pass()
		}
		expel()
		r.equal("bob, who is relayed now,", "join", in())
		if err := r.net.User("bob").Join("team"); err != nil {
			t.Fatal(err)
		}
		pass()
		r.ask(r.alice, room, "!cw hub set "+string(netID)+" gone kick", "")
		expel()
		r.wait("bob is out of the room too", func() bool { return in() == "leave" })
	})
}

// Who is banned in Matrix is not relayed any more: also nothing that waited for the
// network.
func TestBannedIsNotRelayed(t *testing.T) {
	virtual(t, rigOptions{net: plain("relay")}, func(r *rig) {
		room, dave := relayRig(r)
		r.ask(r.alice, room, "!cw set-relay", "heard on Memnet")
		dave.SendText(room, "hello")
		r.hears("team", "relay", "<dave> hello")
		up := r.net.Down()
		dave.SendText(room, "spam")
		erin := r.hs.CreateUser("erin", "pw")
		r.alice.Invite(room, erin.ID)
		erin.Join(room)
		erin.SendText(room, "later")
		r.alice.Ban(room, dave.ID)
		time.Sleep(time.Minute)
		up()
		r.hears("team", "relay", "<erin> later")
		r.equal("spam", 0, r.said("team", "relay", "<dave> spam"))
	})
}

// Who moderates a whole network, as administrators of a workspace do, moderates there for
// the whole room, as far as the policy says; who does not any more does not.
func TestHubNetworkModerators(t *testing.T) {
	inHub(t, hubRigOptions{nets: []string{"a", "b"}}, func(r *hubRig) {
		r.alice.SetState(r.room, "m.room.power_levels", "", map[string]any{"users": map[string]int{bot: 100, r.alice.ID: 100}})
		r.signInTo(r.bob, "b", "bob")
		if err := r.nets["b"].User("bob").Join(town); err != nil {
			t.Fatal(err)
		}
		r.rest()
		ben := r.nets["b"].User("ben")
		remove := func(text string) {
			t.Helper()
			r.says("a", text)
			r.gets(text, "b")
			if err := ben.Redact(town, r.on("b", text).ID); err != nil {
				t.Fatal(err)
			}
		}
		remove("before")
		r.quiet()
		r.equal("what ben removed before", 1, r.count("a", "before"))
		ben.SetModerates(true)
		remove("while")
		r.eventually("removal everywhere", func() bool { return r.count("a", "while") == 0 })
		r.setHub("b", "moderators", "redact,kick")
		if err := ben.Remove(town, "bob", network.Left); err != nil {
			t.Fatal(err)
		}
		r.wait("bob is out of the room", func() bool { return r.hs.Room(r.room).Membership(r.bob.ID) == "leave" })
		ben.SetModerates(false)
		remove("after")
		r.quiet()
		r.equal("what ben removed after", 1, r.count("a", "after"))
	})
}

// A moderator removes a copy on a network that does not tell which of them it was: it is
// removed everywhere, as the policy says.
func TestHubModerated(t *testing.T) {
	inHub(t, hubRigOptions{nets: []string{"a", "b"}}, func(r *hubRig) {
		for _, text := range []string{"one", "two"} {
			r.says("a", text)
			r.gets(text, "b")
			if text == "two" {
				r.setHub("b", "moderators", "kick")
			}
			if err := r.nets["b"].User("ben").Moderate(town, r.on("b", text).ID); err != nil {
				t.Fatal(err)
			}
			if text == "one" {
				r.eventually("removal everywhere", func() bool { return r.count("a", "one") == 0 })
			}
		}
		r.quiet()
		r.equal("what is left on a of two", 1, r.count("a", "two"))
	})
}
