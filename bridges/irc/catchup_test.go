package irc

import (
	"fmt"
	"slices"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/irc/ircfake"
)

// texts are the messages of a chat in the order in which they were delivered.
func (c *core) texts(chat network.ChatID) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []string
	for _, ev := range c.events {
		if m, ok := ev.(*network.Message); ok && m.Chat.ID == chat {
			all = append(all, m.Parts[0].Text.String())
		}
	}
	return all
}

func TestCatchUp(t *testing.T) {
	cfg := ircfake.Modern()
	cfg.History = 7 // many pages
	s := startFake(t, cfg)
	bob := s.User("bob")
	bob.Join("#a")
	c := newCore(t, s, "", nil)
	c.chats = []network.ChatKey{{ID: "#a"}, {ID: "bob", Login: relayID}}
	r := c.online()
	bob.Say("#a", "before")
	bob.Say("relay", "psst before")
	r.message("before")
	r.message("psst before")
	r.stop()
	s.User("relay") // the nick holds direct messages for us, as a bouncer does
	var want, direct []string
	want, direct = append(want, "before"), append(direct, "psst before")
	for i := range 40 {
		want = append(want, fmt.Sprint("missed ", i))
		bob.Say("#a", want[len(want)-1])
	}
	bob.Say("relay", "psst missed")
	s.User("eve").Say("relay", "hello, it is eve")
	direct = append(direct, "psst missed")
	s.User("relay").Quit("")
	r = c.start()
	if err := s.Wait(t.Context(), func() bool { return s.In("#a", "relay") }); err != nil {
		t.Fatal(err)
	}
	for i := range 5 { // while the past is fetched
		want = append(want, fmt.Sprint("live ", i))
		bob.Say("#a", want[len(want)-1])
	}
	bob.Say("relay", "psst live")
	direct = append(direct, "psst live")
	r.message("live 4")
	r.message("psst live")
	r.message("hello, it is eve")
	if got := c.texts("#a"); !slices.Equal(got, want) {
		t.Errorf("#a has\n%q\nwant\n%q", got, want)
	}
	if got := c.texts("bob"); !slices.Equal(got, direct) {
		t.Errorf("the direct chat has %q, want %q", got, direct)
	}
	if m := r.message("missed 3"); !m.History || m.Key == "" {
		t.Errorf("what was missed is %+v", m.Head)
	}
	if m := r.message("live 4"); m.History && m.Key == "" {
		t.Errorf("what is live is %+v", m.Head)
	}
	if n := count(c, func(*network.Gap) bool { return true }); n != 0 {
		t.Errorf("%d gaps although nothing is missing", n)
	}
	r.stop()
}

func TestGapWithoutHistory(t *testing.T) {
	s := startFake(t, ircfake.Legacy())
	bob := s.User("bob")
	bob.Join("#a", "#b")
	c := newCore(t, s, "", nil)
	c.chats = []network.ChatKey{{ID: "#a"}}
	r := c.online("#b")
	bob.Say("#a", "before")
	r.message("before")
	gaps := func() int { return count(c, func(*network.Gap) bool { return true }) }
	if n := gaps(); n != 0 {
		t.Errorf("%d gaps at the first connection", n)
	}
	s.Cut()
	if err := r.ended(); network.KindOf(err) != network.Unavailable {
		t.Errorf("a lost connection is %v", err)
	}
	r = c.online()
	g := event(c, "the gap", func(e *network.Gap) bool { return e.Chat.ID == "#a" })
	if !g.From.Before(g.To) || g.Reason == "" || g.Key == "" {
		t.Errorf("gap %+v", g)
	}
	bob.Kick("#a", "relay", "")
	event(c, "the kick", func(*network.ChatClosed) bool { return true })
	if _, err := r.ops.Join(t.Context(), "#a"); err != nil {
		t.Fatal(err)
	}
	if n := gaps(); n != 1 {
		t.Errorf("%d gaps, want 1: a join later is none", n)
	}
	r.stop()
}

func TestHistoryPages(t *testing.T) {
	s := startFake(t, ircfake.Modern())
	bob := s.User("bob")
	bob.Join("#a")
	r := newCore(t, s, "", nil).online("#a")
	for i := range 10 {
		bob.Say("#a", fmt.Sprint("line ", i))
	}
	bob.Say("#a", "two\nlines")
	r.message("two\nlines")
	var got []string
	for cursor, pages := "", 0; pages < 20; pages++ {
		events, next, err := r.ops.History(t.Context(), "#a", cursor, 4)
		if err != nil {
			t.Fatal(err)
		}
		var page []string
		for _, ev := range events {
			page = append(page, ev.(*network.Message).Parts[0].Text.String())
		}
		got = append(page, got...)
		if cursor = next; next == "" {
			break
		}
	}
	want := []string{"line 0", "line 1", "line 2", "line 3", "line 4", "line 5", "line 6", "line 7", "line 8", "line 9", "two\nlines"}
	if !slices.Equal(got, want) {
		t.Errorf("history %q, want %q", got, want)
	}
	r.stop()
}
