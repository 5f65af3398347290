package matrix

import (
	"context"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// A Space is what EnsureSpace makes: a room of people's other rooms (Client-Server
// API, "Spaces"). Its alias is its identity, as a Room's is.
type Space struct {
	Alias   string // localpart from Homeserver.Alias
	Name    string
	Topic   string
	Invite  []id.UserID // who gets it
	Creator id.UserID   // default the bot
	Hosts   []id.UserID // who may invite others
	// Parent is a space that it is a part of: who is there may join it.
	Parent id.RoomID
}

// hostLevel is the power to invite into a space.
const hostLevel = 50

func spaceFact(alias string) string { return "space " + alias }

func childFact(space, child id.RoomID) string { return "child " + string(space) + " " + string(child) }

// EnsureSpace makes a space, once: a fact remembers it until ForgetSpace. Who left
// it is not invited again.
func (h *Homeserver) EnsureSpace(ctx context.Context, s Space) (id.RoomID, error) {
	unlock, err := h.lock(ctx, spaceFact(s.Alias))
	if err != nil {
		return "", err
	}
	defer unlock()
	known, err := h.fact(ctx, spaceFact(s.Alias))
	if err != nil || known != "" {
		return id.RoomID(known), err
	}
	levels := map[id.UserID]int{}
	for _, u := range s.Hosts {
		levels[u] = hostLevel
	}
	space, err := h.CreateRoom(ctx, Room{
		As: s.Creator, Levels: levels, Alias: s.Alias, Name: s.Name, Topic: s.Topic, Invite: s.Invite,
		CreationContent: map[string]any{"type": event.RoomTypeSpace},
		// Nobody but us writes there: what is in it is what is bridged.
		Power:   &event.PowerLevelsEventContent{EventsDefault: 100, InvitePtr: new(hostLevel)},
		History: string(event.HistoryVisibilityShared), State: h.within(s.Parent),
	})
	if err != nil {
		return "", err
	}
	// Durable before the alias goes: else a crash would leave a space that nobody finds.
	if err := h.opts.State.SetFact(ctx, spaceFact(s.Alias), string(space)); err != nil {
		return "", &Error{Op: "store facts", Err: err}
	}
	return space, h.DeleteAlias(ctx, s.Alias)
}

// BringOnce has a local person join a room of theirs by double puppeting, if that was
// not done before: who left it stays out.
func (h *Homeserver) BringOnce(ctx context.Context, room id.RoomID, u id.UserID) error {
	fact := "brought " + string(room) + " " + string(u)
	if known, err := h.fact(ctx, fact); err != nil || known != "" {
		return err
	}
	if ok, err := h.Puppet(ctx, u); err != nil || !ok {
		return err
	}
	if err := h.EnsureJoined(ctx, room, u); err != nil {
		return err
	}
	return h.setFact(ctx, fact, "1")
}

// within is the state of a space that is a part of another one.
func (h *Homeserver) within(parent id.RoomID) []*event.Event {
	if parent == "" {
		return nil
	}
	key := string(parent)
	rule := &event.JoinRulesEventContent{JoinRule: event.JoinRuleRestricted, Allow: []event.JoinRuleAllow{{Type: event.JoinRuleAllowRoomMembership, RoomID: parent}}}
	return []*event.Event{
		{Type: event.StateJoinRules, StateKey: new(string), Content: event.Content{Parsed: rule}},
		{Type: event.StateSpaceParent, StateKey: &key, Content: event.Content{Parsed: &event.SpaceParentEventContent{Via: []string{h.opts.Domain}, Canonical: true}}},
	}
}

// Admit lets everybody who is in a space join a room of ours without being invited.
func (h *Homeserver) Admit(ctx context.Context, room, space id.RoomID) error {
	rule := &event.JoinRulesEventContent{JoinRule: event.JoinRuleRestricted, Allow: []event.JoinRuleAllow{{Type: event.JoinRuleAllowRoomMembership, RoomID: space}}}
	_, err := h.SendState(ctx, room, h.BotID(), event.StateJoinRules, "", rule, time.Time{})
	return err
}

// ForgetSpace makes EnsureSpace make another one: the space is gone, or ended.
func (h *Homeserver) ForgetSpace(ctx context.Context, alias string) error {
	return h.setFact(ctx, spaceFact(alias), "")
}

// KnownSpace is the space of an alias; "" if none was made.
func (h *Homeserver) KnownSpace(ctx context.Context, alias string) (id.RoomID, error) {
	known, err := h.fact(ctx, spaceFact(alias))
	return id.RoomID(known), err
}

// AddChild puts a room, or a space, into a space, once. RoomGone: the bot is out of the space.
func (h *Homeserver) AddChild(ctx context.Context, space, child id.RoomID) error {
	known, err := h.fact(ctx, childFact(space, child))
	if err != nil || known != "" {
		return err
	}
	content := &event.SpaceChildEventContent{Via: []string{h.opts.Domain}}
	if _, err := h.SendState(ctx, space, h.BotID(), event.StateSpaceChild, string(child), content, time.Time{}); err != nil {
		return err
	}
	return h.setFact(ctx, childFact(space, child), "1")
}

// RemoveChild takes a room out of a space. What AddChild did not put there stays.
func (h *Homeserver) RemoveChild(ctx context.Context, space, child id.RoomID) error {
	known, err := h.fact(ctx, childFact(space, child))
	if err != nil || known == "" {
		return err
	}
	// Without via it is no child (Client-Server API, "m.space.child").
	if _, err := h.SendState(ctx, space, h.BotID(), event.StateSpaceChild, string(child), struct{}{}, time.Time{}); err != nil {
		return err
	}
	return h.setFact(ctx, childFact(space, child), "")
}
