package ircuser_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/testbed/ircd"
	"github.com/causeway-chat/causeway/testbed/ircuser"
)

// pair returns alice, who is the operator, and bob in #den.
func pair(t *testing.T, kind ircd.Kind, caps ...string) (ctx context.Context, alice, bob *ircuser.User) {
	t.Helper()
	if err := ircd.Available(kind); err != nil {
		t.Skip(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	s, err := ircd.Start(ctx, kind, ircd.Options{Output: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	users := make([]*ircuser.User, 2)
	for i, nick := range []string{"alice", "bob"} {
		if users[i], err = ircuser.Dial(ctx, ircuser.Options{Addr: s.Addr(), Nick: nick, Caps: caps}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(users[i].Close)
		if err := users[i].Join(ctx, "#den"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ircuser.Dial(ctx, ircuser.Options{Addr: s.Addr(), Nick: "bob"}); err == nil {
		t.Fatal("two users are called bob")
	}
	return ctx, users[0], users[1]
}

// TestVerbs does everything a User can, on both servers, and looks at what
// the other one gets.
func TestVerbs(t *testing.T) {
	for _, kind := range []ircd.Kind{ircd.InspIRCd, ircd.NgIRCd} {
		t.Run(string(kind), func(t *testing.T) {
			ctx, alice, bob := pair(t, kind)
			for _, step := range []struct {
				do   func() error
				line string // that bob gets, without its source and tags
			}{
				{func() error { return alice.Say("#den", "hello") }, "PRIVMSG #den hello"},
				{func() error { return alice.Say("bob", "psst") }, "PRIVMSG bob psst"},
				{func() error { return alice.Notice("#den", "beep") }, "NOTICE #den beep"},
				{func() error { return alice.Action("#den", "waves") }, "PRIVMSG #den \x01ACTION waves\x01"},
				{func() error { return alice.Topic(ctx, "#den", "on bridges") }, "TOPIC #den on bridges"},
				{func() error { return alice.Mode(ctx, "#den", "+v", "bob") }, "MODE #den +v bob"},
				{func() error { return alice.SetNick(ctx, "alison") }, "NICK alison"},
				{func() error { return alice.Kick(ctx, "#den", "bob", "out") }, "KICK #den bob out"},
				{func() error { return bob.Join(ctx, "#den") }, "JOIN #den"},
				{func() error { return alice.Part(ctx, "#den") }, "PART #den"},
				{func() error { return alice.Join(ctx, "#den") }, "JOIN #den"},
				{func() error { return alice.Quit(ctx, "bye") }, "QUIT"},
			} {
				mark := bob.Mark()
				if err := step.do(); err != nil {
					t.Fatalf("%s: %v", step.line, err)
				}
				_, err := bob.Wait(ctx, mark, func(l ircuser.Line) bool {
					got := l.Command + " " + strings.Join(l.Params, " ")
					return got == step.line || step.line == "QUIT" && l.Command == "QUIT" ||
						step.line == "PART #den" && strings.HasPrefix(got, step.line)
				})
				if err != nil {
					t.Fatalf("%s: %v", step.line, err)
				}
			}
			if err := bob.Kick(ctx, "#den", "nobody", ""); err == nil {
				t.Fatal("bob threw out somebody who is not there")
			}
		})
	}
}

// TestTags sees a message ID, and a typing notification that only IRCv3 has.
func TestTags(t *testing.T) {
	ctx, alice, bob := pair(t, ircd.InspIRCd, "message-tags", "server-time", "no-such-capability")
	if want := []string{"message-tags", "server-time"}; !slices.Equal(bob.Caps(), want) {
		t.Fatalf("the server granted %v", bob.Caps())
	}
	if err := alice.Say("#den", "hello"); err != nil {
		t.Fatal(err)
	}
	l, err := bob.Wait(ctx, 0, ircuser.Said("alice", "#den", "hello"))
	if err != nil {
		t.Fatal(err)
	}
	if !l.HasTag("msgid") || !l.HasTag("time") {
		t.Fatalf("the message has the tags %v", l.AllTags())
	}
	if err := alice.SendTagged(map[string]string{"+typing": "active"}, "TAGMSG", "#den"); err != nil {
		t.Fatal(err)
	}
	_, err = bob.Wait(ctx, 0, func(l ircuser.Line) bool {
		_, v := l.GetTag("+typing")
		return l.Command == "TAGMSG" && v == "active"
	})
	if err != nil {
		t.Fatal(err)
	}
}
