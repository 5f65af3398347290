package portal

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// lives is how long an outgoing message lives: as the event says, else as the chat is
// set, and where several share the room, as the one with the shortest life.
func (o *outbound) lives(ctx context.Context, raw json.RawMessage) (time.Duration, error) {
	var c struct {
		Timer *event.BeeperDisappearingTimer `json:"com.beeper.disappearing_timer"`
	}
	if json.Unmarshal(raw, &c) == nil && c.Timer != nil && lifeOf(c.Timer) > 0 {
		return lifeOf(c.Timer), nil
	}
	all, err := o.portals.in(ctx, o.p.Room)
	life := o.p.Info.Expiry
	for _, p := range without(all, o.p.ID) {
		if p.Info.Expiry > 0 && (life == 0 || p.Info.Expiry < life) {
			life = p.Info.Expiry
		}
	}
	return life, err
}

// lifeOf is how long messages live by a timer; 0 is for ever.
func lifeOf(t *event.BeeperDisappearingTimer) time.Duration {
	if t.Type == event.DisappearingTypeNone {
		return 0
	}
	return max(t.Timer.Duration, 0)
}

// setExpiry is the change of a chat that a timer's state event asks for; false if
// there is nothing to change.
func (o *outbound) setExpiry(change *network.OutgoingChat) bool {
	var t event.BeeperDisappearingTimer
	if json.Unmarshal(o.evt.Content, &t) != nil {
		return false
	}
	life := lifeOf(&t)
	change.Expiry = &life
	return life != o.p.Info.Expiry
}

// expires has an event that is carried out vanish after its time to live.
func (o *outbound) expires(life time.Duration) []store.Expiry {
	if life <= 0 {
		return nil
	}
	e := store.Expiry{Portal: o.p.ID, Room: o.p.Room, Event: string(o.evt.ID), At: o.evt.at().Add(life)}
	if o.hs.IsGhost(o.evt.Sender) {
		e.Sender = string(o.evt.Sender)
	}
	return []store.Expiry{e}
}

// timer is the content that tells clients how long messages live.
func timer(life time.Duration) *event.BeeperDisappearingTimer {
	c := &event.BeeperDisappearingTimer{}
	if life > 0 {
		c.Type, c.Timer.Duration = event.DisappearingTypeAfterSend, life
	}
	return c
}

// timerState is such content as state of a room.
func timerState(life time.Duration) *event.Event {
	return &event.Event{Type: event.StateBeeperDisappearingTimer, StateKey: new(string), Content: event.Content{Parsed: timer(life)}}
}

// expiryWords tells people about a chat's setting.
func expiryWords(life time.Duration) string {
	if life <= 0 {
		return "Messages here do not vanish any more."
	}
	return "Messages here vanish " + lifetime(life) + " after they are sent."
}

// lifetime is a duration for people.
func lifetime(d time.Duration) string {
	count := func(n int64, unit string) string {
		if n == 1 {
			return "1 " + unit
		}
		return fmt.Sprint(n, " ", unit, "s")
	}
	switch {
	case d%(7*24*time.Hour) == 0:
		return count(int64(d/(7*24*time.Hour)), "week")
	case d%(24*time.Hour) == 0:
		return count(int64(d/(24*time.Hour)), "day")
	case d%time.Hour == 0:
		return count(int64(d/time.Hour), "hour")
	case d%time.Minute == 0:
		return count(int64(d/time.Minute), "minute")
	}
	return count(int64(d/time.Second), "second")
}

// showExpiry tells the room about the chat's setting: as state for clients that
// know it, and in words.
func (x *inbound) showExpiry(ctx context.Context, life time.Duration) *journal.Outcome {
	if err := x.setTimer(ctx, x.p, life); err != nil {
		return settled(x.failed(ctx, err))
	}
	return x.say(ctx, markup.Plain(expiryWords(life)), "expiry")
}

// setTimer shows the chat's setting as state; where the bot may not, the notice
// has to do.
func (s *Service) setTimer(ctx context.Context, p store.Portal, life time.Duration) error {
	_, err := s.hs.SendState(ctx, roomID(p), s.hs.BotID(), event.StateBeeperDisappearingTimer, "", timer(life), time.Time{})
	if err != nil && p.Info.Plumbed && harmless(err) {
		return nil
	}
	return err
}

// SetExpiry has new messages of a room's chats live for some time, or for ever if
// life is 0: through owner's login, else the relay.
func (s *Service) SetExpiry(ctx context.Context, owner id.UserID, room id.RoomID, life time.Duration) error {
	return s.ChangeChats(ctx, owner, room, ChatWish{
		Can: func(f network.Features) bool { return f.Expiries }, None: "no network of this room has messages that vanish",
		Change: network.OutgoingChat{Expiry: &life},
	})
}

// announceExpiry says in a new room that its messages vanish, if they do.
func (s *Service) announceExpiry(ctx context.Context, portalID int64) error {
	p, ok, err := s.portals.get(ctx, portalID)
	if err != nil || !ok || p.Info.Expiry <= 0 {
		return err
	}
	return s.notify(ctx, p.ID, notice{Room: roomID(p), Text: markup.Plain(expiryWords(p.Info.Expiry))}, "expiry", p.Room, p.Info.Expiry.String())
}
