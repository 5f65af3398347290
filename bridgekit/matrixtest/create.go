package matrixtest

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// createRequest is the body of createRoom.
type createRequest struct {
	Visibility      string                     `json:"visibility"`
	RoomAliasName   string                     `json:"room_alias_name"`
	Name            string                     `json:"name"`
	Topic           string                     `json:"topic"`
	Invite          []string                   `json:"invite"`
	CreationContent map[string]json.RawMessage `json:"creation_content"`
	InitialState    []initialState             `json:"initial_state"`
	Preset          string                     `json:"preset"`
	IsDirect        bool                       `json:"is_direct"`
	RoomVersion     string                     `json:"room_version"`
	PowerLevels     map[string]json.RawMessage `json:"power_level_content_override"`
}

type initialState struct {
	Type     string          `json:"type"`
	StateKey string          `json:"state_key"`
	Content  json.RawMessage `json:"content"`
}

func (c *call) createRoom() (any, *Error) {
	var req createRequest
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	rm, err := c.hs.create(c.auth, req)
	if err != nil {
		return nil, err
	}
	return map[string]string{"room_id": rm.id}, nil
}

// create makes a room with all that was asked for, or nothing. Called under
// mu.
func (hs *Server) create(who session, req createRequest) (*room, *Error) {
	if err := checkCreate(&req, hs.opts.RoomVersion); err != nil {
		return nil, err
	}
	name := ""
	if req.RoomAliasName != "" {
		name = "#" + req.RoomAliasName + ":" + hs.opts.Domain
		if err := hs.checkAlias(name, who); err != nil {
			return nil, err
		}
	}
	rm := hs.newRoom(who.user.id, req)
	if name != "" {
		hs.setAlias(rm, name, who.user.id)
	}
	b := &builder{hs: hs, rm: rm, req: &req}
	b.build(name)
	if b.err != nil {
		if name != "" {
			delete(hs.aliases, name)
		}
		return nil, b.err
	}
	rm.published = req.Visibility == "public"
	hs.rooms[rm.id] = rm
	for _, e := range rm.timeline {
		hs.announce(rm, e)
	}
	return rm, nil
}

func checkCreate(req *createRequest, version string) *Error {
	setDefault(&req.Visibility, "private")
	if req.Visibility != "private" && req.Visibility != "public" {
		return badRequest(codeInvalidParam, "visibility must be public or private")
	}
	if req.Preset == "" {
		req.Preset = req.Visibility + "_chat"
	}
	if !slices.Contains([]string{"private_chat", "public_chat", "trusted_private_chat"}, req.Preset) {
		return badJSON("'%s' is not a valid preset", req.Preset)
	}
	setDefault(&req.RoomVersion, version)
	if n, err := strconv.Atoi(req.RoomVersion); err != nil || n < 1 || n > maxRoomVersion {
		return badRequest("M_UNSUPPORTED_ROOM_VERSION", "Your homeserver does not support this room version")
	}
	if strings.ContainsAny(req.RoomAliasName, ": \t\n#") {
		return badRequest(codeInvalidParam, "':' is not permitted in the room alias name. Please note this expects a local part — 'wombat', not '#wombat:example.com'.")
	}
	for _, id := range req.Invite {
		if !strings.HasPrefix(id, "@") || !strings.Contains(id, ":") {
			return badRequest(codeInvalidParam, "Invalid user_id: %s", id)
		}
	}
	for _, s := range req.InitialState {
		if s.Type == "" || len(s.Content) == 0 {
			return badJSON("initial_state needs type and content")
		}
	}
	return nil
}

// newRoom makes an empty room. From version 12 on its ID is a hash without a
// domain, and its creators stand above all power levels.
func (hs *Server) newRoom(creator string, req createRequest) *room {
	rm := &room{
		id: "!" + hs.newID("room", creator, req.RoomAliasName)[:18] + ":" + hs.opts.Domain, number: hs.nextPos(), version: req.RoomVersion, creator: creator,
		privileged: map[string]bool{}, state: map[stateID]*Event{}, reactions: map[reactionID]struct{}{},
		relations: map[string][]string{}, services: map[*appservice]int{},
		typing: map[string]*typist{}, receipts: map[receiptID]receipt{},
	}
	if rm.version != "12" {
		return rm
	}
	rm.id = "!" + hs.newID("room", creator, req.RoomAliasName)
	rm.privileged[creator] = true
	for _, id := range additionalCreators(req) {
		rm.privileged[id] = true
	}
	return rm
}

// additionalCreators of a room of version 12: named, or invited in the preset
// that trusts them.
func additionalCreators(req createRequest) []string {
	var list []string
	_ = json.Unmarshal(req.CreationContent["additional_creators"], &list) // another type names nobody
	if req.Preset == "trusted_private_chat" {
		list = append(list, req.Invite...)
	}
	return list
}

// A builder sends a new room's first events and stops at the first error.
type builder struct {
	hs  *Server
	rm  *room
	req *createRequest
	err *Error
}

func (b *builder) state(typ, key string, content any) {
	if b.err != nil {
		return
	}
	raw, ok := content.(json.RawMessage)
	if !ok {
		raw = mustJSON(content)
	}
	d, err := newDraft(typ, b.rm.creator, &key, raw, b.hs.nowMS())
	if err == nil {
		_, err = b.hs.add(b.rm, d, false)
	}
	b.err = err
}

func (b *builder) member(target, membership string) {
	if b.err == nil {
		_, b.err = b.hs.setMember(b.rm, memberChange{
			sender: b.rm.creator, target: target, membership: membership, direct: b.req.IsDirect, building: true,
		})
	}
}

// given says whether initial_state brings a state of its own.
func (b *builder) given(typ string) bool {
	return slices.ContainsFunc(b.req.InitialState, func(s initialState) bool { return s.Type == typ && s.StateKey == "" })
}

// build sends the events in the order of the specification.
func (b *builder) build(name string) {
	req, rm := b.req, b.rm
	creation := map[string]json.RawMessage{}
	for k, v := range req.CreationContent {
		creation[k] = v
	}
	creation["room_version"] = mustJSON(rm.version)
	if n, _ := strconv.Atoi(rm.version); n < 11 {
		creation["creator"] = mustJSON(rm.creator)
	}
	if extra := additionalCreators(*req); rm.version == "12" && len(extra) > 0 {
		creation["additional_creators"] = mustJSON(extra)
	}
	b.state("m.room.create", "", creation)
	b.member(rm.creator, "join")
	b.power()
	if name != "" && !b.given("m.room.canonical_alias") {
		b.state("m.room.canonical_alias", "", map[string]string{"alias": name})
	}
	rules := map[string]string{"join_rule": "invite"}
	guests := map[string]string{"guest_access": "can_join"}
	if req.Preset == "public_chat" {
		rules["join_rule"], guests["guest_access"] = "public", "forbidden"
	}
	b.preset("m.room.join_rules", rules)
	b.preset("m.room.history_visibility", map[string]string{"history_visibility": "shared"})
	b.preset("m.room.guest_access", guests)
	for _, s := range req.InitialState {
		b.initial(s)
	}
	if req.Name != "" {
		b.state("m.room.name", "", map[string]string{"name": req.Name})
	}
	if req.Topic != "" {
		b.state("m.room.topic", "", map[string]string{"topic": req.Topic})
	}
	for _, id := range req.Invite {
		b.member(id, "invite")
	}
}

func (b *builder) power() {
	var invited []string
	if b.req.Preset == "trusted_private_chat" {
		invited = b.req.Invite
	}
	content, err := defaultPower(b.rm, invited, b.req.PowerLevels)
	if b.err == nil && err != nil {
		b.err = err
		return
	}
	b.state("m.room.power_levels", "", content)
}

func (b *builder) preset(typ string, content any) {
	if !b.given(typ) {
		b.state(typ, "", content)
	}
}

func (b *builder) initial(s initialState) {
	switch {
	case b.err != nil:
	case s.Type == "m.room.member" || s.Type == "m.room.create":
		b.err = forbidden("initial_state cannot hold %s", s.Type)
	case s.Type == "m.room.canonical_alias":
		b.err = b.hs.checkCanonicalAlias(b.rm, s.Content)
		b.state(s.Type, s.StateKey, s.Content)
	default:
		b.state(s.Type, s.StateKey, s.Content)
	}
}

// upgrade replaces a room by one of another version and leaves a tombstone.
func (c *call) upgrade() (any, *Error) {
	var req struct {
		Version string `json:"new_version"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	hs, me := c.hs, c.auth.user.id
	hs.mu.Lock()
	defer hs.mu.Unlock()
	old, err := hs.joinedRoom(c.param("roomId"), me)
	if err != nil {
		return nil, err
	}
	key := ""
	tomb := draft{typ: "m.room.tombstone", sender: me, stateKey: &key, ts: hs.nowMS()}
	if err := old.authorize(tomb); err != nil {
		return nil, err
	}
	setDefault(&req.Version, "none")
	next := createRequest{RoomVersion: req.Version, CreationContent: map[string]json.RawMessage{
		"predecessor": mustJSON(map[string]string{"room_id": old.id, "event_id": old.timeline[len(old.timeline)-1].ID}),
	}}
	old.copyState(&next)
	rm, err := hs.create(c.auth, next)
	if err != nil {
		return nil, err
	}
	tomb.content = mustJSON(map[string]string{"body": "This room has been replaced", "replacement_room": rm.id})
	if _, err := hs.add(old, tomb, true); err != nil {
		return nil, err
	}
	hs.moveAliases(old, rm)
	hs.mute(old, me)
	return map[string]string{"replacement_room": rm.id}, nil
}

// copyState takes over what an upgrade transfers.
func (rm *room) copyState(req *createRequest) {
	for _, typ := range []string{
		"m.room.server_acl", "m.room.encryption", "m.room.name", "m.room.avatar", "m.room.topic",
		"m.room.guest_access", "m.room.history_visibility", "m.room.join_rules",
	} {
		if e := rm.get(typ, ""); e != nil {
			req.InitialState = append(req.InitialState, initialState{Type: typ, Content: e.Content})
		}
	}
	if e := rm.get("m.room.power_levels", ""); e != nil && req.RoomVersion != "12" {
		_ = json.Unmarshal(e.Content, &req.PowerLevels) // an object: was checked before
	}
}

// mute closes a room that was replaced to people without power, if the one
// who upgrades may do that. Called under mu.
func (hs *Server) mute(rm *room, sender string) {
	var content map[string]any
	if rm.power == nil || rm.get("m.room.power_levels", "").Decode(&content) != nil {
		return
	}
	level := max(rm.power.UsersDefault+1, 50)
	content["events_default"], content["invite"] = level, level
	key := ""
	d, err := newDraft("m.room.power_levels", sender, &key, mustJSON(content), hs.nowMS())
	if err == nil {
		_, _ = hs.add(rm, d, true) // as on a real server this part may be refused
	}
}
