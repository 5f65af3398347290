package slack

import (
	"context"
	"encoding/json"
	"net/url"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/convert"
)

const (
	findPage  = 200            // messages of one request
	findPages = 100            // of messages, at most
	findBack  = 48 * time.Hour // if nobody knows since when
	findSkew  = 6 * time.Hour  // how far our clock may have been ahead of Slack's
)

// Find implements network.Finder: it looks for our marks on the latest messages of
// the chat or thread. A text of which only some pieces arrived is noted, so that
// Send goes on behind them.
func (c *Client) Find(ctx context.Context, m network.Outgoing) (network.Sent, error) {
	var sent network.Sent
	acc, err := c.account(ctx)
	if err != nil {
		return sent, err
	}
	if err := checkChat(m.Chat); err != nil {
		return sent, err
	}
	found, err := c.look(ctx, acc, &m)
	if err != nil {
		return sent, err
	}
	for i := max(m.From, 0); i < len(m.Parts); i++ {
		if m.Parts[i].Media != nil {
			id, err := c.findFile(ctx, acc, &m, i)
			if err != nil || id == "" {
				return sent, err
			}
			sent.Parts = append(sent.Parts, []network.MessageID{id})
			continue
		}
		pieces, err := c.pieces(ctx, acc, &m, i, found)
		if err != nil {
			return sent, err
		}
		var ids []network.MessageID
		for k := 0; pieces[k].id != ""; k++ {
			ids = append(ids, pieces[k].id)
		}
		if len(ids) == 0 {
			break
		}
		if len(ids) < pieces[0].of {
			return sent, c.noteRest(ctx, &m, i, ids)
		}
		sent.Parts = append(sent.Parts, ids)
		if sent.At.IsZero() {
			sent.At = convert.TS(ids[0]).Time()
		}
	}
	return sent, nil
}

// A piece is a message that carries a part, or some of it.
type piece struct {
	id network.MessageID
	of int
}

// A search is what was found of an outgoing message.
type search struct {
	parts map[int]map[int]piece // by part and piece
	mine  []*convert.Message    // what this account said, the oldest first
}

// whole reports whether all texts of m were found by their marks.
func (s search) whole(m *network.Outgoing) bool {
	for i := max(m.From, 0); i < len(m.Parts); i++ {
		if found := s.parts[i]; m.Parts[i].Media == nil && (len(found) == 0 || len(found) < found[0].of || found[0].of == 0) {
			return false
		}
	}
	return true
}

// pieces are those of a part that were found.
func (c *Client) pieces(ctx context.Context, acc *account, m *network.Outgoing, i int, found search) (map[int]piece, error) {
	drafts := convert.Part(m.Parts[i], c.options(ctx, acc, m, i))
	if len(drafts) == 0 || !c.unmarked(drafts[0]) {
		return found.parts[i], nil
	}
	return c.byText(ctx, m, i, drafts, found.mine)
}

// look looks for what of m is on Slack.
func (c *Client) look(ctx context.Context, acc *account, m *network.Outgoing) (search, error) {
	found := search{parts: map[int]map[int]piece{}}
	since := time.Now().Add(-findBack)
	if !m.Since.IsZero() {
		since = m.Since.Add(-findSkew)
	}
	q := pageQuery{chat: string(m.Chat), limit: findPage, oldest: convert.At(since), thread: c.thread(m), marks: true}
	for n := 0; !found.whole(m); n++ {
		if n == findPages {
			return found, network.Errorf(network.Rejected, "too much was said there since to tell whether it has arrived; look before you send it again",
				"find: not among the last %d messages", findPage*findPages)
		}
		p, err := acc.page(ctx, q)
		if q.thread != "" && barred(err) {
			return found, network.Errorf(network.Rejected, "Slack lets nobody here see whether it has arrived in the thread; look before you send it again", "find: %w", err)
		}
		if err != nil {
			return found, err
		}
		for _, msg := range p.messages {
			if msg.User == acc.UserID {
				found.mine = append(found.mine, msg)
			}
			our := markOf(msg)
			if our == nil || our.Txn != m.Txn {
				continue
			}
			if found.parts[our.Part] == nil {
				found.parts[our.Part] = map[int]piece{}
			}
			found.parts[our.Part][our.Piece] = piece{msg.TS.ID(), our.Of}
		}
		if p.next == "" {
			break
		}
		q.cursor = p.next
	}
	found.mine = inOrder(found.mine)
	return found, nil
}

// A pageQuery asks for messages of a conversation, or of a thread.
type pageQuery struct {
	chat           string
	thread         string // the ts that it began with; empty: the conversation
	oldest, latest convert.TS
	inclusive      bool
	marks          bool // our marks matter, which Slack shows to the app's own tokens only
	cursor         string
	limit          int
}

// A page is a page of messages, in no order that should be relied on.
type page struct {
	messages []*convert.Message
	next     string // cursor; empty: there is no more
}

// page asks for one page.
func (a *api) page(ctx context.Context, q pageQuery) (page, error) {
	args := url.Values{"channel": {q.chat}, "limit": {itoa(q.limit)}}
	set := func(name, value string) {
		if value != "" {
			args.Set(name, value)
		}
	}
	set("oldest", string(q.oldest))
	set("latest", string(q.latest))
	set("cursor", q.cursor)
	if q.inclusive {
		args.Set("inclusive", "true")
	}
	args.Set("include_all_metadata", "true")
	if q.thread == "" {
		return a.messages(ctx, "conversations.history", args)
	}
	args.Set("ts", q.thread)
	return a.thread(ctx, args, q.marks)
}

// messages asks for one page with a method that has pages of messages.
func (a *api) messages(ctx context.Context, method string, args url.Values) (page, error) {
	var out struct {
		Messages []json.RawMessage `json:"messages"`
		HasMore  bool              `json:"has_more"`
		Meta     struct {
			Next string `json:"next_cursor"`
		} `json:"response_metadata"`
	}
	if err := a.call(ctx, method, args, &out); err != nil {
		return page{}, err
	}
	p := page{next: out.Meta.Next}
	for _, raw := range out.Messages {
		m, err := convert.Parse(raw)
		if err != nil || !m.TS.Valid() {
			continue
		}
		p.messages = append(p.messages, m)
	}
	return p, nil
}
