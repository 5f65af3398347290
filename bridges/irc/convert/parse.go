package convert

import (
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/markup"
)

// A Lookup tells which person a word names: their user ID, and false if nobody.
type Lookup func(word string) (user string, ok bool)

// Parse reads text with formatting codes. Line feeds in it separate lines that
// belong together; formatting ends with its line. Words that who knows become
// mentions; who may be nil. Control characters that mean nothing are dropped.
func Parse(text string, who Lookup) markup.Body {
	return group(runs(text), 0, who)
}

// runs cuts text at its formatting codes. Neighbours never have the same style.
func runs(text string) []run {
	p := parser{}
	for i := 0; i < len(text); {
		i = p.step(text, i)
	}
	p.flush()
	return p.out
}

type parser struct {
	out []run
	cur style
	buf strings.Builder
}

// flush ends the current run.
func (p *parser) flush() {
	if p.buf.Len() == 0 {
		return
	}
	if n := len(p.out); n > 0 && p.out[n-1].style == p.cur {
		p.out[n-1].text += p.buf.String()
	} else {
		p.out = append(p.out, run{p.buf.String(), p.cur})
	}
	p.buf.Reset()
}

// step reads the code or character at i and returns the index behind it.
func (p *parser) step(text string, i int) int {
	c := text[i]
	if c >= ' ' || c == '\t' {
		if c != 0x7f {
			p.buf.WriteByte(c)
		}
		return i + 1
	}
	p.flush()
	switch rune(c) {
	case '\n':
		p.cur = style{}
		p.buf.WriteByte(c)
	case bold:
		p.cur.bold = !p.cur.bold
	case italic:
		p.cur.italic = !p.cur.italic
	case underline:
		p.cur.underline = !p.cur.underline
	case strike:
		p.cur.strike = !p.cur.strike
	case mono:
		p.cur.mono = !p.cur.mono
	case reverse:
		p.cur.reverse = !p.cur.reverse
	case reset:
		p.cur = style{}
	case colour:
		return p.pair(text, i+1, number)
	case hexColour:
		return p.pair(text, i+1, sixDigits)
	}
	return i + 1
}

// pair reads one colour, or two with a comma between them, at i.
func (p *parser) pair(text string, i int, read func(string, int) (string, int)) int {
	fg, n := read(text, i)
	if n == 0 {
		p.cur.fg, p.cur.bg = "", ""
		return i
	}
	i += n
	p.cur.fg = fg
	if i < len(text) && text[i] == ',' {
		if bg, n := read(text, i+1); n > 0 {
			p.cur.bg = bg
			i += 1 + n
		}
	}
	return i
}

// number reads a colour number of at most two digits at i and how long it is.
func number(text string, i int) (string, int) {
	n, v := 0, 0
	for n < 2 && i+n < len(text) && text[i+n] >= '0' && text[i+n] <= '9' {
		v = v*10 + int(text[i+n]-'0')
		n++
	}
	return Colour(v), n
}

// sixDigits reads a hexadecimal colour at i and how long it is.
func sixDigits(text string, i int) (string, int) {
	if i+6 > len(text) || strings.Trim(text[i:i+6], "0123456789abcdefABCDEF") != "" {
		return "", 0
	}
	return "#" + strings.ToLower(text[i:i+6]), 6
}

// levels are the attributes from the outermost node to the innermost. Each
// says which node, without children, stands for a style; its Kind is empty if none.
func level(s style, n int) markup.Node {
	switch {
	case n == 0 && hidden(s):
		return markup.Node{Kind: markup.Spoiler}
	case n == 1 && !hidden(s):
		fg, bg := s.fg, s.bg
		if s.reverse {
			fg, bg = reversed(fg, bg)
		}
		if fg != "" || bg != "" {
			return markup.Node{Kind: markup.Colour, FG: fg, BG: bg}
		}
	case n == 2 && s.bold:
		return markup.Node{Kind: markup.Bold}
	case n == 3 && s.italic:
		return markup.Node{Kind: markup.Italic}
	case n == 4 && s.underline:
		return markup.Node{Kind: markup.Underline}
	case n == 5 && s.strike:
		return markup.Node{Kind: markup.Strike}
	case n == 6 && s.mono:
		return markup.Node{Kind: markup.Code}
	}
	return markup.Node{}
}

// hidden reports whether a text is written in the colour of its background,
// which is how people on IRC hide what others may not want to read.
func hidden(s style) bool { return s.fg != "" && s.fg == s.bg }

// reversed exchanges the colours; the defaults are taken to be black on white.
func reversed(fg, bg string) (string, string) {
	if fg == "" {
		fg = "#000000"
	}
	if bg == "" {
		bg = "#ffffff"
	}
	return bg, fg
}

// group makes nodes of rs, whose outer attributes up to depth are the same.
func group(rs []run, depth int, who Lookup) []markup.Node {
	if depth == 7 {
		var out []markup.Node
		for _, r := range rs {
			out = append(out, mentions(r.text, who)...)
		}
		return out
	}
	var out []markup.Node
	for len(rs) > 0 {
		node, n := level(rs[0].style, depth), 1
		for n < len(rs) && same(level(rs[n].style, depth), node) {
			n++
		}
		switch {
		case node.Kind == "":
			out = append(out, group(rs[:n], depth+1, who)...)
		case node.Kind == markup.Code:
			for _, r := range rs[:n] {
				node.Text += r.text
			}
			out = append(out, node)
		default:
			node.Children = group(rs[:n], depth+1, who)
			out = append(out, node)
		}
		rs = rs[n:]
	}
	return joined(out)
}

// same compares two nodes without children.
func same(a, b markup.Node) bool { return a.Kind == b.Kind && a.FG == b.FG && a.BG == b.BG }

// joined merges neighbouring text nodes.
func joined(nodes []markup.Node) []markup.Node {
	var out []markup.Node
	for _, n := range nodes {
		if k := len(out); k > 0 && n.Kind == markup.Text && out[k-1].Kind == markup.Text {
			out[k-1].Text += n.Text
			continue
		}
		out = append(out, n)
	}
	return out
}
