package bridgekit_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// roomWith waits for another room than not in which something was said.
func (r *rig) roomWith(text, not string) (room string) {
	r.t.Helper()
	r.wait("a room with "+text, func() bool {
		for _, id := range r.hs.Rooms() {
			if id != not && slices.Contains(r.bodies(id), text) {
				room = id
				return true
			}
		}
		return false
	})
	return room
}

// When the homeserver has purged a room its portal is closed, its person is told,
// and nothing makes another one but a command.
func TestRoomPurged(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.solo()
		m := r.management(r.alice)
		r.net.Channel("team", "alice", "carol")
		r.say("carol", "team", "begin")
		room := r.room("team")
		r.sees(room, "begin")
		r.hs.Purge(room)
		r.say("carol", "team", "anyone?")
		r.notice(m, "not bridged any more")
		time.Sleep(time.Minute) // her spaces are there
		rooms := len(r.hs.Rooms())
		r.say("carol", "team", "nobody hears this")
		time.Sleep(time.Minute)
		r.equal("rooms", rooms, len(r.hs.Rooms()))
		r.ask(r.alice, m, "join "+string(netID)+" team", "team")
		r.say("carol", "team", "back again")
		r.roomWith("back again", "")
	})
}

// If that is configured, the next message makes a room anew, and is in it; but not
// where people have removed the bot.
func TestRoomRemade(t *testing.T) {
	virtual(t, rigOptions{config: func(c *config.Config) { c.Rooms.Remake = true }}, func(r *rig) {
		room := r.solo().portal("team")
		r.hs.Purge(room)
		r.say("carol", "team", "anyone?")
		next := r.roomWith("anyone?", room)
		r.wait("alice is invited", func() bool { return r.hs.Room(next).Membership(r.alice.ID) == "invite" })
		r.alice.Join(next)
		r.alice.SendText(next, "I am")
		r.hears("team", "alice", "I am")

		m := r.management(r.alice)
		r.hs.User(bot).Leave(next)
		r.say("dave", "team", "where are you?")
		r.notice(m, "not bridged any more")
		time.Sleep(time.Minute) // her spaces are there
		rooms := len(r.hs.Rooms())
		r.say("carol", "team", "nobody hears this")
		time.Sleep(time.Minute)
		r.equal("rooms", rooms, len(r.hs.Rooms()))
	})
}

// When the bot is removed the bridged people leave too: nobody speaks for them.
func TestGhostsLeaveWithBot(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		r.hs.User(bot).SetState(room, "m.room.power_levels", "", map[string]any{"users": map[string]int{bot: 50, "@alice:test": 100}})
		r.alice.Kick(room, bot)
		r.wait("the ghosts leave", func() bool { return len(r.hs.Room(room).Joined()) == 1 })
	})
}

// After the homeserver was restored from a backup, what is about lost messages is
// shown without that, and nothing is lost of what comes.
func TestHomeserverRestored(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		r.alice.SendText(room, "kept")
		r.hears("team", "alice", "kept")
		last := r.event(room, "kept").ID
		lost := r.say("carol", "team", "lost")
		r.sees(room, "lost")
		r.hs.Rewind(room, last)

		carol := r.net.User("carol")
		check := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		check(carol.React("team", lost, "❤️", false))
		check(carol.Edit("team", lost, "lost and found"))
		r.sees(room, "lost and found")
		thread := network.Text("in a thread")
		thread.Thread = &network.Ref{ID: lost, Part: -1}
		_, err := carol.Send("team", thread)
		check(err)
		reply := network.Text("a reply")
		reply.Reply = &network.Ref{ID: lost, Part: -1}
		_, err = carol.Send("team", reply)
		check(err)
		check(carol.Redact("team", lost))
		r.say("carol", "team", "goes on")
		r.sees(room, "goes on")
		r.equal("the room", []string{"begin team", "kept", "in a thread", "a reply", "goes on"}, r.bodies(room))
		if rel := relation(r.event(room, "in a thread")); rel.Type != "" {
			t.Errorf("the message of the thread is about %+v", rel)
		}
		r.equal("notices", []string(nil), r.notices(room))
		for _, bad := range r.failed() {
			t.Errorf("not delivered: %s", bad)
		}
	})
}

// failed lists what the bot says is undelivered.
func (r *rig) failed() (out []string) {
	r.t.Helper()
	m := r.management(r.alice)
	if answer := text(r.ask(r.alice, m, "queue", "")); !strings.Contains(answer, "Nothing failed") {
		out = append(out, answer)
	}
	return out
}

// An upgrade carries the bridge along: power levels are completed as far as the
// bot may, what it lacks is said, and bridged people leave the old room.
func TestRoomUpgradeLevels(t *testing.T) {
	for version, power := range map[string]bool{"11": true, "12": true, "12, no power": false} {
		t.Run(version, func(t *testing.T) {
			virtual(t, rigOptions{}, func(r *rig) {
				room := r.solo().portal("team")
				r.hs.User(bot).SetState(room, "m.room.power_levels", "", map[string]any{"users": map[string]int{bot: 100, "@alice:test": 100, "@bob:test": 60}})
				create := map[string]any{"room_version": strings.TrimSuffix(version, ", no power"), "preset": "private_chat", "invite": []string{bot},
					"creation_content": map[string]any{"predecessor": map[string]any{"room_id": room, "event_id": "$x"}}}
				users := map[string]int{bot: 100}
				if !power {
					users[bot] = 0
				}
				if version == "11" {
					users[r.alice.ID] = 100
				}
				create["power_level_content_override"] = map[string]any{"users": users, "invite": 50}
				next := r.alice.CreateRoom(create)
				r.alice.SetState(room, "m.room.tombstone", "", map[string]any{"body": "moved", "replacement_room": next})
				r.wait("the bot follows", func() bool { return r.hs.Room(next).Membership(bot) == "join" })
				r.alice.SendText(next, "new house")
				r.hears("team", "alice", "new house")
				r.wait("the old room is left", func() bool { return len(r.hs.Room(room).Joined()) == 2 })
				if !power {
					r.notice(next, "Raise my power level to 50")
					r.alice.Invite(next, ghost("carol"))
					return
				}
				r.say("carol", "team", "nice")
				r.sees(next, "nice")
				var levels struct {
					Users map[string]int `json:"users"`
				}
				if err := json.Unmarshal(r.hs.Room(next).State("m.room.power_levels", "").Content, &levels); err != nil {
					t.Fatal(err)
				}
				want := map[string]int{bot: 100, "@bob:test": 60}
				if version == "11" {
					want[r.alice.ID] = 100
				}
				r.equal("levels", want, levels.Users)
				if s := r.hs.Room(next).State("chat.causeway.portal", ""); s == nil || !strings.Contains(string(s.Content), "origin") {
					t.Error("the new room does not say what it is for")
				}
				if r.hs.Room(next).State("m.bridge", "chat.causeway.mem.test/team") == nil {
					t.Error("the new room does not say what it is bridged to")
				}
			})
		})
	}
}

// The bot may be invited to a portal's next room before the old one says that it is
// replaced: it does not take it for a room of its own, and hears what follows.
func TestInvitedBeforeUpgrade(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		next := r.alice.CreateRoom(map[string]any{"preset": "trusted_private_chat", "is_direct": true, "invite": []string{bot},
			"creation_content": map[string]any{"predecessor": map[string]any{"room_id": room, "event_id": "$x"}}})
		r.wait("the bot comes", func() bool { return r.hs.Room(next).Membership(bot) == "join" })
		synctest.Wait() // for all that the invitation brings
		r.equal("notices", []string(nil), r.notices(next))
		r.hs.User(bot).SetState(room, "m.room.power_levels", "", map[string]any{"users": map[string]int{bot: 100, r.alice.ID: 100}})
		r.alice.SetState(room, "m.room.tombstone", "", map[string]any{"body": "moved", "replacement_room": next})
		r.alice.SendText(next, "new house")
		r.hears("team", "alice", "new house")
		r.equal("notices", []string(nil), r.notices(next))
	})
}

// Bridged people leave a room slowly, and go on leaving after a restart; the
// room's progress can be asked for.
func TestCleanupOverRestart(t *testing.T) {
	many := func(c *config.Config) { c.Limits.NewSenders = 100 }
	virtual(t, rigOptions{config: many}, func(r *rig) {
		room := r.solo().portal("team")
		r.net.Fill("team", 40)
		for i := range 40 {
			r.say(fmt.Sprintf("user%04d", i), "team", fmt.Sprint("hello ", i))
		}
		r.sees(room, "hello 39")
		r.equal("people", 43, len(r.hs.Room(room).Joined()))
		r.ask(r.alice, room, "!cw unbridge confirm", "leave one after another")
		r.wait("some have left", func() bool { return len(r.hs.Room(room).Joined()) < 35 })
		if answer := text(r.ask(r.alice, room, "!cw id", "not bridged")); !strings.Contains(answer, "of 41 bridged people have left") {
			t.Errorf("the progress is not shown: %s", answer)
		}
		r.stop()
		left := len(r.hs.Room(room).Joined())
		if left < 10 {
			t.Fatalf("only %d are left: they leave too fast", left)
		}
		r.start()
		r.wait("all have left", func() bool { return len(r.hs.Room(room).Joined()) == 2 })
		left = 0
		for _, e := range r.hs.Room(room).OfType("m.room.member") {
			if strings.Contains(string(e.Content), `"leave"`) {
				left++
			}
		}
		r.equal("who left", 41, left)
	})
}

// The last person leaves a room whose chat nobody can leave: nobody is in it any
// more, and the next message makes another.
func TestLastPersonLeaves(t *testing.T) {
	virtual(t, rigOptions{net: memnet.Options{Basic: true}}, func(r *rig) {
		r.withLogins("@alice:test alice", "@bob:test bob")
		r.net.Group("team", "alice", "bob", "carol")
		r.say("carol", "team", "begin")
		room := r.room("team")
		for _, u := range []*matrixtest.User{r.alice, r.bob} {
			r.wait("invited", func() bool { return r.hs.Room(room).Membership(u.ID) == "invite" })
			u.Join(room)
		}
		r.sees(room, "begin")
		time.Sleep(time.Minute) // the room is set up
		r.alice.Leave(room)
		r.say("carol", "team", "bob reads this")
		r.sees(room, "bob reads this")
		r.bob.Leave(room)
		r.wait("nobody is left", func() bool { return len(r.hs.Room(room).Joined()) == 0 })
		r.say("carol", "team", "a new room")
		r.roomWith("a new room", room)
	})
}

// Who is kicked from the chat loses the shared room, unless a relay lets people
// without an account stay; a room that people made is theirs.
func TestAccessLost(t *testing.T) {
	for name, relay := range map[string]network.UserID{"no relay": "", "relay": "relay"} {
		t.Run(name, func(t *testing.T) {
			virtual(t, rigOptions{net: memnet.Options{Relay: relay}}, func(r *rig) {
				r.withLogins("@alice:test alice", "@bob:test bob")
				if relay != "" {
					r.connected("relay")
					r.net.Channel("team", relay)
				}
				r.net.Channel("team", "alice", "bob", "carol")
				r.say("carol", "team", "begin")
				room := r.room("team")
				r.sees(room, "begin")
				for _, u := range []*matrixtest.User{r.alice, r.bob} {
					r.wait("invited", func() bool { return r.hs.Room(room).Membership(u.ID) == "invite" })
					u.Join(room)
				}
				if err := r.net.User("carol").Remove("team", "bob", network.Left); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				want := map[string]string{"": "leave", "relay": "join"}[string(relay)]
				r.equal("bob", want, r.hs.Room(room).Membership(r.bob.ID))
				r.equal("alice", "join", r.hs.Room(room).Membership(r.alice.ID))

				own := r.ours(r.alice, 100)
				r.alice.Invite(own, r.bob.ID)
				r.bob.Join(own)
				r.ask(r.alice, own, "!cw plumb "+string(netID)+" team confirm", "is bridged to team")
				r.ask(r.alice, own, "!cw unset-relay", "not heard")
				if err := r.net.User("carol").Remove("team", "alice", network.Left); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				r.equal("alice in her own room", "join", r.hs.Room(own).Membership(r.alice.ID))
			})
		})
	}
}
