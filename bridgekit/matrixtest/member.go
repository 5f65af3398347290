package matrixtest

import (
	"encoding/json"
	"strings"
)

// A memberChange is somebody changing somebody's membership.
type memberChange struct {
	sender, target string
	membership     string
	reason         string
	direct         bool                       // is_direct of an invite
	ts             int64                      // 0: now
	content        map[string]json.RawMessage // of a state PUT; nil: made here
	building       bool                       // the room is not announced yet
}

// setMember checks and performs a change of membership. Called under mu.
func (hs *Server) setMember(rm *room, m memberChange) (*Event, *Error) {
	if err := hs.authMember(rm, m); err != nil {
		return nil, err
	}
	content := m.content
	if content == nil {
		content = map[string]json.RawMessage{}
	}
	content["membership"] = mustJSON(m.membership)
	if m.membership == "join" || m.membership == "invite" || m.membership == "knock" {
		for _, key := range []string{"displayname", "avatar_url"} {
			value, ok := hs.account(m.target).profile[key]
			if _, given := content[key]; ok && !given {
				content[key] = value
			}
		}
	}
	if m.reason != "" {
		content["reason"] = mustJSON(m.reason)
	}
	if m.direct && m.membership == "invite" {
		content["is_direct"] = json.RawMessage("true")
	}
	if m.ts == 0 {
		m.ts = hs.nowMS()
	}
	d, err := newDraft("m.room.member", m.sender, &m.target, mustJSON(content), m.ts)
	if err != nil {
		return nil, err
	}
	return hs.add(rm, d, !m.building)
}

// authMember applies authorisation rule 4 of room version 10 and newer.
func (hs *Server) authMember(rm *room, m memberChange) *Error {
	is, mine := rm.membership(m.target), rm.membership(m.sender)
	power, target := rm.level(m.sender), rm.level(m.target)
	levels := rm.levels()
	if m.membership != "join" && m.membership != "knock" && m.sender != m.target && mine != "join" {
		return forbidden("%s not in room %s.", m.sender, rm.id)
	}
	switch m.membership {
	case "join":
		return hs.authJoin(rm, m, is)
	case "knock":
		switch {
		case m.sender != m.target, is == "ban", is == "join", is == "invite":
			return forbidden("You cannot knock")
		case !strings.HasPrefix(rm.joinRule(), "knock"):
			return forbidden("You don't have permission to knock")
		}
	case "invite":
		switch {
		case mine != "join": // an invite to oneself
			return forbidden("%s not in room %s.", m.sender, rm.id)
		case is == "ban":
			return forbidden("%s is banned from the room", m.target)
		case is == "join":
			return forbidden("%s is already in the room.", m.target)
		case power < levels.Invite:
			return forbidden("You don't have permission to invite users")
		}
	case "leave":
		return authLeave(m, is, power, target, levels)
	case "ban":
		if mine != "join" || power < levels.Ban || target >= power {
			return forbidden("You don't have permission to ban")
		}
	}
	return nil
}

func authLeave(m memberChange, is string, power, target int64, levels *PowerLevels) *Error {
	switch {
	case m.sender == m.target && is != "join" && is != "invite" && is != "knock":
		return forbidden("User %s not in room", m.target)
	case m.sender == m.target:
		return nil
	case is == "ban" && power < levels.Ban:
		return forbidden("You cannot unban user %s", m.target)
	case is == "" || is == "leave":
		return forbidden("The target user %s is not in the room", m.target)
	case power < levels.Kick || target >= power:
		return forbidden("You cannot kick user %s.", m.target)
	}
	return nil
}

func (hs *Server) authJoin(rm *room, m memberChange, is string) *Error {
	switch {
	case m.sender != m.target:
		return forbidden("Cannot force another user to join.")
	case is == "ban":
		return forbidden("You are banned from this room")
	case len(rm.timeline) == 1 && m.sender == rm.creator, is == "join", is == "invite":
		return nil
	}
	switch rm.joinRule() {
	case "public":
		return nil
	case "restricted", "knock_restricted":
		if hs.allowed(rm, m.target) {
			return nil
		}
	}
	return forbidden("You are not invited to this room.")
}

// allowed says whether a restricted room takes a user for being in another
// room (MSC3083).
func (hs *Server) allowed(rm *room, userID string) bool {
	var rules struct {
		Allow []struct {
			Type   string `json:"type"`
			RoomID string `json:"room_id"`
		} `json:"allow"`
	}
	if rm.get("m.room.join_rules", "").Decode(&rules) != nil {
		return false
	}
	for _, a := range rules.Allow {
		other := hs.rooms[a.RoomID]
		if a.Type == "m.room_membership" && other != nil && other.membership(userID) == "join" {
			return true
		}
	}
	return false
}

// memberRequest is the body of the membership endpoints.
type memberRequest struct {
	UserID string `json:"user_id"`
	Reason string `json:"reason"`
}

// changeMember serves the endpoints that name a target.
func (c *call) changeMember(membership string, check func(*room, string) *Error) (any, *Error) {
	var req memberRequest
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	if req.UserID == "" {
		return nil, badRequest(codeMissingParam, "Missing params: ['user_id']")
	}
	if !strings.HasPrefix(req.UserID, "@") || !strings.Contains(req.UserID, ":") || len(req.UserID) > maxField {
		return nil, badRequest(codeInvalidParam, "%q is not a user ID", req.UserID)
	}
	ts, err := c.stamp()
	if err != nil {
		return nil, err
	}
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	rm := c.hs.rooms[c.param("roomId")]
	if rm == nil {
		return nil, forbidden("User %s not in room %s", c.auth.user.id, c.param("roomId"))
	}
	if err := check(rm, req.UserID); err != nil {
		return nil, err
	}
	_, err = c.hs.setMember(rm, memberChange{
		sender: c.auth.user.id, target: req.UserID, membership: membership, reason: req.Reason, ts: ts,
	})
	return nil, err
}

func anyTarget(*room, string) *Error { return nil }

func (c *call) invite() (any, *Error) { return c.changeMember("invite", anyTarget) }

func (c *call) ban() (any, *Error) { return c.changeMember("ban", anyTarget) }

func (c *call) kick() (any, *Error) {
	return c.changeMember("leave", func(rm *room, target string) *Error {
		if rm.membership(target) == "ban" {
			return forbidden("The target user %s is banned", target)
		}
		return nil
	})
}

func (c *call) unban() (any, *Error) {
	return c.changeMember("leave", func(rm *room, target string) *Error {
		if rm.membership(target) != "ban" {
			return forbidden("The target user %s is not banned", target)
		}
		return nil
	})
}

// changeOwn serves the endpoints by which people move themselves.
func (c *call) changeOwn(roomID, membership string) (any, *Error) {
	var req memberRequest
	if err := c.decodeOptional(&req); err != nil {
		return nil, err
	}
	ts, err := c.stamp()
	if err != nil {
		return nil, err
	}
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	rm, me := c.hs.rooms[roomID], c.auth.user.id
	switch {
	case rm == nil && membership == "leave":
		return nil, forbidden("User %s not in room %s", me, roomID)
	case rm == nil:
		return nil, notFound("Can't join remote room because no servers that are in the room have been provided.")
	case rm.membership(me) == "join" && membership == "join":
		return map[string]string{"room_id": rm.id}, nil
	}
	if _, err := c.hs.setMember(rm, memberChange{sender: me, target: me, membership: membership, reason: req.Reason, ts: ts}); err != nil {
		return nil, err
	}
	if membership == "leave" {
		return nil, nil
	}
	return map[string]string{"room_id": rm.id}, nil
}

func (c *call) joinRoom() (any, *Error) { return c.changeOwn(c.param("roomId"), "join") }
func (c *call) leave() (any, *Error)    { return c.changeOwn(c.param("roomId"), "leave") }

func (c *call) joinAlias() (any, *Error) { return c.changeByName("join") }
func (c *call) knock() (any, *Error)     { return c.changeByName("knock") }

func (c *call) changeByName(membership string) (any, *Error) {
	name := c.param("roomIdOrAlias")
	switch {
	case strings.HasPrefix(name, "#"):
		id, err := c.hs.resolve(c.r.Context(), name)
		if err != nil {
			return nil, err
		}
		name = id
	case !strings.HasPrefix(name, "!"):
		return nil, badRequest(codeInvalidParam, "%s was not legal room ID or room alias", name)
	}
	return c.changeOwn(name, membership)
}

func (c *call) forget() (any, *Error) {
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	rm := c.hs.rooms[c.param("roomId")]
	if rm == nil {
		return nil, notFound("Unknown room")
	}
	switch rm.membership(c.auth.user.id) {
	case "join", "invite", "knock":
		return nil, badRequest(codeUnknown, "User %s in room %s", c.auth.user.id, rm.id)
	}
	delete(c.auth.user.rooms, rm)
	return nil, nil
}
