package bridgekit_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/hub"
	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// What each side says reaches all others once and in its order, and nobody hears
// themselves.
func TestHub(t *testing.T) {
	inHub(t, hubRigOptions{}, func(r *hubRig) {
		const each = 20
		for i := range each {
			r.says("a", fmt.Sprint("a", i))
			r.bob.SendText(r.room, fmt.Sprint("m", i))
			r.says("b", fmt.Sprint("b", i))
			r.says("c", fmt.Sprint("c", i))
		}
		r.quiet()
		for name := range r.nets {
			for _, from := range []string{"a", "b", "c", "m"} {
				var got, want []string
				for _, s := range r.texts(name) {
					if strings.HasPrefix(s, from) {
						got = append(got, s)
					}
				}
				for i := range each {
					want = append(want, fmt.Sprint(from, i))
				}
				r.equal(from+" on "+name, want, got)
			}
		}
		r.equal("messages in the room", 4*each, len(slices.DeleteFunc(r.bodies(r.room), func(s string) bool { return strings.HasPrefix(s, "!") || s == "quiet?" })))
		who := r.on("b", "a3").Content.Persona
		r.equal("who says it", &network.Persona{MXID: "@_cw_mem.a_ann:test", Name: "Ann", Network: "Net A", Bridged: true}, who)
	})
}

// Replies, threads, edits, reactions and redactions find the right copy on each
// network, whoever makes them.
func TestHubRelations(t *testing.T) {
	inHub(t, hubRigOptions{}, func(r *hubRig) {
		r.setHub("c", "reactions", "relay")
		first := r.says("a", "what do you think?")
		r.gets("what do you think?", "b", "c")
		there := r.on("b", "what do you think?").ID
		if _, err := r.nets["b"].User("ben").Send(town, network.Content{Parts: network.Text("much").Parts, Reply: &network.Ref{ID: there, Part: -1}}); err != nil {
			t.Fatal(err)
		}
		r.gets("much", "a", "c")
		for name, want := range map[string]network.MessageID{"a": first, "c": r.on("c", "what do you think?").ID} {
			if reply := r.on(name, "much").Content.Reply; reply == nil || reply.ID != want {
				t.Errorf("on %s it answers %v, not %s", name, reply, want)
			}
		}
		r.bob.Reply(r.room, r.event(r.room, "much").ID, "indeed")
		r.bob.SendThread(r.room, r.event(r.room, "what do you think?").ID, "aside")
		r.gets("aside", "a", "b", "c")
		for _, name := range []string{"a", "b", "c"} {
			if reply := r.on(name, "indeed").Content.Reply; reply == nil || reply.ID != r.on(name, "much").ID {
				t.Errorf("on %s it answers %v", name, reply)
			}
			if thread := r.on(name, "aside").Content.Thread; thread == nil || thread.ID != r.on(name, "what do you think?").ID {
				t.Errorf("on %s it is in thread %v", name, thread)
			}
		}
		if err := r.nets["a"].User("ann").Edit(town, first, "what do you all think?"); err != nil {
			t.Fatal(err)
		}
		r.gets("what do you all think?", "b", "c")
		if err := r.nets["b"].User("ben").React(town, there, "🎉", false); err != nil {
			t.Fatal(err)
		}
		r.eventually("the reaction on c", func() bool { return len(r.on("c", "what do you all think?").Reactions["relay"]) == 1 })
		r.equal("reactions that are ignored", 0, len(r.on("a", "what do you all think?").Reactions))
		if err := r.nets["b"].User("ben").React(town, there, "🎉", true); err != nil {
			t.Fatal(err)
		}
		r.eventually("no reaction on c", func() bool { return len(r.on("c", "what do you all think?").Reactions["relay"]) == 0 })
		if err := r.nets["a"].User("ann").Redact(town, first); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"b", "c"} {
			r.eventually("the removal on "+name, func() bool { return !slices.Contains(r.texts(name), "what do you all think?") })
		}
		r.quiet()
	})
}

// Reactions of relayed people as the edge wants them: several people make one reaction
// of the relay, which goes with the last of them; or lines of text.
func TestHubReactions(t *testing.T) {
	inHub(t, hubRigOptions{nets: []string{"a", "b"}}, func(r *hubRig) {
		r.setHub("a", "reactions", "relay")
		r.setHub("b", "reactions", "text")
		r.says("a", "yes?")
		r.gets("yes?", "b")
		on := r.event(r.room, "yes?").ID
		mine := r.bob.React(r.room, on, "👍")
		hers := r.alice.React(r.room, on, "👍")
		r.gets("alice reacted with 👍", "b")
		r.gets("bob reacted with 👍", "b")
		standing := func() int { return len(r.on("a", "yes?").Reactions["relay"]) }
		r.eventually("the relay's reaction", func() bool { return standing() == 1 })
		r.bob.Redact(r.room, mine, "")
		r.eventually("bob's line is gone", func() bool { return r.count("b", "bob reacted with 👍") == 0 })
		r.quiet()
		r.equal("standing reactions", 1, standing())
		r.alice.Redact(r.room, hers, "")
		r.eventually("no reaction", func() bool { return standing() == 0 })
		r.quiet()
		r.equal("reactions shown in the room by the relay", 0, len(slices.DeleteFunc(r.hs.Room(r.room).OfType("m.reaction"), func(e *matrixtest.Event) bool { return !strings.HasPrefix(e.Sender, "@_cw_") })))
	})
}

// A network removes its copy: it stays elsewhere. A moderator of the network removes
// it everywhere, if the policy does not say otherwise.
func TestHubCopyRemoved(t *testing.T) {
	for _, ids := range []network.IDs{network.IDsShared, network.IDsPerLogin} {
		t.Run(string(ids), func(t *testing.T) { testHubCopyRemoved(t, ids) })
	}
}

func testHubCopyRemoved(t *testing.T, ids network.IDs) {
	of := func(name string, o *memnet.Options) {
		f := memnet.DefaultFeatures()
		f.IDs = ids
		o.Features = &f
	}
	inHub(t, hubRigOptions{each: of}, func(r *hubRig) {
		r.signInTo(r.alice, "b", "alice") // so that two read there
		if err := r.nets["b"].User("alice").Join(town); err != nil {
			t.Fatal(err)
		}
		r.rest()
		r.nets["b"].SetLevel(town, "mod", 50)
		for _, text := range []string{"one", "two", "three"} {
			r.says("a", text)
			r.gets(text, "b", "c")
		}
		remove := func(who network.UserID, text string) {
			t.Helper()
			if err := r.nets["b"].User(who).Redact(town, r.on("b", text).ID); err != nil {
				t.Fatal(err)
			}
		}
		remove("ben", "one")
		remove("mod", "two")
		r.eventually("removal everywhere", func() bool { return r.count("a", "two")+r.count("c", "two") == 0 })
		r.setHub("b", "moderators", "none")
		remove("mod", "three")
		r.quiet()
		for name, want := range map[string][]string{"a": {"one", "three"}, "b": nil, "c": {"one", "three"}} {
			got := slices.DeleteFunc(r.texts(name), func(s string) bool { return s == "quiet?" })
			r.equal("what is left on "+name, append([]string{}, want...), append([]string{}, got...))
		}
	})
}

// One network is down: its copies wait, the others' do not, and all are there when it
// is back.
func TestHubOneDown(t *testing.T) {
	inHub(t, hubRigOptions{}, func(r *hubRig) {
		r.says("a", "before")
		r.gets("before", "b", "c")
		up := r.nets["c"].Down()
		var want []string
		for i := range 30 {
			want = append(want, fmt.Sprint("while ", i))
			r.says("a", want[i])
		}
		r.gets("while 29", "b")
		r.says("a", "withdrawn")
		r.gets("withdrawn", "b")
		if err := r.nets["a"].User("ann").Redact(town, r.on("a", "withdrawn").ID); err != nil {
			t.Fatal(err)
		}
		if err := r.nets["a"].User("ann").Edit(town, r.on("a", "while 7").ID, "while seven"); err != nil {
			t.Fatal(err)
		}
		want[7] = "while seven"
		r.gets("while seven", "b")
		time.Sleep(time.Minute)
		up()
		r.quiet()
		got := r.texts("c")
		r.equal("what came to c", append(append([]string{"before"}, want...), "quiet?"), got)
	})
}

// A copy that a network refuses is one notice in the room, and the others get theirs.
func TestHubRefused(t *testing.T) {
	inHub(t, hubRigOptions{}, func(r *hubRig) {
		r.nets["b"].Fail(func(op string, _ network.ChatID) error {
			if op == "send" {
				return network.Errorf(network.Rejected, "that is too rude", "test")
			}
			return nil
		})
		r.says("a", "something")
		r.gets("something", "c")
		r.notice(r.room, "Not delivered to Net B: that is too rude")
		r.nets["b"].Fail(nil)
		r.quiet()
		n := 0
		for _, s := range r.notices(r.room) {
			if strings.Contains(s, "rude") {
				n++
			}
		}
		r.equal("notices", 1, n)
		for name := range r.nets {
			for _, s := range r.texts(name) {
				if strings.Contains(s, "rude") || strings.Contains(s, "!cw") || strings.Contains(s, "bridged to") {
					t.Errorf("on %s stands %q", name, s)
				}
			}
		}
	})
}

// Edges that carry one way or none.
func TestHubDirections(t *testing.T) {
	inHub(t, hubRigOptions{}, func(r *hubRig) {
		r.setHub("a", "direction", "in")
		r.setHub("b", "direction", "out")
		r.says("a", "from a")
		r.says("b", "from b")
		r.says("c", "from c")
		r.bob.SendText(r.room, "from bob")
		r.gets("from bob", "b", "c")
		r.gets("from a", "b", "c")
		r.gets("from c", "b")
		r.setHub("a", "direction", "both")
		r.setHub("c", "direction", "none")
		r.alice.SendText(r.room, "last")
		r.gets("last", "a", "b")
		for name, want := range map[string][]string{"a": {"from a", "last"}, "b": {"from a", "from b", "from bob", "from c", "last"}, "c": {"from a", "from bob", "from c"}} {
			got := r.texts(name)
			slices.Sort(got)
			r.equal(name, want, got)
		}
	})
}

// Networks of a protocol that wants consent do not meet without it.
func TestHubConsent(t *testing.T) {
	o := hubRigOptions{nets: []string{"a", "b"}, apart: true, each: func(_ string, o *memnet.Options) { o.Consent = true }}
	inHub(t, o, func(r *hubRig) {
		r.plumb("a")
		r.ask(r.alice, r.room, "!cw plumb mem.b town confirm", "may not meet")
	})
	o.apart = false
	o.config = func(c *config.Config) {
		c.Networks = config.Networks{{ID: "mem.a", HubWith: []network.NetworkID{"mem.b"}}, {ID: "mem.b", HubWith: []network.NetworkID{"mem.a"}}}
	}
	inHub(t, o, func(r *hubRig) {
		r.says("a", "agreed")
		r.gets("agreed", "b")
	})
}

// The same chats are bridged twice, so that each hub hears what the other one says: it
// shows that, and carries it no further. Nothing goes in circles.
func TestHubLoop(t *testing.T) {
	o := hubRigOptions{nets: []string{"a", "b"}, each: func(_ string, o *memnet.Options) { o.Echo = memnet.EchoID }}
	inHub(t, o, func(r *hubRig) {
		r.stop()
		for name, n := range r.nets {
			r.opts.Networks = append(r.opts.Networks, n.ConnectorWith(network.NetworkID("mem.second-"+name), "relay2"))
		}
		r.start()
		other := r.alice.CreateRoom(map[string]any{"name": "Other", "preset": "public_chat", "invite": []string{bot}})
		r.notice(other, "Hello")
		for name := range r.nets {
			r.ask(r.alice, other, "!cw plumb mem.second-"+name+" town confirm", "is bridged to")
		}
		r.says("a", "round and round")
		r.gets("round and round", "b")
		r.bob.SendText(r.room, "by bob")
		r.gets("by bob", "a", "b")
		time.Sleep(time.Minute)
		// Ann is heard by both hubs, and each carries her to b.
		r.equal("on a", 1, r.count("a", "round and round"))
		r.equal("on b", 2, r.count("b", "round and round"))
		for name := range r.nets {
			r.equal("bob on "+name, 1, r.count(name, "by bob"))
		}
	})
}

// Two hubs have one chat in common, a and b meet in one, b and c in the other: what is
// said on a is heard on b and seen in both rooms, and goes no further, nor back.
func TestHubChain(t *testing.T) {
	o := hubRigOptions{each: func(_ string, o *memnet.Options) { o.Echo = memnet.EchoID }, apart: true}
	inHub(t, o, func(r *hubRig) {
		r.plumb("a")
		r.plumb("b")
		r.stop()
		r.opts.Networks = append(r.opts.Networks, r.nets["b"].ConnectorWith("mem.second-b", "relay2"))
		r.start()
		other := r.alice.CreateRoom(map[string]any{"name": "Other", "preset": "public_chat", "invite": []string{bot}})
		r.notice(other, "Hello")
		for _, name := range []string{"second-b", "c"} {
			r.ask(r.alice, other, "!cw plumb mem."+name+" town confirm", "is bridged to")
		}
		r.says("a", "from a")
		r.says("c", "from c")
		r.says("b", "from b")
		r.gets("from b", "a", "c")
		r.gets("from a", "b")
		r.gets("from c", "b")
		r.sees(other, "from a")
		r.sees(r.room, "from c")
		time.Sleep(time.Minute)
		for name, want := range map[string][]string{"a": {"from a", "from b"}, "b": {"from a", "from b", "from c"}, "c": {"from b", "from c"}} {
			got := r.texts(name)
			slices.Sort(got)
			r.equal(name, want, got)
		}
	})
}

// Somebody answers what is in the room before the bridge knows that it is: on the other
// networks the answer comes behind it.
func TestHubAnswerBeforeSendIsKnown(t *testing.T) {
	inHub(t, hubRigOptions{}, func(r *hubRig) {
		var lose atomic.Bool
		r.hs.Faults.Set(func(c matrixtest.Call) matrixtest.Fault {
			return matrixtest.Fault{LoseResponse: lose.Load() && c.Route == matrixtest.RouteSend}
		})
		for i := range 5 {
			lose.Store(true)
			question := fmt.Sprint("question ", i)
			r.says("a", question)
			r.sees(r.room, question)
			r.bob.Reply(r.room, r.event(r.room, question).ID, fmt.Sprint("answer ", i))
			r.bob.SendText(r.room, fmt.Sprint("and more ", i))
			time.Sleep(100 * time.Millisecond)
			lose.Store(false)
			r.gets(fmt.Sprint("and more ", i), "a", "b", "c")
			for _, name := range []string{"b", "c"} {
				all := r.texts(name)
				r.equal("order on "+name, []string{question, fmt.Sprint("answer ", i), fmt.Sprint("and more ", i)}, all[len(all)-3:])
				if reply := r.on(name, fmt.Sprint("answer ", i)).Content.Reply; reply == nil || reply.ID != r.on(name, question).ID {
					t.Errorf("on %s the answer answers %v", name, reply)
				}
			}
		}
	})
}

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

// A room of one network costs nothing more than before: no copies, no other requests.
func TestHubOfOne(t *testing.T) {
	inHub(t, hubRigOptions{nets: []string{"a"}}, func(r *hubRig) {
		r.says("a", "first")
		r.sees(r.room, "first")
		r.quiet()
		calls := map[string]int{}
		var mu sync.Mutex
		r.hs.Faults.Set(func(c matrixtest.Call) matrixtest.Fault {
			mu.Lock()
			defer mu.Unlock()
			calls[fmt.Sprint(c.Method, " ", c.Route)]++
			return matrixtest.Fault{}
		})
		r.says("a", "alone")
		r.sees(r.room, "alone")
		r.bob.SendText(r.room, "as ever")
		r.gets("as ever", "a")
		time.Sleep(time.Second)
		mu.Lock()
		defer mu.Unlock()
		t.Log(calls)
		n := 0
		for _, c := range calls {
			n += c
		}
		r.equal("requests", 2, n)
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

// A hub's database is lost and an older backup restored, and the networks deliver again
// what lies behind: nothing is said twice anywhere, and nothing is missing.
func TestHubRestore(t *testing.T) {
	find := memnet.DefaultFeatures()
	find.Once = network.OnceFind
	for name, features := range map[string]*network.Features{"strong": nil, "find": &find} {
		t.Run(name, func(t *testing.T) {
			o := hubRigOptions{each: func(_ string, o *memnet.Options) { o.Cursors, o.History, o.Features = true, true, features }}
			inHub(t, o, func(r *hubRig) {
				talk := func(when string) {
					for name := range r.nets {
						r.says(name, when+" "+name)
					}
					r.bob.SendText(r.room, when+" m")
				}
				talk("early")
				r.quiet()
				time.Sleep(time.Hour)
				copied := r.backup()
				talk("lost")
				r.gets("lost m", "a", "b", "c")
				for name := range r.nets {
					r.gets("lost "+name, "a", "b", "c")
				}
				time.Sleep(time.Hour)
				r.stop()
				r.hs.Restart()
				r.restore(copied)
				talk("away")
				r.start()
				talk("after")
				r.gets("after m", "a", "b", "c")
				r.quiet()
				want := map[string]int{}
				for _, when := range []string{"early", "lost", "away", "after"} {
					for _, who := range []string{"a", "b", "c", "m"} {
						want[when+" "+who] = 1
					}
				}
				for _, name := range []string{"a", "b", "c", "room"} {
					texts := r.bodies(r.room)
					if name != "room" {
						texts = r.texts(name)
					}
					got := map[string]int{}
					for _, s := range texts {
						if want[s] > 0 {
							got[s]++
						}
					}
					r.equal("what stands on "+name, want, got)
				}
			})
		})
	}
}

// Files go to a network as links where its edge says so, if there is an address for
// them; else the sender is told.
func TestHubFiles(t *testing.T) {
	for name, public := range map[string]bool{"public": true, "not public": false} {
		o := hubRigOptions{nets: []string{"a", "b"}}
		o.config = func(c *config.Config) {
			if public {
				c.Public.URL = "https://files.test"
			}
		}
		t.Run(name, func(t *testing.T) {
			inHub(t, o, func(r *hubRig) {
				r.setHub("b", "files", "link")
				uri := r.bob.Upload("cat.png", "image/png", []byte("a cat"))
				sent := r.bob.Send(r.room, "m.room.message", map[string]any{"msgtype": "m.image", "body": "cat.png", "url": uri, "info": map[string]any{"mimetype": "image/png", "size": 5}})
				r.eventually("the file on a", func() bool {
					all := r.nets["a"].Messages(town)
					return len(all) == 1 && all[0].Content.Parts[0].Media != nil
				})
				if !public {
					words := r.notice(r.room, "files go there as links")
					r.equal("whom it tells", sent, relation(words).Reply.Event)
					return
				}
				r.eventually("the link on b", func() bool {
					all := r.texts("b")
					return len(all) == 1 && strings.HasPrefix(all[0], "cat.png: https://files.test/")
				})
			})
		})
	}
}

// A network that shows edits as text is told what each replaces: what stood there after
// the edit before, not what was said first.
func TestHubEditsReplace(t *testing.T) {
	plain := memnet.DefaultFeatures()
	plain.OldText = true
	o := hubRigOptions{nets: []string{"a", "b"}, each: func(_ string, o *memnet.Options) { o.Features = &plain }}
	inHub(t, o, func(r *hubRig) {
		id := r.says("a", "zero")
		r.gets("zero", "b")
		own := r.bob.SendText(r.room, "nil")
		r.gets("nil", "a", "b")
		for i, text := range []string{"one", "two", "three"} {
			if err := r.nets["a"].User("ann").Edit(town, id, text); err != nil {
				t.Fatal(err)
			}
			r.bob.Edit(r.room, own, "bob's "+text)
			r.gets(text, "b")
			r.gets("bob's "+text, "b")
			old := []string{"zero", "one", "two"}[i]
			r.equal("ann's, before "+text, old, r.on("b", text).Old.Parts[0].Text.String())
			if old = "bob's " + old; i == 0 {
				old = "nil"
			}
			r.equal("bob's, before "+text, old, r.on("b", "bob's "+text).Old.Parts[0].Text.String())
		}
	})
}

// A network that does not remove its copy: the room is told, in answer to the message
// that is removed.
func TestHubStays(t *testing.T) {
	inHub(t, hubRigOptions{nets: []string{"a", "b"}}, func(r *hubRig) {
		r.nets["b"].Fail(func(op string, _ network.ChatID) error {
			if op == "redact" {
				return network.Errorf(network.Rejected, "it stays", "test")
			}
			return nil
		})
		id := r.says("a", "a slip")
		r.gets("a slip", "b")
		slip := r.event(r.room, "a slip").ID
		if err := r.nets["a"].User("ann").Redact(town, id); err != nil {
			t.Fatal(err)
		}
		words := r.notice(r.room, "The removal was not delivered to Net B: it stays")
		r.equal("what it answers", slip, relation(words).Reply.Event)
	})
}
