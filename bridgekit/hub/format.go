package hub

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/markup/html"
)

// A Format is what stands before the text of somebody whom a network cannot show
// otherwise. It is Matrix HTML of a few marks (b, i, u, s, code) with {name}, {mxid} and
// {network} in it; <{name}> is no mark, and stands for itself. The zero Format is
// empty.
type Format struct{ body markup.Body }

// fields are what a format can hold.
func fields() []string { return []string{"{name}", "{mxid}", "{network}"} }

// ParseFormat reads a format. Errors are in words.
func ParseFormat(text string) (Format, error) {
	if strings.ContainsFunc(text, unicode.IsControl) {
		return Format{}, fmt.Errorf("line breaks and control characters are not possible")
	}
	for rest := text; ; {
		i := strings.IndexByte(rest, '{')
		if i < 0 {
			break
		}
		field, after, closed := strings.Cut(rest[i:], "}")
		if !closed || !slices.Contains(fields(), field+"}") {
			return Format{}, fmt.Errorf("%s is not known; %s are", rest[i:len(rest)-len(after)], strings.Join(fields(), ", "))
		}
		rest = after
	}
	// "<{name}>" is no element, and nor is any other angle around a field.
	escaped := text
	for _, f := range fields() {
		escaped = strings.ReplaceAll(escaped, "<"+f+">", "&lt;"+f+"&gt;")
	}
	end := ""
	if trimmed := strings.TrimRight(escaped, " "); trimmed != escaped {
		escaped, end = trimmed, " "
	}
	body := html.Parse(escaped)
	bad := markup.Kind("")
	markup.Walk(body, func(n markup.Node) bool {
		switch n.Kind {
		case markup.Text, markup.Bold, markup.Italic, markup.Underline, markup.Strike, markup.Code:
		default:
			bad = n.Kind
		}
		return true
	})
	if bad != "" {
		return Format{}, fmt.Errorf("a %s is not possible; bold, italic, underlined, struck text and code are", bad)
	}
	if end != "" {
		body = append(body, markup.Node{Kind: markup.Text, Text: end})
	}
	return Format{body: body}, nil
}

// Expand is the format for somebody. What is put in stays text of the tree, so the
// network's renderer escapes it like any other.
func (f Format) Expand(who Identity) markup.Body {
	r := strings.NewReplacer("{name}", who.Name, "{mxid}", Clean(who.MXID), "{network}", who.Network)
	return markup.Map(f.body, func(n markup.Node) []markup.Node {
		if n.Kind == markup.Text || n.Kind == markup.Code {
			n.Text = r.Replace(n.Text)
		}
		return []markup.Node{n}
	})
}
