package irc

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/irc/ircfake"
)

// both runs a test on a modern and on a legacy server with bob in #a.
func both(t *testing.T, f func(t *testing.T, s *ircfake.Server, bob *ircfake.User, r *running)) {
	for name, cfg := range map[string]ircfake.Config{"modern": ircfake.Modern(), "legacy": ircfake.Legacy()} {
		t.Run(name, func(t *testing.T) {
			s := startFake(t, cfg)
			bob := s.User("Bob")
			bob.Join("#a")
			r := newCore(t, s, "", nil).online("#a")
			f(t, s, bob, r)
			r.stop()
		})
	}
}

func TestMessagesArrive(t *testing.T) {
	both(t, func(t *testing.T, s *ircfake.Server, bob *ircfake.User, r *running) {
		bob.Say("#A", "\x02hey\x02 relay, http://x.example/relay")
		m := r.message("hey relay, http://x.example/relay")
		want := markup.Body{
			{Kind: markup.Bold, Children: []markup.Node{{Kind: markup.Text, Text: "hey"}}}, {Kind: markup.Text, Text: " "},
			{Kind: markup.Mention, User: "relay", Text: "relay"}, {Kind: markup.Text, Text: ", http://x.example/relay"},
		}
		if fmt.Sprint(m.Parts[0].Text) != fmt.Sprint(want) {
			t.Errorf("text %v, want %v", m.Parts[0].Text, want)
		}
		if m.Sender != "bob" || m.Chat != (network.ChatKey{ID: "#a"}) || time.Since(m.At) > time.Minute || (m.ID == "") != (m.Key == "") {
			t.Errorf("head %+v", m.Head)
		}
		bob.Action("#a", "waves")
		if m := r.message("waves"); m.Parts[0].Style != network.Emote {
			t.Errorf("an ACTION has the style %q", m.Parts[0].Style)
		}
		bob.Notice("#a", "beep")
		if m := r.message("beep"); m.Parts[0].Style != network.Notice {
			t.Errorf("a NOTICE has the style %q", m.Parts[0].Style)
		}
		bob.Say("relay", "psst")
		if m := r.message("psst"); m.Chat != (network.ChatKey{ID: "bob", Login: relayID}) {
			t.Errorf("a direct message is in %v", m.Chat)
		}
		bob.Say("#a", "caf\xe9 \x80") // windows-1252
		r.message("café €")
		s.User("eve").Notice("relay", "buy this")
		if n := r.notice("eve: buy this"); !n.Chat.IsZero() {
			t.Errorf("a notice from a stranger is in %v", n.Chat)
		}
		s.Op("#a", "relay")
		bob.Say("@#a", "ops only")
		if n := r.notice("ops only"); !n.Chat.IsZero() {
			t.Errorf("what only operators may read is in %v", n.Chat)
		}
	})
}

func TestCTCP(t *testing.T) {
	both(t, func(t *testing.T, s *ircfake.Server, bob *ircfake.User, r *running) {
		answers := func() (all []string) {
			for _, l := range s.Said("Bob") {
				all = append(all, l.Command+" "+l.Text)
			}
			return all
		}
		bob.Say("relay", "\x01PING 123\x02\x01")
		if err := s.Wait(t.Context(), func() bool { return len(answers()) == 1 }); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			bob.Say("relay", "\x01VERSION\x01")
		}
		bob.Say("#a", "\x01VERSION\x01")
		bob.Say("relay", "\x01DCC SEND x\x01")
		r.notice("not supported: DCC")
		bob.Say("#a", "end")
		r.message("end")
		if got := answers(); len(got) != 1 || got[0] != "NOTICE \x01PING 123\x01" {
			t.Errorf("answers %q, want one to PING and none to the flood", got)
		}
	})
}

// member finds a person's last membership in a chat.
func (c *core) member(chat network.ChatID, user network.UserID, want network.Membership) network.Member {
	c.t.Helper()
	var found network.Member
	event(c, fmt.Sprintf("%s is %s in %s", user, want, chat), func(e *network.MemberChange) bool {
		for _, m := range e.Members {
			if e.Chat.ID == chat && m.User == user && m.Membership == want {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

func TestMembers(t *testing.T) {
	both(t, func(t *testing.T, s *ircfake.Server, bob *ircfake.User, r *running) {
		full := event(r.core, "the members", func(e *network.MemberChange) bool { return e.Full })
		if len(full.Members) != 2 {
			t.Errorf("members %+v, want bob and us", full.Members)
		}
		eve := s.User("Eve")
		eve.Join("#a")
		if m := r.member("#a", "eve", network.Joined); m.Name != "Eve" {
			t.Errorf("Eve joins as %+v", m)
		}
		eve.Nick("Mallory")
		if m := r.member("#a", "eve", network.Left); !strings.Contains(m.Reason, "Mallory") {
			t.Errorf("a change of nick says %+v", m)
		}
		r.member("#a", "mallory", network.Joined)
		bob.Kick("#a", "Mallory", "spam")
		if m := r.member("#a", "mallory", network.Left); m.By != "bob" || m.Reason != "spam" {
			t.Errorf("a kick says %+v", m)
		}
		eve.Join("#a")
		eve.Part("#a", "bye")
		dan := s.User("dan")
		dan.Join("#a")
		r.member("#a", "dan", network.Joined)
		dan.Quit("done")
		if m := r.member("#a", "dan", network.Left); m.Reason != "done" {
			t.Errorf("a quit says %+v", m)
		}
		bob.Mode("#a", "+v-o", "relay", "Bob")
		event(r.core, "the roles", func(e *network.Roles) bool {
			return e.Levels["relay"] == 10 && e.Levels["bob"] == 0 && len(e.Levels) == 2
		})
		s.Op("#a", "Bob")
		event(r.core, "the role", func(e *network.Roles) bool { return e.Levels["bob"] == 50 && len(e.Levels) == 1 })
		bob.Topic("#a", "\x02new\x02 topic")
		event(r.core, "the topic", func(e *network.ChatChange) bool {
			return e.Topic != nil && *e.Topic == "new topic" && e.Sender == "bob"
		})
		chat, err := r.ops.Chat(t.Context(), "#a")
		if err != nil || chat.Topic != "new topic" || chat.Kind != network.Channel || chat.Levels["bob"] != 50 {
			t.Errorf("chat %+v, error %v", chat, err)
		}
	})
}

func TestNetsplitIsDamped(t *testing.T) {
	both(t, func(t *testing.T, s *ircfake.Server, bob *ircfake.User, r *running) {
		r.splitsFor(time.Hour)
		var crowd []*ircfake.User
		for i := range 50 {
			u := s.User(fmt.Sprintf("user%d", i))
			u.Join("#a")
			crowd = append(crowd, u)
		}
		r.member("#a", "user49", network.Joined)
		r.forget()
		s.Split(crowd...)
		for i := range 40 {
			s.User(fmt.Sprintf("user%d", i)).Join("#a")
		}
		bob.Say("#a", "who could has come back")
		r.message("who could has come back")
		r.splitsFor(0)
		r.member("#a", "user45", network.Left)
		bob.Say("#a", "end")
		r.message("end")
		events, people := 0, map[network.UserID]bool{}
		for _, ev := range r.events {
			if e, ok := ev.(*network.MemberChange); ok {
				events++
				for _, m := range e.Members {
					people[m.User] = true
				}
			}
		}
		if events > 3 || len(people) != 10 {
			t.Errorf("a netsplit of 50, of whom 40 came back, made %d events about %d people", events, len(people))
		}
	})
}

// splitsFor changes how long those are waited for who were lost in a netsplit.
func (r *running) splitsFor(d time.Duration) {
	r.t.Helper()
	if err := r.client.do(r.t.Context(), func(s *session) { s.tune.split = d }); err != nil {
		r.t.Fatal(err)
	}
}

func TestKickedAndInvited(t *testing.T) {
	both(t, func(t *testing.T, s *ircfake.Server, bob *ircfake.User, r *running) {
		bob.Kick("#a", "relay", "out")
		closed := event(r.core, "the end of the chat", func(e *network.ChatClosed) bool { return e.Chat.ID == "#a" })
		if !strings.Contains(closed.Reason, "Bob") || !strings.Contains(closed.Reason, "out") {
			t.Errorf("reason %q", closed.Reason)
		}
		_, err := r.send("#a", network.Text("hi"))
		wantKind(t, err, network.Gone, "#a")
		bob.Mode("#a", "+i")
		_, err = r.ops.Join(t.Context(), "#a")
		wantKind(t, err, network.Rejected, "invit")
		bob.Do("INVITE", "relay", "#a")
		r.notice("invites you to #a")
		if _, err := r.ops.Join(t.Context(), "#a"); err != nil {
			t.Error(err)
		}
	})
}

func TestTags(t *testing.T) {
	s := startFake(t, ircfake.Modern())
	bob := s.User("bob")
	bob.Join("#a")
	r := newCore(t, s, "", nil).online("#a")
	id := network.MessageID(bob.Say("#a", "first"))
	if m := r.message("first"); m.ID != id || m.Key != string(id) {
		t.Errorf("ID %q, key %q, want %q", m.ID, m.Key, id)
	}
	bob.SayTagged(map[string]string{"+draft/reply": string(id)}, "#a", "second")
	if m := r.message("second"); m.Reply == nil || m.Reply.ID != id {
		t.Errorf("reply %+v", m.Reply)
	}
	bob.Say("#a", "one\ntwo\n\nfour")
	if m := r.message("one\ntwo\n\nfour"); m.ID == "" {
		t.Error("a multi-line message has no ID")
	}
	bob.React("#a", string(id), "👍", false)
	bob.React("#a", string(id), "👍", true)
	for _, remove := range []bool{false, true} {
		event(r.core, "the reaction", func(e *network.Reaction) bool {
			return e.Target.ID == id && e.Emoji == "👍" && e.Remove == remove && e.Sender == "bob"
		})
	}
	bob.Typing("#a", "active")
	event(r.core, "typing", func(e *network.Typing) bool { return e.For > 0 && e.Sender == "bob" })
	bob.Redact("#a", string(id), "oops")
	event(r.core, "the redaction", func(e *network.Redaction) bool { return e.Target.ID == id && e.Reason == "oops" })
	sent := r.must("#a", network.Text("mine"))
	if m := r.message("mine"); m.Txn == "" || m.Sender != "relay" || m.ID != sent.Parts[0][0] {
		t.Errorf("the echo is %+v, sent %+v", m, sent)
	}
	s.SayAs("relay", "#a", "from my phone")
	if m := r.message("from my phone"); m.Txn != "" || m.Sender != "relay" {
		t.Errorf("what another program said is %+v", m.Head)
	}
	s.SayAs("relay", "bob", "psst")
	if m := r.message("psst"); m.Chat.ID != "bob" || m.Chat.Login != relayID {
		t.Errorf("what another program said to bob is in %+v", m.Chat)
	}
	r.stop()
}
