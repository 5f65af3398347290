package matrixtest

import (
	"encoding/json"
	"maps"
	"slices"
)

// getProfile answers for one key or all. An unknown user in the namespace of
// an appservice is asked for there first.
func (c *call) getProfile() (any, *Error) {
	id, key := c.param("userId"), c.param("keyName")
	profile, ok := c.hs.profileOf(id)
	if !ok && c.hs.opts.Flavor == Dendrite && c.hs.askUser(c.r.Context(), id) {
		profile, ok = c.hs.profileOf(id)
	}
	if !ok {
		return nil, notFound("Profile was not found")
	}
	if key == "" {
		return profile, nil
	}
	value, ok := profile[key]
	if !ok {
		return nil, notFound("No %s set", key)
	}
	return map[string]json.RawMessage{key: value}, nil
}

func (hs *Server) profileOf(userID string) (map[string]json.RawMessage, bool) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	u := hs.users[userID]
	if u == nil || !u.registered {
		return nil, false
	}
	return maps.Clone(u.profile), true
}

// putProfile sets one key; displayname and avatar_url go on into the member
// events of all joined rooms.
func (c *call) putProfile() (any, *Error) {
	key := c.param("keyName")
	if err := c.own(c.param("userId")); err != nil {
		return nil, err
	}
	var req map[string]json.RawMessage
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	value, ok := req[key]
	if !ok {
		return nil, badRequest(codeMissingParam, "Missing key %s", key)
	}
	var s *string
	if standardProfile(key) {
		if json.Unmarshal(value, &s) != nil {
			return nil, badJSON("%s must be a string", key)
		}
		if s == nil || *s == "" {
			value = nil
		}
	}
	return nil, c.hs.setProfile(c.auth.user, key, value)
}

func (c *call) deleteProfile() (any, *Error) {
	if err := c.own(c.param("userId")); err != nil {
		return nil, err
	}
	return nil, c.hs.setProfile(c.auth.user, c.param("keyName"), nil)
}

func standardProfile(key string) bool { return key == "displayname" || key == "avatar_url" }

func (hs *Server) setProfile(u *user, key string, value json.RawMessage) *Error {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if value == nil {
		delete(u.profile, key)
	} else {
		u.profile[key] = value
	}
	if !standardProfile(key) {
		return nil
	}
	rooms := slices.SortedFunc(maps.Keys(u.rooms), func(a, b *room) int { return int(a.number - b.number) })
	for _, rm := range rooms {
		if rm.membership(u.id) != "join" {
			continue
		}
		if _, err := hs.setMember(rm, memberChange{sender: u.id, target: u.id, membership: "join"}); err != nil {
			return err
		}
	}
	return nil
}

func (c *call) getAccountData() (any, *Error) {
	if err := c.own(c.param("userId")); err != nil {
		return nil, err
	}
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	d, ok := c.auth.user.data[c.param("type")]
	if !ok {
		return nil, notFound("Account data not found")
	}
	return d.content, nil
}

func (c *call) putAccountData() (any, *Error) {
	if err := c.checkAccountData(c.param("type")); err != nil {
		return nil, err
	}
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	c.auth.user.data[c.param("type")] = accountData{c.body, c.hs.nextPos()}
	c.hs.changed()
	return nil, nil
}

// checkAccountData refuses the types that only the server writes.
func (c *call) checkAccountData(typ string) *Error {
	if err := c.own(c.param("userId")); err != nil {
		return err
	}
	if typ == "m.fully_read" || typ == "m.push_rules" {
		return fail(405, codeUnknown, "Cannot set %s through this API.", typ)
	}
	var content map[string]json.RawMessage
	return c.decode(&content)
}

func (c *call) getRoomData() (any, *Error) {
	if err := c.own(c.param("userId")); err != nil {
		return nil, err
	}
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	d, ok := c.auth.user.roomData[c.param("roomId")][c.param("type")]
	if !ok {
		return nil, notFound("Room account data not found")
	}
	return d.content, nil
}

func (c *call) putRoomData() (any, *Error) {
	if err := c.checkAccountData(c.param("type")); err != nil {
		return nil, err
	}
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	c.hs.setRoomData(c.auth.user, c.param("roomId"), c.param("type"), c.body)
	return nil, nil
}

// setRoomData stores account data of one room. Called under mu.
func (hs *Server) setRoomData(u *user, roomID, typ string, content json.RawMessage) {
	if u.roomData[roomID] == nil {
		u.roomData[roomID] = map[string]accountData{}
	}
	u.roomData[roomID][typ] = accountData{content, hs.nextPos()}
	hs.changed()
}

// tagsOf reads m.tag. Called under mu.
func (c *call) tagsOf() map[string]json.RawMessage {
	var content struct {
		Tags map[string]json.RawMessage `json:"tags"`
	}
	if d, ok := c.auth.user.roomData[c.param("roomId")]["m.tag"]; ok {
		_ = json.Unmarshal(d.content, &content) // something else was put there: no tags
	}
	if content.Tags == nil {
		return map[string]json.RawMessage{}
	}
	return content.Tags
}

func (c *call) getTags() (any, *Error) {
	if err := c.own(c.param("userId")); err != nil {
		return nil, err
	}
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	return map[string]any{"tags": c.tagsOf()}, nil
}

func (c *call) putTag() (any, *Error) {
	var content map[string]json.RawMessage
	if err := c.decode(&content); err != nil {
		return nil, err
	}
	return c.changeTags(func(tags map[string]json.RawMessage) { tags[c.param("tag")] = c.body })
}

func (c *call) deleteTag() (any, *Error) {
	return c.changeTags(func(tags map[string]json.RawMessage) { delete(tags, c.param("tag")) })
}

func (c *call) changeTags(change func(map[string]json.RawMessage)) (any, *Error) {
	if err := c.own(c.param("userId")); err != nil {
		return nil, err
	}
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	tags := c.tagsOf()
	change(tags)
	c.hs.setRoomData(c.auth.user, c.param("roomId"), "m.tag", mustJSON(map[string]any{"tags": tags}))
	return nil, nil
}

func (c *call) createFilter() (any, *Error) {
	if err := c.own(c.param("userId")); err != nil {
		return nil, err
	}
	var filter syncFilter
	if err := c.decode(&filter); err != nil {
		return nil, err
	}
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	u := c.auth.user
	u.filters = append(u.filters, c.body)
	return map[string]string{"filter_id": filterID(len(u.filters) - 1)}, nil
}

func (c *call) getFilter() (any, *Error) {
	if err := c.own(c.param("userId")); err != nil {
		return nil, err
	}
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	for i, f := range c.auth.user.filters {
		if filterID(i) == c.param("filterId") {
			return f, nil
		}
	}
	return nil, notFound("No such filter")
}
