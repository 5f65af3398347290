package markup

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestSplitPlaces(t *testing.T) {
	bold := func(s string) Node { return Node{Kind: Bold, Children: Plain(s)} }
	block := func(k Kind, ns ...Node) Node { return Node{Kind: k, Children: ns} }
	text := func(s string) Node { return Node{Kind: Text, Text: s} }
	for _, c := range []struct {
		name  string
		body  Body
		limit int
		want  []Body
	}{
		{"empty", nil, 5, nil},
		{"fits", Plain("12345"), 5, []Body{Plain("12345")}},
		{"no limit", Plain("12345"), 0, []Body{Plain("12345")}},
		{"words", Plain("one two three"), 8, []Body{Plain("one two"), Plain("three")}},
		{"line before word", Plain("one two\nthree four"), 14, []Body{Plain("one two"), Plain("three four")}},
		{"line too early", Plain("one\ntwo three four five"), 18, []Body{Plain("one\ntwo three four"), Plain("five")}},
		{"paragraph before line", Plain("one two\n\nthree\nfour"), 16, []Body{Plain("one two"), Plain("three\nfour")}},
		{"no place", Plain("abcdefgh"), 3, []Body{Plain("abc"), Plain("def"), Plain("gh")}},
		{"indentation stays", Plain("one two\n  three"), 9, []Body{Plain("one two"), Plain("  three")}},
		{"runes stay whole", Plain("ééé"), 3, []Body{Plain("é"), Plain("é"), Plain("é")}},
		{"accent stays", Plain("abe\u0301"), 4, []Body{Plain("ab"), Plain("e\u0301")}},
		{"flags", Plain("🇩🇪🇫🇷🇮🇹"), 20, []Body{Plain("🇩🇪🇫🇷"), Plain("🇮🇹")}},
		{"family", Plain("ab👩\u200d👧"), 12, []Body{Plain("ab"), Plain("👩\u200d👧")}},
		{"skin", Plain("abcd👍🏽"), 9, []Body{Plain("abcd"), Plain("👍🏽")}},
		{"larger than a part", Plain("é"), 1, []Body{Plain("é")}},
		{"format reopened", Body{bold("one two")}, 4, []Body{{bold("one")}, {bold("two")}}},
		{"between formats", Body{bold("one"), text(" two")}, 4, []Body{{bold("one")}, Plain("two")}},
		{"mention whole", Body{text("hi "), {Kind: Mention, User: "U1", Text: "Ann Lee"}}, 8, []Body{Plain("hi"), {{Kind: Mention, User: "U1", Text: "Ann Lee"}}}},
		{"blank remainder", Plain("one two   \n "), 8, []Body{Plain("one two")}},
		{
			"link whole", Body{text("see "), {Kind: Link, URL: "u", Children: Plain("one two")}, text(" there")}, 14,
			[]Body{Plain("see"), {{Kind: Link, URL: "u", Children: Plain("one two")}}, Plain("there")},
		},
		{
			"long link", Body{{Kind: Link, URL: "u", Children: Plain("abcdef")}}, 7,
			[]Body{{{Kind: Link, URL: "u", Children: Plain("abc")}}, {{Kind: Link, URL: "u", Children: Plain("def")}}},
		},
		{
			"bare link", Body{text("a "), {Kind: Link, URL: "https://e.org", Children: Plain("e.org")}, text(" b")}, 5,
			[]Body{Plain("a"), {{Kind: Link, URL: "https://e.org", Children: Plain("e.org")}}, Plain("b")},
		},
		{
			"bare link too long", Body{{Kind: Link, URL: "https://e.org/abcdef", Children: Plain("https://e.org/abcdef")}}, 14,
			[]Body{Plain("https://e.org/"), Plain("abcdef")},
		},
		{
			"code block", Body{{Kind: CodeBlock, Lang: "go", Text: "a()\n  b()\n  c()"}}, 9,
			[]Body{{{Kind: CodeBlock, Lang: "go", Text: "a()\n  b()"}}, {{Kind: CodeBlock, Lang: "go", Text: "  c()"}}},
		},
		{
			"list goes on",
			Body{{Kind: List, Ordered: true, Start: 4, Children: []Node{block(Item, text("four")), block(Item, text("five")), block(Item, text("six"))}}}, 15,
			[]Body{
				{{Kind: List, Ordered: true, Start: 4, Children: []Node{block(Item, text("four")), block(Item, text("five"))}}},
				{{Kind: List, Ordered: true, Start: 6, Children: []Node{block(Item, text("six"))}}},
			},
		},
		{
			"quote reopened", Body{block(Quote, text("one two")), text("three")}, 7,
			[]Body{{block(Quote, text("one"))}, {block(Quote, text("two"))}, Plain("three")},
		},
		{
			"blocks", Body{block(Paragraph, text("one")), block(Paragraph, text("two")), block(Paragraph, text("three"))}, 10,
			[]Body{{block(Paragraph, text("one")), block(Paragraph, text("two"))}, {block(Paragraph, text("three"))}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Split(c.body, c.limit, Bytes)
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got:")
				for _, p := range got {
					t.Errorf("%s\n--", dump(p))
				}
			}
		})
	}
}

func TestTruncate(t *testing.T) {
	for _, c := range []struct {
		text  string
		limit int
		want  string
	}{
		{"fits", 4, "fits"},
		{"one two three", 9, "one two…"},
		{"one twothreefour", 12, "one twothre…"},
		{"ab👩\u200d👧", 6, "ab…"},
		{"ab👩\u200d👧", 7, "ab👩\u200d👧"},
		{"abc", 2, "a…"},
		{"abc", 1, "a"}, // no room for the mark
		{"👩\u200d👧", 1, ""},
		{"abc", 0, ""},
		{"abc", -1, ""},
	} {
		if got := Truncate(Plain(c.text), c.limit, UTF16, "…").String(); got != c.want {
			t.Errorf("%q to %d: got %q, want %q", c.text, c.limit, got, c.want)
		}
	}
	list := Body{{Kind: List, Children: []Node{{Kind: Item, Children: []Node{{Kind: Bold, Children: Plain("one two three")}}}}}}
	want := Body{{Kind: List, Children: []Node{{Kind: Item, Children: []Node{{Kind: Bold, Children: Plain("one two")}, {Kind: Text, Text: "..."}}}}}}
	if got := Truncate(list, 14, nil, "..."); !reflect.DeepEqual(got, want) {
		t.Errorf("got %s", dump(got))
	}
}

func TestMeasures(t *testing.T) {
	b := Body{{Kind: Bold, Children: Plain("é漢👍\x00")}}
	for name, want := range map[string]int{"bytes": 9, "runes": 3, "utf16": 4} {
		if got := Len(b, measures()[name]); got != want {
			t.Errorf("%s: got %d, want %d", name, got, want)
		}
	}
	if got := Len(b, nil); got != 9 {
		t.Errorf("nil measure: got %d", got)
	}
}

// A character of endless length must not keep Split from going on.
func TestSplitEndlessCharacter(t *testing.T) {
	zalgo := Plain("a" + strings.Repeat("\u0301", 5000))
	parts := Split(zalgo, 400, Bytes)
	if len(parts) < 25 || len(parts) > 30 {
		t.Errorf("%d parts", len(parts))
	}
}

func ExampleSplit() {
	body := Body{
		{Kind: Text, Text: "The answer is "},
		{Kind: Bold, Children: Plain("forty-two, as everybody knows")},
	}
	for _, part := range Split(body, 30, Bytes) {
		fmt.Printf("%s (%d formats)\n", part, len(part)-1)
	}
	// Output:
	// The answer is forty-two, as (1 formats)
	// everybody knows (0 formats)
}

func BenchmarkSplit(b *testing.B) {
	var body Body
	for range 700 {
		body = append(body, Node{Kind: Bold, Children: Plain("lorem ipsum dolor sit amet")}, Node{Kind: Text, Text: " consectetur adipiscing elit, sed do eiusmod tempor incididunt.\n"})
	}
	b.SetBytes(int64(len(body.String())))
	for b.Loop() {
		Split(body, 400, Bytes)
	}
}
