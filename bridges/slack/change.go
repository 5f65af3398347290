package slack

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/convert"
)

// jsonText is v as JSON; v is made of texts.
func jsonText(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return "null"
	}
	return string(data)
}

// Edit implements network.Editor. A text of several messages is put into those that
// it was; what is too much is cut, and what is left over is deleted.
func (c *Client) Edit(ctx context.Context, e network.OutgoingEdit) (network.Sent, error) {
	var sent network.Sent
	acc, err := c.changing(ctx, e.Chat, e.Target)
	if err != nil {
		return sent, err
	}
	m := network.Outgoing{Txn: e.Txn, Chat: e.Chat, Content: e.Content}
	m.Persona = nil // a message keeps its face
	drafts := convert.Part(m.Parts[0], c.options(ctx, acc, &m, 1))
	if len(drafts) == 0 {
		return sent, network.Errorf(network.Rejected, "this message has no text", "edit: empty")
	}
	for i, id := range e.Target.IDs() {
		if i >= len(drafts) {
			c.conn.dir.noteLeftOver(string(e.Chat), convert.TS(id))
			if err := c.remove(ctx, acc, e.Chat, id); err != nil && !errors.Is(err, network.ErrNoMessage) {
				return sent, err
			}
			continue
		}
		args := c.arguments(ctx, acc, &m, drafts[i])
		args.Set("ts", string(id))
		if err := acc.call(ctx, "chat.update", args, nil); err != nil {
			return sent, err
		}
	}
	if n := len(e.Target.IDs()); len(drafts) > n {
		sent.Note = "this was shortened on Slack: an edit cannot be longer than the messages that were sent"
	}
	return sent, nil
}

// changing checks what a change is about and returns the account.
func (c *Client) changing(ctx context.Context, chat network.ChatID, target network.Ref) (*account, error) {
	acc, err := c.account(ctx)
	if err != nil {
		return nil, err
	}
	if err := checkChat(chat); err != nil {
		return nil, err
	}
	return acc, checkMessage(target.ID)
}

// Redact implements network.Redactor.
func (c *Client) Redact(ctx context.Context, r network.OutgoingRedaction) error {
	acc, err := c.changing(ctx, r.Chat, r.Target)
	if err != nil {
		return err
	}
	if r.Target.Part > 0 {
		return network.Errorf(network.Rejected, "this is one of several files of a message on Slack, which can only be deleted as a whole", "redact part %d", r.Target.Part)
	}
	var gone error
	for _, id := range r.Target.IDs() {
		err := c.remove(ctx, acc, r.Chat, id)
		if errors.Is(err, network.ErrNoMessage) {
			gone = err
			continue // the others may be there
		}
		if err != nil {
			return err
		}
	}
	return gone
}

func (c *Client) remove(ctx context.Context, acc *account, chat network.ChatID, id network.MessageID) error {
	return acc.call(ctx, "chat.delete", url.Values{"channel": {string(chat)}, "ts": {string(id)}}, nil)
}

// React implements network.Reactor.
func (c *Client) React(ctx context.Context, r network.OutgoingReaction) error {
	acc, err := c.changing(ctx, r.Chat, r.Target)
	if err != nil {
		return err
	}
	name, ok := convert.ReactionName(r.Key, func(name string) bool { return c.conn.dir.hasEmoji(ctx, acc, name) })
	if !ok {
		return network.Errorf(network.Rejected, "Slack has no emoji like this", "react: no name")
	}
	method, same := "reactions.add", "already_reacted"
	if r.Remove {
		method, same = "reactions.remove", "no_reaction"
	}
	err = acc.call(ctx, method, url.Values{"channel": {string(r.Chat)}, "timestamp": {string(r.Target.ID)}, "name": {name}}, nil)
	if refusal(err) == same {
		return nil
	}
	return err
}

// Pin implements network.Pinner.
func (c *Client) Pin(ctx context.Context, p network.OutgoingPin) error {
	acc, err := c.changing(ctx, p.Chat, p.Target)
	if err != nil {
		return err
	}
	method, same := "pins.add", "already_pinned"
	if p.Remove {
		method, same = "pins.remove", "no_pin"
	}
	err = acc.call(ctx, method, url.Values{"channel": {string(p.Chat)}, "timestamp": {string(p.Target.ID)}}, nil)
	if refusal(err) == same {
		return nil
	}
	return err
}

// MarkRead implements network.Receipter.
func (p *Person) MarkRead(ctx context.Context, chat network.ChatID, upTo network.Ref) error {
	return p.markRead(ctx, chat, upTo)
}

// MarkRead implements network.Receipter: who allowed the app to act for them has allowed
// this with the scopes for writing.
func (u *User) MarkRead(ctx context.Context, chat network.ChatID, upTo network.Ref) error {
	return u.markRead(ctx, chat, upTo)
}

func (c *Client) markRead(ctx context.Context, chat network.ChatID, upTo network.Ref) error {
	acc, err := c.changing(ctx, chat, upTo)
	if err != nil {
		return err
	}
	// Slack takes any time; a message that does not exist is somebody's mistake.
	found, err := acc.page(ctx, pageQuery{chat: string(chat), latest: convert.TS(upTo.ID), oldest: convert.TS(upTo.ID), inclusive: true, limit: 1})
	if err != nil {
		return err
	}
	if len(found.messages) == 0 { // it may be in a thread, of which Slack keeps no mark that we could set
		found, err = acc.page(ctx, pageQuery{chat: string(chat), thread: string(upTo.ID), limit: 1})
		if err != nil {
			return err
		}
		if len(found.messages) == 0 {
			return checkMessage("")
		}
		return nil
	}
	return acc.call(ctx, "conversations.mark", url.Values{"channel": {string(chat)}, "ts": {string(upTo.ID)}}, nil)
}

// noteLeftOver notes that a message is about to be deleted because an edit has made the
// text shorter: what it was a part of is still there.
func (d *directory) noteLeftOver(chat string, ts convert.TS) {
	d.note(&d.surplus, maxSurplus, chat, ts)
}

// leftOver reports whether such a message is meant. All logins of the workspace ask.
func (d *directory) leftOver(chat string, ts convert.TS) bool { return d.noted(&d.surplus, chat, ts) }

// noteSent notes that a message was sent from here.
func (d *directory) noteSent(chat string, ts convert.TS) { d.note(&d.sent, maxSent, chat, ts) }

// sentHere reports whether a message was sent from here a while ago.
func (d *directory) sentHere(chat string, ts convert.TS) bool { return d.noted(&d.sent, chat, ts) }

// note adds a message to a list of the last ones, of most at most.
func (d *directory) note(list *[]string, most int, chat string, ts convert.TS) {
	d.mu.Lock()
	defer d.mu.Unlock()
	*list = append(*list, chat+"/"+string(ts))
	*list = (*list)[max(0, len(*list)-most):]
}

// noted reports whether a message is in such a list.
func (d *directory) noted(list *[]string, chat string, ts convert.TS) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Contains(*list, chat+"/"+string(ts))
}

// maxSurplus and maxSent are how many of them are remembered.
const (
	maxSurplus = 200
	maxSent    = 1000
)
