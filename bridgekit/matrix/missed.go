package matrix

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"
)

// missedSize and missedPages bound how far back Missed looks in one room.
const (
	missedSize  = 100
	missedPages = 10
)

// LosesPushes reports whether the homeserver is one that is known to keep pushed
// events from an appservice for good: Synapse does when it restarts, and when the
// appservice comes back while people write (element-hq/synapse#11637).
func (h *Homeserver) LosesPushes(ctx context.Context) (bool, error) {
	about, err := h.about(ctx)
	if err != nil {
		return false, err
	}
	return about.synapse, nil
}

// Missed reads what happened in the rooms of the bot since an earlier call, as
// the homeserver would push it, each room in its order; rooms in which more
// happened than a thousand events are left out. next is for the next call. With
// since "" there is nothing but next. (Client-Server API, GET /sync.)
func (h *Homeserver) Missed(ctx context.Context, since string, types []string) (events []json.RawMessage, next string, err error) {
	var page struct {
		Next  string `json:"next_batch"`
		Rooms struct {
			Join map[id.RoomID]struct {
				Timeline missedTimeline `json:"timeline"`
			} `json:"join"`
		} `json:"rooms"`
	}
	query := map[string]string{"timeout": "0", "set_presence": "offline", "filter": missedFilter(since, types)}
	if since != "" {
		query["since"] = since
	}
	err = h.do(ctx, h.BotID(), "look for missed events", func(ctx context.Context, c *mautrix.Client) error {
		return request(ctx, c, http.MethodGet, path("v3", "sync"), query, nil, &page)
	})
	if err != nil {
		return nil, "", err
	}
	if page.Next == "" {
		return nil, "", &Error{Kind: Unsure, Op: "look for missed events", Err: errors.New("the answer holds no next_batch")}
	}
	if since == "" {
		return nil, page.Next, nil
	}
	for room, r := range page.Rooms.Join {
		list, whole, err := h.whole(ctx, room, r.Timeline, since, types)
		if err != nil {
			return nil, "", err
		}
		if !whole {
			continue
		}
		for _, raw := range list {
			events = append(events, inRoom(raw, room))
		}
	}
	return events, page.Next, nil
}

// A missedTimeline is what a room has new, or the end of it.
type missedTimeline struct {
	Events  []json.RawMessage `json:"events"`
	Limited bool              `json:"limited"`
	Prev    string            `json:"prev_batch"`
}

// whole puts in front of a timeline what the server has left out of it. False:
// that is too much.
func (h *Homeserver) whole(ctx context.Context, room id.RoomID, t missedTimeline, since string, types []string) ([]json.RawMessage, bool, error) {
	if !t.Limited {
		return t.Events, true, nil
	}
	filter, err := json.Marshal(map[string]any{"types": types})
	if err != nil {
		return nil, false, err
	}
	var before []json.RawMessage // newest first
	query := map[string]string{"dir": "b", "from": t.Prev, "to": since, "limit": strconv.Itoa(missedSize), "filter": string(filter)}
	for range missedPages {
		var page struct {
			Chunk []json.RawMessage `json:"chunk"`
			End   string            `json:"end"`
		}
		err := h.do(ctx, h.BotID(), "look for missed events", func(ctx context.Context, c *mautrix.Client) error {
			return request(ctx, c, http.MethodGet, path("v3", "rooms", room, "messages"), query, nil, &page)
		})
		if err != nil {
			return nil, false, err
		}
		before = append(before, page.Chunk...)
		if page.End == "" || page.End == query["from"] || len(page.Chunk) == 0 {
			slices.Reverse(before)
			return append(before, t.Events...), true, nil
		}
		query["from"] = page.End
	}
	return nil, false, nil
}

// missedFilter asks for nothing but timelines, and for no room's at first.
func missedFilter(since string, types []string) string {
	nothing := map[string]any{"types": []string{}}
	room := map[string]any{
		"timeline": map[string]any{"limit": missedSize, "types": types},
		"state":    map[string]any{"types": []string{}, "lazy_load_members": true}, "ephemeral": nothing, "account_data": nothing,
	}
	if since == "" {
		room["rooms"] = []string{}
	}
	filter, err := json.Marshal(map[string]any{"room": room, "presence": nothing, "account_data": nothing})
	if err != nil {
		return "{}" // strings and numbers cannot fail
	}
	return string(filter)
}

// inRoom is an event with the room's ID in it, which /sync leaves out.
func inRoom(raw json.RawMessage, room id.RoomID) json.RawMessage {
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		return raw
	}
	fields["room_id"], _ = json.Marshal(room) // a string cannot fail
	out, err := json.Marshal(fields)
	if err != nil {
		return raw
	}
	return out
}
