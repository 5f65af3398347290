package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/testbed/bench/synth"
	"github.com/causeway-chat/causeway/testbed/bench/wire"
)

// connector connects Causeway with the synthetic network.
type connector struct{ net *synth.Network }

var _ network.Connector = (*connector)(nil)

// Info implements network.Connector.
func (c *connector) Info() network.Info {
	return network.Info{ID: netID, Protocol: "synth", Name: "Synthetic"}
}

// Flows implements network.Connector; the login is stored already.
func (c *connector) Flows() []network.LoginFlow { return nil }

// Probe implements network.Connector.
func (c *connector) Probe(context.Context) (string, error) { return "it is in this process", nil }

// Open implements network.Connector.
func (c *connector) Open(context.Context, network.Host, network.Login) (network.Client, error) {
	return &client{c.net}, nil
}

// client is the owner's connection.
type client struct{ net *synth.Network }

var (
	_ network.Client      = (*client)(nil)
	_ network.Lister      = (*client)(nil)
	_ network.MediaOpener = (*client)(nil)
)

// Run implements network.Client.
func (c *client) Run(ctx context.Context, s network.Sink) error {
	s.State(network.LoginState{Status: network.Connecting})
	s.State(network.LoginState{Status: network.Online})
	c.net.Connect(func(_ context.Context, messages []synth.Message) error {
		b := network.Batch{Events: make([]network.Event, len(messages))}
		for i, m := range messages {
			b.Events[i] = incoming(m)
		}
		return s.Deliver(ctx, b)
	})
	<-ctx.Done()
	return fmt.Errorf("synthetic network: %w", ctx.Err())
}

// incoming is a message as a connector delivers it.
func incoming(m synth.Message) network.Event {
	ev := &network.Message{
		Head: network.Head{Chat: network.ChatKey{ID: network.ChatID(m.Chat)}, Key: m.ID(), Sender: network.UserID(m.Sender), At: time.Now()},
		ID:   network.MessageID(m.ID()), Content: network.Text(m.Text),
	}
	if m.File > 0 {
		ev.Parts[0].Media = &network.Media{
			Kind: network.File, Name: "film.mkv", MIME: "video/x-matroska", Size: m.File, Ref: strconv.AppendInt(nil, m.File, 10),
		}
	}
	return ev
}

// Send implements network.Client.
func (c *client) Send(ctx context.Context, m network.Outgoing) (network.Sent, error) {
	text := ""
	for _, n := range m.Parts[0].Text {
		text += n.Text
	}
	if media := m.Parts[0].Media; media != nil {
		if err := swallow(ctx, media); err != nil {
			return network.Sent{}, err
		}
	}
	if err := c.net.Take(text, string(m.Chat), string(m.Txn)); err != nil {
		return network.Sent{}, network.Errorf(network.Rejected, "the network does not take this", "send: %w", err)
	}
	return network.Sent{Parts: [][]network.MessageID{{network.MessageID("s" + string(m.Txn))}}, At: time.Now()}, nil
}

// swallow reads a file to its end, as an upload would.
func swallow(ctx context.Context, m *network.Media) error {
	r, err := m.Source.Open(ctx)
	if err != nil {
		return fmt.Errorf("open file: %w", err)
	}
	defer r.Close()
	n, err := io.Copy(io.Discard, r)
	if err == nil && n != m.Size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("read file: %w", err)
	}
	return nil
}

// Chat implements network.Client.
func (c *client) Chat(_ context.Context, id network.ChatID) (network.Chat, error) {
	return network.Chat{
		Key: network.ChatKey{ID: id}, Kind: network.Group, Name: string(id), Members: wire.Members(string(id)),
		Features: network.Features{IDs: network.IDsShared, Once: network.OnceAlways},
	}, nil
}

// User implements network.Client.
func (c *client) User(_ context.Context, id network.UserID) (network.User, error) {
	return network.User{ID: id, Name: "Somebody " + string(id)}, nil
}

// page is how many members the network lists at once.
const page = 100

// Members implements network.Lister.
func (c *client) Members(_ context.Context, chat network.ChatID, cursor string) ([]network.Member, string, error) {
	from, _ := strconv.Atoi(cursor) // empty: from the start
	all := wire.Members(string(chat))
	var out []network.Member
	for i := from; i < min(from+page, all); i++ {
		u := network.UserID(wire.Member(string(chat), i))
		out = append(out, network.Member{User: u, Membership: network.Joined, Name: "Somebody " + string(u)})
	}
	next := ""
	if from+page < all {
		next = strconv.Itoa(from + page)
	}
	return out, next, nil
}

// OpenMedia implements network.MediaOpener.
func (c *client) OpenMedia(_ context.Context, m network.Media) (io.ReadCloser, error) {
	return io.NopCloser(wire.NewFile(m.Size)), nil
}
