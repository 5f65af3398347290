package memnet

import (
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// Redeliver delivers all messages of a chat to an account once more, as networks do
// that are not sure.
func (s *Server) Redeliver(u network.UserID, id network.ChatID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, c := s.accounts[u], s.chats[id]
	if a == nil || c == nil {
		return
	}
	for _, m := range c.messages {
		s.push(a, s.messageEvent(a, act{chat: c, sender: m.sender, origin: m.account, txn: m.txn}, m, false))
	}
	s.changed()
}

// Silently runs f; what people say meanwhile is delivered to nobody.
func (s *Server) Silently(f func()) {
	s.mu.Lock()
	s.silent = true
	s.mu.Unlock()
	f()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent = false
}

// Gap tells an account that it may have missed something in a chat.
func (s *Server) Gap(u network.UserID, id network.ChatID, from, to time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, c := s.accounts[u], s.chats[id]
	if a == nil || c == nil {
		return
	}
	h := s.head(a, act{chat: c}, "gap"+s.count(), 0, time.Now())
	s.push(a, &network.Gap{Head: h, From: from, To: to, Reason: "the network was away"})
}
