package portal

import (
	"context"
	"sync"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// askUser is how long a person's profile may hold up their first message.
const askUser = 5 * time.Second

// sender is who sends a remote person's events: their owner's own account if the
// person is one of our logins and double puppeting works, else their ghost, with
// its name set.
func (x *inbound) sender(ctx context.Context, u network.UserID) (id.UserID, error) {
	if u == "" {
		return x.hs.BotID(), nil
	}
	as := x.puppetOrGhost(ctx, u)
	if !x.hs.IsGhost(as) {
		return as, nil
	}
	return as, x.prepareGhost(ctx, x.ops(), as, u, false)
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
	p := matrix.Profile{Name: string(u)}
	if ops != nil {
		uctx, cancel := context.WithTimeout(ctx, askUser)
		info, err := ops.User(uctx, u)
		cancel()
		if err == nil && info.Name != "" {
			p.Name = info.Name
		}
	}
	if err := s.hs.SetProfile(ctx, ghost, p); err != nil {
		return err
	}
	s.names.put(ghost, p.Name)
	return nil
}

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
	makeRoom(c.names)
	c.names[u] = name
}
