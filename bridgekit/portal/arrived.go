package portal

import (
	"context"
	"fmt"
	"sync"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// Delivery says how people of Matrix see what became of what they wrote.
type Delivery struct {
	// Receipts: the bot marks as read what all networks of a room have taken.
	Receipts bool
	// Events: each message that a network has taken gets a status event, see statusType.
	Events bool
	// Quiet: what failed has a status event only, and no notice in words.
	Quiet bool
}

const (
	// arrivedPause is how long arrivals are gathered, so that a busy room has one
	// receipt for many messages.
	arrivedPause = time.Second
	// arrivedKept is how many status events may wait, and how many messages to which not
	// all networks have said anything. What is beyond that is not told.
	arrivedKept = 4096
)

// arrivals tells people of Matrix that what they wrote has arrived, past the lanes and
// best effort: nothing is stored, what cannot be told at once is not. One goroutine runs
// it.
type arrivals struct {
	s    *Service
	wake bell

	mu   sync.Mutex // guards what follows
	open map[id.EventID]*arrival
	told []status
}

// An arrival is a message on its way through the portals of its room.
type arrival struct {
	room  id.RoomID
	order int64          // of messages in a room: the number of an entry
	ended map[int64]bool // portals that have done with it
	sent  bool           // one of them has sent it
}

// A status is an event that says that a network has taken a message.
type status struct {
	room    id.RoomID
	evt     id.EventID
	network network.NetworkID
}

func newArrivals(s *Service) *arrivals {
	return &arrivals{s: s, wake: newBell(), open: map[id.EventID]*arrival{}}
}

// ended notes what became of an entry of a portal's Out lane. It never blocks.
func (a *arrivals) ended(e *journal.Entry, p store.Portal, evt *rawEvent, out journal.Outcome, sent bool) {
	d := a.s.opts.Delivery
	if _, ok := out.Ends(); !ok || !d.Receipts && !d.Events {
		return
	}
	switch evt.Type {
	case event.EventMessage.Type, event.EventSticker.Type, event.EventEncrypted.Type:
	default:
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if d.Events && sent && len(a.told) < arrivedKept {
		a.told = append(a.told, status{evt.Room, evt.ID, p.Network})
	}
	if d.Receipts {
		one := a.open[evt.ID]
		if one == nil {
			makeRoom(a.open, arrivedKept)
			one = &arrival{room: evt.Room, ended: map[int64]bool{}}
			a.open[evt.ID] = one
		}
		one.order, one.sent = max(one.order, e.ID), one.sent || sent
		one.ended[p.ID] = true
	}
	a.wake.ring()
}

// run works until ctx is done.
func (a *arrivals) run(ctx context.Context) error {
	for {
		select {
		case <-a.wake:
		case <-ctx.Done():
			return fmt.Errorf("arrivals: %w", ctx.Err())
		}
		select {
		case <-time.After(arrivedPause):
		case <-ctx.Done():
			return fmt.Errorf("arrivals: %w", ctx.Err())
		}
		statuses, receipts := a.due(ctx)
		for _, st := range statuses {
			a.tell(ctx, st)
		}
		for room, evt := range receipts {
			a.mark(ctx, room, evt)
		}
	}
}

// due takes what is to be told: in each room the newest message that all have taken.
func (a *arrivals) due(ctx context.Context) ([]status, map[id.RoomID]id.EventID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	statuses := a.told
	a.told = nil
	newest, order := map[id.RoomID]id.EventID{}, map[id.RoomID]int64{}
	through := map[id.RoomID][]store.Portal{}
	for evt, one := range a.open {
		portals, known := through[one.room]
		if !known {
			portals, _ = a.s.portals.in(ctx, string(one.room)) // a database that does not answer: later
			through[one.room] = portals
		}
		if one.everywhere(portals) && one.order > order[one.room] {
			newest[one.room], order[one.room] = evt, one.order
		}
	}
	for evt, one := range a.open {
		if o := order[one.room]; o > 0 && one.order <= o {
			delete(a.open, evt) // a receipt is for all before it too
		}
	}
	return statuses, newest
}

// everywhere reports whether all portals of the room have done with a message, and it
// went anywhere.
func (one *arrival) everywhere(portals []store.Portal) bool {
	if len(portals) == 0 || !one.sent {
		return false
	}
	for _, p := range portals {
		if p.State == store.PortalOpen && !one.ended[p.ID] {
			return false
		}
	}
	return true
}

func (a *arrivals) mark(ctx context.Context, room id.RoomID, evt id.EventID) {
	if !a.s.hs.Up() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, ephemeralWithin)
	defer cancel()
	if err := a.s.hs.Receipt(ctx, room, a.s.hs.BotID(), evt, false); err != nil {
		a.s.log.Debug("mark what has arrived", "room", room, "err", err)
	}
}

func (a *arrivals) tell(ctx context.Context, st status) {
	if !a.s.hs.Up() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, ephemeralWithin)
	defer cancel()
	content := map[string]any{
		"m.relates_to": map[string]any{"rel_type": "m.reference", "event_id": st.evt},
		"network":      st.network, "status": "SUCCESS",
	}
	_, err := a.s.hs.Send(ctx, matrix.Event{
		Room: st.room, As: a.s.hs.BotID(), Type: event.Type{Type: statusType, Class: event.MessageEventType}, Content: content,
		Key: journal.Key("arrived", string(st.evt), string(st.network)), Step: "status",
	})
	if err != nil {
		a.s.log.Debug("tell that a message has arrived", "room", st.room, "err", err)
	}
}
