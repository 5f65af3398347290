package irc

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// An offer is what a server can do beyond messages. It is known once somebody
// has connected, and decides which operations a client has, so that none is
// shown that the network does not know.
type offer struct {
	React   bool `json:"react"`
	History bool `json:"history"`
	Redact  bool `json:"redact"`
}

func offerOf(have func(capability string) bool) offer {
	o := offer{React: have(capTags)}
	o.History = o.React && have(capHistory) && have(capBatch) && have(capEcho)
	o.Redact = o.History && have(capRedact)
	return o
}

// A memory keeps the offer of a network for all its clients.
type memory struct {
	mu    sync.Mutex
	known *offer // nil until somebody connected; guarded by mu
}

func (m *memory) learn(o offer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known = &o
}

const offerKey = "offer"

// recall is the offer as it was last seen by anybody, or by this login; before
// the first connection it is everything, and the server's answers tell the rest.
func (m *memory) recall(ctx context.Context, kv network.KV) (offer, error) {
	m.mu.Lock()
	known := m.known
	m.mu.Unlock()
	if known != nil {
		return *known, nil
	}
	data, err := kv.Get(ctx, offerKey)
	if err != nil {
		return offer{}, fmt.Errorf("read value: %w", err)
	}
	o := offer{React: true, History: true, Redact: true}
	if data != nil {
		if err := json.Unmarshal(data, &o); err != nil {
			return offer{}, fmt.Errorf("read offer: %w", err)
		}
	}
	return o, nil
}

// store remembers the offer of the server that g comes from.
func (c *Client) store(ctx context.Context, g *greeting) error {
	o := offerOf(func(name string) bool { return g.caps.on[name] })
	c.memory.learn(o)
	data, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("offer: %w", err)
	}
	if err := c.host.KV.Set(ctx, offerKey, data); err != nil {
		return fmt.Errorf("store value: %w", err)
	}
	return nil
}

// The clients of servers that can more, each all that the one before can.
type (
	reacting struct{ *Client }
	keeping  struct{ reacting }
	removing struct{ keeping }
)

var (
	_ network.Reactor   = reacting{}
	_ network.Historian = keeping{}
	_ network.Finder    = keeping{}
	_ network.Redactor  = removing{}
)

// with is the client that has the operations of an offer.
func (c *Client) with(o offer) network.Client {
	switch {
	case o.Redact:
		return removing{keeping{reacting{c}}}
	case o.History:
		return keeping{reacting{c}}
	case o.React:
		return reacting{c}
	}
	return c
}

// React implements network.Reactor.
func (c reacting) React(ctx context.Context, r network.OutgoingReaction) error {
	return c.react(ctx, r)
}

// History implements network.Historian.
func (c keeping) History(ctx context.Context, id network.ChatID, cursor string, limit int) ([]network.Event, string, error) {
	return c.history(ctx, id, cursor, limit)
}

// Find implements network.Finder.
func (c keeping) Find(ctx context.Context, m network.Outgoing) (network.Sent, error) {
	return c.find(ctx, m)
}

// Redact implements network.Redactor.
func (c removing) Redact(ctx context.Context, r network.OutgoingRedaction) error {
	return c.redact(ctx, r)
}
