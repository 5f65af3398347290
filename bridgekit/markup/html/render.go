package html

import (
	"strconv"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/markup"
)

// Render writes b as the formatted_body and body of a Matrix message. Any tree
// is taken, in normal form or not. What Matrix cannot show becomes text:
// mentions and chat links that are not Matrix identifiers, emoji without an
// mxc:// image, links with schemes Matrix does not permit. Everyone becomes
// "@room"; that it notifies the room is for the event's m.mentions to say.
//
// Send html only if [NeedsHTML] says so.
func Render(b markup.Body) (html, plain string) {
	b = degrade(b)
	var r renderer
	r.lineStart = true
	r.nodes(b)
	return r.out.String(), b.String()
}

// NeedsHTML reports whether b has something the plain body alone does not
// show, so that the event needs format and formatted_body at all.
func NeedsHTML(b markup.Body) bool {
	needs := false
	markup.Walk(degrade(b), func(n markup.Node) bool {
		switch n.Kind {
		case markup.Text, markup.Paragraph:
		case markup.Link:
			// Clients make links of addresses themselves.
			plain := markup.Body{n}.String()
			needs = needs || plain != n.URL || len(n.Children) != 1 || n.Children[0].Kind != markup.Text
			return false
		default:
			needs = true
		}
		return !needs
	})
	return needs
}

// degrade returns b in normal form with only what Matrix can show.
func degrade(b markup.Body) markup.Body {
	text := func(s string) []markup.Node { return []markup.Node{{Kind: markup.Text, Text: s}} }
	return markup.Normalize(markup.Map(markup.Normalize(b), func(n markup.Node) []markup.Node {
		switch n.Kind {
		case markup.Everyone:
			return text("@room")
		case markup.Mention:
			if !n.MXID || !validUser(n.User) {
				return text(either(n.Text, n.User))
			}
		case markup.ChatLink:
			if !n.MXID || !validChat(n.Chat) {
				return text(either(n.Text, n.Chat))
			}
		case markup.Emoji:
			if !validMXC(n.URL) {
				return text(n.Text)
			}
		case markup.Link:
			if permittedURL(n.URL) {
				break
			}
			label := markup.Body(n.Children).String()
			if scriptURL(n.URL) || markup.SameLink(label, n.URL) {
				return n.Children
			}
			return append(n.Children, text(" ("+n.URL+")")...)
		}
		return []markup.Node{n}
	}))
}

func either(a, b string) string {
	if strings.TrimSpace(a) != "" {
		return a
	}
	return b
}

// renderer writes a normal tree. It knows where HTML would swallow a space
// (at the start of a line, after another) and writes a no-break space there;
// Parse turns those back.
type renderer struct {
	out       strings.Builder
	lineStart bool
	space     bool // the last character is a space HTML may collapse
}

func (r *renderer) nodes(ns []markup.Node) {
	for _, n := range ns {
		if n.Kind.Block() {
			r.lineStart, r.space = true, false
		}
		r.node(n)
		if n.Kind.Block() {
			r.lineStart, r.space = true, false
		}
	}
}

func (r *renderer) node(n markup.Node) {
	switch n.Kind {
	case markup.Text:
		r.text(n.Text)
	case markup.Code:
		r.solid("<code>" + escape(n.Text) + "</code>")
	case markup.Mention:
		r.solid(`<a href="` + escape(pillURL(n.User)) + `">` + escape(either(n.Text, n.User)) + "</a>")
	case markup.ChatLink:
		r.solid(`<a href="` + escape(withVia(pillURL(n.Chat), n.Chat, n.Via)) + `">` + escape(either(n.Text, n.Chat)) + "</a>")
	case markup.Emoji:
		r.solid(emoji(n))
	case markup.CodeBlock:
		class := ""
		if n.Lang != "" {
			class = ` class="language-` + escape(n.Lang) + `"`
		}
		r.solid("<pre><code" + class + ">" + escape(n.Text) + "</code></pre>")
	case markup.Rule:
		r.solid("<hr>")
	default:
		open, name := tagOf(n)
		if name == "" {
			r.nodes(n.Children)
			return
		}
		r.out.WriteString("<" + open + ">")
		r.nodes(n.Children)
		r.out.WriteString("</" + name + ">")
	}
}

// tagOf is the element for a node with children: what stands in its start tag
// and its name, or nothing for what has no element.
func tagOf(n markup.Node) (open, name string) {
	switch n.Kind {
	case markup.Bold:
		return "strong", "strong"
	case markup.Italic:
		return "em", "em"
	case markup.Strike:
		return "del", "del"
	case markup.Underline:
		return "u", "u"
	case markup.Spoiler:
		if n.Text == "" {
			return "span data-mx-spoiler", "span"
		}
		return `span data-mx-spoiler="` + escape(n.Text) + `"`, "span"
	case markup.Colour:
		open = "span"
		if n.FG != "" {
			open += ` data-mx-color="` + escape(n.FG) + `"`
		}
		if n.BG != "" {
			open += ` data-mx-bg-color="` + escape(n.BG) + `"`
		}
		return open, "span"
	case markup.Link:
		return `a href="` + escape(n.URL) + `"`, "a"
	case markup.Quote:
		return "blockquote", "blockquote"
	case markup.Paragraph:
		return "p", "p"
	case markup.Item:
		return "li", "li"
	case markup.Heading:
		name = "h" + strconv.Itoa(n.Level)
		return name, name
	case markup.List:
		if !n.Ordered {
			return "ul", "ul"
		}
		if n.Start > 1 {
			return `ol start="` + strconv.Itoa(n.Start) + `"`, "ol"
		}
		return "ol", "ol"
	}
	return "", ""
}

// emoji is the image of a custom emoji (MSC2545).
func emoji(n markup.Node) string {
	name := escape(n.Text)
	return `<img data-mx-emoticon src="` + escape(n.URL) + `" alt="` + name + `" title="` + name + `" height="32">`
}

// solid writes what spaces do not collapse into.
func (r *renderer) solid(s string) {
	r.out.WriteString(s)
	r.lineStart, r.space = false, false
}

func (r *renderer) text(s string) {
	const nbsp = "&nbsp;"
	s = strings.ReplaceAll(s, "\t", "    ")
	for s != "" {
		end := strings.IndexAny(s, " \n")
		switch {
		case end < 0:
			r.solid(escape(s))
			return
		case end > 0:
			r.solid(escape(s[:end]))
			s = s[end:]
		case s[0] == '\n':
			r.out.WriteString("<br>")
			r.lineStart, r.space = true, false
			s = s[1:]
		default:
			n := len(s) - len(strings.TrimLeft(s, " "))
			s = s[n:]
			if n == 1 && (r.lineStart || r.space) {
				r.solid(nbsp)
				continue
			}
			r.out.WriteString(strings.Repeat(nbsp, n-1) + " ")
			r.lineStart, r.space = false, true
		}
	}
}

// escape makes s safe as text and as an attribute in double quotes: "&" and
// what could end the text or the value are written as references.
func escape(s string) string {
	if !strings.ContainsAny(s, "&<>\"\u00a0") {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	for _, r := range s {
		switch r {
		case '&':
			b.WriteString("&amp;")
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '"':
			b.WriteString("&quot;")
		case '\u00a0':
			b.WriteString("&nbsp;")
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
