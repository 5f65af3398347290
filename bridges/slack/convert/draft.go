package convert

import (
	"encoding/json"
	"strings"
	"unicode/utf16"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// Limits of Slack, in characters as JavaScript counts them (UTF-16).
const (
	// MaxText is how long the text of one message is made. Slack takes 40,000
	// characters in chat.postMessage and advises 4,000; chat.update refuses more
	// than 4,000, and what was posted has to stay editable.
	MaxText = 3_900
	// maxJSON is how long the blocks of one message may be as JSON. Slack refuses
	// more than some 13,200 characters with msg_blocks_too_long (bolt-js issues 2509
	// and 2867).
	maxJSON = 11_000
	// MaxBlocks is how many blocks a message may have.
	MaxBlocks = 50
)

// Options say how things are called in the workspace. Funcs may be nil.
type Options struct {
	// User is the Slack ID of a remote user ID. Without it, what looks like an ID
	// is one.
	User func(user string) (id string, ok bool)
	// Channel is the same for chats.
	Channel func(chat string) (id string, ok bool)
	// Emoji is the name of a custom emoji by its image and shortcode.
	Emoji func(url, shortcode string) (name string, ok bool)
	// Everyone: @room calls the whole channel; else it is just shown.
	Everyone bool
	// Quote stands before the first message: what this answers.
	Quote *network.Quote
	// Relayed: Persona speaks, or it is in a thread, so that there can be no /me.
	Relayed bool
}

// A Draft is one message to post.
type Draft struct {
	// Text is the whole message as mrkdwn: what notifications show, and what a
	// program shows that knows no blocks.
	Text string
	// Blocks is a JSON array. It is nil if the text must go alone (Me).
	Blocks json.RawMessage
	// Me: post it with chat.meMessage, which takes the text alone.
	Me bool
	// Reactions are names of emoji to add to it: the answers of a poll.
	Reactions []string
}

// Text makes the messages for a text: none if it is empty, several if it is too
// long for one.
func Text(b markup.Body, o Options) []Draft {
	if o.Quote != nil {
		b = append(quoted(*o.Quote), b...)
	}
	var out []Draft
	for _, part := range markup.Split(b, MaxText, o.measure) {
		if d := o.draft(part); d.Blocks != nil && strings.TrimSpace(d.Text) != "" {
			out = append(out, d)
		}
	}
	return out
}

// measure is how much of a message a text fills, of MaxText: by its text, by its
// blocks' JSON, or by their number.
func (o Options) measure(b markup.Body) int {
	d := o.draft(b)
	blocks := len(richBlocks(b, o))
	return max(units(d.Text), units(string(d.Blocks))*MaxText/maxJSON, blocks*MaxText/MaxBlocks)
}

// draft makes the message for a text that fits into one.
func (o Options) draft(b markup.Body) Draft {
	b = markup.Normalize(b)
	d := Draft{Text: mrkdwnText(b, o)}
	if blocks := richBlocks(b, o); len(blocks) > 0 {
		raw, err := json.Marshal(blocks)
		if err == nil { // texts and numbers alone: it is nil
			d.Blocks = raw
		}
	}
	return d
}

// Part makes the messages for a part. For a file they are its caption, to send
// along with it: none if it has none.
func Part(p network.Part, o Options) []Draft {
	switch {
	case p.Location != nil:
		return Text(location(p), o)
	case p.Contact != nil:
		return Text(contact(p), o)
	case p.Poll != nil:
		return poll(p, o)
	case p.Style == network.Emote && p.Media == nil && o.Relayed:
		return Text(markup.Body{in(markup.Italic, p.Text...)}, o)
	}
	out := Text(p.Text, o)
	if p.Style == network.Emote && p.Media == nil {
		for i := range out {
			out[i].Me, out[i].Blocks = true, nil
		}
	}
	return out
}

// units is a text's length as Slack counts.
func units(s string) int {
	n := 0
	for _, r := range s {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}
