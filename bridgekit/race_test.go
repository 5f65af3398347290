package bridgekit_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// Somebody answers, reacts to and removes messages that are in the room, while the
// homeserver's answer to their sending is lost.
func TestAnswerBeforeSendIsKnown(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		var lose atomic.Bool
		lose.Store(true)
		r.hs.Faults.Set(func(c matrixtest.Call) matrixtest.Fault {
			return matrixtest.Fault{LoseResponse: lose.Load() && c.Route == matrixtest.RouteSend}
		})
		asked := r.say("carol", "team", "what do you think?")
		r.sees(room, "what do you think?")
		on := r.event(room, "what do you think?").ID
		r.alice.Reply(room, on, "much")
		r.alice.React(room, on, "❤️")
		time.Sleep(300 * time.Millisecond)
		lose.Store(false)
		r.hears("team", "alice", "much")
		if reply := r.message("team", "much").Content.Reply; reply == nil || reply.ID != asked {
			t.Errorf("the reply answers %v, not %s", reply, asked)
		}
		r.waitNet("the reaction", func() bool { return len(r.message("team", "what do you think?").Reactions["alice"]) == 1 })
		lose.Store(true)
		r.say("carol", "team", "oops")
		r.sees(room, "oops")
		r.alice.Redact(room, r.event(room, "oops").ID, "")
		time.Sleep(300 * time.Millisecond)
		lose.Store(false)
		r.waitNet("the redaction", func() bool {
			all := r.net.Messages("team")
			return all[len(all)-1].Redacted
		})
	})
}

// The same the other way: the network has a message, its answer is lost with the
// connection, and people there go on about it.
func TestAnswerBeforeSendIsKnownThere(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.withLogins("@alice:test alice", "@bob:test bob")
		r.net.Group("team", "bob")
		room := r.portal("team")
		release := r.net.MuteChat("team")
		sent := r.alice.SendText(room, "what do you think?")
		r.hears("team", "alice", "what do you think?")
		on := r.message("team", "what do you think?").ID
		r.net.CutAccount("alice")
		release()
		if err := r.net.User("carol").React("team", on, "👍", false); err != nil {
			t.Fatal(err)
		}
		ref := network.Whole(on)
		c := network.Text("much")
		c.Reply = &ref
		if _, err := r.net.User("carol").Send("team", c); err != nil {
			t.Fatal(err)
		}
		r.sees(room, "much")
		if got := relation(r.event(room, "much")).Reply.Event; got != sent {
			t.Errorf("the reply answers %q, not %s", got, sent)
		}
		for _, e := range r.hs.Room(room).OfType("m.reaction") {
			if relation(e).Event == sent {
				return
			}
		}
		t.Error("the reaction is lost")
	})
}

// stuck has what goes to the room wait until the returned function is called.
func (r *rig) stuck(chat string) (release func()) {
	r.hs.Faults.Set(func(c matrixtest.Call) matrixtest.Fault {
		if c.Route == matrixtest.RouteSend {
			return matrixtest.Fault{Status: http.StatusTooManyRequests, RetryAfter: time.Second}
		}
		return matrixtest.Fault{}
	})
	r.say("carol", chat, "stuck")
	synctest.Wait()
	return func() { r.hs.Faults.Set(nil) }
}

// What was removed in the room does not come back with an edit or an echo that
// was on its way.
func TestRemovedStaysRemoved(t *testing.T) {
	for name, echo := range map[string]memnet.Echo{"by transaction": memnet.EchoTxn, "by ID": memnet.EchoID, "not at all": memnet.EchoNone} {
		t.Run(name, func(t *testing.T) {
			virtual(t, rigOptions{net: memnet.Options{Echo: echo}}, func(r *rig) {
				room := r.solo().portal("team")
				theirs := r.say("carol", "team", "theirs")
				r.sees(room, "theirs")
				release := r.stuck("team")
				if err := r.net.User("carol").Edit("team", theirs, "theirs again"); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				r.alice.Redact(room, r.event(room, "theirs").ID, "")
				own := r.alice.SendText(room, "mine")
				r.hears("team", "alice", "mine")
				synctest.Wait()
				r.alice.Redact(room, own, "")
				r.waitNet("the redactions", func() bool { return len(r.net.Texts("team", "alice")) == 0 })
				release()
				r.settle("team", room)
				r.equal("in the room", []string{"stuck"}, unsettled(r.bodies(room)))
			})
		})
	}
}

// Somebody on the network removes a message whose echo has not been looked at yet.
func TestRemovedBeforeItsEcho(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		release := r.stuck("team")
		own := r.alice.SendText(room, "mine")
		r.hears("team", "alice", "mine")
		synctest.Wait()
		if err := r.net.User("carol").Redact("team", r.message("team", "mine").ID); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		release()
		r.settle("team", room)
		if e := r.hs.Room(room).Event(own); e.RedactedBy == nil {
			t.Error("the message is still in the room")
		}
	})
}

// The first part of a message is removed in the room, while the homeserver asks for so
// little that the second is long in coming.
func TestRemovedBetweenParts(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		shown := false
		r.hs.Faults.Set(func(c matrixtest.Call) matrixtest.Fault {
			if c.Route == matrixtest.RouteSend && shown {
				return matrixtest.Fault{Status: http.StatusTooManyRequests, RetryAfter: time.Minute}
			}
			shown = shown || c.Route == matrixtest.RouteSend
			return matrixtest.Fault{}
		})
		content := network.Content{Parts: []network.Part{{Text: markup.Plain("one")}, {Text: markup.Plain("two")}}}
		if _, err := r.net.User("carol").Send("team", content); err != nil {
			t.Fatal(err)
		}
		r.sees(room, "one")
		r.alice.Redact(room, r.event(room, "one").ID, "")
		time.Sleep(30 * time.Second)
		r.hs.Faults.Set(nil)
		r.settle("team", room)
		r.equal("on the network", []string{}, unsettled(r.net.Texts("team", "carol")))
	})
}

// A message that somebody wrote with another client of theirs is shown, and removed in
// the room; the process ends before either is known to be done. After its start each
// lane has a doubt that the other one could clear, and only one of them has to wait.
func TestRemovedOverRestart(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		db, err := sql.Open("sqlite", "file:"+r.opts.Config.Database.Source+"?_pragma=busy_timeout(10000)")
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		r.settle("team", room)
		var newest int64
		if err := db.QueryRow("SELECT MAX(id) FROM entry").Scan(&newest); err != nil {
			t.Fatal(err)
		}
		refuse := fmt.Sprintf("CREATE TRIGGER refuse BEFORE UPDATE ON entry WHEN NEW.state = 5 AND NEW.id > %d BEGIN SELECT RAISE(ABORT, 'disk full'); END", newest)
		if _, err := db.Exec(refuse); err != nil {
			t.Fatal(err)
		}
		r.say("alice", "team", "own")
		r.sees(room, "own")
		release := r.net.HangChat("team")
		r.alice.Redact(room, r.event(room, "own").ID, "")
		synctest.Wait()
		r.stop()
		release()
		if _, err := db.Exec("DROP TRIGGER refuse"); err != nil {
			t.Fatal(err)
		}
		r.equal("before the restart", []string{"own"}, unsettled(r.net.Texts("team", "alice")))
		r.start()
		r.waitNet("the removal", func() bool { return len(unsettled(r.net.Texts("team", "alice"))) == 0 })
	})
}

// A room was made while the network told nothing of the chat: what is said there is not
// sent before it is known what a lost answer means.
func TestUndescribedChat(t *testing.T) {
	features := memnet.DefaultFeatures()
	features.Once = network.OnceNever
	virtual(t, rigOptions{net: memnet.Options{Features: &features, Echo: memnet.EchoNone}}, func(r *rig) {
		var tells atomic.Bool
		var release func()
		r.net.Fail(func(op string, chat network.ChatID) error {
			switch {
			case op == "chat" && !tells.Load():
				return network.Errorf(network.Unavailable, "", "not now")
			case op == "send" && release == nil:
				release = r.net.MuteChat(chat)
			}
			return nil
		})
		room := r.solo().portal("team")
		r.alice.SendText(room, "mine")
		synctest.Wait()
		tells.Store(true)
		r.hears("team", "alice", "mine")
		r.net.CutAccount("alice")
		release()
		r.notice(room, "nobody can tell whether it arrived")
		r.settle("team", room)
		r.equal("on the network", []string{"mine"}, unsettled(r.net.Texts("team", "alice")))
	})
}

// The homeserver asks for less, restarts and forgets transaction IDs after it took
// two of three parts.
func TestPartsOnceOverRestart(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		var sends int
		r.hs.Faults.Set(func(c matrixtest.Call) matrixtest.Fault {
			if c.Route != matrixtest.RouteSend {
				return matrixtest.Fault{}
			}
			if sends++; sends == 3 {
				return matrixtest.Fault{Status: http.StatusTooManyRequests, RetryAfter: 10 * time.Second}
			}
			return matrixtest.Fault{}
		})
		var c network.Content
		for i := range 3 {
			c.Parts = append(c.Parts, network.Part{Text: markup.Plain(fmt.Sprint("part", i))})
		}
		if _, err := r.net.User("carol").Send("team", c); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		r.hs.Restart()
		r.hs.Faults.Set(nil)
		r.settle("team", room)
		r.equal("parts", numbered("part", 3), unsettled(r.bodies(room)))
	})
}

// The relay comes into a chat whose room was made for somebody else.
func TestRelayComesLater(t *testing.T) {
	virtual(t, rigOptions{net: memnet.Options{Relay: "relay"}}, func(r *rig) {
		room := r.solo().portal("team")
		r.connected("relay")
		r.net.Group("team", "relay")
		r.say("carol", "team", "welcome")
		r.sees(room, "welcome")
		synctest.Wait()
		r.alice.Invite(room, r.bob.ID)
		r.bob.Join(room)
		r.bob.SendText(room, "thank you")
		r.waitNet("it arrives", func() bool { return len(r.net.Texts("team", "relay")) == 1 })
	})
}

// On a network that recognises nothing the answer to an edit and to a reaction is
// lost, so nobody can tell what became of them. They were carried out, and come
// back without a name: nothing is shown a second time.
func TestEchoOfUnknown(t *testing.T) {
	features := memnet.DefaultFeatures()
	features.Once = network.OnceNever
	virtual(t, rigOptions{net: memnet.Options{Features: &features, Echo: memnet.EchoNone}}, func(r *rig) {
		r.withLogins("@alice:test alice", "@bob:test bob")
		r.net.Group("team", "bob")
		room := r.portal("team")
		sent := r.alice.SendText(room, "mine")
		r.hears("team", "alice", "mine")
		told := 0
		mine := func() (m memnet.Message) {
			for _, one := range r.net.Messages("team") {
				if one.Sender == "alice" {
					m = one
				}
			}
			return m
		}
		for what, c := range map[string]struct {
			do   func()
			done func() bool
		}{
			"edit":     {func() { r.alice.Edit(room, sent, "better") }, func() bool { return mine().Edits > 0 }},
			"reaction": {func() { r.alice.React(room, sent, "❤️") }, func() bool { return len(mine().Reactions["alice"]) > 0 }},
		} {
			release := r.net.MuteChat("team")
			c.do()
			r.waitNet(what+" is done", c.done)
			r.net.CutAccount("alice")
			release()
			told++
			r.wait(what+" is unknown", func() bool { return len(r.notices(room)) == told })
			r.connected("alice")
		}
		r.settle("team", room)
		for _, e := range r.hs.Room(room).Timeline {
			if relation(e).Event == sent && e.Sender != r.alice.ID && e.Sender != bot {
				t.Errorf("%s shows %s", e.Sender, e.Content)
			}
		}
	})
}

// The same with messages: somebody else's connection hears them without a name, which
// are then not shown as new ones. What is said in the same words later is.
func TestEchoOfUnknownMessage(t *testing.T) {
	features := memnet.DefaultFeatures()
	features.Once = network.OnceNever
	virtual(t, rigOptions{net: memnet.Options{Features: &features}}, func(r *rig) {
		r.withLogins("@alice:test alice", "@bob:test bob")
		r.net.Group("team", "bob")
		room := r.portal("team")
		shown := func(body string) (n int) {
			for _, e := range r.hs.Room(room).OfType("m.room.message") {
				if text(e) == body && e.Sender != bot {
					n++
				}
			}
			return n
		}
		for _, body := range []string{"one", "two"} {
			release := r.net.MuteChat("team")
			before := len(r.notices(room))
			r.alice.SendText(room, body)
			r.hears("team", "alice", body)
			r.net.CutAccount("alice")
			release()
			r.wait("it is unknown", func() bool { return len(r.notices(room)) > before })
			r.connected("alice")
			r.settle("team", room)
			r.equal("how often the room has "+body, 1, shown(body))
		}
		time.Sleep(time.Hour)
		r.say("alice", "team", "two")
		r.wait("her words from her phone", func() bool { return shown("two") == 2 })
	})
}

// Where a chat says that nobody can tell what became of a message, nobody is asked,
// even if the client offers to look: it is not sent again, and its writer is told.
func TestUnknownAlthoughFinder(t *testing.T) {
	features := memnet.DefaultFeatures()
	features.Once = network.OnceFind
	virtual(t, rigOptions{net: memnet.Options{Features: &features}}, func(r *rig) {
		r.withLogins("@alice:test alice")
		r.net.Group("team", "alice", "carol")
		features.Once = network.OnceNever
		r.net.SetFeatures("team", features)
		room := r.portal("team")
		release := r.net.MuteChat("team")
		r.alice.SendText(room, "hello")
		r.hears("team", "alice", "hello")
		r.net.CutAccount("alice")
		release()
		r.wait("it is unknown", func() bool { return strings.Contains(strings.Join(r.notices(room), "\n"), "nobody can tell") })
		r.connected("alice")
		r.alice.SendText(room, "are you there?")
		r.hears("team", "alice", "are you there?")
		if n := slices.Index(r.net.Texts("team", "alice"), "hello"); n < 0 || slices.Contains(r.net.Texts("team", "alice")[n+1:], "hello") {
			t.Errorf("the network has %q", r.net.Texts("team", "alice"))
		}
	})
}

// A network that recognises nothing shows edits as lines of text. Causeway is stopped
// while one is on its way: it is said again, and its writer is told that it may be
// there twice, as with a message.
func TestInterruptedEditAsText(t *testing.T) {
	features := memnet.DefaultFeatures()
	features.Once, features.OldText = network.OnceNever, true
	virtual(t, rigOptions{net: memnet.Options{Features: &features}}, func(r *rig) {
		room := r.solo().portal("team")
		sent := r.alice.SendText(room, "mine")
		r.hears("team", "alice", "mine")
		r.settle("team", room)
		release := r.net.MuteChat("team")
		r.alice.Edit(room, sent, "better")
		r.waitNet("the edit is there", func() bool { return slices.Contains(r.net.Texts("team", "alice"), "better") })
		r.stop()
		release()
		r.start()
		r.wait("its writer is told", func() bool {
			return strings.Contains(strings.Join(r.notices(room), "\n"), "may appear twice")
		})
		r.settle("team", room)
		r.equal("notices", 1, len(r.notices(room)))
	})
}
