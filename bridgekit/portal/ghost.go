package portal

import (
	"context"
	"errors"
	"sync"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

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
	ghost := x.ghostOf(x.p.Network, u)
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
	in, err := x.hs.Joined(ctx, room, owner)
	if err != nil || in {
		return owner, err
	}
	if x.filling {
		return "", nil // they come when the room is full, or every message of the past would ring
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
	ghost := x.ghostOf(x.p.Network, u)
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
	person, err := s.askPerson(ctx, ops, u)
	if err != nil {
		// Not known now: an earlier name is better than the bare ID.
		if named, err := s.hs.Named(ctx, ghost); err != nil || named {
			return err
		}
		person.Name = string(u)
	}
	if err := s.hs.SetName(ctx, ghost, person.Name); err != nil {
		return err
	}
	if err == nil {
		s.names.rank(ghost, person.Moderates)
		s.names.put(ghost, person.Name)
		s.names.owe(ghost, face{ops, person.Avatar}, renew)
	}
	return nil
}

// askPerson asks the network who somebody is, for a short time.
func (s *Service) askPerson(ctx context.Context, ops *network.Ops, u network.UserID) (network.User, error) {
	if ops == nil {
		return network.User{}, errNoClient
	}
	ctx, cancel := context.WithTimeout(ctx, askUser)
	defer cancel()
	info, err := ops.User(ctx, u)
	if network.KindOf(err) == network.Rejected && err != nil || err == nil && info.Name == "" {
		return network.User{Name: string(u), Avatar: info.Avatar}, nil // there is no better name
	}
	return info, err
}

// A face is a picture that a ghost does not have yet; nil: it has one no more.
type face struct {
	ops   *network.Ops
	media *network.Media
}

// faceUp gives a ghost the picture that it lacks, beside the lanes: who speaks
// first is not kept waiting by a picture.
func (s *Service) faceUp(ghost id.UserID) {
	f, ok := s.names.due(ghost)
	if !ok {
		return
	}
	s.tasks.add(false, func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		if _, err := s.showFace(ctx, f.ops, ghost, f.media); err != nil && ctx.Err() == nil {
			s.log.Info("show a person's picture", "ghost", ghost, "err", err)
		}
	})
}

// errNoClient is for what needs a running client of the chat.
var errNoClient = errors.New("no client of this chat is running")

// A nameCache knows the display names of ghosts that were prepared by this
// process.
type nameCache struct {
	mu    sync.Mutex // guards what follows
	names map[id.UserID]string
	faces map[id.UserID]face // of which the ghosts do not have the picture yet
	ranks map[id.UserID]bool // whether they moderate their whole network, if it tells
}

// owe notes a picture; that there is none matters only if there was one.
func (c *nameCache) owe(u id.UserID, f face, changed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.media == nil && !changed {
		return
	}
	if c.faces == nil {
		c.faces = map[id.UserID]face{}
	}
	makeRoom(c.faces, maxCached)
	c.faces[u] = f
}

// due takes what owe noted.
func (c *nameCache) due(u id.UserID) (face, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f, ok := c.faces[u]
	delete(c.faces, u)
	return f, ok
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
