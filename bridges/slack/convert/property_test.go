package convert

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/causeway-chat/causeway/bridgekit/markup"
)

// options are those of a workspace where everything can be said.
func options() Options {
	return Options{Everyone: true, Emoji: func(url, _ string) (string, bool) {
		name, ok := strings.CutPrefix(url, "mxc://x/")
		return map[string]string{"parrot": "partyparrot", "jp": "日本"}[name], ok
	}}
}

// back reads blocks that were rendered.
func back(t interface{ Fatalf(string, ...any) }, b markup.Body, o Options) markup.Body {
	raw, err := json.Marshal(map[string]any{"ts": "1.000000", "blocks": richBlocks(b, o)})
	if err != nil {
		t.Fatalf("%v", err)
	}
	m, err := Parse(raw)
	if err != nil {
		t.Fatalf("%v", err)
	}
	r := &blockReader{l: known()}
	return markup.Normalize(trimLines(r.blocks(m.body.objs("blocks"))))
}

// slackInline makes what a line of Slack may hold, in the nesting that reading makes.
func slackInline() *rapid.Generator[markup.Node] {
	word := rapid.SampledFrom([]string{"word", "two words", "é", "漢字 ", " *x* ", "&<>", "a:b", "👍🏽", ":tada:", "`", "~", "> no quote", "- no list"})
	return rapid.Custom(func(t *rapid.T) markup.Node {
		n := text(word.Draw(t, "text"))
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		case 0:
			n = markup.Node{Kind: markup.Mention, User: "U012AB3CD", Text: "Alice"}
		case 1:
			n = markup.Node{Kind: markup.ChatLink, Chat: "C123ABC456", Text: "#general"}
		case 2:
			n = markup.Node{Kind: markup.Everyone, Text: rapid.SampledFrom([]string{"@channel", "@here"}).Draw(t, "range")}
		case 3:
			n = markup.Node{Kind: markup.Emoji, URL: "mxc://x/parrot", Text: ":partyparrot:"}
		case 4:
			n = markup.Node{Kind: markup.Link, URL: rapid.SampledFrom([]string{"https://x.example/a?b=1&c=(2)", "mailto:a@b.example"}).Draw(t, "url"), Children: []markup.Node{text("label")}}
			return n
		case 5:
			n = markup.Node{Kind: markup.Code, Text: "code *x*"}
		}
		for _, k := range []markup.Kind{markup.Strike, markup.Underline, markup.Italic, markup.Bold} {
			if rapid.Bool().Draw(t, string(k)) {
				n = in(k, n)
			}
		}
		return n
	})
}

func slackLine(t *rapid.T) []markup.Node {
	var out []markup.Node
	for _, n := range rapid.SliceOfN(slackInline(), 1, 4).Draw(t, "line") {
		if k := len(out); k > 0 && n.Kind == markup.Link && out[k-1].Kind == markup.Link {
			out = append(out, text(" and ")) // else they might be one
		}
		out = append(out, n)
	}
	return out
}

// slackBody makes a text of everything that Slack's rich text can say.
func slackBody() *rapid.Generator[markup.Body] {
	return rapid.Custom(func(t *rapid.T) markup.Body {
		var b markup.Body
		flat := false // the last node flows: another such would be the same text
		for range rapid.IntRange(1, 5).Draw(t, "blocks") {
			kind := rapid.SampledFrom([]string{"text", "list", "code", "quote"}).Draw(t, "block")
			switch {
			case kind == "text" && !flat:
				b = append(b, slackLine(t)...)
			case kind == "list":
				if n := len(b); n == 0 || b[n-1].Kind != markup.List {
					b = append(b, slackList(t, 2))
				}
			case kind == "code":
				b = append(b, markup.Node{Kind: markup.CodeBlock, Text: "a\n  b & <c>", Lang: rapid.SampledFrom([]string{"", "go"}).Draw(t, "lang")})
			case kind == "quote":
				b = append(b, slackQuote(t))
			}
			flat = len(b) > 0 && !b[len(b)-1].Kind.Block()
		}
		return markup.Normalize(b)
	})
}

func slackList(t *rapid.T, depth int) markup.Node {
	n := markup.Node{Kind: markup.List, Ordered: rapid.Bool().Draw(t, "ordered")}
	if n.Ordered {
		n.Start = rapid.SampledFrom([]int{0, 2, 9}).Draw(t, "start")
	}
	for range rapid.IntRange(1, 3).Draw(t, "items") {
		item := in(markup.Item, slackLine(t)...)
		if depth > 0 && rapid.IntRange(0, 2).Draw(t, "nested") == 0 {
			item.Children = append(item.Children, slackList(t, depth-1))
		}
		n.Children = append(n.Children, item)
	}
	return n
}

func slackQuote(t *rapid.T) markup.Node {
	q := in(markup.Quote, slackLine(t)...)
	if rapid.Bool().Draw(t, "list") {
		q.Children = append(q.Children, slackList(t, 1))
	}
	if rapid.Bool().Draw(t, "code") {
		q.Children = append(q.Children, markup.Node{Kind: markup.CodeBlock, Text: "quoted code"})
		q.Children = append(q.Children, slackLine(t)...)
	}
	return q
}

// checkRoundTrip: what Slack can say comes back as it was.
func checkRoundTrip(t *rapid.T) {
	b := slackBody().Draw(t, "body")
	if got := back(t, b, options()); !reflect.DeepEqual(got, b) {
		t.Errorf("\n%s\ncame back as\n%s\nfrom %s", dump(b), dump(got), dump(richBlocks(b, options())))
	}
}

// anyNode makes any tree, also such that no parser would.
func anyBody(depth int) *rapid.Generator[markup.Body] {
	return rapid.Custom(func(t *rapid.T) markup.Body {
		var b markup.Body
		for range rapid.IntRange(0, 4).Draw(t, "nodes") {
			n := markup.Node{
				Kind: rapid.SampledFrom([]markup.Kind{
					markup.Text, markup.Text, markup.Text, markup.Bold, markup.Italic, markup.Strike, markup.Underline, markup.Code, markup.Spoiler, markup.Colour,
					markup.Link, markup.Mention, markup.Everyone, markup.ChatLink, markup.Emoji, markup.CodeBlock, markup.Quote, markup.List, markup.Item,
					markup.Heading, markup.Rule, markup.Paragraph, "unknown",
				}).Draw(t, "kind"),
				Text: strings.Join(rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom([]string{
					"word", " ", "\n", "\n\n", "*", "_", "`", "```", "> ", "<!channel>", "<@U1>", "https://e.org/a_(b).", "&amp;", "é", "👍🏽", "漢", "|",
				}), rapid.String()), 0, 5).Draw(t, "text"), ""),
				URL:     rapid.SampledFrom([]string{"", "https://e.org", "javascript:x", "mxc://x/parrot", "https://e.org/>|"}).Draw(t, "url"),
				User:    rapid.SampledFrom([]string{"", "U1", "@a:b", "B1", "x>"}).Draw(t, "user"),
				Chat:    rapid.SampledFrom([]string{"", "C1", "!a:b"}).Draw(t, "chat"),
				MXID:    rapid.Bool().Draw(t, "mxid"),
				FG:      rapid.SampledFrom([]string{"", "#00ff00"}).Draw(t, "fg"),
				Ordered: rapid.Bool().Draw(t, "ordered"),
				Start:   rapid.SampledFrom([]int{0, 1, 98, 1 << 40}).Draw(t, "start"),
				Level:   rapid.IntRange(0, 7).Draw(t, "level"),
			}
			if depth > 0 {
				n.Children = anyBody(depth-1).Draw(t, "children")
			}
			b = append(b, n)
		}
		return b
	})
}

// letters is what there is to read in a text, besides marks and white space.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, s)
}

// checkDrafts: whatever the tree, each message is within Slack's limits, names
// nobody and nothing that the tree does not, has no empty elements, and together
// they show every letter.
func checkDrafts(t *rapid.T) {
	b := anyBody(3).Draw(t, "body")
	o := options()
	o.Everyone = rapid.Bool().Draw(t, "everyone")
	shown := ""
	for _, d := range Text(b, o) {
		if units(d.Text) > 4000 || units(string(d.Blocks)) > 12000 {
			t.Errorf("too long: %d, %d", units(d.Text), units(string(d.Blocks)))
		}
		if !o.Everyone && (strings.Contains(d.Text, "<!") || strings.Contains(string(d.Blocks), `"broadcast"`)) {
			t.Errorf("calls everybody: %s %s", d.Text, d.Blocks)
		}
		checkBlocks(t, d.Blocks)
		m, err := Parse([]byte(`{"ts":"1.000000","blocks":` + string(d.Blocks) + `}`))
		if err != nil {
			t.Fatalf("%v", err)
		}
		shown += letters(markup.Body(m.Content(Lookup{}).Parts[0].Text).String())
	}
	for _, r := range letters(said(markup.Normalize(b))) {
		if !strings.ContainsRune(shown, r) {
			t.Errorf("%q is not shown in %q", r, shown)
		}
	}
}

// said is the text of a tree's leaves.
func said(b markup.Body) string {
	var w strings.Builder
	markup.Walk(b, func(n markup.Node) bool {
		if n.Kind == markup.Text || n.Kind == markup.Code || n.Kind == markup.CodeBlock {
			w.WriteString(n.Text)
		}
		return true
	})
	return w.String()
}

// checkBlocks: Slack refuses empty texts, lists and sections, and more than 50 blocks.
func checkBlocks(t *rapid.T, raw []byte) {
	var blocks []any
	if err := json.Unmarshal(raw, &blocks); err != nil || len(blocks) > MaxBlocks || len(blocks) == 0 {
		t.Errorf("%d blocks, %v", len(blocks), err)
	}
	var check func(v any)
	check = func(v any) {
		o, ok := v.(map[string]any)
		if !ok {
			t.Errorf("%v is no object", v)
			return
		}
		if s, ok := o["text"]; ok && s == "" {
			t.Errorf("empty text in %s", raw)
		}
		if kind, _ := o["type"].(string); strings.HasPrefix(kind, "rich_text") {
			list, _ := o["elements"].([]any)
			if len(list) == 0 {
				t.Errorf("empty %s in %s", kind, raw)
			}
			for _, one := range list {
				check(one)
			}
		}
	}
	for _, one := range blocks {
		check(one)
	}
}

func TestRoundTrip(t *testing.T)       { rapid.Check(t, checkRoundTrip) }
func TestDraftProperties(t *testing.T) { rapid.Check(t, checkDrafts) }
func FuzzRoundTrip(f *testing.F)       { fuzz(f, checkRoundTrip) }
func FuzzDraftProperties(f *testing.F) { fuzz(f, checkDrafts) }

func fuzz(f *testing.F, check func(*rapid.T)) {
	for seed := range byte(4) { // rapid draws a tree from a few thousand bytes
		data := make([]byte, 8_192)
		_, _ = rand.NewChaCha8([32]byte{seed}).Read(data) // never fails
		f.Add(data)
	}
	f.Fuzz(rapid.MakeFuzz(check))
}
