package bridgekit_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// level is what somebody was given in a room; false: nothing.
func (r *rig) level(room, who string) (int64, bool) {
	level, ok := r.hs.Room(room).Power.Users[who]
	return level, ok
}

// give sets somebody's level in a room as its administrators would.
func (r *rig) give(room, who string, level int) {
	r.t.Helper()
	power := state[map[string]any](r, room, "m.room.power_levels", "")
	power["users"].(map[string]any)[who] = level
	r.asBot(room, "m.room.power_levels", power)
}

// settled is after all that is on its way in the bubble has happened.
func settled() {
	time.Sleep(10 * time.Second)
	synctest.Wait()
}

// Who moderates a whole network does so in the rooms of its chats in which they speak,
// until they do not any more. Direct chats are none of these.
func TestNetworkModerators(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		carol := r.net.User("carol")
		r.net.User("dave").SetModerates(true)
		carol.SetModerates(true)
		room, other := r.solo().portal("team"), r.portal("other")
		for _, in := range []string{room, other} {
			r.wait("carol moderates", func() bool { level, _ := r.level(in, ghost("carol")); return level == 50 })
			if level, ok := r.level(in, ghost("dave")); ok {
				t.Errorf("dave, who said nothing, has level %d", level)
			}
		}
		dm := r.net.DM("carol", "alice")
		r.say("carol", string(dm), "hello you")
		direct := r.room("Carol")
		r.sees(direct, "hello you")
		settled()
		if level, ok := r.level(direct, ghost("carol")); ok {
			t.Errorf("carol has level %d in a direct chat", level)
		}
		r.give(other, ghost("carol"), 75)
		carol.Rename("Caroline")
		r.wait("the name", func() bool { return r.hs.Profile(ghost("carol"), "displayname") == "Caroline" })
		r.stop()
		r.start()
		r.connected("alice")
		carol.SetModerates(false)
		r.wait("carol does not moderate", func() bool { _, ok := r.level(room, ghost("carol")); return !ok })
		settled()
		if level, _ := r.level(other, ghost("carol")); level != 75 {
			t.Errorf("what an administrator gave carol became level %d", level)
		}
		carol.SetModerates(true)
		r.wait("carol moderates again", func() bool { level, _ := r.level(room, ghost("carol")); return level == 50 })
	})
}

// A role that somebody gains is in the rooms in which they are when that is learned, and
// in no other; other changes of them cost nothing. A role that they lose goes.
func TestNetworkModeratorGains(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		carol := r.net.User("carol")
		room, other := r.solo().portal("team"), r.portal("other")
		r.net.Group("third", "alice", "bob", "carol", "dave")
		r.say("bob", "third", "bob is first")
		third := r.room("third")
		r.wait("carol came to third", func() bool { return r.hs.Room(third).Membership(ghost("carol")) == "join" })
		r.net.Group("fourth", "alice", "bob")
		r.say("bob", "fourth", "without carol")
		fourth := r.room("fourth")
		in := []string{room, other, third}
		for range 3 {
			carol.SetModerates(true)
			for _, one := range in {
				r.wait("carol moderates in "+one, func() bool { level, _ := r.level(one, ghost("carol")); return level == 50 })
			}
			settled()
			if level, ok := r.level(fourth, ghost("carol")); ok {
				t.Errorf("carol, who is not in the fourth room, has level %d", level)
			}
			changes := len(r.hs.Room(room).OfType("m.room.power_levels"))
			for i := range 3 { // as with a status on Slack
				carol.Rename(fmt.Sprint("Carol ", i))
				r.wait("the name", func() bool { return r.hs.Profile(ghost("carol"), "displayname") == fmt.Sprint("Carol ", i) })
			}
			settled()
			r.equal("changes of levels by other changes", changes, len(r.hs.Room(room).OfType("m.room.power_levels")))
			carol.SetModerates(false)
			for _, one := range in {
				r.wait("carol does not moderate in "+one, func() bool { _, ok := r.level(one, ghost("carol")); return !ok })
			}
			settled()
		}
	})
}

// What a room's administrators take from somebody who moderates the network stays
// taken, also over a restart.
func TestNetworkModeratorTakenDown(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.net.User("carol").SetModerates(true)
		room := r.solo().portal("team")
		r.wait("carol moderates", func() bool { level, _ := r.level(room, ghost("carol")); return level == 50 })
		r.give(room, ghost("carol"), 0)
		r.say("carol", "team", "still here")
		r.sees(room, "still here")
		r.stop()
		r.start()
		r.connected("alice")
		r.say("carol", "team", "and now")
		r.sees(room, "and now")
		settled()
		if level, _ := r.level(room, ghost("carol")); level != 0 {
			t.Errorf("carol has level %d again", level)
		}
	})
}

// A room is made with the levels that people have in its chat.
func TestFirstLevels(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.solo()
		r.net.Group("team", "alice", "carol", "dave")
		for who, level := range map[network.UserID]int{"alice": 90, "carol": 50, "dave": 1000} {
			r.net.SetLevel("team", who, level)
		}
		r.say("carol", "team", "begin")
		room := r.room("team")
		r.equal("levels", map[string]int64{bot: 100, r.alice.ID: 50, ghost("carol"): 50, ghost("dave"): 99}, r.hs.Room(room).Power.Users)
	})
}

// A room that somebody brought, and one of several networks, keep their levels.
func TestNetworkModeratorsInHub(t *testing.T) {
	inHub(t, hubRigOptions{nets: []string{"a", "b"}}, func(r *hubRig) {
		r.alice.SetState(r.room, "m.room.power_levels", "", map[string]any{"users": map[string]int{bot: 100, r.alice.ID: 100}}) // it could
		before := r.hs.Room(r.room).Power.Users
		for name, n := range r.nets {
			n.User(locals()[name]).SetModerates(true)
			r.says(name, "hello of "+name)
			r.sees(r.room, "hello of "+name)
		}
		r.quiet()
		r.equal("levels", before, r.hs.Room(r.room).Power.Users)
	})
}

// A room that Causeway made for a chat keeps its levels once it has other chats too.
func TestNetworkModeratorsInSharedRoom(t *testing.T) {
	inHub(t, hubRigOptions{nets: []string{"a", "b"}, apart: true}, func(r *hubRig) {
		r.signInTo(r.alice, "a", "alice")
		r.nets["a"].Group("team", "alice", "carol", "dave")
		say := func(who network.UserID, text string) string {
			if _, err := r.nets["a"].User(who).Say("team", text); err != nil {
				t.Fatal(err)
			}
			room := r.rig.room("team")
			r.sees(room, text)
			return room
		}
		r.nets["a"].User("carol").SetModerates(true)
		room := say("carol", "begin")
		carol, dave := "@_cw_mem.a_carol:test", "@_cw_mem.a_dave:test"
		r.wait("carol moderates", func() bool { level, _ := r.level(room, carol); return level == 50 })
		r.alice.Join(room)
		r.ask(r.alice, room, "!cw plumb mem.b town confirm", "is bridged to")
		r.nets["a"].User("dave").SetModerates(true)
		say("dave", "me too")
		settled()
		if level, ok := r.level(room, dave); ok {
			t.Errorf("dave has level %d in a room of two networks", level)
		}
		r.nets["a"].User("carol").SetModerates(false)
		r.wait("what carol has is taken", func() bool { _, ok := r.level(room, carol); return !ok })
	})
}
