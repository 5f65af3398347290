package markup

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Walk calls visit for every node, a parent before its children, in the order
// they are read. The children of a node are left out if visit returns false.
func Walk(b Body, visit func(Node) bool) {
	for _, n := range b {
		if visit(n) {
			Walk(n.Children, visit)
		}
	}
}

// Map returns the tree with every node replaced by what rewrite makes of it:
// none, one or several nodes. Children are rewritten before their parent, so
// rewrite gets a node with its new children and may keep, change or unwrap
// them. b is left as it is; what rewrite returns is not rewritten again.
//
// The core uses it to turn mentions of remote users into Matrix pills and
// back, with a rewrite that looks users up.
func Map(b Body, rewrite func(Node) []Node) Body {
	var out Body
	for _, n := range b {
		n.Children = Map(n.Children, rewrite)
		out = append(out, rewrite(n)...)
	}
	return out
}

// MentionList says who a text mentions.
type MentionList struct {
	Users    []string // remote user IDs
	MXIDs    []string // Matrix user IDs
	Everyone bool     // the whole chat
}

// Mentions lists who b mentions, each once, in the order of their first
// mention. After remote users were mapped to ghosts and puppets, MXIDs and
// Everyone are the content of m.mentions (Matrix client-server API, "User and
// room mentions").
func Mentions(b Body) MentionList {
	var m MentionList
	Walk(b, func(n Node) bool {
		switch {
		case n.Kind == Everyone:
			m.Everyone = true
		case n.Kind != Mention || n.User == "":
		case n.MXID:
			if !slices.Contains(m.MXIDs, n.User) {
				m.MXIDs = append(m.MXIDs, n.User)
			}
		case !slices.Contains(m.Users, n.User):
			m.Users = append(m.Users, n.User)
		}
		return true
	})
	return m
}

// MarkEveryone returns b with each free-standing word ("@room") in its text
// turned into an Everyone node; code is left alone. Matrix says in
// m.mentions.room that the whole room is meant, but not where; the core calls
// this only for events that say so.
func MarkEveryone(b Body, word string) Body {
	if word == "" {
		return b
	}
	return Map(b, func(n Node) []Node {
		if n.Kind != Text {
			return []Node{n}
		}
		return markWord(n.Text, word)
	})
}

func markWord(text, word string) []Node {
	var out []Node
	done := 0 // text up to here is in out
	for at := 0; ; {
		i := strings.Index(text[at:], word)
		if i < 0 {
			break
		}
		start, end := at+i, at+i+len(word)
		at = end
		before, _ := utf8.DecodeLastRuneInString(text[:start])
		after, _ := utf8.DecodeRuneInString(text[end:])
		if start > 0 && isWord(before) || end < len(text) && isWord(after) {
			continue
		}
		if start > done {
			out = append(out, Node{Kind: Text, Text: text[done:start]})
		}
		out = append(out, Node{Kind: Everyone, Text: word})
		done = end
	}
	if done < len(text) || done == 0 {
		out = append(out, Node{Kind: Text, Text: text[done:]})
	}
	return out
}

func isWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_'
}
