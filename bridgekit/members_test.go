package bridgekit_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// In a chat of two accounts, one that is removed loses the room, the other not.
func TestRemovedFromChat(t *testing.T) {
	each(t, map[string]rigOptions{"plain": {}, "puppets": {puppets: true}}, func(r *rig) {
		r.withLogins("@alice:test alice", "@bob:test bob")
		r.net.Channel("team", "alice", "bob", "carol")
		r.say("carol", "team", "begin")
		room := r.room("team")
		r.sees(room, "begin")
		for _, u := range []*matrixtest.User{r.alice, r.bob} {
			r.wait(u.ID+" is invited", func() bool { return r.hs.Room(room).Membership(u.ID) != "" })
			if r.hs.Room(room).Membership(u.ID) == "invite" {
				u.Join(room)
			}
		}
		if err := r.net.User("carol").Remove("team", "bob", network.Left); err != nil {
			r.t.Fatal(err)
		}
		r.wait("bob loses the room", func() bool { return r.hs.Room(room).Membership(r.bob.ID) == "leave" })
		r.alice.SendText(room, "still here")
		r.hears("team", "alice", "still here")
		if err := r.net.User("carol").Remove("team", "alice", network.Banned); err != nil {
			r.t.Fatal(err)
		}
		r.notice(room, "no longer in this chat")
		if err := r.net.User("alice").Join("team"); err != nil {
			r.t.Fatal(err)
		}
		r.say("carol", "team", "hello again")
		r.sees(room, "hello again")
		if err := r.net.User("bob").Join("team"); err != nil {
			r.t.Fatal(err)
		}
		r.wait("bob is back", func() bool { m := r.hs.Room(room).Membership(r.bob.ID); return m == "invite" || m == "join" })
	})
}

// Leaving a room in Matrix leaves the chat; a private chat has no end, so its
// next message makes a new room.
func TestLeavingRooms(t *testing.T) {
	each(t, map[string]rigOptions{"plain": {}, "puppets": {puppets: true}}, func(r *rig) {
		room := r.solo().portal("team")
		r.alice.Leave(room)
		r.waitNet("alice leaves", func() bool { return r.net.Standing("team", "alice") == network.Left })
		if _, err := r.net.User("carol").Tell("alice", "psst"); err != nil {
			r.t.Fatal(err)
		}
		find := func(text string) (room string) {
			r.wait("a room with "+text, func() bool {
				for _, id := range r.hs.Rooms() {
					if slices.Contains(r.bodies(id), text) && r.hs.Room(id).Membership(r.alice.ID) != "" {
						room = id
						return true
					}
				}
				return false
			})
			return room
		}
		dm := find("psst")
		if n := r.hs.Room(dm).Name; n != "Carol" {
			r.t.Errorf("the chat with Carol is called %q", n)
		}
		if r.hs.Room(dm).Membership(r.alice.ID) == "invite" {
			r.alice.Join(dm)
		}
		r.alice.SendText(dm, "yes?")
		r.hears(string(r.net.DM("alice", "carol")), "alice", "yes?")
		r.alice.Leave(dm)
		time.Sleep(5 * time.Second)
		if _, err := r.net.User("carol").Tell("alice", "one more thing"); err != nil {
			r.t.Fatal(err)
		}
		if next := find("one more thing"); next == dm {
			r.t.Error("it went into the room that alice left")
		}
		if n := r.hs.Room(dm).Joined(); len(n) > 0 {
			r.t.Errorf("%v are still in the old room", n)
		}
	})
}

// A ghost invited to a direct chat is that person.
func TestInviteGhost(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		_ = room
		dm := r.alice.CreateRoom(map[string]any{"is_direct": true, "invite": []string{ghost("carol")}, "preset": "trusted_private_chat"})
		r.wait("the ghost comes", func() bool { return r.hs.Room(dm).Membership(ghost("carol")) == "join" })
		r.wait("the bot comes", func() bool { return r.hs.Room(dm).Membership(bot) == "join" })
		r.alice.SendText(dm, "just you")
		chat := string(r.net.DM("alice", "carol"))
		r.hears(chat, "alice", "just you")
		r.say("carol", chat, "just me")
		r.sees(dm, "just me")
		again := r.alice.CreateRoom(map[string]any{"is_direct": true, "invite": []string{ghost("carol")}, "preset": "trusted_private_chat"})
		r.wait("the ghost declines", func() bool { return r.hs.Room(again).Membership(ghost("carol")) == "leave" })
	})
}

// People come, leave, are kicked and banned, in order with what they say.
func TestMembers(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		in := func(who string) string { return r.hs.Room(room).Membership(ghost(who)) }
		for _, who := range []string{"dave", "erin", "frank"} {
			if err := r.net.User(network.UserID(who)).Join("team"); err != nil {
				t.Fatal(err)
			}
			r.wait(who+" comes", func() bool { return in(who) == "join" })
		}
		for i := range 5 {
			r.say("dave", "team", fmt.Sprint("dave", i))
		}
		if err := r.net.User("dave").Leave("team"); err != nil {
			t.Fatal(err)
		}
		r.wait("dave leaves", func() bool { return in("dave") == "leave" })
		var last string
		for _, e := range r.hs.Room(room).Timeline {
			if e.Sender == ghost("dave") {
				last = e.Type
			}
		}
		if last != "m.room.member" || !slices.Contains(r.bodies(room), "dave4") {
			t.Errorf("dave's last event is %s; %q", last, r.bodies(room))
		}
		if err := r.net.User("carol").Remove("team", "erin", network.Left); err != nil {
			t.Fatal(err)
		}
		if err := r.net.User("carol").Remove("team", "frank", network.Banned); err != nil {
			t.Fatal(err)
		}
		r.wait("erin and frank are removed", func() bool { return in("erin") == "leave" && in("frank") == "ban" })
		// Someone who comes and goes at once is not left behind.
		for range 5 {
			if err := r.net.User("grace").Join("team"); err != nil {
				t.Fatal(err)
			}
			if err := r.net.User("grace").Leave("team"); err != nil {
				t.Fatal(err)
			}
		}
		r.settle("team", room)
		time.Sleep(time.Minute)
		if m := in("grace"); m == "join" {
			t.Errorf("grace is %s", m)
		}
		// And the other way: a moderator removes a ghost.
		r.say("heidi", "team", "spam")
		r.net.Group("team", "heidi")
		r.sees(room, "spam")
		r.hs.User(bot).SetState(room, "m.room.power_levels", "", map[string]any{"users": map[string]int{bot: 100, "@alice:test": 60}})
		r.alice.Kick(room, ghost("heidi"))
		r.waitNet("heidi is kicked", func() bool { return r.net.Standing("team", "heidi") == network.Left })
	})
}
