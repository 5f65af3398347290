package portal

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/login"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// incoming is the payload of an In or Account entry.
type incoming struct {
	Via   network.LoginID `json:"via"`
	Event json.RawMessage `json:"ev"`
}

// Deliver stores what a login's client delivers; see network.Sink.
func (s *Service) Deliver(ctx context.Context, sess *login.Session, b network.Batch) error {
	d := delivery{s: s, sess: sess}
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
		return nil
	}
	err := s.j.Append(ctx, d.drafts, func(tx *store.Tx) error {
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
	}
	return nil
}

// A delivery gathers the drafts of one batch.
type delivery struct {
	s      *Service
	sess   *login.Session
	drafts []journal.Draft
	joined []loginChat // logins that turn out to be in a chat
}

func (d *delivery) add(ctx context.Context, ev network.Event) error {
	h := ev.Base()
	body, err := network.MarshalEvent(ev)
	if err != nil {
		return err
	}
	payload, err := json.Marshal(incoming{Via: d.sess.ID, Event: body})
	if err != nil {
		return err
	}
	draft := journal.Draft{Kind: network.EventKind(ev), Payload: payload}
	if h.Chat.IsZero() {
		draft.Lane = journal.LaneOf(d.sess.Num, journal.Account)
		if h.Key != "" {
			draft.Key = journal.Key("account", string(d.sess.Network), string(d.sess.ID), draft.Kind, h.Key)
		}
		d.drafts = append(d.drafts, draft)
		return nil
	}
	p, err := d.s.portals.ensure(ctx, d.sess.Network, h.Chat)
	if err != nil {
		return err
	}
	if k := (loginChat{d.sess.Network, d.sess.ID, p.ID}); !d.s.portals.known(k) && !leaves(ev, d.sess.User()) {
		d.joined = append(d.joined, k)
	}
	reads, err := d.s.reads(ctx, p, d.sess, ev)
	if err != nil || !reads {
		return err
	}
	draft.Lane = journal.LaneOf(p.ID, journal.In)
	draft.Key = eventKey(p, d.sess, draft.Kind, h)
	connect(&draft, ev)
	d.drafts = append(d.drafts, draft)
	return nil
}

// eventKey names a happening. Where each login has its own IDs, so have the keys.
func eventKey(p store.Portal, sess *login.Session, kind string, h *network.Head) []byte {
	if h.Key == "" {
		return nil
	}
	scope := ""
	if features(p).IDs == network.IDsPerLogin {
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
		return nil, err
	}
	ev, err := network.UnmarshalEvent(in.Event)
	if err != nil {
		return nil, err
	}
	m, ok := ev.(*network.Message)
	if !ok {
		return old, nil
	}
	content := edit.Content
	content.Reply, content.Thread = m.Reply, m.Thread // an edit does not move a message
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

// reads reports whether ev is taken from this login. In a shared chat whose
// messages do not have the same ID for all logins, one login is the reader, or
// everything would arrive as often as there are logins.
func (s *Service) reads(ctx context.Context, p store.Portal, sess *login.Session, ev network.Event) (bool, error) {
	if p.Chat.Login != "" || features(p).IDs == network.IDsShared && ev.Base().Key != "" || leaves(ev, sess.User()) {
		return true, nil
	}
	in, err := s.db.LoginsIn(ctx, p.ID)
	if err != nil {
		return false, err
	}
	for _, id := range in {
		o := s.logins.Get(p.Network, id)
		if o != nil && o.Num < sess.Num && o.Online() {
			return false, nil
		}
	}
	return true, nil
}
