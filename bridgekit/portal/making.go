package portal

import (
	"context"
	"sync"

	"maunium.net/go/mautrix/event"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/turns"
)

// roomsCause is what events wait for that came from a room nobody knows while
// rooms are being made: one of them may be it.
const roomsCause = "rooms"

// making knows the portals whose room is being made. Between the homeserver's
// making a room and our storing its ID people can join it and speak; without
// this their words would be taken for those of a room that is not bridged. It is
// stored, so it holds over a kill too.
type making struct {
	s *Service

	rooms turns.Turns[int64] // a message, an alias and a command may want the room at once

	mu   sync.Mutex // guards open
	open map[int64]struct{}
}

func (m *making) load(ctx context.Context) error {
	all, err := m.s.db.Making(ctx)
	if err != nil {
		return err
	}
	moving, err := m.s.j.Waiting(ctx, event.StateTombstone.Type)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open = map[int64]struct{}{}
	for _, p := range all {
		m.open[p.ID] = struct{}{}
	}
	for _, l := range moving {
		if l.Way() == journal.Out {
			m.open[l.Number()] = struct{}{}
		}
	}
	return nil
}

// begin notes durably that a portal's room is being made.
func (m *making) begin(ctx context.Context, portalID int64) error {
	m.mu.Lock()
	_, ok := m.open[portalID]
	m.open[portalID] = struct{}{}
	m.mu.Unlock()
	if ok {
		return nil
	}
	_, err := m.s.update(ctx, portalID, func(p *store.Portal) { p.State = store.PortalMaking })
	return err
}

// move notes that a portal gets another room that exists already, which its
// journal entry will name: until then that room is not known either. The entry says so
// to the next process, see load.
func (m *making) move(portalID int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open[portalID] = struct{}{}
}

// end notes that the room's ID is stored.
func (m *making) end(portalID int64) {
	m.mu.Lock()
	delete(m.open, portalID)
	m.mu.Unlock()
	m.s.j.Wake(roomsCause)
}

// fail notes that the room was given up; a later event begins anew.
func (m *making) fail(ctx context.Context, portalID int64) {
	m.mu.Lock()
	_, ok := m.open[portalID]
	m.mu.Unlock()
	if !ok {
		return
	}
	_, err := m.s.update(ctx, portalID, func(p *store.Portal) {
		if p.State == store.PortalMaking {
			p.State = store.PortalNew
		}
	})
	if err != nil {
		m.s.log.Error("give room up", "portal", portalID, "err", err)
		return
	}
	m.end(portalID)
}

func (m *making) any() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.open) > 0
}

// reroute hands an event on that waited in its room's control lane, when it is
// known which portals the room has.
func (s *Service) reroute(ctx context.Context, e *journal.Entry, evt *rawEvent, portals []store.Portal, making bool) journal.Outcome {
	if len(portals) == 0 {
		if making {
			return journal.Park(roomsCause, s.making.any, nil)
		}
		return journal.Delivered(nil) // the room is not bridged
	}
	if s.answers(evt.Room, portals, e.Created, e.ID) {
		return journal.RetryIn(crossWait, nil)
	}
	if banned, err := s.bannedThen(ctx, e, evt, portals); err != nil {
		return dbOutcome(err)
	} else if banned {
		return journal.Delivered(nil)
	}
	if err := s.j.Append(ctx, s.outDrafts(evt, e.Payload, portals), nil); err != nil {
		return dbOutcome(err)
	}
	s.opts.Steps.At(step.Rerouted)
	return journal.Delivered(nil)
}
