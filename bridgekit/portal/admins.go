package portal

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
)

// tellKind is the kind of control entries that say something to a person in their
// room with the bot. It is no type of an event, so no event becomes one.
const tellKind = "tell"

// A told is the payload of such an entry.
type told struct {
	User id.UserID   `json:"user"`
	Text markup.Body `json:"text"`
}

// admins are the administrators that the configuration names.
func (s *Service) admins() []id.UserID {
	var out []id.UserID
	for key, level := range s.opts.Permissions {
		if level == config.LevelAdmin && strings.HasPrefix(key, "@") {
			out = append(out, id.UserID(key))
		}
	}
	slices.Sort(out)
	return out
}

// TellAdmins says something to the administrators that the configuration names, each
// in their room with the bot. It returns when that is stored. Two texts with the
// same key are one.
func (s *Service) TellAdmins(ctx context.Context, key, words string) error {
	var drafts []journal.Draft
	for _, u := range s.admins() {
		payload, err := json.Marshal(told{User: u, Text: markup.Plain(words)})
		if err != nil {
			return err
		}
		drafts = append(drafts, journal.Draft{
			Lane: controlLane(id.RoomID(u)), Kind: tellKind, Payload: payload, Key: journal.Key(tellKind, string(u), key),
		})
	}
	if len(drafts) == 0 {
		return nil
	}
	return s.j.Append(ctx, drafts, nil)
}

// tellPerson delivers such an entry.
func (s *Service) tellPerson(ctx context.Context, e *journal.Entry) journal.Outcome {
	var t told
	if err := json.Unmarshal(e.Payload, &t); err != nil {
		return journal.Fail(err, "the stored entry cannot be read")
	}
	room, err := s.managementRoom(ctx, t.User)
	if err != nil {
		return s.noticeOutcome(err)
	}
	c := &event.MessageEventContent{MsgType: event.MsgNotice}
	setText(c, t.Text)
	_, err = s.hs.Send(ctx, matrix.Event{Room: room, As: s.hs.BotID(), Type: event.EventMessage, Content: c, Key: e.Key, Step: "tell", Lookup: e.Recovered || e.Tried || s.after.doubt(e, e.Created)})
	if matrix.KindOf(err) == matrix.RoomGone {
		if _, rerr := s.replaceManagement(ctx, t.User, room, ""); rerr == nil {
			return journal.RetryLater(err, "the management room is gone") // the next attempt makes another
		}
	}
	if err != nil {
		return s.noticeOutcome(err)
	}
	return journal.Delivered(nil)
}

// ownControl delivers the control entries that are no events; nil if e is one.
func (s *Service) ownControl(ctx context.Context, e *journal.Entry) *journal.Outcome {
	switch e.Kind {
	case transactionKind:
		return settled(s.transaction(ctx, e))
	case tellKind:
		return settled(s.tellPerson(ctx, e))
	case cleanupKind:
		return settled(s.cleanUp(ctx, e))
	case badKind:
		return settled(journal.Fail(errors.New("malformed event"), "the homeserver sent something that is no event"))
	}
	return nil
}
