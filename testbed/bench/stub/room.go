package stub

import (
	"encoding/json"
	"strconv"
)

// kept is how many events of a room are kept.
const kept = 1000

// A room is one room of one appservice. The service's lock guards it.
type room struct {
	id      string
	name    string
	members map[string]string // user: membership
	creator string
	state   map[[2]string]json.RawMessage // content by type and state key, but memberships
	events  []kindOfEvent                 // the newest, oldest first
}

// A kindOfEvent is what a bridge gets when it reads a room's history.
type kindOfEvent struct {
	ID      string          `json:"event_id"`
	Type    string          `json:"type"`
	Sender  string          `json:"sender"`
	Content json.RawMessage `json:"content"`
}

// create makes a room with who is in it.
func (a *service) create(as string, body []byte) (string, error) {
	var req struct {
		Alias  string          `json:"room_alias_name"`
		Name   string          `json:"name"`
		Invite []string        `json:"invite"`
		Levels json.RawMessage `json:"power_level_content_override"`
		State  []struct {
			Type    string          `json:"type"`
			Key     string          `json:"state_key"`
			Content json.RawMessage `json:"content"`
		} `json:"initial_state"`
	}
	if err := json.Unmarshal(body, &req); err != nil {
		return "", err
	}
	if req.Levels == nil {
		req.Levels = json.RawMessage(`{"users":{"` + as + `":100}}`)
	}
	state := map[[2]string]json.RawMessage{
		{"m.room.power_levels", ""}: req.Levels,
		{"m.room.create", ""}:       json.RawMessage(`{"room_version":"11"}`),
		{"m.room.join_rules", ""}:   json.RawMessage(`{"join_rule":"invite"}`),
	}
	for _, s := range req.State {
		if s.Type == "m.room.name" {
			req.Name = field(s.Content, "name")
		}
		state[[2]string{s.Type, s.Key}] = s.Content
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	r := &room{id: "!" + strconv.Itoa(len(a.rooms)+1) + ":bench", name: req.Name, creator: as, members: map[string]string{as: "join"}, state: state}
	for _, u := range req.Invite {
		r.members[u] = "invite"
	}
	a.rooms[r.id] = r
	a.names[req.Name] = r.id
	if req.Alias != "" {
		a.aliases["#"+req.Alias+":bench"] = r.id
	}
	return r.id, nil
}

// add adds an event to a room and returns its ID and the room's name.
func (a *service) add(roomID, kind, sender string, content []byte) (event, name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.events++
	event = "$" + strconv.Itoa(a.events)
	r := a.rooms[roomID]
	if r == nil {
		return event, ""
	}
	if len(r.events) >= 2*kept {
		r.events = append(r.events[:0], r.events[len(r.events)-kept:]...)
	}
	r.events = append(r.events, kindOfEvent{event, kind, sender, content})
	return event, r.name
}

// member sets somebody's membership.
func (a *service) member(roomID, user, membership string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r := a.rooms[roomID]; r != nil {
		r.members[user] = membership
	}
}

// history is a page of a room's events, newest first; from is where the page
// before ended.
func (a *service) history(roomID, from string, limit int) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	page := struct {
		Chunk []kindOfEvent `json:"chunk"`
		End   string        `json:"end,omitempty"`
	}{Chunk: []kindOfEvent{}}
	if r := a.rooms[roomID]; r != nil {
		skip, _ := strconv.Atoi(from) // none: from the newest
		for i := len(r.events) - 1 - skip; i >= 0 && len(page.Chunk) < limit; i-- {
			page.Chunk = append(page.Chunk, r.events[i])
		}
		if end := skip + len(page.Chunk); end < len(r.events) {
			page.End = strconv.Itoa(end)
		}
	}
	b, err := json.Marshal(page)
	if err != nil {
		return `{"chunk":[]}`
	}
	return string(b)
}

// memberEvents are the memberships of a room, as /members lists them.
func (a *service) memberEvents(roomID string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	chunk := []map[string]any{}
	if r := a.rooms[roomID]; r != nil {
		for u, m := range r.members {
			chunk = append(chunk, map[string]any{
				"type": "m.room.member", "state_key": u, "sender": u, "room_id": roomID, "event_id": "$" + u,
				"content": map[string]string{"membership": m},
			})
		}
	}
	b, err := json.Marshal(map[string]any{"chunk": chunk})
	if err != nil {
		return `{"chunk":[]}`
	}
	return string(b)
}

// joined lists who is in a room, as /joined_members does.
func (a *service) joined(roomID string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := map[string]struct{}{}
	if r := a.rooms[roomID]; r != nil {
		for u, m := range r.members {
			if m == "join" {
				list[u] = struct{}{}
			}
		}
	}
	b, err := json.Marshal(map[string]any{"joined": list})
	if err != nil {
		return `{"joined":{}}`
	}
	return string(b)
}

// membership is somebody's membership of a room, "" for none.
func (a *service) membership(roomID, user string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r := a.rooms[roomID]; r != nil {
		return r.members[user]
	}
	return ""
}

// named finds a room by its name, "" if there is none.
func (a *service) named(name string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.names[name]
}

// setState sets a piece of state.
func (a *service) setState(roomID, kind, key string, content []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r := a.rooms[roomID]; r != nil {
		r.state[[2]string{kind, key}] = content
	}
}

// stateOf reads a piece of state, as a whole event if asked for; "" if there is
// none.
func (a *service) stateOf(roomID, kind, key string, event bool) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.rooms[roomID]
	if r == nil {
		return ""
	}
	content := r.state[[2]string{kind, key}]
	if content == nil || !event {
		return string(content)
	}
	// Who set it last is not kept: nobody asks but for what the creator did.
	b, err := json.Marshal(map[string]any{
		"type": kind, "state_key": key, "sender": r.creator, "room_id": roomID, "event_id": "$" + kind, "content": content,
	})
	if err != nil {
		return ""
	}
	return string(b)
}
