package portal

import (
	"context"
	"encoding/json"
	"maps"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// tombstone follows a room upgrade: the portal moves to the new room if the bot
// can get there. What the upgrade did not carry over is completed as far as the
// bot's power goes; what it lacks is said there. Bridged people leave the old room.
func (s *Service) tombstone(ctx context.Context, evt *rawEvent, p store.Portal) journal.Outcome {
	var c event.TombstoneEventContent
	if json.Unmarshal(evt.Content, &c) != nil || c.ReplacementRoom == "" {
		s.making.end(p.ID)
		return journal.Delivered(nil)
	}
	if err := s.hs.EnsureJoined(ctx, c.ReplacementRoom, s.hs.BotID()); err != nil {
		if harmless(err) || matrix.KindOf(err) == matrix.RoomGone { // people are mostly invited a moment later
			return journal.RetryLater(err, "the room was upgraded, and the bot was not let into the new one. Invite it there and use: !cw plumb")
		}
		return s.outcome(err)
	}
	if err := s.equip(ctx, p, c.ReplacementRoom); err != nil {
		return s.outcome(err)
	}
	s.unmark(ctx, p)
	if err := s.dropAlias(ctx, p); err != nil {
		return s.outcome(err)
	}
	old := p.Room
	job := store.Cleanup{Room: old, Name: p.Info.Name, Network: p.Network, Scope: store.ScopeGhosts, Reason: "the room was upgraded"}
	p, err := s.updateAlso(ctx, p.ID, func(p *store.Portal) {
		p.Room, p.Info.Setup, p.Info.Before = string(c.ReplacementRoom), true, old
	}, func(tx *store.Tx) error {
		if err := tx.AddCleanup(job); err != nil {
			return err
		}
		return tx.MoveHubBans(old, string(c.ReplacementRoom))
	})
	if err != nil {
		return dbOutcome(err)
	}
	s.bans.changed(p.Room)
	s.making.end(p.ID)
	s.clean.begun()
	s.joins.furnish(p)
	lack, err := s.powerIn(ctx, roomID(p))
	if err == nil && len(lack) > 0 {
		s.tellOnce(ctx, p, "power after upgrade", "This room was upgraded, and I came along. "+powerWords(lack)+".")
	}
	return journal.Delivered(nil)
}

// follows reports whether a room says that it replaces a portal's. The bot may be
// invited there before the tombstone is known; what is said there until the portal
// has moved is for its chat, not for the bot (Client-Server API, "Room Upgrades").
func (s *Service) follows(ctx context.Context, room id.RoomID) (bool, error) {
	var c event.CreateEventContent
	if err := s.hs.State(ctx, room, event.StateCreate, "", &c); err != nil {
		return false, err
	}
	if c.Predecessor == nil || c.Predecessor.RoomID == "" {
		return false, nil
	}
	old, err := s.portals.in(ctx, string(c.Predecessor.RoomID))
	return len(old) > 0, err
}

// equip gives the room that follows p's what an upgrade leaves behind: power
// levels, what it is bridged to, and what a restore finds it by. What the bot may
// not do is left as it is.
func (s *Service) equip(ctx context.Context, p store.Portal, room id.RoomID) error {
	if err := s.carryLevels(ctx, roomID(p), room); err != nil {
		return s.ignoreGone(err)
	}
	return s.mark(ctx, p, room)
}

// mark has a room say what p bridges it to, how long messages live and, if the room
// is ours, what a restore finds it by. What the bot may not say is left out.
func (s *Service) mark(ctx context.Context, p store.Portal, room id.RoomID) error {
	state := s.bridgeInfo(p, network.Chat{Name: p.Info.Name}, nil)
	if p.Info.Expiry > 0 {
		state = append(state, timerState(p.Info.Expiry))
	}
	if !p.Info.Plumbed {
		from, err := s.origin(p, features(p))
		if err != nil {
			return err
		}
		state = append(state, s.hs.OriginState(s.alias(p), from))
	}
	for _, e := range state {
		content := any(e.Content.Parsed)
		if content == nil {
			content = e.Content.Raw
		}
		if _, err := s.hs.SendState(ctx, room, s.hs.BotID(), e.Type, *e.StateKey, content, time.Time{}); err != nil && !harmless(err) {
			return err
		}
	}
	return nil
}

// carryLevels raises who had power in the old room and has less in the new one, as
// far as the bot may. The creators of either room, from version 12 on, stand above
// all levels and in none (MSC4289).
func (s *Service) carryLevels(ctx context.Context, from, to id.RoomID) error {
	was, err := s.hs.Levels(ctx, from)
	if err != nil {
		return err
	}
	now, err := s.hs.Levels(ctx, to)
	if err != nil {
		return err
	}
	mine := now.GetUserLevel(s.hs.BotID())
	if mine < now.GetEventLevel(event.StatePowerLevels) {
		return nil
	}
	before := maps.Clone(now.Users)
	for _, u := range holders(was) {
		level := min(was.GetUserLevel(u), creatorsLevel)
		if now.GetUserLevel(u) < min(level, mine) {
			now.SetUserLevel(u, min(level, mine))
		}
	}
	if maps.Equal(before, now.Users) {
		return nil
	}
	_, err = s.hs.SendState(ctx, to, s.hs.BotID(), event.StatePowerLevels, "", now, time.Time{})
	if err != nil && harmless(err) {
		return nil
	}
	return err
}

// creatorsLevel is what a creator of a room of version 12 gets where that is not
// above all.
const creatorsLevel = 100

// holders are the users who have a level of their own.
func holders(l *event.PowerLevelsEventContent) []id.UserID {
	var out []id.UserID
	for u := range l.Users {
		out = append(out, u)
	}
	if l.CreateEvent == nil {
		return out
	}
	out = append(out, l.CreateEvent.Sender)
	if c, ok := l.CreateEvent.Content.Parsed.(*event.CreateEventContent); ok {
		out = append(out, c.AdditionalCreators...)
	}
	return out
}
