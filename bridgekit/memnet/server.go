package memnet

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A Server is a whole network. Its methods may be called concurrently.
type Server struct {
	options  Options
	handlers map[string]handler // by request.Op; constant

	mu       sync.Mutex // guards all below, and all of chats, accounts and blobs
	users    map[network.UserID]*person
	chats    map[network.ChatID]*chat
	accounts map[network.UserID]*account
	tokens   map[string]*account // sessions
	blobs    map[string]*blob
	emoji    []*emoji
	fetched  map[network.EmojiID]int // how often each emoji's picture was
	ids      int64                   // counts messages, blobs and tokens
	down     bool
	silent   bool // nothing is delivered to accounts
	conns    map[*conn]struct{}
	fail     func(op string, chat network.ChatID) error
	waiters  chan struct{} // closed with the next change; nil if nobody waits
}

// A person is a user of the network.
type person struct {
	id   network.UserID
	name string
	bot  bool
	face *network.Media

	moderates bool // all chats but direct ones
}

// New makes an empty network.
func New(o Options) *Server {
	s := &Server{
		options: o.withDefaults(), handlers: handlers(),
		users: map[network.UserID]*person{}, chats: map[network.ChatID]*chat{},
		accounts: map[network.UserID]*account{}, tokens: map[string]*account{}, blobs: map[string]*blob{},
		fetched: map[network.EmojiID]int{}, conns: map[*conn]struct{}{},
	}
	s.relay(s.options)
	return s
}

// count returns the next number. Call it with mu held.
func (s *Server) count() string {
	s.ids++
	return strconv.FormatInt(s.ids, 10)
}

// changed wakes those who wait. Call it with mu held.
func (s *Server) changed() {
	if s.waiters != nil {
		close(s.waiters)
		s.waiters = nil
	}
}

// Wait waits until cond returns true, asking again after each change of the
// network. The error wraps ctx.Err().
func (s *Server) Wait(ctx context.Context, cond func() bool) error {
	for {
		s.mu.Lock()
		if s.waiters == nil {
			s.waiters = make(chan struct{})
		}
		waiters := s.waiters
		s.mu.Unlock()
		if cond() {
			return nil
		}
		select {
		case <-waiters:
		case <-ctx.Done():
			return fmt.Errorf("memnet: wait: %w", ctx.Err())
		}
	}
}

// Group makes a group chat, or adds people to it. People are made as needed.
func (s *Server) Group(id network.ChatID, members ...network.UserID) {
	s.makeChat(id, network.Group, members)
}

// Channel makes a chat that anyone may find and join by its ID, or adds people to it.
func (s *Server) Channel(id network.ChatID, members ...network.UserID) {
	s.makeChat(id, network.Channel, members)
}

// DM is the direct chat of two people.
func (s *Server) DM(a, b network.UserID) network.ChatID {
	if b < a {
		a, b = b, a
	}
	id := network.ChatID("dm:" + string(a) + ":" + string(b))
	s.makeChat(id, network.Direct, []network.UserID{a, b})
	return id
}

// Fill adds n people named "user0000" and so on to a chat, without telling
// anyone.
func (s *Server) Fill(id network.ChatID, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.chats[id]
	for i := range n {
		u := network.UserID(fmt.Sprintf("user%04d", i))
		s.person(u)
		if c != nil {
			c.join(u)
		}
	}
}

func (s *Server) makeChat(id network.ChatID, kind network.ChatKind, members []network.UserID) *chat {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.chatOf(id, kind, members)
}

// chatOf finds or makes a chat with members. Call it with mu held.
func (s *Server) chatOf(id network.ChatID, kind network.ChatKind, members []network.UserID) *chat {
	c := s.chats[id]
	if c == nil {
		c = &chat{id: id, kind: kind, standing: map[network.UserID]network.Membership{}, byID: map[network.MessageID]*message{}}
		if kind != network.Direct {
			c.name = string(id)
		}
		s.chats[id] = c
	}
	for _, m := range members {
		s.person(m)
		c.join(m)
	}
	s.changed()
	return c
}

// person finds or makes a user. Call it with mu held.
func (s *Server) person(id network.UserID) *person {
	p := s.users[id]
	if p == nil {
		name := string(id)
		if name != "" {
			name = strings.ToUpper(name[:1]) + name[1:]
		}
		p = &person{id: id, name: name}
		s.users[id] = p
	}
	return p
}

// SetFeatures gives a chat features of its own.
func (s *Server) SetFeatures(id network.ChatID, f network.Features) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.chats[id]; c != nil {
		c.features = &f
	}
}

// SetLevel gives a person a level in a chat.
func (s *Server) SetLevel(id network.ChatID, u network.UserID, level int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.chats[id]
	if c == nil {
		return
	}
	if c.levels == nil {
		c.levels = map[network.UserID]int{}
	}
	c.levels[u] = level
}

// featuresOf are a chat's features. Call it with mu held.
func (s *Server) featuresOf(c *chat) network.Features {
	if c.features != nil {
		return *c.features
	}
	return *s.options.Features
}

// vanished reports whether a message's time to live is over, on a network that
// sees to that. Nobody is told. Call it with mu held.
func (s *Server) vanished(c *chat, m *message) bool {
	f := s.featuresOf(c)
	return f.Expiries && !f.ExpiryByCore && m.content.Expiry > 0 && time.Since(m.at) >= m.content.Expiry
}

// Expiry is how long new messages of a chat live; 0: for ever.
func (s *Server) Expiry(id network.ChatID) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.chats[id]; c != nil {
		return c.expiry
	}
	return 0
}

// Topic is a chat's topic.
func (s *Server) Topic(id network.ChatID) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.chats[id]; c != nil {
		return c.topic
	}
	return ""
}

// Purpose is what a chat is described as.
func (s *Server) Purpose(id network.ChatID) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.chats[id]; c != nil {
		return c.purpose
	}
	return ""
}

// Standing is a person's standing in a chat, Left if they never were in it.
func (s *Server) Standing(id network.ChatID, u network.UserID) network.Membership {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.chats[id]; c != nil && c.standing[u] != "" {
		return c.standing[u]
	}
	return network.Left
}

// A Message is what the network holds of one message.
type Message struct {
	ID        network.MessageID // as shared; IDFor tells what an account calls it
	Sender    network.UserID
	Login     network.LoginID // the account that sent it through a connector, else empty
	Txn       network.TxnID
	Part      int // of the outgoing message
	Text      string
	Content   network.Content
	Edits     int
	Old       *network.Content // what the last edit replaced, as a connector said it
	Redacted  bool
	Reactions map[network.UserID][]string
	At        time.Time
}

// Messages lists what the network holds in a chat, in order, with redacted ones.
func (s *Server) Messages(id network.ChatID) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.chats[id]
	if c == nil {
		return nil
	}
	all := make([]Message, 0, len(c.messages))
	for _, m := range c.messages {
		out := Message{
			ID: m.id, Sender: m.sender, Txn: m.txn, Part: m.part, Content: m.content,
			Edits: m.edits, Old: m.old, Redacted: m.redacted || s.vanished(c, m), At: m.at, Reactions: map[network.UserID][]string{},
		}
		if m.account != nil {
			out.Login = m.account.login()
		}
		if len(m.content.Parts) > 0 {
			out.Text = m.content.Parts[0].Text.String()
		}
		for _, r := range m.reactions {
			out.Reactions[r.user] = append(out.Reactions[r.user], r.emoji)
		}
		all = append(all, out)
	}
	return all
}

// Len is how many messages were ever posted to a chat.
func (s *Server) Len(id network.ChatID) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.chats[id]; c != nil {
		return c.posted
	}
	return 0
}

// WaitMessages waits until n messages were posted to a chat.
func (s *Server) WaitMessages(ctx context.Context, id network.ChatID, n int64) error {
	return s.Wait(ctx, func() bool { return s.Len(id) >= n })
}

// Texts are the texts that one person said in a chat, without redacted ones.
func (s *Server) Texts(id network.ChatID, u network.UserID) []string {
	var texts []string
	for _, m := range s.Messages(id) {
		if m.Sender == u && !m.Redacted {
			texts = append(texts, m.Text)
		}
	}
	return texts
}

// IDFor is the ID by which an account knows a message.
func (s *Server) IDFor(u network.UserID, id network.MessageID) network.MessageID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.idFor(u, id)
}

func (s *Server) idFor(u network.UserID, id network.MessageID) network.MessageID {
	switch s.options.Features.IDs {
	case network.IDsNone:
		return ""
	case network.IDsPerLogin:
		return id + network.MessageID("@"+u)
	}
	return id
}

// target finds the message that ref means for an account. Call it with mu held.
func (s *Server) target(c *chat, u network.UserID, ref *network.Ref) *message {
	if ref == nil {
		return nil
	}
	for _, id := range ref.IDs() {
		if s.options.Features.IDs == network.IDsPerLogin {
			plain, ok := strings.CutSuffix(string(id), "@"+string(u))
			if !ok {
				continue
			}
			id = network.MessageID(plain)
		}
		if m := c.byID[id]; m != nil && !m.redacted && !s.vanished(c, m) {
			return m
		}
	}
	return nil
}

// search finds channels by a part of their name. Call it with mu held.
func (s *Server) search(query string, limit int) []network.Found {
	var found []network.Found
	for id, c := range s.chats {
		if c.kind == network.Channel && strings.Contains(strings.ToLower(c.name), strings.ToLower(query)) {
			found = append(found, network.Found{Name: string(id), Topic: c.topic, Members: len(c.members)})
		}
	}
	slices.SortFunc(found, func(a, b network.Found) int { return strings.Compare(a.Name, b.Name) })
	return found[:min(len(found), max(limit, 0))]
}
