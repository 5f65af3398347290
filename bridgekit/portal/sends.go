package portal

import (
	"sync"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// sends knows which calls to networks are not answered yet.
type sends struct {
	mu   sync.Mutex // guards open
	open map[sendKey]int
}

type sendKey struct {
	portal int64
	login  network.LoginID // "" counts all of the portal
}

// begin notes a call and returns what ends it.
func (s *sends) begin(portal int64, login network.LoginID) (end func()) {
	s.add(portal, login, 1)
	return func() { s.add(portal, login, -1) }
}

func (s *sends) add(portal int64, login network.LoginID, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[sendKey]int{}
	}
	for _, k := range []sendKey{{portal, login}, {portal, ""}} {
		if s.open[k] += n; s.open[k] == 0 {
			delete(s.open, k)
		}
	}
}

// pending reports whether a login has an unanswered call in a portal's chat.
func (s *sends) pending(portal int64, login network.LoginID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[sendKey{portal, login}] > 0
}

// any reports whether any login has.
func (s *sends) any(portal int64) bool { return s.pending(portal, "") }
