package convert

import (
	"strconv"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/markup"
)

// deepest is how many nodes may be inside each other; what is deeper is shown
// as plain text.
const deepest = 64

// A Line is one line of formatted text without line feeds.
type Line struct{ runs []run }

// PlainLine makes a line of unformatted text; control characters are removed.
func PlainLine(text string) Line {
	return Line{[]run{{text: Clean(text, false)}}}
}

// Options say how Render shows what depends on the network.
type Options struct {
	// Nick is the nick of a remote user ID, empty if unknown; nil knows nobody.
	Nick func(user string) string
}

// Render makes the lines that show b on IRC, without empty ones.
func Render(b markup.Body, o Options) []Line {
	r := renderer{opts: o}
	r.nodes(b, style{}, 0)
	r.newline()
	return r.lines
}

// Plain is the line without formatting codes.
func (l Line) Plain() string {
	var w strings.Builder
	for _, r := range l.runs {
		w.WriteString(r.text)
	}
	return w.String()
}

// Prefix is the line with an unformatted text before it.
func (l Line) Prefix(text string) Line {
	return Line{append(PlainLine(text).runs, l.runs...)}
}

// Append is the line with an unformatted text behind it.
func (l Line) Append(text string) Line {
	return Line{append(append([]run(nil), l.runs...), PlainLine(text).runs...)}
}

type renderer struct {
	opts   Options
	lines  []Line
	cur    []run
	indent []string // what stands before each line of the open blocks
	marker string   // what stands instead of the last indent on the next line
}

// newline ends the current line; an empty line is not kept.
func (r *renderer) newline() {
	if strings.TrimSpace(Line{r.cur}.Plain()) == "" {
		r.cur = nil
		return
	}
	var lead string
	for i, in := range r.indent {
		if i == len(r.indent)-1 && r.marker != "" {
			in = r.marker
			r.marker = ""
		}
		lead += in
	}
	if lead != "" {
		r.cur = append([]run{{text: lead}}, r.cur...)
	}
	r.lines = append(r.lines, Line{r.cur})
	r.cur = nil
}

// text adds text, whose line feeds end lines.
func (r *renderer) text(text string, s style) {
	for i, part := range strings.Split(Clean(text, true), "\n") {
		if i > 0 {
			r.newline()
		}
		if part != "" {
			r.cur = append(r.cur, run{part, s})
		}
	}
}

func (r *renderer) nodes(nodes []markup.Node, s style, depth int) {
	for _, n := range nodes {
		r.node(n, s, depth+1)
	}
}

func (r *renderer) node(n markup.Node, s style, depth int) {
	switch {
	case depth > deepest:
		r.text(markup.Body{n}.String(), s)
	case n.Kind.Block():
		r.newline()
		r.block(n, s, depth)
		r.newline()
	default:
		r.inline(n, s, depth)
	}
}

func (r *renderer) inline(n markup.Node, s style, depth int) {
	switch n.Kind {
	case markup.Bold:
		s.bold = true
	case markup.Italic:
		s.italic = true
	case markup.Underline:
		s.underline = true
	case markup.Strike:
		s.strike = true
	case markup.Colour:
		if _, ok := rgb(n.FG); ok {
			s.fg = n.FG
		}
		if _, ok := rgb(n.BG); ok {
			s.bg = n.BG
		}
	case markup.Spoiler:
		if n.Text != "" {
			r.text("("+n.Text+") ", s)
		}
		s.fg, s.bg = "#000000", "#000000"
	case markup.Code:
		s.mono = true
		r.text(n.Text, s)
		return
	case markup.Link:
		r.link(n, s, depth)
		return
	case markup.Mention:
		r.text(r.name(n), s)
		return
	case markup.ChatLink:
		r.text(first(n.Text, n.Chat), s)
		return
	default: // Text, Everyone, Emoji
		r.text(n.Text, s)
	}
	r.nodes(n.Children, s, depth)
}

// name is how a mention is written: the nick for people on IRC.
func (r *renderer) name(n markup.Node) string {
	if !n.MXID && r.opts.Nick != nil {
		if nick := r.opts.Nick(n.User); nick != "" {
			return nick
		}
	}
	return first(n.Text, n.User)
}

// link writes the text and the address, or one of them if they are the same.
func (r *renderer) link(n markup.Node, s style, depth int) {
	text := strings.TrimSpace(markup.Body(n.Children).String())
	if text == "" || text == n.URL || "mailto:"+text == n.URL || "http://"+text == n.URL || "https://"+text == n.URL {
		r.text(first(n.URL, text), s)
		return
	}
	r.nodes(n.Children, s, depth)
	if n.URL != "" {
		r.text(" ("+n.URL+")", s)
	}
}

func (r *renderer) block(n markup.Node, s style, depth int) {
	switch n.Kind {
	case markup.CodeBlock:
		s.mono = true
		r.text(n.Text, s)
	case markup.Quote:
		r.within("> ", "", func() { r.nodes(n.Children, s, depth) })
	case markup.List:
		number := max(n.Start, 1)
		for _, item := range n.Children {
			mark := "• "
			if n.Ordered {
				mark = strconv.Itoa(number) + ". "
				number++
			}
			r.newline()
			r.within("  ", mark, func() { r.nodes(item.Children, s, depth+1) })
		}
	case markup.Heading:
		s.bold = true
		r.nodes(n.Children, s, depth)
	case markup.Rule:
		r.text("---", s)
	default: // Paragraph, and an Item without a list
		r.nodes(n.Children, s, depth)
	}
}

// within runs f with indent before each line and mark before the first.
func (r *renderer) within(indent, mark string, f func()) {
	r.indent, r.marker = append(r.indent, indent), mark
	f()
	r.newline()
	r.indent, r.marker = r.indent[:len(r.indent)-1], ""
}

// first is the first of texts that is not empty.
func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
