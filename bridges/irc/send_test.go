package irc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/irc/ircfake"
)

func TestSendText(t *testing.T) {
	both(t, func(t *testing.T, s *ircfake.Server, bob *ircfake.User, r *running) {
		r.must("#a", network.Text("hello"))
		r.must("#a", network.Rich(markup.Body{{Kind: markup.Bold, Children: markup.Plain("b")}, {Kind: markup.Text, Text: " to "}, {Kind: markup.Mention, User: "bob", Text: "Robert"}}))
		emote := network.Text("waves\ntwice")
		emote.Parts[0].Style = network.Emote
		r.must("#a", emote)
		notice := network.Text("beep")
		notice.Parts[0].Style = network.Notice
		r.must("#a", notice)
		r.must("#a", network.Text("/quit \x01VERSION\x01"))
		r.must("bob", network.Text("psst"))
		wantTexts(t, s, "#a", "relay", "hello", "\x02b\x0f to Bob", "\x01ACTION waves\x01", "\x01ACTION twice\x01", "beep", "/quit VERSION")
		wantTexts(t, s, "bob", "relay", "psst")
		if got := s.Said("#a")[4].Command; got != "NOTICE" {
			t.Errorf("a notice is sent as %s", got)
		}
	})
}

// TestPrefixIsCounted sends lines that are as long as can be: what people see
// must not be cut, so the server's prefix must be counted by the real mask.
func TestPrefixIsCounted(t *testing.T) {
	for _, host := range []string{"h", strings.Repeat("long.host.", 6) + "test"} {
		cfg := ircfake.Legacy()
		cfg.Host = host
		s := startFake(t, cfg)
		bob := s.User("bob")
		bob.Join("#a")
		login := network.Login{ID: "eve", User: "eve", Data: []byte(`{"nick":"eve"}`)}
		eve := newCore(t, s, "relay: false", &login).online("#a")
		r := newCore(t, s, "", nil).online("#a")
		for _, text := range []string{strings.Repeat("é", 600), "x" + strings.Repeat("é", 600), strings.Repeat("x", 1200)} {
			eve.forget()
			r.must("#a", network.Text(text))
			eve.until("everything", func() bool {
				var got strings.Builder
				for _, ev := range eve.events {
					if m, ok := ev.(*network.Message); ok {
						got.WriteString(m.Parts[0].Text.String())
					}
				}
				return got.String() == text
			})
		}
		if n := len(s.Said("#a")); n > 12 {
			t.Errorf("host of %d bytes: %d lines", len(host), n)
		}
		r.stop()
		eve.stop()
	}
}

func TestPersonas(t *testing.T) {
	both(t, func(t *testing.T, s *ircfake.Server, bob *ircfake.User, r *running) {
		say := func(name, text string, style network.Style) {
			c := network.Text(text)
			c.Parts[0].Style = style
			c.Persona = &network.Persona{MXID: "@alice:example.org", Name: name}
			r.must("#a", c)
		}
		say("Alice", "one\ntwo", network.Normal)
		say("Alice> hi <Bob", "three", network.Normal)
		say("bob", "four", network.Normal)
		say("A\r\nQUIT :x\x02\u202e", "five", network.Normal)
		say("Alice", "waves\nmore", network.Emote)
		say("\u200b", "six", network.Normal)
		want := []string{"<Alice> one", "<Alice> two", "<Alice› hi ‹B\u200bob> three", "<b\u200bob> four", "<A QUIT :x> five", "* Alice waves", "<Alice> more", "<alice> six"}
		if got := strings.Split(strings.Join(s.Texts("#a", "relay"), "\n"), "\n"); !slices.Equal(got, want) {
			t.Errorf("said\n%q\nwant\n%q", got, want)
		}
	})
}

func TestLongTextBecomesLink(t *testing.T) {
	both(t, func(t *testing.T, s *ircfake.Server, bob *ircfake.User, r *running) {
		var lines []string
		for i := range 40 {
			lines = append(lines, fmt.Sprint("line ", i))
		}
		text := strings.Join(lines, "\n")
		r.public = true
		sent := r.must("#a", network.Text(text))
		got := s.Texts("#a", "relay")
		if len(got) != 1 || !strings.HasPrefix(got[0], "line 0 … (40 lines: https://cw.example/") || !strings.Contains(sent.Note, "https://cw.example/") {
			t.Errorf("said %q, note %q", got, sent.Note)
		}
		for _, p := range r.pages {
			if string(p.Data) != text || !strings.HasPrefix(p.MIME, "text/plain") {
				t.Errorf("published %s %q", p.MIME, p.Data)
			}
		}
		r.public = false
		sent = r.must("#a", network.Text(text))
		all := strings.Split(strings.Join(s.Texts("#a", "relay")[1:], "\n"), "\n")
		if len(all) != 25 || all[24] != "line 24" || !strings.Contains(sent.Note, "25 of 40") {
			t.Errorf("without a link %d lines were sent, the last is %q, note %q", len(all), all[len(all)-1], sent.Note)
		}
	})
}

// A link is a source that can be linked, or not.
type link string

func (l link) Open(context.Context) (io.ReadCloser, error) { return nil, errors.New("not opened") }

func (l link) Link(context.Context) (string, time.Time, error) {
	if l == "" {
		return "", time.Time{}, network.ErrNotPublic
	}
	return string(l), time.Now().Add(time.Hour), nil
}

func TestMediaAndOthers(t *testing.T) {
	both(t, func(t *testing.T, s *ircfake.Server, bob *ircfake.User, r *running) {
		media := func(src link) network.Part {
			return network.Part{Media: &network.Media{Kind: network.Image, Name: "ph\r\noto.jpg", Size: 1234567, Source: src}, Text: markup.Plain("look")}
		}
		c := network.Content{Parts: []network.Part{media("https://cw.example/p.jpg")}, Persona: &network.Persona{Name: "Alice"}}
		r.must("#a", c)
		_, err := r.send("#a", network.Content{Parts: []network.Part{media("")}})
		wantKind(t, err, network.Rejected, "public address")
		r.must("#a", network.Content{Parts: []network.Part{
			{Location: &network.Location{Lat: 52.5, Lon: 13.4, Name: "Berlin"}},
			{Contact: &network.Contact{Name: "Bob", VCard: "BEGIN:VCARD\r\nTEL;TYPE=cell:+49 30 1\r\nEND:VCARD"}},
			{Poll: &network.Poll{Question: "Tea?", Answers: []network.PollAnswer{{Text: "yes"}, {Text: "no"}}}},
		}})
		got := strings.Split(strings.Join(s.Texts("#a", "relay"), "\n"), "\n")
		want := []string{
			"<Alice> sent ph oto.jpg (1.2 MB): https://cw.example/p.jpg", "<Alice> look",
			"Berlin: https://www.openstreetmap.org/?mlat=52.50000&mlon=13.40000", "contact: Bob, +49 30 1", "poll: Tea? (1) yes (2) no",
		}
		if !slices.Equal(got, want) {
			t.Errorf("said\n%q\nwant\n%q", got, want)
		}
	})
}

func TestReplies(t *testing.T) {
	both(t, func(t *testing.T, s *ircfake.Server, bob *ircfake.User, r *running) {
		id := network.MessageID(bob.Say("#a", "is it raining where you are, or is the sun shining there?"))
		tagged := r.message("is it raining where you are, or is the sun shining there?").ID != ""
		reply := func(text string) {
			c := network.Text(text)
			ref := network.Whole(id)
			c.Reply = &ref
			c.Quote = &network.Quote{Name: "Bob on IRC", User: "bob", Text: markup.Plain("is it raining where you are, or is the sun shining there?")}
			r.must("#a", c)
		}
		reply("yes")
		reply("Bob: no")
		for i := range recentLines {
			bob.Say("#a", fmt.Sprint("noise ", i))
		}
		r.message(fmt.Sprint("noise ", recentLines-1))
		reply("still yes")
		wantTexts(t, s, "#a", "relay", "Bob: yes", "Bob: no", "Bob: (“is it raining where you are, or is the…”) still yes")
		if tag := s.Said("#a")[1].Tags["+draft/reply"]; tagged && tag != string(id) {
			t.Errorf("the reply's tag is %q, want %q", tag, id)
		}
	})
}

// What we said for somebody else is not quoted either while it is on people's screens:
// it is known by its ID, because on IRC it begins with their name.
func TestRepliesToWhatWeSaid(t *testing.T) {
	both(t, func(t *testing.T, s *ircfake.Server, bob *ircfake.User, r *running) {
		for i, c := range []network.Content{network.Text("first line\nsecond"), {Parts: []network.Part{{Style: network.Emote, Text: markup.Plain("waves")}}}} {
			said := c.Parts[0].Text.String()
			if i == 0 {
				c.Persona = &network.Persona{Name: "Ada"}
			}
			ref := network.Ref{ID: r.must("#a", c).Parts[0][0]}
			reply := func(text string) {
				c := network.Text(text)
				c.Reply, c.Quote = &ref, &network.Quote{Name: "Ada", Text: markup.Plain(said)}
				r.must("#a", c)
			}
			reply("yes")
			for j := range recentLines {
				bob.Say("#a", fmt.Sprint("noise ", i, j))
			}
			r.message(fmt.Sprint("noise ", i, recentLines-1))
			reply("still yes")
		}
		got := strings.Split(strings.Join(s.Texts("#a", "relay"), "\n"), "\n")
		want := []string{
			"<Ada> first line", "<Ada> second", "Ada: yes", "Ada: (“first line”) still yes",
			"\x01ACTION waves\x01", "Ada: yes", "Ada: (“waves”) still yes",
		}
		if !slices.Equal(got, want) {
			t.Errorf("said\n%q\nwant\n%q", got, want)
		}
	})
}

// Before anybody has connected it is not known what the server can do: what it then
// cannot is told so that the core does without it.
func TestWhatTheServerTurnsOutNotToHave(t *testing.T) {
	cfg := ircfake.Modern()
	cfg.Caps = []string{"server-time", "batch"}
	s := startFake(t, cfg)
	s.User("bob").Join("#a")
	r := newCore(t, s, "", nil).online("#a")
	defer r.stop()
	sent := r.must("#a", network.Text("hi"))
	ref := network.Whole(sent.Parts[0][0])
	if r.ops.Redact == nil || r.ops.React == nil {
		t.Fatal("the first client of a network offers everything")
	}
	err := r.ops.Redact(t.Context(), network.OutgoingRedaction{Txn: txn(90), Chat: "#a", Target: ref})
	wantKind(t, err, network.Rejected, "cannot remove")
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("redact: %v", err)
	}
	err = r.ops.React(t.Context(), network.OutgoingReaction{Txn: txn(91), Chat: "#a", Target: ref, Key: "👍"})
	wantKind(t, err, network.Rejected, "cannot show reactions")
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("react: %v", err)
	}
}

func TestEdits(t *testing.T) {
	both(t, func(t *testing.T, s *ircfake.Server, bob *ircfake.User, r *running) {
		sent := r.must("#a", network.Text("I like teh cat"))
		edit := func(old, now string, p *network.Persona) {
			c, o := network.Text(now), network.Text(old)
			c.Persona = p
			if _, err := r.ops.Edit(t.Context(), network.OutgoingEdit{Txn: txn(99), Chat: "#a", Target: network.Whole(sent.Parts[0][0]), Old: &o, Content: c}); err != nil {
				t.Fatal(err)
			}
		}
		edit("I like teh cat", "I like the cat", nil)
		edit("I like the cat", "I like the cat", nil) // nothing that people could see
		edit("I like the cat", "forget it", &network.Persona{Name: "Alice"})
		wantTexts(t, s, "#a", "relay", "I like teh cat", "s/teh/the/", "<Alice> * forget it")
	})
}

func TestRefusedSends(t *testing.T) {
	both(t, func(t *testing.T, s *ircfake.Server, bob *ircfake.User, r *running) {
		s.Mode("#a", "+m")
		_, err := r.send("#a", network.Text("hi"))
		wantKind(t, err, network.Rejected, "Cannot send")
		s.Mode("#a", "-m")
		_, err = r.send("nobody", network.Text("hi"))
		wantKind(t, err, network.Rejected, "nobody here has this nick")
		_, err = r.send("#nowhere", network.Text("hi"))
		wantKind(t, err, network.Gone, "#nowhere")
		for _, bad := range []network.ChatID{"a b", "#a b", "a\r\nQUIT :x", "", "#a,#b", ":a"} {
			_, err = r.send(bad, network.Text("hi"))
			wantKind(t, err, network.Gone, "")
		}
		s.RefuseMessage(0, "439", "Message target change too fast. Please wait 7 seconds.")
		_, err = r.send("#a", network.Text("hi"))
		wantKind(t, err, network.RateLimited, "fast")
		if network.WaitOf(err) != 7*time.Second {
			t.Errorf("waits %v, want 7s", network.WaitOf(err))
		}
		r.must("#a", network.Text("still here"))
	})
}

func TestSendsAreConfirmed(t *testing.T) {
	t.Run("no echo", func(t *testing.T) {
		s := startFake(t, ircfake.Modern())
		r := newCore(t, s, "", nil).online("#a")
		r.ops.Chat(t.Context(), "#a")
		r.impatient()
		s.DropEchoes(1)
		_, err := r.send("#a", network.Text("hi"))
		// The fake acknowledges a labelled line without its echo.
		if err != nil && network.KindOf(err) != network.Unsure {
			t.Error(err)
		}
		r.stop()
	})
	t.Run("echo without labels", func(t *testing.T) {
		cfg := ircfake.Modern()
		cfg.Caps = []string{"message-tags", "server-time", "echo-message", "batch"}
		s := startFake(t, cfg)
		s.User("bob").Join("#a")
		r := newCore(t, s, "", nil).online("#a")
		var want []string
		for i := range 20 {
			sent := r.must("#a", network.Text("same"))
			if len(sent.Parts) != 1 || len(sent.Parts[0]) != 1 || slices.Contains(want, string(sent.Parts[0][0])) {
				t.Fatalf("message %d is sent as %+v", i, sent)
			}
			want = append(want, string(sent.Parts[0][0]))
		}
		r.impatient()
		s.DropEchoes(1)
		_, err := r.send("#a", network.Text("lost echo"))
		wantKind(t, err, network.Unsure, "confirm")
		r.stop()
	})
	t.Run("hanging server", func(t *testing.T) {
		s := startFake(t, ircfake.Legacy())
		r := newCore(t, s, "", nil).online("#a")
		r.impatient()
		s.Pause()
		_, err := r.send("#a", network.Text("hi"))
		wantKind(t, err, network.Unsure, "confirm")
		s.Resume()
		r.stop()
	})
	t.Run("connection lost", func(t *testing.T) {
		s := startFake(t, ircfake.Legacy())
		r := newCore(t, s, "", nil).online("#a")
		s.Pause()
		done := make(chan error)
		go func() {
			_, err := r.send("#a", network.Text("hi"))
			done <- err
		}()
		r.written(1)
		s.Cut()
		wantKind(t, <-done, network.Unsure, "confirm")
		s.Resume()
	})
}

// impatient has lines wait for their echoes only shortly from now on.
func (r *running) impatient() {
	r.client.mu.Lock()
	defer r.client.mu.Unlock()
	o := r.client.live.out
	o.mu.Lock()
	defer o.mu.Unlock()
	o.patience = 100 * time.Millisecond
}

// written waits until n lines are written whose fate is not known.
func (r *running) written(n int) {
	r.t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for {
		r.client.mu.Lock()
		s := r.client.live
		r.client.mu.Unlock()
		if s != nil {
			s.out.mu.Lock()
			have := len(s.out.pending)
			s.out.mu.Unlock()
			if have >= n {
				return
			}
		}
		select {
		case <-ticker.C:
		case <-deadline:
			r.t.Fatalf("there are never %d lines on their way", n)
		}
	}
}

func TestResumeAfterCut(t *testing.T) {
	s := startFake(t, ircfake.Legacy())
	c := newCore(t, s, "", nil)
	c.chats = []network.ChatKey{{ID: "#a"}}
	r := c.online()
	s.RefuseMessage(2, "439", "too fast, wait 1 seconds")
	m := network.Outgoing{Txn: txn(7), Chat: "#a", Content: network.Text("one\ntwo\nthree\nfour")}
	_, err := r.ops.Send(t.Context(), m)
	wantKind(t, err, network.RateLimited, "fast")
	r.stop()
	r = c.online()
	if _, err := r.ops.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	got := s.Texts("#a", "relay")
	if !slices.Equal(slices.Compact(slices.Clone(got)), got) || got[0] != "one" || got[1] != "two" || got[len(got)-1] != "four" {
		t.Errorf("said %q", got)
	}
	r.stop()
}

func TestFloodControl(t *testing.T) {
	cfg := ircfake.Legacy()
	cfg.Flood = 12
	s := startFake(t, cfg)
	c := newCore(t, s, "", nil)
	c.conn.set.Flood = Flood{Lines: 4, Burst: 2}
	r := c.online("#a", "#b")
	start := time.Now()
	done := make(chan error, 2)
	go func() {
		_, err := r.send("#a", network.Text(strings.Repeat("line\n", 12)))
		done <- err
	}()
	r.written(1)
	_, err := r.send("#b", network.Text("not behind all of #a"))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(s.Texts("#a", "relay")); n == 12 {
		t.Errorf("a line to another channel waited for all %d lines", n)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < 2200*time.Millisecond {
		t.Errorf("13 lines at 4 in a second took only %v", took)
	}
	r.stop()
}

func TestCancelledSend(t *testing.T) {
	s := startFake(t, ircfake.Legacy())
	c := newCore(t, s, "", nil)
	c.conn.set.Flood = Flood{Lines: 0.001, Burst: 1}
	r := c.start()
	ctx, cancel := context.WithCancel(t.Context())
	r.until("online", func() bool { return len(r.states) > 0 && r.states[len(r.states)-1].Status == network.Online })
	done := make(chan error, 1)
	go func() {
		_, err := r.ops.Send(ctx, network.Outgoing{Txn: txn(1), Chat: "bob", Content: network.Text("one\ntwo")})
		done <- err
	}()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want one that wraps context.Canceled", err)
	}
	r.stop()
}

// What became of an edit nobody heard: it is told again only if it was not.
func TestEditAgain(t *testing.T) {
	s := startFake(t, ircfake.Modern())
	c := newCore(t, s, "", nil)
	c.chats = []network.ChatKey{{ID: "#a"}}
	r := c.online()
	said := r.must("#a", network.Text("I like teh cat"))
	edit := func(n int, old, now string) network.Sent {
		t.Helper()
		o := network.Text(old)
		sent, err := r.ops.Edit(t.Context(), network.OutgoingEdit{Txn: txn(n), Chat: "#a", Target: network.Whole(said.Parts[0][0]), Old: &o, Content: network.Text(now)})
		if err != nil {
			t.Fatal(err)
		}
		return sent
	}
	first := edit(1, "I like teh cat", "I like the cat")
	r.stop()
	r = c.online()
	if again := edit(1, "I like teh cat", "I like the cat"); fmt.Sprint(again.Parts) != fmt.Sprint(first.Parts) {
		t.Errorf("again it is %v, not %v", again.Parts, first.Parts)
	}
	edit(2, "I like the cat", "I like teh cat")
	edit(3, "I like teh cat", "I like the cat") // the same words, and not the same edit
	wantTexts(t, s, "#a", "relay", "I like teh cat", "s/teh/the/", "s/the/teh/", "s/teh/the/")
	r.stop()
}
