package matrixtest

import "slices"

// Purge removes a room for good, as an administrator of a homeserver can: nobody
// was ever in it.
func (hs *Server) Purge(roomID string) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	rm := hs.rooms[roomID]
	if rm == nil {
		return
	}
	for _, e := range rm.timeline {
		delete(hs.events, e.ID)
	}
	for name, a := range hs.aliases {
		if a.room == roomID {
			delete(hs.aliases, name)
		}
	}
	for _, u := range hs.users {
		delete(u.rooms, rm)
	}
	delete(hs.rooms, roomID)
	hs.changed()
}

// Rewind takes a room back to an event, as a homeserver does whose data was
// restored from a backup: what came later was never there. Nothing but messages
// may have.
func (hs *Server) Rewind(roomID, eventID string) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	rm := hs.rooms[roomID]
	i := slices.IndexFunc(rm.timeline, func(e *Event) bool { return e.ID == eventID })
	if i < 0 {
		hs.opts.Fail("matrixtest: rewind: no event %s in %s", eventID, roomID)
		return
	}
	lost := rm.timeline[i+1:]
	rm.timeline = slices.Clip(rm.timeline[:i+1])
	for _, e := range lost {
		if e.StateKey != nil {
			hs.opts.Fail("matrixtest: rewind: %s is state", e.Type)
			return
		}
		delete(hs.events, e.ID)
		delete(rm.relations, e.ID)
		delete(rm.reactions, reactionOf(e.Sender, e.Type, e.rel))
		rm.relations[e.rel.EventID] = slices.DeleteFunc(slices.Clone(rm.relations[e.rel.EventID]), func(id string) bool { return id == e.ID })
	}
	hs.changed()
}
