package portal

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// An OrphanKind says what is wrong with a room or a portal.
type OrphanKind string

const (
	OrphanRoom   OrphanKind = "room"   // people of ours are in it, and no portal knows it
	OrphanGhosts OrphanKind = "ghosts" // it has bridged people of networks that it is not bridged to
	OrphanPortal OrphanKind = "portal" // the portal's room is gone, or the bot is out of it
)

// An Orphan is something that an earlier life has left behind.
type Orphan struct {
	Kind   OrphanKind `json:"kind"`
	Room   id.RoomID  `json:"room"`
	Portal int64      `json:"portal,omitempty"`
	Name   string     `json:"name,omitempty"`
	Ghosts int        `json:"ghosts"` // bridged people who would leave
	People int        `json:"people"` // of Matrix in the room, who stay
	Bot    bool       `json:"bot"`    // the bot would leave too: Causeway made the room
}

// A census is what a scan compares.
type census struct {
	s       *Service
	portals map[string][]store.Portal // by room
	skip    map[string]bool           // management rooms, rooms that are cleaned up

	mu  sync.Mutex // guards out
	out []Orphan
}

func (c *census) add(o Orphan) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = append(c.out, o)
}

// Orphans looks for rooms and portals that are left over. It asks the homeserver
// about each room of the bot, so it may take minutes; it changes nothing.
func (s *Service) Orphans(ctx context.Context) ([]Orphan, error) {
	c := &census{s: s, portals: map[string][]store.Portal{}, skip: map[string]bool{}}
	if err := c.load(ctx); err != nil {
		return nil, err
	}
	joined, err := s.hs.JoinedRooms(ctx, s.hs.BotID())
	if err != nil {
		return nil, err
	}
	ghosts, err := s.db.JoinedRooms(ctx)
	if err != nil {
		return nil, err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(backgroundWorkers / 2) // the rest is for who works here
	for _, room := range joined {
		if !c.skip[string(room)] {
			g.Go(func() error { return c.look(gctx, room) })
		}
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for room, users := range ghosts { // rooms that the bot is out of
		if !slices.Contains(joined, id.RoomID(room)) && !c.skip[room] {
			c.lookOutside(id.RoomID(room), users)
		}
	}
	for room, portals := range c.portals {
		for _, p := range portals {
			if p.State == store.PortalOpen && !slices.Contains(joined, id.RoomID(room)) {
				c.add(Orphan{Kind: OrphanPortal, Room: id.RoomID(room), Portal: p.ID, Name: p.Info.Name, Ghosts: len(ghosts[room])})
			}
		}
	}
	slices.SortFunc(c.out, func(a, b Orphan) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Room, b.Room), cmp.Compare(a.Portal, b.Portal))
	})
	return c.out, nil
}

// load reads what the database knows.
func (c *census) load(ctx context.Context) error {
	portals, err := c.s.db.Portals(ctx, "")
	if err != nil {
		return err
	}
	for _, p := range portals {
		c.portals[p.Room] = append(c.portals[p.Room], p)
	}
	management, err := c.s.db.ManagementRooms(ctx)
	if err != nil {
		return err
	}
	for room := range management {
		c.skip[room] = true
	}
	open, err := c.s.db.Cleanups(ctx, true)
	for _, job := range open {
		c.skip[job.Room] = true
	}
	return err
}

// look looks at a room that the bot is in.
func (c *census) look(ctx context.Context, room id.RoomID) error {
	members, err := c.s.hs.Members(ctx, room)
	if err != nil {
		return c.s.ignoreGone(err)
	}
	bridged := map[string]bool{}
	o := Orphan{Kind: OrphanRoom, Room: room}
	for _, p := range c.portals[string(room)] {
		bridged[string(p.Network)] = true
		o.Kind, o.Portal, o.Name = OrphanGhosts, p.ID, p.Info.Name
	}
	for u, m := range members {
		n, _, ghost := c.s.hs.ParseGhost(u)
		switch {
		case m != event.MembershipJoin && m != event.MembershipInvite, u == c.s.hs.BotID():
		case !ghost:
			o.People++
		case !bridged[n]:
			o.Ghosts++
		}
	}
	if o.Kind == OrphanGhosts {
		if o.Ghosts > 0 {
			c.add(o)
		}
		return nil
	}
	if c.s.making.any() {
		return nil // it may be the room that is being made
	}
	from, err := c.s.hs.RoomOrigin(ctx, room)
	if err != nil {
		return c.s.ignoreGone(err)
	}
	if o.Bot = from != ""; !o.Bot && o.Ghosts == 0 {
		return nil // somebody has invited the bot
	}
	var name event.RoomNameEventContent
	if err := c.s.hs.State(ctx, room, event.StateRoomName, "", &name); err == nil {
		o.Name = name.Name
	}
	c.add(o)
	return nil
}

// lookOutside looks at a room that the bot is out of.
func (c *census) lookOutside(room id.RoomID, users []string) {
	if len(c.portals[string(room)]) > 0 {
		return // its portal is the orphan
	}
	o := Orphan{Kind: OrphanRoom, Room: room}
	for _, u := range users {
		if n, _, ok := c.s.hs.ParseGhost(id.UserID(u)); ok && n != "" {
			o.Ghosts++
		}
	}
	if o.Ghosts > 0 {
		c.add(o)
	}
}

// CleanOrphans cleans up what Orphans finds, and says what that was: people of ours
// leave one after another, portals without a room are closed. People of Matrix are
// not removed.
func (s *Service) CleanOrphans(ctx context.Context) ([]Orphan, error) {
	all, err := s.Orphans(ctx)
	if err != nil {
		return nil, err
	}
	for _, o := range all {
		if o.Kind == OrphanPortal {
			p, ok, err := s.portals.get(ctx, o.Portal)
			if err == nil && ok && p.Room == string(o.Room) {
				err = s.roomGone(ctx, p)
			}
			if err != nil {
				return nil, err
			}
			continue
		}
		job := store.Cleanup{Room: string(o.Room), Name: o.Name, Network: network.NetworkID(""), Scope: store.ScopeGhosts, Reason: "this room is not bridged"}
		if o.Bot {
			job.Scope = store.ScopeOurs
		}
		if err := s.beginCleanup(ctx, job); err != nil {
			return nil, err
		}
	}
	return all, nil
}
