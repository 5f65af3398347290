package portal

import (
	"context"
	"errors"
	"sync"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// askUser is how long a person's profile may hold up their first message.
const askUser = 5 * time.Second

// sender is who sends a remote person's events: their owner's own account if the
// person is one of our logins and double puppeting works, else their ghost, with
// its name set; the bot while too many new ones come.
func (x *inbound) sender(ctx context.Context, u network.UserID) (id.UserID, error) {
	if u == "" {
		return x.hs.BotID(), nil
	}
	if own, err := x.puppet(ctx, u); err != nil || own != "" {
		return own, err
	}
	ghost := x.hs.GhostID(string(x.p.Network), string(u))
	if over, err := x.overflows(ctx, ghost); err != nil || over {
		return x.hs.BotID(), err
	}
	return ghost, x.prepareGhost(ctx, x.ops(), ghost, u, false)
}

// puppet is the account of the owner of one of our logins, if Causeway can speak
// as them in the portal's room; "" if not.
func (x *inbound) puppet(ctx context.Context, u network.UserID) (id.UserID, error) {
	own := x.logins.ByUser(x.p.Network, u)
	if own == nil || own.Owner == "" {
		return "", nil
	}
	owner, room := id.UserID(own.Owner), roomID(x.p)
	if ok, err := x.hs.Puppet(ctx, owner); err != nil || !ok {
		return "", err
	}
	if room == "" {
		return owner, nil
	}
	if in, err := x.hs.Joined(ctx, room, owner); err != nil || in {
		return owner, err
	}
	// They may have been invited a moment ago, or never come to this room.
	m, err := x.hs.Member(ctx, room, x.hs.BotID(), owner)
	if err != nil || m != event.MembershipJoin && m != event.MembershipInvite {
		return "", err
	}
	return owner, x.hs.EnsureJoined(ctx, room, owner)
}

// ops are the operations of the delivering login's client, if it runs.
func (x *inbound) ops() *network.Ops {
	if x.sess == nil {
		return nil
	}
	ops, ok := x.sess.Ops()
	if !ok {
		return nil
	}
	return &ops
}

// puppetOrGhost is sender without touching the homeserver more than needed.
func (x *inbound) puppetOrGhost(ctx context.Context, u network.UserID) id.UserID {
	ghost := x.hs.GhostID(string(x.p.Network), string(u))
	own := x.logins.ByUser(x.p.Network, u)
	if own == nil || own.Owner == "" {
		return ghost
	}
	if ok, err := x.hs.Puppet(ctx, id.UserID(own.Owner)); err != nil || !ok {
		return ghost
	}
	return id.UserID(own.Owner)
}

// prepareGhost registers a ghost and sets its profile once per process, or again
// if renew is set.
func (s *Service) prepareGhost(ctx context.Context, ops *network.Ops, ghost id.UserID, u network.UserID, renew bool) error {
	if !renew && s.names.prepared(ghost) {
		return nil
	}
	if err := s.hs.EnsureGhost(ctx, ghost); err != nil {
		return err
	}
	name, err := s.askName(ctx, ops, u)
	if err != nil {
		// Not known now: an earlier name is better than the bare ID.
		if named, err := s.hs.Named(ctx, ghost); err != nil || named {
			return err
		}
		name = string(u)
	}
	if err := s.hs.SetProfile(ctx, ghost, matrix.Profile{Name: name}); err != nil {
		return err
	}
	if err == nil {
		s.names.put(ghost, name)
	}
	return nil
}

// askName asks the network for a person's name, for a short time.
func (s *Service) askName(ctx context.Context, ops *network.Ops, u network.UserID) (string, error) {
	if ops == nil {
		return "", errNoClient
	}
	ctx, cancel := context.WithTimeout(ctx, askUser)
	defer cancel()
	info, err := ops.User(ctx, u)
	if network.KindOf(err) == network.Rejected && err != nil || err == nil && info.Name == "" {
		return string(u), nil // there is no better name
	}
	return info.Name, err
}

// errNoClient is for what needs a running client of the chat.
var errNoClient = errors.New("no client of this chat is running")

// A nameCache knows the display names of ghosts that were prepared by this
// process.
type nameCache struct {
	mu    sync.Mutex // guards names
	names map[id.UserID]string
}

func (c *nameCache) prepared(u id.UserID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.names[u]
	return ok
}

func (c *nameCache) get(u id.UserID) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.names[u]
}

func (c *nameCache) put(u id.UserID, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.names == nil {
		c.names = map[id.UserID]string{}
	}
	makeRoom(c.names, maxCached)
	c.names[u] = name
}
