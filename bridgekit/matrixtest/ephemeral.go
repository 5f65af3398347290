package matrixtest

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// A typist is somebody who is typing until a time.
type typist struct{ timer *time.Timer }

// A receiptID is what a person has one of per room.
type receiptID struct{ user, typ, thread string }

type receipt struct {
	event string
	ts    int64
	pos   int64
}

type presence struct {
	State  string `json:"presence"`
	Status string `json:"status_msg,omitempty"`
}

func (c *call) typing() (any, *Error) {
	var req struct {
		Typing  *bool `json:"typing"`
		Timeout int64 `json:"timeout"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	if req.Typing == nil {
		return nil, badRequest(codeMissingParam, "Missing params: ['typing']")
	}
	if err := c.own(c.param("userId")); err != nil {
		return nil, err
	}
	setDefault(&req.Timeout, 30000)
	hs, me := c.hs, c.auth.user.id
	hs.mu.Lock()
	defer hs.mu.Unlock()
	rm, err := hs.joinedRoom(c.param("roomId"), me)
	if err != nil {
		return nil, err
	}
	old := rm.typing[me]
	if old != nil {
		old.timer.Stop()
		delete(rm.typing, me)
	}
	if *req.Typing {
		t := &typist{}
		t.timer = hs.after(time.Duration(req.Timeout)*time.Millisecond, func() {
			if rm.typing[me] == t {
				delete(rm.typing, me)
				hs.typingChanged(rm)
			}
		})
		rm.typing[me] = t
	}
	if (old != nil) != *req.Typing {
		hs.typingChanged(rm)
	}
	return nil, nil
}

// typingChanged tells appservices and clients. Called under mu.
func (hs *Server) typingChanged(rm *room) {
	rm.typingPos = hs.nextPos()
	hs.pushEphemeral(rm, "", ephemeral("m.typing", rm.id, rm.typingContent()))
	hs.changed()
}

func (rm *room) typingContent() any {
	return map[string]any{"user_ids": append([]string{}, slices.Sorted(maps.Keys(rm.typing))...)}
}

// ephemeral encodes an event without an ID; room is "" in /sync.
func ephemeral(typ, room string, content any) json.RawMessage {
	e := map[string]any{"type": typ, "content": content}
	if room != "" {
		e["room_id"] = room
	}
	return mustJSON(e)
}

func (c *call) receipt() (any, *Error) {
	var req struct {
		Thread string `json:"thread_id"`
	}
	if err := c.decodeOptional(&req); err != nil {
		return nil, err
	}
	typ := c.param("receiptType")
	if typ != "m.read" && typ != "m.read.private" && typ != "m.fully_read" {
		return nil, badRequest(codeInvalidParam, "Receipt type must be m.read, m.read.private or m.fully_read")
	}
	if typ == "m.fully_read" && req.Thread != "" {
		return nil, badRequest(codeInvalidParam, "thread_id is not compatible with m.fully_read receipts.")
	}
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	rm, err := c.hs.joinedRoom(c.param("roomId"), c.auth.user.id)
	if err != nil {
		return nil, err
	}
	return nil, c.hs.mark(rm, c.auth.user, typ, c.param("eventId"), req.Thread)
}

func (c *call) readMarkers() (any, *Error) {
	var req map[string]json.RawMessage
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	rm, err := c.hs.joinedRoom(c.param("roomId"), c.auth.user.id)
	if err != nil {
		return nil, err
	}
	for _, typ := range []string{"m.fully_read", "m.read", "m.read.private"} {
		var id string
		if raw, ok := req[typ]; !ok {
			continue
		} else if json.Unmarshal(raw, &id) != nil {
			return nil, badJSON("%s must be an event ID", typ)
		}
		if err := c.hs.mark(rm, c.auth.user, typ, id, ""); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// mark moves a read marker forward; one that would go back is ignored, as on
// real servers. Called under mu.
func (hs *Server) mark(rm *room, u *user, typ, eventID, thread string) *Error {
	e := hs.events[eventID]
	if e == nil || e.Room != rm.id {
		return notFound("Event not found.")
	}
	if typ == "m.fully_read" {
		hs.setRoomData(u, rm.id, typ, mustJSON(map[string]string{"event_id": eventID}))
		return nil
	}
	id := receiptID{user: u.id, typ: typ, thread: thread}
	if old, ok := rm.receipts[id]; ok {
		if before := hs.events[old.event]; before != nil && before.Pos >= e.Pos {
			return nil
		}
	}
	r := receipt{event: eventID, ts: hs.nowMS(), pos: hs.nextPos()}
	rm.receipts[id] = r
	only := ""
	if typ == "m.read.private" {
		only = u.id
	}
	hs.pushEphemeral(rm, only, ephemeral("m.receipt", rm.id, receiptContent(map[receiptID]receipt{id: r})))
	hs.changed()
	return nil
}

// receiptContent is the content of m.receipt.
func receiptContent(list map[receiptID]receipt) any {
	out := map[string]map[string]map[string]map[string]any{}
	for id, r := range list {
		if out[r.event] == nil {
			out[r.event] = map[string]map[string]map[string]any{}
		}
		if out[r.event][id.typ] == nil {
			out[r.event][id.typ] = map[string]map[string]any{}
		}
		entry := map[string]any{"ts": r.ts}
		if id.thread != "" {
			entry["thread_id"] = id.thread
		}
		out[r.event][id.typ][id.user] = entry
	}
	return out
}

func (c *call) getPresence() (any, *Error) {
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	u := c.hs.users[c.param("userId")]
	if u == nil || !u.registered {
		return nil, notFound("Unknown user")
	}
	p := u.presence
	setDefault(&p.State, "offline")
	return p, nil
}

func (c *call) putPresence() (any, *Error) {
	if err := c.own(c.param("userId")); err != nil {
		return nil, err
	}
	var req presence
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	if !slices.Contains([]string{"online", "offline", "unavailable"}, req.State) {
		return nil, badJSON("Invalid presence state")
	}
	hs, u := c.hs, c.auth.user
	hs.mu.Lock()
	defer hs.mu.Unlock()
	u.presence = req
	e := mustJSON(map[string]any{"type": "m.presence", "sender": u.id, "content": req})
	for _, as := range hs.services {
		if as.shares(u) {
			as.enqueueEphemeral(e)
		}
	}
	hs.changed()
	return nil, nil
}
