package portal

import (
	"context"
	"slices"
	"strings"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// A Filter chooses portals; its zero value all that have a room.
type Filter struct {
	Network  network.NetworkID // "": all
	Inactive time.Duration     // nothing crossed for so long; 0: whatever
	Name     string            // a part of the chat's name, in any case
	Closed   bool              // also those that have no room any more
}

// A Listed is a portal as operators see it.
type Listed struct {
	ID      int64             `json:"id"`
	Network network.NetworkID `json:"network"`
	Name    string            `json:"name"`
	Kind    network.ChatKind  `json:"kind,omitempty"`
	Room    id.RoomID         `json:"room,omitempty"`
	State   string            `json:"state"` // new, making, open or closed
	Owner   id.UserID         `json:"owner,omitempty"`
	Made    bool              `json:"made"`   // Causeway made the room
	Active  time.Time         `json:"active"` // when the newest message crossed that is known, else when it was made
}

// List lists the portals that a filter chooses, the longest inactive first.
func (s *Service) List(ctx context.Context, f Filter) ([]Listed, error) {
	all, err := s.db.AllPortals(ctx, f.Network)
	if err != nil {
		return nil, err
	}
	active, err := s.db.LastActive(ctx)
	if err != nil {
		return nil, err
	}
	var out []Listed
	for _, p := range all {
		l := Listed{ID: p.ID, Network: p.Network, Name: p.Info.Name, Kind: p.Info.Kind, Room: roomID(p), State: string(p.State), Made: !p.Info.Plumbed, Active: active[p.ID]}
		if l.Name == "" {
			l.Name = string(p.Chat.ID)
		}
		if l.State == "" {
			l.State = "new"
		}
		if sess := s.logins.Get(p.Network, p.Chat.Login); sess != nil && p.Chat.Login != "" {
			l.Owner = id.UserID(sess.Owner)
		}
		switch {
		case p.Room == "" && !f.Closed:
		case f.Inactive > 0 && time.Since(l.Active) < f.Inactive:
		case !strings.Contains(strings.ToLower(l.Name), strings.ToLower(f.Name)):
		default:
			out = append(out, l)
		}
	}
	slices.SortStableFunc(out, func(a, b Listed) int { return a.Active.Compare(b.Active) })
	return out, nil
}

// UnbridgeAll ends portals by their numbers, as Unbridge does, and says how many
// there were. Rooms are deleted only if Causeway made them; the others are kept.
func (s *Service) UnbridgeAll(ctx context.Context, portals []int64, deleteRooms bool) (int, error) {
	n := 0
	for _, number := range portals {
		p, ok, err := s.portals.get(ctx, number)
		if err != nil {
			return n, err
		}
		if !ok {
			continue
		}
		if p.Room == "" {
			err = s.endPortal(ctx, p, store.Cleanup{})
		} else {
			err = s.unbridge(ctx, p, deleteRooms && !p.Info.Plumbed)
		}
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
