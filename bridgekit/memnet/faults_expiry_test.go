package memnet_test

import (
	"context"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

func expiryFaults() []fault {
	return []fault{
		{of: "ExpiryArrives", says: "waited in vain", ops: runs(func(ctx context.Context, _ int, s network.Sink, run func(context.Context, network.Sink) error) error {
			return run(ctx, mapSink{Sink: s, event: func(ev network.Event) network.Event {
				if c, ok := ev.(*network.ChatChange); ok {
					c.Expiry = nil
				}
				return ev
			}})
		})},
		{of: "ExpiryArrives", says: "the message lives", ops: events(func(_ int, m *network.Message) network.Event {
			m.Expiry = 0
			return m
		})},
		{of: "ExpiryArrives", says: "what Chat returns", ops: func(_ int, o *network.Ops) {
			chat := o.Chat
			o.Chat = func(ctx context.Context, id network.ChatID) (network.Chat, error) {
				c, err := chat(ctx, id)
				c.Expiry = 0
				return c, err
			}
		}},
		{of: "ExpiryIsSent", says: "lets the message live", ops: sends(func(ctx context.Context, m network.Outgoing, send sendFunc) (network.Sent, error) {
			m.Expiry = 0
			return send(ctx, m)
		})},
		{of: "ExpirySettingIsSent", says: "messages of the chat live", ops: func(_ int, o *network.Ops) {
			o.EditChat = func(context.Context, network.ChatID, network.OutgoingChat) error { return nil }
		}},
	}
}
