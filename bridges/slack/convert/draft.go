package convert

import (
	"encoding/json"
	"unicode/utf16"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// Limits of Slack, in characters as JavaScript counts them (UTF-16).
const (
	// MaxText is how long the text of one message is made. Slack takes 40,000
	// characters in chat.postMessage and advises 4,000; chat.update refuses more
	// than 4,000, and what was posted has to stay editable.
	MaxText = 4_000
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
	// Link is the Slack address of what a link points at (matrix.to), where it is
	// bridged.
	Link func(url string) (address string, ok bool)
	// Everyone: @room calls the whole channel; else it is just shown.
	Everyone bool
	// Quote stands before the first message: what this answers.
	Quote *network.Quote
	// Relayed: Persona speaks, so that there can be no /me.
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
	var out []Draft
	for _, part := range markup.Split(b, MaxText, func(b markup.Body) int { return units(escape(b.String())) }) {
		out = append(out, draft(part, o))
	}
	return out
}

// Part makes the messages for a part. For a file they are its caption, to send
// along with it.
func Part(p network.Part, o Options) []Draft { return Text(p.Text, o) }

func draft(b markup.Body, _ Options) Draft {
	plain := b.String()
	blocks, err := json.Marshal([]any{map[string]any{"type": "rich_text", "elements": []any{
		map[string]any{"type": "rich_text_section", "elements": []any{map[string]any{"type": "text", "text": plain}}},
	}}})
	if err != nil { // of texts alone
		blocks = nil
	}
	return Draft{Text: escape(plain), Blocks: blocks}
}

// units is a text's length as Slack counts.
func units(s string) int {
	n := 0
	for _, r := range s {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}
