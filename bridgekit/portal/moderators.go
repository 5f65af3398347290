package portal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

const (
	// moderatorLevel is what those have in rooms who moderate their whole network.
	moderatorLevel = 50
	// maxLevels is how many people's levels a room is made with: an event of room
	// state has 64 KiB, and a Matrix ID up to 255 bytes.
	maxLevels = 100
)

// firstLevels are the levels of a chat's people in a room that is made for it, the
// highest if they are many. Our own people's are Matrix's business.
func (s *Service) firstLevels(p store.Portal, chat network.Chat) map[id.UserID]int {
	users := slices.SortedFunc(maps.Keys(chat.Levels), func(a, b network.UserID) int {
		return cmp.Or(chat.Levels[b]-chat.Levels[a], cmp.Compare(a, b))
	})
	levels := map[id.UserID]int{}
	for _, u := range users[:min(len(users), maxLevels)] {
		own := s.logins.ByUser(p.Network, u)
		if level := min(chat.Levels[u], 99); level > 0 && (own == nil || own.Owner == "") {
			levels[s.ghostOf(p.Network, u)] = level
		}
	}
	return levels
}

// rank notes whether a ghost moderates its whole network; nil: it is not known.
func (c *nameCache) rank(u id.UserID, moderates *bool) {
	if moderates == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ranks == nil {
		c.ranks = map[id.UserID]bool{}
	}
	makeRoom(c.ranks, maxCached)
	c.ranks[u] = *moderates
}

// ranked is what rank noted.
func (c *nameCache) ranked(u id.UserID) (moderates, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	moderates, known = c.ranks[u]
	return moderates, known
}

// rankUp has the room know whether a ghost that has just spoken in it moderates the
// whole network, beside the lanes. It asks nobody if the room knows already.
func (x *inbound) rankUp(ghost id.UserID) {
	if x.filling || !x.outranked(x.p, ghost) {
		return
	}
	s, portal := x.Service, x.p.ID
	s.tasks.add(false, func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		for range 2 { // they may have stopped to do so meanwhile
			if err := s.followRank(ctx, portal, ghost); err != nil && ctx.Err() == nil {
				s.log.Info("show who moderates a network", "portal", portal, "ghost", ghost, "err", err)
			}
		}
	})
}

// outranked reports whether a room does not know yet what is known of a ghost.
func (s *Service) outranked(p store.Portal, ghost id.UserID) bool {
	moderates, known := s.names.ranked(ghost)
	_, has := p.Info.Moderators[string(ghost)]
	return known && moderates != has && p.Room != "" && !p.Info.Plumbed && p.Info.Kind != network.Direct && (has || p.Info.Features.Moderated)
}

// What rankFact says of a ghost that moderates its network; "" if no room knows of it.
const (
	rankSome = "1"   // some room knows
	rankAll  = "all" // all rooms in which it was did, when that was last learned
)

func rankFact(ghost id.UserID) string { return fmt.Sprint("moderates ", ghost) }

// rankFollow has rooms know that a person moderates their network, or does not any more,
// when that is learned. It is called for each change of a person, and most of them are of
// something else.
func (s *Service) rankFollow(ctx context.Context, n network.NetworkID, ghost id.UserID) error {
	moderates, known := s.names.ranked(ghost)
	switch {
	case !known:
		return nil
	case moderates:
		return s.rankIn(ctx, n, ghost)
	}
	return s.rankDown(ctx, n, ghost)
}

// rankIn gives a ghost that moderates its network the level in all rooms in which it
// is, one after another, once. Others learn it when it speaks there.
func (s *Service) rankIn(ctx context.Context, n network.NetworkID, ghost id.UserID) error {
	if was, err := s.opts.Facts.Fact(ctx, rankFact(ghost)); err != nil || was == rankAll {
		return err
	}
	all, err := s.db.Portals(ctx, n)
	if err != nil {
		return databaseError{err}
	}
	for _, p := range all {
		if !s.outranked(p, ghost) {
			continue
		}
		in, err := s.hs.Joined(ctx, roomID(p), ghost)
		if err == nil && in {
			err = s.followRank(ctx, p.ID, ghost)
		}
		if err != nil {
			return err
		}
	}
	return s.opts.Facts.SetFact(ctx, rankFact(ghost), rankAll)
}

// rankDown takes their level from a ghost that does not moderate its network any
// more, in all rooms where that gave it to them.
func (s *Service) rankDown(ctx context.Context, n network.NetworkID, ghost id.UserID) error {
	if was, err := s.opts.Facts.Fact(ctx, rankFact(ghost)); err != nil || was == "" {
		return err
	}
	all, err := s.db.Portals(ctx, n)
	if err != nil {
		return databaseError{err}
	}
	for _, p := range all {
		if err := s.followRank(ctx, p.ID, ghost); err != nil {
			return err
		}
	}
	return s.opts.Facts.SetFact(ctx, rankFact(ghost), "")
}

// followRank gives a ghost the level of moderators in a portal's room, or takes it away
// again. What people set themselves stays: it is given once, and only taken as it was
// given. A room that has other chats too is left as it is.
func (s *Service) followRank(ctx context.Context, portal int64, ghost id.UserID) error {
	p, ok, err := s.portals.get(ctx, portal)
	if err != nil || !ok || !s.outranked(p, ghost) {
		return err
	}
	if _, has := p.Info.Moderators[string(ghost)]; has {
		return s.takeRank(ctx, p, ghost)
	}
	if all, err := s.portals.in(ctx, p.Room); err != nil || len(all) > 1 {
		return err
	}
	return s.giveRank(ctx, p, ghost)
}

// giveRank gives a ghost the level, unless it has it or somebody gave it one of its
// own. That is stored first: a level that nobody knows of would never be taken.
func (s *Service) giveRank(ctx context.Context, p store.Portal, ghost id.UserID) error {
	x, given := &inbound{Service: s, p: p, head: &network.Head{}}, false
	err := x.changeLevels(ctx, func(l *event.PowerLevelsEventContent) error {
		now, ok, err := s.portals.get(ctx, p.ID)
		if err != nil || !ok || now.Room != p.Room || !s.outranked(now, ghost) {
			return err // somebody else was first
		}
		_, own := l.Users[ghost]
		given = !own && l.GetUserLevel(ghost) < moderatorLevel
		if err := s.noteRank(ctx, p.ID, ghost, given); err != nil || !given {
			return err
		}
		l.SetUserLevel(ghost, moderatorLevel)
		return nil
	})
	if err == nil || !given {
		return s.remove(err)
	}
	if harmless(err) { // the room does not let us, and is not asked again
		return s.noteRank(ctx, p.ID, ghost, false)
	}
	return errors.Join(err, s.dropRank(ctx, p.ID, ghost))
}

// takeRank takes what giveRank gave.
func (s *Service) takeRank(ctx context.Context, p store.Portal, ghost id.UserID) error {
	x := &inbound{Service: s, p: p, head: &network.Head{}}
	err := x.changeLevels(ctx, func(l *event.PowerLevelsEventContent) error {
		if p.Info.Moderators[string(ghost)] && l.GetUserLevel(ghost) == moderatorLevel {
			l.SetUserLevel(ghost, l.UsersDefault)
		}
		return nil
	})
	if err := s.remove(err); err != nil {
		return err
	}
	return s.dropRank(ctx, p.ID, ghost)
}

// noteRank stores that a room knows a moderator, and whether that gave it its level.
func (s *Service) noteRank(ctx context.Context, portal int64, ghost id.UserID, given bool) error {
	was, err := s.opts.Facts.Fact(ctx, rankFact(ghost))
	if err == nil && was == "" {
		err = s.opts.Facts.SetFact(ctx, rankFact(ghost), rankSome)
	}
	if err != nil {
		return databaseError{err}
	}
	_, err = s.update(ctx, portal, func(p *store.Portal) {
		all := maps.Clone(p.Info.Moderators) // others read it
		if all == nil {
			all = map[string]bool{}
		}
		all[string(ghost)] = given
		p.Info.Moderators = all
	})
	if err != nil {
		return databaseError{err}
	}
	return nil
}

// dropRank undoes noteRank. Other rooms may know of the ghost still.
func (s *Service) dropRank(ctx context.Context, portal int64, ghost id.UserID) error {
	if err := s.opts.Facts.SetFact(ctx, rankFact(ghost), rankSome); err != nil {
		return databaseError{err}
	}
	_, err := s.update(ctx, portal, func(p *store.Portal) {
		all := maps.Clone(p.Info.Moderators)
		delete(all, string(ghost))
		p.Info.Moderators = all
	})
	if err != nil {
		return databaseError{err}
	}
	return nil
}
