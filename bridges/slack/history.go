package slack

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/convert"
)

// historyScan is how many messages of a channel are looked at, at a time, for
// threads with replies.
const historyScan = 999

// An item is one event of the past and its place: the message that it is about, and
// its rank among the events about that.
type item struct {
	ts   convert.TS
	rank int // 0: the message; 1: its reactions
	ev   network.Event
}

// cursor is the place of an item, for asking for what is before it.
func (i item) cursor() string { return string(i.ts) + "/" + itoa(i.rank) }

// History implements network.Historian. A channel's history has no replies, and what
// a thread began with is older than they are, so the page looks ahead for threads;
// their replies are then among the other messages, in the order of time.
func (c *Client) History(ctx context.Context, chat network.ChatID, cursor string, limit int) ([]network.Event, string, error) {
	acc, err := c.account(ctx)
	if err != nil {
		return nil, "", err
	}
	if err := checkChat(chat); err != nil {
		return nil, "", err
	}
	ctx = patient(ctx, 5*time.Minute)
	at, rank, _ := strings.Cut(cursor, "/")
	if cursor != "" && !convert.TS(at).Valid() {
		return nil, "", network.Errorf(network.Rejected, "this is not a place in the history", "history: cursor %q", cursor)
	}
	q := pageQuery{chat: string(chat), latest: convert.TS(at), inclusive: rank == "1", limit: min(max(limit, 1), 200)}
	p, err := acc.page(ctx, q)
	if err != nil {
		return nil, "", err
	}
	messages := p.messages
	floor := oldest(messages)
	replies, err := c.repliesSince(ctx, acc, string(chat), floor, q)
	if err != nil {
		return nil, "", err
	}
	items := c.items(ctx, acc, string(chat), inOrder(append(messages, replies...)), cursor)
	more := p.next != "" || len(items) > limit
	if len(items) > limit {
		items = items[len(items)-limit:]
	}
	if !more || len(items) == 0 {
		if p.next != "" { // a page without anything to show
			return nil, item{ts: floor}.cursor(), nil
		}
		return events(items), "", nil
	}
	return events(items), items[0].cursor(), nil
}

// oldest is the least ts.
func oldest(messages []*convert.Message) convert.TS {
	var ts convert.TS
	for _, m := range messages {
		if ts == "" || m.TS.Compare(ts) < 0 {
			ts = m.TS
		}
	}
	return ts
}

func events(items []item) []network.Event {
	var out []network.Event
	for _, i := range items {
		out = append(out, i.ev)
	}
	return out
}

// items are the events of messages that are before a cursor.
func (c *Client) items(ctx context.Context, acc *account, chat string, messages []*convert.Message, cursor string) []item {
	t := &translator{Client: c, acc: acc}
	at, rank, _ := strings.Cut(cursor, "/")
	var items []item
	for _, m := range messages {
		before := cursor == "" || m.TS.Compare(convert.TS(at)) < 0
		if !before && !(m.TS == convert.TS(at) && rank == "1") {
			continue
		}
		for _, ev := range t.message(ctx, m, chat, true) {
			items = append(items, item{m.TS, 0, ev})
		}
		if !before {
			continue
		}
		for _, ev := range t.reactions(ctx, m, chat, true) {
			items = append(items, item{m.TS, 1, ev})
		}
	}
	return items
}

// repliesSince are the replies that lie between floor and where q begins, whatever
// thread they are in. What is behind the first page of a long channel is found by
// looking at its older messages.
func (c *Client) repliesSince(ctx context.Context, acc *account, chat string, floor convert.TS, q pageQuery) ([]*convert.Message, error) {
	if floor == "" {
		return nil, nil
	}
	scan := pageQuery{chat: chat, latest: q.latest, inclusive: true, limit: historyScan, oldest: convert.At(floor.Time().Add(-c.tune.threads))}
	var all []*convert.Message
	for {
		p, err := acc.page(ctx, scan)
		if err != nil {
			return nil, err
		}
		for _, m := range p.messages {
			if m.ReplyCount == 0 || m.LatestReply.Compare(floor) < 0 {
				continue
			}
			found, err := acc.replies(ctx, chat, m.TS, before(floor))
			if network.KindOf(err) == network.Rejected {
				return all, nil // this login may not read threads
			}
			if err != nil {
				return nil, fmt.Errorf("history of a thread: %w", err)
			}
			for _, r := range found {
				if q.latest == "" || r.TS.Compare(q.latest) < 0 || r.TS == q.latest && q.inclusive {
					all = append(all, r)
				}
			}
		}
		if p.next == "" {
			return all, nil
		}
		scan.cursor = p.next
	}
}
