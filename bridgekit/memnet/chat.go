package memnet

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A chat is a conversation. Server.mu guards it.
type chat struct {
	id       network.ChatID
	kind     network.ChatKind
	name     string
	topic    string
	purpose  string
	archived bool
	avatar   *network.Media
	expiry   time.Duration     // how long new messages live; 0: for ever
	features *network.Features // nil: the server's
	members  []network.UserID  // joined ones, in order of joining
	standing map[network.UserID]network.Membership
	messages []*message
	byID     map[network.MessageID]*message
	posted   int64 // messages ever
	order    int64 // happenings ever
	pinned   []network.MessageID
	kept     map[network.UserID]network.Kept
	read     map[network.UserID]network.MessageID // up to where people have read

	levels map[network.UserID]int // of who is not an ordinary member

	hang []chan struct{} // requests wait for all of them before they are carried out
	mute []chan struct{} // answers wait for all of them
}

// A message is one message. Server.mu guards it.
type message struct {
	id        network.MessageID
	seq       int64 // in its chat, from 1
	order     int64
	sender    network.UserID
	account   *account // if it was sent through a connector
	txn       network.TxnID
	part      int
	content   network.Content
	edits     int
	old       *network.Content // before the last edit, as a connector said
	redacted  bool
	reactions []reaction
	at        time.Time
}

type reaction struct {
	user  network.UserID
	emoji string
}

// join makes u a member. Call it with Server.mu held.
func (c *chat) join(u network.UserID) {
	if c.standing[u] != network.Joined {
		c.standing[u] = network.Joined
		c.members = append(c.members, u)
	}
}

// remove ends u's membership.
func (c *chat) remove(u network.UserID, to network.Membership) {
	c.standing[u] = to
	c.members = slices.DeleteFunc(c.members, func(m network.UserID) bool { return m == u })
}

// other is whom u talks to in a direct chat.
func (c *chat) other(u network.UserID) network.UserID {
	for _, m := range c.members {
		if m != u {
			return m
		}
	}
	return u
}

// key is the chat's key for an account.
func (c *chat) key(a *account) network.ChatKey {
	if c.kind == network.Direct {
		return network.ChatKey{ID: c.id, Login: a.login()}
	}
	return network.ChatKey{ID: c.id}
}

// describe is what an account sees of the chat. Call it with mu held.
func (s *Server) describe(c *chat, a *account) *network.Chat {
	out := &network.Chat{
		Key: c.key(a), Kind: c.kind, Name: c.name, Topic: c.topic, Purpose: c.purpose, Avatar: c.avatar, Expiry: c.expiry, Archived: c.archived,
		Members: len(c.members), Features: s.featuresOf(c), Levels: maps.Clone(c.levels),
	}
	out.Features.Personas = out.Features.Personas && (!s.options.RelayPersonas || a.user == s.options.Relay)
	if c.kind == network.Direct {
		out.Other = c.other(a.user)
	}
	if !s.options.Basic {
		kept := c.kept[a.user]
		out.Kept = &kept
	}
	return out
}

// An act is something that happens in a chat: what the events about it have in
// common.
type act struct {
	chat   *chat
	sender network.UserID
	origin *account // whose client did it, nil if nobody's
	txn    network.TxnID
}

// head is the event's head for an account.
func (s *Server) head(a *account, t act, key string, order int64, at time.Time) network.Head {
	h := network.Head{Chat: t.chat.key(a), Order: order, Sender: t.sender, At: at}
	if s.options.Features.IDs != network.IDsNone || !s.options.NoRedelivery {
		h.Key = key
	}
	if t.origin == a && s.options.Echo == EchoTxn {
		h.Txn = t.txn
	}
	return h
}

// tell queues an event for every account in the chat. Call it with mu held.
func (s *Server) tell(t act, make func(a *account, h network.Head) network.Event) {
	t.chat.order++
	order, at := t.chat.order, time.Now()
	key := "h" + strconv.FormatInt(order, 10)
	for _, u := range t.chat.members {
		if a := s.accounts[u]; a != nil && !(t.origin == a && s.options.Echo == EchoNone) {
			s.push(a, make(a, s.head(a, t, key, order, at)))
		}
	}
	s.changed()
}

// post adds a message to a chat. Call it with mu held.
func (s *Server) post(t act, part int, content network.Content) *message {
	c := t.chat
	c.posted++
	c.order++
	m := &message{
		id: network.MessageID("m" + s.count()), seq: c.posted, order: c.order, sender: t.sender,
		account: t.origin, txn: t.txn, part: part, content: content, at: time.Now(),
	}
	c.messages = append(c.messages, m)
	c.byID[m.id] = m
	if t.origin != nil && t.txn != "" {
		t.origin.sent[t.txn] = append(t.origin.sent[t.txn], m)
	}
	if keep := s.options.Keep; keep > 0 && len(c.messages) > 2*keep {
		c.forget(len(c.messages) - keep)
	}
	for _, u := range c.members {
		if a := s.accounts[u]; a != nil && !(t.origin == a && s.options.Echo == EchoNone) {
			s.push(a, s.messageEvent(a, t, m, false))
		}
	}
	s.changed()
	return m
}

// forget drops the n oldest messages.
func (c *chat) forget(n int) {
	for _, m := range c.messages[:n] {
		delete(c.byID, m.id)
		if m.account != nil {
			delete(m.account.sent, m.txn)
		}
	}
	c.messages = append([]*message(nil), c.messages[n:]...)
}

// messageEvent is a message as an account gets it.
func (s *Server) messageEvent(a *account, t act, m *message, history bool) *network.Message {
	ev := &network.Message{
		Head: s.head(a, t, string(m.id), m.order, m.at), ID: s.idFor(a.user, m.id), Content: m.content,
	}
	ev.History = history
	return ev
}

// history is a page of a chat's messages before seq, oldest first, and the
// sequence number that the next page ends before, 0 if there is none. Call it
// with mu held.
func (s *Server) history(a *account, c *chat, before int64, limit int) ([]network.Event, int64) {
	end := len(c.messages)
	if before > 0 {
		end, _ = slices.BinarySearchFunc(c.messages, before, func(m *message, seq int64) int { return int(m.seq - seq) })
	}
	start := max(0, end-max(limit, 1))
	var events []network.Event
	for _, m := range c.messages[start:end] {
		if m.redacted || s.vanished(c, m) {
			continue
		}
		events = append(events, s.messageEvent(a, act{chat: c, sender: m.sender, origin: m.account, txn: m.txn}, m, true))
	}
	if start == 0 {
		return events, 0
	}
	return events, c.messages[start].seq
}
