package portal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// A rawEvent is what the intake needs of a Matrix event. Content stays as it
// came until the entry is delivered.
type rawEvent struct {
	ID       id.EventID      `json:"event_id"`
	Room     id.RoomID       `json:"room_id"`
	Sender   id.UserID       `json:"sender"`
	Type     string          `json:"type"`
	StateKey *string         `json:"state_key,omitempty"`
	Redacts  id.EventID      `json:"redacts,omitempty"`
	TS       int64           `json:"origin_server_ts"`
	Content  json.RawMessage `json:"content"`
}

func (e *rawEvent) at() time.Time { return time.UnixMilli(e.TS) }

// parseEvent reads an event as a homeserver pushes it.
func parseEvent(raw json.RawMessage) (*rawEvent, error) {
	var e rawEvent
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, fmt.Errorf("event: %w", err)
	}
	if e.ID == "" || e.Room == "" || e.Sender == "" || e.Type == "" {
		return nil, errors.New("event: event_id, room_id, sender or type is missing")
	}
	if e.Type == event.EventRedaction.Type && e.Redacts == "" { // room version 11
		var c struct {
			Redacts id.EventID `json:"redacts"`
		}
		_ = json.Unmarshal(e.Content, &c) // a redaction of nothing is a no-op later
		e.Redacts = c.Redacts
	}
	return &e, nil
}

// Events stores what the homeserver pushes: one entry per event and portal of its
// room, or one in the room's control lane. It is the intake's hook. Nothing is
// refused for its content: what is no event becomes a dead letter.
func (s *Service) Events(ctx context.Context, t matrix.Transaction) error {
	select {
	case <-s.j.Started(): // before, a room may be unknown that CatchUp finds
	case <-ctx.Done():
		return ctx.Err()
	}
	if queued, err := s.queued(ctx, t); err != nil || queued {
		return err
	}
	return s.take(ctx, t)
}

// take appends the entries of a transaction.
func (s *Service) take(ctx context.Context, t matrix.Transaction) error {
	var drafts []journal.Draft
	behind := map[id.RoomID]bool{} // rooms with an event of t in their control lane
	for _, raw := range t.Events {
		e, err := parseEvent(raw)
		if err != nil {
			drafts = append(drafts, journal.Draft{Lane: journal.LaneOf(0, journal.Control), Kind: badKind, Payload: raw, Key: journal.Key("bad", string(raw))})
			continue
		}
		more, err := s.draft(ctx, e, raw, behind[e.Room])
		if err != nil {
			return err
		}
		drafts = append(drafts, more...)
		behind[e.Room] = behind[e.Room] || len(more) > 0 && more[0].Lane.Way() == journal.Control
	}
	for _, raw := range t.Ephemeral {
		s.eph.matrix(s, raw)
	}
	if len(drafts) == 0 {
		return nil
	}
	return s.j.Append(ctx, drafts, func(tx *store.Tx) error { return removedFirst(tx, drafts) })
}

// removedFirst notes what removals are about, as if it had been appended: Dendrite pushes
// what was not acknowledged at first behind newer events, so a removal may come before
// what it removes, which must not be sent any more then.
func removedFirst(tx *store.Tx, drafts []journal.Draft) error {
	for _, d := range drafts {
		if d.Kind != event.EventRedaction.Type || d.Lane.Way() != journal.Out || d.Changes == "" {
			continue
		}
		if err := journal.Remember(tx, d.Lane, outKey(id.EventID(d.Changes), d.Lane.Number())); err != nil {
			return err
		}
	}
	return nil
}

// badKind is the kind of entries that hold no event at all.
const badKind = "malformed"

// draft makes the entries of one event. behind: an earlier one of its room goes
// into the control lane, and must not be overtaken.
func (s *Service) draft(ctx context.Context, e *rawEvent, raw json.RawMessage, behind bool) ([]journal.Draft, error) {
	if s.canary(e) {
		return nil, nil
	}
	if e.Type == event.StateMember.Type {
		if err := s.observe(ctx, e); err != nil {
			return nil, err
		}
	}
	if err := s.roomChanged(ctx, e); err != nil {
		return nil, err
	}
	if s.hs.Ours(e.Room, e.Sender, e.Content) || e.Type == event.EventRedaction.Type && s.deeds.has(deedRedact, e.Room, e.Sender, string(e.Redacts)) {
		return nil, nil
	}
	making := s.making.any() // asked first: a room that is made meanwhile is then found
	portals, err := s.portals.in(ctx, string(e.Room))
	if err != nil {
		return nil, err
	}
	owner, err := s.managed(ctx, string(e.Room))
	if err != nil {
		return nil, err
	}
	if e.Type == event.EventMessage.Type && replaces(e) == "" {
		c := s.asCommand(e, len(portals) > 0, owner == e.Sender, nil)
		if s.opts.Secret(ctx, c) {
			return nil, nil // an answer that is kept in memory only
		}
		if s.opts.Addressed(c) {
			return s.control(e, raw), nil
		}
	}
	if !carried(e.Type) {
		return nil, nil
	}
	if len(portals) == 0 {
		if e.Type == event.EventMessage.Type && (behind || s.j.Busy(controlLane(e.Room))) {
			return s.control(e, raw), nil // it may be for the bot, which is coming in
		}
		if e.Type == event.EventEncrypted.Type && s.opts.Cipher != nil {
			return s.control(e, raw), nil // it may be for the bot
		}
		if e.Type == event.StateMember.Type && e.StateKey != nil && s.hs.IsGhost(id.UserID(*e.StateKey)) || making {
			return s.control(e, raw), nil
		}
		return nil, nil
	}
	if behind || s.j.Busy(controlLane(e.Room)) || s.answers(e.Room, portals, time.Now(), math.MaxInt64) {
		return s.control(e, raw), nil // behind what waited for the room to be made, or is being shown
	}
	if e.Type == event.StateTombstone.Type {
		for _, p := range portals {
			s.making.move(p.ID)
		}
	}
	return s.outDrafts(e, raw, portals), nil
}

// outDrafts makes the entries of an event for the portals of its room.
func (s *Service) outDrafts(e *rawEvent, raw json.RawMessage, portals []store.Portal) []journal.Draft {
	var drafts []journal.Draft
	for _, p := range portals {
		if p.State != store.PortalOpen {
			continue
		}
		d := journal.Draft{Lane: journal.LaneOf(p.ID, journal.Out), Kind: e.Type, Payload: raw, Key: outKey(e.ID, p.ID)}
		follow(&d, e)
		if s.after.before(e.at()) {
			d.Makes = "" // it may be on the network: what changes it must not be merged into it
		}
		drafts = append(drafts, d)
	}
	return drafts
}

// outKey names an event on its way to a portal's chat.
func outKey(evt id.EventID, portalID int64) []byte {
	return journal.Key("out", string(evt), fmt.Sprint(portalID))
}

// controlLane is the lane of what belongs to a room and no portal. Rooms share
// lanes by hash, which keeps their order.
func controlLane(room id.RoomID) journal.Lane {
	k := journal.Key("room", string(room))
	return journal.LaneOf(int64(k[0])<<16|int64(k[1])<<8|int64(k[2]), journal.Control)
}

// control makes the entry of an event that no portal takes, or not yet.
func (s *Service) control(e *rawEvent, raw json.RawMessage) []journal.Draft {
	return []journal.Draft{{Lane: controlLane(e.Room), Kind: e.Type, Payload: raw, Key: journal.Key("control", string(e.ID))}}
}

// carried reports whether events of a type are bridged at all.
func carried(kind string) bool {
	switch kind {
	case event.EventMessage.Type, event.EventSticker.Type, event.EventReaction.Type, event.EventRedaction.Type, event.EventEncrypted.Type,
		event.StateRoomAvatar.Type, event.StatePinnedEvents.Type, event.StateTopic.Type, event.StateRoomName.Type, event.StateMember.Type, event.StateTombstone.Type, event.StateBeeperDisappearingTimer.Type:
		return true
	}
	return false
}

// follow ties a draft to the message it makes or changes, so that what is edited
// or removed before it leaves leaves edited or not at all.
func follow(d *journal.Draft, e *rawEvent) {
	switch e.Type {
	case event.EventRedaction.Type:
		d.Changes = string(e.Redacts)
		d.Fate.Withdraw = true
	case event.EventReaction.Type, event.EventSticker.Type:
		d.Makes = string(e.ID)
	case event.EventEncrypted.Type:
		d.Makes = string(e.ID)
		if target := edited(e); target != "" { // stands in clear; by what is not known yet
			d.Makes, d.Changes = "", string(target)
		}
	case event.EventMessage.Type:
		target := replaces(e)
		if target == "" {
			d.Makes = string(e.ID)
			return
		}
		d.Changes = string(target)
		sender, content := e.Sender, e.Content
		d.Fate.Replace = func(old []byte) ([]byte, error) { return replaceOutgoing(old, sender, content) }
	}
}

// replaces is the event that a message edits; "" if it is no edit.
func replaces(e *rawEvent) id.EventID {
	var c struct {
		New json.RawMessage `json:"m.new_content"`
	}
	if json.Unmarshal(e.Content, &c) != nil || c.New == nil {
		return ""
	}
	return edited(e)
}

// edited is the event that an event relates to as its edit; "" if to none.
func edited(e *rawEvent) id.EventID {
	var c struct {
		Relates struct {
			Type  event.RelationType `json:"rel_type"`
			Event id.EventID         `json:"event_id"`
		} `json:"m.relates_to"`
	}
	if json.Unmarshal(e.Content, &c) != nil || c.Relates.Type != event.RelReplace {
		return ""
	}
	return c.Relates.Event
}

// replaceOutgoing puts an edit's content into the event it edits. Only the
// sender may edit (Client-Server API, "Validity of replacement events").
func replaceOutgoing(old []byte, sender id.UserID, edit json.RawMessage) ([]byte, error) {
	var outer map[string]json.RawMessage
	if err := json.Unmarshal(old, &outer); err != nil {
		return old, nil // what cannot be read fails when it is delivered
	}
	e, err := parseEvent(old)
	if err != nil || e.Sender != sender {
		return old, nil
	}
	var c struct {
		New map[string]json.RawMessage `json:"m.new_content"`
	}
	if json.Unmarshal(edit, &c) != nil || c.New == nil {
		return old, nil // an edit to nothing; its transaction must not fail for it
	}
	var before map[string]json.RawMessage
	if json.Unmarshal(e.Content, &before) == nil && before["m.relates_to"] != nil {
		c.New["m.relates_to"] = before["m.relates_to"] // an edit does not move a message
	}
	if outer["content"], err = json.Marshal(c.New); err != nil {
		return nil, err
	}
	return json.Marshal(outer)
}

// asCommand is a message as the bot's commands take it.
func (s *Service) asCommand(e *rawEvent, inPortal, management bool, key []byte) Command {
	var c struct {
		Type     event.MessageType `json:"msgtype"`
		Mentions event.Mentions    `json:"m.mentions"`
	}
	_ = json.Unmarshal(e.Content, &c) // a message without a type is no command
	return Command{
		Room: e.Room, Event: e.ID, Sender: e.Sender, Body: body(e), Type: c.Type, Mentioned: c.Mentions.Has(s.hs.BotID()),
		Management: management && !inPortal, Portal: inPortal, Key: key,
	}
}

// body is a message's plain text.
func body(e *rawEvent) string {
	var c struct {
		Body string `json:"body"`
	}
	_ = json.Unmarshal(e.Content, &c) // a message without a text has none
	return c.Body
}

// observe takes in a membership, so that a kick is known before the next send.
func (s *Service) observe(ctx context.Context, e *rawEvent) error {
	var c struct {
		Membership event.Membership `json:"membership"`
		Name       string           `json:"displayname"`
		Avatar     string           `json:"avatar_url"`
	}
	if e.StateKey == nil || json.Unmarshal(e.Content, &c) != nil {
		return nil
	}
	name := c.Name
	if c.Membership != event.MembershipJoin {
		name = ""
	}
	s.faces.put(e.Room, id.UserID(*e.StateKey), name)
	s.banned.changed(e.Room, id.UserID(*e.StateKey))
	if c.Membership == event.MembershipJoin {
		s.pictures.put(memberName(e.Room, id.UserID(*e.StateKey)), c.Avatar)
	}
	if u := id.UserID(*e.StateKey); !s.hs.IsGhost(u) && c.Membership == event.MembershipJoin { // who left had the name that is known
		s.names.put(memberName(e.Room, u), c.Name)
	}
	return s.hs.Observe(ctx, e.Room, id.UserID(*e.StateKey), c.Membership)
}

// memberName is the cache key of a person's name in a room.
func memberName(room id.RoomID, u id.UserID) id.UserID { return u + id.UserID(" "+room) }

// handleControl delivers what belongs to no portal: commands and invitations.
func (s *Service) handleControl(ctx context.Context, e *journal.Entry) journal.Outcome {
	if out := s.ownControl(ctx, e); out != nil {
		return *out
	}
	evt, err := parseEvent(e.Payload)
	if err != nil {
		return journal.Fail(err, "the stored entry cannot be read")
	}
	making := s.making.any()
	portals, err := s.portals.in(ctx, string(evt.Room))
	if err != nil {
		return dbOutcome(err)
	}
	owner, err := s.managed(ctx, string(evt.Room))
	if err != nil {
		return dbOutcome(err)
	}
	told, out := s.forBot(ctx, e, evt, len(portals) > 0, owner == evt.Sender)
	if out != nil {
		return *out
	}
	if told {
		return journal.Delivered(nil)
	}
	if evt.Type == event.StateMember.Type && len(portals) == 0 && evt.StateKey != nil && s.hs.IsGhost(id.UserID(*evt.StateKey)) {
		if making && id.UserID(*evt.StateKey) == s.hs.BotID() {
			return journal.Park(roomsCause, s.making.any, nil) // it may be a portal's next room
		}
		err = s.invited(ctx, evt)
	} else {
		return s.reroute(ctx, e, evt, portals, making)
	}
	if err != nil {
		return s.outcome(err)
	}
	return journal.Delivered(nil)
}

// forBot has the bot answer a message that is for it, and reports whether it was. A
// non-nil outcome settles the entry.
func (s *Service) forBot(ctx context.Context, e *journal.Entry, evt *rawEvent, inPortal, management bool) (bool, *journal.Outcome) {
	clear := evt
	if evt.Type == event.EventEncrypted.Type {
		if inPortal {
			return false, nil // the portal's lane finds out
		}
		var out *journal.Outcome
		if clear, _, out = s.clear(ctx, e, evt); out != nil {
			return false, out
		}
	}
	c := s.asCommand(clear, inPortal, management, e.Key)
	if clear.Type != event.EventMessage.Type || clear != evt && s.opts.Secret(ctx, c) {
		return clear != evt, nil
	}
	if !s.opts.Addressed(c) {
		return clear != evt, nil
	}
	if err := s.opts.Command(ctx, c); err != nil {
		return false, settled(s.outcome(err))
	}
	return true, nil
}

// invited answers an invitation of the bot or a ghost. The bot comes to whoever
// may use it, and takes a direct chat as their management room. Into a room that
// follows a portal's it comes without a word: the tombstone makes it the portal's.
func (s *Service) invited(ctx context.Context, e *rawEvent) error {
	var c struct {
		Membership event.Membership `json:"membership"`
		Direct     bool             `json:"is_direct"`
	}
	if json.Unmarshal(e.Content, &c) != nil || c.Membership != event.MembershipInvite {
		return nil
	}
	target := id.UserID(*e.StateKey)
	if s.opts.Permissions.Of(string(e.Sender)) < config.LevelRelay {
		return s.ignoreGone(s.hs.Leave(ctx, e.Room, target, "you have no permission to use this bridge"))
	}
	if target != s.hs.BotID() {
		return s.inviteGhost(ctx, e, target, c.Direct)
	}
	if err := s.hs.EnsureJoined(ctx, e.Room, target); err != nil {
		return s.ignoreGone(err)
	}
	if next, err := s.follows(ctx, e.Room); err != nil || next {
		return s.ignoreGone(err)
	}
	members, err := s.hs.Members(ctx, e.Room)
	if err != nil {
		return s.ignoreGone(err)
	}
	people := 0
	for _, m := range members {
		if m == event.MembershipJoin || m == event.MembershipInvite {
			people++
		}
	}
	var name event.RoomNameEventContent
	if err := s.hs.State(ctx, e.Room, event.StateRoomName, "", &name); err != nil && matrix.KindOf(err) != matrix.NotFound {
		return s.ignoreGone(err)
	}
	words := "Hello! In this room my commands begin with !cw, for example: !cw help"
	if c.Direct || people <= 2 && name.Name == "" {
		if err := s.setManagement(ctx, e.Sender, e.Room); err != nil {
			return err
		}
		words = "Hello! I bridge Matrix to other networks. Type help to see what I can do."
	}
	content := &event.MessageEventContent{MsgType: event.MsgNotice, Body: words, Mentions: &event.Mentions{}}
	_, err = s.hs.Send(ctx, matrix.Event{Room: e.Room, As: s.hs.BotID(), Type: event.EventMessage, Content: content, Key: journal.Key("hello", string(e.ID)), Step: "hello"})
	return s.ignoreGone(err)
}

// ignoreGone is err, unless there is nothing left to answer to.
func (s *Service) ignoreGone(err error) error {
	if err != nil && (harmless(err) || matrix.KindOf(err) == matrix.RoomGone) {
		return nil
	}
	return err
}
