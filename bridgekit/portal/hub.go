package portal

import (
	"context"
	"sync"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/hub"
	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/login"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// HubOptions are what the configuration says about rooms of several networks and
// about who is relayed. The zero value allows everything.
type HubOptions struct {
	Consents hub.Consents
	Bridges  hub.Bridges
	// Formats are the networks' own; the others use Format.
	Formats map[network.NetworkID]hub.Format
	Format  hub.Format
	// Policies are what holds in the rooms of a network that do not say it themselves.
	Policies map[network.NetworkID]*hub.Policy
}

// policy is what passes between a portal's network and its room.
func (s *Service) policy(p store.Portal) *hub.Policy {
	return p.Info.Hub.Over(s.opts.Hub.Policies[p.Network])
}

// edge is a portal as package hub sees it.
func edge(p store.Portal) hub.Edge {
	return hub.Edge{Portal: p.ID, Network: p.Network, Policy: p.Info.Hub}
}

// neighbours are the open portals that share the entry's room; none for most rooms.
func (x *inbound) neighbours(ctx context.Context) ([]store.Portal, error) {
	if x.p.Room == "" {
		return nil, nil
	}
	if several, err := x.portals.several(ctx, x.p.Room); err != nil || !several {
		return nil, err
	}
	all, err := x.portals.in(ctx, x.p.Room)
	if err != nil {
		return nil, err
	}
	return without(all, x.p.ID), nil
}

// without are the open portals of a list but one.
func without(all []store.Portal, but int64) []store.Portal {
	var out []store.Portal
	for _, p := range all {
		if p.ID != but && p.State == store.PortalOpen {
			out = append(out, p)
		}
	}
	return out
}

// loops reports whether somebody is a relay of ours, on this network or on one that
// is the same under another name: what it says was said in a hub already, and goes
// no further than into the room.
func (x *inbound) loops(ctx context.Context, u network.UserID) (bool, error) {
	if own := x.logins.ByUser(x.p.Network, u); own != nil {
		return own.Owner == "", nil
	}
	here := x.logins.Connector(x.p.Network)
	for _, sess := range x.logins.Namesakes(u) {
		if here == nil || sess.Info().Protocol != here.Info().Protocol {
			continue
		}
		p, ok, err := x.db.PortalOf(ctx, sess.Network, network.ChatKey{ID: x.p.Chat.ID})
		if ok = ok && (sess.Owner == "" || p.Relay == sess.ID); err != nil || ok {
			return ok, err
		}
	}
	return false, nil
}

// A banList keeps the ban lists of hubs in memory, with what was lifted.
type banList struct {
	db *store.DB

	mu      sync.Mutex // guards what follows
	rooms   map[string][]store.HubBan
	changes int // of any list: what was read before one is not kept
}

// fits reports whether somebody is on a room's list, or was when an entry of the journal
// was stored: what they said then does not cross when the ban is lifted before it leaves.
func (b *banList) fits(ctx context.Context, entry int64, room, mxid string, n network.NetworkID, u network.UserID) (bool, error) {
	all, err := b.list(ctx, room)
	if err != nil {
		return false, err
	}
	for _, one := range all {
		if one.Holds(entry) && one.Who.Fits(mxid, string(n), string(u)) {
			return true, nil
		}
	}
	return false, nil
}

// lifted reports whether somebody was on a room's list and is not any more.
func (b *banList) lifted(ctx context.Context, room, mxid string, n network.NetworkID, u network.UserID) (was bool, err error) {
	all, err := b.list(ctx, room)
	for _, one := range all {
		if !one.Who.Fits(mxid, string(n), string(u)) {
			continue
		}
		if !one.Lifted() {
			return false, err
		}
		was = true
	}
	return was, err
}

func (b *banList) list(ctx context.Context, room string) ([]store.HubBan, error) {
	b.mu.Lock()
	all, ok := b.rooms[room]
	before := b.changes
	b.mu.Unlock()
	if ok {
		return all, nil
	}
	all, err := b.db.EverBanned(ctx, room)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rooms == nil {
		b.rooms = map[string][]store.HubBan{}
	}
	if makeRoom(b.rooms, maxCached); b.changes == before {
		b.rooms[room] = all
	}
	return all, nil
}

// outdated reports whether a network tells of a ban that one of our logins made for a
// hub, and that was lifted meanwhile.
func (x *inbound) outdated(ctx context.Context, m network.Member) (bool, error) {
	if m.By == "" || x.logins.ByUser(x.p.Network, m.By) == nil {
		return false, nil
	}
	ghost := x.hs.GhostID(string(x.p.Network), string(m.User))
	return x.bans.lifted(ctx, x.p.Room, string(ghost), x.p.Network, m.User)
}

// bannedThen reports whether whoever said what waited in the control lane of a hub was
// on its ban list when it was stored.
func (s *Service) bannedThen(ctx context.Context, e *journal.Entry, evt *rawEvent, portals []store.Portal) (bool, error) {
	if len(portals) < 2 || evt.Type == event.EventRedaction.Type || evt.StateKey != nil {
		return false, nil
	}
	return s.bans.fits(ctx, e.ID, string(evt.Room), string(evt.Sender), "", "")
}

// changed has a room's list read again.
func (b *banList) changed(room string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.rooms, room)
	b.changes++
}

// crossings knows the rooms in which an event is being shown whose copies for other
// networks are not stored yet: who answers it must not overtake it.
type crossings struct {
	mu   sync.Mutex // guards open
	open map[string]map[*time.Time]struct{}
}

// begin notes that an event is about to be shown, and returns what ends that.
func (c *crossings) begin(room string) (end func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if c.open == nil {
		c.open = map[string]map[*time.Time]struct{}{}
	}
	if c.open[room] == nil {
		c.open[room] = map[*time.Time]struct{}{}
	}
	c.open[room][&now] = struct{}{}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if delete(c.open[room], &now); len(c.open[room]) == 0 {
			delete(c.open, room)
		}
	}
}

// before reports whether one is under way in a room that began before a time.
func (c *crossings) before(room string, at time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for began := range c.open[room] {
		if !began.After(at) {
			return true
		}
	}
	return false
}

// crossWait is after how long it is looked again whether copies are stored.
const crossWait = 10 * time.Millisecond

// answers reports whether an event that came at a time may answer something in its
// room whose copies are not in the lanes of the room's networks: one is under way, or
// was cut off. entry is the number of the event's entry, if it has one.
func (s *Service) answers(room id.RoomID, portals []store.Portal, at time.Time, entry int64) bool {
	if len(portals) < 2 {
		return false
	}
	if s.crossings.before(string(room), at) {
		return true
	}
	if time.Since(latest(at, s.began)) >= echoWait {
		return false // its network or the homeserver is away, and people wait
	}
	for _, p := range portals {
		if s.j.Unsettled(journal.LaneOf(p.ID, journal.In), entry) {
			return true
		}
	}
	return false
}

// unheard settles what a network's people do whom the room does not hear. Messages
// ask roomFor, when they are known to be no echoes.
func (x *inbound) unheard(ctx context.Context, ev network.Event) *journal.Outcome {
	switch ev.(type) {
	case *network.Edit, *network.Reaction, *network.ReactionSet:
	default:
		return nil
	}
	barred, err := x.barred(ctx)
	switch {
	case err != nil:
		return settled(dbOutcome(err))
	case barred:
		return settled(journal.Delivered(nil))
	}
	return nil
}

// barred reports whether the room does not hear what the entry's sender says: its
// network is not heard, or they are on the hub's ban list.
func (x *inbound) barred(ctx context.Context) (bool, error) {
	if !x.policy(x.p).Heard() {
		return true, nil
	}
	if others, err := x.neighbours(ctx); err != nil || len(others) == 0 {
		return false, err
	}
	ghost := x.hs.GhostID(string(x.p.Network), string(x.head.Sender))
	return x.bans.fits(ctx, x.e.ID, x.p.Room, string(ghost), x.p.Network, x.head.Sender)
}

// expelled carries out in the whole room that a network's moderator removed one of our
// people there, if the edge's policy says so; nil if there is more to do.
func (x *inbound) expelled(ctx context.Context, own *login.Session, m network.Member) *journal.Outcome {
	power := hub.Kick
	if m.Membership == network.Banned {
		power = hub.Ban
	}
	if own.Owner == "" || m.By == "" || m.By == m.User || !x.policy(x.p).May(power) {
		return nil
	}
	others, err := x.neighbours(ctx)
	if err != nil {
		return settled(dbOutcome(err))
	}
	if len(others) == 0 {
		return nil
	}
	may, err := x.moderates(ctx, m.By, power)
	if err != nil {
		return settled(x.failed(ctx, err))
	}
	if !may {
		return nil
	}
	room, owner := roomID(x.p), id.UserID(own.Owner)
	if power == hub.Kick {
		err = x.remove(x.hs.Kick(ctx, room, x.hs.BotID(), owner, m.Reason))
	} else {
		by := x.hs.GhostID(string(x.p.Network), string(m.By))
		err = x.ban(ctx, x.p.Room, store.HubBan{Who: hub.Banned(owner), By: string(by), Reason: m.Reason, At: time.Now()})
		if err == nil {
			err = x.remove(x.hs.Ban(ctx, room, x.hs.BotID(), owner, m.Reason))
		}
	}
	if err != nil {
		return settled(x.failed(ctx, err))
	}
	return nil
}

// ban puts a line on a room's ban list.
func (s *Service) ban(ctx context.Context, room string, b store.HubBan) error {
	defer s.bans.changed(room)
	return s.db.AddHubBan(ctx, room, b)
}
