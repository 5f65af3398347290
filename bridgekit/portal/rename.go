package portal

import (
	"context"
	"time"

	"maunium.net/go/mautrix/event"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/login"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// userChanged shows a person's new name and picture, also where a direct chat with
// them is called after them.
func (s *Service) userChanged(ctx context.Context, sess *login.Session, c *network.UserChanged) journal.Outcome {
	ops, ok := sess.Ops()
	if !ok {
		return journal.Park(sess.Cause(), func() bool { return !sess.Online() }, nil)
	}
	ghost := s.ghostOf(sess.Network, c.User)
	if err := s.prepareGhost(ctx, &ops, ghost, c.User, true); err != nil {
		return s.outcome(err)
	}
	if err := s.rankFollow(ctx, sess.Network, ghost); err != nil {
		return s.outcome(err)
	}
	picture, changed := s.names.due(ghost)
	var shown *network.Media
	if changed {
		var err error
		if shown, err = s.showFace(ctx, &ops, ghost, picture.media); err != nil {
			return s.outcome(err)
		}
	}
	direct, err := s.db.DirectWith(ctx, sess.Network, c.User)
	if err != nil {
		return dbOutcome(err)
	}
	for _, p := range direct {
		if p.Info.Plumbed || p.State != store.PortalOpen {
			continue
		}
		if err := s.nameAfter(ctx, p, s.names.get(ghost)); err != nil {
			return s.outcome(err)
		}
		if !changed {
			continue
		}
		if err := s.showPicture(ctx, p, &ops, shown); err != nil {
			return s.outcome(err)
		}
	}
	return journal.Delivered(nil)
}

// nameAfter calls the room of a direct chat after the person that it is with.
func (s *Service) nameAfter(ctx context.Context, p store.Portal, name string) error {
	if name == "" || name == p.Info.Name {
		return nil
	}
	if _, err := s.hs.SendState(ctx, roomID(p), s.hs.BotID(), event.StateRoomName, "", &event.RoomNameEventContent{Name: name}, time.Time{}); err != nil {
		return s.remove(err)
	}
	if err := s.renameBridge(ctx, p, name); err != nil {
		return err
	}
	_, err := s.update(ctx, p.ID, func(p *store.Portal) { p.Info.Name = name })
	return err
}
