package bridgekit_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/config"
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
