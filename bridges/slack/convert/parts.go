package convert

import (
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// nothing is shown for a message that says nothing.
const nothing = "A message that has nothing to show here."

// parts are one for each file, one if there is none, and then one for each picture
// of the text and each file of a forwarded message.
func (m *Message) parts(l Lookup) []network.Part {
	if words, ok := m.notice(l); ok {
		return []network.Part{{Style: network.Notice, Text: markup.Normalize(words)}}
	}
	r := &blockReader{l: l}
	words := markup.Normalize(trimLines(m.words(r)))
	var out []network.Part
	for _, f := range m.files {
		out = append(out, l.file(f))
	}
	if len(out) == 0 {
		if len(words) > 0 || len(r.media)+len(m.shared) == 0 {
			out = append(out, network.Part{Text: words})
		}
	} else if len(words) > 0 {
		out[0].Text = markup.Normalize(join(words, out[0].Text))
		out[0].Style = network.Normal
	}
	out = append(out, r.media...)
	for _, f := range m.shared {
		out = append(out, l.file(f))
	}
	if m.Subtype == "me_message" {
		out[0].Style = network.Emote
	}
	if len(out[0].Text) == 0 && out[0].Media == nil {
		out[0] = network.Part{Style: network.Notice, Text: markup.Plain(nothing)}
	}
	return out
}

// words is the text of a message: its blocks, or else its mrkdwn, and its
// attachments.
func (m *Message) words(r *blockReader) []markup.Node {
	out := r.blocks(m.body.objs("blocks"))
	if len(out) == 0 && len(r.media) == 0 {
		out = r.l.mrkdwn(m.said())
	}
	attached := r.attachments(m.body.objs("attachments"), unescape(m.Text)+" "+links(out))
	if len(out) > 0 && len(attached) > 0 {
		return join(out, attached)
	}
	return append(out, attached...)
}

// trimLines takes empty lines off both ends.
func trimLines(ns []markup.Node) []markup.Node {
	for len(ns) > 0 {
		first, last := ns[0], ns[len(ns)-1]
		switch {
		case first.Kind == markup.Text && strings.HasPrefix(first.Text, "\n"):
			ns = append([]markup.Node{text(strings.TrimLeft(first.Text, "\n"))}, ns[1:]...)
		case first.Kind == markup.Text && first.Text == "":
			ns = ns[1:]
		case last.Kind == markup.Text && strings.HasSuffix(last.Text, "\n"):
			ns = append(ns[:len(ns)-1:len(ns)-1], text(strings.TrimRight(last.Text, "\n")))
		case last.Kind == markup.Text && last.Text == "":
			ns = ns[:len(ns)-1]
		default:
			return ns
		}
	}
	return nil
}

// links are the addresses that a text leads to.
func links(ns []markup.Node) string {
	var w strings.Builder
	markup.Walk(ns, func(n markup.Node) bool {
		if n.Kind == markup.Link {
			w.WriteString(n.URL + " ")
		}
		return true
	})
	return w.String()
}

// said is the message's mrkdwn. What Slack itself once wrote about a file is left
// out: the file is shown.
func (m *Message) said() string {
	if m.Subtype == "file_share" && m.body.obj("file") != nil && strings.HasPrefix(m.Text, "<@"+m.User) {
		return m.body.obj("file").obj("initial_comment").str("comment")
	}
	return m.Text
}
