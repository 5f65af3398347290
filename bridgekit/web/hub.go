package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/hub"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// Hubs are the rooms of several networks as people handle them. Its methods are those
// of the bot's backend, see command.Backend.
type Hubs interface {
	Hubs(ctx context.Context) ([]hub.View, error)
	Hub(ctx context.Context, room id.RoomID) ([]hub.View, error)
	SetHub(ctx context.Context, room id.RoomID, n network.NetworkID, name, value string) error
	HubBans(ctx context.Context, room id.RoomID) ([]store.HubBan, error)
	HubBan(ctx context.Context, room id.RoomID, by id.UserID, who hub.Banned, reason string) (string, error)
	HubUnban(ctx context.Context, room id.RoomID, who hub.Banned) (bool, string, error)
	Purge(ctx context.Context, room id.RoomID, who hub.Banned, since time.Time, reason string) (int, error)
}

// A HubChange is what a request about a room of several networks says; each uses some
// of it.
type HubChange struct {
	Room    id.RoomID         `json:"room"`
	Network network.NetworkID `json:"network,omitempty"`
	Setting string            `json:"setting,omitempty"`
	Value   string            `json:"value,omitempty"`
	Who     hub.Banned        `json:"who,omitempty"`
	Reason  string            `json:"reason,omitempty"`
	Since   time.Time         `json:"since,omitzero"`
}

// A HubResult is what became of a HubChange.
type HubResult struct {
	Note  string `json:"note,omitempty"`  // what could not be done
	Was   bool   `json:"was,omitempty"`   // there was something to undo
	Count int    `json:"count,omitempty"` // removed messages
}

// maxChange is how many bytes of a request are read.
const maxChange = 64 << 10

// WithHubs adds to Control:
//
//	GET  /hubs               the networks of all rooms that have several: []hub.View
//	GET  /hubs/room?room=    the networks of a room, also if it has one: []hub.View
//	GET  /hubs/bans?room=    a room's ban list: []store.HubBan
//	POST /hubs/set           a HubChange: network, setting, value
//	POST /hubs/ban           who, reason
//	POST /hubs/unban         who
//	POST /hubs/purge         who, since
func WithHubs(h Hubs) ControlOption {
	return func(c control, mux *http.ServeMux) {
		mux.HandleFunc("GET /hubs", func(w http.ResponseWriter, r *http.Request) {
			views, err := h.Hubs(r.Context())
			c.answer(w, views, err)
		})
		mux.HandleFunc("GET /hubs/room", func(w http.ResponseWriter, r *http.Request) {
			views, err := h.Hub(r.Context(), id.RoomID(r.URL.Query().Get("room")))
			if views == nil {
				views = []hub.View{}
			}
			c.answer(w, views, err)
		})
		mux.HandleFunc("GET /hubs/bans", func(w http.ResponseWriter, r *http.Request) {
			bans, err := h.HubBans(r.Context(), id.RoomID(r.URL.Query().Get("room")))
			if bans == nil {
				bans = []store.HubBan{}
			}
			c.answer(w, bans, err)
		})
		change := func(path string, do func(ctx context.Context, x HubChange) (HubResult, error)) {
			mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
				var x HubChange
				if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxChange)).Decode(&x); err != nil || x.Room == "" {
					writeJSON(w, http.StatusBadRequest, failure{"say which room"})
					return
				}
				result, err := do(r.Context(), x)
				c.answer(w, result, err)
			})
		}
		change("/hubs/set", func(ctx context.Context, x HubChange) (HubResult, error) {
			return HubResult{}, h.SetHub(ctx, x.Room, x.Network, x.Setting, x.Value)
		})
		change("/hubs/ban", func(ctx context.Context, x HubChange) (HubResult, error) {
			note, err := h.HubBan(ctx, x.Room, "", x.Who, x.Reason)
			return HubResult{Note: note}, err
		})
		change("/hubs/unban", func(ctx context.Context, x HubChange) (HubResult, error) {
			was, note, err := h.HubUnban(ctx, x.Room, x.Who)
			return HubResult{Was: was, Note: note}, err
		})
		change("/hubs/purge", func(ctx context.Context, x HubChange) (HubResult, error) {
			n, err := h.Purge(ctx, x.Room, x.Who, x.Since, x.Reason)
			return HubResult{Count: n}, err
		})
	}
}

// Hubs lists the networks of all rooms that have several.
func (c *Client) Hubs(ctx context.Context) ([]hub.View, error) {
	var views []hub.View
	err := c.do(ctx, http.MethodGet, "/hubs", &views)
	return views, err
}

// Hub lists the networks of a room.
func (c *Client) Hub(ctx context.Context, room id.RoomID) ([]hub.View, error) {
	var views []hub.View
	err := c.do(ctx, http.MethodGet, "/hubs/room?room="+url.QueryEscape(string(room)), &views)
	return views, err
}

// HubBans is the ban list of a room.
func (c *Client) HubBans(ctx context.Context, room id.RoomID) ([]store.HubBan, error) {
	var bans []store.HubBan
	err := c.do(ctx, http.MethodGet, "/hubs/bans?room="+url.QueryEscape(string(room)), &bans)
	return bans, err
}

// ChangeHub makes a change: set, ban, unban or purge.
func (c *Client) ChangeHub(ctx context.Context, what string, x HubChange) (HubResult, error) {
	body, err := json.Marshal(x)
	if err != nil {
		return HubResult{}, fmt.Errorf("make request: %w", err)
	}
	var result HubResult
	err = c.send(ctx, http.MethodPost, "/hubs/"+what, body, maxAnswer, &result)
	return result, err
}
