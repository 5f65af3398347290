package html_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/markup/html"
)

type replyCase struct{ name, body, want string }

func replyCases() []replyCase {
	return []replyCase{
		{"usual", "> <@a:b.c> old\n> more\n\nnew", "new"},
		{"emote", "> * <@a:b.c> waves\n\nnew", "new"},
		{"blank quoted line", "> <@a:b.c> old\n>\n> more\n\nnew\n> kept", "new\n> kept"},
		{"no blank line", "> <@a:b.c> old\nnew", "new"},
		{"answer starts with a blank line", "> <@a:b.c> old\n\n\nnew", "\nnew"},
		{"plain quote", "> wise words\n\ntrue", "> wise words\n\ntrue"},
		{"not at the top", "hi\n> <@a:b.c> old\n\nnew", "hi\n> <@a:b.c> old\n\nnew"},
		{"no user", "> <b> old\n\nnew", "> <b> old\n\nnew"},
		{"nothing else", "> <@a:b.c> old\n\n", "> <@a:b.c> old\n\n"},
		{"no space", ">><@a:b.c> old\n\nnew", ">><@a:b.c> old\n\nnew"},
		{"empty", "", ""},
	}
}

func TestStripReplyFallback(t *testing.T) {
	for _, c := range replyCases() {
		t.Run(c.name, func(t *testing.T) {
			if got := html.StripReplyFallback(c.body); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestNeedsHTML(t *testing.T) {
	text := func(s string) []markup.Node { return markup.Plain(s) }
	for _, c := range []struct {
		name string
		body markup.Body
		want bool
	}{
		{"nothing", nil, false},
		{"text", markup.Plain("a\nb <c>"), false},
		{"paragraphs", markup.Body{{Kind: markup.Paragraph, Children: text("a")}, {Kind: markup.Paragraph, Children: text("b")}}, false},
		{"everyone", markup.Body{{Kind: markup.Everyone}}, false},
		{"remote mention", markup.Body{{Kind: markup.Mention, User: "U1", Text: "Ann"}}, false},
		{"pill", markup.Body{{Kind: markup.Mention, User: "@a:b.c", MXID: true}}, true},
		{"bold", markup.Body{{Kind: markup.Paragraph, Children: []markup.Node{{Kind: markup.Bold, Children: text("a")}}}}, true},
		{"empty bold", markup.Body{{Kind: markup.Bold}}, false},
		{"bare link", markup.Body{{Kind: markup.Link, URL: "https://e.org/a", Children: text("https://e.org/a")}}, false},
		{"short link", markup.Body{{Kind: markup.Link, URL: "https://e.org/", Children: text("e.org")}}, true},
		{"refused link", markup.Body{{Kind: markup.Link, URL: "tel:1", Children: text("call")}}, false},
		{"emoji without image", markup.Body{{Kind: markup.Emoji, URL: "https://e.org/x.png", Text: ":x:"}}, false},
		{"emoji", markup.Body{{Kind: markup.Emoji, URL: "mxc://e.org/x", Text: ":x:"}}, true},
		{"rule", markup.Body{{Kind: markup.Rule}}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := html.NeedsHTML(c.body); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

// Hostile sizes: work and result stay in proportion to the input.
func TestParseHostileSizes(t *testing.T) {
	const size = 60_000
	for _, piece := range []string{
		"<b>", "<b><i>", "<blockquote>", "<p>", "<a href=x>", "<table><tr><td>", "<li>", "<ul>", "</b>", "<sup>x", "<code>a<br>",
		"<font color=#000001>x<hr>", "<b>x<hr>", "<mx-reply>", "<pre>\n", "&nbsp;", "&", "<", "<!--", "<x ", "<td>",
		"<span data-mx-spoiler><b><i><u><s><a href=https://x.y><blockquote>z",
	} {
		in := strings.Repeat(piece, size/len(piece))
		h, plain := html.Render(html.Parse(in))
		checkHTML(t, h)
		if len(h) > 40*size || len(plain) > 40*size {
			t.Errorf("%q: %d bytes of HTML, %d of text", piece, len(h), len(plain))
		}
	}
}

// A Matrix event may have 64 KiB; Split with a measure of both forms keeps to it.
func TestSplitForMatrix(t *testing.T) {
	measure := func(b markup.Body) int {
		h, plain := html.Render(b)
		return len(h) + len(plain)
	}
	long := markup.Body{{Kind: markup.Bold, Children: markup.Plain(strings.Repeat("lorem <ipsum> ", 20_000))}}
	parts := markup.Split(long, 60_000, measure)
	if len(parts) < 9 || len(parts) > 20 {
		t.Errorf("%d parts", len(parts))
	}
	for i, p := range parts {
		if n := measure(p); n > 60_000 || i < len(parts)-1 && n < 59_900 {
			t.Errorf("part %d measures %d", i, n)
		}
	}
}

func ExampleRender() {
	formatted, plain := html.Render(markup.Body{
		{Kind: markup.Mention, User: "@ann:example.org", MXID: true, Text: "Ann"},
		{Kind: markup.Text, Text: " said "},
		{Kind: markup.Bold, Children: markup.Plain("1 < 2")},
	})
	fmt.Println(formatted)
	fmt.Println(plain)
	// Output:
	// <a href="https://matrix.to/#/@ann:example.org">Ann</a> said <strong>1 &lt; 2</strong>
	// Ann said 1 < 2
}

func ExampleParse() {
	body := html.Parse(`<p>see <a href="https://example.org">this</a></p><ul><li>one</li><li>two</li></ul>`)
	fmt.Println(body)
	// Output:
	// see this (https://example.org)
	//
	// - one
	// - two
}
