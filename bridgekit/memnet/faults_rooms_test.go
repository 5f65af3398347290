package memnet_test

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// pages makes a fault that changes the events of the past.
func pages(change func(page []network.Event) []network.Event) func(int, *network.Ops) {
	return func(_ int, o *network.Ops) {
		history := o.History
		o.History = func(ctx context.Context, chat network.ChatID, cursor string, limit int) ([]network.Event, string, error) {
			page, next, err := history(ctx, chat, cursor, limit)
			for i := range page {
				page[i] = copied(page[i])
			}
			return change(page), next, err
		}
	}
}

// memory makes a fault in the past after something happened, which it does not see.
func memory() func(int, *network.Ops) {
	return func(_ int, o *network.Ops) {
		var mu sync.Mutex
		var first []network.Event
		run := o.Run
		o.Run = func(ctx context.Context, s network.Sink) error {
			return run(ctx, mapSink{Sink: s, event: func(ev network.Event) network.Event {
				if m, ok := ev.(*network.Message); ok {
					mu.Lock()
					defer mu.Unlock()
					past := *m
					past.History = true
					first = append(first, &past)
				}
				return ev
			}})
		}
		history := o.History
		o.History = func(ctx context.Context, chat network.ChatID, cursor string, limit int) ([]network.Event, string, error) {
			<-time.After(time.Second) // until it is delivered
			if _, _, err := history(ctx, chat, cursor, limit); err != nil {
				return nil, "", err
			}
			mu.Lock()
			defer mu.Unlock()
			end := len(first)
			if cursor != "" {
				end, _ = strconv.Atoi(cursor)
			}
			start := max(0, end-limit)
			next := ""
			if start > 0 {
				next = strconv.Itoa(start)
			}
			return first[start:end], next, nil
		}
	}
}

func roomFaults() []fault {
	type pin = func(context.Context, network.OutgoingPin) error
	pins := func(f func(ctx context.Context, p network.OutgoingPin, pin pin) error) func(int, *network.Ops) {
		return func(_ int, o *network.Ops) {
			pin := o.Pin
			o.Pin = func(ctx context.Context, p network.OutgoingPin) error { return f(ctx, p, pin) }
		}
	}
	return []fault{
		{of: "HistoryKeepsTime", says: "in the history by", ops: pages(func(page []network.Event) []network.Event {
			for _, ev := range page {
				ev.Base().At = ev.Base().At.Add(time.Second)
			}
			return page
		})},
		{of: "HistoryHasThreads", says: "want", ops: pages(func(page []network.Event) []network.Event {
			return slices.DeleteFunc(page, func(ev network.Event) bool { return ev.(*network.Message).Thread != nil })
		})},
		{of: "HistoryHasThreads", says: "in the thread", ops: pages(func(page []network.Event) []network.Event {
			for _, ev := range page {
				ev.(*network.Message).Thread = nil
			}
			return page
		})},
		{of: "HistoryIsCurrent", says: "the history has", ops: memory()},
		{of: "HistoryLeavesOutRemoved", says: "the history has", ops: memory()},
		{of: "PinsArrive", says: "pinned", ops: drop(func(p *network.Pins) bool { return len(p.Pinned) == 0 })},
		{of: "PinsArrive", says: "pinned", ops: events(func(_ int, p *network.Pins) network.Event {
			p.Pinned = p.Pinned[:min(1, len(p.Pinned))]
			return p
		})},
		{of: "PinIsSet", says: "the network has", ops: pins(func(ctx context.Context, p network.OutgoingPin, pin pin) error {
			p.Remove = false
			return pin(ctx, p)
		})},
		{of: "PinIsSet", says: "kind rejected", ops: pins(func(ctx context.Context, p network.OutgoingPin, pin pin) error {
			return as(network.Unavailable, pin(ctx, p))
		})},
		{of: "KeptArrives", says: "kept as", ops: drop(func(k *network.ChatKept) bool { return k.Tag == network.TagLow })},
		{of: "KeptArrives", says: "what Chat returns", ops: func(_ int, o *network.Ops) {
			chat := o.Chat
			o.Chat = func(ctx context.Context, id network.ChatID) (network.Chat, error) {
				c, err := chat(ctx, id)
				c.Kept = nil
				return c, err
			}
		}},
		{of: "AvatarIsSet", says: "a picture of", ops: func(_ int, o *network.Ops) {
			edit := o.EditChat
			o.EditChat = func(ctx context.Context, id network.ChatID, c network.OutgoingChat) error {
				c.Avatar = nil
				return edit(ctx, id, c)
			}
		}},
	}
}
