package portal

import "github.com/causeway-chat/causeway/bridgekit/network"

// A versioned is a message of a portal that was edited.
type versioned struct {
	portal int64
	id     network.MessageID
}

// superseded reports whether a newer version of a message was shown than an edit is, which
// may come late: by another login, or because the network delivers it again. Else the
// edit is the newest now. Only what this process has shown is known.
func (s *Service) superseded(portal int64, ed *network.Edit) bool {
	if ed.Version == 0 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k := versioned{portal, ed.Target.ID}
	if s.versions[k] > ed.Version {
		return true
	}
	if s.versions == nil {
		s.versions = map[versioned]int64{}
	}
	if _, known := s.versions[k]; !known {
		makeRoom(s.versions, maxCached)
	}
	s.versions[k] = ed.Version
	return false
}
