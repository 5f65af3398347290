package bridgekit_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/hub"
	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// Whoever has an account on the other network speaks as themselves there, also what
// they say from their phone; everybody else under a name that is nobody else's.
func TestHubIdentity(t *testing.T) {
	plain := memnet.DefaultFeatures()
	plain.Personas = false
	o := hubRigOptions{each: func(name string, o *memnet.Options) {
		if name == "b" {
			o.Features = &plain
		}
	}}
	o.config = func(c *config.Config) {
		c.Networks = config.Networks{{ID: "mem.b", RelayFormat: "<b>{name}</b>: "}}
	}
	inHub(t, o, func(r *hubRig) {
		r.user("eve", "Ann\u200b") // as the ghost of ann is called
		r.user("zoe", "\u202eZoe <b>bold</b>")
		eve, zoe := r.people["eve"], r.people["zoe"]
		eve.SendText(r.room, "I am Ann")
		zoe.SendText(r.room, "I am Zoe")
		r.gets("Ann (@eve:test): I am Ann", "b")
		r.gets("Zoe bbold/b: I am Zoe", "b")
		r.gets("I am Ann", "a")
		r.equal("persona", "Ann (@eve:test)", r.on("a", "I am Ann").Content.Persona.Name)
		r.says("a", "I am")
		r.gets("I am", "c")
		r.equal("ann's persona", "Ann (@_cw_mem.a_ann:test)", r.on("c", "I am").Content.Persona.Name)
		r.equal("the format is text", 0, len(slices.DeleteFunc(r.texts("b"), func(s string) bool { return !strings.Contains(s, "\u202e") })))
	})
}

// People of other bridges are carried like everybody, or not at all; nobody makes an
// account for them.
func TestHubBridges(t *testing.T) {
	o := hubRigOptions{nets: []string{"a", "b"}}
	o.config = func(c *config.Config) {
		c.Hub.Bridges = map[string]hub.Manner{"@tg_*:test": hub.Relay, "@x_*:test": hub.Ignore}
	}
	inHub(t, o, func(r *hubRig) {
		r.user("tg_tom", "Tom")
		r.user("x_tim", "Tim")
		r.people["x_tim"].SendText(r.room, "ignored")
		r.people["tg_tom"].SendText(r.room, "carried")
		r.gets("carried", "a", "b")
		r.quiet()
		r.equal("ignored", 0, r.count("a", "ignored")+r.count("b", "ignored"))
		if p := r.on("a", "carried").Content.Persona; p == nil || !p.Bridged {
			t.Errorf("the persona is %+v", p)
		}
	})
}

// The ban list keeps people of any side from being heard, and purge removes what
// they said, everywhere.
func TestHubModeration(t *testing.T) {
	inHub(t, hubRigOptions{}, func(r *hubRig) {
		r.alice.SetState(r.room, "m.room.power_levels", "", map[string]any{"users": map[string]int{"@alice:test": 100, bot: 100}})
		for i := range 3 {
			r.says("a", fmt.Sprint("spam ", i))
			r.bob.SendText(r.room, fmt.Sprint("ham ", i))
		}
		r.gets("spam 2", "b", "c")
		r.gets("ham 2", "a", "b", "c")
		r.quiet()
		r.ask(r.alice, r.room, "!cw hub purge mem.a/ann 1h", "3 messages")
		r.ask(r.alice, r.room, "!cw hub ban mem.a/ann spam", "nothing is carried")
		r.eventually("ann is banned from the network too", func() bool { return r.nets["a"].Standing(town, "ann") == network.Banned })
		for name := range r.nets {
			r.eventually("spam is gone on "+name, func() bool {
				return !slices.ContainsFunc(r.texts(name), func(s string) bool { return strings.HasPrefix(s, "spam") })
			})
			r.equal("ham on "+name, 1, r.count(name, "ham 1"))
		}
		r.ask(r.alice, r.room, "!cw hub purge @bob:test", "3 messages")
		r.ask(r.alice, r.room, "!cw hub ban @*:test", "nothing is carried")
		r.bob.SendText(r.room, "still there")
		r.ask(r.alice, r.room, "!cw hub bans", "@*:test")
		r.ask(r.alice, r.room, "!cw hub unban @*:test", "heard again")
		r.bob.SendText(r.room, "heard")
		r.gets("heard", "a", "b", "c")
		for name := range r.nets {
			r.equal("said while banned, on "+name, 0, r.count(name, "still there"))
			r.equal("purged, on "+name, 0, r.count(name, "ham 1"))
		}
		r.ask(r.bob, r.room, "!cw hub unban mem.a/ann", "Only moderators")
		r.ask(r.alice, r.room, "!cw hub unban mem.a/ann", "heard again")
		r.equal("ann may come back", network.Left, r.nets["a"].Standing(town, "ann"))
		if err := r.nets["a"].User("ann").Join(town); err != nil {
			t.Fatal(err)
		}
		r.says("a", "I am back")
		r.gets("I am back", "b", "c")
		r.sees(r.room, "I am back")
	})
}

// What somebody said while they were banned does not cross when the ban is lifted before
// their network, or the one it goes to, is back; what they say then does.
func TestHubBanLifted(t *testing.T) {
	inHub(t, hubRigOptions{nets: []string{"a", "b"}}, func(r *hubRig) {
		up := r.nets["b"].Down()
		r.bob.SendText(r.room, "before")
		r.gets("before", "a")
		r.ask(r.alice, r.room, "!cw hub ban @*:test", "nothing is carried")
		r.bob.SendText(r.room, "while banned")
		r.rest()
		r.ask(r.alice, r.room, "!cw hub unban @*:test", "heard again")
		r.bob.SendText(r.room, "after")
		r.gets("after", "a")
		r.ask(r.alice, r.room, "!cw hub bans", "Nobody is on")
		r.stop() // it is known over a restart
		r.start()
		up()
		r.gets("after", "b")
		r.rest()
		for _, name := range []string{"a", "b"} {
			r.equal("said while banned, on "+name, 0, r.count(name, "while banned"))
			r.equal("said afterwards, on "+name, 1, r.count(name, "after"))
		}
	})
}

// Who comes and goes is told where the edge wants it, and files go as links.
func TestHubJoins(t *testing.T) {
	inHub(t, hubRigOptions{nets: []string{"a", "b"}}, func(r *hubRig) {
		r.setHub("b", "joins", "yes")
		if err := r.nets["a"].User("new").Join(town); err != nil {
			t.Fatal(err)
		}
		r.gets("New joined on Net A", "b")
		if err := r.nets["a"].User("new").Leave(town); err != nil {
			t.Fatal(err)
		}
		r.gets("New left on Net A", "b")
		r.user("dan", "Dan")
		r.gets("Dan joined", "b")
		r.people["dan"].SetDisplayName("Daniel")
		r.people["dan"].Leave(r.room)
		r.gets("Daniel left", "b")
		r.quiet()
		r.equal("joined twice", 1, r.count("b", "Dan joined")+r.count("b", "Daniel joined"))
		r.equal("lines on a", []string{"quiet?"}, r.texts("a"))
	})
}

// Whoever has an account on another network speaks there as themselves, also from
// their phone on a third; and what they remove there, their own, is removed everywhere.
func TestHubOwnAccounts(t *testing.T) {
	o := hubRigOptions{}
	o.puppets = true
	inHub(t, o, func(r *hubRig) {
		for _, name := range []string{"a", "b"} {
			r.signInTo(r.bob, name, "bob")
			if err := r.nets[name].User("bob").Join(town); err != nil {
				t.Fatal(err)
			}
		}
		r.quiet()
		r.bob.SendText(r.room, "from Matrix")
		r.gets("from Matrix", "a", "b", "c")
		phone, err := r.nets["a"].User("bob").Say(town, "from my phone")
		if err != nil {
			t.Fatal(err)
		}
		r.gets("from my phone", "b", "c")
		for _, text := range []string{"from Matrix", "from my phone"} {
			got := map[string]network.UserID{}
			for name := range r.nets {
				got[name] = r.on(name, text).Sender
			}
			r.equal("who says "+text, map[string]network.UserID{"a": "bob", "b": "bob", "c": "relay"}, got)
		}
		r.equal("who says it in the room", r.bob.ID, r.event(r.room, "from my phone").Sender)
		if err := r.nets["a"].User("bob").Edit(town, phone, "from my telephone"); err != nil {
			t.Fatal(err)
		}
		r.gets("from my telephone", "b", "c")
		for _, id := range []network.MessageID{phone, r.on("a", "from Matrix").ID} {
			if err := r.nets["a"].User("bob").Redact(town, id); err != nil {
				t.Fatal(err)
			}
		}
		for name := range r.nets {
			r.eventually("nothing is left on "+name, func() bool { return r.count(name, "from my telephone")+r.count(name, "from Matrix") == 0 })
		}
		r.quiet()
		for name := range r.nets {
			r.equal(name, 0, r.count(name, "from my phone"))
		}
	})
}

// A network's moderator bans one of our people: the room does, if the edge's policy
// says that they may.
func TestHubExpelled(t *testing.T) {
	inHub(t, hubRigOptions{nets: []string{"a", "b"}}, func(r *hubRig) {
		r.alice.SetState(r.room, "m.room.power_levels", "", map[string]any{"users": map[string]int{"@alice:test": 100, bot: 100}})
		r.setHub("a", "moderators", "ban")
		r.nets["a"].SetLevel(town, "mod", 50)
		r.user("dan", "Dan")
		for _, u := range []*matrixtest.User{r.bob, r.people["dan"]} {
			account := strings.TrimSuffix(strings.TrimPrefix(u.ID, "@"), ":test")
			r.signInTo(u, "a", account)
			if err := r.nets["a"].User(network.UserID(account)).Join(town); err != nil {
				t.Fatal(err)
			}
			r.quiet() // it is known that they are there
			u.SendText(r.room, account+" is here")
			r.gets(account+" is here", "b")
			r.eventually(account+" speaks there", func() bool { return r.on("a", account+" is here").Sender == network.UserID(account) })
		}
		if err := r.nets["a"].User("ann").Remove(town, "dan", network.Banned); err != nil { // by no moderator
			t.Fatal(err)
		}
		if err := r.nets["a"].User("mod").Remove(town, "bob", network.Banned); err != nil {
			t.Fatal(err)
		}
		r.eventually("bob is banned", func() bool { return r.hs.Room(r.room).Membership(r.bob.ID) == "ban" })
		r.ask(r.alice, r.room, "!cw hub bans", r.bob.ID)
		if m := r.hs.Room(r.room).Membership(r.people["dan"].ID); m == "ban" {
			t.Errorf("dan is %q in the room", m)
		}
	})
}
