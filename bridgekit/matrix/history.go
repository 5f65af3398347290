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

// OriginField is in the state event PortalType: what the caller of CreateRoom
// gave as Room.Origin.
const OriginField = "chat.causeway.origin"

// A Past is an event that is in a room already.
type Past struct {
	ID       id.EventID
	Sender   id.UserID
	Type     string
	StateKey *string
	At       time.Time // origin_server_ts: of ours, the time that Send was given
	Content  json.RawMessage
	Mark     string // of an event of ours, see Homeserver.Mark; "" if it was redacted
	Ours     bool   // as Homeserver.Ours says; unknown of a redacted one of a local person
	Redacted bool
}

// History walks back through a room as the bot and calls f with each page of
// events, newest first, until f returns false or the history ends.
func (h *Homeserver) History(ctx context.Context, room id.RoomID, f func(page []Past) (more bool, err error)) error {
	query := map[string]string{"dir": "b", "limit": strconv.Itoa(lookupSize)}
	for {
		var page struct {
			Chunk []json.RawMessage `json:"chunk"`
			End   string            `json:"end"`
		}
		err := h.do(ctx, h.BotID(), "read history", func(ctx context.Context, c *mautrix.Client) error {
			return request(ctx, c, http.MethodGet, path("v3", "rooms", room, "messages"), query, nil, &page)
		})
		if err != nil {
			return err
		}
		events := make([]Past, 0, len(page.Chunk))
		for _, raw := range page.Chunk {
			if p, ok := h.past(room, raw); ok {
				events = append(events, p)
			}
		}
		if more, err := f(events); err != nil || !more {
			return err
		}
		if page.End == "" || page.End == query["from"] || len(page.Chunk) == 0 {
			return nil
		}
		query["from"] = page.End
	}
}

// past reads one event; false for what is none.
func (h *Homeserver) past(room id.RoomID, raw json.RawMessage) (Past, bool) {
	var e struct {
		ID       id.EventID      `json:"event_id"`
		Sender   id.UserID       `json:"sender"`
		Type     string          `json:"type"`
		StateKey *string         `json:"state_key"`
		TS       int64           `json:"origin_server_ts"`
		Content  json.RawMessage `json:"content"`
		Unsigned struct {
			Because json.RawMessage `json:"redacted_because"`
			By      id.EventID      `json:"redacted_by"`
		} `json:"unsigned"`
	}
	if json.Unmarshal(raw, &e) != nil || e.ID == "" {
		return Past{}, false
	}
	p := Past{ID: e.ID, Sender: e.Sender, Type: e.Type, StateKey: e.StateKey, At: time.UnixMilli(e.TS), Content: e.Content}
	p.Redacted = len(e.Unsigned.Because) > 0 || e.Unsigned.By != ""
	if p.Ours = h.Ours(room, e.Sender, e.Content); p.Ours {
		var c struct {
			Mark string `json:"chat.causeway.mark"`
		}
		_ = json.Unmarshal(e.Content, &c) // without one it cannot be recognised
		p.Mark = c.Mark
	}
	return p, true
}

// Redacted reports whether an event of a room was redacted, or is not there.
func (h *Homeserver) Redacted(ctx context.Context, room id.RoomID, target id.EventID) (bool, error) {
	_, is, err := h.redaction(ctx, room, target)
	return is, err
}

// RoomOrigin is what CreateRoom was given as Origin when it made a room that the
// bot is in; "" if the bot did not make it, or for nothing.
func (h *Homeserver) RoomOrigin(ctx context.Context, room id.RoomID) (string, error) {
	var evt struct {
		Sender  id.UserID `json:"sender"`
		Content struct {
			Origin string `json:"chat.causeway.origin"`
		} `json:"content"`
		Origin string `json:"chat.causeway.origin"` // of a server that does not know format=event
	}
	at := path("v3", "rooms", room, "state", PortalType, "")
	err := h.do(ctx, h.BotID(), "read state", func(ctx context.Context, c *mautrix.Client) error {
		return request(ctx, c, http.MethodGet, at, map[string]string{"format": "event"}, nil, &evt)
	})
	switch k := KindOf(err); {
	case err != nil && (k == NotFound || k == NotAllowed):
		return "", nil
	case err != nil:
		return "", err
	case evt.Sender == h.BotID():
		return evt.Content.Origin, nil
	case evt.Sender != "":
		return "", nil // others may set state too, and copy what they see
	}
	var created struct {
		Creator id.UserID `json:"creator"` // until room version 10
	}
	if err := h.State(ctx, room, event.StateCreate, "", &created); err != nil || created.Creator != h.BotID() {
		return "", err
	}
	return evt.Origin, nil
}
