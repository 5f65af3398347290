package portal

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/login"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// incoming is the payload of an In or Account entry.
type incoming struct {
	Via   network.LoginID `json:"via"`
	Event json.RawMessage `json:"ev"`
	// Other: another of our logins did it, and tells it too.
	Other bool `json:"other,omitempty"`
}

// wrap marshals an incoming whose event is JSON already, without reading it again.
func wrap(via network.LoginID, ev json.RawMessage, other bool) ([]byte, error) {
	name, err := json.Marshal(via)
	if err != nil {
		return nil, err
	}
	end := "}"
	if other {
		end = `,"other":true}`
	}
	return slices.Concat([]byte(`{"via":`), name, []byte(`,"ev":`), ev, []byte(end)), nil
}

// An arrived is an incoming that was not stored and read.
type arrived struct {
	via   network.LoginID
	ev    network.Event
	other bool
}

// unwrap is what an In or Account entry carries.
func unwrap(e *journal.Entry) (arrived, error) {
	if a, ok := e.Value.(arrived); ok {
		return a, nil
	}
	var in incoming
	if err := json.Unmarshal(e.Payload, &in); err != nil {
		return arrived{}, err
	}
	ev, err := network.UnmarshalEvent(in.Event)
	return arrived{in.Via, ev, in.Other}, err
}

// Deliver stores what a login's client delivers; see network.Sink.
func (s *Service) Deliver(ctx context.Context, sess *login.Session, b network.Batch) error {
	d := delivery{s: s, sess: sess}
	defer d.done()
	var err error
	if d.portals, err = s.portals.ensureAll(ctx, sess.Network, chatsOf(b.Events)); err != nil {
		return fmt.Errorf("deliver: %w", err)
	}
	for _, ev := range b.Events {
		if network.Ephemeral(ev) {
			s.eph.remote(s, sess, ev)
			continue
		}
		if err := d.add(ctx, ev); err != nil {
			return fmt.Errorf("deliver: %w", err)
		}
	}
	if len(d.drafts) == 0 && len(b.Cursor) == 0 {
		return nil // who is new in a chat has a draft
	}
	err = s.j.Append(ctx, d.drafts, func(tx *store.Tx) error {
		for _, k := range d.joined {
			if err := tx.AddLoginChat(k.network, k.login, k.portal); err != nil {
				return err
			}
		}
		for name, value := range b.Cursor {
			if err := tx.SetCursor(sess.Network, sess.ID, name, value); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("deliver: %w", err)
	}
	for _, k := range d.joined {
		s.portals.learn(k)
		s.wakeDead(k.network)
	}
	return nil
}

// chatsOf are the chats that events are to be stored for.
func chatsOf(events []network.Event) []network.ChatKey {
	chats := make([]network.ChatKey, 0, len(events))
	for _, ev := range events {
		if chat := ev.Base().Chat; !chat.IsZero() && !network.Ephemeral(ev) {
			chats = append(chats, chat)
		}
	}
	return chats
}

// A delivery gathers the drafts of one batch.
type delivery struct {
	s       *Service
	sess    *login.Session
	portals map[network.ChatKey]store.Portal // of the batch's chats
	drafts  []journal.Draft
	joined  []loginChat // logins that turn out to be in a chat
	locked  bool        // Service.entering is held
}

func (d *delivery) done() {
	if d.locked {
		d.s.entering.Unlock()
	}
}

func (d *delivery) add(ctx context.Context, ev network.Event) error {
	h := ev.Base()
	body, err := network.MarshalEvent(ev)
	if err != nil {
		return err
	}
	draft := journal.Draft{Kind: network.EventKind(ev)}
	if h.Chat.IsZero() {
		if draft.Payload, err = wrap(d.sess.ID, body, false); err != nil {
			return err
		}
		draft.Value = arrived{via: d.sess.ID, ev: ev}
		draft.Lane = journal.LaneOf(d.sess.Num, journal.Account)
		if h.Key != "" {
			draft.Key = journal.Key("account", string(d.sess.Network), string(d.sess.ID), draft.Kind, h.Key)
		}
		d.drafts = append(d.drafts, draft)
		return nil
	}
	p := d.portals[h.Chat]
	if err := d.enter(ctx, p, ev); err != nil {
		return err
	}
	reads, other, err := d.s.reads(ctx, p, d.sess, ev)
	if err != nil || !reads {
		return err
	}
	if draft.Payload, err = wrap(d.sess.ID, body, other); err != nil {
		return err
	}
	draft.Value = arrived{d.sess.ID, ev, other}
	draft.Lane = journal.LaneOf(p.ID, journal.In)
	draft.Key = eventKey(p, d.sess, draft.Kind, h)
	connect(&draft, ev)
	if d.s.logins.ByUser(d.sess.Network, h.Sender) != nil {
		// Maybe the echo of what is in the room already: what is done to the
		// message must be done there, not to the echo.
		draft.Makes = ""
	}
	if d.s.after.before(h.At) {
		draft.Makes = "" // it may be in the room: what changes it must not be merged into it
	}
	d.drafts = append(d.drafts, draft)
	return nil
}

// enter notes that the login is in the chat, if that is news.
func (d *delivery) enter(ctx context.Context, p store.Portal, ev network.Event) error {
	k := loginChat{d.sess.Network, d.sess.ID, p.ID}
	if d.s.portals.known(k) || slices.Contains(d.joined, k) || leaves(ev, d.sess.User()) {
		return nil
	}
	in, err := d.s.db.LoginsIn(ctx, p.ID)
	if err != nil {
		return err
	}
	if slices.Contains(in, k.login) {
		d.s.portals.learn(k)
		return nil
	}
	if !d.locked { // until it is stored: who comes next must see it
		d.s.entering.Lock()
		d.locked = true
	}
	draft, err := accessDraft(p.ID, access{Login: d.sess.ID, Owner: id.UserID(d.sess.Owner), In: true})
	if err != nil {
		return err
	}
	d.joined, d.drafts = append(d.joined, k), append(d.drafts, draft)
	return nil
}

// keptKind is the kind of entries about how one login's person keeps the chat.
const keptKind = "chat_kept"

// eventKey names a happening. Where each login has its own IDs, so have the keys.
func eventKey(p store.Portal, sess *login.Session, kind string, h *network.Head) []byte {
	if h.Key == "" {
		return nil
	}
	scope := ""
	if features(p).IDs == network.IDsPerLogin || kind == keptKind {
		scope = string(sess.ID)
	}
	return journal.Key("in", fmt.Sprint(p.ID), scope, kind, h.Key)
}

// connect ties a draft to the message it makes or changes, and to the fate of
// what has not been delivered yet.
func connect(d *journal.Draft, ev network.Event) {
	switch ev := ev.(type) {
	case *network.Message:
		d.Makes = string(ev.ID)
	case *network.Edit:
		d.Changes = string(ev.Target.ID)
		d.Fate.Replace = func(old []byte) ([]byte, error) { return replaceIncoming(old, ev) }
	case *network.Redaction:
		if ev.Target.Part < 0 { // a part is removed after the message arrived
			d.Changes = string(ev.Target.ID)
			d.Fate.Withdraw = true
		}
	}
}

// replaceIncoming puts an edit's content into the message it edits.
func replaceIncoming(old []byte, edit *network.Edit) ([]byte, error) {
	var in incoming
	if err := json.Unmarshal(old, &in); err != nil {
		return old, nil // what cannot be read fails when it is delivered
	}
	ev, err := network.UnmarshalEvent(in.Event)
	if err != nil {
		return old, nil
	}
	m, ok := ev.(*network.Message)
	if !ok {
		return old, nil
	}
	content := edit.Content
	content.Reply, content.Thread = m.Reply, m.Thread // an edit does not move a message
	content.Broadcast = content.Broadcast || m.Broadcast
	m.Content = content
	if in.Event, err = network.MarshalEvent(m); err != nil {
		return nil, err
	}
	return json.Marshal(in)
}

// leaves reports whether ev says that the login itself is out of the chat.
func leaves(ev network.Event, own network.UserID) bool {
	switch ev := ev.(type) {
	case *network.ChatClosed:
		return true
	case *network.MemberChange:
		for _, m := range ev.Members {
			if m.User == own && (m.Membership == network.Left || m.Membership == network.Banned) {
				return true
			}
		}
	}
	return false
}
