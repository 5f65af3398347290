package portal

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/login"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// FindChats finds chats that a room can be bridged to: those that owner's logins or
// the relay are in, and what the network finds itself.
func (s *Service) FindChats(ctx context.Context, owner id.UserID, n network.NetworkID, words string, limit int) ([]network.Found, error) {
	all, err := s.db.AllPortals(ctx, n)
	if err != nil {
		return nil, err
	}
	var out []network.Found
	for _, p := range all {
		if p.Info.Name == "" || !strings.Contains(strings.ToLower(p.Info.Name+" "+string(p.Chat.ID)), strings.ToLower(words)) {
			continue
		}
		sess, err := s.reader(ctx, owner, p)
		if err != nil {
			return nil, err
		}
		if sess != nil {
			out = append(out, network.Found{Name: p.Info.Name, Topic: p.Info.Topic})
		}
	}
	_, ops, err := s.client(ctx, owner, n)
	if err != nil {
		return nil, err
	}
	if ops.Search != nil && len(out) < limit {
		found, err := ops.Search(ctx, words, limit)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			i := slices.IndexFunc(out, func(o network.Found) bool { return o.Name == f.Name })
			if i < 0 {
				out = append(out, f)
			} else {
				out[i] = f
			}
		}
	}
	return out[:min(len(out), limit)], nil
}

// reader is the login through which owner may bridge a portal's chat: their own if
// it is in it, else the relay; nil if neither is.
func (s *Service) reader(ctx context.Context, owner id.UserID, p store.Portal) (*login.Session, error) {
	in, err := s.db.LoginsIn(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	for _, sess := range s.logins.Of(string(owner)) {
		if sess.Network == p.Network && (slices.Contains(in, sess.ID) || p.Chat.Login == sess.ID) {
			return sess, nil
		}
	}
	if relay := s.logins.Relay(p.Network); relay != nil && slices.Contains(in, relay.ID) && p.Chat.Login == "" {
		return relay, nil
	}
	return nil, nil
}

// A target is the chat that a room is to be bridged to.
type target struct {
	sess   *login.Session
	ops    network.Ops
	portal store.Portal // its row; zero if there is none
	name   string       // what to join; "" if the login is in it
}

// target finds the chat that a name means, and who goes there: a login that is in
// it, else the relay, else owner's login.
func (s *Service) target(ctx context.Context, owner id.UserID, n network.NetworkID, name string) (target, error) {
	all, err := s.db.AllPortals(ctx, n)
	if err != nil {
		return target{}, err
	}
	first, _, _ := strings.Cut(name, " ") // a key may follow
	var known target
	for _, p := range all {
		if !strings.EqualFold(p.Info.Name, name) && string(p.Chat.ID) != name && string(p.Chat.ID) != first {
			continue
		}
		sess, err := s.reader(ctx, owner, p)
		if err != nil {
			return target{}, err
		}
		if known.portal = p; sess == nil {
			continue
		}
		ops, err := ready(ctx, sess, sess.Name)
		if err == nil {
			return target{sess: sess, ops: ops, portal: p}, nil
		}
		if ctx.Err() != nil {
			return target{}, err
		}
	}
	sess, ops, err := s.client(ctx, "", n)
	if err != nil {
		if sess, ops, err = s.client(ctx, owner, n); err != nil {
			return target{}, err
		}
	}
	if ops.Join == nil {
		return target{}, network.Errorf(network.Rejected, "on "+s.networkName(n)+" chats cannot be joined by name, and you are in none of this name", "no joiner")
	}
	known.sess, known.ops, known.name = sess, ops, name
	return known, nil
}

// enterChat has the target's login be in the chat.
func (t target) enterChat(ctx context.Context) (network.Chat, error) {
	if t.name == "" {
		return t.ops.Chat(ctx, t.portal.Chat.ID)
	}
	return t.ops.Join(ctx, t.name)
}

// Plumb bridges an existing room to a chat: through a login that is in it, else
// the relay, else owner's login. A chat that has a room moves, if owner may decide
// about that room; the row says where it was, for PlumbBack. The room keeps its
// name, its settings and what was written.
func (s *Service) Plumb(ctx context.Context, owner id.UserID, room id.RoomID, n network.NetworkID, name string) (store.Portal, error) {
	t, err := s.target(ctx, owner, n, name)
	if err != nil {
		return store.Portal{}, err
	}
	if err := s.hs.EnsureJoined(ctx, room, s.hs.BotID()); err != nil {
		return store.Portal{}, err
	}
	if err := s.mayBridge(ctx, room); err != nil {
		return store.Portal{}, err
	}
	chat, err := t.enterChat(ctx)
	if err != nil {
		return store.Portal{}, err
	}
	if err := s.mayMeet(ctx, room, n, chat.Key); err != nil {
		return store.Portal{}, err
	}
	p, err := s.portals.ensure(ctx, n, chat.Key)
	if err != nil {
		return p, err
	}
	if p.Room == string(room) && p.State == store.PortalOpen {
		return p, network.Errorf(network.Rejected, "this room is bridged to that chat already", "plumbed already")
	}
	if err := s.mayMove(ctx, owner, p); err != nil {
		return p, err
	}
	if err := s.refused(ctx, p, owner, chat.Kind); err != nil {
		return p, err
	}
	if err := s.enter(ctx, t.sess, p); err != nil {
		return p, err
	}
	return s.settleIn(ctx, p, room, func(p *store.Portal) {
		info := store.PortalInfo{Kind: chat.Kind, Name: chat.Name, Topic: chat.Topic, Purpose: chat.Purpose, Other: chat.Other, Features: chat.Features, Expiry: chat.Expiry, Archived: chat.Archived, Plumbed: true, Since: time.Now()}
		if p.Room != "" && p.State == store.PortalOpen {
			info.Former, info.FormerMade, info.Before = p.Room, !p.Info.Plumbed, p.Room
		}
		p.Relay, p.Info = t.sess.ID, info
	})
}

// PlumbBack moves the chat of a room back to the room that it had before.
func (s *Service) PlumbBack(ctx context.Context, room id.RoomID) (store.Portal, error) {
	portals, err := s.portals.in(ctx, string(room))
	if err != nil {
		return store.Portal{}, err
	}
	for _, p := range portals {
		if p.Info.Former == "" {
			continue
		}
		former := id.RoomID(p.Info.Former)
		m, err := s.hs.Member(ctx, former, s.hs.BotID(), s.hs.BotID())
		if err != nil && !harmless(err) {
			return p, err
		}
		if m != event.MembershipJoin {
			return p, network.Errorf(network.Rejected, "I am no longer in the room that this chat had", "bot is out of %s", former)
		}
		if err := s.mayMeet(ctx, former, p.Network, p.Chat); err != nil {
			return p, err
		}
		return s.settleIn(ctx, p, former, func(p *store.Portal) {
			p.Info.Plumbed, p.Info.Before = !p.Info.FormerMade, p.Room
			p.Info.Former, p.Info.FormerMade = "", false
		})
	}
	return store.Portal{}, network.Errorf(network.Rejected, "no chat of this room came from another one", "no former room")
}

// settleIn makes room the room of p: change completes the row. Bridged people leave
// the one that it had.
func (s *Service) settleIn(ctx context.Context, p store.Portal, room id.RoomID, change func(p *store.Portal)) (store.Portal, error) {
	if p.State == store.PortalOpen {
		s.unmark(ctx, p)
	}
	if err := s.dropAlias(ctx, p); err != nil {
		return p, err
	}
	job := store.Cleanup{Room: p.Room, Name: p.Info.Name, Network: p.Network, Scope: store.ScopeGhosts, Reason: "this chat is bridged to another room now"}
	p, err := s.updateAlso(ctx, p.ID, func(p *store.Portal) {
		change(p)
		p.Room, p.State = string(room), store.PortalOpen
	}, func(tx *store.Tx) error {
		if job.Room == "" || job.Room == string(room) {
			return nil
		}
		return tx.AddCleanup(job)
	})
	if err != nil {
		return p, err
	}
	s.clean.begun()
	if err := s.mark(ctx, p, room); err != nil {
		return p, err
	}
	if err := s.announceExpiry(ctx, p.ID); err != nil {
		return p, err
	}
	_, err = s.inviteMembers(ctx, p)
	return p, err
}

// unmark takes back what a room says about what it is bridged to, if it can.
func (s *Service) unmark(ctx context.Context, p store.Portal) {
	said := s.bridgeInfo(p, network.Chat{}, nil)
	if !p.Info.Plumbed {
		said = append(said, s.hs.OriginState("", "")) // or a restore would take it for the chat's room
	}
	for _, evt := range said {
		_, err := s.hs.SendState(ctx, roomID(p), s.hs.BotID(), evt.Type, *evt.StateKey, struct{}{}, time.Time{})
		if err != nil && !harmless(err) && matrix.KindOf(err) != matrix.RoomGone {
			s.log.Info("take back what a room is bridged to", "portal", p.ID, "err", err)
		}
	}
}

// mayMove refuses to take a chat from its room if owner may not decide about that:
// an administrator, a moderator there, or whose private chat it is.
func (s *Service) mayMove(ctx context.Context, owner id.UserID, p store.Portal) error {
	if p.Room == "" || p.State != store.PortalOpen || s.opts.Permissions.Of(string(owner)) == config.LevelAdmin {
		return nil
	}
	if sess := s.logins.Get(p.Network, p.Chat.Login); sess != nil && sess.Owner == string(owner) {
		return nil
	}
	levels, err := s.hs.Levels(ctx, roomID(p))
	if err != nil && !harmless(err) {
		return err
	}
	m, merr := s.hs.Member(ctx, roomID(p), s.hs.BotID(), owner)
	if merr != nil && !harmless(merr) {
		return merr
	}
	if err == nil && m == event.MembershipJoin && levels.GetUserLevel(owner) >= levels.StateDefault() {
		return nil
	}
	return network.Errorf(network.Rejected, "this chat is bridged to another room already. A moderator of that room can move it here, or type there: !cw unbridge", "chat has room %s", p.Room)
}

// A Plan says what bridging a room to a chat would do.
type Plan struct {
	Chat      string // as it is called
	Topic     string
	Members   int    // of the chat; 0 if unknown
	Through   string // the login that speaks for people without an account: "the relay"
	Private   bool   // it is a private chat of who asks
	Moves     bool   // it has a room, which it would leave
	Refused   string // why it cannot be done; "" if it can
	People    int    // of Matrix in the room
	Bridges   []matrix.Bridge
	Bridged   []string // what the room is bridged to already
	Encrypted bool
	Open      bool    // anybody may join the room
	History   string  // its history_visibility
	Lacks     []Power // what the bot may not do in it
}

// PlanPlumb is what Plumb would do. It changes nothing on the network.
func (s *Service) PlanPlumb(ctx context.Context, owner id.UserID, room id.RoomID, n network.NetworkID, name string) (Plan, error) {
	t, err := s.target(ctx, owner, n, name)
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{Chat: name, Through: "the relay"}
	if t.sess.Owner != "" {
		plan.Through = t.sess.Name
	}
	if p := t.portal; p.ID != 0 {
		if p.Info.Name != "" {
			plan.Chat, plan.Topic = p.Info.Name, p.Info.Topic
		}
		plan.Private = p.Chat.Login != ""
		plan.Moves = p.Room != "" && p.Room != string(room) && p.State == store.PortalOpen
		if err := s.mayMove(ctx, owner, p); err != nil {
			plan.Refused = network.UserText(err)
		}
		if p.Room == string(room) && p.State == store.PortalOpen {
			plan.Refused = "this room is bridged to that chat already"
		}
	}
	if t.ops.Search != nil {
		found, err := t.ops.Search(ctx, plan.Chat, 20)
		if err != nil {
			s.log.Info("look for a chat", "network", n, "err", err)
		}
		for _, f := range found {
			if strings.EqualFold(f.Name, plan.Chat) {
				plan.Topic, plan.Members = f.Topic, f.Members
			}
		}
	}
	if err := s.hs.EnsureJoined(ctx, room, s.hs.BotID()); err != nil {
		return plan, err
	}
	return plan, s.planRoom(ctx, room, &plan)
}

// planRoom is PlanPlumb for what is about the room.
func (s *Service) planRoom(ctx context.Context, room id.RoomID, plan *Plan) (err error) {
	if plan.Lacks, err = s.powerIn(ctx, room); err != nil {
		return err
	}
	members, err := s.hs.Members(ctx, room)
	if err != nil {
		return err
	}
	for u, m := range members {
		if m == event.MembershipJoin && !s.hs.IsGhost(u) {
			plan.People++
		}
	}
	if plan.Bridges, err = s.hs.Bridges(ctx, room); err != nil {
		return err
	}
	portals, err := s.portals.in(ctx, string(room))
	if err != nil {
		return err
	}
	for _, p := range portals {
		plan.Bridged = append(plan.Bridged, fmt.Sprintf("%s on %s", p.Info.Name, s.networkName(p.Network)))
	}
	var encryption event.EncryptionEventContent
	var rule event.JoinRulesEventContent
	var history event.HistoryVisibilityEventContent
	for kind, into := range map[event.Type]any{event.StateEncryption: &encryption, event.StateJoinRules: &rule, event.StateHistoryVisibility: &history} {
		if err := s.hs.State(ctx, room, kind, "", into); err != nil && matrix.KindOf(err) != matrix.NotFound {
			return err
		}
	}
	plan.Encrypted, plan.Open = encryption.Algorithm != "", rule.JoinRule == event.JoinRulePublic
	plan.History = string(history.HistoryVisibility)
	return nil
}
