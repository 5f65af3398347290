package memnet_test

import (
	"context"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

func peopleFaults() []fault {
	members := func(f func(m *network.Member) error) func(int, *network.Ops) {
		return func(_ int, o *network.Ops) {
			set := o.SetMember
			o.SetMember = func(ctx context.Context, chat network.ChatID, m network.Member) error {
				if err := f(&m); err != nil {
					return err
				}
				return set(ctx, chat, m)
			}
		}
	}
	return []fault{
		{of: "NamesArrive", says: "the other person changed", ops: drop(func(*network.UserChanged) bool { return true })},
		{of: "NamesArrive", says: "has the name", ops: knows(func(u *network.User) { u.Name = "bob" })},
		{of: "PresenceArrives", says: "the presence", ops: drop(func(p *network.Presence) bool { return p.Online })},
		{of: "PresenceArrives", says: "the presence", ops: events(func(_ int, p *network.Presence) network.Event {
			p.Words = ""
			return p
		})},
		{of: "ReadingArrives", says: "has read up to", ops: drop(func(*network.Receipt) bool { return true })},
		{of: "OwnReadingArrives", says: "has read up to", ops: drop(func(r *network.Receipt) bool { return r.Sender == "alice" })},
		{of: "ReadIsMarked", says: "as read up to", ops: func(_ int, o *network.Ops) {
			o.MarkRead = func(context.Context, network.ChatID, network.Ref) error { return nil }
		}},
		{of: "ReadIsMarked", says: "as read up to", ops: func(_ int, o *network.Ops) {
			mark, done := o.MarkRead, false
			o.MarkRead = func(ctx context.Context, chat network.ChatID, upTo network.Ref) error {
				if done {
					return nil
				}
				done = true
				return mark(ctx, chat, upTo)
			}
		}},
		{of: "ModeratorsAreTold", says: "is not moderated", ops: describes(func(c *network.Chat) { c.Features.Moderated = false })},
		{of: "ModeratorsAreTold", says: "the other person changed", ops: drop(func(*network.UserChanged) bool { return true })},
		{of: "ModeratorsAreTold", says: "does not say", ops: knows(func(u *network.User) { u.Moderates = nil })},
		{of: "ModeratedRemovalArrives", says: "as removed by ourselves", ops: events(func(_ int, r *network.Redaction) network.Event {
			r.Moderated = false
			return r
		})},
		{of: "ModeratedRemovalArrives", says: "the removal", ops: drop(func(*network.Redaction) bool { return true })},
		{of: "BanIsDone", says: "still in the chat", ops: members(func(m *network.Member) error {
			m.Membership = network.Joined
			return nil
		})},
		{of: "BanIsDone", says: "end the ban", ops: members(func(m *network.Member) error {
			if m.Membership == network.Left {
				return network.Errorf(network.Rejected, "they are out", "test")
			}
			return nil
		})},
		{of: "BroadcastArrives", says: "in the chat too", ops: events(func(_ int, m *network.Message) network.Event {
			m.Broadcast = m.Thread != nil
			return m
		})},
		{of: "BroadcastArrives", says: "is in the thread", ops: events(func(_ int, m *network.Message) network.Event {
			if m.Broadcast {
				m.Thread = nil
			}
			return m
		})},
		{of: "BroadcastArrives", says: "in the history", ops: pages(func(page []network.Event) []network.Event {
			for _, ev := range page {
				ev.(*network.Message).Broadcast = false
			}
			return page
		})},
		{of: "ChatAppears", says: "the new chat", ops: drop(func(*network.ChatAppeared) bool { return true })},
		{of: "ChatAppears", says: "the search finds", ops: events(func(_ int, e *network.ChatAppeared) network.Event {
			e.Name = "~" + e.Name
			return e
		})},
	}
}

// knows makes a fault in what User tells.
func knows(change func(u *network.User)) func(int, *network.Ops) {
	return func(_ int, o *network.Ops) {
		user := o.User
		o.User = func(ctx context.Context, id network.UserID) (network.User, error) {
			u, err := user(ctx, id)
			change(&u)
			return u, err
		}
	}
}
