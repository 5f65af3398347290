package markup

import (
	"strconv"
	"strings"
)

// plainWriter writes a tree as text without formatting. Lists, quotes and
// links keep what a reader needs to understand them; everything else is just
// its text.
type plainWriter struct {
	out     strings.Builder
	margins []margin
	inLine  bool // something is in the current line
}

// A margin is what stands in front of each line of a quote or list item.
type margin struct {
	first, rest string
	used        bool
}

func (w *plainWriter) String() string { return w.out.String() }

// nodes writes siblings. A block starts and ends a line; a paragraph keeps a
// blank line to its neighbours.
func (w *plainWriter) nodes(ns []Node) {
	for i, n := range ns {
		if i > 0 && (n.Kind.Block() || ns[i-1].Kind.Block()) {
			w.fresh()
			if n.Kind == Paragraph || ns[i-1].Kind == Paragraph {
				w.newline()
			}
		} else if n.Kind.Block() {
			w.fresh()
		}
		w.node(n)
	}
}

func (w *plainWriter) node(n Node) {
	switch n.Kind {
	case Link:
		w.link(n)
	case Spoiler:
		if n.Text != "" {
			w.text("(" + n.Text + ") ")
		}
		w.text("||")
		w.nodes(n.Children)
		w.text("||")
	case Mention:
		w.text(or(n.Text, n.User))
	case ChatLink:
		w.text(or(n.Text, n.Chat))
	case Everyone:
		w.text(or(n.Text, "@room"))
	case Rule:
		w.text("---")
	case Quote:
		w.within(margin{first: "> ", rest: "> "}, n.Children)
	case List:
		w.list(n)
	case Item:
		w.within(margin{first: "- ", rest: "  "}, n.Children)
	case Text, Code, CodeBlock, Emoji:
		w.text(n.Text)
	case Bold, Italic, Strike, Underline, Colour, Heading, Paragraph:
		w.nodes(n.Children)
	default:
		w.text(n.Text)
		w.nodes(n.Children)
	}
}

func (w *plainWriter) list(n Node) {
	number := max(n.Start, 1)
	for i, c := range n.Children {
		if i > 0 {
			w.fresh()
		}
		mark := "- "
		if n.Ordered {
			mark = strconv.Itoa(number) + ". "
			number++
		}
		m := margin{first: mark, rest: strings.Repeat(" ", len(mark))}
		if c.Kind == Item {
			w.within(m, c.Children)
		} else {
			w.within(m, []Node{c})
		}
	}
}

func (w *plainWriter) within(m margin, ns []Node) {
	w.margins = append(w.margins, m)
	w.nodes(ns)
	w.margins = w.margins[:len(w.margins)-1]
}

func (w *plainWriter) link(n Node) {
	var label plainWriter
	label.nodes(n.Children)
	text := strings.Trim(label.String(), "\n")
	shown := strings.TrimRight(text, " ")
	switch {
	case strings.TrimSpace(text) == "":
		w.text(n.URL)
	case n.URL == "" || SameLink(text, n.URL):
		w.text(text)
	default:
		w.text(shown + " (" + n.URL + ")" + text[len(shown):])
	}
}

// SameLink reports whether text already says where url leads, so that showing
// both would only repeat it: "example.org" and "https://example.org/".
func SameLink(text, url string) bool {
	text, url = strings.TrimSpace(text), strings.TrimSpace(url)
	if text == url {
		return true
	}
	for _, scheme := range []string{"https://", "http://", "mailto:", "tel:"} {
		if rest, ok := strings.CutPrefix(url, scheme); ok {
			text = strings.TrimPrefix(text, scheme)
			return strings.TrimSuffix(text, "/") == strings.TrimSuffix(rest, "/")
		}
	}
	return false
}

// fresh starts a new line unless the current one is empty.
func (w *plainWriter) fresh() {
	if w.inLine {
		w.newline()
	}
}

// newline ends the current line; an empty one within a quote still shows its
// margin.
func (w *plainWriter) newline() {
	if !w.inLine {
		w.out.WriteString(strings.TrimRight(w.margin(), " "))
	}
	w.out.WriteByte('\n')
	w.inLine = false
}

func (w *plainWriter) text(s string) {
	for {
		line, rest, more := strings.Cut(s, "\n")
		if line != "" {
			if !w.inLine {
				w.out.WriteString(w.margin())
				w.inLine = true
			}
			w.out.WriteString(line)
		}
		if !more {
			return
		}
		w.newline()
		s = rest
	}
}

// margin is what the next line begins with.
func (w *plainWriter) margin() string {
	var b strings.Builder
	for i := range w.margins {
		m := &w.margins[i]
		if m.used {
			b.WriteString(m.rest)
		} else {
			b.WriteString(m.first)
			m.used = true
		}
	}
	return b.String()
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
