package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/portal"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// scanTime is how long a request may take that asks about all rooms.
const scanTime = 30 * time.Minute

// Rooms is what operators do with portals and rooms, see package portal.
type Rooms interface {
	List(ctx context.Context, f portal.Filter) ([]portal.Listed, error)
	UnbridgeAll(ctx context.Context, portals []int64, deleteRooms bool) (int, error)
	Orphans(ctx context.Context) ([]portal.Orphan, error)
	CleanOrphans(ctx context.Context) ([]portal.Orphan, error)
	Cleanups(ctx context.Context, open bool) ([]store.Cleanup, error)
}

// unbridgeRequest is the body of POST /portals/unbridge.
type unbridgeRequest struct {
	Portals []int64 `json:"portals"`
	Delete  bool    `json:"delete"`
}

// A Count is how many of something were done.
type Count struct {
	Count int `json:"count"`
}

// RoomRoutes are the requests about portals and rooms:
//
//	GET  /portals[?network=…&inactive=2160h&name=…&closed=true]
//	POST /portals/unbridge   {"portals": [1, 2], "delete": false}
//	GET  /orphans            what earlier lives have left behind; asks about all rooms
//	POST /orphans/clean      clean that up
//	GET  /cleanups           rooms that people leave, or left lately
func RoomRoutes(r Rooms) ControlOption {
	return func(c control, mux *http.ServeMux) {
		answer := c.answer
		mux.HandleFunc("GET /portals", func(w http.ResponseWriter, req *http.Request) {
			f, err := parseFilter(req.URL.Query())
			if err != nil {
				writeJSON(w, http.StatusBadRequest, failure{"inactive is a duration like 2160h, closed is true or false"})
				return
			}
			all, err := r.List(req.Context(), f)
			answer(w, listOf(all), err)
		})
		mux.HandleFunc("POST /portals/unbridge", func(w http.ResponseWriter, req *http.Request) {
			var body unbridgeRequest
			if json.NewDecoder(http.MaxBytesReader(w, req.Body, maxAnswer)).Decode(&body) != nil || len(body.Portals) == 0 {
				writeJSON(w, http.StatusBadRequest, failure{"say which portals, by their numbers"})
				return
			}
			n, err := r.UnbridgeAll(req.Context(), body.Portals, body.Delete)
			answer(w, Count{n}, err)
		})
		mux.HandleFunc("GET /orphans", func(w http.ResponseWriter, req *http.Request) {
			all, err := r.Orphans(req.Context())
			answer(w, listOf(all), err)
		})
		mux.HandleFunc("POST /orphans/clean", func(w http.ResponseWriter, req *http.Request) {
			all, err := r.CleanOrphans(req.Context())
			answer(w, listOf(all), err)
		})
		mux.HandleFunc("GET /cleanups", func(w http.ResponseWriter, req *http.Request) {
			all, err := r.Cleanups(req.Context(), false)
			answer(w, listOf(all), err)
		})
	}
}

// listOf is a list that is not null in JSON.
func listOf[T any](all []T) []T {
	if all == nil {
		return []T{}
	}
	return all
}

func parseFilter(q url.Values) (f portal.Filter, err error) {
	f = portal.Filter{Network: network.NetworkID(q.Get("network")), Name: q.Get("name")}
	if v := q.Get("inactive"); v != "" {
		if f.Inactive, err = time.ParseDuration(v); err != nil {
			return f, err
		}
	}
	if v := q.Get("closed"); v != "" {
		f.Closed, err = strconv.ParseBool(v)
	}
	return f, err
}

// Portals lists the portals that a filter chooses, the longest inactive first.
func (c *Client) Portals(ctx context.Context, f portal.Filter) (all []portal.Listed, err error) {
	q := url.Values{}
	for name, v := range map[string]string{"network": string(f.Network), "name": f.Name} {
		if v != "" {
			q.Set(name, v)
		}
	}
	if f.Inactive > 0 {
		q.Set("inactive", f.Inactive.String())
	}
	if f.Closed {
		q.Set("closed", "true")
	}
	return all, c.patient().do(ctx, http.MethodGet, "/portals?"+q.Encode(), &all)
}

// Unbridge ends portals by their numbers and says how many there were.
func (c *Client) Unbridge(ctx context.Context, portals []int64, deleteRooms bool) (int, error) {
	body, err := json.Marshal(unbridgeRequest{portals, deleteRooms})
	if err != nil {
		return 0, fmt.Errorf("make request: %w", err)
	}
	var n Count
	err = c.patient().send(ctx, http.MethodPost, "/portals/unbridge", body, maxAnswer, &n)
	return n.Count, err
}

// Orphans lists what earlier lives have left behind.
func (c *Client) Orphans(ctx context.Context) (all []portal.Orphan, err error) {
	return all, c.patient().do(ctx, http.MethodGet, "/orphans", &all)
}

// CleanOrphans cleans that up and says what it was.
func (c *Client) CleanOrphans(ctx context.Context) (all []portal.Orphan, err error) {
	return all, c.patient().do(ctx, http.MethodPost, "/orphans/clean", &all)
}

// Cleanups lists the rooms that people leave one after another, or left lately.
func (c *Client) Cleanups(ctx context.Context) (all []store.Cleanup, err error) {
	return all, c.do(ctx, http.MethodGet, "/cleanups", &all)
}

// patient is a client for requests that ask about all rooms.
func (c *Client) patient() *Client {
	slow := *c.http
	slow.Timeout = scanTime
	return &Client{&slow}
}
