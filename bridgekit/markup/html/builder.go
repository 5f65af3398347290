package html

import (
	"slices"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/markup"
)

// An elem is an open or finished element, or a piece of text (node.Kind Text
// and no tag).
type elem struct {
	tag   string
	node  markup.Node  // kind "" : the children take its place
	inner *markup.Node // a second format around the children
	kids  []*elem
	cells int  // of a table row: the cells so far
	lines bool // of code: it has line breaks of its own
}

func (e *elem) nodes() []markup.Node {
	var out []markup.Node
	for _, k := range e.kids {
		children := k.nodes()
		if k.inner != nil && len(children) > 0 {
			n := *k.inner
			n.Children = children
			children = []markup.Node{n}
		}
		switch n := k.node; {
		case n.Kind == "":
			out = append(out, children...)
		case n.Kind == markup.Link && len(children) == 0: // nothing to click on
		default:
			n.Children = children
			out = append(out, n)
		}
	}
	return out
}

// writeText writes the text in e without any formatting.
func (e *elem) writeText(b *strings.Builder) {
	if e.node.Kind != markup.Spoiler { // whose Text is the reason
		b.WriteString(e.node.Text)
	}
	for _, k := range e.kids {
		k.writeText(b)
	}
}

func (e *elem) text() string {
	var b strings.Builder
	e.writeText(&b)
	return b.String()
}

// parser builds the elements. White space is decided when the next visible
// character comes: until then a space or line break is an empty piece of text
// at its place, which is filled if it turns out to count.
type parser struct {
	stack     []*elem        // the first is the root
	over      map[string]int // open tags beyond maxDepth
	mute      string         // inside this element nothing counts
	lineStart bool
	space     *elem // a space, if something follows in the line
	brk       *elem // a line break, if something inline follows
	verbatim  int   // open code and pre elements
	pre       bool  // the last token was <pre>
}

func newParser() *parser {
	return &parser{stack: []*elem{{}}, over: make(map[string]int), lineStart: true}
}

func (p *parser) top() *elem { return p.stack[len(p.stack)-1] }

func (p *parser) push(e *elem) {
	p.top().kids = append(p.top().kids, e)
	p.stack = append(p.stack, e)
}

func (p *parser) add(n markup.Node) *elem {
	e := &elem{node: n}
	p.top().kids = append(p.top().kids, e)
	return e
}

// enclosing is the innermost open element of that name, or nil.
func (p *parser) enclosing(tag string) *elem {
	for _, e := range slices.Backward(p.stack) {
		if e.tag == tag {
			return e
		}
	}
	return nil
}

// visible settles pending white space before something visible.
func (p *parser) visible() {
	if p.brk != nil {
		p.brk.node.Text = "\n"
	}
	if p.space != nil {
		p.space.node.Text = " "
	}
	p.brk, p.space, p.lineStart = nil, nil, false
}

func (p *parser) solid(n markup.Node) {
	p.visible()
	p.add(n)
}

func (p *parser) text(s string) {
	s = strings.Map(printable, s)
	if p.verbatim > 0 {
		if s != "" {
			p.solid(markup.Node{Kind: markup.Text, Text: s})
		}
		return
	}
	for s != "" {
		word := strings.IndexAny(s, htmlSpace)
		if word < 0 {
			word = len(s)
		}
		if word > 0 {
			p.solid(markup.Node{Kind: markup.Text, Text: s[:word]})
			s = s[word:]
			continue
		}
		s = strings.TrimLeft(s, htmlSpace)
		if !p.lineStart && p.space == nil {
			p.space = p.add(markup.Node{Kind: markup.Text})
		}
	}
}

const htmlSpace = " \t\n\r\f"

// printable drops control characters other than white space. They go before
// anything is decided by the text, or an invisible one could keep two spaces
// apart or pass for a name.
func printable(r rune) rune {
	if strings.ContainsRune(htmlSpace, r) {
		return r
	}
	return visible(r)
}

// collapse is s as HTML shows it in one line.
func collapse(s string) string {
	isSpace := func(r rune) bool { return strings.ContainsRune(htmlSpace, r) }
	return strings.Join(strings.FieldsFunc(strings.Map(printable, s), isSpace), " ")
}

func (p *parser) br() {
	p.space = nil
	p.visible()
	p.add(markup.Node{Kind: markup.Text, Text: "\n"})
	p.lineStart = true
	for _, e := range p.stack {
		e.lines = true
	}
}

// breakLine ends the line, if there is one and something follows.
func (p *parser) breakLine() {
	if p.verbatim > 0 {
		return
	}
	if !p.lineStart && p.brk == nil {
		p.brk = p.add(markup.Node{Kind: markup.Text})
	}
	p.space, p.lineStart = nil, true
}

// blockEdge forgets white space that a block makes superfluous.
func (p *parser) blockEdge() {
	p.space, p.brk, p.lineStart = nil, nil, true
}

// edge is called where an element begins or ends.
func (p *parser) edge(tag string) {
	switch layoutOf(tag) {
	case block:
		if p.isInCell() && tag == "p" {
			p.text(" ")
			return
		}
		p.blockEdge()
	case line:
		if p.isInCell() {
			p.text(" ")
			return
		}
		p.breakLine()
	}
}

func (p *parser) isInCell() bool {
	for _, e := range slices.Backward(p.stack) {
		switch e.tag {
		case "td", "th":
			return true
		case "table":
			return false
		}
	}
	return false
}

// layout says how an element stands in the text.
type layout int

const (
	inline layout = iota
	line          // on lines of its own, but no block of the tree
	block
)

func layoutOf(tag string) layout {
	switch tag {
	case "p", "blockquote", "ul", "ol", "li", "pre", "mx-reply",
		"h1", "h2", "h3", "h4", "h5", "h6":
		return block
	case "div", "table", "tr", "caption", "details", "summary",
		"section", "article", "header", "footer", "main", "nav", "aside", "address",
		"dl", "dt", "dd", "figure", "figcaption", "form", "fieldset", "center", "body", "html":
		return line
	}
	return inline
}

// impliedEnd closes the elements that end where tag begins.
func (p *parser) impliedEnd(tag string) {
	var ends, within []string
	switch {
	case tag == "li":
		ends, within = []string{"li"}, []string{"ul", "ol"}
	case tag == "td" || tag == "th":
		ends, within = []string{"td", "th"}, []string{"table", "tr"}
	case tag == "tr":
		ends, within = []string{"tr"}, []string{"table"}
	case tag == "a":
		ends, within = []string{"a"}, []string{"td", "th", "table"}
	case layoutOf(tag) != inline:
		ends, within = []string{"p"}, []string{"blockquote", "li", "td", "th", "table", "div", "details", "pre"}
	default:
		return
	}
	for i, e := range slices.Backward(p.stack) {
		if slices.Contains(within, e.tag) {
			return
		}
		if slices.Contains(ends, e.tag) {
			p.popTo(i, false)
			return
		}
	}
}

// endTag closes an element. An inline element cannot be closed from inside a
// quote, an item or a cell it does not begin in.
func (p *parser) endTag(tag string) {
	if p.over[tag] > 0 {
		p.over[tag]--
		return
	}
	for i, e := range slices.Backward(p.stack) {
		if i == 0 {
			return
		}
		if e.tag == tag {
			p.popTo(i, true)
			return
		}
		switch e.tag {
		case "blockquote", "li", "td", "th":
			if layoutOf(tag) == inline && tag != "td" && tag != "th" {
				return
			}
		}
	}
}

// popTo closes the elements from the top down to stack[i]. explicit says that
// stack[i] has an end tag.
func (p *parser) popTo(i int, explicit bool) {
	for len(p.stack) > i+1 {
		p.pop(false)
	}
	p.pop(explicit)
}

func (p *parser) pop(explicit bool) {
	e := p.top()
	p.edge(e.tag)
	p.stack = p.stack[:len(p.stack)-1]
	switch e.tag {
	case "mx-reply":
		if explicit { // else an open tag would swallow the message
			e.kids = nil
		}
	case "code":
		p.verbatim--
		if p.enclosing("pre") == nil {
			e.become(markup.Code)
			if e.node.Kind == markup.CodeBlock {
				p.blockEdge()
			}
		}
	case "pre":
		p.verbatim--
		e.become(markup.CodeBlock)
		if code := p.enclosing("code"); code != nil {
			code.lines, code.node.Lang = true, e.node.Lang
		}
	case "a":
		if e.node.Kind == markup.Mention || e.node.Kind == markup.ChatLink {
			name := collapse(e.text())
			e.node.Text, e.kids = either(name, either(e.node.User, e.node.Chat)), nil
		}
	case "p":
		if p.isInCell() {
			e.node.Kind = ""
		}
	case "sup":
		e.script("^", "0⁰1¹2²3³4⁴5⁵6⁶7⁷8⁸9⁹+⁺-⁻=⁼(⁽)⁾nⁿiⁱ")
	case "sub":
		e.script("_", "0₀1₁2₂3₃4₄5₅6₆7₇8₈9₉+₊-₋=₌(₍)₎")
	}
}

// become turns a finished element into a node of its text.
func (e *elem) become(k markup.Kind) {
	text := e.text()
	if e.lines && strings.Contains(strings.Trim(text, "\n"), "\n") {
		k = markup.CodeBlock
	}
	e.node.Kind, e.node.Text, e.kids = k, text, nil
}

// script writes a raised or lowered text with the characters Unicode has for
// it (table: pairs), or else with a sign before it, as in plain text. Without
// that, ten to the third would read as 103.
func (e *elem) script(sign, table string) {
	text := e.text()
	if strings.TrimSpace(text) == "" {
		return
	}
	pairs := []rune(table)
	var b strings.Builder
	for _, r := range text {
		i := slices.Index(pairs, r)
		if i < 0 || i%2 != 0 {
			e.kids = slices.Insert(e.kids, 0, &elem{node: markup.Node{Kind: markup.Text, Text: sign}})
			return
		}
		b.WriteRune(pairs[i+1])
	}
	e.kids = []*elem{{node: markup.Node{Kind: markup.Text, Text: b.String()}}}
}
