package memnet

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// cursorName is the name of the cursor that clients deliver.
const cursorName = "position"

// client is a login's connection with the required operations.
type client struct {
	dialer  dialer
	options Options
	host    network.Host
	login   network.Login

	mu   sync.Mutex
	link link // nil unless connected; guarded by mu
}

var _ network.Client = (*client)(nil)

// Run implements network.Client.
func (c *client) Run(ctx context.Context, sink network.Sink) error {
	sink.State(network.LoginState{Status: network.Connecting})
	cursor, err := c.cursor(ctx)
	if err != nil {
		return fmt.Errorf("memnet: read cursor: %w", err)
	}
	l, err := c.dialer.dial(ctx)
	if err != nil {
		return fmt.Errorf("memnet: connect: %w", err)
	}
	defer func() {
		c.set(nil)
		l.close()
	}()
	res, err := l.call(ctx, &request{Op: "connect", Token: string(c.login.Data), Pos: cursor})
	if err != nil {
		return fmt.Errorf("memnet: sign in: %w", err)
	}
	c.set(l)
	sink.State(network.LoginState{Status: network.Online, User: res.User.ID})
	err = c.deliver(ctx, sink, l)
	if ctx.Err() == nil && network.KindOf(err) == network.Unavailable {
		sink.State(network.LoginState{Status: network.Offline, Words: "the connection to the network is lost; trying again"})
	}
	return fmt.Errorf("memnet: run: %w", err)
}

// deliver passes events on until something fails.
func (c *client) deliver(ctx context.Context, sink network.Sink, l link) error {
	next := request{Op: "next", Limit: c.options.Batch}
	for {
		res, err := l.call(ctx, &next)
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		batch := network.Batch{Events: res.Events}
		if c.options.Cursors {
			batch.Cursor = map[string][]byte{cursorName: binary.BigEndian.AppendUint64(nil, uint64(res.Pos))}
		}
		if err := sink.Deliver(ctx, batch); err != nil {
			return fmt.Errorf("deliver: %w", err)
		}
		next.Pos = res.Pos // the next call acknowledges
	}
}

// cursor is the position up to which events are stored, 0 if it is not known.
func (c *client) cursor(ctx context.Context) (int64, error) {
	if !c.options.Cursors {
		return 0, nil
	}
	data, err := c.host.Cursor(ctx, cursorName)
	if err != nil || len(data) != 8 {
		return 0, err
	}
	return int64(binary.BigEndian.Uint64(data)), nil
}

func (c *client) set(l link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.link = l
}

// call asks the server.
func (c *client) call(ctx context.Context, r *request) (*response, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("memnet: %s: %w", r.Op, err)
	}
	c.mu.Lock()
	l := c.link
	c.mu.Unlock()
	if l == nil {
		return nil, network.Errorf(network.Unavailable, "the network is not connected", "memnet: %s: not connected", r.Op)
	}
	res, err := l.call(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("memnet: %s: %w", r.Op, err)
	}
	return res, nil
}

// Send implements network.Client.
func (c *client) Send(ctx context.Context, m network.Outgoing) (network.Sent, error) {
	var sent network.Sent
	if m.From < 0 || m.From >= len(m.Parts) {
		return sent, network.Errorf(network.Rejected, "there is nothing to send", "memnet: send: part %d of %d", m.From, len(m.Parts))
	}
	for i := m.From; i < len(m.Parts); i++ {
		part := m.Content
		part.Parts = m.Parts[i : i+1 : i+1]
		if i > 0 {
			part.Reply, part.Quote = nil, nil
		}
		if media := part.Parts[0].Media; media != nil {
			stored, err := c.upload(ctx, m.Chat, *media)
			if err != nil {
				return sent, err
			}
			one := part.Parts[0]
			one.Media = stored
			part.Parts = []network.Part{one}
		}
		res, err := c.call(ctx, &request{Op: "send", Chat: m.Chat, Txn: m.Txn, Part: i, Content: &part})
		if err != nil {
			return sent, err
		}
		sent.Parts = append(sent.Parts, res.IDs)
		sent.At = res.At
	}
	return sent, nil
}

// upload stores a file with the network, if the chat takes it.
func (c *client) upload(ctx context.Context, chat network.ChatID, m network.Media) (*network.Media, error) {
	res, err := c.call(ctx, &request{Op: "chat", Chat: chat})
	if err != nil {
		return nil, err
	}
	if limit := res.Chat.Features.MaxFile; limit < 0 || limit > 0 && m.Size > limit {
		return nil, network.Errorf(network.Rejected, "the file is too large for this network", "memnet: %d bytes, limit %d", m.Size, limit)
	}
	if m.Source == nil {
		return nil, network.Errorf(network.Rejected, "the file cannot be read", "memnet: no source")
	}
	r, err := m.Source.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("memnet: open source: %w", err)
	}
	defer r.Close()
	name, size := "", int64(0)
	buf := make([]byte, chunk)
	for {
		n, err := io.ReadFull(r, buf)
		if n > 0 || name == "" {
			res, err := c.call(ctx, &request{Op: "upload", Blob: name, Data: buf[:n]})
			if err != nil {
				return nil, err
			}
			name = res.Text
			size += int64(n)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("memnet: read source: %w", err)
		}
	}
	m.Source, m.Ref, m.Size = nil, []byte(name), size
	return &m, nil
}

// Chat implements network.Client.
func (c *client) Chat(ctx context.Context, id network.ChatID) (network.Chat, error) {
	res, err := c.call(ctx, &request{Op: "chat", Chat: id})
	if err != nil {
		return network.Chat{}, err
	}
	return *res.Chat, nil
}

// User implements network.Client.
func (c *client) User(ctx context.Context, id network.UserID) (network.User, error) {
	res, err := c.call(ctx, &request{Op: "user", User: id})
	if err != nil {
		return network.User{}, err
	}
	return *res.User, nil
}
