package matrixtest

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
)

// checkAlias says whether somebody may create an alias. Called under mu.
func (hs *Server) checkAlias(name string, who session) *Error {
	local, ok := strings.CutPrefix(name, "#")
	domainOK := strings.HasSuffix(local, ":"+hs.opts.Domain)
	if !ok || !domainOK || len(name) > maxField {
		return badRequest(codeInvalidParam, "Room alias must be local")
	}
	if who.service != nil && !who.service.matches(who.service.aliases, name) {
		return badRequest(codeExclusive, "This application service has not reserved this kind of alias.")
	}
	for _, as := range hs.services {
		if as != who.service && as.exclusive(as.aliases, name) {
			return badRequest(codeExclusive, "This alias is reserved by an application service.")
		}
	}
	if _, taken := hs.aliases[name]; taken {
		return badRequest(codeRoomInUse, "Room alias already taken")
	}
	return nil
}

// setAlias and dropAlias keep both directions. Called under mu.
func (hs *Server) setAlias(rm *room, name, creator string) {
	hs.aliases[name] = alias{room: rm.id, creator: creator}
	rm.aliases = append(rm.aliases, name)
}

func (hs *Server) dropAlias(name string) {
	if rm := hs.rooms[hs.aliases[name].room]; rm != nil {
		rm.aliases = slices.DeleteFunc(slices.Clone(rm.aliases), func(a string) bool { return a == name })
	}
	delete(hs.aliases, name)
}

func (hs *Server) moveAliases(from, to *room) {
	for _, name := range from.aliases {
		hs.setAlias(to, name, hs.aliases[name].creator)
	}
	from.aliases = nil
}

// checkCanonicalAlias refuses aliases that do not lead to the room. Called
// under mu.
func (hs *Server) checkCanonicalAlias(rm *room, content json.RawMessage) *Error {
	var c struct {
		Alias string   `json:"alias"`
		Alt   []string `json:"alt_aliases"`
	}
	if err := decodeObject(content, &c); err != nil {
		return err
	}
	for _, name := range append(c.Alt, c.Alias) {
		if name != "" && hs.aliases[name].room != rm.id {
			return badRequest("M_BAD_ALIAS", "Room alias %s does not point to the room", name)
		}
	}
	return nil
}

// resolve finds a room by alias; an appservice in whose namespace it is gets
// the chance to make it (Application Service API, "Querying").
func (hs *Server) resolve(ctx context.Context, name string) (string, *Error) {
	for asked := false; ; asked = true {
		hs.mu.Lock()
		a, ok := hs.aliases[name]
		hs.mu.Unlock()
		switch {
		case ok:
			return a.room, nil
		case asked || !hs.askRoom(ctx, name):
			return "", notFound("Room alias %s not found", name)
		}
	}
}

func (c *call) getAlias() (any, *Error) {
	name := c.param("roomAlias")
	if !strings.HasPrefix(name, "#") || !strings.Contains(name, ":") {
		return nil, badRequest(codeInvalidParam, "Room alias invalid")
	}
	id, err := c.hs.resolve(c.r.Context(), name)
	if err != nil {
		return nil, err
	}
	return map[string]any{"room_id": id, "servers": []string{c.hs.opts.Domain}}, nil
}

func (c *call) putAlias() (any, *Error) {
	var req struct {
		RoomID string `json:"room_id"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	if req.RoomID == "" {
		return nil, badRequest(codeMissingParam, "Missing params: ['room_id']")
	}
	hs := c.hs
	hs.mu.Lock()
	defer hs.mu.Unlock()
	name := c.param("roomAlias")
	if err := hs.checkAlias(name, c.auth); err != nil {
		if err.Code == codeRoomInUse {
			err.Status, err.Code = 409, codeUnknown // as the specification has it for this endpoint
		}
		return nil, err
	}
	rm := hs.rooms[req.RoomID]
	if rm == nil || c.auth.service == nil && rm.membership(c.auth.user.id) != "join" {
		return nil, forbidden("You must be in the room to create an alias for it")
	}
	hs.setAlias(rm, name, c.auth.user.id)
	hs.changed()
	return nil, nil
}

func (c *call) deleteAlias() (any, *Error) {
	hs := c.hs
	hs.mu.Lock()
	defer hs.mu.Unlock()
	name := c.param("roomAlias")
	a, ok := hs.aliases[name]
	as := c.auth.service
	switch {
	case !ok:
		return nil, notFound("Room alias %s not found", name)
	case as != nil && !as.matches(as.aliases, name):
		return nil, badRequest(codeExclusive, "This application service has not reserved this kind of alias.")
	}
	rm := hs.rooms[a.room]
	if as == nil && a.creator != c.auth.user.id && rm.level(c.auth.user.id) < rm.levels().required("m.room.canonical_alias", true) {
		return nil, forbidden("You don't have permission to delete the alias.")
	}
	hs.dropAlias(name)
	hs.changed()
	return nil, nil
}

func (c *call) roomAliases() (any, *Error) {
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	rm, err := c.hs.joinedRoom(c.param("roomId"), c.auth.user.id)
	if err != nil {
		return nil, err
	}
	return map[string][]string{"aliases": append([]string{}, rm.aliases...)}, nil
}

func (c *call) getListed() (any, *Error) {
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	rm := c.hs.rooms[c.param("roomId")]
	switch {
	case rm == nil:
		return nil, notFound("Unknown room")
	case rm.published:
		return map[string]string{"visibility": "public"}, nil
	}
	return map[string]string{"visibility": "private"}, nil
}

func (c *call) putListed() (any, *Error) {
	req := struct {
		Visibility string `json:"visibility"`
	}{"public"}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	if req.Visibility != "public" && req.Visibility != "private" {
		return nil, badRequest(codeInvalidParam, "visibility must be public or private")
	}
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	rm, err := c.hs.joinedRoom(c.param("roomId"), c.auth.user.id)
	if err != nil {
		return nil, err
	}
	if rm.level(c.auth.user.id) < rm.levels().required("m.room.canonical_alias", true) {
		return nil, forbidden("You must be a moderator to publish the room")
	}
	rm.published = req.Visibility == "public"
	c.hs.changed()
	return nil, nil
}

func (c *call) publicRooms() (any, *Error) {
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	chunk := []map[string]any{}
	for _, rm := range c.hs.rooms {
		if !rm.published {
			continue
		}
		joined := 0
		for id, e := range rm.state {
			if id.typ == "m.room.member" && e.membership == "join" {
				joined++
			}
		}
		chunk = append(chunk, map[string]any{
			"room_id": rm.id, "name": rm.text("m.room.name", "name"), "topic": rm.text("m.room.topic", "topic"),
			"num_joined_members": joined, "world_readable": false, "guest_can_join": false,
		})
	}
	return map[string]any{"chunk": chunk, "total_room_count_estimate": len(chunk)}, nil
}

// text reads one string of a state event.
func (rm *room) text(typ, key string) string {
	if e := rm.get(typ, ""); e != nil {
		return e.Text(key)
	}
	return ""
}
