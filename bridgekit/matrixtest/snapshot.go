package matrixtest

import (
	"encoding/json"
	"maps"
	"slices"
)

// A Room is what a room was at a moment. It shares its events with the
// server and costs little to take, also of long rooms.
type Room struct {
	ID        string
	Version   string
	Creator   string
	Name      string
	Topic     string
	Avatar    string // mxc:// URI
	JoinRule  string
	Aliases   []string
	Published bool
	Power     PowerLevels
	// Timeline is all events in order, redacted ones pruned (see
	// Event.Original). Do not change it.
	Timeline []*Event
	// Typing is who is typing, sorted.
	Typing []string

	state    map[stateID]*Event
	receipts map[receiptID]receipt
}

// A Member is somebody's relation to a room.
type Member struct {
	Membership string
	Name       string
	Avatar     string // mxc:// URI
	Event      *Event
}

// Room returns a snapshot; of an unknown room it is empty.
func (hs *Server) Room(id string) Room {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	rm := hs.rooms[id]
	if rm == nil {
		return Room{}
	}
	return Room{
		ID: rm.id, Version: rm.version, Creator: rm.creator,
		Name: rm.text("m.room.name", "name"), Topic: rm.text("m.room.topic", "topic"), Avatar: rm.text("m.room.avatar", "url"),
		JoinRule: rm.joinRule(), Aliases: slices.Clone(rm.aliases), Published: rm.published, Power: *rm.levels(),
		Timeline: slices.Clip(rm.timeline), Typing: slices.Sorted(maps.Keys(rm.typing)),
		state: maps.Clone(rm.state), receipts: maps.Clone(rm.receipts),
	}
}

// RoomLen returns how many events a room has: a cheap condition for Wait.
func (hs *Server) RoomLen(id string) int {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if rm := hs.rooms[id]; rm != nil {
		return len(rm.timeline)
	}
	return 0
}

// Rooms returns all room IDs in the order of creation.
func (hs *Server) Rooms() []string {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	rooms := slices.SortedFunc(maps.Values(hs.rooms), func(a, b *room) int { return int(a.number - b.number) })
	ids := make([]string, len(rooms))
	for i, rm := range rooms {
		ids[i] = rm.id
	}
	return ids
}

// State returns a state event, nil if there is none.
func (r Room) State(typ, key string) *Event { return r.state[stateID{typ, key}] }

// Event returns an event of the timeline, nil if there is none.
func (r Room) Event(id string) *Event {
	for _, e := range r.Timeline {
		if e.ID == id {
			return e
		}
	}
	return nil
}

// OfType returns the events of a type that were not redacted.
func (r Room) OfType(typ string) []*Event {
	var out []*Event
	for _, e := range r.Timeline {
		if e.Type == typ && e.RedactedBy == nil {
			out = append(out, e)
		}
	}
	return out
}

// Bodies returns the texts of the messages that were not redacted; an edit is
// a message of its own.
func (r Room) Bodies() []string {
	var out []string
	for _, e := range r.OfType("m.room.message") {
		out = append(out, e.Body())
	}
	return out
}

// Members returns everybody who ever had to do with the room.
func (r Room) Members() map[string]Member {
	out := map[string]Member{}
	for id, e := range r.state {
		if id.typ == "m.room.member" {
			out[id.key] = Member{Membership: e.membership, Name: e.Text("displayname"), Avatar: e.Text("avatar_url"), Event: e}
		}
	}
	return out
}

// Membership returns one person's membership, "" for none.
func (r Room) Membership(userID string) string {
	if e := r.State("m.room.member", userID); e != nil {
		return e.membership
	}
	return ""
}

// Joined returns who is in the room, sorted.
func (r Room) Joined() []string {
	var out []string
	for id, e := range r.state {
		if id.typ == "m.room.member" && e.membership == "join" {
			out = append(out, id.key)
		}
	}
	slices.Sort(out)
	return out
}

// Receipt returns the event that a person's m.read or m.read.private names;
// thread is "", "main" or a root.
func (r Room) Receipt(userID, typ, thread string) string {
	return r.receipts[receiptID{user: userID, typ: typ, thread: thread}].event
}

// Event returns any event by its ID, nil if there is none.
func (hs *Server) Event(id string) *Event {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	return hs.events[id]
}

// Alias returns the room an alias leads to, "" if none.
func (hs *Server) Alias(name string) string {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	return hs.aliases[name].room
}

// Users returns the IDs of all registered accounts, sorted.
func (hs *Server) Users() []string {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	var out []string
	for id, u := range hs.users {
		if u.registered {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// Profile returns one key of a user's profile, "" if it is not set.
func (hs *Server) Profile(userID, key string) string {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	var s string
	if u := hs.users[userID]; u != nil {
		_ = json.Unmarshal(u.profile[key], &s) // not a string: ""
	}
	return s
}

// AccountData returns a user's account data, of a room or with roomID "" the
// global one; nil if it is not set.
func (hs *Server) AccountData(userID, roomID, typ string) json.RawMessage {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	u := hs.users[userID]
	switch {
	case u == nil:
		return nil
	case roomID == "":
		return u.data[typ].content
	}
	return u.roomData[roomID][typ].content
}

// Presence returns a user's presence and status message.
func (hs *Server) Presence(userID string) (state, status string) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if u := hs.users[userID]; u != nil {
		return u.presence.State, u.presence.Status
	}
	return "", ""
}
