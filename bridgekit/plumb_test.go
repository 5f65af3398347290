package bridgekit_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// ours makes a room of u with the bot in it, as powerful as level.
func (r *rig) ours(u *matrixtest.User, level int) string {
	r.t.Helper()
	room := u.CreateRoom(map[string]any{"name": "Ours", "invite": []string{bot}, "preset": "private_chat"})
	r.notice(room, "!cw")
	u.SetState(room, "m.room.power_levels", "", map[string]any{"users": map[string]int{bot: level, u.ID: 100}, "invite": 50})
	return room
}

// A chat is found by words, picked by its number, shown with who sees what, and
// bridged when that is confirmed.
func TestPlumbBySearch(t *testing.T) {
	virtual(t, rigOptions{net: memnet.Options{Relay: "relay"}}, func(r *rig) {
		r.start()
		r.connected("relay")
		r.net.Channel("gophers", "carol")
		r.net.Channel("gopher-news", "carol", "dave")
		own := r.ours(r.alice, 50)
		r.alice.SetState(own, "m.bridge", "slack", map[string]any{"bridgebot": "@slack:test", "protocol": map[string]any{"id": "slack", "displayname": "Slack"}, "channel": map[string]any{"id": "C1", "displayname": "general"}})
		r.alice.SendText(own, "before")
		list := text(r.ask(r.alice, own, "!cw plumb "+string(netID)+" gopher", "Which chat"))
		if !strings.Contains(list, "1. gopher-news, 2 members") || !strings.Contains(list, "2. gophers, 1 member") {
			t.Errorf("the list is %s", list)
		}
		preview := text(r.ask(r.alice, own, "!cw plumb 2", "This is what bridging does"))
		for _, words := range []string{"gophers on Memnet (1 member)", "1 person of this room", "through the relay", "Slack, general (@slack:test)", "Nothing that was written before"} {
			if !strings.Contains(preview, words) {
				t.Errorf("the preview does not say %q: %s", words, preview)
			}
		}
		if r.net.Standing("gophers", "relay") == network.Joined {
			t.Error("the preview joined the chat")
		}
		r.ask(r.alice, own, "!cw plumb confirm", "is bridged to gophers")
		r.alice.SendText(own, "hello")
		r.waitNet("it arrives", func() bool { return len(r.net.Texts("gophers", "relay")) == 1 })
		r.say("carol", "gophers", "hi")
		r.sees(own, "hi")
		r.equal("the room", []string{"before", "hello", "hi"}, slices.DeleteFunc(r.bodies(own), func(s string) bool { return strings.HasPrefix(s, "!cw") }))
		r.equal("its name", "Ours", r.hs.Room(own).Name)
	})
}

// A chat that has a room moves into another one and back, with the order and the
// identity of what was said; bridged people leave the room that it left.
func TestPlumbMoves(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		id := r.say("carol", "team", "in the first")
		r.sees(room, "in the first")
		first := r.event(room, "in the first").ID
		own := r.ours(r.alice, 50)
		preview := text(r.ask(r.alice, own, "!cw plumb "+string(netID)+" team", "This is what bridging does"))
		if !strings.Contains(preview, "has a room, which it leaves") || !strings.Contains(preview, "alice on Memnet") {
			t.Errorf("preview: %s", preview)
		}
		r.ask(r.alice, own, "!cw plumb confirm", "is bridged to team")
		r.say("carol", "team", "in the second")
		r.sees(own, "in the second")
		r.alice.SendText(own, "from the second")
		r.hears("team", "alice", "from the second")
		r.wait("the first is left", func() bool { return len(r.hs.Room(room).Joined()) == 2 })
		r.alice.SendText(room, "nobody hears")
		// What is about the first room is done there, or said anew.
		if err := r.net.User("carol").Edit("team", id, "edited"); err != nil {
			t.Fatal(err)
		}
		r.sees(own, "edited")
		if err := r.net.User("carol").Redact("team", id); err != nil {
			t.Fatal(err)
		}
		r.wait("it is removed from both", func() bool { return r.isRedacted(room, first) && !slices.Contains(r.bodies(own), "edited") })

		r.ask(r.alice, own, "!cw plumb back", "the room again that it had before")
		r.say("carol", "team", "home again")
		r.sees(room, "home again")
		r.alice.SendText(room, "good")
		r.hears("team", "alice", "good")
		r.wait("the second is left", func() bool { return len(r.hs.Room(own).Joined()) == 2 })
		if slices.Contains(r.net.Texts("team", "alice"), "nobody hears") {
			t.Error("what was said in the room that the chat had left arrived")
		}
		if e := r.hs.Room(own).State("m.bridge", "chat.causeway.mem.test/team"); e == nil || string(e.Content) != "{}" {
			t.Error("the second room still says that it is bridged")
		}
	})
}

// Who decides about neither room, or gives the bot no power, moves nothing.
func TestPlumbRefused(t *testing.T) {
	permissions := func(c *config.Config) { c.Permissions = config.Permissions{"test": config.LevelUser} }
	virtual(t, rigOptions{config: permissions}, func(r *rig) {
		r.withLogins("@alice:test alice", "@bob:test bob")
		r.net.Channel("team", "alice", "bob", "carol")
		r.say("carol", "team", "begin")
		room := r.room("team")
		r.sees(room, "begin")
		for _, u := range []*matrixtest.User{r.alice, r.bob} {
			r.wait(u.ID+" is invited", func() bool { return r.hs.Room(room).Membership(u.ID) == "invite" })
			u.Join(room)
		}
		time.Sleep(time.Minute) // the room is set up, and owners have their power
		r.hs.User(bot).SetState(room, "m.room.power_levels", "", map[string]any{"users": map[string]int{bot: 100, "@alice:test": 50}})
		bobs, alices := r.ours(r.bob, 50), r.ours(r.alice, 0)
		r.ask(r.bob, bobs, "!cw plumb "+string(netID)+" team", "A moderator of that room can move it here")
		r.ask(r.bob, bobs, "!cw plumb "+string(netID)+" team confirm", "A moderator of that room can move it here")
		r.ask(r.alice, alices, "!cw plumb "+string(netID)+" team", "I may not invite bridged people (50)")
		r.ask(r.alice, alices, "!cw plumb "+string(netID)+" team confirm", "Raise my power level to 50 first")
		time.Sleep(time.Minute)
		r.say("carol", "team", "still here")
		r.sees(room, "still here")
	})
}
