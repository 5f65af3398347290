package portal

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/hub"
	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// copyKind is the kind of Out entries that carry what one network of a room said to
// another. They are made by the In entry that showed it and by nothing else: what the
// homeserver pushes of our own events goes nowhere, so nothing can go in circles.
const copyKind = "copy"

// A copied is the payload of such an entry.
type copied struct {
	From    int64             `json:"from"`              // the portal it came by; 0: a moderator's command
	Network network.NetworkID `json:"network,omitempty"` // whose user said it
	User    network.UserID    `json:"user,omitempty"`
	Owner   id.UserID         `json:"owner,omitempty"` // whose login that user is
	Name    string            `json:"name,omitempty"`
	// Quiet: nobody waits for it, so that it fails is not said in the room.
	Quiet bool `json:"quiet,omitempty"`
	// Event is what is in the room.
	Event json.RawMessage `json:"event"`
}

// parseOut reads what an Out entry carries; from is nil for events of people.
func parseOut(e *journal.Entry) (evt *rawEvent, from *copied, err error) {
	if e.Kind != copyKind {
		evt, err = parseEvent(e.Payload)
		return evt, nil, err
	}
	from = &copied{}
	if err := json.Unmarshal(e.Payload, from); err != nil {
		return nil, nil, fmt.Errorf("copy: %w", err)
	}
	evt, err = parseEvent(from.Event)
	return evt, from, err
}

// crossTo are the portals that get a copy of what somebody said on this one's network.
func (x *inbound) crossTo(ctx context.Context, u network.UserID) ([]store.Portal, error) {
	others, err := x.neighbours(ctx)
	if err != nil || len(others) == 0 || x.stays {
		return nil, err
	}
	if u != "" {
		if loops, err := x.loops(ctx, u); err != nil || loops {
			return nil, err
		}
	}
	var edges []hub.Edge
	for _, p := range others {
		if !x.predates(p) {
			edges = append(edges, edge(p))
		}
	}
	var to []store.Portal
	for _, r := range hub.Routes(edge(x.p), edges, x.opts.Hub.Consents.Agreed) {
		for _, p := range others {
			if p.ID == r.Portal {
				to = append(to, p)
			}
		}
	}
	return to, nil
}

// predates reports whether the entry is of the past that came into a room, from before
// another network was in it.
func (x *inbound) predates(other store.Portal) bool {
	met := x.p.Info.Since
	if other.Info.Since.After(met) {
		met = other.Info.Since
	}
	return x.head.History && !x.head.At.IsZero() && x.head.At.Before(met)
}

// cross has send show an event in the room, and stores its copies for the room's
// other networks: whoever saw it there finds it in their lanes. After a crash in
// between the entry is delivered again, finds its event and comes here again; the
// copies are known by the event's ID.
func (x *inbound) cross(ctx context.Context, as id.UserID, kind string, content any, at time.Time, send func() (id.EventID, error)) (id.EventID, error) {
	switch kind {
	case event.EventMessage.Type, event.EventSticker.Type, event.EventReaction.Type:
	default:
		return send()
	}
	if as == x.hs.BotID() && !x.spokenFor {
		return send() // what the bot says never leaves the room
	}
	user := x.userOf(as)
	to, err := x.crossTo(ctx, user)
	if err != nil {
		return "", err
	}
	if len(to) == 0 {
		return send()
	}
	defer x.crossings.begin(x.p.Room)()
	evt, err := send()
	if err != nil || evt == "" {
		return evt, err
	}
	raw, err := json.Marshal(content)
	if err != nil {
		return evt, fmt.Errorf("copy: %w", err)
	}
	if at.IsZero() {
		at = x.e.Created
	}
	e := &rawEvent{ID: evt, Room: roomID(x.p), Sender: as, Type: kind, TS: at.UnixMilli(), Content: raw}
	return evt, x.copy(ctx, e, x.origin(as, user), to)
}

// crossRedaction is cross for a redaction. It has no event ID that would be the same
// the next time, so its copies are known by what they remove.
func (x *inbound) crossRedaction(ctx context.Context, as id.UserID, target id.EventID, reason string, redact func() error) error {
	user := x.head.Sender
	if x.moderated {
		user = "" // nobody knows who it was; Sender is whose message it is
	}
	to, err := x.crossTo(ctx, user)
	if err != nil {
		return err
	}
	if len(to) == 0 {
		return redact()
	}
	defer x.crossings.begin(x.p.Room)()
	if err := redact(); err != nil {
		return err
	}
	return x.copy(ctx, redactionOf(target, roomID(x.p), as, reason, x.head.At), x.origin(as, user), to)
}

// redactionOf is the removal of an event as an Out entry carries it.
func redactionOf(target id.EventID, room id.RoomID, as id.UserID, reason string, at time.Time) *rawEvent {
	if at.IsZero() {
		at = time.Now()
	}
	content, err := json.Marshal(map[string]string{"reason": reason})
	if err != nil {
		content = []byte("{}") // strings cannot fail
	}
	return &rawEvent{ID: "redaction of " + target, Room: room, Sender: as, Type: event.EventRedaction.Type, Redacts: target, TS: at.UnixMilli(), Content: content}
}

// userOf is the remote user of an account of ours in this entry.
func (x *inbound) userOf(as id.UserID) network.UserID {
	if n, user, ok := x.hs.ParseGhost(as); ok && n == string(x.p.Network) {
		return network.UserID(user)
	}
	return x.head.Sender
}

// origin is who said what is copied.
func (x *inbound) origin(as id.UserID, user network.UserID) copied {
	c := copied{From: x.p.ID, Network: x.p.Network, User: user, Name: x.names.get(as)}
	if own := x.logins.ByUser(x.p.Network, user); own != nil {
		c.Owner = id.UserID(own.Owner)
	}
	if c.Name == "" && !x.hs.IsGhost(as) {
		c.Name = x.names.get(memberName(roomID(x.p), as))
	}
	if c.Name == "" {
		c.Name = string(user)
	}
	return c
}

// copy stores an event for other portals.
func (x *inbound) copy(ctx context.Context, e *rawEvent, from copied, to []store.Portal) error {
	x.opts.Steps.At(step.InCrossing)
	drafts, err := x.copyDrafts(e, from, to)
	if err != nil {
		return err
	}
	if err := x.j.Append(ctx, drafts, nil); err != nil {
		return err
	}
	x.opts.Steps.At(step.InCrossed)
	return nil
}

// copyDrafts makes the entries of a copied event.
func (s *Service) copyDrafts(e *rawEvent, from copied, to []store.Portal) ([]journal.Draft, error) {
	raw, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("copy: %w", err)
	}
	from.Event = raw
	payload, err := json.Marshal(from)
	if err != nil {
		return nil, fmt.Errorf("copy: %w", err)
	}
	var drafts []journal.Draft
	for _, p := range to {
		d := journal.Draft{Lane: journal.LaneOf(p.ID, journal.Out), Kind: copyKind, Payload: payload, Key: outKey(e.ID, p.ID)}
		follow(&d, e)
		if d.Fate.Replace != nil {
			d.Fate.Replace = func(old []byte) ([]byte, error) { return replaceCopy(old, e.Sender, e.Content) }
		}
		if s.after.before(e.at()) {
			d.Makes = ""
		}
		drafts = append(drafts, d)
	}
	return drafts, nil
}

// replaceCopy is replaceOutgoing for copies.
func replaceCopy(old []byte, sender id.UserID, edit json.RawMessage) ([]byte, error) {
	var c copied
	if json.Unmarshal(old, &c) != nil || c.Event == nil {
		return replaceOutgoing(old, sender, edit) // it was made by a person
	}
	merged, err := replaceOutgoing(c.Event, sender, edit)
	if err != nil {
		return nil, err
	}
	c.Event = merged
	return json.Marshal(c)
}

// copyRemoved settles that a network removed its copy of what was said elsewhere: it
// stays where it was said and on the other networks, unless whoever said it or a
// moderator did that. In a room of one network it is removed for everybody, unless its
// moderators may not do that.
func (x *inbound) copyRemoved(ctx context.Context, rows []store.Message, r *network.Redaction) (bool, journal.Outcome) {
	var none journal.Outcome
	said, isCopy, err := x.sentRow(ctx, rows[0])
	if err != nil {
		return true, x.failed(ctx, err)
	}
	if !isCopy {
		return false, none // it was said here
	}
	if line, err := x.db.IsReactionLine(ctx, x.p.ID, said.Event); err != nil {
		return true, dbOutcome(err)
	} else if line {
		return true, x.forget(ctx, rows, r) // who reacted did not take it back
	}
	others, err := x.neighbours(ctx)
	if err != nil {
		return true, dbOutcome(err)
	}
	if x.theirs(r.Sender, said) || (len(others) == 0 || r.Moderated) && x.policy(x.p).May(hub.Redact) {
		return false, none
	}
	if len(others) == 0 {
		return true, x.forget(ctx, rows, r)
	}
	switch all, err := x.moderates(ctx, r.Sender, hub.Redact); {
	case err != nil:
		return true, x.failed(ctx, err)
	case all:
		return false, none
	}
	return true, x.forget(ctx, rows, r)
}

// sentRow is the row of the account that sent what another row is about, if it came
// from elsewhere. Where each account has IDs of its own, rows of the others do not
// say that.
func (x *inbound) sentRow(ctx context.Context, row store.Message) (sent store.Message, isCopy bool, err error) {
	all, err := x.messages.all(ctx, x.p.ID, row.Event)
	for _, r := range append([]store.Message{row}, all...) {
		if r.Txn != "" {
			return r, true, nil
		}
	}
	if err != nil {
		err = databaseError{err}
	}
	return row, false, err
}

// editsCopy reports whether somebody edits a network's copy of what somebody else
// said: that is not what was said.
func (x *inbound) editsCopy(ctx context.Context, row store.Message, as id.UserID) (bool, error) {
	sent, isCopy, err := x.sentRow(ctx, row)
	return isCopy && sent.Sender != string(as), err
}

// theirs reports whether a remote user is the account of whoever said something from
// Matrix.
func (x *inbound) theirs(u network.UserID, said store.Message) bool {
	own := x.logins.ByUser(x.p.Network, u)
	return own != nil && own.Owner != "" && own.Owner == said.Sender
}

// moderates reports whether somebody has a power on the network that the room's policy
// lets its moderators use for all networks: in the chat, or because they moderate all of
// the network, as who administers a workspace does. The network is asked: in a room that
// people brought along the levels are not its own.
func (x *inbound) moderates(ctx context.Context, u network.UserID, power hub.Power) (bool, error) {
	const moderator = 50 // Matrix' default for all three powers
	if u == "" || !x.policy(x.p).May(power) {
		return false, nil
	}
	ops := x.ops()
	if ops == nil {
		return false, errNoClient
	}
	chat, err := ops.Chat(ctx, x.p.Chat.ID)
	if err != nil {
		return false, err
	}
	if chat.Levels[u] >= moderator || !chat.Features.Moderated {
		return chat.Levels[u] >= moderator, nil
	}
	person, err := ops.User(ctx, u)
	if err != nil && network.KindOf(err) == network.Rejected {
		return false, nil // the network knows of nobody like that
	}
	return person.Moderates != nil && *person.Moderates, err
}
