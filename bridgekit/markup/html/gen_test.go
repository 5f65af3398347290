package html_test

import (
	"pgregory.net/rapid"

	"github.com/causeway-chat/causeway/bridgekit/markup"
)

// genBody makes trees no parser would make: any kind in any other, with
// fields full of markup and of characters that mean something somewhere.
func genBody(depth int) *rapid.Generator[markup.Body] {
	return rapid.Custom(func(t *rapid.T) markup.Body {
		var b markup.Body
		for range rapid.IntRange(0, 4).Draw(t, "nodes") {
			b = append(b, genNode(depth).Draw(t, "node"))
		}
		return b
	})
}

func genNode(depth int) *rapid.Generator[markup.Node] {
	return rapid.Custom(func(t *rapid.T) markup.Node {
		n := markup.Node{
			Kind: rapid.SampledFrom([]markup.Kind{
				markup.Text, markup.Text, markup.Text, markup.Bold, markup.Italic, markup.Strike, markup.Underline,
				markup.Code, markup.Spoiler, markup.Colour, markup.Link, markup.Mention, markup.Everyone,
				markup.ChatLink, markup.Emoji, markup.CodeBlock, markup.Quote, markup.List, markup.Item,
				markup.Heading, markup.Rule, markup.Paragraph, "unknown",
			}).Draw(t, "kind"),
			Text:    genText().Draw(t, "text"),
			URL:     rapid.SampledFrom([]string{"", "https://e.org/a?b&c", "mxc://e.org/x", "javascript:x", "tel:1", "matrix:u/a:b"}).Draw(t, "url"),
			User:    rapid.OneOf(rapid.SampledFrom([]string{"@a:b.c", "@a/b%:c.d", "U1"}), genText()).Draw(t, "user"),
			Chat:    rapid.OneOf(rapid.SampledFrom([]string{"#a:b.c", "!x", "C1"}), genText()).Draw(t, "chat"),
			MXID:    rapid.Bool().Draw(t, "mxid"),
			Via:     rapid.SampledFrom([]string{"", "e.org", "e.org:80", "\">"}).Draw(t, "via"),
			Lang:    rapid.SampledFrom([]string{"", "go", "c++", "\"><b>"}).Draw(t, "lang"),
			FG:      rapid.SampledFrom([]string{"", "#00ff00", "#FF0000", "red"}).Draw(t, "fg"),
			BG:      rapid.SampledFrom([]string{"", "#00ff00", "\">"}).Draw(t, "bg"),
			Ordered: rapid.Bool().Draw(t, "ordered"),
			Start:   rapid.SampledFrom([]int{0, 1, 7, -1, 1 << 40}).Draw(t, "start"),
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
			"a", "b", " ", "  ", "\n", "\t", "\u00a0", "<b>", "</b>", "&amp;", "&", "\"", "'", "\r\n", "\x00", "\x03",
			"</a><script>", "é", "👩‍👩‍👧", "\xff", "@room",
		}),
		rapid.String(),
	)
	return rapid.Custom(func(t *rapid.T) string {
		s := ""
		for range rapid.IntRange(0, 4).Draw(t, "pieces") {
			s += piece.Draw(t, "piece")
		}
		return s
	})
}
