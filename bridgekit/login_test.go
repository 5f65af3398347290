package bridgekit_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
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

// The bot's room for somebody who left it is made anew when there is something
// to say.
func TestManagementRoomGone(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.solo()
		m := r.management(r.alice)
		r.hs.User(bot).Leave(m)
		r.net.Revoke("alice")
		r.wait("a new room with the notice", func() bool {
			for _, id := range r.hs.Rooms() {
				if id != m && slices.ContainsFunc(r.notices(id), func(s string) bool { return strings.Contains(s, "needs you") }) {
					return true
				}
			}
			return false
		})
	})
}

// Who invites the bot while it makes a room to tell them something has invited it
// to the room in which it takes commands.
func TestManagementRoomTwice(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.solo()
		making := make(chan struct{})
		var once sync.Once
		r.hs.Faults.Set(func(c matrixtest.Call) (f matrixtest.Fault) {
			if c.Route == matrixtest.RouteCreateRoom && c.User == bot {
				once.Do(func() { close(making) })
				f.Latency = 5 * time.Second
			}
			return f
		})
		r.net.Revoke("alice")
		<-making
		m := r.management(r.alice)
		r.notice(m, "needs you")
		r.ask(r.alice, m, "list-logins", "signed out")
	})
}

// What is written to the bot while it comes in is answered like what comes later.
func TestCommandBeforeGreeting(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.start()
		r.hs.Faults.Set(func(c matrixtest.Call) matrixtest.Fault {
			if c.User == bot && c.Route == matrixtest.RouteMembers { // it is in, and looks who else is
				return matrixtest.Fault{Latency: 5 * time.Second}
			}
			return matrixtest.Fault{}
		})
		room := r.alice.CreateRoom(map[string]any{"is_direct": true, "invite": []string{bot}, "preset": "trusted_private_chat"})
		r.wait("the bot comes in", func() bool { return r.hs.Room(room).Membership(bot) == "join" })
		r.alice.SendText(room, "version")
		r.notice(room, "Hello")
		r.notice(room, "Causeway test")
	})
}
