package matrix

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// A lookup reads at most lookupPages pages of lookupSize events.
const (
	lookupPages = 10
	lookupSize  = 100
)

// found is the little that a lookup needs of an event.
type found struct {
	ID      id.EventID `json:"event_id"`
	Sender  id.UserID  `json:"sender"`
	Content struct {
		Mark json.RawMessage `json:"chat.causeway.mark"`
	} `json:"content"`
	Unsigned struct {
		Redaction struct {
			TS int64 `json:"origin_server_ts"`
		} `json:"redacted_because"`
	} `json:"unsigned"`
}

// Find looks for the event with a mark among the newest 1,000 of a room, as the
// bot. as says whose events count; without it those of the bot and our ghosts
// do, because anyone in the room can copy a mark. The walk ends early only
// where the history does.
func (h *Homeserver) Find(ctx context.Context, room id.RoomID, mark string, as ...id.UserID) (id.EventID, bool, error) {
	eventID, _, ok, err := h.search(ctx, h.BotID(), room, mark, "", as)
	return eventID, ok, err
}

// FindSince is Find, and says whether an event that was not found may have been
// there: among those that were searched is one that was redacted after since, and
// a redaction takes the mark away; since is zero if that is not known. The clocks of both
// servers may differ by a few minutes.
func (h *Homeserver) FindSince(ctx context.Context, room id.RoomID, mark string, since time.Time, as ...id.UserID) (eventID id.EventID, ok, doubt bool, err error) {
	eventID, redacted, ok, err := h.search(ctx, h.BotID(), room, mark, "", as)
	return eventID, ok, !ok && redacted > max(0, since.Add(-clockSkew).UnixMilli()), err
}

// clockSkew is how far the homeserver's clock may be behind ours.
const clockSkew = 5 * time.Minute

// lookup is Find for an event that Send may have sent. The server filters by
// type and sender, so 1,000 events of that ghost are searched, not of the room.
// Where the bot may not read, the sender does.
func (h *Homeserver) lookup(ctx context.Context, e Event, mark string) (id.EventID, bool, error) {
	eventID, _, ok, err := h.search(ctx, h.BotID(), e.Room, mark, e.Type.Type, []id.UserID{e.As})
	if KindOf(err) == NotAllowed && e.As != h.BotID() {
		eventID, _, ok, err = h.search(ctx, e.As, e.Room, mark, e.Type.Type, []id.UserID{e.As})
	}
	if k := KindOf(err); k == NotAllowed || k == NotFound {
		// Neither is in the room: what was never there was not sent, and
		// if it was, sending again will be refused and say why.
		return "", false, nil
	}
	return eventID, ok, err
}

// search is searchOnce, and once more after a moment in which the homeserver may
// still be at work on what is looked for: Dendrite finishes requests whose client is
// gone, and shows their events later.
func (h *Homeserver) search(ctx context.Context, reader id.UserID, room id.RoomID, mark, eventType string, senders []id.UserID) (eventID id.EventID, redacted int64, ok bool, err error) {
	wait := h.circuit.unsettled(time.Now())
	eventID, redacted, ok, err = h.searchOnce(ctx, reader, room, mark, eventType, senders)
	if ok || err != nil || wait <= 0 {
		return eventID, redacted, ok, err
	}
	if err := sleep(ctx, wait); err != nil {
		return "", redacted, false, classify(ctx, "look up", err)
	}
	return h.searchOnce(ctx, reader, room, mark, eventType, senders)
}

// searchOnce walks back through a room (GET /rooms/{roomId}/messages). redacted is
// the time, in milliseconds, of the newest redaction that it saw.
func (h *Homeserver) searchOnce(ctx context.Context, reader id.UserID, room id.RoomID, mark, eventType string, senders []id.UserID) (eventID id.EventID, redacted int64, ok bool, err error) {
	query := map[string]string{"dir": "b", "limit": strconv.Itoa(lookupSize)}
	if filter := searchFilter(eventType, senders); filter != "" {
		query["filter"] = filter
	}
	for range lookupPages {
		var page struct {
			Chunk []json.RawMessage `json:"chunk"`
			End   string            `json:"end"`
		}
		err := h.do(ctx, reader, "look up", func(ctx context.Context, c *mautrix.Client) error {
			return request(ctx, c, http.MethodGet, path("v3", "rooms", room, "messages"), query, nil, &page)
		})
		if err != nil {
			return "", redacted, false, err
		}
		for _, raw := range page.Chunk {
			var evt found
			if json.Unmarshal(raw, &evt) != nil {
				continue
			}
			redacted = max(redacted, evt.Unsigned.Redaction.TS)
			if h.carries(evt, mark, senders) {
				return evt.ID, redacted, true, nil
			}
		}
		if page.End == "" || page.End == query["from"] {
			break
		}
		query["from"] = page.End
	}
	return "", redacted, false, nil
}

// carries reports whether evt is what a lookup looks for.
func (h *Homeserver) carries(evt found, mark string, senders []id.UserID) bool {
	var m string
	if json.Unmarshal(evt.Content.Mark, &m) != nil || m != mark {
		return false
	}
	if len(senders) == 0 {
		return h.IsGhost(evt.Sender)
	}
	for _, s := range senders {
		if s == evt.Sender {
			return true
		}
	}
	return false
}

// searchFilter is a RoomEventFilter, "" for none.
func searchFilter(eventType string, senders []id.UserID) string {
	f := struct {
		Types   []string    `json:"types,omitempty"`
		Senders []id.UserID `json:"senders,omitempty"`
	}{Senders: senders}
	if eventType != "" {
		f.Types = []string{eventType, event.EventEncrypted.Type} // the room may have changed since
	}
	if len(f.Types)+len(f.Senders) == 0 {
		return ""
	}
	b, err := json.Marshal(f)
	if err != nil {
		return "" // strings cannot fail
	}
	return string(b)
}

// GetEvent reads one event as the bot, with its content parsed if its type is
// known. NotFound: the server does not have it, or not for the bot.
func (h *Homeserver) GetEvent(ctx context.Context, room id.RoomID, eventID id.EventID) (*event.Event, error) {
	var evt *event.Event
	err := h.do(ctx, h.BotID(), "read event", func(ctx context.Context, c *mautrix.Client) error {
		return request(ctx, c, http.MethodGet, path("v3", "rooms", room, "event", eventID), nil, nil, &evt)
	})
	if err != nil {
		return nil, err
	}
	if evt == nil || evt.ID == "" {
		return nil, &Error{Kind: NotFound, Op: "read event", Err: errNoEventID}
	}
	if evt.StateKey != nil {
		evt.Type.Class = event.StateEventType
	}
	if evt.RoomID == "" {
		evt.RoomID = room
	}
	// An unknown or odd content stays available as Content.Raw.
	_ = evt.Content.ParseRaw(evt.Type)
	return evt, nil
}

// redaction finds the redaction of an event. A target that the server does not
// have at all is left for the redaction itself to report.
func (h *Homeserver) redaction(ctx context.Context, room id.RoomID, target id.EventID) (id.EventID, bool, error) {
	var evt struct {
		Unsigned struct {
			Because struct {
				ID id.EventID `json:"event_id"`
			} `json:"redacted_because"`
			By id.EventID `json:"redacted_by"`
		} `json:"unsigned"`
	}
	err := h.do(ctx, h.BotID(), "read event", func(ctx context.Context, c *mautrix.Client) error {
		return request(ctx, c, http.MethodGet, path("v3", "rooms", room, "event", target), nil, nil, &evt)
	})
	if k := KindOf(err); k == NotFound || k == NotAllowed {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	by := evt.Unsigned.Because.ID
	if by == "" {
		by = evt.Unsigned.By
	}
	return by, by != "", nil
}

// duplicate finds the reaction because of which the server refused ours
// (M_DUPLICATE_ANNOTATION); "" if it cannot.
func (h *Homeserver) duplicate(ctx context.Context, e Event, body json.RawMessage) id.EventID {
	type relation struct {
		RelatesTo struct {
			EventID id.EventID `json:"event_id"`
			Key     string     `json:"key"`
		} `json:"m.relates_to"`
	}
	var ours relation
	if json.Unmarshal(body, &ours) != nil || ours.RelatesTo.EventID == "" {
		return ""
	}
	var page struct {
		Chunk []struct {
			ID      id.EventID `json:"event_id"`
			Sender  id.UserID  `json:"sender"`
			Content relation   `json:"content"`
		} `json:"chunk"`
	}
	at := path("v1", "rooms", e.Room, "relations", ours.RelatesTo.EventID, "m.annotation", e.Type.Type)
	err := h.do(ctx, e.As, "look up reaction", func(ctx context.Context, c *mautrix.Client) error {
		return request(ctx, c, http.MethodGet, at, map[string]string{"limit": strconv.Itoa(lookupSize)}, nil, &page)
	})
	if err != nil {
		return ""
	}
	for _, r := range page.Chunk {
		if r.Sender == e.As && r.Content.RelatesTo.Key == ours.RelatesTo.Key {
			return r.ID
		}
	}
	return ""
}

// Replacements lists the events that edit one (m.replace), as the bot; none if it
// may not see it.
func (h *Homeserver) Replacements(ctx context.Context, room id.RoomID, target id.EventID) ([]id.EventID, error) {
	var out []id.EventID
	query := map[string]string{"limit": strconv.Itoa(lookupSize)}
	for range lookupPages {
		var page struct {
			Chunk []struct {
				ID id.EventID `json:"event_id"`
			} `json:"chunk"`
			Next string `json:"next_batch"`
		}
		err := h.do(ctx, h.BotID(), "look up edits", func(ctx context.Context, c *mautrix.Client) error {
			return request(ctx, c, http.MethodGet, path("v1", "rooms", room, "relations", target, "m.replace"), query, nil, &page)
		})
		if k := KindOf(err); err != nil && (k == NotFound || k == NotAllowed) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		for _, e := range page.Chunk {
			out = append(out, e.ID)
		}
		if page.Next == "" {
			break
		}
		query["from"] = page.Next
	}
	return out, nil
}
