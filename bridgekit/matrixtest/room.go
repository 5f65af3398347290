package matrixtest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// maxRoomVersion is the newest room version known.
const maxRoomVersion = 12

type stateID struct{ typ, key string }

// A reactionID is what may be there only once.
type reactionID struct{ sender, typ, target, key string }

type room struct {
	id         string
	number     int64 // order of creation
	version    string
	creator    string
	privileged map[string]bool // creators, from version 12 on
	timeline   []*Event        // elements are replaced only in a copy of the slice
	state      map[stateID]*Event
	power      *PowerLevels // nil until the first event
	reactions  map[reactionID]struct{}
	relations  map[string][]string // events by the one they relate to
	services   map[*appservice]int // how many joined users are an appservice's
	aliases    []string
	published  bool
	typing     map[string]*typist
	typingPos  int64
	receipts   map[receiptID]receipt
}

func (rm *room) get(typ, key string) *Event { return rm.state[stateID{typ, key}] }

// membership is "" for somebody who never had to do with the room.
func (rm *room) membership(userID string) string {
	if e := rm.get("m.room.member", userID); e != nil {
		return e.membership
	}
	return ""
}

func (rm *room) joinRule() string {
	if e := rm.get("m.room.join_rules", ""); e != nil {
		return e.Text("join_rule")
	}
	return "invite"
}

// joinedRoom finds a room for somebody who must be in it. Called under mu.
func (hs *Server) joinedRoom(roomID, userID string) (*room, *Error) {
	rm := hs.rooms[roomID]
	if rm == nil || rm.membership(userID) != "join" {
		return nil, forbidden("User %s not in room %s", userID, roomID)
	}
	return rm, nil
}

// authorize applies the authorisation rules of room version 10 and newer to
// all events but memberships.
func (rm *room) authorize(d draft) *Error {
	if d.typ == "m.room.create" && len(rm.timeline) > 0 {
		return forbidden("A room is created once")
	}
	if len(rm.timeline) == 0 {
		return nil
	}
	if rm.membership(d.sender) != "join" {
		return forbidden("User %s not in room %s", d.sender, rm.id)
	}
	if need, have := rm.levels().required(d.typ, d.stateKey != nil), rm.level(d.sender); have < need {
		return forbidden("You don't have permission to post that to the room. user_level (%d) < send_level (%d)", have, need)
	}
	if d.stateKey == nil {
		return nil
	}
	if strings.HasPrefix(*d.stateKey, "@") && *d.stateKey != d.sender {
		return forbidden("You are not allowed to set others state")
	}
	if d.typ == "m.room.power_levels" {
		return rm.authPower(d)
	}
	return nil
}

// add checks an event against its room and appends it. State that changes
// nothing is no new event: the one that is there is returned. Called under
// mu; with announce false the room is still being built.
func (hs *Server) add(rm *room, d draft, announce bool) (*Event, *Error) {
	isMember := d.typ == "m.room.member" && d.stateKey != nil
	if !isMember {
		if err := rm.authorize(d); err != nil {
			return nil, err
		}
	}
	var prev *Event
	if d.stateKey != nil {
		prev = rm.get(d.typ, *d.stateKey)
		if prev != nil && prev.Sender == d.sender && bytes.Equal(prev.Content, d.content) {
			return prev, nil
		}
	}
	if err := hs.checkRelation(rm, d); err != nil {
		return nil, err
	}
	e := &Event{
		ID: "$" + hs.newID(rm.id, d.sender, d.typ), Room: rm.id, Type: d.typ, Sender: d.sender, StateKey: d.stateKey, Content: d.content,
		TS: d.ts, Pos: hs.nextPos(), Redacts: d.redacts, rel: d.rel, prev: prev, txn: d.txn, txnScope: d.txnScope,
	}
	if isMember {
		e.membership = textOf(d.content, "membership")
	}
	if prev != nil && prev.prev != nil {
		// One step of history is all that is ever shown.
		last := *prev
		last.prev = nil
		e.prev = &last
	}
	rm.apply(e)
	if announce {
		hs.announce(rm, e)
	}
	return e, nil
}

// apply makes the event part of the room.
func (rm *room) apply(e *Event) {
	rm.timeline = append(rm.timeline, e)
	if e.rel.Type != "" {
		rm.relations[e.rel.EventID] = append(rm.relations[e.rel.EventID], e.ID)
		if e.rel.Type == "m.annotation" {
			rm.reactions[reactionOf(e.Sender, e.Type, e.rel)] = struct{}{}
		}
	}
	if e.StateKey == nil {
		return
	}
	rm.state[stateID{e.Type, *e.StateKey}] = e
	if e.Type == "m.room.power_levels" && *e.StateKey == "" {
		if p, err := parsePower(e.Content); err == nil { // was checked before
			rm.power = &p
		}
	}
}

func reactionOf(sender, typ string, rel relation) reactionID {
	return reactionID{sender: sender, typ: typ, target: rel.EventID, key: rel.Key}
}

// announce tells the world about an event: indexes, appservices, sync.
// Called under mu.
func (hs *Server) announce(rm *room, e *Event) {
	hs.events[e.ID] = e
	if e.membership != "" {
		u := hs.account(*e.StateKey)
		u.rooms[rm] = struct{}{}
		was := e.prev != nil && e.prev.membership == "join"
		if is := e.membership == "join"; is != was {
			hs.countMember(rm, u.id, is)
		}
	}
	for _, as := range hs.services {
		if as.wants(rm, e) {
			as.enqueue(hs.pushForm(rm, e, as))
		}
	}
	hs.changed()
}

// checkRelation applies Synapse's rules for m.relates_to.
func (hs *Server) checkRelation(rm *room, d draft) *Error {
	if d.rel.Type == "" {
		return nil
	}
	parent := hs.events[d.rel.EventID]
	switch {
	case parent == nil:
		return badRequest(codeUnknown, "Can't send relation to unknown event")
	case parent.Room != rm.id:
		return badRequest(codeUnknown, "Relations must be in the same room")
	case d.rel.Type == "m.thread" && parent.rel.Type != "":
		return badRequest(codeUnknown, "Cannot start threads from an event with a relation")
	}
	if d.rel.Type == "m.annotation" {
		if _, ok := rm.reactions[reactionOf(d.sender, d.typ, d.rel)]; ok {
			return badRequest("M_DUPLICATE_ANNOTATION", "Can't send same reaction twice")
		}
	}
	return nil
}

// removeContent replaces an event by its pruned copy. Called under mu.
func (hs *Server) removeContent(rm *room, target, redaction *Event) {
	if target.RedactedBy != nil {
		return
	}
	pruned := *target
	pruned.Original, pruned.Content, pruned.RedactedBy = target.Content, prune(target, rm.version), redaction
	pruned.rel = relation{}
	rm.timeline = slices.Clone(rm.timeline) // snapshots share the old one
	if i, ok := rm.find(target.Pos); ok {
		rm.timeline[i] = &pruned
	}
	hs.events[target.ID] = &pruned
	if target.StateKey != nil && rm.state[stateID{target.Type, *target.StateKey}] == target {
		rm.state[stateID{target.Type, *target.StateKey}] = &pruned
	}
	if target.rel.Type == "" {
		return
	}
	delete(rm.reactions, reactionOf(target.Sender, target.Type, target.rel))
	siblings := rm.relations[target.rel.EventID]
	rm.relations[target.rel.EventID] = slices.DeleteFunc(slices.Clone(siblings), func(id string) bool { return id == target.ID })
}

// find returns the index of the first event at or behind a position.
func (rm *room) find(pos int64) (int, bool) {
	return slices.BinarySearchFunc(rm.timeline, pos, func(e *Event, pos int64) int {
		switch {
		case e.Pos < pos:
			return -1
		case e.Pos > pos:
			return 1
		}
		return 0
	})
}

// preview is the stripped state for people who were invited (Client-Server
// API, "Stripped state").
func (rm *room) preview() []json.RawMessage {
	list := []json.RawMessage{}
	for _, typ := range []string{
		"m.room.create", "m.room.name", "m.room.avatar", "m.room.topic",
		"m.room.join_rules", "m.room.canonical_alias", "m.room.encryption",
	} {
		if e := rm.get(typ, ""); e != nil {
			list = append(list, stripped(e))
		}
	}
	return list
}
