package convert

import (
	"slices"

	"github.com/causeway-chat/causeway/bridgekit/markup"
)

// A richWriter makes Slack's blocks of a tree: rich_text, and dividers between.
type richWriter struct {
	o      Options
	blocks []any
	els    []any // of the open rich_text block
	run    []any // inline elements of the open section, quote or item
	quoted bool  // within a quote
	begun  bool  // the quote has an element already
}

// richBlocks renders a normal tree.
func richBlocks(b markup.Body, o Options) []any {
	w := richWriter{o: o}
	w.nodes(b, -1)
	w.endSection(false)
	w.endBlock()
	return w.blocks
}

type js = map[string]any

func (w *richWriter) endBlock() {
	if len(w.els) > 0 {
		w.blocks = append(w.blocks, js{"type": "rich_text", "elements": w.els})
	}
	w.els = nil
}

// endSection puts the open inline elements into a section. Slack takes one line
// end at its end for that of the section, where a block follows.
func (w *richWriter) endSection(followed bool) {
	if len(w.run) == 0 {
		return
	}
	if followed {
		w.text("\n", nil)
	}
	kind := "rich_text_section"
	if w.quoted {
		kind = "rich_text_quote"
	}
	w.element(js{"type": kind, "elements": w.run})
	w.run = nil
}

// element adds one. In a quote, all but the first carry a border.
func (w *richWriter) element(e js) {
	if w.quoted && (w.begun || e["type"] != "rich_text_quote") {
		e["border"] = 1
	}
	w.begun = w.quoted
	w.els = append(w.els, e)
}

// nodes renders siblings. level is that of the list they are in, -1 outside of one.
func (w *richWriter) nodes(ns []markup.Node, level int) {
	for i, n := range ns {
		if i > 0 && len(w.run) > 0 && (n.Kind.Block() || ns[i-1].Kind.Block()) && w.flows(n, level) {
			gap := "\n"
			if n.Kind == markup.Paragraph || ns[i-1].Kind == markup.Paragraph {
				gap = "\n\n"
			}
			w.text(gap, nil)
		}
		w.node(n, level)
	}
}

// flows reports whether a node is shown as text: within other text, not beside it.
func (w *richWriter) flows(n markup.Node, level int) bool {
	switch n.Kind {
	case markup.Rule:
		return w.quoted || level >= 0
	case markup.Quote:
		return w.quoted
	case markup.Paragraph, markup.Heading:
		return true
	}
	return !n.Kind.Block()
}

func (w *richWriter) node(n markup.Node, level int) {
	switch n.Kind {
	case markup.Paragraph:
		w.nodes(n.Children, level)
	case markup.Heading:
		w.inlines(n.Children, js{"bold": true}, "")
	case markup.CodeBlock:
		w.endSection(true)
		e := js{"type": "rich_text_preformatted", "elements": []any{js{"type": "text", "text": n.Text}}}
		if n.Lang != "" {
			e["language"] = n.Lang
		}
		w.element(e)
	case markup.Quote:
		w.quote(n)
	case markup.List:
		w.list(n, level+1)
	case markup.Rule:
		w.rule(level)
	default:
		w.inline(n, nil, "")
	}
}

// quote renders a quote; one within another is text with its marks.
func (w *richWriter) quote(n markup.Node) {
	if w.quoted {
		w.text(markup.Body{n}.String(), nil)
		return
	}
	w.endSection(true)
	w.quoted, w.begun = true, false
	w.nodes(n.Children, -1)
	w.endSection(false)
	w.quoted, w.begun = false, false
}

// rule is a divider, which can only stand between blocks.
func (w *richWriter) rule(level int) {
	if w.quoted || level >= 0 {
		w.text("———", nil)
		return
	}
	w.endSection(false)
	w.endBlock()
	w.blocks = append(w.blocks, js{"type": "divider"})
}

// list renders a list whose items hold text; what else is in an item ends the list
// element and stands after it, and the list goes on with its next number.
func (w *richWriter) list(n markup.Node, level int) {
	w.endSection(true)
	var items []any
	next := max(n.Start, 1) - 1 // the number of items before those in items
	flush := func(count int) {
		if len(items) > 0 {
			w.element(listElement(n.Ordered, min(level, maxIndent), next, items))
			items = nil
		}
		next = max(n.Start, 1) - 1 + count
	}
	for i, item := range n.Children {
		own, rest := w.leading(item.Children, level)
		w.nodes(own, level)
		if len(w.run) > 0 || len(rest) == 0 {
			items = append(items, js{"type": "rich_text_section", "elements": w.run})
			w.run = nil
		}
		if len(rest) > 0 {
			flush(i + 1)
			w.nodes(rest, level)
			w.endSection(true)
		}
	}
	flush(len(n.Children))
}

func listElement(ordered bool, level, offset int, items []any) js {
	e := js{"type": "rich_text_list", "style": "bullet", "indent": level, "elements": items}
	if ordered {
		e["style"] = "ordered"
		if offset > 0 {
			e["offset"] = offset
		}
	}
	return e
}

// leading are the nodes up to the first that ends a list.
func (w *richWriter) leading(ns []markup.Node, level int) (own, rest []markup.Node) {
	i := slices.IndexFunc(ns, func(n markup.Node) bool { return !w.flows(n, level) })
	if i < 0 {
		return ns, nil
	}
	return ns[:i], ns[i:]
}
