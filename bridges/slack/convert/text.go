package convert

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/causeway-chat/causeway/bridgekit/markup"
)

// mrkdwnText renders a normal tree as mrkdwn. People see it in notifications, as
// /me, and where blocks are not shown.
func mrkdwnText(b markup.Body, o Options) string {
	return strings.Trim(o.mrkdwnNodes(b), "\n")
}

// mrkdwnNodes renders siblings.
func (o Options) mrkdwnNodes(ns []markup.Node) string {
	var w strings.Builder
	for i, n := range ns {
		if i > 0 && (n.Kind.Block() || ns[i-1].Kind.Block()) {
			if !strings.HasSuffix(w.String(), "\n") {
				w.WriteString("\n")
			}
			if n.Kind == markup.Paragraph || ns[i-1].Kind == markup.Paragraph || n.Kind == markup.Quote && ns[i-1].Kind == markup.Quote {
				w.WriteString("\n")
			}
		}
		w.WriteString(o.mrkdwnNode(n, within(ns, i)))
	}
	return w.String()
}

// within reports whether a word goes on at an end of node i: there marks would be
// shown as they are.
func within(ns []markup.Node, i int) bool {
	if ns[i].Kind == markup.Text || ns[i].Kind.Block() {
		return false
	}
	if i > 0 {
		if r, _ := utf8.DecodeLastRuneInString(plain(ns[i-1])); isWord(r) {
			return true
		}
	}
	if i+1 < len(ns) {
		if r, _ := utf8.DecodeRuneInString(plain(ns[i+1])); isWord(r) {
			return true
		}
	}
	return false
}

// plain is a node's text, with the line ends at its edges if it is a text.
func plain(n markup.Node) string {
	if n.Kind == markup.Text {
		return n.Text
	}
	return markup.Body{n}.String()
}

func (o Options) mrkdwnNode(n markup.Node, within bool) string {
	mark := ""
	switch n.Kind {
	case markup.Text:
		return escape(n.Text)
	case markup.Bold, markup.Heading:
		mark = "*"
	case markup.Italic:
		mark = "_"
	case markup.Strike:
		mark = "~"
	case markup.Code:
		return marked(escape(n.Text), "`", within)
	case markup.CodeBlock:
		return "```\n" + escape(strings.ReplaceAll(n.Text, "```", "`\u200b`\u200b`")) + "\n```"
	case markup.Quote:
		return prefixed(o.mrkdwnNodes(n.Children), "> ", "> ")
	case markup.List:
		return o.mrkdwnList(n)
	case markup.Rule:
		return "———"
	case markup.Link:
		return o.mrkdwnLink(n)
	case markup.Mention:
		if id := o.user(n); id != "" {
			return "<@" + id + ">"
		}
		return escape("@" + trimAt(first(n.Text, n.User)))
	case markup.ChatLink:
		if id := o.channel(n); id != "" {
			return "<#" + id + ">"
		}
		return escape(first(n.Text, n.Chat))
	case markup.Everyone:
		if o.Everyone {
			return "<!" + rangeOf(n) + ">"
		}
		return escape(first(n.Text, "@room"))
	case markup.Emoji:
		if name := o.emoji(n); name != "" {
			return ":" + name + ":"
		}
		return escape(first(n.Text, ":emoji:"))
	case markup.Spoiler:
		reason := ""
		if n.Text != "" {
			reason = "(" + escape(n.Text) + ") "
		}
		return reason + "||" + o.mrkdwnNodes(n.Children) + "||"
	}
	inner := o.mrkdwnNodes(n.Children)
	if mark == "" {
		return inner
	}
	return marked(inner, mark, within)
}

// marked puts marks around each line of a text, within its white space, where they
// would be read as marks.
func marked(s, mark string, within bool) string {
	if within || strings.Contains(s, mark) || strings.Contains(s, "```") {
		return s
	}
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		inner := strings.TrimSpace(line)
		if inner == "" {
			continue
		}
		at := strings.Index(line, inner)
		lines[i] = line[:at] + mark + inner + mark + line[at+len(inner):]
	}
	return strings.Join(lines, "\n")
}

// prefixed puts something before each line.
func prefixed(s, first, rest string) string {
	return first + strings.ReplaceAll(strings.Trim(s, "\n"), "\n", "\n"+rest)
}

func (o Options) mrkdwnList(n markup.Node) string {
	var lines []string
	for i, item := range n.Children {
		mark := "• "
		if n.Ordered {
			mark = strconv.Itoa(max(n.Start, 1)+i) + ". "
		}
		lines = append(lines, prefixed(o.mrkdwnNodes(item.Children), mark, "    "))
	}
	return strings.Join(lines, "\n")
}

// mrkdwnLink writes <address|label>.
func (o Options) mrkdwnLink(n markup.Node) string {
	url := n.URL
	label := strings.ReplaceAll(markup.Body(n.Children).String(), "\n", " ")
	if !safeURL(url) || strings.ContainsAny(url, " \n") {
		return escape(strings.TrimSpace(label + " (" + n.URL + ")"))
	}
	to := strings.NewReplacer("|", "%7C", "<", "%3C", ">", "%3E", "&", "&amp;").Replace(url)
	if strings.TrimSpace(label) == "" || markup.SameLink(label, n.URL) {
		return "<" + to + ">"
	}
	return "<" + to + "|" + escape(label) + ">"
}
