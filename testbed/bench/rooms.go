package main

import (
	"context"
	"fmt"
	"time"

	"github.com/causeway-chat/causeway/testbed/bench/wire"
)

// crowdRows are about the first message of a chat with many people.
func crowdRows(z sizes) []row {
	first := func(ctx context.Context, b *bridge) (inward, error) {
		return b.in(ctx, wire.Load{Count: 1, Chats: b.newChats("crowd", 1, z.members)})
	}
	return []row{{
		name: "crowd", what: fmt.Sprintf("first message of a chat with %d members", z.members),
		metrics: []metric{{"requests", "requests before it", "", bar{atMost, 6}}, {"time", "time to it", "ms", bar{}}},
		measure: func(ctx context.Context, b *bridge) (values, error) {
			r, err := first(ctx, b)
			return r.firstValues(), err
		},
	}, {
		name: "crowd-slow", what: "the same with 10 ms homeserver latency",
		metrics: []metric{{"time", "time to it", "ms", bar{atMost, 100}}},
		measure: func(ctx context.Context, b *bridge) (values, error) {
			if err := b.tune(ctx, 10*time.Millisecond, false); err != nil {
				return nil, err
			}
			r, err := first(ctx, b)
			if err != nil {
				return nil, err
			}
			return r.firstValues(), b.tune(ctx, 0, false)
		},
	}}
}

// firstValues are the figures of a first message.
func (r inward) firstValues() values {
	if len(r.Arrivals.At) == 0 {
		return nil
	}
	return values{"requests": float64(r.counts.BeforeFirst), "time": millis(r.Arrivals.At[0] - r.Began)}
}

// newChats are chats that nobody has used yet.
func (b *bridge) newChats(prefix string, n, members int) wire.Chats {
	return wire.Chats{Prefix: fmt.Sprint(prefix, b.next), N: n, Members: members}
}

func portalsRow(z sizes) row {
	return row{
		name: "portals", what: fmt.Sprintf("portals created by first messages, %d at once", z.portals),
		metrics: []metric{
			{"rate", "rate", "portals/s", bar{timesMore, 10}},
			{"requests", "requests each, with the message", "", bar{atMost, 6}},
			{"cpu", "CPU each", "ms", bar{}},
		},
		measure: func(ctx context.Context, b *bridge) (values, error) {
			r, err := b.in(ctx, wire.Load{Count: z.portals, Chats: b.newChats("new", z.portals, 1)})
			return r.values(), err
		},
	}
}
