package convert

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/causeway-chat/causeway/bridgekit/markup"
)

// known are the people of the tests.
func known(word string) (string, bool) {
	switch strings.ToLower(word) {
	case "bob", "a", "[x]":
		return strings.ToLower(word), true
	}
	return "", false
}

// golden compares got with a file, or writes it if CAUSEWAY_UPDATE is set.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("CAUSEWAY_UPDATE") != "" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range max(len(g), len(w)) {
		if i >= len(g) || i >= len(w) || g[i] != w[i] {
			t.Fatalf("%s differs in line %d (CAUSEWAY_UPDATE=1 writes it):\n got %q\nwant %q", path, i+1, g[min(i, len(g)-1)], w[min(i, len(w)-1)])
		}
	}
}

func inputs() []string {
	return []string{
		"plain", "\x02bold\x02 not", "\x1ditalic\x0f off", "\x1funder\x1f", "\x1estrike\x1e", "\x11mono\x11 text",
		"\x02bold \x1dboth\x02 italic\x1d none", "\x0304red\x03 off", "\x034,12red on blue\x0f", "\x0304,text comma",
		"\x03,5 no colour", "\x031234 digits", "\x0398white\x0399default", "\x0352,88wide",
		"\x04FF8800hex\x04 off", "\x04ff8800,001122hex both", "\x04zz no hex",
		"\x16reverse\x16 off", "\x0304,12\x16swapped", "\x0301,01spoiler\x03 seen", "\x0304,04\x02bold spoiler",
		"bell\x07 and\x01 ctcp\x1b", "bob: hi", "hey bob!", "bobby bob's", "http://x.example/bob bob", "a: you", "not a nick", "@a yes", "[x] hi",
		"\x02bob\x02", "line\n\x02two\nthree", "tab\tin", "", "\x02\x02", "\x02bo\x02b", "\x0f\x0f x", "\x11bob\x11",
	}
}

func TestParse(t *testing.T) {
	var w strings.Builder
	for _, in := range inputs() {
		body := Parse(in, known)
		tree, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		var back []string
		for _, l := range Render(body, Options{}) {
			back = append(back, strconv.QuoteToASCII(l.String()))
		}
		fmt.Fprintf(&w, "in   %s\ntree %s\nback %s\n\n", strconv.QuoteToASCII(in), tree, strings.Join(back, " "))
	}
	golden(t, "parse.golden", w.String())
}

func text(s string) markup.Node { return markup.Node{Kind: markup.Text, Text: s} }

func node(k markup.Kind, c ...markup.Node) markup.Node { return markup.Node{Kind: k, Children: c} }

func bodies() map[string]markup.Body {
	item := func(c ...markup.Node) markup.Node { return node(markup.Item, c...) }
	return map[string]markup.Body{
		"bold":     {node(markup.Bold, text("b")), text(" x")},
		"nested":   {node(markup.Bold, text("b"), node(markup.Italic, text("bi"))), text(" x")},
		"colour":   {{Kind: markup.Colour, FG: "#ff0000", Children: []markup.Node{text("1 red")}}, text("2")},
		"comma":    {{Kind: markup.Colour, FG: "#ff0000", Children: []markup.Node{text(",5")}}},
		"backg":    {{Kind: markup.Colour, BG: "#00007f", Children: []markup.Node{text("on blue")}}, text(" off")},
		"notcol":   {{Kind: markup.Colour, FG: "red;x", Children: []markup.Node{text("x")}}},
		"spoiler":  {{Kind: markup.Spoiler, Text: "film", Children: []markup.Node{text("he dies")}}, text(" ok")},
		"code":     {text("run "), {Kind: markup.Code, Text: "ls -l"}, text(" now")},
		"block":    {node(markup.Paragraph, text("see")), {Kind: markup.CodeBlock, Text: "a\n\n  b\n", Lang: "go"}, node(markup.Paragraph, text("end"))},
		"quote":    {node(markup.Quote, node(markup.Paragraph, text("one\ntwo")), node(markup.Quote, text("deep"))), text("reply")},
		"list":     {node(markup.List, item(text("one")), item(text("two"), node(markup.List, item(text("sub")))))},
		"ordered":  {{Kind: markup.List, Ordered: true, Start: 9, Children: []markup.Node{item(text("nine")), item(node(markup.Paragraph, text("ten\nmore")))}}},
		"heading":  {{Kind: markup.Heading, Level: 2, Children: []markup.Node{text("Title")}}, text("body"), {Kind: markup.Rule}},
		"link":     {{Kind: markup.Link, URL: "https://x.example/", Children: []markup.Node{text("here")}}, text(" "), {Kind: markup.Link, URL: "https://y.example", Children: []markup.Node{text("https://y.example")}}},
		"mention":  {{Kind: markup.Mention, User: "bob", Text: "Robert"}, text(": hi "), {Kind: markup.Mention, User: "@al:x", MXID: true, Text: "Al"}, {Kind: markup.Everyone, Text: "@room"}},
		"chatlink": {{Kind: markup.ChatLink, Chat: "#go"}, text(" "), {Kind: markup.Emoji, URL: "mxc://x/y", Text: ":cat:"}},
		"inject":   {text("a\r\nQUIT\x00 :x\x01\x02\x7f\u0085b")},
		"empty":    {text(" \n\n")},
	}
}

func TestRender(t *testing.T) {
	var w strings.Builder
	for _, name := range []string{"bold", "nested", "colour", "comma", "backg", "notcol", "spoiler", "code", "block", "quote", "list", "ordered", "heading", "link", "mention", "chatlink", "inject", "empty"} {
		fmt.Fprintf(&w, "%s\n", name)
		nick := func(user string) string { return map[string]string{"bob": "Bob"}[user] }
		for _, l := range Render(bodies()[name], Options{Nick: nick}) {
			fmt.Fprintf(&w, "  %s\n", strconv.QuoteToASCII(l.String()))
		}
	}
	golden(t, "render.golden", w.String())
}

func TestFit(t *testing.T) {
	for _, tt := range []struct {
		name string
		body markup.Body
		max  int
		want []string
	}{
		{"short", markup.Body{text("short")}, 40, []string{"short"}},
		{"words", markup.Body{text("the quick brown fox jumps over the lazy dog")}, 32, []string{"the quick brown fox jumps over", "the lazy dog"}},
		{"no space", markup.Body{text(strings.Repeat("x", 70))}, 32, []string{strings.Repeat("x", 32), strings.Repeat("x", 32), strings.Repeat("x", 6)}},
		{"runes", markup.Body{text(strings.Repeat("é", 20))}, 33, []string{strings.Repeat("é", 16), strings.Repeat("é", 4)}},
		{"combining", markup.Body{text(strings.Repeat("x", 31) + "e\u0301y")}, 32, []string{strings.Repeat("x", 31), "e\u0301y"}},
		{"family", markup.Body{text(strings.Repeat("x", 20) + "👩‍👩‍👧")}, 32, []string{strings.Repeat("x", 20), "👩‍👩‍👧"}},
		{"flag", markup.Body{text(strings.Repeat("x", 27) + "🇩🇪")}, 32, []string{strings.Repeat("x", 27), "🇩🇪"}},
		{"formatting carried", markup.Body{node(markup.Bold, text("the quick brown fox jumps over the lazy dog"))}, 32, []string{"\x02the quick brown fox jumps over", "\x02the lazy dog"}},
		{"leading space stays", markup.Body{text("  two")}, 40, []string{"  two"}},
		{"too small is raised", markup.Body{text(strings.Repeat("x", 40))}, 1, []string{strings.Repeat("x", 32), strings.Repeat("x", 8)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lines := Render(tt.body, Options{})
			got := lines[0].Fit(tt.max)
			if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestName(t *testing.T) {
	for in, want := range map[string]string{
		"Alice":                           "Alice",
		"Alice> hi <Bob":                  "Alice› hi ‹Bob",
		"\x02Alice\x0304,01x":             "Alicex",
		"A\r\nQUIT :x":                    "A QUIT :x",
		"\u202eecilA":                     "ecilA",
		"Al\u200bice\u2060\ufeff":         "Alice",
		"  two \t words ":                 "two words",
		"\u200b\u200b":                    "",
		"":                                "",
		"＜x＞":                             "‹x›",
		strings.Repeat("long", 30):        strings.Repeat("long", 12),
		"\u3164hangul filler\u115f":       "hangul filler",
		"Zoë 🦊":                           "Zoë 🦊",
		"\x01ACTION is the boss\x01 \x00": "ACTION is the boss",
	} {
		if got := Name(in); got != want {
			t.Errorf("Name(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestAntiPing(t *testing.T) {
	for in, want := range map[string]string{
		"bob": "b\u200bob", "Bob (work)": "B\u200bob (work)", "Robert": "Robert", "bobby": "bobby",
	} {
		if got := AntiPing(in, known); got != want {
			t.Errorf("AntiPing(%q) = %q, want %q", in, got, want)
		}
	}
	if got := AntiPing("bob", nil); got != "bob" {
		t.Errorf("AntiPing without people changed the name to %q", got)
	}
}

func TestPalette(t *testing.T) {
	if colours != 99 {
		t.Fatalf("%d colours, want 99", colours)
	}
	for i := range colours {
		n, ok := Nearest(Colour(i))
		if !ok || Colour(n) != Colour(i) {
			t.Errorf("the nearest to colour %d (%s) is %d (%s)", i, Colour(i), n, Colour(n))
		}
	}
	if Colour(99) != "" || Colour(-1) != "" {
		t.Error("99 and -1 must be the default colour")
	}
	if _, ok := Nearest("red"); ok {
		t.Error("a name is no colour")
	}
}

// FuzzFormatting: what is parsed has the same text, what is rendered from it
// looks the same, and every piece is valid, short enough and harmless.
func FuzzFormatting(f *testing.F) {
	for _, in := range inputs() {
		f.Add(in, 60)
	}
	f.Add("\x0399,99x\x0300,0012", 33)
	f.Fuzz(func(t *testing.T, in string, limit int) {
		if !utf8.ValidString(in) || len(in) > 4000 {
			return
		}
		body := Parse(in, known)
		if got, want := squeeze(body.String()), squeeze(Strip(in)); got != want {
			t.Fatalf("the text of %q became %q", want, got)
		}
		limit = 32 + max(limit, 0)%480
		for _, l := range Render(body, Options{}) {
			again := Parse(l.String(), nil)
			if got := Strip(l.String()); got != l.Plain() || squeeze(again.String()) != squeeze(l.Plain()) {
				t.Fatalf("%q is shown as %q", l.Plain(), got)
			}
			for _, piece := range l.Fit(limit) {
				if len(piece) > limit {
					t.Fatalf("a piece of %d bytes, the limit is %d: %q", len(piece), limit, piece)
				}
				if !utf8.ValidString(piece) || strings.ContainsAny(piece, "\r\n\x00\x01") {
					t.Fatalf("a broken piece: %q", piece)
				}
			}
		}
	})
}

// squeeze drops white space, which lines may change, and the marks of spoilers.
func squeeze(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(s), ""), "|", "")
}
