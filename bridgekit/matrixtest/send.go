package matrixtest

import (
	"encoding/json"
)

// send serves PUT /send, the request that matters for speed: the content is
// checked before the lock is taken.
func (c *call) send() (any, *Error) {
	ts, err := c.stamp()
	if err != nil {
		return nil, err
	}
	typ := c.param("eventType")
	if typ == "m.room.redaction" {
		return c.sendRedaction(textOf(c.body, "redacts"), c.body, ts)
	}
	d, err := newDraft(typ, c.auth.user.id, nil, c.body, ts)
	if err != nil {
		return nil, err
	}
	d.txn, d.txnScope = c.param("txnId"), c.auth.scope()
	hs := c.hs
	hs.mu.Lock()
	defer hs.mu.Unlock()
	rm, err := hs.joinedRoom(c.param("roomId"), d.sender)
	if err != nil {
		return nil, err
	}
	e, err := hs.add(rm, d, true)
	if err != nil {
		return nil, err
	}
	return eventIDAnswer(e), nil
}

func eventIDAnswer(e *Event) json.RawMessage {
	return json.RawMessage(`{"event_id":"` + e.ID + `"}`)
}

func (c *call) redact() (any, *Error) {
	var req map[string]json.RawMessage
	if err := c.decodeOptional(&req); err != nil {
		return nil, err
	}
	if req == nil {
		req = map[string]json.RawMessage{}
	}
	req["redacts"] = mustJSON(c.param("eventId"))
	return c.sendRedaction(c.param("eventId"), mustJSON(req), c.hs.nowMS()) // ?ts= does not work here
}

// sendRedaction removes an event's content. "redacts" stands in the content
// and beside it, for clients of rooms before and after version 11.
func (c *call) sendRedaction(target string, content json.RawMessage, ts int64) (any, *Error) {
	d, err := newDraft("m.room.redaction", c.auth.user.id, nil, content, ts)
	if err != nil {
		return nil, err
	}
	d.redacts, d.txn, d.txnScope = target, c.param("txnId"), c.auth.scope()
	hs := c.hs
	hs.mu.Lock()
	defer hs.mu.Unlock()
	rm, err := hs.joinedRoom(c.param("roomId"), d.sender)
	if err != nil {
		return nil, err
	}
	e := hs.events[target]
	switch {
	case e == nil:
		return nil, notFound("Unknown event %s", target)
	case e.Room != rm.id:
		return nil, badRequest(codeUnknown, "Cannot redact event from a different room")
	case e.Type == "m.room.create":
		return nil, forbidden("Redacting create events is not permitted")
	case e.Sender != d.sender && rm.level(d.sender) < rm.levels().Redact:
		return nil, forbidden("You don't have permission to redact events")
	}
	redaction, err := hs.add(rm, d, true)
	if err != nil {
		return nil, err
	}
	hs.removeContent(rm, e, redaction)
	return eventIDAnswer(redaction), nil
}

func (c *call) putState() (any, *Error) {
	ts, err := c.stamp()
	if err != nil {
		return nil, err
	}
	typ, key := c.param("eventType"), c.param("stateKey")
	d, err := newDraft(typ, c.auth.user.id, &key, c.body, ts)
	if err != nil {
		return nil, err
	}
	hs := c.hs
	hs.mu.Lock()
	defer hs.mu.Unlock()
	rm := hs.rooms[c.param("roomId")]
	if rm == nil {
		return nil, forbidden("User %s not in room %s", d.sender, c.param("roomId"))
	}
	e, err := hs.setState(rm, d)
	if err != nil {
		return nil, err
	}
	return eventIDAnswer(e), nil
}

// setState sends a state event of any type. Called under mu.
func (hs *Server) setState(rm *room, d draft) (*Event, *Error) {
	switch d.typ {
	case "m.room.member":
		m := memberChange{sender: d.sender, target: *d.stateKey, membership: textOf(d.content, "membership"), ts: d.ts}
		if err := decodeObject(d.content, &m.content); err != nil {
			return nil, err
		}
		return hs.setMember(rm, m)
	case "m.room.canonical_alias":
		if err := hs.checkCanonicalAlias(rm, d.content); err != nil {
			return nil, err
		}
	}
	return hs.add(rm, d, true)
}
