package bridgekit_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/step"
)

// lines are the relay's lines about reactions that stand in a chat.
func lines(n *memnet.Server) (out []memnet.Message) {
	for _, m := range n.Messages(town) {
		if !m.Redacted && strings.HasPrefix(m.Text, "Reactions: ") {
			out = append(out, m)
		}
	}
	return out
}

// line waits until the only line about reactions says something; "" for no line at all.
func (r *hubRig) line(name, want string) {
	r.t.Helper()
	r.eventually(fmt.Sprintf("the line %q on %s", want, name), func() bool {
		all := lines(r.nets[name])
		return want == "" && len(all) == 0 || len(all) == 1 && all[0].Text == want
	})
}

// Reactions of relayed people are the relay's own, once for each emoji, and one line in
// the message's thread that says who made them; both go with the reactions.
func TestReactionThread(t *testing.T) {
	inHub(t, hubRigOptions{nets: []string{"a", "b"}}, func(r *hubRig) {
		r.setHub("a", "reactions", "thread")
		r.says("a", "yes?")
		r.gets("yes?", "b")
		on, there := r.event(r.room, "yes?").ID, r.on("a", "yes?").ID
		standing := func(want ...string) {
			t.Helper()
			r.eventually(fmt.Sprint("the relay's reactions ", want), func() bool { return slices.Equal(r.on("a", "yes?").Reactions["relay"], want) })
		}
		mine := r.bob.React(r.room, on, "👍")
		r.line("a", "Reactions: 👍 bob")
		standing("👍")
		first := lines(r.nets["a"])[0]
		if th := first.Content.Thread; th == nil || th.ID != there || first.Sender != "relay" {
			t.Errorf("the line is in thread %v, by %s", th, first.Sender)
		}
		hers := r.alice.React(r.room, on, "👍")
		r.line("a", "Reactions: 👍 bob, alice")
		more := r.alice.React(r.room, on, "🎉")
		r.line("a", "Reactions: 👍 bob, alice; 🎉 alice")
		if err := r.nets["b"].User("ben").React(town, r.on("b", "yes?").ID, "🎉", false); err != nil {
			t.Fatal(err)
		}
		r.line("a", "Reactions: 👍 bob, alice; 🎉 alice, Ben")
		standing("👍", "🎉")
		r.bob.Redact(r.room, mine, "") // the line began with it
		r.line("a", "Reactions: 👍 alice; 🎉 alice, Ben")
		r.alice.Redact(r.room, hers, "")
		r.line("a", "Reactions: 🎉 alice, Ben")
		standing("🎉")
		r.alice.Redact(r.room, more, "")
		r.line("a", "Reactions: 🎉 Ben")
		r.equal("the same line", first.ID, lines(r.nets["a"])[0].ID)
		if err := r.nets["b"].User("ben").React(town, r.on("b", "yes?").ID, "🎉", true); err != nil {
			t.Fatal(err)
		}
		r.line("a", "")
		standing()
		r.quiet()
		r.bob.React(r.room, on, "👀")
		r.line("a", "Reactions: 👀 bob")
		r.quiet()
		for _, s := range append(r.bodies(r.room), r.texts("b")...) {
			if strings.Contains(s, "Reactions: ") {
				t.Errorf("the line went on: %q", s)
			}
		}
		for _, e := range r.hs.Room(r.room).OfType("m.reaction") {
			if e.Sender == bot || strings.Contains(e.Sender, "relay") {
				t.Errorf("the relay's reaction is in the room: %+v", e)
			}
		}
	})
}

// The line goes to the thread in which the message is; where there are no threads it
// answers the message; where it could not be edited there is one for each, and no
// reaction of the relay's. It goes with the message.
func TestReactionThreadElsewhere(t *testing.T) {
	each := func(name string, o *memnet.Options) {
		f := memnet.DefaultFeatures()
		f.Threads = name == "a"
		f.OldText = name == "c"
		o.Features = &f
	}
	inHub(t, hubRigOptions{each: each}, func(r *hubRig) {
		for _, name := range []string{"a", "b", "c"} {
			r.setHub(name, "reactions", "thread")
		}
		r.bob.SendText(r.room, "root")
		r.gets("root", "a", "b", "c")
		r.bob.SendThread(r.room, r.event(r.room, "root").ID, "aside")
		r.gets("aside", "a", "b", "c")
		on := r.event(r.room, "aside").ID
		hers := r.alice.React(r.room, on, "👍")
		r.line("a", "Reactions: 👍 alice")
		r.line("b", "Reactions: 👍 alice")
		r.gets("alice reacted with 👍", "c")
		if th := lines(r.nets["a"])[0].Content.Thread; th == nil || th.ID != r.on("a", "root").ID {
			t.Errorf("on a it is in thread %v, not that of %s", th, r.on("a", "root").ID)
		}
		if c := lines(r.nets["b"])[0].Content; c.Thread != nil || c.Reply == nil || c.Reply.ID != r.on("b", "aside").ID {
			t.Errorf("on b it is in thread %v and answers %v", c.Thread, c.Reply)
		}
		r.equal("reactions on c", 0, len(r.on("c", "aside").Reactions))
		r.alice.Redact(r.room, hers, "")
		r.line("a", "")
		r.line("b", "")
		r.eventually("no line on c", func() bool { return r.count("c", "alice reacted with 👍") == 0 })
		r.alice.React(r.room, on, "👀")
		r.line("a", "Reactions: 👀 alice")
		r.bob.Redact(r.room, on, "")
		r.line("a", "")
		r.line("b", "")
	})
}

// A crowd costs a bounded number of edits, and a moderator who removes the line removes
// nobody's reaction.
func TestReactionThreadCrowd(t *testing.T) {
	crowd := func(c *config.Config) { c.Permissions["*"] = config.LevelRelay }
	inHub(t, hubRigOptions{rigOptions: rigOptions{config: crowd}, nets: []string{"a"}}, func(r *hubRig) {
		r.setHub("a", "reactions", "thread")
		r.says("a", "yes?")
		r.sees(r.room, "yes?")
		on := r.event(r.room, "yes?").ID
		const people = 60
		for i := range people {
			u := r.hs.CreateUser(fmt.Sprint("p", i), "pw")
			u.Join(r.room)
			u.React(r.room, on, "👍")
		}
		r.quiet()
		all := lines(r.nets["a"])
		if len(all) != 1 || !strings.HasSuffix(all[0].Text, " and others") || strings.Count(all[0].Text, ",") != 19 {
			t.Fatalf("%d lines: %+v", len(all), all)
		}
		if all[0].Edits > 20 {
			t.Errorf("%d edits for %d people", all[0].Edits, people)
		}
		r.equal("the relay's reaction", []string{"👍"}, r.on("a", "yes?").Reactions["relay"])
		r.nets["a"].SetLevel(town, "mod", 50)
		if err := r.nets["a"].User("mod").Redact(town, all[0].ID); err != nil {
			t.Fatal(err)
		}
		r.quiet()
		for _, e := range r.hs.Room(r.room).OfType("m.reaction") {
			if e.RedactedBy != nil {
				t.Fatalf("a reaction was removed with the line: %+v", e)
			}
		}
		r.bob.React(r.room, on, "🎉")
		r.eventually("another line", func() bool {
			all := lines(r.nets["a"])
			return len(all) == 1 && strings.HasSuffix(all[0].Text, "and others")
		})
	})
}

// A name cannot pass for two in the line.
func TestReactionThreadNames(t *testing.T) {
	inHub(t, hubRigOptions{nets: []string{"a"}}, func(r *hubRig) {
		r.setHub("a", "reactions", "thread")
		r.user("dave", "Dave, Ann; 🎉 Bob")
		r.says("a", "yes?")
		r.sees(r.room, "yes?")
		r.people["dave"].React(r.room, r.event(r.room, "yes?").ID, "👍")
		r.line("a", "Reactions: 👍 Dave Ann 🎉 Bob")
	})
}

// Killed at each step of a reaction's way, and of its removal: one reaction, one line, and
// what they say is what stands in the room.
func TestReactionThreadKill(t *testing.T) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	defer cancel()
	r := newHubKill(t, ctx, "")
	t.Cleanup(cancel)
	r.alice.SendText(r.room, "!cw hub set mem.a reactions thread")
	notice := func(words string) func() bool {
		return func() bool {
			return slices.ContainsFunc(r.hs.Room(r.room).OfType("m.room.message"), func(e *matrixtest.Event) bool { return e.Sender == bot && strings.Contains(text(e), words) })
		}
	}
	until(t, r.hs, "the choice", notice("from now on"))
	bob := r.hs.CreateUser("bob", "pw")
	bob.Join(r.room)
	r.alice.SendText(r.room, "what do you think?")
	var on memnet.Message
	until(t, r.hs, "the message", func() bool {
		all := r.nets["a"].Messages(town)
		i := slices.IndexFunc(all, func(m memnet.Message) bool { return m.Text == "what do you think?" })
		if i >= 0 {
			on = all[i]
		}
		return i >= 0
	})
	target := ""
	for _, e := range r.hs.Room(r.room).OfType("m.room.message") {
		if text(e) == "what do you think?" {
			target = e.ID
		}
	}
	stands := func() []string {
		for _, m := range r.nets["a"].Messages(town) {
			if m.ID == on.ID {
				return m.Reactions["relay"]
			}
		}
		return nil
	}
	says := func() (out []string) {
		for _, m := range lines(r.nets["a"]) {
			out = append(out, m.Text)
		}
		return out
	}
	comes := func(what string, reactions, said []string) {
		t.Helper()
		until(t, r.hs, what, func() bool { return slices.Equal(stands(), reactions) && slices.Equal(says(), said) })
	}
	r.end(syscall.SIGTERM)
	for i, s := range []step.Name{step.OutChanged, step.OutChanged, step.OutSent, step.Handled} {
		var hers, his string
		for _, act := range []func(){
			func() { hers = r.alice.React(r.room, target, "👍") },
			func() { his = bob.React(r.room, target, "👍") },
			func() { r.alice.Redact(r.room, hers, "") },
			func() { bob.Redact(r.room, his, "") },
		} {
			r.spec.Die, r.spec.After = s, 1+int64(i%2)
			r.start()
			died := make(chan struct{})
			go func() { defer close(died); _ = r.cmd.Wait() }()
			act()
			select {
			case <-died:
			case <-time.After(2 * time.Second): // not every act comes by every step
				if err := r.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
					t.Fatal(err)
				}
				<-died
			}
			r.spec.Die = ""
			r.start()
			switch {
			case his == "":
				comes("hers", []string{"👍"}, []string{"Reactions: 👍 alice"})
			case len(r.reactions()) == 2:
				comes("both", []string{"👍"}, []string{"Reactions: 👍 alice, bob"})
			case len(r.reactions()) == 1:
				comes("his", []string{"👍"}, []string{"Reactions: 👍 bob"})
			default:
				comes("none", nil, nil)
			}
			r.end(syscall.SIGTERM)
		}
	}
}

// reactions are those that stand in the room.
func (r *hubKill) reactions() []*matrixtest.Event {
	return slices.DeleteFunc(r.hs.Room(r.room).OfType("m.reaction"), func(e *matrixtest.Event) bool { return e.RedactedBy != nil })
}
