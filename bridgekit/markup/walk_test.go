package markup

import (
	"fmt"
	"reflect"
	"testing"
)

func TestWalk(t *testing.T) {
	b := Body{
		{Kind: Bold, Children: []Node{{Kind: Italic, Children: Plain("a")}, {Kind: Text, Text: "b"}}},
		{Kind: Quote, Children: Plain("c")},
	}
	var got []string
	Walk(b, func(n Node) bool {
		got = append(got, string(n.Kind)+n.Text)
		return n.Kind != Italic
	})
	if want := []string{"bold", "italic", "textb", "quote", "textc"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestMapLeavesItsInput(t *testing.T) {
	b := Body{{Kind: Bold, Children: []Node{{Kind: Mention, User: "U1"}, {Kind: Rule}}}}
	got := Map(b, func(n Node) []Node {
		switch n.Kind {
		case Mention:
			return []Node{{Kind: Text, Text: "x"}, n}
		case Rule:
			return nil
		case Bold:
			n.Kind = Italic
		}
		return []Node{n}
	})
	want := Body{{Kind: Italic, Children: []Node{{Kind: Text, Text: "x"}, {Kind: Mention, User: "U1"}}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %s", dump(got))
	}
	if b[0].Kind != Bold || b[0].Children[0].Kind != Mention || len(b[0].Children) != 2 {
		t.Errorf("input became %s", dump(b))
	}
}

func TestMentions(t *testing.T) {
	b := Body{
		{Kind: Mention, User: "U2"},
		{Kind: Quote, Children: []Node{{Kind: Mention, User: "@a:b.c", MXID: true}, {Kind: Everyone}}},
		{Kind: Mention, User: "U1"}, {Kind: Mention, User: "U2"}, {Kind: Mention, Text: "nobody"},
		{Kind: Mention, User: "@a:b.c", MXID: true}, {Kind: ChatLink, Chat: "C1"},
	}
	want := MentionList{Users: []string{"U2", "U1"}, MXIDs: []string{"@a:b.c"}, Everyone: true}
	if got := Mentions(b); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestMarkEveryone(t *testing.T) {
	for text, want := range map[string]string{
		"@room":             `{"k":"everyone","t":"@room"}`,
		"hi @room, lunch":   "{\"k\":\"text\",\"t\":\"hi \"}\n{\"k\":\"everyone\",\"t\":\"@room\"}\n{\"k\":\"text\",\"t\":\", lunch\"}",
		"@rooms me@room":    `{"k":"text","t":"@rooms me@room"}`,
		"x@room @room":      "{\"k\":\"text\",\"t\":\"x@room \"}\n{\"k\":\"everyone\",\"t\":\"@room\"}",
		"nothing":           `{"k":"text","t":"nothing"}`,
		"@roomé (@room)":    "{\"k\":\"text\",\"t\":\"@roomé (\"}\n{\"k\":\"everyone\",\"t\":\"@room\"}\n{\"k\":\"text\",\"t\":\")\"}",
		"@room\n@room @roo": "{\"k\":\"everyone\",\"t\":\"@room\"}\n{\"k\":\"text\",\"t\":\"\\n\"}\n{\"k\":\"everyone\",\"t\":\"@room\"}\n{\"k\":\"text\",\"t\":\" @roo\"}",
	} {
		if got := dump(MarkEveryone(Plain(text), "@room")); got != want {
			t.Errorf("%q: got\n%s", text, got)
		}
	}
	code := Body{{Kind: Code, Text: "@room"}}
	if got := MarkEveryone(code, "@room"); !reflect.DeepEqual(got, code) {
		t.Errorf("code became %s", dump(got))
	}
}

func TestNormalizeDepth(t *testing.T) {
	for _, k := range []Kind{Bold, Colour, Quote, List, Item, Paragraph, Heading, Link, "unknown"} {
		n := Node{Kind: Text, Text: "deep"}
		for i := range 5000 {
			n = Node{Kind: k, URL: "u", FG: fmt.Sprintf("#%06d", i), Children: []Node{{Kind: Text, Text: "x"}, n}}
		}
		got := Normalize(Body{n})
		checkNormal(t, got)
		if s := seen(got); len(s) != 5004 {
			t.Errorf("%s: %d of 5004 characters left", k, len(s))
		}
	}
}

func TestNormalizeLeavesItsInput(t *testing.T) {
	b := Body{{Kind: Text, Text: "a\x00"}, {Kind: Bold, Children: []Node{{Kind: Rule}, {Kind: Text, Text: "b"}}}}
	before := dump(b)
	Normalize(b)
	Split(b, 1, nil)
	Truncate(b, 1, nil, "…")
	if after := dump(b); after != before {
		t.Errorf("input became %s", after)
	}
}

func ExampleMap() {
	pills := map[string]string{"U123": "@_cw_slack_u123:example.org"}
	body := Body{{Kind: Text, Text: "ask "}, {Kind: Mention, User: "U123", Text: "Ann"}}
	body = Map(body, func(n Node) []Node {
		if mxid, ok := pills[n.User]; n.Kind == Mention && !n.MXID && ok {
			n.User, n.MXID = mxid, true
		}
		return []Node{n}
	})
	fmt.Println(body, Mentions(body).MXIDs)
	// Output: ask Ann [@_cw_slack_u123:example.org]
}
