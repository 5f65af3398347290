package bridgekit_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/step"
)

// again signs alice in through the bot, for the first time or anew.
func (r *rig) again(m string) {
	r.t.Helper()
	r.ask(r.alice, m, "login "+string(netID), "ser name")
	r.ask(r.alice, m, "alice", "assword")
	r.alice.SendText(m, "secret")
	r.connected("alice")
}

// A session that the network ended is dead: its person is told, what they write
// waits, and leaves in order when they sign in again.
func TestRevoked(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.withLogins("@alice:test alice")
		m := r.management(r.alice)
		room := r.portal("team")
		r.net.Revoke("alice")
		r.notice(m, "needs you")
		r.ask(r.alice, m, "list-logins", "signed out")
		for _, s := range numbered("waits", 3) {
			r.alice.SendText(room, s)
		}
		r.say("carol", "team", "said meanwhile")
		time.Sleep(time.Hour)
		r.equal("before the renewal", []string(nil), r.net.Texts("team", "alice"))
		r.again(m)
		r.hears("team", "alice", "waits2")
		r.sees(room, "said meanwhile")
		r.equal("after it", numbered("waits", 3), r.net.Texts("team", "alice"))
		told := 0
		for _, n := range r.notices(m) {
			if strings.Contains(n, "needs you") {
				told++
			}
		}
		if told != 1 {
			t.Errorf("alice was told %d times", told)
		}
	})
}

// A dead login holds up nobody else in a chat.
func TestDeadLoginAmongOthers(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.withLogins("@alice:test alice", "@bob:test bob")
		r.net.Channel("team", "alice", "bob", "carol")
		r.say("carol", "team", "begin")
		room := r.room("team")
		for _, u := range []*matrixtest.User{r.alice, r.bob} {
			r.wait(u.ID+" is invited", func() bool { return r.hs.Room(room).Membership(u.ID) == "invite" })
			u.Join(room)
		}
		r.net.Revoke("alice")
		time.Sleep(time.Minute)
		r.alice.SendText(room, "anyone?")
		r.bob.SendText(room, "me")
		r.hears("team", "bob", "me")
		r.notice(room, "you are signed out of Memnet")
	})
}

// While a login is renewed its person is who they were: what they write with another
// client is shown as theirs, and not as their ghost's.
func TestRenewedKeepsItsPerson(t *testing.T) {
	virtual(t, rigOptions{puppets: true}, func(r *rig) {
		var armed atomic.Bool
		stored := make(chan struct{})
		r.opts.Steps = func(n step.Name) {
			if n == step.Committing && armed.Load() {
				<-stored
			}
		}
		room := r.solo().portal("team")
		m := r.management(r.alice)
		r.ask(r.alice, m, "login "+string(netID), "ser name")
		r.ask(r.alice, m, "alice", "assword")
		release := r.stuck("team")
		r.say("alice", "team", "own")
		synctest.Wait()
		armed.Store(true)
		r.alice.SendText(m, "secret")
		synctest.Wait()
		release()
		time.Sleep(5 * time.Second)
		armed.Store(false)
		close(stored)
		r.sees(room, "own")
		r.equal("its sender", r.alice.ID, r.event(room, "own").Sender)
	})
}

// A file that was read through a login which has been signed out since is fetched
// through another one of the chat.
func TestFileOfDeadLogin(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.withLogins("@alice:test alice", "@bob:test bob")
		r.net.Channel("team", "alice", "bob", "carol")
		r.say("carol", "team", "begin")
		room := r.room("team")
		r.sees(room, "begin")
		release := r.stuck("team")
		r.net.CutAccount("bob") // so that alice reads it
		if _, err := r.net.User("carol").SayFile("team", network.Image, "a.png", "image/png", []byte("picture")); err != nil {
			t.Fatal(err)
		}
		r.say("carol", "team", "behind")
		synctest.Wait()
		r.net.Revoke("alice")
		time.Sleep(time.Minute)
		release()
		r.sees(room, "behind")
		r.equal("in the room", []string{"stuck", "a.png", "behind"}, r.bodies(room)[1:])
	})
}

// If there is no other login, the room is told what the file waits for, and it comes
// when its person is back.
func TestFileWaitsForLogin(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		m := r.management(r.alice)
		release := r.stuck("team")
		if _, err := r.net.User("carol").SayFile("team", network.Image, "a.png", "image/png", []byte("picture")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		r.net.Revoke("alice")
		time.Sleep(time.Minute)
		release()
		r.notice(room, `"a.png", waits until alice on Memnet is signed in`)
		time.Sleep(time.Hour)
		r.again(m)
		r.sees(room, "a.png")
		r.equal("notices", 1, len(r.notices(room)))
	})
}

// Who comes with a login of their own into a room that was made for another one may do
// there what that one may.
func TestLaterOwner(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.withLogins("@alice:test alice", "@bob:test bob")
		room := r.portal("team")
		r.net.Group("team", "bob")
		r.say("carol", "team", "welcome")
		r.wait("bob is invited", func() bool { return r.hs.Room(room).Membership(r.bob.ID) == "invite" })
		r.bob.Join(room)
		power := r.hs.Room(room).Power
		r.equal("levels", []int64{50, 50}, []int64{int64(power.Users[r.alice.ID]), int64(power.Users[r.bob.ID])})
	})
}

// What waited for more than a day asks before it leaves.
func TestStale(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		m := r.management(r.alice)
		up := r.net.Down()
		time.Sleep(10 * time.Second)
		r.alice.SendText(room, "old news")
		time.Sleep(25 * time.Hour)
		r.alice.SendText(room, "fresh")
		up()
		r.hears("team", "alice", "fresh")
		r.notice(room, "more than a day")
		r.equal("on the network", []string{"fresh"}, r.net.Texts("team", "alice"))
		r.ask(r.alice, m, "queue retry "+number(text(r.ask(r.alice, m, "queue", "Failed:"))), "queued again")
		r.hears("team", "alice", "old news")
	})
}

// Who has no account hears so, and can sign in and speak.
func TestWithoutLogin(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		r.alice.Invite(room, r.bob.ID)
		r.bob.Join(room)
		said := r.bob.SendText(room, "hello?")
		n := r.notice(room, "you have no account on Memnet")
		if relation(n).Reply.Event != said {
			t.Errorf("the notice answers %+v", relation(n))
		}
		r.bob.React(room, said, "👍")
		r.settle("team", room)
		r.equal("notices", 1, len(r.notices(room)))
	})
}

// Signing out ends the rooms of the account; what waited for it is told; signing
// in again brings the rooms back.
func TestSignOut(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.solo()
		m := r.management(r.alice)
		room := r.portal("team")
		up := r.net.Down()
		time.Sleep(5 * time.Second)
		r.alice.SendText(room, "stranded")
		r.ask(r.alice, m, "logout alice", "Signed out")
		r.notice(room, "no longer in this chat")
		r.wait("the stranded message is settled", func() bool {
			return slices.ContainsFunc(r.notices(room), func(s string) bool { return strings.Contains(s, "no account") }) || len(r.notices(room)) == 1
		})
		up()
		r.say("carol", "team", "nobody is here")
		r.again(m)
		r.say("carol", "team", "welcome back")
		r.sees(room, "welcome back")
		r.alice.SendText(room, "I am back")
		r.hears("team", "alice", "I am back")
	})
}

// A channel is joined by its alias, plumbed into a room, and unbridged.
func TestRelayedChannels(t *testing.T) {
	virtual(t, rigOptions{net: memnet.Options{Relay: "relay"}}, func(r *rig) {
		r.start()
		r.connected("relay")
		r.net.Channel("open", "carol")
		r.net.Channel("plumbed", "carol")
		room := r.bob.Join("#_cw_" + string(netID) + "_open:test")
		r.bob.SendText(room, "by alias")
		r.waitNet("it arrives", func() bool { return len(r.net.Texts("open", "relay")) == 1 })
		r.say("carol", "open", "hi bob")
		r.sees(room, "hi bob")

		own := r.alice.CreateRoom(map[string]any{"name": "Ours", "invite": []string{bot}, "preset": "private_chat"})
		r.notice(own, "!cw")
		r.ask(r.alice, own, "!cw plumb "+string(netID)+" plumbed", "Raise my power level to 50")
		r.alice.SetState(own, "m.room.power_levels", "", map[string]any{"users": map[string]int{bot: 50, "@alice:test": 100}, "invite": 50})
		r.ask(r.alice, own, "!cw plumb "+string(netID)+" plumbed confirm", "is bridged to")
		r.alice.SendText(own, "plumbed words")
		r.waitNet("they arrive", func() bool { return len(r.net.Texts("plumbed", "relay")) == 1 })
		r.say("carol", "plumbed", "hi alice")
		r.sees(own, "hi alice")
		if r.hs.Room(own).Name != "Ours" {
			t.Errorf("the room is called %q now", r.hs.Room(own).Name)
		}
		preview := text(r.ask(r.alice, own, "!cw unbridge", "unbridge confirm"))
		if !strings.Contains(preview, "1 bridged person") {
			t.Errorf("preview: %s", preview)
		}
		r.ask(r.alice, own, "!cw unbridge confirm", "not bridged any more")
		r.waitNet("the relay leaves", func() bool { return r.net.Standing("plumbed", "relay") == network.Left })
		r.wait("the ghosts leave", func() bool { return len(r.hs.Room(own).Joined()) == 2 })
		r.alice.SendText(own, "nobody hears")
		r.say("carol", "open", "still bridged")
		r.sees(room, "still bridged")
		r.ask(r.alice, own, "!cw plumb "+string(netID)+" plumbed confirm", "is bridged to")
		r.say("carol", "plumbed", "again")
		r.sees(own, "again")
		r.equal("relayed", 1, len(r.net.Texts("plumbed", "relay")))
	})
}

// A room of one's own account that was unbridged stays away until it is asked for.
func TestUnbridgeOwn(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.solo()
		m := r.management(r.alice)
		r.net.Channel("team", "alice", "carol")
		r.say("carol", "team", "begin")
		room := r.room("team")
		r.wait("alice is invited", func() bool { return r.hs.Room(room).Membership(r.alice.ID) == "invite" })
		r.alice.Join(room)
		r.sees(room, "begin")
		r.ask(r.alice, room, "!cw unbridge confirm", "not bridged any more")
		time.Sleep(time.Minute) // her spaces are there
		rooms := len(r.hs.Rooms())
		r.say("carol", "team", "not for alice")
		r.alice.SendText(room, "not for carol")
		time.Sleep(time.Minute)
		r.equal("rooms", rooms, len(r.hs.Rooms()))
		r.equal("on the network", []string(nil), r.net.Texts("team", "alice"))
		r.ask(r.alice, m, "join "+string(netID)+" team", "team")
		r.say("carol", "team", "for alice")
		r.wait("a new room", func() bool { return len(r.hs.Rooms()) == rooms+1 })
		r.sees(r.hs.Rooms()[rooms], "for alice")
	})
}

// Name and topic cross both ways and do not come back.
func TestNameAndTopic(t *testing.T) {
	each(t, map[string]rigOptions{"strong": {}, "echo by ID": {net: memnet.Options{Echo: memnet.EchoID}}, "puppets": {puppets: true}, "no echo": {net: memnet.Options{Echo: memnet.EchoNone}}}, func(r *rig) {
		room := r.solo().portal("team")
		count := func(kind string) (n int) {
			for _, e := range r.hs.Room(room).Timeline {
				if e.Type == kind {
					n++
				}
			}
			return n
		}
		for i := range 3 {
			if err := r.net.User("carol").SetTopic("team", fmt.Sprint("topic ", i)); err != nil {
				r.t.Fatal(err)
			}
		}
		if err := r.net.User("carol").SetName("team", "The Team"); err != nil {
			r.t.Fatal(err)
		}
		r.wait("name and topic", func() bool { s := r.hs.Room(room); return s.Topic == "topic 2" && s.Name == "The Team" })
		r.alice.SetTopic(room, "from Matrix")
		r.waitNet("alice's topic", func() bool { return r.net.Topic("team") == "from Matrix" })
		r.alice.SetTopic(room, "again from Matrix")
		r.waitNet("alice's topic", func() bool { return r.net.Topic("team") == "again from Matrix" })
		r.settle("team", room)
		if n := count("m.room.topic"); n != 5 {
			r.t.Errorf("%d topics in the room", n)
		}
		if n := count("m.room.name"); n != 2 {
			r.t.Errorf("%d names in the room", n)
		}
		r.equal("topic", "again from Matrix", r.hs.Room(room).Topic)
	})
}

// People who change their name do so in Matrix.
func TestRename(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.solo().portal("team")
		r.net.User("carol").Rename("Carolin")
		r.wait("the name", func() bool { return r.hs.Profile(ghost("carol"), "displayname") == "Carolin" })
	})
}

// A room that is upgraded takes the bridge along.
func TestRoomUpgrade(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		b := r.hs.User(bot)
		var made struct {
			Room string `json:"replacement_room"`
		}
		r.hs.User(bot).SetState(room, "m.room.power_levels", "", map[string]any{"users": map[string]int{bot: 100, "@alice:test": 100}})
		if err := r.alice.Do("POST", "rooms/"+room+"/upgrade", map[string]any{"new_version": "11"}, &made); err != nil {
			t.Fatal(err)
		}
		if r.hs.Room(made.Room).Membership(bot) == "" && r.hs.Room(made.Room).JoinRule != "public" {
			r.alice.Invite(made.Room, bot)
		}
		_ = b
		r.wait("the bot follows", func() bool { return r.hs.Room(made.Room).Membership(bot) == "join" })
		r.alice.SendText(made.Room, "new house")
		r.hears("team", "alice", "new house")
		r.say("carol", "team", "nice")
		r.sees(made.Room, "nice")
	})
}

// What is said in the room that follows another one, before the bot has moved there, is
// for its chat, also if the process ended meanwhile.
func TestRoomUpgradeInterrupted(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		r.hs.User(bot).SetState(room, "m.room.power_levels", "", map[string]any{"users": map[string]int{bot: 100, "@alice:test": 100}})
		next := r.alice.CreateRoom(map[string]any{"preset": "private_chat", "creation_content": map[string]any{"predecessor": map[string]any{"room_id": room, "event_id": "$none"}}})
		r.alice.SetState(room, "m.room.tombstone", "", map[string]any{"body": "moved", "replacement_room": next})
		time.Sleep(2 * time.Second) // the bot is not let in, which is tried again
		r.stop()
		r.alice.Invite(next, bot)
		r.hs.User(bot).Join(next)
		r.alice.SetState(next, "m.room.power_levels", "", map[string]any{"users": map[string]int{bot: 100, "@alice:test": 100}})
		r.alice.SendText(next, "new house")
		r.start()
		r.connected("alice")
		r.hears("team", "alice", "new house")
		r.say("carol", "team", "nice")
		r.sees(next, "nice")
	})
}

// Who types and who reads crosses both ways.
func TestTypingAndReceipts(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		if err := r.net.User("carol").Type("team", time.Minute); err != nil {
			t.Fatal(err)
		}
		r.wait("carol types", func() bool { return slices.Contains(r.hs.Room(room).Typing, ghost("carol")) })
		id := r.alice.SendText(room, "read me")
		r.hears("team", "alice", "read me")
		if err := r.net.User("carol").Read("team", r.message("team", "read me").ID); err != nil {
			t.Fatal(err)
		}
		r.wait("carol has read it", func() bool { return r.hs.Room(room).Receipt(ghost("carol"), "m.read", "") == id })
	})
}
