package bridgekit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/command"
	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/web"
)

// read opens the database of a bridge that does not run and calls f.
func (r *rig) read(f func(ctx context.Context, db *store.DB)) {
	r.t.Helper()
	c := r.opts.Config
	db, err := store.Open(r.t.Context(), "sqlite:"+c.Database.Source, c.Key.For(config.KeySeal))
	if err != nil {
		r.t.Fatal(err)
	}
	f(r.t.Context(), db)
	if err := db.Close(); err != nil {
		r.t.Fatal(err)
	}
}

// A double puppet is on by itself, can be switched off and on, and stays so.
func TestPuppetSwitch(t *testing.T) {
	virtual(t, rigOptions{puppets: true}, func(r *rig) {
		r.solo()
		m := r.management(r.alice)
		room := r.portal("team")
		by := func(text string) string {
			t.Helper()
			r.say("alice", "team", text)
			r.sees(room, text)
			return r.event(room, text).Sender
		}
		r.equal("at first", "@alice:test", by("one"))
		r.ask(r.alice, m, "double-puppet", "shows under their own account")
		r.ask(r.alice, m, "double-puppet off", "does not want a double puppet")
		r.equal("when it is off", ghost("alice"), by("two"))
		r.stop()
		r.start()
		r.connected("alice")
		r.equal("after a restart", ghost("alice"), by("three"))
		r.ask(r.alice, m, "users", "double puppet off")
		r.ask(r.alice, m, "double-puppet on", "shows under their own account")
		r.equal("when it is on again", "@alice:test", by("four"))
		r.ask(r.alice, m, "double-puppet @bob:elsewhere", "no account on this homeserver")
	})
}

// The configuration switches double puppets off for all.
func TestPuppetsOff(t *testing.T) {
	virtual(t, rigOptions{puppets: true, config: func(c *config.Config) { c.People.DoublePuppets = false }}, func(r *rig) {
		r.solo()
		m := r.management(r.alice)
		room := r.portal("team")
		r.say("alice", "team", "mine")
		r.sees(room, "mine")
		r.equal("sender", ghost("alice"), r.event(room, "mine").Sender)
		r.ask(r.alice, m, "double-puppet", "not set up")
	})
}

// A person may have so many accounts, and renew those that they have.
func TestLoginLimit(t *testing.T) {
	virtual(t, rigOptions{config: func(c *config.Config) { c.Limits.Logins = 1 }}, func(r *rig) {
		r.withLogins("@bob:test bob")
		r.net.Account("bob2")
		m := r.management(r.bob)
		r.ask(r.bob, m, "login "+string(netID), "ser")
		r.ask(r.bob, m, "bob2", "assword")
		r.ask(r.bob, m, "secret", "as many as you may have")
		r.ask(r.bob, m, "login "+string(netID), "ser")
		r.ask(r.bob, m, "bob", "assword")
		r.ask(r.bob, m, "secret", "Signed in")
	})
}

// What a filter does not let have a room has none, by itself or by command; an
// administrator may make one.
func TestFilter(t *testing.T) {
	virtual(t, rigOptions{config: func(c *config.Config) {
		c.Filters = config.Filters{netID: {Allow: []string{"team*", "kind:direct"}, Deny: []string{"team-spam"}}}
	}}, func(r *rig) {
		r.withLogins("@bob:test bob", "@alice:test alice")
		for _, chat := range []string{"other", "team-spam", "team-one"} {
			r.net.Group(network.ChatID(chat), "bob", "carol")
			r.say("carol", chat, "hello "+chat)
		}
		dm := r.net.DM("carol", "bob")
		r.say("carol", string(dm), "hello you")
		room := r.room("team-one")
		r.sees(room, "hello team-one")
		direct := r.room("Carol")
		r.sees(direct, "hello you")
		time.Sleep(time.Minute)
		for _, id := range r.hs.Rooms() {
			if name := r.hs.Room(id).Name; name == "other" || name == "team-spam" {
				t.Errorf("%s has a room", name)
			}
		}
		r.net.Channel("team-spam2")
		r.net.Channel("outside")
		m := r.management(r.bob)
		r.ask(r.bob, m, "join "+string(netID)+" outside", "does not let this chat be bridged")
		r.ask(r.bob, m, "join "+string(netID)+" team-spam2", "You are in")
		r.ask(r.alice, r.management(r.alice), "join "+string(netID)+" outside", "You are in")
	})
}

// A person's accounts may have so many rooms; they are told, once.
func TestPortalLimit(t *testing.T) {
	virtual(t, rigOptions{config: func(c *config.Config) { c.Limits.Portals = 2 }}, func(r *rig) {
		r.withLogins("@bob:test bob")
		m := r.management(r.bob)
		for i := range 5 {
			chat := fmt.Sprint("chat", i)
			r.net.Group(network.ChatID(chat), "bob", "carol")
			r.say("carol", chat, "hello")
			time.Sleep(time.Minute)
		}
		r.notice(m, "more chats than I may bridge")
		rooms, told := 0, 0
		for _, id := range r.hs.Rooms() {
			if strings.HasPrefix(r.hs.Room(id).Name, "chat") {
				rooms++
			}
		}
		for _, n := range r.notices(m) {
			if strings.Contains(n, "more chats") {
				told++
			}
		}
		r.equal("rooms and notices", []int{2, 1}, []int{rooms, told})
		r.net.Channel("more")
		r.ask(r.bob, m, "join "+string(netID)+" more", "as many as you may have")
	})
}

// A flood of new people on the network makes no flood of ghosts: the bot says what
// they say, and what they change and remove is changed and removed.
func TestRemoteFlood(t *testing.T) {
	virtual(t, rigOptions{config: func(c *config.Config) { c.Limits.NewSenders = 5 }}, func(r *rig) {
		r.solo()
		admin := r.management(r.alice)
		room := r.portal("team") // carol is known
		time.Sleep(time.Minute)  // and the room is furnished
		ids := map[string]network.MessageID{}
		for i := range 40 {
			who := fmt.Sprint("raider", i)
			if err := r.net.User(network.UserID(who)).Join("team"); err != nil {
				t.Fatal(err)
			}
			ids[who] = r.say(who, "team", "I am "+who)
		}
		r.say("carol", "team", "what is that?")
		r.sees(room, "what is that?")
		time.Sleep(30 * time.Second)
		ghosts, texts := 0, 0
		for i := range 40 {
			who := fmt.Sprint("raider", i)
			if r.hs.Room(room).Membership(ghost(who)) == "join" {
				ghosts++
			}
			for _, e := range r.hs.Room(room).OfType("m.room.message") {
				if b := text(e); b == "I am "+who || b == "<"+name(who)+"> I am "+who {
					texts++
				}
			}
		}
		if ghosts > 10 || ghosts < 3 || texts != 40 {
			t.Errorf("%d ghosts and %d of 40 messages\n%s", ghosts, texts, r.dump())
		}
		r.notice(admin, "Many new people speak in team")
		who := ""
		for i := range 40 {
			if w := fmt.Sprint("raider", i); r.hs.Room(room).Membership(ghost(w)) == "" {
				who = w
			}
		}
		if err := r.net.User(network.UserID(who)).Edit("team", ids[who], "I was "+who); err != nil {
			t.Fatal(err)
		}
		edited := "* <" + name(who) + "> I was " + who
		r.wait("the edit", func() bool { return slices.Contains(r.notices(room), edited) })
		if err := r.net.User(network.UserID(who)).Redact("team", ids[who]); err != nil {
			t.Fatal(err)
		}
		r.wait("the removal", func() bool {
			return !slices.Contains(r.notices(room), "<"+name(who)+"> I am "+who)
		})
		r.equal("a ghost for it", "", r.hs.Room(room).Membership(ghost(who)))
		// When it is calm again, who comes is themselves.
		time.Sleep(5 * time.Minute)
		r.say(who, "team", "sorry")
		r.sees(room, "sorry")
		r.equal("sender when it is calm", ghost(who), r.event(room, "sorry").Sender)
		told := 0
		for _, n := range r.notices(admin) {
			if strings.Contains(n, "Many new people") {
				told++
			}
		}
		r.equal("how often it was told", 1, told)
	})
}

// A flood of new people in Matrix makes no flood of personas: the relay says what
// they say.
func TestMatrixFlood(t *testing.T) {
	virtual(t, rigOptions{net: memnet.Options{Relay: "relay"}, config: func(c *config.Config) {
		c.Limits.NewSenders = 3
		c.Permissions["*"] = config.LevelRelay
	}}, func(r *rig) {
		r.start()
		r.connected("relay")
		r.net.Channel("lobby")
		admin := r.management(r.alice)
		room := r.alice.CreateRoom(map[string]any{"preset": "public_chat", "name": "Hall"})
		r.alice.Invite(room, bot)
		r.wait("the bot", func() bool { return r.hs.Room(room).Membership(bot) == "join" })
		r.ask(r.alice, room, "!cw plumb "+string(netID)+" lobby confirm", "is bridged to")
		r.bob.Join(room)
		r.bob.SendText(room, "I am an old friend")
		r.waitNet("bob", func() bool { return r.net.Len("lobby") == 1 })
		for i := range 10 {
			u := r.hs.CreateUser(fmt.Sprint("raider", i), "pw")
			u.Join(room)
			u.SendText(room, "I am new")
		}
		r.bob.SendText(room, "what is that?")
		r.waitNet("all", func() bool { return r.net.Len("lobby") == 12 })
		personas, prefixed := 0, 0
		for _, m := range r.net.Messages("lobby") {
			if m.Content.Persona != nil {
				personas++
			} else if strings.Contains(m.Text, "raider") {
				prefixed++
			}
		}
		if personas < 4 || personas > 6 || personas+prefixed != 12 {
			t.Errorf("%d personas and %d in the relay's name: %+v", personas, prefixed, r.net.Messages("lobby"))
		}
		r.notice(admin, "Many new people speak in")
		r.ask(r.alice, admin, "users", "relayed 1")
	})
}

// What becomes of rooms when somebody signs out is chosen, by the kind of the room.
func TestLogoutCleanup(t *testing.T) {
	for name, one := range map[string]struct {
		logout config.Logout
		// what holds afterwards of bob in the private room, the shared one and the
		// one in which nobody else is signed in, and how many portals are left
		private, shared, last string
		portals               int
	}{
		"default":  {config.Defaults().Logout, "join", "leave", "join", 3},
		"nothing":  {config.Logout{Private: config.CleanupNothing, Shared: config.CleanupNothing, Last: config.CleanupNothing}, "join", "join", "join", 3},
		"kick":     {config.Logout{Private: config.CleanupKick, Shared: config.CleanupKick, Last: config.CleanupKick}, "leave", "leave", "leave", 3},
		"unbridge": {config.Logout{Private: config.CleanupUnbridge, Shared: config.CleanupKick, Last: config.CleanupUnbridge}, "join", "leave", "join", 1},
		"delete":   {config.Logout{Private: config.CleanupDelete, Shared: config.CleanupNothing, Last: config.CleanupDelete}, "leave", "join", "leave", 1},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, rigOptions{puppets: true, config: func(c *config.Config) { c.Logout = one.logout }}, func(r *rig) {
				r.withLogins("@bob:test bob", "@alice:test alice")
				r.net.Group("shared", "bob", "alice", "carol")
				r.net.Group("last", "bob", "carol")
				dm := string(r.net.DM("carol", "bob"))
				for _, chat := range []string{"shared", "last", dm} {
					r.say("carol", chat, "hello")
				}
				rooms := []string{r.room("Carol"), r.room("shared"), r.room("last")}
				for _, room := range rooms {
					r.sees(room, "hello")
					r.wait("bob is in", func() bool { return r.hs.Room(room).Membership("@bob:test") == "join" })
				}
				r.ask(r.bob, r.management(r.bob), "logout bob", "Signed out")
				time.Sleep(time.Minute)
				var got []string
				for _, room := range rooms {
					got = append(got, r.hs.Room(room).Membership("@bob:test"))
				}
				r.equal("bob", []string{one.private, one.shared, one.last}, got)
				r.equal("alice", "join", r.hs.Room(rooms[1]).Membership("@alice:test"))
				r.say("carol", "shared", "still here?")
				r.sees(rooms[1], "still here?")
				r.stop()
				r.read(func(ctx context.Context, db *store.DB) {
					all, err := db.Portals(ctx, "")
					if err != nil || len(all) != one.portals {
						t.Errorf("%d portals, want %d: %+v, %v", len(all), one.portals, all, err)
					}
				})
			})
		})
	}
}

// What is stored about somebody is given out, and removed, and nobody else's is.
func TestExportAndForget(t *testing.T) {
	virtual(t, rigOptions{puppets: true}, func(r *rig) {
		r.withLogins("@bob:test bob", "@alice:test alice")
		r.net.Group("shared", "bob", "alice", "carol")
		dm := string(r.net.DM("carol", "bob"))
		for _, chat := range []string{"shared", dm} {
			r.say("carol", chat, "hello")
		}
		room, private := r.room("shared"), r.room("Carol")
		for _, one := range []string{room, private} {
			r.sees(one, "hello")
			r.wait("bob is in", func() bool { return r.hs.Room(one).Membership("@bob:test") == "join" })
		}
		event := r.bob.SendText(room, "my words")
		r.hears("shared", "bob", "my words")
		r.bob.Send(room, "m.room.message", map[string]any{"msgtype": "m.image", "body": "x"}) // it fails: there is no file
		m := r.management(r.bob)
		r.ask(r.bob, m, "double-puppet off", "does not want")
		time.Sleep(time.Minute)

		r.ask(r.bob, m, "export", "all that I store")
		var out struct {
			User   string
			Logins []struct{ ID, User string }
			Rooms  []struct {
				Room    string
				Private bool
			}
			Messages []struct{ Event string }
			Settings struct {
				NoDoublePuppet bool `json:"no_double_puppet"`
			}
			Failed int `json:"failed_messages"`
		}
		var file struct{ URL string }
		for _, e := range r.hs.Room(m).OfType("m.room.message") {
			if e.Sender == bot && strings.Contains(string(e.Content), "causeway-bob.json") {
				if err := json.Unmarshal(e.Content, &file); err != nil {
					t.Fatal(err)
				}
			}
		}
		media, _ := r.hs.Media(file.URL)
		if err := json.Unmarshal(media.Data, &out); err != nil {
			t.Fatal(err)
		}
		if out.User != "@bob:test" || len(out.Logins) != 1 || len(out.Rooms) != 2 || len(out.Messages) != 1 || out.Messages[0].Event != event || !out.Settings.NoDoublePuppet || out.Failed != 1 {
			t.Errorf("exported: %+v", out)
		}

		r.ask(r.bob, m, "forget", "1 room of a private chat")
		r.ask(r.bob, m, "logins", "connected") // the preview has done nothing
		r.ask(r.bob, m, "forget confirm", "Forgotten")
		time.Sleep(time.Minute)
		r.equal("bob in the shared room", "leave", r.hs.Room(room).Membership("@bob:test"))
		// What others do to bob's message still works.
		r.ask(r.alice, r.management(r.alice), "forget @bob:test", "Nothing is stored")
		if err := r.net.User("bob").Redact("shared", r.message("shared", "my words").ID); err != nil {
			t.Fatal(err)
		}
		r.wait("it is removed in Matrix", func() bool { return !slices.Contains(r.bodies(room), "my words") })
		r.say("carol", "shared", "and on")
		r.sees(room, "and on")
		r.stop()
		r.read(func(ctx context.Context, db *store.DB) {
			f, err := db.Footprint(ctx, "@bob:test")
			if err != nil || f.Management != "" || f.Settings != (store.Settings{}) || len(f.Messages)+len(f.Speaks) > 0 {
				t.Errorf("left: %+v, %v", f, err)
			}
			for table, column := range map[string]string{"login": "owner", "matrix_user": "mxid", "message": "sender", "speaker": "mxid"} {
				var n int
				if _, err := db.One(ctx, "SELECT COUNT(*) FROM "+table+" WHERE "+column+" = ?", []any{"@bob:test"}, &n); err != nil || n != 0 {
					t.Errorf("%d rows of %s name bob, %v", n, table, err)
				}
			}
			if own, err := db.PortalsOf(ctx, netID, "bob"); err != nil || len(own) != 0 {
				t.Errorf("private portals: %+v, %v", own, err)
			}
			if logins, err := db.Logins(ctx); err != nil || len(logins) != 1 {
				t.Errorf("logins: %+v, %v", logins, err)
			}
		})
	})
}

// The program asks the running one, with the same words as the bot.
func TestOperatorsOverSocket(t *testing.T) {
	r := newRig(t, rigOptions{})
	r.opts.Control = filepath.Join(t.TempDir(), "cw.sock")
	r.withLogins("@alice:test alice", "@bob:test bob")
	room := r.portal("team")
	c := web.NewClient(r.opts.Control)
	ask := func(name string, args ...string) command.Report {
		t.Helper()
		var rep command.Report
		if err := c.Command(t.Context(), name, args, &rep); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return rep
	}
	for _, op := range command.Operators() {
		if op.Name == "users" || op.Name == "portals" || op.Name == "logins" || op.Name == "health" {
			if rep := ask(op.Name); len(rep.Rows) == 0 || len(rep.Items) == 0 || len(rep.Rows[0]) != len(rep.Columns) {
				t.Errorf("%s: %+v", op.Name, rep)
			}
		}
	}
	var rooms []command.RoomView
	if err := json.Unmarshal(ask("portals").Items, &rooms); err != nil || len(rooms) != 1 || rooms[0].Room != id.RoomID(room) || rooms[0].Name != "team" {
		t.Errorf("portals: %+v, %v", rooms, err)
	}
	if rep := ask("set-relay", room, string(netID), "alice"); !strings.Contains(rep.Words, "through alice on Memnet") {
		t.Errorf("set-relay: %+v", rep)
	}
	if rep := ask("portals"); len(rep.Rows) != 1 || !slices.Contains(rep.Rows[0], "alice") {
		t.Errorf("portals with a relay: %+v", rep)
	}
	if rep := ask("unset-relay", room); !strings.Contains(rep.Words, "not heard") {
		t.Errorf("unset-relay: %+v", rep)
	}
	if rep := ask("forget", "@bob:test"); !strings.Contains(rep.Words, "bob") {
		t.Errorf("forget: %+v", rep)
	}
	ask("forget", "@bob:test", "confirm")
	if rep := ask("forget", "@bob:test"); !strings.Contains(rep.Words, "Nothing is stored") {
		t.Errorf("forget again: %+v", rep)
	}
	var rep command.Report
	for _, bad := range [][]string{{"forget"}, {"forget", "bob"}, {"users", "a", "b"}, {"nothing"}, {"login"}, {"set-relay"}, {"set-relay", "!no:test"}, {"set-relay", room, "nobody"}, {"unset-relay", room, string(netID), "more"}} {
		if err := c.Command(t.Context(), bad[0], bad[1:], &rep); err == nil {
			t.Errorf("%v worked: %+v", bad, rep)
		}
	}
}

// name is what the network calls an account.
func name(account string) string { return strings.ToUpper(account[:1]) + account[1:] }
