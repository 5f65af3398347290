package markup

import (
	"regexp"
	"strings"
)

// address is an address within a text: of the web, or a Matrix URI.
var address = regexp.MustCompile(`\b(?:https?://|matrix:(?:u|user|r|room|roomid)/)[^\s<>"]+`)

// Relink lets rewrite replace what leads somewhere: it is given each Link of b, and
// each address that stands in a text outside of code, as a Link to itself. What it
// returns takes the place of the link, or of the address, if it says so; everything
// else stays as it is. b is left as it is.
func Relink(b Body, rewrite func(Node) (Node, bool)) Body {
	if s, ok := Line(b); len(b) == 0 || ok && !mayLink(s) {
		return b
	}
	out := make(Body, 0, len(b))
	for _, n := range b {
		switch n.Kind {
		case Link:
			if to, ok := rewrite(n); ok {
				n = to
			}
			out = append(out, n)
		case Text:
			out = append(out, relinkText(n.Text, rewrite)...)
		default:
			n.Children = Relink(n.Children, rewrite)
			out = append(out, n)
		}
	}
	return out
}

// mayLink reports whether there may be an address in a text.
func mayLink(s string) bool { return strings.Contains(s, "://") || strings.Contains(s, "matrix:") }

// relinkText is Relink for a text.
func relinkText(s string, rewrite func(Node) (Node, bool)) []Node {
	var out []Node
	done := 0 // s up to here is in out
	if mayLink(s) {
		for _, at := range address.FindAllStringIndex(s, -1) {
			url := trimAddress(s[at[0]:at[1]])
			to, ok := rewrite(Node{Kind: Link, URL: url, Children: []Node{{Kind: Text, Text: url}}})
			if !ok {
				continue
			}
			if at[0] > done {
				out = append(out, Node{Kind: Text, Text: s[done:at[0]]})
			}
			out = append(out, to)
			done = at[0] + len(url)
		}
	}
	if done < len(s) || done == 0 {
		out = append(out, Node{Kind: Text, Text: s[done:]})
	}
	return out
}

// trimAddress takes off what ends the sentence that an address is in, or the
// brackets around it.
func trimAddress(s string) string {
	for s != "" {
		last := s[len(s)-1]
		closing := strings.IndexByte(")]}", last)
		switch {
		case strings.IndexByte(".,;:!?'", last) >= 0:
		case closing >= 0 && strings.Count(s, "([{"[closing:closing+1]) < strings.Count(s, string(last)):
		default:
			return s
		}
		s = s[:len(s)-1]
	}
	return s
}
