package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"maunium.net/go/mautrix/event"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/testbed/matrixuser"
)

// A sight is all that a person with a client has seen, room by room.
type sight struct {
	user *matrixuser.User

	mu      sync.Mutex // guards what follows
	mark    int        // of the log, up to which it is read
	rooms   map[string]*seenRoom
	invites []string // rooms that the person was asked into and has not entered
}

func newSight(u *matrixuser.User) *sight { return &sight{user: u, rooms: map[string]*seenRoom{}} }

// look reads what is new. Call it with mu held.
func (s *sight) look() {
	fresh := s.user.Since(s.mark)
	s.mark += len(fresh)
	for _, e := range fresh {
		id := e.RoomID.String()
		if e.Section == matrixuser.Ephemeral {
			continue
		}
		if e.Section == matrixuser.Invite {
			if matrixuser.Invited(s.user.ID())(e) {
				s.invites = append(s.invites, id)
			}
			continue
		}
		if s.rooms[id] == nil {
			s.rooms[id] = &seenRoom{byID: map[string]*matrixtest.Event{}, state: map[[2]string]*matrixtest.Event{}}
		}
		s.rooms[id].add(e)
	}
}

// A seenRoom is a room as its member's client has it.
type seenRoom struct {
	events []*matrixtest.Event
	byID   map[string]*matrixtest.Event
	state  map[[2]string]*matrixtest.Event
}

// add takes in an event that came down /sync.
func (r *seenRoom) add(from matrixuser.Event) {
	if r.byID[from.ID.String()] != nil {
		return // state that is in the timeline too
	}
	e := &matrixtest.Event{
		ID: from.ID.String(), Room: from.RoomID.String(), Type: from.Type.Type, Sender: from.Sender.String(), StateKey: from.StateKey,
		Content: from.Content.VeryRaw, TS: from.Timestamp, Redacts: from.Redacts.String(),
	}
	if len(e.Content) == 0 {
		e.Content = json.RawMessage("{}")
	}
	if from.Unsigned.RedactedBecause != nil {
		e.RedactedBy = &matrixtest.Event{ID: from.Unsigned.RedactedBecause.ID.String()}
	}
	r.byID[e.ID] = e
	if e.StateKey != nil {
		r.state[[2]string{e.Type, *e.StateKey}] = e
	}
	if from.Section == matrixuser.Timeline {
		r.events = append(r.events, e)
	}
	if e.Type == event.EventRedaction.Type {
		if e.Redacts == "" {
			e.Redacts = e.Text("redacts") // since room version 11
		}
		if of := r.byID[e.Redacts]; of != nil {
			of.RedactedBy = e
		}
	}
}

// A shot is a seenRoom at a moment. Events are as of now: whether they are removed
// may change.
type shot struct {
	s *sight
	r *seenRoom // nil: never seen
}

func (x shot) timeline() []*matrixtest.Event {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	if x.r == nil {
		return nil
	}
	return slices.Clone(x.r.events)
}

func (x shot) OfType(kind string) []*matrixtest.Event {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	if x.r == nil {
		return nil
	}
	var all []*matrixtest.Event
	for _, e := range x.r.events {
		if e.Type == kind && e.RedactedBy == nil {
			all = append(all, e)
		}
	}
	return all
}

func (x shot) Event(id string) *matrixtest.Event {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	if x.r == nil {
		return nil
	}
	return x.r.byID[id]
}

func (x shot) State(kind, key string) *matrixtest.Event {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	if x.r == nil {
		return nil
	}
	return x.r.state[[2]string{kind, key}]
}

func (x shot) Membership(who string) string {
	e := x.State("m.room.member", who)
	if e == nil {
		return ""
	}
	return e.Text("membership")
}

// rooms has everybody enter the rooms that they were asked into, and lists those
// that anybody is in.
func (r *real) rooms() []string {
	found := map[string]bool{}
	for _, name := range people() {
		s := r.sights[mxid(name)]
		s.mu.Lock()
		s.look()
		invites := s.invites
		s.invites = nil
		for id := range s.rooms {
			found[id] = true
		}
		s.mu.Unlock()
		for _, id := range invites {
			if err := r.do(mxid(name), http.MethodPost, "join/"+url.PathEscape(id), object{}, nil); err != nil && !strings.Contains(err.Error(), "M_FORBIDDEN") {
				s.mu.Lock()
				s.invites = append(s.invites, id) // another time
				s.mu.Unlock()
			}
		}
	}
	var all []string
	for id := range found {
		all = append(all, id)
	}
	slices.Sort(all)
	return all
}

// room is shown as the first of our people sees it who is in it.
func (r *real) room(id string) room {
	var any shot
	for _, name := range people() {
		s := r.sights[mxid(name)]
		s.mu.Lock()
		s.look()
		x := shot{s, s.rooms[id]}
		s.mu.Unlock()
		if x.Membership(mxid(name)) == "join" {
			return x
		}
		if any.r == nil {
			any = x
		}
	}
	return any
}
