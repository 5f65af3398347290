package matrix

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// A Room is what CreateRoom makes. Alias is required; the zero value of
// everything else leaves it to the server or means none.
type Room struct {
	As          id.UserID // creator; default the bot
	Alias       string    // localpart from Homeserver.Alias: the room's identity
	PublicAlias string    // localpart of a second alias that is published
	Name        string
	Topic       string
	Avatar      id.ContentURI
	Invite      []id.UserID
	Direct      bool // is_direct in the invites
	// Power is what power levels to set; its Users are completed by Levels
	// and the creator. Nil and no Levels: the server's defaults.
	Power  *event.PowerLevelsEventContent
	Levels map[id.UserID]int
	// State is more initial state: bridge info (MSC2346), encryption, parent
	// space. It wins over what the other fields would make.
	State           []*event.Event
	CreationContent map[string]any
	Preset          string // default private_chat
	JoinRule        string // of m.room.join_rules; "restricted" needs State instead
	History         string // history_visibility
	Version         string // room version; default the server's
	Listed          bool   // in the server's room directory
	// Origin says what the room was made for, in the caller's words, which
	// everyone in the room can read: seal them. RoomOrigin reads it.
	Origin string
}

// creatorLevel is the power of a creator before room version 12.
const creatorLevel = 100

// claimTries is how often a room under our alias is looked at, a second apart,
// before it counts as not ours.
const claimTries = 4

// CreateRoom makes a room with everything in one request, or finds the one
// that an earlier call made under the same alias and did not live to report:
// then its invites are completed. A room under the alias that is not ours
// loses the alias. Short rate limits are waited for; invited ghosts are not
// joined, but known to be invited.
//
// The alias stays until DeleteAlias, which the caller calls once it has stored
// the room's ID durably.
func (h *Homeserver) CreateRoom(ctx context.Context, r Room) (id.RoomID, error) {
	if r.As == "" {
		r.As = h.BotID()
	}
	if r.Alias == "" {
		return "", &Error{Op: "create room", Err: fmt.Errorf("no alias given")}
	}
	for _, u := range append([]id.UserID{h.BotID(), r.As}, r.Invite...) {
		if h.IsGhost(u) {
			if err := h.EnsureGhost(ctx, u); err != nil {
				return "", err
			}
		}
	}
	unlock, err := h.lock(ctx, "alias "+r.Alias)
	if err != nil {
		return "", err
	}
	defer unlock()
	room, err := h.createOrFind(ctx, r)
	if err != nil {
		return "", err
	}
	if err := h.rememberMembers(ctx, room, r); err != nil {
		return "", err
	}
	if r.PublicAlias != "" {
		if err := h.publish(ctx, room, r); err != nil {
			return "", err
		}
	}
	return room, nil
}

// createOrFind makes the room or finds it under its alias.
func (h *Homeserver) createOrFind(ctx context.Context, r Room) (id.RoomID, error) {
	body, err := h.roomRequest(ctx, r)
	if err != nil {
		return "", err
	}
	const tries = 4
	for try := 1; ; try++ {
		room, err := h.create(ctx, r, body)
		if err == nil {
			return room, nil
		}
		switch {
		case codeOf(err) == codeRoomInUse:
			room, ours, err := h.claim(ctx, r)
			if err != nil || ours {
				return room, err
			}
		case KindOf(err) == Unsure && ctx.Err() == nil:
			if sleep(ctx, settle) != nil {
				return "", err
			}
		default:
			return "", err
		}
		if try == tries {
			return "", err
		}
	}
}

func (h *Homeserver) create(ctx context.Context, r Room, body *mautrix.ReqCreateRoom) (id.RoomID, error) {
	var into mautrix.RespCreateRoom
	err := patient(ctx, func() error {
		return h.do(ctx, r.As, "create room", func(ctx context.Context, c *mautrix.Client) error {
			return request(ctx, c, http.MethodPost, path("v3", "createRoom"), nil, body, &into)
		})
	})
	if err == nil && into.RoomID == "" {
		err = &Error{Kind: Unsure, Op: "create room", maybe: true, Err: fmt.Errorf("the answer holds no room ID")}
	}
	return into.RoomID, err
}

// roomRequest is the one request that carries the whole room.
func (h *Homeserver) roomRequest(ctx context.Context, r Room) (*mautrix.ReqCreateRoom, error) {
	req := &mautrix.ReqCreateRoom{
		RoomAliasName: r.Alias, Name: r.Name, Topic: r.Topic, Invite: r.Invite, IsDirect: r.Direct,
		CreationContent: r.CreationContent, Preset: r.Preset, RoomVersion: id.RoomVersion(r.Version),
		Visibility: "private", InitialState: h.initialState(r),
	}
	if req.Preset == "" {
		req.Preset = "private_chat"
	}
	if r.Listed {
		req.Visibility = "public"
	}
	if r.Power == nil && len(r.Levels) == 0 {
		return req, nil
	}
	implicit, err := h.creatorsImplicit(ctx, r.Version)
	if err != nil {
		return nil, err
	}
	req.PowerLevelOverride = power(r, implicit)
	return req, nil
}

// power completes the power levels. From room version 12 on creators stand
// above all levels and must not be among the users (MSC4289).
func power(r Room, creatorImplicit bool) *event.PowerLevelsEventContent {
	p := &event.PowerLevelsEventContent{}
	if r.Power != nil {
		p = r.Power.Clone()
	}
	users := make(map[id.UserID]int, len(p.Users)+len(r.Levels)+1)
	maps.Copy(users, p.Users)
	maps.Copy(users, r.Levels)
	if creatorImplicit {
		delete(users, r.As)
	} else if users[r.As] < creatorLevel {
		users[r.As] = creatorLevel
	}
	p.Users = users
	return p
}

// creatorsImplicit reports whether a room version is 12 or later.
func (h *Homeserver) creatorsImplicit(ctx context.Context, version string) (bool, error) {
	if version == "" {
		about, err := h.about(ctx)
		if err != nil {
			return false, err
		}
		version = about.DefaultRoomVersion
	}
	n, err := strconv.Atoi(version)
	return err == nil && n >= 12, nil
}

// initialState is the state that goes into the room with its creation.
func (h *Homeserver) initialState(r Room) []*event.Event {
	type state struct {
		kind    string
		content map[string]any
	}
	all := []state{
		// Empty, so that the server does not publish the alias that is
		// the room's identity.
		{"m.room.canonical_alias", map[string]any{}},
		{PortalType, map[string]any{MarkField: h.portalMark(r.Alias)}},
	}
	if r.Origin != "" {
		all[1].content[OriginField] = r.Origin
	}
	if !r.Avatar.IsEmpty() {
		all = append(all, state{"m.room.avatar", map[string]any{"url": r.Avatar.String()}})
	}
	if r.JoinRule != "" {
		all = append(all, state{"m.room.join_rules", map[string]any{"join_rule": r.JoinRule}})
	}
	if r.History != "" {
		all = append(all, state{"m.room.history_visibility", map[string]any{"history_visibility": r.History}})
	}
	var out []*event.Event
	for _, s := range all {
		if !has(r.State, s.kind) {
			out = append(out, &event.Event{
				Type: event.Type{Type: s.kind, Class: event.StateEventType}, StateKey: new(string), Content: event.Content{Raw: s.content},
			})
		}
	}
	return append(out, r.State...)
}

// has reports whether events hold a type under the empty key.
func has(events []*event.Event, kind string) bool {
	for _, e := range events {
		if e.Type.Type == kind && (e.StateKey == nil || *e.StateKey == "") {
			return true
		}
	}
	return false
}

// claim looks at the room that has the alias already. If an earlier call made
// it, it is completed; if not, the alias is taken from it.
func (h *Homeserver) claim(ctx context.Context, r Room) (id.RoomID, bool, error) {
	room, err := h.ResolveAlias(ctx, r.Alias)
	if KindOf(err) == NotFound {
		// In use and not there: a room that was purged.
		return "", false, h.DeleteAlias(ctx, r.Alias)
	}
	if err != nil {
		return "", false, err
	}
	// A server may still be at it: the alias comes first, the mark later.
	for try := 1; ; try++ {
		state, err := h.roomState(ctx, room, r.As)
		if err != nil {
			return "", false, err
		}
		whole, foreign := h.verify(state, r)
		if whole && !foreign {
			return room, true, h.completeInvites(ctx, room, r, state)
		}
		if foreign || try == claimTries || sleep(ctx, settle) != nil {
			break
		}
	}
	if ctx.Err() != nil {
		return "", false, classify(ctx, "create room", ctx.Err())
	}
	h.log.Warn("room alias belongs to another room", "room", room)
	return "", false, h.DeleteAlias(ctx, r.Alias)
}

// stateEvent is what claim needs of the state.
type stateEvent struct {
	Type     string          `json:"type"`
	Sender   id.UserID       `json:"sender"`
	StateKey string          `json:"state_key"`
	Content  json.RawMessage `json:"content"`
}

// roomState is the whole state as u sees it; none if u may not.
func (h *Homeserver) roomState(ctx context.Context, room id.RoomID, u id.UserID) ([]stateEvent, error) {
	var state []stateEvent
	err := h.do(ctx, u, "read room", func(ctx context.Context, c *mautrix.Client) error {
		return request(ctx, c, http.MethodGet, path("v3", "rooms", room, "state"), nil, nil, &state)
	})
	if k := KindOf(err); k == NotAllowed || k == NotFound {
		return nil, nil
	}
	return state, err
}

// verify reports whether the state is of a room that we made for the alias:
// created by r.As, who is still in it, and carrying the portal's mark; or of
// one that somebody else made.
func (h *Homeserver) verify(state []stateEvent, r Room) (whole, foreign bool) {
	var created, member, marked bool
	for _, s := range state {
		var c struct {
			Membership string `json:"membership"`
			Mark       string `json:"chat.causeway.mark"`
		}
		_ = json.Unmarshal(s.Content, &c) // odd content proves nothing
		switch {
		case s.Type == "m.room.create" && s.StateKey == "":
			created = s.Sender == r.As
			foreign = !created
		case s.Type == "m.room.member" && s.StateKey == string(r.As):
			member = c.Membership == "join"
		case s.Type == PortalType && s.StateKey == "":
			marked = s.Sender == r.As && c.Mark == h.portalMark(r.Alias)
		}
	}
	return created && member && marked, foreign
}

// completeInvites invites who should have been and has no membership: servers
// send the invites last, and may have been stopped before.
func (h *Homeserver) completeInvites(ctx context.Context, room id.RoomID, r Room, state []stateEvent) error {
	known := map[string]bool{}
	for _, s := range state {
		if s.Type == "m.room.member" {
			known[s.StateKey] = true
		}
	}
	for _, u := range r.Invite {
		if known[string(u)] {
			continue
		}
		if err := patient(ctx, func() error { return h.Invite(ctx, room, r.As, u, "") }); err != nil {
			return err
		}
	}
	return nil
}

// rememberMembers stores whom the new room has.
func (h *Homeserver) rememberMembers(ctx context.Context, room id.RoomID, r Room) error {
	for _, u := range r.Invite {
		known, err := h.fact(ctx, joinFact(room, u))
		if err != nil {
			return err
		}
		if known != "" || !h.IsGhost(u) && !h.local(u) {
			continue
		}
		if err := h.setFact(ctx, joinFact(room, u), invited); err != nil {
			return err
		}
	}
	return h.setFact(ctx, joinFact(room, r.As), joined)
}

// CreateDM makes a direct chat of two, as the bot or a ghost: the room that an
// earlier call made, if its alias is still there and as is still in it; then
// with is invited again if they are not in it.
func (h *Homeserver) CreateDM(ctx context.Context, as, with id.UserID) (id.RoomID, error) {
	r := Room{As: as, Alias: h.Alias("dm", string(as), string(with)), Invite: []id.UserID{with}, Direct: true}
	room, err := h.CreateRoom(ctx, r)
	if err != nil {
		return "", err
	}
	m, err := h.Member(ctx, room, as, with)
	if err != nil {
		return "", err
	}
	if m == event.MembershipLeave || m == "" {
		if err := h.Invite(ctx, room, as, with, ""); err != nil {
			return "", err
		}
	}
	return room, nil
}

// Member is target's membership of a room as reader sees it, "" for none.
func (h *Homeserver) Member(ctx context.Context, room id.RoomID, reader, target id.UserID) (event.Membership, error) {
	var content struct {
		Membership event.Membership `json:"membership"`
	}
	err := h.do(ctx, reader, "read member", func(ctx context.Context, c *mautrix.Client) error {
		return request(ctx, c, http.MethodGet, path("v3", "rooms", room, "state", "m.room.member", target), nil, nil, &content)
	})
	if KindOf(err) == NotFound {
		return "", nil
	}
	return content.Membership, err
}

// OriginState is the state event by which RoomOrigin and CreateRoom know a room
// that was made under an alias, for one that takes its place.
func (h *Homeserver) OriginState(alias, origin string) *event.Event {
	return &event.Event{
		Type: event.Type{Type: PortalType, Class: event.StateEventType}, StateKey: new(string),
		Content: event.Content{Raw: map[string]any{MarkField: h.portalMark(alias), OriginField: origin}},
	}
}
