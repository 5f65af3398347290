package bridgekit_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// threaded are the messages of a text in a room: those of a thread, and those of the
// main timeline.
func (r *rig) threaded(room, body string) (inThread, inMain []*matrixtest.Event) {
	for _, e := range r.hs.Room(room).OfType("m.room.message") {
		switch rel := relation(e); {
		case text(e) != body:
		case rel.Type == "m.thread":
			inThread = append(inThread, e)
		default:
			inMain = append(inMain, e)
		}
	}
	return inThread, inMain
}

// passed waits until all that was said in the chat before is in the room.
func (r *rig) passed(room, word string) {
	r.t.Helper()
	r.say("carol", "team", word)
	r.sees(room, word)
}

// A message of a thread that the chat shows too is in its thread and in the main
// timeline, once each; so are its edits, and it is removed from both.
func TestBroadcast(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		root := network.Whole(r.say("carol", "team", "root"))
		r.sees(room, "root")
		began := r.event(room, "root").ID
		said := network.Rich(markup.Body{{Kind: markup.Text, Text: "to all, "}, {Kind: markup.Mention, User: "alice", Text: "Alice"}})
		said.Thread, said.Broadcast = &root, true
		id, err := r.net.User("dave").Send("team", said)
		if err != nil {
			t.Fatal(err)
		}
		r.passed(room, "passed 1")
		inThread, inMain := r.threaded(room, "to all, Alice")
		if len(inThread) != 1 || len(inMain) != 1 {
			t.Fatalf("%d in the thread, %d in the main timeline\n%s", len(inThread), len(inMain), r.dump())
		}
		if relation(inThread[0]).Event != began || relation(inMain[0]).Reply.Event != began || inMain[0].Sender != ghost("dave") {
			t.Errorf("in the thread %s, in the main timeline %s", inThread[0].Content, inMain[0].Content)
		}
		_, _, first := shownAs(t, inThread[0])
		_, _, second := shownAs(t, inMain[0])
		if !slices.Equal(first, []string{"@alice:test"}) || second != nil {
			t.Errorf("mentioned are %q and %q", first, second)
		}

		if err := r.net.User("dave").Edit("team", id, "to you all"); err != nil {
			t.Fatal(err)
		}
		r.passed(room, "passed 2")
		var edited []string
		for _, e := range r.hs.Room(room).OfType("m.room.message") {
			if rel := relation(e); rel.Type == "m.replace" {
				edited = append(edited, rel.Event)
			}
		}
		if want := []string{inThread[0].ID, inMain[0].ID}; !slices.Equal(edited, want) {
			t.Errorf("edited were %q, want %q", edited, want)
		}

		r.alice.Reply(room, inMain[0].ID, "an answer")
		r.hears("team", "alice", "an answer")
		if m := r.message("team", "an answer"); m.Content.Thread == nil || m.Content.Thread.ID != root.ID || m.Content.Reply == nil || m.Content.Reply.ID != id {
			t.Errorf("the answer is %+v", m.Content)
		}
		r.alice.React(room, inMain[0].ID, "👍")
		r.waitNet("the reaction", func() bool { return len(r.message("team", "to you all").Reactions["alice"]) == 1 })

		if err := r.net.User("dave").Redact("team", id); err != nil {
			t.Fatal(err)
		}
		r.wait("its removal", func() bool { return r.isRedacted(room, inThread[0].ID) && r.isRedacted(room, inMain[0].ID) })
	})
}

// A moderator who removes what was broadcast from one place removes it from both.
func TestBroadcastRemovedFromMatrix(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		root := network.Whole(r.say("carol", "team", "root"))
		r.sees(room, "root")
		for i, word := range []string{"one", "two"} {
			said := network.Text(word)
			said.Thread, said.Broadcast = &root, true
			if _, err := r.net.User("alice").Send("team", said); err != nil {
				t.Fatal(err)
			}
			r.passed(room, "passed "+word)
			inThread, inMain := r.threaded(room, word)
			if len(inThread) != 1 || len(inMain) != 1 {
				t.Fatalf("%d in the thread, %d in the main timeline\n%s", len(inThread), len(inMain), r.dump())
			}
			both := []string{inThread[0].ID, inMain[0].ID}
			r.alice.Redact(room, both[i], "")
			r.wait("the removal of "+word, func() bool { return r.isRedacted(room, both[0]) && r.isRedacted(room, both[1]) })
			if slices.Contains(r.net.Texts("team", "alice"), word) {
				t.Errorf("%q is on the network", word)
			}
		}
		// Where the network does not let them, the room is rid of it all the same.
		said := network.Text("of dave")
		said.Thread, said.Broadcast = &root, true
		if _, err := r.net.User("dave").Send("team", said); err != nil {
			t.Fatal(err)
		}
		r.passed(room, "passed dave")
		inThread, inMain := r.threaded(room, "of dave")
		r.net.Fail(func(op string, _ network.ChatID) error {
			if strings.EqualFold(op, "redact") {
				return network.Errorf(network.Rejected, "that is not yours", "test")
			}
			return nil
		})
		r.give(room, "@alice:test", 50)
		r.alice.Redact(room, inThread[0].ID, "")
		r.wait("the removal of dave's", func() bool { return r.isRedacted(room, inMain[0].ID) })
		r.equal("dave's words on the network", []string{"of dave"}, r.net.Texts("team", "dave"))
	})
}

// Who edits or removes what they broadcast, in one of the two places, has done that on the
// network, in the other place and on the room's other networks.
func TestBroadcastChangedByItsAuthor(t *testing.T) {
	o := hubRigOptions{nets: []string{"a", "b"}}
	o.puppets = true
	inHub(t, o, func(r *hubRig) {
		r.signInTo(r.bob, "a", "bob")
		bob := r.nets["a"].User("bob")
		if err := bob.Join(town); err != nil {
			t.Fatal(err)
		}
		root := network.Whole(r.says("a", "root"))
		r.gets("root", "b")
		for i, word := range []string{"one", "two"} {
			said := network.Text(word)
			said.Thread, said.Broadcast = &root, true
			if _, err := bob.Send(town, said); err != nil {
				t.Fatal(err)
			}
			r.gets(word, "b")
			r.quiet()
			inThread, inMain := r.threaded(r.room, word)
			if len(inThread) != 1 || len(inMain) != 1 || inMain[0].Sender != r.bob.ID {
				t.Fatalf("%d in the thread, %d in the main timeline\n%s", len(inThread), len(inMain), r.dump())
			}
			both := []string{inThread[0].ID, inMain[0].ID}
			r.bob.Edit(r.room, both[i], "now "+word)
			r.gets("now "+word, "a", "b")
			r.quiet()
			r.equal("edited are", []string{both[i], both[1-i]}, r.edited(r.room, "* now "+word))
			for _, name := range o.nets {
				r.equal("words on "+name, 1, r.count(name, "now "+word))
			}
			r.bob.Redact(r.room, both[i], "")
			for _, name := range o.nets {
				r.eventually("the removal on "+name, func() bool { return r.count(name, "now "+word) == 0 })
			}
			r.eventually("the removal of both", func() bool { return r.isRedacted(r.room, both[0]) && r.isRedacted(r.room, both[1]) })
			r.quiet()
		}
	})
}

// edited are the events that were edited so that they have a text, in that order.
func (r *rig) edited(room, body string) (of []string) {
	for _, e := range r.hs.Room(room).OfType("m.room.message") {
		if rel := relation(e); rel.Type == "m.replace" && text(e) == body {
			of = append(of, rel.Event)
		}
	}
	return of
}

// What somebody said from the network is edited on Matrix by themselves, if their own
// account shows it, and by nobody else.
func TestEditOfOwnWords(t *testing.T) {
	for name, puppets := range map[string]bool{"puppet": true, "ghost": false} {
		t.Run(name, func(t *testing.T) {
			virtual(t, rigOptions{puppets: puppets}, func(r *rig) {
				room := r.solo().portal("team")
				r.say("alice", "team", "a wrod")
				r.sees(room, "a wrod")
				r.say("carol", "team", "of carol")
				r.sees(room, "of carol")
				r.alice.Edit(room, r.event(room, "of carol").ID, "not hers")
				r.alice.Edit(room, r.event(room, "a wrod").ID, "a word")
				r.alice.SendText(room, "passed")
				r.hears("team", "alice", "passed")
				want := []string{"a wrod", "passed"}
				if puppets {
					want[0] = "a word"
				}
				r.equal("alice's words", want, r.net.Texts("team", "alice"))
				r.message("team", "of carol")
				r.settle("team", room)
			})
		})
	}
}

// What was sent to the chat after it was said in its thread is shown there then. Of a
// thread that is not known there is the main timeline alone.
func TestBroadcastLate(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		root := network.Whole(r.say("carol", "team", "root"))
		r.sees(room, "root")
		said := network.Text("aside")
		said.Thread = &root
		id, err := r.net.User("dave").Send("team", said)
		if err != nil {
			t.Fatal(err)
		}
		r.passed(room, "passed 4")
		edited := network.Text("aloud")
		edited.Broadcast = true
		for range 2 {
			if err := r.net.User("dave").EditContent("team", id, edited); err != nil {
				t.Fatal(err)
			}
		}
		lost := network.Whole("lost")
		strange := network.Text("of another thread")
		strange.Thread, strange.Broadcast = &lost, true
		if _, err := r.net.User("dave").Send("team", strange); err != nil {
			t.Fatal(err)
		}
		r.passed(room, "passed 5")
		if inThread, inMain := r.threaded(room, "aloud"); len(inThread) != 0 || len(inMain) != 1 {
			t.Errorf("%d in the thread, %d in the main timeline\n%s", len(inThread), len(inMain), r.dump())
		}
		if inThread, inMain := r.threaded(room, "of another thread"); len(inThread) != 0 || len(inMain) != 1 {
			t.Errorf("%d in the thread, %d in the main timeline\n%s", len(inThread), len(inMain), r.dump())
		}
		if _, edits := r.threaded(room, "* aloud"); len(edits) != 3 { // two of what is in the thread, one of the other
			t.Errorf("%d edits\n%s", len(edits), r.dump())
		}
	})
}
