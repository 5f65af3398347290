package portal

import (
	"context"
	"sync"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/login"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// merged knows which user IDs are other people's second ones. Ghosts are called after
// user IDs for ever; so a person with two has one ghost speak from the day on which that
// became known, and what the other one said stays as it is.
type merged struct {
	mu   sync.Mutex // guards into
	into map[network.NetworkID]map[network.UserID]network.UserID
}

func (m *merged) load(ctx context.Context, db *store.DB) error {
	all, err := db.Merged(ctx)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.into = all
	return nil
}

// one is the user ID under which a person is shown.
func (m *merged) one(n network.NetworkID, u network.UserID) network.UserID {
	m.mu.Lock()
	defer m.mu.Unlock()
	for range len(m.into[n]) { // each step is another person at most once
		next, ok := m.into[n][u]
		if !ok {
			break
		}
		u = next
	}
	return u
}

func (m *merged) put(n network.NetworkID, from, into network.UserID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.into == nil {
		m.into = map[network.NetworkID]map[network.UserID]network.UserID{}
	}
	if m.into[n] == nil {
		m.into[n] = map[network.UserID]network.UserID{}
	}
	m.into[n][from] = into
}

// ghostOf is the ghost that shows a remote person.
func (s *Service) ghostOf(n network.NetworkID, u network.UserID) id.UserID {
	return s.hs.GhostID(string(n), string(s.merges.one(n, u)))
}

// editor is who edits a message that u wrote: the ghost that it is shown by, because
// nobody else can, whoever u is known as since.
func (x *inbound) editor(ctx context.Context, u network.UserID, row store.Message) (id.UserID, error) {
	as, err := x.author(ctx, u, id.EventID(row.Event))
	shown, now := network.UserID(row.Sender), x.merges.one(x.p.Network, u)
	if err != nil || !x.hs.IsGhost(as) || as == x.hs.BotID() || shown == now || row.Txn != "" || x.merges.one(x.p.Network, shown) != now {
		return as, err
	}
	return x.hs.GhostID(string(x.p.Network), string(shown)), nil
}

// merge makes two user IDs one person. In rooms where both ghosts would be, the one
// that speaks no more leaves, when the other is in.
func (s *Service) merge(ctx context.Context, sess *login.Session, m *network.UserMerged) journal.Outcome {
	n := sess.Network
	into := s.merges.one(n, m.Into)
	if m.From == "" || into == "" || into == m.From {
		return journal.Delivered(nil) // it would be a circle: the later one stands
	}
	if err := s.db.Write(ctx, 1, func(tx *store.Tx) error { return tx.Merge(n, m.From, into) }); err != nil {
		return dbOutcome(err)
	}
	old := s.hs.GhostID(string(n), string(m.From)) // whom it was shown by until now
	s.merges.put(n, m.From, into)
	rooms, err := s.hs.JoinedRooms(ctx, old)
	if err != nil {
		if harmless(err) {
			return journal.Delivered(nil) // there is no such ghost
		}
		return s.outcome(err)
	}
	var ops *network.Ops
	if o, ok := sess.Ops(); ok {
		ops = &o
	}
	ghost := s.ghostOf(n, into)
	for _, room := range rooms {
		portals, err := s.portals.in(ctx, string(room))
		if err != nil {
			return dbOutcome(err)
		}
		if !hasNetwork(portals, n) {
			continue
		}
		if err := s.swap(ctx, ops, room, old, ghost, into); err != nil {
			return s.outcome(err)
		}
	}
	return journal.Delivered(nil)
}

// swap has one ghost take another one's place in a room.
func (s *Service) swap(ctx context.Context, ops *network.Ops, room id.RoomID, old, ghost id.UserID, u network.UserID) error {
	if s.logins.ByUser(s.networkOf(ghost), u) == nil { // else it is one of our people
		if err := s.prepareGhost(ctx, ops, ghost, u, false); err != nil {
			return err
		}
		if err := s.hs.EnsureJoined(ctx, room, ghost); err != nil && !harmless(err) {
			return err
		}
	}
	m, err := s.hs.Member(ctx, room, s.hs.BotID(), old)
	if err != nil || m != event.MembershipJoin {
		return s.remove(err)
	}
	return s.remove(s.hs.Leave(ctx, room, old, "known by another name now"))
}

// networkOf is the network of a ghost.
func (s *Service) networkOf(ghost id.UserID) network.NetworkID {
	n, _, _ := s.hs.ParseGhost(ghost)
	return network.NetworkID(n)
}

func hasNetwork(portals []store.Portal, n network.NetworkID) bool {
	for _, p := range portals {
		if p.Network == n {
			return true
		}
	}
	return false
}
