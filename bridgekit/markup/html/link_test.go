package html

import (
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/markup"
)

// Links to events are read as they are written, and in every form of the
// specification.
func TestParseEvent(t *testing.T) {
	type target struct{ room, event string }
	for address, want := range map[string]target{
		EventURL("!a:x.org", "$b", "x.org"):                           {"!a:x.org", "$b"},
		EventURL("!a", "$a/b+c:x.org", "[::1]:8448"):                  {"!a", "$a/b+c:x.org"},
		"https://matrix.to/#/!a:x.org/$b?via=y.org&via=z.org":         {"!a:x.org", "$b"},
		"https://matrix.to/#/%21a%3Ax.org/%24b":                       {"!a:x.org", "$b"},
		"HTTP://Matrix.to/#/#room:x.org/$b/":                          {"#room:x.org", "$b"},
		"matrix:roomid/a:x.org/e/b?via=y.org":                         {"!a:x.org", "$b"},
		"matrix:r/room:x.org/event/b":                                 {"#room:x.org", "$b"},
		"https://matrix.to/#/!a:x.org":                                {},
		"https://matrix.to/#/@a:x.org":                                {},
		"https://matrix.to/#/@a:x.org/$b":                             {},
		"https://matrix.to/#/!a:x.org/b":                              {},
		"https://matrix.to/#/!a:x.org/$":                              {},
		"https://matrix.to/#/!a:x.org/$b%20c":                         {},
		"https://matrix.to.evil.example/#/!a:x.org/$b":                {},
		"https://evil.example/?https://matrix.to/#/!a:x.org/$b":       {},
		"javascript:https://matrix.to/#/!a:x.org/$b":                  {},
		"https://acme.slack.com/archives/C012AB3CD/p1355517523000005": {},
		"": {},
	} {
		room, event, ok := ParseEvent(address)
		if (target{room, event}) != want || ok != (want != target{}) {
			t.Errorf("%s leads to %q %q, %v", address, room, event, ok)
		}
	}
	if got, want := EventURL("!a:x.org", "$b", "x.org"), "https://matrix.to/#/!a:x.org/$b?via=x.org"; got != want {
		t.Errorf("got %s", got)
	}
}

// A room's link says by which server the room is found, and is read so.
func TestVia(t *testing.T) {
	for _, via := range []string{"x.org", "x.org:8448", "", "a b", `"><script>`} {
		n := markup.Node{Kind: markup.ChatLink, Chat: "!a:x.org", MXID: true, Text: "a room", Via: via}
		written, _ := Render(markup.Body{n})
		got := Parse(written)
		if n.Via = ""; validServer(via) {
			n.Via = via
		}
		if len(got) != 1 || got[0].Via != n.Via || got[0].Chat != n.Chat || got[0].Text != n.Text {
			t.Errorf("by %q: %s is %+v", via, written, got)
		}
	}
	if got := Parse(`<a href="https://matrix.to/#/#a:x.org?via=y.org">a</a>`); got[0].Via != "" {
		t.Errorf("an alias names its server: %+v", got)
	}
}
