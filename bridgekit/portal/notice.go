package portal

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/login"
	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// noticeKind is the kind of entries that hold a notice of the bot. A notice that
// cannot be sent is dropped: notices never answer notices.
const noticeKind = "notice"

// statusType is the message status that clients show at the message itself
// (MSC2162's successor as implemented by clients).
const statusType = "com.beeper.message_send_status"

// A notice is the payload of a notice entry.
type notice struct {
	Room id.RoomID   `json:"room"`
	To   id.EventID  `json:"to,omitempty"` // the event it answers
	Text markup.Body `json:"text"`
	// Failed is set if To was not delivered: clients mark it.
	Failed  bool   `json:"failed,omitempty"`
	Network string `json:"network,omitempty"`
}

// Failed tells the room, in words, that something was not delivered. It is the
// journal's hook for dead letters.
func (s *Service) Failed(ctx context.Context, e *journal.Entry, words string) []journal.Draft {
	way := e.Lane.Way()
	if way == journal.In || e.Kind == event.StateTombstone.Type {
		s.making.fail(ctx, e.Lane.Number())
	}
	if way != journal.Out && (way != journal.In || e.Kind != messageKind || e.Attempts == 0) {
		return nil // nobody in the room knows of it; the queue and the metrics show it
	}
	p, ok, err := s.portals.get(ctx, e.Lane.Number())
	if err != nil {
		s.log.Error("report failed delivery", "entry", e.ID, "err", err)
	}
	if !ok || p.Room == "" {
		return nil
	}
	n := notice{Room: roomID(p), Text: markup.Plain("A message could not be shown here: " + words)}
	if way == journal.Out {
		evt, from, err := parseOut(e)
		if err != nil || from != nil && from.Quiet {
			return nil // the entry cannot be read, or nobody waits for it: there is nothing to answer
		}
		n = s.undelivered(p, evt, words)
	}
	d, err := noticeDraft(p.ID, n, "failed", fmt.Sprint(e.ID)+s.after.epoch())
	if err != nil {
		s.log.Error("report failed delivery", "entry", e.ID, "err", err)
		return nil
	}
	return []journal.Draft{d}
}

// messageKind is the kind of entries that hold a remote message.
const messageKind = "message"

// undelivered tells the sender of an event that it did not cross.
func (s *Service) undelivered(p store.Portal, evt *rawEvent, words string) notice {
	what := map[string]string{event.EventReaction.Type: "Your reaction was not delivered", event.EventRedaction.Type: "The removal was not delivered"}[evt.Type]
	if what == "" {
		what = "Not delivered"
	}
	return notice{
		Room: roomID(p), To: inRoom(evt), Failed: true, Network: string(p.Network),
		Text: markup.Plain(fmt.Sprintf("%s to %s: %s", what, s.networkName(p.Network), words)),
	}
}

// inRoom is the event of the room to answer because of one: that of a copied removal has
// no ID of its own, see redactionOf.
func inRoom(evt *rawEvent) id.EventID {
	if strings.HasPrefix(string(evt.ID), "$") {
		return evt.ID
	}
	return evt.Redacts
}

// networkName is a network's name for people.
func (s *Service) networkName(n network.NetworkID) string {
	if c := s.logins.Connector(n); c != nil && c.Info().Name != "" {
		return c.Info().Name
	}
	return string(n)
}

// notify appends a notice to a portal's lane; key names it.
func (s *Service) notify(ctx context.Context, portalID int64, n notice, key ...string) error {
	d, err := noticeDraft(portalID, n, key...)
	if err != nil {
		return err
	}
	return s.j.Append(ctx, []journal.Draft{d}, nil)
}

func noticeDraft(portalID int64, n notice, key ...string) (journal.Draft, error) {
	payload, err := json.Marshal(n)
	return journal.Draft{
		Lane: journal.LaneOf(portalID, journal.In), Kind: noticeKind, Payload: payload,
		Key: journal.Key(append([]string{noticeKind, fmt.Sprint(portalID)}, key...)...),
	}, err
}

// sendNotice delivers a notice entry.
func (s *Service) sendNotice(ctx context.Context, e *journal.Entry) journal.Outcome {
	var n notice
	if err := json.Unmarshal(e.Payload, &n); err != nil {
		return journal.Delivered(nil)
	}
	lookup := e.Recovered || e.Tried || s.after.doubt(e, e.Created)
	if n.Failed && n.To != "" {
		status := map[string]any{
			"m.relates_to": map[string]any{"rel_type": "m.reference", "event_id": n.To},
			"network":      n.Network, "status": "FAIL_PERMANENT", "reason": "m.event_not_handled", "message": n.Text.String(),
		}
		_, err := s.hs.Send(ctx, matrix.Event{Room: n.Room, As: s.hs.BotID(), Type: event.Type{Type: statusType, Class: event.MessageEventType}, Content: status, Key: e.Key, Step: "status", Lookup: lookup})
		if err != nil && !harmless(err) {
			return s.noticeOutcome(err)
		}
	}
	if n.Failed && s.opts.Delivery.Quiet {
		return journal.Delivered(nil)
	}
	c := &event.MessageEventContent{MsgType: event.MsgNotice}
	setText(c, n.Text)
	if n.To != "" {
		c.RelatesTo = (&event.RelatesTo{}).SetReplyTo(n.To)
	}
	_, err := s.hs.Send(ctx, matrix.Event{Room: n.Room, As: s.hs.BotID(), Type: event.EventMessage, Content: c, Key: e.Key, Step: "notice", Lookup: lookup})
	if err != nil {
		return s.noticeOutcome(err)
	}
	return journal.Delivered(nil)
}

// noticeOutcome waits for the homeserver but makes no dead letter of a notice.
func (s *Service) noticeOutcome(err error) journal.Outcome {
	switch matrix.KindOf(err) {
	case matrix.Down, matrix.RateLimited, matrix.Unsure, matrix.Auth:
		return s.outcome(err)
	}
	s.log.Warn("a notice could not be sent", "err", err)
	return journal.Delivered(nil)
}

// handleAccount delivers what concerns a login itself.
func (s *Service) handleAccount(ctx context.Context, e *journal.Entry, via network.LoginID, ev network.Event) journal.Outcome {
	var sess *login.Session
	for _, o := range s.logins.Of("*") {
		if o.Num == e.Lane.Number() {
			sess = o
		}
	}
	if sess == nil || sess.ID != via {
		return journal.Delivered(nil) // the login is gone
	}
	switch ev := ev.(type) {
	case *network.ServiceNotice:
		return s.tellOwner(ctx, e, sess, ev)
	case *network.UserChanged:
		return s.userChanged(ctx, sess, ev)
	case *network.ChatAppeared:
		s.bulk.due(sess.Network)
		return journal.Delivered(nil)
	case *network.UserMerged:
		return s.merge(ctx, sess, ev)
	}
	return journal.Delivered(nil)
}

// tellOwner shows a text of the network in the management room of a login's
// owner. A relay has no owner and nobody to tell.
func (s *Service) tellOwner(ctx context.Context, e *journal.Entry, sess *login.Session, n *network.ServiceNotice) journal.Outcome {
	if sess.Owner == "" {
		return journal.Delivered(nil)
	}
	owner := id.UserID(sess.Owner)
	room, err := s.managementRoom(ctx, owner)
	if err != nil {
		return s.noticeOutcome(err)
	}
	for i, part := range n.Parts {
		body := append(markup.Body{{Kind: markup.Bold, Children: []markup.Node{{Kind: markup.Text, Text: sess.Name}}}, {Kind: markup.Text, Text: ": "}}, part.Text...)
		c := &event.MessageEventContent{MsgType: event.MsgNotice}
		setText(c, body)
		_, err := s.hs.Send(ctx, matrix.Event{Room: room, As: s.hs.BotID(), Type: event.EventMessage, Content: c, Key: e.Key, Step: fmt.Sprint("n", i), Lookup: e.Recovered || e.Tried || s.after.doubt(e, n.At)})
		if matrix.KindOf(err) == matrix.RoomGone {
			if _, rerr := s.replaceManagement(ctx, owner, room, ""); rerr == nil {
				return journal.RetryLater(err, "the management room is gone") // the next attempt makes another
			}
		}
		if err != nil {
			return s.noticeOutcome(err)
		}
	}
	return journal.Delivered(nil)
}

// LoginChanged wakes what waits for a login; it is the logins' hook.
func (s *Service) LoginChanged(sess *login.Session, st network.LoginState) {
	if st.Status == network.Online || st.Status == network.Limited || st.Status == network.Dead {
		s.j.Wake(sess.Cause())
		s.wakeDead(sess.Network)
	}
	if st.Status != network.Dead && sess.Online() && s.logins.Relay(sess.Network) == sess {
		s.bulk.due(sess.Network) // there may be chats that were made meanwhile
	}
}

// managementRoom is the room in which the bot talks to a user; it is made if
// there is none.
func (s *Service) managementRoom(ctx context.Context, user id.UserID) (id.RoomID, error) {
	room, err := s.db.ManagementRoom(ctx, string(user))
	if err != nil || room != "" {
		return id.RoomID(room), err
	}
	made, err := s.hs.CreateDM(ctx, s.hs.BotID(), user)
	if err != nil {
		return "", err
	}
	stands, err := s.replaceManagement(ctx, user, "", made)
	if err == nil && stands != made { // they have invited the bot to one meanwhile
		if err := s.ignoreGone(s.hs.Leave(ctx, made, s.hs.BotID(), "")); err != nil {
			s.log.Warn("leave a room that nobody needs", "room", made, "err", err)
		}
	}
	return stands, err
}

// setManagement makes a room the one in which the bot talks to a user.
func (s *Service) setManagement(ctx context.Context, user id.UserID, room id.RoomID) error {
	if err := s.db.SetManagementRoom(ctx, string(user), string(room)); err != nil {
		return err
	}
	s.managementChanged()
	return nil
}

// replaceManagement is setManagement, unless another room than from is the user's
// now. It returns the room that stands then.
func (s *Service) replaceManagement(ctx context.Context, user id.UserID, from, to id.RoomID) (id.RoomID, error) {
	stands, err := s.db.ReplaceManagementRoom(ctx, string(user), string(from), string(to))
	if err == nil {
		s.managementChanged()
	}
	return id.RoomID(stands), err
}

// managementChanged has managed read again what is stored now.
func (s *Service) managementChanged() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.management = nil
}

// managed is the user whose management room a room is; "" if it is none.
func (s *Service) managed(ctx context.Context, room string) (id.UserID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.management == nil {
		all, err := s.db.ManagementRooms(ctx)
		if err != nil {
			return "", err
		}
		s.management = map[string]id.UserID{}
		for r, u := range all {
			s.management[r] = id.UserID(u)
		}
	}
	return s.management[room], nil
}
