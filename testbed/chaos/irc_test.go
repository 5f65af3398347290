package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/ergochat/irc-go/ircmsg"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/testbed/ircuser"
)

// lines parses what somebody on IRC has seen. A source of one letter stands for a
// whole one: A is Causeway's alice, B its bob, R its relay, C is carol.
func linesOf(t *testing.T, all ...string) []ircuser.Line {
	t.Helper()
	full := strings.NewReplacer(
		":A ", ":alice!causeway@h ", ":A_ ", ":alice_!causeway@h ", ":B ", ":bob!causeway@h ", ":R ", ":relay!causeway@h ", ":C ", ":carol!user@h ",
	)
	var lines []ircuser.Line
	for _, s := range all {
		l, err := ircmsg.ParseLine(full.Replace(s))
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	return lines
}

func teamChat() *chat {
	return &chat{id: "#team", chatPlan: chatPlan{name: "#team", kind: network.Channel, members: []network.UserID{"alice", "bob"}}}
}

func directChat() *chat {
	return &chat{id: "carol", chatPlan: chatPlan{name: "carol", kind: network.Direct, members: []network.UserID{"alice"}}}
}

func clubChat() *chat {
	return &chat{id: "#club", chatPlan: chatPlan{name: "#club", kind: network.Channel, members: []network.UserID{ircRelay}}}
}

// Only who was there when something was said, and left, excuses that it was not
// heard.
func TestLeft(t *testing.T) {
	const said = "@msgid=x :C PRIVMSG #team :n1-0: hello"
	for name, c := range map[string]struct {
		chat *chat
		seen []string
		left bool
	}{
		"still there":         {teamChat(), []string{":A JOIN #team", said}, false},
		"quit":                {teamChat(), []string{":A JOIN #team", said, ":A QUIT :gone"}, true},
		"quit before":         {teamChat(), []string{":A JOIN #team", ":B JOIN #team", ":A QUIT", said}, false},
		"one of two quit":     {teamChat(), []string{":A JOIN #team", ":B JOIN #team", said, ":A QUIT"}, false},
		"both quit":           {teamChat(), []string{":A JOIN #team", ":B JOIN #team", said, ":A QUIT", ":B QUIT"}, true},
		"back already":        {teamChat(), []string{":A JOIN #team", said, ":A QUIT", ":A JOIN #team"}, true},
		"another person quit": {teamChat(), []string{":A JOIN #team", said, ":C QUIT"}, false},
		"thrown out":          {teamChat(), []string{":A JOIN #team", said, ":C KICK #team alice :out"}, true},
		"another channel":     {teamChat(), []string{":A JOIN #team", said, ":A PART #club"}, false},
		"another name":        {teamChat(), []string{":A JOIN #team", said, ":A NICK alice_"}, false},
		"not said":            {teamChat(), []string{":A JOIN #team", ":A QUIT"}, false},
		"direct":              {directChat(), []string{":A JOIN #team", ":B JOIN #team", "@msgid=x :C PRIVMSG alice :n1-0: hello", ":A QUIT"}, true},
		"direct, the other":   {directChat(), []string{":A JOIN #team", ":B JOIN #team", "@msgid=x :C PRIVMSG alice :n1-0: hello", ":B QUIT"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.chat.left(linesOf(t, c.seen...), "x"); got != c.left {
				t.Errorf("left: %v", got)
			}
		})
	}
}

// A view has what Causeway said, without what it puts before it.
func TestIRCView(t *testing.T) {
	for name, c := range map[string]struct {
		chat    *chat
		seen    []string
		texts   []string // of what is shown, each behind its token
		strange int
	}{
		"plain":             {teamChat(), []string{"@msgid=1 :A PRIVMSG #team :m1-0: hello"}, []string{"m1 m1-0:hello"}, 0},
		"two lines":         {teamChat(), []string{"@msgid=1 :A PRIVMSG #team :m1-0:0 m1", "@msgid=2 :A PRIVMSG #team :-0:1 end"}, []string{"m1 m1-0:0m1-0:1end"}, 0},
		"twice":             {teamChat(), []string{"@msgid=1 :A PRIVMSG #team :m1-0: x", "@msgid=2 :A PRIVMSG #team :m1-0: x"}, []string{"m1 m1-0:xm1-0:x"}, 0},
		"reply":             {teamChat(), []string{"@msgid=2;+draft/reply=1 :B PRIVMSG #team :carol: (“n1-0: what I wanted…”) m2-0: yes"}, []string{"m2 m2-0:yes"}, 0},
		"relayed":           {clubChat(), []string{"@msgid=1 :R PRIVMSG #club :<eve> m1-0: hello"}, []string{"m1 m1-0:hello"}, 0},
		"not relayed":       {clubChat(), []string{"@msgid=1 :R PRIVMSG #club :m1-0: hello"}, nil, 1},
		"somebody else":     {teamChat(), []string{"@msgid=1 :R PRIVMSG #team :<eve> m1-0: hello"}, nil, 1},
		"another nick":      {teamChat(), []string{"@msgid=1 :A_ PRIVMSG #team :m1-0: hello"}, []string{"m1 m1-0:hello"}, 0},
		"said here":         {teamChat(), []string{"@msgid=1 :C PRIVMSG #team :n1-0: hello"}, nil, 0},
		"no name":           {teamChat(), []string{"@msgid=1 :A PRIVMSG #team :hello"}, nil, 1},
		"direct":            {directChat(), []string{"@msgid=1 :A PRIVMSG carol :m1-0: hello", "@msgid=2 :A PRIVMSG #team :m2-0: not here"}, []string{"m1 m1-0:hello"}, 0},
		"direct, said here": {directChat(), []string{"@msgid=1 :C PRIVMSG alice :n1-0: hello"}, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			v := (&ircNet{}).read(c.chat, linesOf(t, c.seen...))
			var texts []string
			for _, x := range v.order {
				for _, p := range x.pieces {
					texts = append(texts, x.token+" "+p.text)
				}
			}
			if !slices.Equal(texts, c.texts) || len(v.strange) != c.strange {
				t.Errorf("shows %q, not %q; strange: %q", texts, c.texts, v.strange)
			}
		})
	}
}

// What came back from IRC is known by what was said, not by what was answered.
func TestBareIRC(t *testing.T) {
	n := &ircNet{}
	for text, want := range map[string]string{
		"m2-0: hello":        "m2",
		"carol: m2-0: hello": "m2",
		"carol: (“n1-0: what I wanted…”) m2-0: x": "m2",
		"<eve> carol: (“n1-0: x”) m2-0: hello":    "m2",
		"<eve> m2-0: hello":                       "m2",
		"hello":                                   "",
	} {
		if got := tokenOf(n.bare(text)); got != want {
			t.Errorf("%q is %q, not %q", text, got, want)
		}
	}
}
