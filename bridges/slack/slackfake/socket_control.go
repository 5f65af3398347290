package slackfake

import "slices"

// Connections is how many sockets an app has.
func (s *Server) Connections(appID string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.linked(must(s.apps, appID)))
}

// Sessions is how many RTM connections a user has.
func (s *Server) Sessions(userID string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for c := range s.sockets {
		if c.rtm && c.tok.user == userID {
			n++
		}
	}
	return n
}

// Cut drops all sockets without a word.
func (s *Server) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.sockets {
		c.close()
	}
}

// Warn announces that the sockets of an app end soon, as Slack does 10 s before.
func (s *Server) Warn(appID string) { s.disconnect(appID, "warning", false) }

// Refresh asks the clients of an app to connect anew; their sockets get nothing
// more.
func (s *Server) Refresh(appID string) { s.disconnect(appID, "refresh_requested", true) }

// Disable switches Socket Mode off: link_disabled, and no new sockets; Enable on again.
func (s *Server) Disable(appID string) {
	s.mu.Lock()
	must(s.apps, appID).off = true
	s.mu.Unlock()
	s.disconnect(appID, "link_disabled", true)
}

// Enable switches Socket Mode on again.
func (s *Server) Enable(appID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	must(s.apps, appID).off = false
}

// Swallow has an app's next n acknowledgements be lost: Slack sends again what they
// were for.
func (s *Server) Swallow(appID string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	must(s.apps, appID).deaf = n
}

func (s *Server) disconnect(appID, reason string, retire bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.linked(must(s.apps, appID)) {
		c.retiring = c.retiring || retire
		c.send(JSON{"type": "disconnect", "reason": reason, "debug_info": JSON{"host": "applink-fake"}})
	}
}

// Pending is how much an app has not acknowledged.
func (s *Server) Pending(appID string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(must(s.apps, appID).pending)
}

// Acks are the acknowledgements of an app as they came.
func (s *Server) Acks(appID string) []JSON {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(must(s.apps, appID).acks)
}

// Forget drops what an app has not acknowledged, as Slack does when an app was
// away for too long.
func (s *Server) Forget(appID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	must(s.apps, appID).pending = nil
}
