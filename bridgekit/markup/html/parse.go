package html

import (
	"strconv"
	"strings"

	"golang.org/x/net/html"

	"github.com/causeway-chat/causeway/bridgekit/markup"
)

// maxDepth is the nesting up to which tags count; "Tags must not be nested
// more than 100 levels deep" (m.room.message msgtypes).
const maxDepth = 100

// Parse reads formattedBody, the formatted_body of a message of format
// org.matrix.custom.html, and returns its tree in normal form. There is no
// invalid input: what is not understood becomes text, as in a browser.
//
// Links to users and rooms (matrix.to and matrix: URIs) become Mention and
// ChatLink with MXID set. "@room" stays text; see markup.MarkEveryone.
func Parse(formattedBody string) markup.Body {
	p := newParser()
	z := html.NewTokenizer(strings.NewReader(formattedBody))
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		p.token(z.Token())
	}
	for len(p.stack) > 1 {
		p.pop(false)
	}
	return tidySpace(markup.Normalize(p.stack[0].nodes()))
}

// token takes one token. Tags are matched here and not by the HTML5 tree
// builder: that one moves text out of tables and copies formats around, which
// costs an attacker little and us much, and Matrix has no page to build.
func (p *parser) token(t html.Token) {
	if p.mute != "" {
		if t.Type == html.EndTagToken && t.Data == p.mute {
			p.mute = ""
		}
		return
	}
	firstInPre := p.pre
	p.pre = false
	switch t.Type {
	case html.TextToken:
		if firstInPre {
			t.Data = strings.TrimPrefix(t.Data, "\n") // HTML Standard, 13.2.6.4.7, "pre"
		}
		p.text(t.Data)
	case html.StartTagToken, html.SelfClosingTagToken:
		p.start(t.Data, attributes(t))
	case html.EndTagToken:
		p.endTag(t.Data)
	}
}

// attrs holds the attributes of a tag; of two with one name the first counts.
type attrs map[string]string

func attributes(t html.Token) attrs {
	a := make(attrs, len(t.Attr))
	for _, at := range t.Attr {
		if _, ok := a[at.Key]; !ok {
			a[at.Key] = at.Val
		}
	}
	return a
}

func (p *parser) start(tag string, a attrs) {
	switch tag {
	case "script", "style", "title", "iframe", "noembed", "noframes":
		p.mute = tag
		return
	case "br":
		p.br()
		return
	case "hr":
		p.impliedEnd("p")
		p.blockEdge()
		p.add(markup.Node{Kind: markup.Rule})
		p.blockEdge()
		return
	case "img":
		p.image(a)
		return
	case "wbr", "input", "link", "meta", "base", "col", "area", "embed", "param", "source", "track":
		return
	}
	p.impliedEnd(tag)
	if len(p.stack) > maxDepth {
		p.over[tag]++
		return
	}
	p.open(tag, a)
}

// open puts an element on the stack.
func (p *parser) open(tag string, a attrs) {
	e := &elem{tag: tag}
	switch tag {
	case "a":
		e.node, _ = linkNode(a["href"])
	case "span", "font":
		p.openSpan(e, a)
		return
	case "td", "th":
		p.cell(e)
		return
	case "code":
		p.verbatim++
		if pre := p.enclosing("pre"); pre != nil && pre.node.Lang == "" {
			pre.node.Lang = language(a["class"])
		}
	case "pre":
		p.verbatim++
		p.pre = true
		e.node.Kind = markup.CodeBlock
	case "ol":
		e.node = markup.Node{Kind: markup.List, Ordered: true}
		e.node.Start, _ = strconv.Atoi(strings.TrimSpace(a["start"]))
	case "h1", "h2", "h3", "h4", "h5", "h6":
		e.node = markup.Node{Kind: markup.Heading, Level: int(tag[1] - '0')}
	default:
		e.node.Kind = simpleKind(tag)
	}
	p.edge(tag)
	if tag == "summary" {
		e.node.Kind = markup.Bold
	}
	p.push(e)
}

func (p *parser) openSpan(e *elem, a attrs) {
	colour := markup.Node{Kind: markup.Colour, FG: either(a["data-mx-color"], a["color"]), BG: a["data-mx-bg-color"]}
	if e.tag == "span" {
		colour.FG = a["data-mx-color"]
	}
	hasColour := colour.FG != "" || colour.BG != ""
	if reason, ok := a["data-mx-spoiler"]; ok {
		e.node = markup.Node{Kind: markup.Spoiler, Text: reason}
		if hasColour {
			e.inner = &colour
		}
	} else if hasColour {
		e.node = colour
	}
	p.push(e)
}

// cell opens a table cell. Cells of a row are written in one line.
func (p *parser) cell(e *elem) {
	row := p.enclosing("tr")
	if row == nil {
		row = p.stack[0]
	}
	if row.cells++; row.cells > 1 {
		p.text(" ")
		p.solid(markup.Node{Kind: markup.Text, Text: "|"})
		p.text(" ")
	}
	if e.tag == "th" {
		e.node.Kind = markup.Bold
	}
	p.push(e)
}

// simpleKind is the kind of an element that needs no attributes, or nothing.
func simpleKind(tag string) markup.Kind {
	switch tag {
	case "b", "strong":
		return markup.Bold
	case "i", "em":
		return markup.Italic
	case "del", "s", "strike":
		return markup.Strike
	case "u", "ins":
		return markup.Underline
	case "blockquote":
		return markup.Quote
	case "p":
		return markup.Paragraph
	case "ul":
		return markup.List
	case "li":
		return markup.Item
	}
	return ""
}

// image is a custom emoji (MSC2545) or, for any other picture, its description.
func (p *parser) image(a attrs) {
	name := either(a["alt"], a["title"])
	_, isEmoji := a["data-mx-emoticon"]
	if isEmoji && validMXC(a["src"]) {
		p.solid(markup.Node{Kind: markup.Emoji, URL: a["src"], Text: collapse(name)})
		return
	}
	p.text(name)
}

// language finds the language in the class of a code element.
func language(class string) string {
	for _, c := range strings.Fields(class) {
		if lang, ok := strings.CutPrefix(c, "language-"); ok {
			return lang
		}
	}
	return ""
}
