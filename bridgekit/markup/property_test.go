package markup

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func genBody(depth int) *rapid.Generator[Body] {
	return rapid.Custom(func(t *rapid.T) Body {
		var b Body
		for range rapid.IntRange(0, 5).Draw(t, "nodes") {
			b = append(b, genNode(depth).Draw(t, "node"))
		}
		return b
	})
}

func genNode(depth int) *rapid.Generator[Node] {
	return rapid.Custom(func(t *rapid.T) Node {
		n := Node{
			Kind: rapid.SampledFrom([]Kind{
				Text, Text, Text, Bold, Italic, Strike, Underline, Code, Spoiler, Colour, Link, Mention, Everyone, ChatLink,
				Emoji, CodeBlock, Quote, List, Item, Heading, Rule, Paragraph, "unknown",
			}).Draw(t, "kind"),
			Text:    genText().Draw(t, "text"),
			URL:     rapid.SampledFrom([]string{"", "https://e.org"}).Draw(t, "url"),
			User:    rapid.SampledFrom([]string{"", "U1"}).Draw(t, "user"),
			Chat:    rapid.SampledFrom([]string{"", "C1"}).Draw(t, "chat"),
			Lang:    rapid.SampledFrom([]string{"", "go", "g o"}).Draw(t, "lang"),
			FG:      rapid.SampledFrom([]string{"", "#00ff00", "#FF0000"}).Draw(t, "fg"),
			Ordered: rapid.Bool().Draw(t, "ordered"),
			Start:   rapid.SampledFrom([]int{0, 1, 98, -1, 1 << 40}).Draw(t, "start"),
			Level:   rapid.IntRange(-1, 8).Draw(t, "level"),
		}
		if depth > 0 {
			n.Children = genBody(depth-1).Draw(t, "children")
		}
		return n
	})
}

func genText() *rapid.Generator[string] {
	piece := rapid.OneOf(
		rapid.SampledFrom([]string{
			"word", "and", " ", " ", "\n", "\n\n", "  indented", "averyveryverylongwordwithoutend", "é", "e\u0301", "👩\u200d👩\u200d👧",
			"🇩🇪🇫🇷", "👍🏽", "漢字", "\x00", "\xff", "\r\n",
		}),
		rapid.String(),
	)
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(piece, 0, 12).Draw(t, "pieces"), "")
	})
}

type tb interface {
	Helper()
	Errorf(format string, args ...any)
}

// checkNormal checks everything the package comment promises of a normal tree.
func checkNormal(t tb, b Body) {
	t.Helper()
	checkChildren(t, b, nil)
	if again := Normalize(b); !reflect.DeepEqual(again, b) {
		t.Errorf("not stable:\n%s\nbecomes\n%s", dump(b), dump(again))
	}
}

func checkChildren(t tb, ns []Node, above []Kind) {
	t.Helper()
	if len(ns) > 0 && len(above) >= MaxDepth {
		t.Errorf("nested deeper than %d: %v", MaxDepth, above)
		return
	}
	for i, n := range ns {
		checkNode(t, n, above)
		if i > 0 && n.Kind == Text && ns[i-1].Kind == Text {
			t.Errorf("text beside text: %q %q", ns[i-1].Text, n.Text)
		}
		checkChildren(t, n.Children, append(slices.Clip(above), n.Kind))
	}
}

func checkNode(t tb, n Node, above []Kind) {
	t.Helper()
	parent := Kind("")
	if len(above) > 0 {
		parent = above[len(above)-1]
	}
	inlineOnly := parent != "" && !parent.Block() || parent == Paragraph || parent == Heading
	switch {
	case inlineOnly && n.Kind.Block():
		t.Errorf("%s in %s", n.Kind, parent)
	case (parent == List) != (n.Kind == Item):
		t.Errorf("%s in %s", n.Kind, parent)
	case !n.Kind.Block() && n.Kind != Colour && len(n.Children) > 0 && slices.Contains(above, n.Kind):
		t.Errorf("%s in itself", n.Kind)
	case (n.Kind == Mention || n.Kind == ChatLink) && slices.Contains(above, Link):
		t.Errorf("%s in a link", n.Kind)
	}
	leaf, isLeaf := cleanLeaf(Node{Kind: n.Kind, Text: n.Text, URL: n.URL, User: n.User, Chat: n.Chat, MXID: n.MXID, Via: n.Via, Lang: n.Lang})
	if len(n.Children) == 0 && (!isLeaf || !reflect.DeepEqual(leaf, n)) {
		t.Errorf("empty or unclean: %+v", n)
	}
	if strings.ContainsAny(n.Text, "\x00\r\x03") || !utf8.ValidString(n.Text) {
		t.Errorf("text %q", n.Text)
	}
}

// seen is what a reader sees of b: every character and indivisible node with
// its formats, without white space and links.
func seen(b Body) []string {
	var out []string
	var walk func(ns []Node, formats string)
	walk = func(ns []Node, formats string) {
		for _, n := range ns {
			switch n.Kind {
			case Text, Code, CodeBlock:
				kind := formats
				if n.Kind != Text {
					kind += string(n.Kind) + n.Lang
				}
				for _, r := range n.Text {
					if !unicode.IsSpace(r) {
						out = append(out, kind+":"+string(r))
					}
				}
			case Mention, ChatLink, Everyone, Emoji, Rule:
				out = append(out, fmt.Sprintf("%s:%+v", formats, n))
			case Link: // may be lost where it was cut
				walk(n.Children, formats)
			default:
				walk(n.Children, formats+string(n.Kind)+n.FG+",")
			}
		}
	}
	walk(b, "")
	return out
}

func measures() map[string]Measure {
	return map[string]Measure{"bytes": Bytes, "utf16": UTF16, "runes": Runes, "json": func(b Body) int { return len(dump(b)) }}
}

func checkNormalize(t *rapid.T) {
	b := genBody(3).Draw(t, "body")
	checkNormal(t, Normalize(b))
	text := genText().Draw(t, "text")
	line := Body{{Kind: Text, Text: text, URL: "ignored"}}
	if s, ok := Line(line); ok {
		if n := assemble(flatten(line), 0); fmt.Sprint(n) != fmt.Sprint([]Node{{Kind: Text, Text: s}}) {
			t.Fatalf("%q is not its normal form, but %v", s, n)
		}
	}
}

// checkSplit: nothing is lost, doubled, moved or formatted otherwise; no part
// is too long unless it cannot be divided; what is cut is cut between characters.
func checkSplit(t *rapid.T) {
	b := genBody(3).Draw(t, "body")
	limit := rapid.IntRange(1, 120).Draw(t, "limit")
	name := rapid.SampledFrom([]string{"bytes", "utf16", "runes", "json"}).Draw(t, "measure")
	m := measures()[name]
	parts := Split(b, limit, m)
	var got []string
	for _, p := range parts {
		checkNormal(t, p)
		if n := m(p); n > limit && !indivisible(p) {
			t.Errorf("%q measures %d %s, limit %d", p, n, name, limit)
		}
		got = append(got, seen(p)...)
	}
	if want := seen(Normalize(b)); !slices.Equal(want, got) {
		t.Errorf("parts show\n%q\nnot\n%q", got, want)
	}
	if whole := Normalize(b); m(whole) <= limit && len(whole) > 0 && (len(parts) != 1 || !reflect.DeepEqual(parts[0], whole)) {
		t.Errorf("%q fits but became %q", whole, parts)
	}
}

func indivisible(b Body) bool {
	leaves := 0
	Walk(b, func(n Node) bool {
		if len(n.Children) == 0 {
			leaves++
			if divisible(n.Kind) {
				leaves += utf8.RuneCountInString(n.Text) - 1
			}
		}
		return true
	})
	return leaves <= 1
}

// checkTruncate: the result fits, is a beginning of the text, and ends in the
// mark if there was room for it.
func checkTruncate(t *rapid.T) {
	b := genBody(3).Draw(t, "body")
	limit := rapid.IntRange(0, 120).Draw(t, "limit")
	got := Truncate(b, limit, UTF16, "…")
	checkNormal(t, got)
	if n := UTF16(got); n > limit {
		t.Errorf("%q measures %d, limit %d", got, n, limit)
	}
	whole := Normalize(b)
	if UTF16(whole) <= limit {
		if !reflect.DeepEqual(got, whole) {
			t.Errorf("%q fits but became %q", whole, got)
		}
		return
	}
	show := func(b Body) string {
		var s strings.Builder
		for _, c := range seen(b) {
			s.WriteString(c[strings.LastIndex(c, ":")+1:])
		}
		return s.String()
	}
	if !strings.HasPrefix(show(whole), strings.TrimSuffix(show(got), "…")) {
		t.Errorf("%q is no beginning of %q", got, whole)
	}
}

func TestNormalizeProperties(t *testing.T) { rapid.Check(t, checkNormalize) }
func TestSplitProperties(t *testing.T)     { rapid.Check(t, checkSplit) }
func TestTruncateProperties(t *testing.T)  { rapid.Check(t, checkTruncate) }

func fuzz(f *testing.F, check func(*rapid.T)) {
	for seed := range byte(6) { // rapid draws a tree from a few thousand bytes
		data := make([]byte, 16_384)
		_, _ = rand.NewChaCha8([32]byte{seed}).Read(data) // never fails
		f.Add(data)
	}
	f.Fuzz(rapid.MakeFuzz(check))
}

func FuzzNormalize(f *testing.F) { fuzz(f, checkNormalize) }
func FuzzSplit(f *testing.F)     { fuzz(f, checkSplit) }
func FuzzTruncate(f *testing.F)  { fuzz(f, checkTruncate) }
