package slack

import (
	"context"
	"encoding/json"
	"net/url"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/convert"
)

// A translator makes events of the contract from Slack's. It asks Slack for what
// they do not say. It may be used concurrently.
type translator struct {
	*Client
	acc *account
}

// event translates one event: nothing, one or several.
func (t *translator) event(ctx context.Context, ev incoming) []network.Event {
	if ev.Type == "message" {
		m, err := convert.Parse(ev.raw)
		if err != nil {
			t.host.Log.Warn("a message of Slack's cannot be read", "err", err)
			return nil
		}
		return t.message(ctx, m, ev.Chat, false)
	}
	return t.happening(ctx, ev)
}

// message translates a message, or a change of one.
func (t *translator) message(ctx context.Context, m *convert.Message, chat string, past bool) []network.Event {
	switch m.Kind() {
	case convert.Said, convert.Notice:
		if !m.TS.Valid() {
			return nil
		}
		said := t.said(ctx, m, chat, past)
		t.watchSender(said)
		return []network.Event{said}
	case convert.Changed:
		return t.edited(ctx, m, chat)
	case convert.Deleted:
		return t.removed(ctx, m, chat)
	case convert.Altered:
		return t.altered(ctx, m, chat, past)
	}
	return nil
}

// head is the head of an event about a message at a time.
func (t *translator) head(chat, key string, sender network.UserID, at convert.TS) network.Head {
	return network.Head{Chat: chatKey(chat, t.login.ID), Key: key, Order: at.Order(), Sender: sender, At: at.Time()}
}

// senderOf is who sent a message. What the app posts under another name has no user.
func (t *translator) senderOf(m *convert.Message) network.UserID {
	if m.User == "" && m.BotID != "" && m.BotID == t.acc.BotID {
		return network.UserID(t.acc.UserID)
	}
	return m.Sender()
}

// ofApp reports whether the login's app posted a message.
func (t *translator) ofApp(m *convert.Message) bool {
	return m.BotID == t.acc.BotID && t.acc.BotID != ""
}

// ours reports whether a message was sent from here, by whichever login: our app posted
// it, it has our mark, or it was sent a while ago by a session whose marks nobody can read.
func (t *translator) ours(m *convert.Message, chat string) bool {
	return t.ofApp(m) || markOf(m) != nil || t.conn.dir.sentHere(chat, m.TS)
}

// said is a message that somebody wrote.
func (t *translator) said(ctx context.Context, m *convert.Message, chat string, past bool) *network.Message {
	who, name := t.speaker(ctx, m)
	msg := &network.Message{Head: t.head(chat, messageKey(m.TS), who, m.TS), ID: m.TS.ID(), Content: t.content(ctx, m)}
	msg.History = past
	if our := markOf(m); our != nil {
		msg.Txn = our.Txn
	} else if msg.Txn = t.echoes.of(m.ClientMsgID); msg.Txn == "" {
		msg.Txn = t.echoes.txn(msg.Content)
	}
	if msg.Txn != "" {
		msg.Persona = nil
	} else if name != "" {
		msg.Content = named(msg.Content, name)
	}
	return msg
}

// content is what a message says.
func (t *translator) content(ctx context.Context, m *convert.Message) network.Content {
	for _, id := range m.Unchecked() {
		var info struct {
			File json.RawMessage `json:"file"`
		}
		if err := t.acc.call(ctx, "files.info", url.Values{"file": {id}}, &info); err != nil {
			t.host.Log.Warn("a shared file is shown without what it is", "err", err)
			continue
		}
		if err := m.SetFile(id, info.File); err != nil {
			t.host.Log.Warn("a shared file is shown without what it is", "err", err)
		}
	}
	return m.Content(t.conn.dir.lookup(ctx, t.acc))
}

// edited is what a message says now. A preview that Slack adds to a message is an
// edit only if it is shown, and the message was not sent from here. Slack is asked about files
// only if it is one.
func (t *translator) edited(ctx context.Context, m *convert.Message, chat string) []network.Event {
	now := m.Inner
	if !now.TS.Valid() {
		return nil
	}
	if previewed := m.Previous != nil && m.Previous.Edited == now.Edited; previewed && t.ours(now, chat) {
		return nil
	}
	if !m.Rewritten(t.conn.dir.lookup(ctx, t.acc)) {
		return nil
	}
	c := t.content(ctx, now)
	author, name := t.speaker(ctx, now)
	if name != "" {
		c = named(c, name)
	}
	by, at, version := network.UserID(now.EditedBy), m.EventTS, now.Edited
	if by == "" || isID(string(by), "B") { // an app's edit is by its bot, its message by the bot's user
		by = author
	}
	if version == "" || m.Previous != nil && m.Previous.Edited == version {
		version = m.EventTS // not by its author
	}
	ed := &network.Edit{Head: t.head(chat, editKey(now.TS, version), by, at), Target: network.Whole(now.TS.ID()), Version: version.Order(), Content: c}
	ed.Target.Sender = author
	return []network.Event{ed}
}

// removed is that a message was deleted.
func (t *translator) removed(ctx context.Context, m *convert.Message, chat string) []network.Event {
	ts := m.Target()
	if !ts.Valid() {
		return nil
	}
	if t.conn.dir.leftOver(chat, ts) {
		return nil // of what was edited; the message is there
	}
	r := &network.Redaction{Head: t.head(chat, deletionKey(ts), "", m.EventTS), Target: network.Whole(ts.ID())}
	if m.Previous != nil {
		r.Sender, _ = t.speaker(ctx, m.Previous)
		// Besides the app itself, nobody but administrators can delete what it said.
		r.Moderated = t.cred.Kind == kindApp && r.Sender == network.UserID(t.acc.UserID)
	}
	return []network.Event{r}
}
