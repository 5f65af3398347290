package bridgekit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// variants are networks of all kinds of weakness.
func variants() map[string]rigOptions {
	with := func(f func(*network.Features)) *network.Features {
		x := memnet.DefaultFeatures()
		f(&x)
		return &x
	}
	perLogin := with(func(f *network.Features) { f.IDs = network.IDsPerLogin })
	never := with(func(f *network.Features) { f.Once = network.OnceNever })
	return map[string]rigOptions{
		"strong":          {},
		"echo by ID":      {net: memnet.Options{Echo: memnet.EchoID}},
		"no echo":         {net: memnet.Options{Echo: memnet.EchoNone}},
		"IDs per login":   {net: memnet.Options{Features: perLogin}},
		"per login, IDs":  {net: memnet.Options{Features: perLogin, Echo: memnet.EchoID}},
		"once never":      {net: memnet.Options{Features: never, Cursors: true}},
		"puppets":         {puppets: true},
		"puppets by ID":   {puppets: true, net: memnet.Options{Echo: memnet.EchoID}},
		"puppets, logins": {puppets: true, net: memnet.Options{Features: perLogin, Echo: memnet.EchoNone}},
	}
}

// bare are networks without IDs, for which there are no edits and the like.
func bare() map[string]rigOptions {
	f := memnet.DefaultFeatures()
	f.IDs, f.Once = network.IDsNone, network.OnceNever
	return map[string]rigOptions{
		"none, echo":             {net: memnet.Options{Features: &f, Basic: true}},
		"none, no echo":          {net: memnet.Options{Features: &f, Basic: true, Echo: memnet.EchoNone, NoRedelivery: true}},
		"none, no echo, puppets": {puppets: true, net: memnet.Options{Features: &f, Basic: true, Echo: memnet.EchoNone, NoRedelivery: true}},
	}
}

// each runs f over variants in bubbles.
func each(t *testing.T, all map[string]rigOptions, f func(r *rig)) {
	for name, o := range all {
		t.Run(name, func(t *testing.T) { virtual(t, o, f) })
	}
}

// Edits, both ways; each appears once.
func TestEdits(t *testing.T) {
	each(t, variants(), func(r *rig) {
		room := r.solo().portal("team")
		id := r.say("carol", "team", "helo")
		r.sees(room, "helo")
		for i := range 3 {
			if err := r.net.User("carol").Edit("team", id, fmt.Sprint("hello ", i)); err != nil {
				r.t.Fatal(err)
			}
		}
		r.sees(room, "* hello 2")
		edited := r.event(room, "* hello 2")
		if rel := relation(edited); rel.Type != "m.replace" || rel.Event != r.event(room, "helo").ID || edited.Sender != ghost("carol") {
			r.t.Errorf("edit is %s by %s", edited.Content, edited.Sender)
		}
		own := r.alice.SendText(room, "from Matrx")
		r.hears("team", "alice", "from Matrx")
		for i := range 3 {
			r.alice.Edit(room, own, fmt.Sprint("from Matrix ", i))
		}
		r.hears("team", "alice", "from Matrix 2")
		if m := r.message("team", "from Matrix 2"); m.Edits != 3 {
			r.t.Errorf("%d edits", m.Edits)
		}
		r.settle("team", room)
		var edits int
		for _, e := range r.hs.Room(room).OfType("m.room.message") {
			if relation(e).Type == "m.replace" {
				edits++
			}
		}
		if edits != 6 {
			r.t.Errorf("%d edits in the room\n%s", edits, r.dump())
		}
		r.equal("on the network", []string{"from Matrix 2"}, unsettled(r.net.Texts("team", "alice")))
	})
}

// Reactions are added, removed and added again, quickly, both ways.
func TestReactions(t *testing.T) {
	each(t, variants(), func(r *rig) {
		room := r.solo().portal("team")
		id := r.say("carol", "team", "what do you think?")
		r.sees(room, "what do you think?")
		on := r.event(room, "what do you think?").ID
		standing := func() (out []string) {
			for _, e := range r.hs.Room(room).OfType("m.reaction") {
				out = append(out, e.Sender+" "+relation(e).Key)
			}
			slices.Sort(out)
			return out
		}
		for _, remove := range []bool{false, true, false, true, false} {
			if err := r.net.User("carol").React("team", id, "👍", remove); err != nil {
				r.t.Fatal(err)
			}
		}
		if err := r.net.User("dave").React("team", id, "🎉", false); err != nil {
			r.t.Fatal(err)
		}
		r.wait("the reactions", func() bool {
			return slices.Equal(standing(), []string{ghost("carol") + " 👍", ghost("dave") + " 🎉"})
		})

		first := r.alice.React(room, on, "❤️")
		r.waitNet("alice's reaction", func() bool { return len(r.message("team", "what do you think?").Reactions["alice"]) == 1 })
		r.alice.Redact(room, first, "")
		r.waitNet("its removal", func() bool { return len(r.message("team", "what do you think?").Reactions["alice"]) == 0 })
		second := r.alice.React(room, on, "❤️")
		r.alice.Redact(room, second, "")
		r.alice.React(room, on, "❤️")
		r.settle("team", room)
		r.equal("alice's reactions there", []string{"❤️"}, r.message("team", "what do you think?").Reactions["alice"])
		r.equal("reactions in the room", []string{ghost("carol") + " 👍", ghost("dave") + " 🎉", "@alice:test ❤️"}, standing())
	})
}

// Redactions, both ways: of what has arrived, and of what waits.
func TestRedactions(t *testing.T) {
	each(t, variants(), func(r *rig) {
		room := r.solo().portal("team")
		id := r.say("carol", "team", "oops")
		r.sees(room, "oops")
		if err := r.net.User("carol").Redact("team", id); err != nil {
			r.t.Fatal(err)
		}
		r.wait("the redaction", func() bool { return !slices.Contains(r.bodies(room), "oops") })
		own := r.alice.SendText(room, "my oops")
		r.hears("team", "alice", "my oops")
		r.alice.Redact(room, own, "wrong")
		r.waitNet("alice's redaction", func() bool { return !slices.Contains(r.net.Texts("team", "alice"), "my oops") })

		up := r.net.Down()
		r.wait("the login is offline", func() bool {
			r.alice.SendText(room, "not me")
			return true
		})
		time.Sleep(5 * time.Second)
		before := r.net.Len("team")
		gone := r.alice.SendText(room, "never leaves")
		kept := r.alice.SendText(room, "tpyo")
		r.alice.Edit(room, kept, "typo")
		r.alice.Redact(room, gone, "")
		up()
		r.hears("team", "alice", "typo")
		r.settle("team", room)
		texts := r.net.Messages("team")
		for _, m := range texts[before:] {
			if m.Text == "never leaves" || m.Text == "tpyo" || m.Edits > 0 {
				r.t.Errorf("%q left, with %d edits", m.Text, m.Edits)
			}
		}
	})
}

// What was redacted after it failed is wiped from the queue.
func TestRedactDeadLetter(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		m := r.management(r.alice)
		r.net.Fail(func(op string, _ network.ChatID) error {
			if op == "send" {
				return network.Errorf(network.Rejected, "the moon is full", "test")
			}
			return nil
		})
		lost := r.alice.SendText(room, "lost")
		r.notice(room, "the moon is full")
		r.ask(r.alice, m, "queue", "the moon is full")
		r.net.Fail(nil)
		r.alice.Redact(room, lost, "")
		r.settle("team", room)
		r.ask(r.alice, m, "queue", "Nothing failed")
	})
}

// Replies and threads, both ways.
func TestRelations(t *testing.T) {
	each(t, variants(), func(r *rig) {
		room := r.solo().portal("team")
		id := r.say("carol", "team", "question?")
		r.sees(room, "question?")
		asked := r.event(room, "question?").ID
		ref := network.Whole(r.net.IDFor("alice", id))
		for _, c := range []network.Content{
			{Parts: network.Text("a reply").Parts, Reply: &ref},
			{Parts: network.Text("in the thread").Parts, Thread: &ref},
		} {
			if _, err := r.net.User("dave").Send("team", c); err != nil {
				r.t.Fatal(err)
			}
		}
		r.sees(room, "in the thread")
		if rel := relation(r.event(room, "a reply")); rel.Reply.Event != asked {
			r.t.Errorf("reply is %+v", rel)
		}
		if rel := relation(r.event(room, "in the thread")); rel.Type != "m.thread" || rel.Event != asked {
			r.t.Errorf("thread is %+v", rel)
		}
		r.alice.Reply(room, asked, "my reply")
		r.alice.SendThread(room, asked, "my thread")
		r.hears("team", "alice", "my thread")
		if m := r.message("team", "my reply"); m.Content.Reply == nil || m.Content.Reply.ID != ref.ID {
			r.t.Errorf("reply on the network is %+v", m.Content.Reply)
		}
		if m := r.message("team", "my thread"); m.Content.Thread == nil || m.Content.Thread.ID != ref.ID {
			r.t.Errorf("thread on the network is %+v", m.Content.Thread)
		}
	})
}

// A message of several parts, one of which is removed again.
func TestParts(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		file, err := r.net.User("carol").SayFile("team", network.Image, "a.png", "image/png", []byte("picture"))
		if err != nil {
			t.Fatal(err)
		}
		media := r.net.Messages("team")[1].Content.Parts[0].Media
		_ = file
		c := network.Content{Parts: []network.Part{
			{Text: markup.Plain("look")}, {Media: media, Text: markup.Plain("a caption")}, {Location: &network.Location{Lat: 52.5, Lon: 13.4, Name: "here"}},
			{Contact: &network.Contact{Name: "Erin"}}, {Poll: &network.Poll{Question: "Lunch?", Answers: []network.PollAnswer{{ID: "1", Text: "yes"}}, Max: 1}},
		}}
		id, err := r.net.User("carol").Send("team", c)
		if err != nil {
			t.Fatal(err)
		}
		r.wait("all parts", func() bool { return len(unsettled(r.bodies(room))) == 6 })
		img := r.event(room, "a caption")
		if img.Text("msgtype") != "m.image" || img.Text("filename") != "a.png" {
			t.Errorf("media is %s", img.Content)
		}
		loc := r.event(room, "here geo:52.5,13.4")
		if loc.Text("geo_uri") != "geo:52.5,13.4" {
			t.Errorf("location is %s", loc.Content)
		}
		if err := r.net.User("carol").Edit("team", id, "looked"); err != nil {
			t.Fatal(err)
		}
		r.sees(room, "* looked")
		if err := r.net.User("carol").Redact("team", id); err != nil {
			t.Fatal(err)
		}
		r.settle("team", room)
		r.equal("what is left", []string{"a.png", "* looked"}, unsettled(r.bodies(room)))
	})
}

// A network may turn out to have no redactions and reactions only when it is asked for
// one: that is told like where it was known before, and is no failure.
func TestFoundToBeBare(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		r.net.Fail(func(op string, _ network.ChatID) error {
			if op == "redact" || op == "react" {
				return network.Errorf(network.Rejected, "this network cannot", "no such thing: %w", errors.ErrUnsupported)
			}
			return nil
		})
		for _, body := range []string{"one", "two"} {
			sent := r.alice.SendText(room, body)
			r.hears("team", "alice", body)
			r.alice.React(room, sent, "👍")
			before := len(r.notices(room))
			r.alice.Redact(room, sent, "")
			r.wait("a notice", func() bool { return len(r.notices(room)) > before })
		}
		r.settle("team", room)
		for _, n := range r.notices(room) {
			if !strings.Contains(n, "cannot remove messages: it stays visible there") {
				t.Errorf("the room was told %q", n)
			}
		}
		r.equal("dead letters", []string(nil), r.failed())
	})
}

// What is to be removed is gone already: somebody on the network was faster, or an
// earlier process. That is no failure.
func TestRemovedAlready(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		sent := r.alice.SendText(room, "mine")
		r.hears("team", "alice", "mine")
		r.net.Silently(func() {
			if err := r.net.User("alice").Redact("team", r.message("team", "mine").ID); err != nil {
				t.Fatal(err)
			}
		})
		r.alice.Redact(room, sent, "")
		r.settle("team", room)
		r.equal("notices", []string(nil), r.notices(room))
		r.equal("dead letters", []string(nil), r.failed())
	})
}

// A network without edits, reactions and redactions gets what it can take.
func TestBareNetworks(t *testing.T) {
	each(t, bare(), func(r *rig) {
		room := r.solo().portal("team")
		sent := r.alice.SendText(room, "helo")
		r.hears("team", "alice", "helo")
		r.alice.Edit(room, sent, "hello")
		r.hears("team", "alice", "(edited) hello")
		r.alice.React(room, sent, "👍")
		r.alice.Redact(room, sent, "")
		r.notice(room, "cannot remove messages")
		r.alice.Reply(room, r.event(room, "begin team").ID, "a reply")
		r.hears("team", "alice", "a reply")
		for i := range 10 {
			r.say("carol", "team", fmt.Sprint("in", i))
			r.alice.SendText(room, fmt.Sprint("out", i))
		}
		r.settle("team", room)
		r.equal("sent", append([]string{"helo", "(edited) hello", "a reply"}, numbered("out", 10)...), unsettled(r.net.Texts("team", "alice")))
		var in []string
		for _, e := range r.hs.Room(room).OfType("m.room.message") {
			if e.Sender == ghost("carol") {
				in = append(in, text(e))
			}
			if e.Sender == ghost("alice") {
				r.t.Errorf("alice's own %q came back", text(e))
			}
		}
		r.equal("received", numbered("in", 10), unsettled(in))
	})
}

// A text longer than an event can hold becomes several, in order; so does an edit.
func TestLongTexts(t *testing.T) {
	f := memnet.DefaultFeatures()
	f.MaxText = 0
	virtual(t, rigOptions{net: memnet.Options{Features: &f}}, func(r *rig) {
		room := r.solo().portal("team")
		for i, s := range []string{"word ", `\`, `"<>&`, "ä\n", "x"} {
			long := strings.Repeat(s, 200_000/len(s))
			id := r.say("carol", "team", long)
			r.say("carol", "team", fmt.Sprint("end", i))
			r.sees(room, fmt.Sprint("end", i))
			got := r.bodies(room)
			at := len(got) - 2
			for !strings.HasPrefix(got[at], "end") && got[at] != "begin team" {
				at--
			}
			squeeze := func(s string) string { return strings.Join(strings.Fields(s), "") }
			if joined := strings.Join(got[at+1:len(got)-1], ""); squeeze(joined) != squeeze(long) {
				t.Errorf("%q: %d of %d bytes arrived", s, len(joined), len(long))
			}
			if err := r.net.User("carol").Edit("team", id, long[:len(long)/2]+"!"); err != nil {
				t.Fatal(err)
			}
			r.say("carol", "team", fmt.Sprint("edited", i))
			r.sees(room, fmt.Sprint("edited", i))
			if m := r.notices(room); len(m) > 0 {
				t.Errorf("%q: %q", s, m)
			}
			r.say("carol", "team", fmt.Sprint("end", i))
			r.wait("end", func() bool { b := r.bodies(room); return b[len(b)-1] == fmt.Sprint("end", i) })
		}
	})
}

// Formatting, mentions and emotes cross both ways.
func TestFormatting(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		body := markup.Body{{Kind: markup.Bold, Children: []markup.Node{{Kind: markup.Text, Text: "hey "}}}, {Kind: markup.Mention, User: "alice", Text: "@alice"}, {Kind: markup.Mention, User: "carol", Text: "@carol"}}
		if _, err := r.net.User("carol").Send("team", network.Rich(body)); err != nil {
			t.Fatal(err)
		}
		if _, err := r.net.User("carol").Send("team", network.Content{Parts: []network.Part{{Style: network.Emote, Text: markup.Plain("waves")}}}); err != nil {
			t.Fatal(err)
		}
		r.sees(room, "waves")
		if e := r.event(room, "waves"); e.Text("msgtype") != "m.emote" {
			t.Errorf("emote is %s", e.Content)
		}
		e := r.hs.Room(room).OfType("m.room.message")[1]
		var c struct {
			Mentions struct {
				Users []string `json:"user_ids"`
			} `json:"m.mentions"`
		}
		if err := json.Unmarshal(e.Content, &c); err != nil {
			t.Fatal(err)
		}
		r.equal("mentions", []string{"@alice:test", ghost("carol")}, c.Mentions.Users)
		if !bytes.Contains(e.Content, []byte(`<strong>hey </strong>`)) {
			t.Errorf("content is %s", e.Content)
		}
		pill := fmt.Sprintf(`<em>ask</em> <a href="https://matrix.to/#/%s">Carol</a>`, ghost("carol"))
		r.alice.Send(room, "m.room.message", map[string]any{"msgtype": "m.text", "body": "ask Carol", "format": "org.matrix.custom.html", "formatted_body": pill})
		r.waitNet("the pill", func() bool {
			for _, m := range r.net.Messages("team") {
				if ms := markup.Mentions(m.Content.Parts[0].Text); slices.Contains(ms.Users, "carol") && m.Sender == "alice" {
					return true
				}
			}
			return false
		})
	})
}
