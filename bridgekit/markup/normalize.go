package markup

import "strings"

// Normalize returns the tree in the form the package comment describes. The
// reader sees the same text with the same formats, except where a tree was
// nested too deep or carried characters no network may see. It never fails
// and is idempotent; b is left as it is. The size of the result is at most a
// small multiple of the size of b.
func Normalize(b Body) Body {
	if s, ok := Line(b); ok {
		return Body{{Kind: Text, Text: s}}
	}
	return assemble(flatten(b), 0)
}

// Line reports whether b is one line of text without any format, as most messages
// are, and returns it. Such a body is its own normal form.
func Line(b Body) (string, bool) {
	if len(b) != 1 || b[0].Kind != Text || len(b[0].Children) > 0 {
		return "", false
	}
	s := b[0].Text
	return s, s != "" && isClean(s) && !strings.Contains(s, "\n") && strings.TrimSpace(s) == s
}

// cleanLeaf returns the childless node n with only the fields that count for
// its kind, and false if nothing of it is to be shown.
func cleanLeaf(n Node) (Node, bool) {
	l := Node{Kind: n.Kind}
	switch n.Kind {
	case Rule:
		return l, true
	case Text:
		l.Text = cleanText(n.Text)
	case Code:
		l.Text = cleanLine(n.Text)
	case CodeBlock:
		l.Text = strings.TrimRight(cleanText(n.Text), "\n")
		l.Lang = cleanLang(n.Lang)
	case Everyone:
		l.Text = cleanLine(n.Text)
		return l, true
	case Mention:
		l.Text, l.User, l.MXID = cleanLine(n.Text), cleanToken(n.User), n.MXID
		if l.User == "" {
			l = Node{Kind: Text, Text: l.Text}
		} else {
			return l, true
		}
	case ChatLink:
		l.Text, l.Chat, l.MXID, l.Via = cleanLine(n.Text), cleanToken(n.Chat), n.MXID, cleanToken(n.Via)
		if l.Chat == "" {
			l = Node{Kind: Text, Text: l.Text}
		} else {
			return l, true
		}
	case Emoji:
		l.Text, l.URL = cleanLine(n.Text), cleanToken(n.URL)
		if l.URL == "" {
			l.Kind = Text
		} else {
			return l, true
		}
	}
	return l, l.Text != ""
}
