package portal

import (
	"context"
	"fmt"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// roomFor makes sure that the portal has a room, if it is to have one.
func (x *inbound) roomFor(ctx context.Context) (bool, error) {
	if x.p.Room == "" && x.p.Chat.Login != "" && x.owner() == "" {
		return false, nil // somebody wrote to a relay: nobody is there to read it
	}
	if barred, err := x.barred(ctx); err != nil || barred {
		return false, err
	}
	if wanted, err := x.wanted(ctx); err != nil || !wanted {
		return false, err
	}
	return true, x.ensureRoom(ctx)
}

// wanted reports whether a chat without a room may have one made by itself: the
// configuration's filter lets it, and the person whose login brings it has not as
// many as they may have.
func (x *inbound) wanted(ctx context.Context) (bool, error) {
	if x.p.Room != "" {
		return true, nil
	}
	if !x.allowed(ctx, x.p, x.ops(), "") {
		return false, nil
	}
	owner := x.owner()
	full, err := x.full(ctx, owner)
	if err != nil || !full {
		return err == nil, err
	}
	ev := &network.ServiceNotice{Content: network.Text(fmt.Sprintf("has more chats than I may bridge for you: %d have rooms. What is said in others does not reach you here. unbridge ends one, the administrator can raise the limit.", x.opts.MaxPortals))}
	ev.Key = "portals " + string(owner)
	if err := x.Deliver(ctx, x.sess, network.Batch{Events: []network.Event{ev}}); err != nil {
		return false, err
	}
	return false, nil
}

// full reports whether somebody has as many rooms as they may have.
func (s *Service) full(ctx context.Context, owner id.UserID) (bool, error) {
	if s.opts.MaxPortals == 0 || owner == "" || s.opts.Permissions.Of(string(owner)) == config.LevelAdmin {
		return false, nil
	}
	n, err := s.db.CountPortals(ctx, string(owner))
	return n >= s.opts.MaxPortals, err
}

// allowed reports whether the configuration's filter lets a chat have a room. kind
// is the chat's, "" if the caller does not know it.
func (s *Service) allowed(ctx context.Context, p store.Portal, ops *network.Ops, kind network.ChatKind) bool {
	if _, filtered := s.opts.Filters[p.Network]; !filtered {
		return true
	}
	if kind == "" {
		kind = p.Info.Kind
	}
	if kind == "" && s.opts.Filters.NeedsKind(p.Network) {
		kind = s.kind(ctx, p, ops)
	}
	return s.opts.Filters.Allows(p.Network, p.Chat.ID, kind)
}

// kind is what a chat without a room is. The network is asked once in a process.
func (s *Service) kind(ctx context.Context, p store.Portal, ops *network.Ops) network.ChatKind {
	s.mu.Lock()
	kind := s.kinds[p.ID]
	s.mu.Unlock()
	if kind != "" {
		return kind
	}
	kind = s.describe(ctx, p, ops).Kind
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kinds == nil {
		s.kinds = map[int64]network.ChatKind{}
	}
	makeRoom(s.kinds, maxCached)
	s.kinds[p.ID] = kind
	return kind
}

// refused says why somebody may not have a room for a chat that they asked for; nil
// if they may. Administrators may.
func (s *Service) refused(ctx context.Context, p store.Portal, owner id.UserID, kind network.ChatKind) error {
	if p.Room != "" && p.State == store.PortalOpen || s.opts.Permissions.Of(string(owner)) == config.LevelAdmin {
		return nil
	}
	if !s.allowed(ctx, p, nil, kind) {
		return network.Errorf(network.Rejected, "the administrator does not let this chat be bridged", "filtered")
	}
	full, err := s.full(ctx, owner)
	if err != nil {
		return err
	}
	if full {
		return network.Errorf(network.Rejected, fmt.Sprintf("you have %d bridged rooms, which is as many as you may have. To end one, type in it: !cw unbridge", s.opts.MaxPortals), "too many portals")
	}
	return nil
}
