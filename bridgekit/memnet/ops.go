package memnet

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// fullClient is a client with all operations but Find.
type fullClient struct{ *client }

// findingClient is a client that can tell whether a Send arrived.
type findingClient struct{ *fullClient }

var (
	_ network.Editor      = (*fullClient)(nil)
	_ network.Redactor    = (*fullClient)(nil)
	_ network.Reactor     = (*fullClient)(nil)
	_ network.Typer       = (*fullClient)(nil)
	_ network.Receipter   = (*fullClient)(nil)
	_ network.Historian   = (*fullClient)(nil)
	_ network.Lister      = (*fullClient)(nil)
	_ network.Searcher    = (*fullClient)(nil)
	_ network.Joiner      = (*fullClient)(nil)
	_ network.Creator     = (*fullClient)(nil)
	_ network.Starter     = (*fullClient)(nil)
	_ network.Leaver      = (*fullClient)(nil)
	_ network.Moderator   = (*fullClient)(nil)
	_ network.ChatEditor  = (*fullClient)(nil)
	_ network.Pinner      = (*fullClient)(nil)
	_ network.MediaOpener = (*fullClient)(nil)
	_ network.Linker      = (*fullClient)(nil)
	_ network.Pinger      = (*fullClient)(nil)
	_ network.Finder      = (*findingClient)(nil)
)

// findSkew is how far the caller's clock may have been ahead of the network's.
const findSkew = 6 * time.Hour

// Find implements network.Finder.
func (c *findingClient) Find(ctx context.Context, m network.Outgoing) (network.Sent, error) {
	res, err := c.call(ctx, &request{Op: "find", Chat: m.Chat, Txn: m.Txn, Part: m.From})
	if err != nil {
		return network.Sent{}, err
	}
	if !m.Since.IsZero() && !res.At.IsZero() && res.At.Before(m.Since.Add(-findSkew)) {
		return network.Sent{}, nil // no network is searched through for ever
	}
	return network.Sent{Parts: res.Parts, At: res.At}, nil
}

// Ping implements network.Pinger.
func (c *fullClient) Ping(ctx context.Context) error {
	_, err := c.call(ctx, &request{Op: "ping"})
	return err
}

// Edit implements network.Editor.
func (c *fullClient) Edit(ctx context.Context, e network.OutgoingEdit) (network.Sent, error) {
	res, err := c.call(ctx, &request{Op: "edit", Chat: e.Chat, Txn: e.Txn, Target: &e.Target, Content: &e.Content, Old: e.Old})
	if err != nil {
		return network.Sent{}, err
	}
	return network.Sent{Parts: [][]network.MessageID{res.IDs}, At: res.At}, nil
}

// Redact implements network.Redactor.
func (c *fullClient) Redact(ctx context.Context, r network.OutgoingRedaction) error {
	_, err := c.call(ctx, &request{Op: "redact", Chat: r.Chat, Txn: r.Txn, Target: &r.Target, Text: r.Reason, Persona: r.Persona})
	return err
}

// React implements network.Reactor.
func (c *fullClient) React(ctx context.Context, r network.OutgoingReaction) error {
	_, err := c.call(ctx, &request{
		Op: "react", Chat: r.Chat, Txn: r.Txn, Target: &r.Target, Text: r.Key, Remove: r.Remove, Persona: r.Persona,
	})
	return err
}

// Type implements network.Typer.
func (c *fullClient) Type(ctx context.Context, chat network.ChatID, d time.Duration) error {
	_, err := c.call(ctx, &request{Op: "type", Chat: chat, For: d})
	return err
}

// MarkRead implements network.Receipter.
func (c *fullClient) MarkRead(ctx context.Context, chat network.ChatID, upTo network.Ref) error {
	_, err := c.call(ctx, &request{Op: "read", Chat: chat, Target: &upTo})
	return err
}

// History implements network.Historian.
func (c *fullClient) History(ctx context.Context, chat network.ChatID, cursor string, limit int) ([]network.Event, string, error) {
	res, err := c.call(ctx, &request{Op: "history", Chat: chat, Cursor: cursor, Limit: limit})
	if err != nil {
		return nil, "", err
	}
	return res.Events, res.Next, nil
}

// Members implements network.Lister.
func (c *fullClient) Members(ctx context.Context, chat network.ChatID, cursor string) ([]network.Member, string, error) {
	res, err := c.call(ctx, &request{Op: "members", Chat: chat, Cursor: cursor})
	if err != nil {
		return nil, "", err
	}
	return res.Members, res.Next, nil
}

// Search implements network.Searcher.
func (c *fullClient) Search(ctx context.Context, query string, limit int) ([]network.Found, error) {
	res, err := c.call(ctx, &request{Op: "search", Text: query, Limit: limit})
	if err != nil {
		return nil, err
	}
	return res.Found, nil
}

// Join implements network.Joiner.
func (c *fullClient) Join(ctx context.Context, name string) (network.Chat, error) {
	return c.chat(ctx, &request{Op: "join", Text: name})
}

// Create implements network.Creator. A chat's name is its ID.
func (c *fullClient) Create(ctx context.Context, n network.NewChat) (network.Chat, error) {
	return c.chat(ctx, &request{Op: "create", Text: n.Name, Private: n.Private})
}

// Start implements network.Starter.
func (c *fullClient) Start(ctx context.Context, user string) (network.Chat, error) {
	return c.chat(ctx, &request{Op: "start", Text: user})
}

func (c *fullClient) chat(ctx context.Context, r *request) (network.Chat, error) {
	res, err := c.call(ctx, r)
	if err != nil {
		return network.Chat{}, err
	}
	return *res.Chat, nil
}

// Leave implements network.Leaver.
func (c *fullClient) Leave(ctx context.Context, chat network.ChatID, reason string) error {
	_, err := c.call(ctx, &request{Op: "leave", Chat: chat, Text: reason})
	return err
}

// SetMember implements network.Moderator.
func (c *fullClient) SetMember(ctx context.Context, chat network.ChatID, m network.Member) error {
	_, err := c.call(ctx, &request{Op: "moderate", Chat: chat, Member: &m})
	return err
}

// Pin implements network.Pinner.
func (c *fullClient) Pin(ctx context.Context, p network.OutgoingPin) error {
	_, err := c.call(ctx, &request{Op: "pin", Chat: p.Chat, Txn: p.Txn, Target: &p.Target, Remove: p.Remove, Persona: p.Persona})
	return err
}

// EditChat implements network.ChatEditor.
func (c *fullClient) EditChat(ctx context.Context, chat network.ChatID, change network.OutgoingChat) error {
	r := &request{
		Op: "edit-chat", Chat: chat, Txn: change.Txn, Name: change.Name, Topic: change.Topic, Purpose: change.Purpose, Expiry: change.Expiry, Archived: change.Archived, Persona: change.Persona,
	}
	if change.Avatar != nil {
		stored, err := c.upload(ctx, chat, *change.Avatar)
		if err != nil {
			return err
		}
		r.Avatar = stored
	}
	_, err := c.call(ctx, r)
	return err
}

// OpenMedia implements network.MediaOpener. The reader asks for a chunk at a
// time; ctx bounds the reading too.
func (c *fullClient) OpenMedia(ctx context.Context, m network.Media) (io.ReadCloser, error) {
	r := &fileReader{fetch: func(offset int64) ([]byte, error) {
		res, err := c.call(ctx, &request{Op: "media", Blob: string(m.Ref), Offset: offset, Limit: chunk})
		if err != nil {
			return nil, err
		}
		return res.Data, nil
	}}
	if err := r.fill(); err != nil {
		return nil, err
	}
	return r, nil
}

// fileReader reads a file of the network.
type fileReader struct {
	fetch  func(offset int64) ([]byte, error)
	offset int64
	rest   []byte // fetched, not yet read
	end    bool
}

// fill fetches the next chunk.
func (r *fileReader) fill() (err error) {
	if r.rest, err = r.fetch(r.offset); err != nil {
		return fmt.Errorf("read file: %w", err)
	}
	r.offset += int64(len(r.rest))
	r.end = len(r.rest) < chunk
	return nil
}

// Read implements io.Reader.
func (r *fileReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 && !r.end {
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// Close implements io.Closer.
func (r *fileReader) Close() error { return nil }
