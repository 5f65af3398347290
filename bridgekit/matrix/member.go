package matrix

import (
	"context"
	"net/http"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

func joinFact(room id.RoomID, u id.UserID) string { return "join " + string(room) + " " + string(u) }

// Values of a join fact; "" means that nothing is known.
const (
	joined  = "join"
	invited = "invite"
)

// Joined reports whether u is known to be in a room because we brought them
// there. It asks the facts, not the homeserver.
func (h *Homeserver) Joined(ctx context.Context, room id.RoomID, u id.UserID) (bool, error) {
	v, err := h.fact(ctx, joinFact(room, u))
	return v == joined, err
}

// Asked reports whether u is known to be invited to a room or in it because we
// saw to it, as a room's maker does for everybody of ours and of our homeserver.
// It asks the facts, not the homeserver.
func (h *Homeserver) Asked(ctx context.Context, room id.RoomID, u id.UserID) (bool, error) {
	v, err := h.fact(ctx, joinFact(room, u))
	return v != "", err
}

// EnsureJoined brings u into a room: a ghost is registered; u is invited by
// the bot unless it is known to be, and joins. A local person joins by double
// puppeting. A fact remembers it, and costs nothing the next time. Short rate
// limits are waited for.
//
// Errors beside the usual: Banned; NotAllowed: the bot may not invite; RoomGone:
// the bot itself is out.
func (h *Homeserver) EnsureJoined(ctx context.Context, room id.RoomID, u id.UserID) error {
	if known, err := h.fact(ctx, joinFact(room, u)); err != nil || known == joined {
		return err
	}
	if h.IsGhost(u) {
		if err := h.EnsureGhost(ctx, u); err != nil {
			return err
		}
	}
	unlock, err := h.lock(ctx, joinFact(room, u))
	if err != nil {
		return err
	}
	defer unlock()
	known, err := h.fact(ctx, joinFact(room, u))
	if err != nil || known == joined {
		return err
	}
	if err := h.bringIn(ctx, room, u, known == invited); err != nil {
		return err
	}
	return h.setFact(ctx, joinFact(room, u), joined)
}

// bringIn invites u unless that was done, and joins.
func (h *Homeserver) bringIn(ctx context.Context, room id.RoomID, u id.UserID, isInvited bool) error {
	var inviteErr error
	if u != h.BotID() && !isInvited {
		inviteErr = patient(ctx, func() error { return h.Invite(ctx, room, h.BotID(), u, "") })
		// Refused can mean that u is in the room already; joining tells.
		if k := KindOf(inviteErr); inviteErr != nil && k != NotAllowed && k != NotFound {
			return inviteErr
		}
	}
	err := patient(ctx, func() error { return h.join(ctx, room, u) })
	if k := KindOf(err); err == nil || k != NotAllowed && k != NotFound {
		return err
	}
	kind, diagErr := h.diagnose(ctx, room, u)
	if diagErr != nil {
		return diagErr
	}
	if kind == NotJoined && inviteErr != nil {
		return withKind(inviteErr, NotAllowed)
	}
	return withKind(err, kind)
}

func (h *Homeserver) join(ctx context.Context, room id.RoomID, u id.UserID) error {
	return h.do(ctx, u, "join", func(ctx context.Context, c *mautrix.Client) error {
		return request(ctx, c, http.MethodPost, path("v3", "rooms", room, "join"), nil, struct{}{}, nil)
	})
}

// asMember runs f, which does something in a room as u. A ghost is brought in
// before if it is not known to be in. If f is refused, the reason is found out:
// who is not in the room is brought in and f runs once more; for everything
// else the error says what it is. Persons are never brought back by this.
func (h *Homeserver) asMember(ctx context.Context, room id.RoomID, u id.UserID, f func(context.Context) (id.EventID, error)) (id.EventID, error) {
	if h.IsGhost(u) && u != h.BotID() {
		if err := h.EnsureJoined(ctx, room, u); err != nil {
			return "", err
		}
	}
	eventID, err := f(ctx)
	if !refused(err) {
		return eventID, err
	}
	kind, diagErr := h.diagnose(ctx, room, u)
	if diagErr != nil {
		return "", diagErr
	}
	if kind != NotJoined || !h.IsGhost(u) || u == h.BotID() {
		return "", withKind(err, kind)
	}
	if err := h.forgetMember(ctx, room, u); err != nil {
		return "", err
	}
	if err := h.EnsureJoined(ctx, room, u); err != nil {
		return "", err
	}
	eventID, err = f(ctx)
	if refused(err) {
		err = withKind(err, NotAllowed)
	}
	return eventID, err
}

// refused reports a 403: not joined, banned, muted, or the bot is out; servers
// tell these apart by English text only.
func refused(err error) bool {
	e := find(err)
	return e != nil && e.Kind == NotAllowed && (e.Code == codeForbidden || e.Code == "") && e.Status == http.StatusForbidden
}

// diagnose finds out, with what the bot can read, why u was refused in a room:
// RoomGone, Banned, NotJoined, or NotAllowed if u is in it.
func (h *Homeserver) diagnose(ctx context.Context, room id.RoomID, u id.UserID) (Kind, error) {
	bot, err := h.membership(ctx, room, h.BotID())
	if err != nil {
		return Unknown, err
	}
	if bot != event.MembershipJoin {
		return RoomGone, nil
	}
	if u == h.BotID() {
		return NotAllowed, nil
	}
	m, err := h.membership(ctx, room, u)
	switch {
	case err != nil:
		return Unknown, err
	case m == event.MembershipBan:
		return Banned, nil
	case m == event.MembershipJoin:
		return NotAllowed, nil
	}
	return NotJoined, nil
}

// membership reads one member as the bot; "" if there is none or the bot may
// not know.
func (h *Homeserver) membership(ctx context.Context, room id.RoomID, u id.UserID) (event.Membership, error) {
	var content struct {
		Membership event.Membership `json:"membership"`
	}
	err := h.State(ctx, room, event.StateMember, string(u), &content)
	if k := KindOf(err); k == NotFound || k == NotAllowed {
		return "", nil
	}
	return content.Membership, err
}

// forgetMember drops what facts say about u's account and membership.
func (h *Homeserver) forgetMember(ctx context.Context, room id.RoomID, u id.UserID) error {
	if err := h.setFact(ctx, joinFact(room, u), ""); err != nil {
		return err
	}
	return h.setFact(ctx, regFact(u), "")
}

// Observe takes in a membership that the intake saw, so that a kick or a leave
// is known before the next send is refused. It is optional, and of use for
// users who have a fact: ghosts and puppets.
func (h *Homeserver) Observe(ctx context.Context, room id.RoomID, u id.UserID, m event.Membership) error {
	if !h.IsGhost(u) && !h.local(u) {
		return nil
	}
	known, err := h.fact(ctx, joinFact(room, u))
	if err != nil {
		return err
	}
	// The event of an invite comes after our own join by then.
	if known == "" || m == event.MembershipJoin || m == event.MembershipInvite {
		return nil
	}
	return h.setFact(ctx, joinFact(room, u), "")
}

// Invite invites target, as the bot or another of ours. Inviting who is
// invited does nothing.
func (h *Homeserver) Invite(ctx context.Context, room id.RoomID, as, target id.UserID, reason string) error {
	return h.membershipCall(ctx, room, as, "invite", target, reason)
}

// Kick removes target from the room, or takes back an invite.
func (h *Homeserver) Kick(ctx context.Context, room id.RoomID, as, target id.UserID, reason string) error {
	return h.remove(ctx, room, as, "kick", target, reason)
}

// Ban removes target and keeps it out.
func (h *Homeserver) Ban(ctx context.Context, room id.RoomID, as, target id.UserID, reason string) error {
	return h.remove(ctx, room, as, "ban", target, reason)
}

// Unban lets target be invited again.
func (h *Homeserver) Unban(ctx context.Context, room id.RoomID, as, target id.UserID, reason string) error {
	return h.membershipCall(ctx, room, as, "unban", target, reason)
}

// Leave takes u out of a room or declines its invite. Who is not in it has left.
func (h *Homeserver) Leave(ctx context.Context, room id.RoomID, u id.UserID, reason string) error {
	err := h.do(ctx, u, "leave", func(ctx context.Context, c *mautrix.Client) error {
		return request(ctx, c, http.MethodPost, path("v3", "rooms", room, "leave"), nil, withReason(nil, reason), nil)
	})
	if k := KindOf(err); err != nil && k != NotAllowed && k != NotFound {
		return err
	}
	return h.setFact(ctx, joinFact(room, u), "")
}

func (h *Homeserver) remove(ctx context.Context, room id.RoomID, as id.UserID, what string, target id.UserID, reason string) error {
	if err := h.membershipCall(ctx, room, as, what, target, reason); err != nil {
		return err
	}
	return h.setFact(ctx, joinFact(room, target), "")
}

func (h *Homeserver) membershipCall(ctx context.Context, room id.RoomID, as id.UserID, what string, target id.UserID, reason string) error {
	body := withReason(map[string]string{"user_id": string(target)}, reason)
	return h.do(ctx, as, what, func(ctx context.Context, c *mautrix.Client) error {
		return request(ctx, c, http.MethodPost, path("v3", "rooms", room, what), nil, body, nil)
	})
}

func withReason(body map[string]string, reason string) map[string]string {
	if body == nil {
		body = map[string]string{}
	}
	if reason != "" {
		body["reason"] = reason
	}
	return body
}

// Members is everyone with a membership in a room, as the bot sees it.
func (h *Homeserver) Members(ctx context.Context, room id.RoomID) (map[id.UserID]event.Membership, error) {
	var page struct {
		Chunk []struct {
			StateKey id.UserID `json:"state_key"`
			Content  struct {
				Membership event.Membership `json:"membership"`
			} `json:"content"`
		} `json:"chunk"`
	}
	err := h.do(ctx, h.BotID(), "read members", func(ctx context.Context, c *mautrix.Client) error {
		return request(ctx, c, http.MethodGet, path("v3", "rooms", room, "members"), nil, nil, &page)
	})
	if err != nil {
		return nil, err
	}
	out := make(map[id.UserID]event.Membership, len(page.Chunk))
	for _, m := range page.Chunk {
		out[m.StateKey] = m.Content.Membership
	}
	return out, nil
}

// MemberNames is what the people who are in a room are called there, as the bot sees
// it; "" for who has no name (GET /rooms/{roomId}/joined_members).
func (h *Homeserver) MemberNames(ctx context.Context, room id.RoomID) (map[id.UserID]string, error) {
	var page struct {
		Joined map[id.UserID]struct {
			Name string `json:"display_name"`
		} `json:"joined"`
	}
	err := h.do(ctx, h.BotID(), "read names", func(ctx context.Context, c *mautrix.Client) error {
		return request(ctx, c, http.MethodGet, path("v3", "rooms", room, "joined_members"), nil, nil, &page)
	})
	if err != nil {
		return nil, err
	}
	out := make(map[id.UserID]string, len(page.Joined))
	for u, m := range page.Joined {
		out[u] = m.Name
	}
	return out, nil
}

// JoinedRooms is the rooms that u is in.
func (h *Homeserver) JoinedRooms(ctx context.Context, u id.UserID) ([]id.RoomID, error) {
	var into mautrix.RespJoinedRooms
	err := h.do(ctx, u, "read rooms", func(ctx context.Context, c *mautrix.Client) error {
		return request(ctx, c, http.MethodGet, path("v3", "joined_rooms"), nil, nil, &into)
	})
	return into.JoinedRooms, err
}
