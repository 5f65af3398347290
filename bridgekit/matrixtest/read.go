package matrixtest

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// seen finds a room for somebody who may read it and the position up to
// which they may: all for members, up to their end for those who left or
// were banned. Called under mu.
func (hs *Server) seen(roomID, userID string) (*room, int64, *Error) {
	rm := hs.rooms[roomID]
	if rm != nil {
		switch e := rm.get("m.room.member", userID); {
		case e == nil:
		case e.membership == "join":
			return rm, hs.pos, nil
		case (e.membership == "leave" || e.membership == "ban") && e.prev != nil && e.prev.membership == "join":
			return rm, e.Pos, nil
		}
	}
	return nil, 0, forbidden("User %s not in room %s, and room previews are disabled", userID, roomID)
}

// encode makes the client's form of an event.
func (c *call) encode(e *Event) json.RawMessage {
	return appendEvent(nil, e, eventForm{room: true, now: c.hs.nowMS(), scope: c.auth.scope()})
}

func (c *call) encodeAll(events []*Event) []json.RawMessage {
	out := make([]json.RawMessage, len(events))
	for i, e := range events {
		out[i] = c.encode(e)
	}
	return out
}

func (rm *room) stateEvents() []*Event {
	out := make([]*Event, 0, len(rm.state))
	for _, e := range rm.state {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b *Event) int { return int(a.Pos - b.Pos) })
	return out
}

func (c *call) getAllState() (any, *Error) {
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	rm, _, err := c.hs.seen(c.param("roomId"), c.auth.user.id)
	if err != nil {
		return nil, err
	}
	return c.encodeAll(rm.stateEvents()), nil
}

func (c *call) getState() (any, *Error) {
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	rm, _, err := c.hs.seen(c.param("roomId"), c.auth.user.id)
	if err != nil {
		return nil, err
	}
	e := rm.get(c.param("eventType"), c.param("stateKey"))
	switch {
	case e == nil:
		return nil, notFound("Event not found.")
	case c.query.Get("format") == "event":
		return c.encode(e), nil
	}
	return e.Content, nil
}

func (c *call) getMembers() (any, *Error) {
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	rm, _, err := c.hs.seen(c.param("roomId"), c.auth.user.id)
	if err != nil {
		return nil, err
	}
	want, not := c.query.Get("membership"), c.query.Get("not_membership")
	chunk := []json.RawMessage{}
	for _, e := range rm.stateEvents() {
		if e.Type == "m.room.member" && (want == "" || e.membership == want) && e.membership != not {
			chunk = append(chunk, c.encode(e))
		}
	}
	return map[string]any{"chunk": chunk}, nil
}

func (c *call) joinedMembers() (any, *Error) {
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	rm, err := c.hs.joinedRoom(c.param("roomId"), c.auth.user.id)
	if err != nil {
		return nil, err
	}
	type profile struct {
		Name   string `json:"display_name,omitempty"`
		Avatar string `json:"avatar_url,omitempty"`
	}
	joined := map[string]profile{}
	for id, e := range rm.state {
		if id.typ == "m.room.member" && e.membership == "join" {
			joined[id.key] = profile{Name: e.Text("displayname"), Avatar: e.Text("avatar_url")}
		}
	}
	return map[string]any{"joined": joined}, nil
}

func (c *call) joinedRooms() (any, *Error) {
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	ids := []string{}
	for rm := range c.auth.user.rooms {
		if rm.membership(c.auth.user.id) == "join" {
			ids = append(ids, rm.id)
		}
	}
	slices.Sort(ids)
	return map[string]any{"joined_rooms": ids}, nil
}

// visible finds an event for somebody who may read it. Called under mu.
func (c *call) visible() (*room, *Event, *Error) {
	rm, last, err := c.hs.seen(c.param("roomId"), c.auth.user.id)
	if err != nil {
		return nil, nil, err
	}
	e := c.hs.events[c.param("eventId")]
	if e == nil || e.Room != rm.id || e.Pos > last {
		return nil, nil, notFound("Event not found.")
	}
	return rm, e, nil
}

func (c *call) getEvent() (any, *Error) {
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	_, e, err := c.visible()
	if err != nil {
		return nil, err
	}
	return c.encode(e), nil
}

func (c *call) context() (any, *Error) {
	limit, err := c.intQuery("limit", 10)
	if err != nil {
		return nil, err
	}
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	rm, e, err := c.visible()
	if err != nil {
		return nil, err
	}
	i, _ := rm.find(e.Pos)
	from, to := max(0, i-limit/2), min(len(rm.timeline), i+1+(limit+1)/2)
	before := c.encodeAll(rm.timeline[from:i])
	slices.Reverse(before)
	return map[string]any{
		"event": c.encode(e), "events_before": before, "events_after": c.encodeAll(rm.timeline[i+1 : to]),
		"start": token(rm.timeline[from].Pos - 1), "end": token(rm.timeline[to-1].Pos), "state": c.encodeAll(rm.stateEvents()),
	}, nil
}

// A token stands between two positions: behind the one it names.
func token(pos int64) string { return "s" + strconv.FormatInt(pos, 10) }

func parseToken(s string, fallback int64) (int64, *Error) {
	if s == "" {
		return fallback, nil
	}
	digits, ok := strings.CutPrefix(s, "s")
	n, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || n < 0 {
		return 0, badRequest(codeInvalidParam, "Invalid stream token %q", s)
	}
	return n, nil
}

// A page is a stretch of a list of events that was asked for by dir, from,
// to and limit.
type page struct {
	back     bool
	from, to int64
	limit    int
}

func (c *call) page(last int64, defaultDir string, limit int) (page, *Error) {
	dir := c.query.Get("dir")
	setDefault(&dir, defaultDir)
	p := page{back: dir == "b"}
	switch {
	case dir == "":
		return p, badRequest(codeMissingParam, "Missing query parameter dir")
	case dir != "b" && dir != "f":
		return p, badRequest(codeInvalidParam, "dir must be b or f")
	}
	fallback, end := int64(0), last
	if p.back {
		fallback, end = last, 0
	}
	var err *Error
	if p.from, err = parseToken(c.query.Get("from"), fallback); err != nil {
		return p, err
	}
	if p.to, err = parseToken(c.query.Get("to"), end); err != nil {
		return p, err
	}
	p.limit, err = c.intQuery("limit", limit)
	p.limit = min(max(p.limit, 1), 1000)
	return p, err
}

// cut takes the page out of events, which are in order. next is "" at the
// end of what there is.
func (p page) cut(events []*Event) (chunk []*Event, next string) {
	low, high := p.from, p.to
	if p.back {
		low, high = p.to, p.from
	}
	for _, e := range events {
		if e.Pos > low && e.Pos <= high {
			chunk = append(chunk, e)
		}
	}
	if p.back {
		slices.Reverse(chunk)
	}
	if len(chunk) <= p.limit {
		return chunk, ""
	}
	chunk = chunk[:p.limit]
	pos := chunk[p.limit-1].Pos
	if p.back {
		pos--
	}
	return chunk, token(pos)
}

func (c *call) messages() (any, *Error) {
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	rm, last, err := c.hs.seen(c.param("roomId"), c.auth.user.id)
	if err != nil {
		return nil, err
	}
	p, err := c.page(last, "", 10)
	if err != nil {
		return nil, err
	}
	i, exact := rm.find(last)
	if exact {
		i++
	}
	chunk, next := p.cut(rm.timeline[:i])
	out := map[string]any{"start": token(p.from), "chunk": c.encodeAll(chunk)}
	if next != "" {
		out["end"] = next
	}
	return out, nil
}

func (c *call) relations() (any, *Error) {
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	rm, e, err := c.visible()
	if err != nil {
		return nil, err
	}
	p, err := c.page(c.hs.pos, "b", 5)
	if err != nil {
		return nil, err
	}
	var children []*Event
	for _, id := range rm.relations[e.ID] {
		child := c.hs.events[id]
		relType, typ := c.param("relType"), c.param("eventType")
		if (relType == "" || relType == child.rel.Type) && (typ == "" || typ == child.Type) {
			children = append(children, child)
		}
	}
	chunk, next := p.cut(children)
	out := map[string]any{"chunk": c.encodeAll(chunk)}
	if next != "" {
		out["next_batch"] = next
	}
	return out, nil
}
