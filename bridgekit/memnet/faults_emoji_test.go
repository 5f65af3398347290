package memnet_test

import (
	"context"
	"io"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

func emojiFaults() []fault {
	plain := func(n markup.Node) []markup.Node {
		if n.Kind == markup.Emoji {
			n = markup.Node{Kind: markup.Text, Text: n.Text}
		}
		return []markup.Node{n}
	}
	return []fault{
		{of: "EmojiArrives", says: "has the emoji", ops: events(func(_ int, m *network.Message) network.Event {
			m.Parts[0].Text = markup.Map(m.Parts[0].Text, plain)
			return m
		})},
		{of: "EmojiArrives", says: "the picture of", ops: func(_ int, o *network.Ops) {
			o.OpenEmoji = func(context.Context, network.EmojiID) (io.ReadCloser, error) {
				return io.NopCloser(strings.NewReader("another")), nil
			}
		}},
		{of: "EmojiReactionArrives", says: "with the picture", ops: events(func(_ int, r *network.Reaction) network.Event {
			r.Custom = ""
			return r
		})},
		{of: "EmojiChangesArrive", says: "the change of the emoji", ops: drop(func(*network.EmojiChanged) bool { return true })},
		{of: "EmojiChangesArrive", says: "in the list of emoji", ops: func(_ int, o *network.Ops) {
			list := o.ListEmoji
			var first []network.Emoji
			o.ListEmoji = func(ctx context.Context) ([]network.Emoji, error) {
				if first != nil {
					return first, nil
				}
				all, err := list(ctx)
				first = all
				return all, err
			}
		}},
		{of: "EmojiIsSent", says: "no emoji arrived", ops: func(_ int, o *network.Ops) {
			send := o.Send
			o.Send = func(ctx context.Context, m network.Outgoing) (network.Sent, error) {
				m.Parts[0].Text = markup.Map(m.Parts[0].Text, plain)
				return send(ctx, m)
			}
		}},
		{of: "UnknownEmojiIsRejected", says: "kind", ops: func(_ int, o *network.Ops) {
			open := o.OpenEmoji
			o.OpenEmoji = func(ctx context.Context, id network.EmojiID) (io.ReadCloser, error) {
				r, err := open(ctx, id)
				return r, as(network.Unavailable, err)
			}
		}},
	}
}
