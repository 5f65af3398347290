package bridgekit_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// state reads a state event's content.
func state[T any](r *rig, room, kind, key string) (c T) {
	r.t.Helper()
	if e := r.hs.Room(room).State(kind, key); e != nil {
		if err := json.Unmarshal(e.Content, &c); err != nil {
			r.t.Errorf("%s: %v", kind, err)
		}
	}
	return c
}

// children lists the rooms in a space.
func (r *rig) children(space string) (out []string) {
	snap := r.hs.Room(space)
	for _, e := range snap.OfType("m.space.child") {
		c := state[struct {
			Via []string `json:"via"`
		}](r, space, "m.space.child", *e.StateKey)
		if len(c.Via) > 0 && !slices.Contains(out, *e.StateKey) {
			out = append(out, *e.StateKey)
		}
	}
	return out
}

// Each person has a space for each network, with one for each account inside it.
func TestSpaces(t *testing.T) {
	for _, puppets := range []bool{false, true} {
		t.Run(fmt.Sprint(puppets), func(t *testing.T) {
			virtual(t, rigOptions{puppets: puppets}, func(r *rig) {
				r.withLogins("@alice:test alice", "@alice:test alicia", "@bob:test bob")
				r.net.Group("team", "bob", "alicia")
				team, own := r.portal("team"), r.portal("own")
				outer := r.room("Memnet")
				first, second, third := r.room("alice on Memnet"), r.room("alicia on Memnet"), r.room("bob on Memnet")
				r.wait("the rooms are in", func() bool {
					return len(r.children(first)) == 2 && len(r.children(second)) == 1 && len(r.children(third)) == 1
				})
				var spaces []string
				for _, id := range r.hs.Rooms() {
					if c := state[map[string]any](r, id, "m.room.create", ""); c["type"] == "m.space" {
						spaces = append(spaces, r.hs.Room(id).Name)
						if r.hs.Room(id).Membership(r.alice.ID) != "" && r.hs.Room(id).Membership(r.bob.ID) != "" {
							t.Errorf("%s is for both", r.hs.Room(id).Name)
						}
						if puppets && len(r.hs.Room(id).Joined()) != 2 {
							t.Errorf("%s has %q", r.hs.Room(id).Name, r.hs.Room(id).Joined())
						}
					}
				}
				slices.Sort(spaces)
				r.equal("spaces", []string{"Memnet", "Memnet", "alice on Memnet", "alicia on Memnet", "bob on Memnet"}, spaces)
				for _, id := range r.hs.Rooms() {
					if r.hs.Room(id).Name == "Memnet" && r.hs.Room(id).Membership(r.alice.ID) != "" {
						outer = id
					}
				}
				want := []string{first, second}
				got := r.children(outer)
				slices.Sort(want)
				slices.Sort(got)
				r.equal("in the space of the network", want, got)
				both := []string{team, own}
				got = r.children(first)
				slices.Sort(both)
				slices.Sort(got)
				r.equal("in the space of the account", both, got)
				// Nothing is done twice.
				r.stop()
				n := len(r.hs.Rooms())
				r.start()
				r.connected("alice")
				r.settle("team", team)
				r.equal("rooms", n, len(r.hs.Rooms()))
				// Who is out of a chat has it no more.
				if err := r.net.User("carol").Remove("own", "alice", network.Left); err != nil {
					t.Fatal(err)
				}
				r.wait("the room is out", func() bool { return slices.Equal(r.children(first), []string{team}) })
			})
		})
	}
}

// Who leaves a space is not brought back, and who signs out has none.
func TestSpaceLeft(t *testing.T) {
	virtual(t, rigOptions{puppets: true}, func(r *rig) {
		r.solo()
		r.portal("team")
		space := r.room("alice on Memnet")
		r.wait("alice is in", func() bool { return r.hs.Room(space).Membership(r.alice.ID) == "join" })
		r.alice.Leave(space)
		r.portal("other")
		r.wait("the room is in", func() bool { return len(r.children(space)) == 2 })
		if m := r.hs.Room(space).Membership(r.alice.ID); m != "leave" {
			t.Errorf("alice is %s", m)
		}
		management := r.management(r.alice)
		r.ask(r.alice, management, "logout "+string(netID), "")
		r.wait("the space is left", func() bool { return len(r.hs.Room(space).Joined()) == 0 })
	})
}

func TestNoSpaces(t *testing.T) {
	virtual(t, rigOptions{config: func(c *config.Config) { c.People.Spaces = false }}, func(r *rig) {
		r.solo()
		room := r.portal("team")
		r.settle("team", room)
		for _, id := range r.hs.Rooms() {
			if c := state[map[string]any](r, id, "m.room.create", ""); c["type"] == "m.space" {
				t.Errorf("there is a space %s", r.hs.Room(id).Name)
			}
		}
	})
}

// A direct chat is among the person's own, beside what is listed there already, and
// called and pictured after whom it is with.
func TestDirect(t *testing.T) {
	virtual(t, rigOptions{puppets: true}, func(r *rig) {
		r.alice.SetAccountData("m.direct", map[string]any{"@x:test": []string{"!a:test", "!b:test"}, "odd": 7})
		r.solo()
		r.net.User("carol").SetAvatar([]byte("carol's face"))
		if _, err := r.net.User("carol").Tell("alice", "psst"); err != nil {
			t.Fatal(err)
		}
		room := r.room("Carol")
		r.wait("the list", func() bool {
			var all map[string]any
			return json.Unmarshal(r.alice.AccountData("m.direct"), &all) == nil && len(all) == 3
		})
		var all map[string]any
		if err := json.Unmarshal(r.alice.AccountData("m.direct"), &all); err != nil {
			t.Fatal(err)
		}
		r.equal("m.direct", map[string]any{"@x:test": []any{"!a:test", "!b:test"}, "odd": 7.0, ghost("carol"): []any{room}}, all)
		r.equal("service members", []string{bot, ghost("alice")}, state[struct {
			Members []string `json:"service_members"`
		}](r, room, "io.element.functional_members", "").Members)
		r.wait("the picture", func() bool {
			return r.hs.Room(room).Avatar != "" && r.hs.Profile(ghost("carol"), "avatar_url") == r.hs.Room(room).Avatar
		})
		before := r.hs.Room(room).Avatar
		r.net.User("carol").Rename("Caroline")
		r.wait("the new name", func() bool { return r.hs.Room(room).Name == "Caroline" })
		r.net.User("carol").SetAvatar([]byte("another face"))
		r.wait("the new picture", func() bool { return r.hs.Room(room).Avatar != before && r.hs.Room(room).Avatar != "" })
		// What they change themselves stands.
		r.alice.SetAccountData("m.direct", map[string]any{})
		r.stop()
		r.start()
		r.connected("alice")
		if _, err := r.net.User("carol").Tell("alice", "again"); err != nil {
			t.Fatal(err)
		}
		r.sees(room, "again")
		synctest.Wait()
		r.equal("m.direct", "{}", string(r.alice.AccountData("m.direct")))
	})
}

// An odd list of direct chats is left alone.
func TestDirectOdd(t *testing.T) {
	virtual(t, rigOptions{puppets: true}, func(r *rig) {
		r.alice.SetAccountData("m.direct", map[string]any{ghost("carol"): "odd"})
		r.solo()
		if _, err := r.net.User("carol").Tell("alice", "psst"); err != nil {
			t.Fatal(err)
		}
		r.sees(r.room("Carol"), "psst")
		time.Sleep(time.Minute)
		r.equal("m.direct", fmt.Sprintf(`{"%s":"odd"}`, ghost("carol")), string(r.alice.AccountData("m.direct")))
	})
}

// How somebody keeps a chat on the network, they have it in Matrix; what they did
// there themselves stays.
func TestKept(t *testing.T) {
	virtual(t, rigOptions{puppets: true}, func(r *rig) {
		r.withLogins("@alice:test alice", "@bob:test bob")
		keep := func(k network.Kept) {
			if err := r.net.User("alice").Keep("team", k); err != nil {
				t.Fatal(err)
			}
		}
		r.net.Group("team", "alice", "bob", "carol")
		keep(network.Kept{Muted: true, Tag: network.TagLow})
		room := r.portal("team")
		has := func(muted bool, tags ...string) {
			t.Helper()
			r.wait(fmt.Sprint(muted, tags), func() bool { return r.alice.Muted(room) == muted && slices.Equal(r.alice.Tags(room), tags) })
		}
		has(true, "m.lowpriority")
		keep(network.Kept{Tag: network.TagFavourite})
		has(false, "m.favourite")
		if err := r.alice.Do("PUT", "user/"+r.alice.ID+"/rooms/"+room+"/tags/u.mine", map[string]any{"order": 0.5}, nil); err != nil {
			t.Fatal(err)
		}
		keep(network.Kept{})
		has(false, "u.mine")
		if r.bob.Muted(room) || len(r.bob.Tags(room)) > 0 {
			t.Error("bob has what is alice's")
		}
	})
}

// The room says what it is bridged to and what can be said there.
func TestCapabilities(t *testing.T) {
	features := memnet.DefaultFeatures()
	features.MaxText, features.EditWindow, features.Threads = 123, time.Hour, false
	virtual(t, rigOptions{net: memnet.Options{Features: &features}}, func(r *rig) {
		r.solo()
		room := r.portal("team")
		key := "chat.causeway." + string(netID) + "/team"
		can := state[map[string]any](r, room, "com.beeper.room_features", key)
		for name, want := range map[string]any{"max_text_length": 123.0, "edit_max_age": 3600.0, "thread": 1.0, "reply": 2.0, "delete": 2.0, "typing_notifications": true} {
			if can[name] != want {
				t.Errorf("%s is %v, want %v", name, can[name], want)
			}
		}
		if pins, _ := can["state"].(map[string]any)["m.room.pinned_events"].(map[string]any); pins["level"] != 2.0 {
			t.Errorf("pins: %v", pins)
		}
		if err := r.net.User("carol").SetName("team", "The Team"); err != nil {
			t.Fatal(err)
		}
		r.wait("the name", func() bool { return r.hs.Room(room).Name == "The Team" })
		type section struct {
			ID   string `json:"id"`
			Name string `json:"displayname"`
		}
		type about struct{ Protocol, Channel section }
		for _, kind := range []string{"m.bridge", "uk.half-shot.bridge"} {
			r.wait(kind, func() bool {
				return state[about](r, room, kind, key) == about{section{"memnet", "Memnet"}, section{"team", "The Team"}}
			})
		}
		if n := len(r.hs.Room(room).OfType("com.beeper.room_features")); n != 1 {
			t.Errorf("it was said %d times", n)
		}
	})
}

// What is pinned on one side is pinned on the other; what is in the room only stays.
func TestPins(t *testing.T) {
	for _, echo := range []memnet.Echo{memnet.EchoTxn, memnet.EchoID, memnet.EchoNone} {
		t.Run(string(echo), func(t *testing.T) {
			virtual(t, rigOptions{net: memnet.Options{Echo: echo}}, func(r *rig) {
				r.solo()
				room := r.portal("team")
				first := r.say("carol", "team", "first")
				r.sees(room, "first")
				pinned := func() []string {
					return state[struct {
						Pinned []string `json:"pinned"`
					}](r, room, "m.room.pinned_events", "").Pinned
				}
				if err := r.net.User("carol").Pin("team", first, false); err != nil {
					t.Fatal(err)
				}
				one := r.event(room, "first").ID
				r.wait("a pin", func() bool { return slices.Equal(pinned(), []string{one}) })
				second := r.alice.SendText(room, "second")
				r.hears("team", "alice", "second")
				local := r.alice.Send(room, "org.example.odd", map[string]any{"body": "here only"})
				r.alice.SetState(room, "m.room.pinned_events", "", map[string]any{"pinned": []string{one, second, local}})
				r.waitNet("a pin", func() bool { return len(r.net.Pinned("team")) == 2 })
				r.equal("pinned on the network", []network.MessageID{first, r.message("team", "second").ID}, r.net.Pinned("team"))
				r.settle("team", room)
				n := len(r.hs.Room(room).OfType("m.room.pinned_events"))
				if err := r.net.User("carol").Pin("team", first, true); err != nil {
					t.Fatal(err)
				}
				r.wait("one less", func() bool { return slices.Equal(pinned(), []string{second, local}) })
				r.alice.SetState(room, "m.room.pinned_events", "", map[string]any{"pinned": []string{local}})
				r.waitNet("no pin", func() bool { return len(r.net.Pinned("team")) == 0 })
				r.settle("team", room)
				r.equal("pinned", []string{local}, pinned())
				r.equal("changes", n+2, len(r.hs.Room(room).OfType("m.room.pinned_events")))
			})
		})
	}
}

// A room's picture is the chat's, whoever changes it.
func TestAvatar(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.solo()
		r.net.Group("team", "alice", "carol")
		if err := r.net.SetAvatar("team", "carol", []byte("a picture")); err != nil {
			t.Fatal(err)
		}
		room := r.portal("team")
		r.wait("the picture", func() bool { return r.hs.Room(room).Avatar != "" })
		first := r.hs.Room(room).Avatar
		if err := r.net.SetAvatar("team", "carol", []byte("another one")); err != nil {
			t.Fatal(err)
		}
		r.wait("another picture", func() bool { return r.hs.Room(room).Avatar != first })
		mine := r.alice.Upload("mine.png", "image/png", []byte("alice's own"))
		r.alice.SetAvatar(room, mine)
		r.waitNet("alice's picture", func() bool { return string(r.net.Avatar("team")) == "alice's own" })
		r.settle("team", room)
		r.equal("the picture", mine, r.hs.Room(room).Avatar)
		r.equal("pictures", 3, len(r.hs.Room(room).OfType("m.room.avatar")))
	})
}

// Two user IDs of one person are one ghost from the day on which that is known.
func TestMerged(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.solo()
		r.net.Group("team", "alice", "carol", "dora")
		room := r.portal("team")
		before := r.say("dora", "team", "as dora")
		r.sees(room, "as dora")
		r.net.Merge("alice", "dora", "carol")
		r.wait("dora's ghost leaves", func() bool { return r.hs.Room(room).Membership(ghost("dora")) == "leave" })
		after := r.say("dora", "team", "as carol")
		r.sees(room, "as carol")
		r.equal("sender", ghost("carol"), r.event(room, "as carol").Sender)
		// What the other one said can still be changed.
		for _, id := range []network.MessageID{before, after} {
			if err := r.net.User("dora").Edit("team", id, "edited "+string(id)); err != nil {
				t.Fatal(err)
			}
		}
		edits := func() (out []*matrixtest.Event) {
			for _, e := range r.hs.Room(room).OfType("m.room.message") {
				if relation(e).Type == "m.replace" {
					out = append(out, e)
				}
			}
			return out
		}
		r.wait("the edits", func() bool { return len(edits()) == 2 })
		for _, e := range edits() {
			if of := r.hs.Room(room).Event(relation(e).Event); of.Sender != e.Sender {
				t.Errorf("%s edits what %s said", e.Sender, of.Sender)
			}
		}
		r.stop()
		r.start()
		r.connected("alice")
		r.say("dora", "team", "after a restart")
		r.sees(room, "after a restart")
		r.equal("sender", ghost("carol"), r.event(room, "after a restart").Sender)
	})
}

// A gap is filled where the network has its past, and told where it has none.
func TestGap(t *testing.T) {
	for _, catchUp := range []int{0, 3, 500} {
		t.Run(fmt.Sprint(catchUp), func(t *testing.T) {
			virtual(t, rigOptions{config: func(c *config.Config) { c.History.CatchUp = catchUp }}, func(r *rig) {
				r.solo()
				room := r.portal("team")
				r.settle("team", room)
				time.Sleep(time.Minute)
				from := time.Now()
				time.Sleep(time.Minute)
				r.net.Silently(func() {
					for i := range 10 {
						r.say("carol", "team", fmt.Sprint("missed ", i))
						time.Sleep(time.Second)
					}
				})
				r.net.Gap("alice", "team", from, time.Now())
				r.say("carol", "team", "after")
				r.sees(room, "after")
				want := []string{"after"}
				if catchUp > 0 {
					want = nil
					for i := 10 - min(catchUp, 10); i < 10; i++ {
						want = append(want, fmt.Sprint("missed ", i))
					}
					want = append(want, "after")
				}
				bodies := unsettled(r.bodies(room))
				r.equal("the room", want, bodies)
				told := slices.ContainsFunc(r.notices(room), func(s string) bool { return len(s) > 8 && s[:8] == "Messages" })
				r.equal("it is told", catchUp < 10, told)
			})
		})
	}
}
