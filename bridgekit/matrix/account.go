package matrix

import (
	"context"
	"net/http"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// Typing shows as as typing for d; 0 stops it.
func (h *Homeserver) Typing(ctx context.Context, room id.RoomID, as id.UserID, d time.Duration) error {
	body := mautrix.ReqTyping{Typing: d > 0, Timeout: max(d, 0).Milliseconds()}
	return h.do(ctx, as, "type", func(ctx context.Context, c *mautrix.Client) error {
		return request(ctx, c, http.MethodPut, path("v3", "rooms", room, "typing", as), nil, body, nil)
	})
}

// Receipt marks everything up to an event as read by as; private ones are seen
// by that account only (m.read.private). For local persons the fully read
// marker moves along, as their own client would do it.
func (h *Homeserver) Receipt(ctx context.Context, room id.RoomID, as id.UserID, eventID id.EventID, private bool) error {
	kind := "m.read"
	if private {
		kind = "m.read.private"
	}
	return h.do(ctx, as, "mark as read", func(ctx context.Context, c *mautrix.Client) error {
		if h.IsGhost(as) {
			return request(ctx, c, http.MethodPost, path("v3", "rooms", room, "receipt", kind, eventID), nil, struct{}{}, nil)
		}
		body := map[string]id.EventID{kind: eventID, "m.fully_read": eventID}
		return request(ctx, c, http.MethodPost, path("v3", "rooms", room, "read_markers"), nil, body, nil)
	})
}

// Presence sets as's presence and status text. Servers may ignore it.
func (h *Homeserver) Presence(ctx context.Context, as id.UserID, p event.Presence, status string) error {
	body := mautrix.ReqPresence{Presence: p, StatusMsg: status}
	return h.do(ctx, as, "set presence", func(ctx context.Context, c *mautrix.Client) error {
		return request(ctx, c, http.MethodPut, path("v3", "presence", as, "status"), nil, body, nil)
	})
}

// AccountData reads as's account data of a type into into. NotFound: none.
func (h *Homeserver) AccountData(ctx context.Context, as id.UserID, kind string, into any) error {
	return h.do(ctx, as, "read account data", func(ctx context.Context, c *mautrix.Client) error {
		return request(ctx, c, http.MethodGet, path("v3", "user", as, "account_data", kind), nil, nil, into)
	})
}

// SetAccountData replaces as's account data of a type. Changing what is there,
// such as m.direct, is a read and a write that another client can come between.
func (h *Homeserver) SetAccountData(ctx context.Context, as id.UserID, kind string, content any) error {
	return h.do(ctx, as, "set account data", func(ctx context.Context, c *mautrix.Client) error {
		return request(ctx, c, http.MethodPut, path("v3", "user", as, "account_data", kind), nil, content, nil)
	})
}

// SetRoomAccountData replaces as's account data of a type for one room.
func (h *Homeserver) SetRoomAccountData(ctx context.Context, room id.RoomID, as id.UserID, kind string, content any) error {
	return h.do(ctx, as, "set account data", func(ctx context.Context, c *mautrix.Client) error {
		return request(ctx, c, http.MethodPut, path("v3", "user", as, "rooms", room, "account_data", kind), nil, content, nil)
	})
}

// SetTag puts a room under a tag of as, such as m.favourite.
func (h *Homeserver) SetTag(ctx context.Context, room id.RoomID, as id.UserID, tag string) error {
	return h.do(ctx, as, "set tag", func(ctx context.Context, c *mautrix.Client) error {
		return request(ctx, c, http.MethodPut, path("v3", "user", as, "rooms", room, "tags", tag), nil, struct{}{}, nil)
	})
}

// DeleteTag takes a room out of a tag of as.
func (h *Homeserver) DeleteTag(ctx context.Context, room id.RoomID, as id.UserID, tag string) error {
	return h.do(ctx, as, "delete tag", func(ctx context.Context, c *mautrix.Client) error {
		return request(ctx, c, http.MethodDelete, path("v3", "user", as, "rooms", room, "tags", tag), nil, nil, nil)
	})
}

// Mute makes a room silent for as, or not, by a room push rule
// (Client-Server API, "Push rules").
func (h *Homeserver) Mute(ctx context.Context, room id.RoomID, as id.UserID, mute bool) error {
	rule := path("v3", "pushrules", "global", "room", room)
	err := h.do(ctx, as, "mute", func(ctx context.Context, c *mautrix.Client) error {
		if mute {
			return request(ctx, c, http.MethodPut, rule, nil, map[string][]string{"actions": {}}, nil)
		}
		return request(ctx, c, http.MethodDelete, rule, nil, nil, nil)
	})
	if !mute && KindOf(err) == NotFound {
		return nil
	}
	return err
}
