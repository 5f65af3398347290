package convert

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// load reads one node from each line.
func load(t *testing.T, s string) markup.Body {
	var b markup.Body
	for d := json.NewDecoder(strings.NewReader(s)); ; {
		var n markup.Node
		if err := d.Decode(&n); err == io.EOF {
			return b
		} else if err != nil {
			t.Fatal(err)
		}
		b = append(b, n)
	}
}

// TestRender renders trees, one node in a line.
func TestRender(t *testing.T) {
	compare(t, "render", func(t *testing.T, input string) string { return drafts(Text(load(t, input), options())) })
}

func drafts(ds []Draft) string {
	var w strings.Builder
	for _, d := range ds {
		fmt.Fprintf(&w, "text %s\n", d.Text)
		if d.Me {
			w.WriteString("me\n")
		}
		var blocks []any
		if err := json.Unmarshal(d.Blocks, &blocks); err != nil && d.Blocks != nil {
			fmt.Fprintf(&w, "%v\n", err)
		}
		for _, b := range blocks {
			o := object(b.(map[string]any))
			if o.str("type") != "rich_text" {
				fmt.Fprintln(&w, dump(b))
			}
			for _, e := range o.list("elements") {
				fmt.Fprintln(&w, dump(e))
			}
		}
		if d.Reactions != nil {
			fmt.Fprintf(&w, "reactions %q\n", d.Reactions)
		}
	}
	return strings.TrimSuffix(w.String(), "\n")
}

// TestParts renders one part of a message, as JSON.
func TestParts(t *testing.T) {
	compare(t, "parts", func(t *testing.T, input string) string {
		var p network.Part
		if err := json.Unmarshal([]byte(input), &p); err != nil {
			t.Fatal(err)
		}
		o := options()
		o.Relayed = strings.Contains(t.Name(), "relayed")
		return drafts(Part(p, o))
	})
}

// TestOptions: what the workspace calls things, and what it does not know.
func TestOptions(t *testing.T) {
	b := markup.Body{
		{Kind: markup.Mention, User: "alice", Text: "Alice"}, text(" "), {Kind: markup.Mention, User: "U1", Text: "Gone"}, text(" "),
		{Kind: markup.Mention, User: "@al:x.example", MXID: true, Text: "Al"}, text(" "), {Kind: markup.ChatLink, Chat: "general", Text: "#general"}, text(" "),
		{Kind: markup.ChatLink, Chat: "#r:x.example", MXID: true}, text(" "), {Kind: markup.Everyone, Text: "@room"}, text(" "),
		{Kind: markup.Emoji, URL: "mxc://x/other", Text: ":cat:"}, text(" https://matrix.to/#/!r:x/$e "),
		{Kind: markup.Link, URL: "https://matrix.to/#/!r:x/$e", Children: []markup.Node{text("that")}},
	}
	o := Options{
		User:    func(u string) (string, bool) { return "U0ALICE", u == "alice" },
		Channel: func(c string) (string, bool) { return "C0GENERAL", c == "general" },
		Quote:   &network.Quote{Name: "Bob *b*", Text: markup.Body{text(strings.Repeat("long ", 100)), {Kind: markup.Mention, User: "U1", Text: "x"}}},
	}
	got := drafts(Text(b, o))
	for _, part := range []string{
		`<@U0ALICE> @Gone @Al <#C0GENERAL> #r:x.example @room :cat: https://matrix.to/#/!r:x/$e <https://matrix.to/#/!r:x/$e|that>`,
		`{"type":"user","user_id":"U0ALICE"}`, `{"text":"@Al","type":"link","url":"https://matrix.to/#/@al:x.example"}`,
		`{"channel_id":"C0GENERAL","type":"channel"}`, `{"text":"#r:x.example","type":"link","url":"https://matrix.to/#/#r:x.example"}`,
		`{"type":"link","url":"https://matrix.to/#/!r:x/$e"}`,
		`{"elements":[{"style":{"bold":true},"text":"Bob *b*","type":"text"},{"text":"\nlong long`, "…",
	} {
		if !strings.Contains(got, part) {
			t.Errorf("no %s in\n%s", part, got)
		}
	}
	for _, part := range []string{"<!", "broadcast", "U1"} {
		if strings.Contains(got, part) {
			t.Errorf("%s in\n%s", part, got)
		}
	}
}

// TestSplit: a long text becomes several messages, each of which Slack takes, and a
// short one stays one.
func TestSplit(t *testing.T) {
	long := markup.Plain(strings.Repeat("A sentence of some words & signs.\n", 400))
	ds := Text(long, Options{})
	var all strings.Builder
	for _, d := range ds {
		if n := units(d.Text); n > MaxText {
			t.Errorf("%d characters", n)
		}
		all.WriteString(d.Text + "\n")
	}
	if strings.Count(all.String(), "A sentence of some words &amp; signs.\n") != 400 || len(ds) < 4 || len(ds) > 5 {
		t.Errorf("%d messages of %d", len(ds), all.Len())
	}
	var styled markup.Body
	for range 200 {
		styled = append(styled, in(markup.Bold, text("b")), text(" "), in(markup.Italic, text("i")), text(" "))
	}
	for _, d := range Text(styled, Options{}) {
		if len(d.Blocks) > maxJSON {
			t.Errorf("blocks of %d", len(d.Blocks))
		}
	}
	var rules markup.Body
	for range 100 {
		rules = append(rules, in(markup.Paragraph, text("a")), markup.Node{Kind: markup.Rule})
	}
	for _, d := range Text(rules, Options{}) {
		if n := strings.Count(string(d.Blocks), "elements") / 2; n+strings.Count(string(d.Blocks), "divider") > MaxBlocks {
			t.Errorf("too many blocks: %d with text", n)
		}
	}
	if got := Text(nil, Options{}); got != nil {
		t.Errorf("%v", got)
	}
}

func TestPollEmoji(t *testing.T) {
	for i, name := range digitNames() {
		if emoji, ok := EmojiText(name); !ok || slices.Index(digitNames(), name) != i {
			t.Errorf("%s is %q", name, emoji)
		}
	}
}

func TestFace(t *testing.T) {
	taken := func(name string) bool { return strings.EqualFold(name, "alice") }
	for _, one := range []struct {
		p    network.Persona
		want Face
	}{
		{network.Persona{MXID: "@bob:x", Name: " Bob\u202e \u200b\n b ", Avatar: "https://a.example/1"}, Face{"Bob b", "https://a.example/1"}},
		{network.Persona{MXID: "@alice:x", Name: "Alice", Avatar: "http://a.example"}, Face{"Alice (@alice:x)", ""}},
		{network.Persona{MXID: "@carol:x", Name: "\u200b"}, Face{"carol", ""}},
		{network.Persona{}, Face{"somebody", ""}},
		{network.Persona{Name: strings.Repeat("é", 100)}, Face{strings.Repeat("é", 80), ""}},
	} {
		if got := NewFace(one.p, taken); got != one.want {
			t.Errorf("%+v is %+v", one.p, got)
		}
	}
	long := NewFace(network.Persona{MXID: "@" + strings.Repeat("m", 200) + ":x", Name: strings.Repeat("n", 200)}, func(string) bool { return true })
	if n := len([]rune(long.Username)); n > longestName {
		t.Errorf("%d characters", n)
	}
	all := func(string) bool { return true }
	same := "@" + strings.Repeat("m", 60)
	if one, two := NewFace(network.Persona{MXID: same + ":x", Name: "Ann"}, all), NewFace(network.Persona{MXID: same + ":y", Name: "Ann"}, all); one == two {
		t.Errorf("two people are both %+v", one)
	}
	if f := NewFace(network.Persona{Name: "x"}, nil); f.Username != "x" {
		t.Errorf("%+v", f)
	}
}
