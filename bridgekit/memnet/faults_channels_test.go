package memnet_test

import (
	"context"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

func channelFaults() []fault {
	type create = func(context.Context, network.NewChat) (network.Chat, error)
	creates := func(f func(ctx context.Context, c network.NewChat, create create) (network.Chat, error)) func(int, *network.Ops) {
		return func(_ int, o *network.Ops) {
			create := o.Create
			o.Create = func(ctx context.Context, c network.NewChat) (network.Chat, error) { return f(ctx, c, create) }
		}
	}
	return []fault{
		{of: "CreateWorks", says: "is made as a", ops: creates(func(ctx context.Context, c network.NewChat, create create) (network.Chat, error) {
			c.Private = false
			return create(ctx, c)
		})},
		{of: "CreateWorks", says: "send to it", ops: creates(func(_ context.Context, c network.NewChat, _ create) (network.Chat, error) {
			return network.Chat{Key: network.ChatKey{ID: network.ChatID(c.Name)}, Kind: network.Channel}, nil
		})},
		{of: "CreateWorks", says: "name is taken", ops: creates(func(ctx context.Context, c network.NewChat, create create) (network.Chat, error) {
			chat, err := create(ctx, c)
			return chat, as(network.Unavailable, err)
		})},
		{of: "PurposeArrives", says: "the purpose", ops: events(func(_ int, e *network.ChatChange) network.Event {
			e.Topic, e.Purpose = e.Purpose, nil
			return e
		})},
		{of: "PurposeArrives", says: "what Chat returns", ops: describes(func(c *network.Chat) { c.Topic, c.Purpose = c.Purpose, "" })},
		{of: "PurposeIsSet", says: "the purpose is", ops: func(_ int, o *network.Ops) {
			o.EditChat = func(context.Context, network.ChatID, network.OutgoingChat) error { return nil }
		}},
		{of: "ArchivingArrives", says: "that the chat is archived", ops: drop(func(e *network.ChatChange) bool { return !*e.Archived })},
		{of: "ArchivingArrives", says: "what Chat returns", ops: describes(func(c *network.Chat) { c.Archived = false })},
		{of: "ArchivingArrives", says: "send to an archived chat", ops: sends(func(ctx context.Context, m network.Outgoing, send sendFunc) (network.Sent, error) {
			sent, err := send(ctx, m)
			return sent, as(network.Unavailable, err)
		})},
	}
}

// describes makes a fault in what Chat tells.
func describes(change func(c *network.Chat)) func(int, *network.Ops) {
	return func(_ int, o *network.Ops) {
		chat := o.Chat
		o.Chat = func(ctx context.Context, id network.ChatID) (network.Chat, error) {
			c, err := chat(ctx, id)
			change(&c)
			return c, err
		}
	}
}
