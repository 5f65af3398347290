package portal

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/login"
	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// accessKind is the kind of In entries that say that a login is in a chat, or
// not any more. They are in order with what was said there.
const accessKind = "access"

// An access is the payload of such an entry.
type access struct {
	Login  network.LoginID `json:"login"`
	Name   string          `json:"name,omitempty"`  // the login's, for people
	Owner  id.UserID       `json:"owner,omitempty"` // "" for a relay
	In     bool            `json:"in,omitempty"`
	Reason string          `json:"reason,omitempty"`
	// SignedOut: the person wanted it; Kick: and is out of the room too.
	SignedOut bool `json:"signed_out,omitempty"`
	Kick      bool `json:"kick,omitempty"`
}

func accessDraft(portalID int64, a access) (journal.Draft, error) {
	payload, err := json.Marshal(a)
	return journal.Draft{Lane: journal.LaneOf(portalID, journal.In), Kind: accessKind, Payload: payload}, err
}

// lost appends that a login is out of chats.
func (s *Service) lost(ctx context.Context, sess *login.Session, reason string, portals ...store.Portal) error {
	var drafts []journal.Draft
	for _, p := range portals {
		d, err := accessDraft(p.ID, access{Login: sess.ID, Name: sess.Name, Owner: id.UserID(sess.Owner), Reason: reason})
		if err != nil {
			return err
		}
		drafts = append(drafts, d)
	}
	if len(drafts) == 0 {
		return nil
	}
	return s.j.Append(ctx, drafts, nil)
}

// SignOut removes a login, does with the rooms of its chats what the configuration
// wants (Options.Logout), and lets go on what waited for it.
func (s *Service) SignOut(ctx context.Context, sess *login.Session) error {
	return s.signOut(ctx, sess, false)
}

// access brings a login's owner into a portal's room, or takes the room away.
func (x *inbound) access(ctx context.Context, a access) journal.Outcome {
	if !a.In {
		return x.loginLeft(ctx, a)
	}
	if x.p.Room == "" {
		return journal.Delivered(nil) // who is in the chat is invited when the room is made
	}
	if x.p.State == store.PortalClosed { // access was lost, and is back
		p, err := x.update(ctx, x.p.ID, func(p *store.Portal) { p.State = store.PortalOpen })
		if err != nil {
			return dbOutcome(err)
		}
		x.p = p
	}
	if a.Owner == "" {
		if x.p.Relay == "" { // it came later than those for whom the room was made
			if _, err := x.update(ctx, x.p.ID, func(p *store.Portal) { x.adoptRelay(ctx, p) }); err != nil {
				return dbOutcome(err)
			}
		}
		return journal.Delivered(nil)
	}
	if err := x.promote(ctx, a.Owner); err != nil {
		return x.failed(ctx, err)
	}
	if err := x.admit(ctx, a.Owner); err != nil {
		return x.failed(ctx, err)
	}
	x.joins.furnish(x.p)
	return journal.Delivered(nil)
}

// promote gives a login's owner the level in the portal's room that those have for
// whom it was made. A room of somebody else keeps its own.
func (x *inbound) promote(ctx context.Context, owner id.UserID) error {
	if x.p.Info.Plumbed {
		return nil
	}
	err := x.changeLevels(ctx, func(levels *event.PowerLevelsEventContent) error {
		if levels.GetUserLevel(owner) < ownerLevel {
			levels.SetUserLevel(owner, ownerLevel)
		}
		return nil
	})
	return x.remove(err)
}

// changeLevels changes who may do what in the portal's room, if f changes anything
// and does not fail. One after the other does so, because the homeserver takes the whole.
func (x *inbound) changeLevels(ctx context.Context, f func(levels *event.PowerLevelsEventContent) error) error {
	done, err := x.levels.Take(ctx, x.p.ID)
	if err != nil {
		return err
	}
	defer done()
	levels, err := x.hs.Levels(ctx, roomID(x.p))
	if err != nil {
		return err
	}
	before, err := json.Marshal(levels)
	if err != nil {
		return err
	}
	if err := f(levels); err != nil {
		return err
	}
	if after, err := json.Marshal(levels); err != nil || bytes.Equal(before, after) {
		return err
	}
	_, err = x.hs.SendState(ctx, roomID(x.p), x.hs.BotID(), event.StatePowerLevels, "", levels, x.head.At)
	return err
}

// admit invites a login's owner to the portal's room unless they are in it, and
// has them join if double puppeting works.
func (x *inbound) admit(ctx context.Context, owner id.UserID) error {
	room := roomID(x.p)
	m, err := x.hs.Member(ctx, room, x.hs.BotID(), owner)
	if err != nil || m == event.MembershipJoin {
		return err
	}
	if m != event.MembershipInvite {
		if err := x.invite(ctx, room, owner); err != nil {
			return x.remove(err)
		}
	}
	return x.letJoin(ctx, owner)
}

// letJoin has an owner who is invited join if double puppeting works.
func (x *inbound) letJoin(ctx context.Context, owner id.UserID) error {
	if ok, err := x.hs.Puppet(ctx, owner); err != nil || !ok {
		return err
	}
	return x.remove(x.hs.EnsureJoined(ctx, roomID(x.p), owner))
}

// loginLeft takes a login's access away in Matrix too: its owner loses the
// shared room, and when the last login is gone the portal is closed.
func (x *inbound) loginLeft(ctx context.Context, a access) journal.Outcome {
	if err := x.db.Write(ctx, 1, func(tx *store.Tx) error { return tx.DeleteLoginChat(x.p.Network, a.Login, x.p.ID) }); err != nil {
		return dbOutcome(err)
	}
	x.portals.unlearn(loginChat{x.p.Network, a.Login, x.p.ID})
	x.unshelve(x.p, a.Login, a.Owner)
	if out := x.relayLeft(ctx, a); out != nil {
		return *out
	}
	left, err := x.db.LoginsIn(ctx, x.p.ID)
	if err != nil {
		return dbOutcome(err)
	}
	if x.p.Room == "" || slices.Contains(x.owners(left), a.Owner) {
		return journal.Delivered(nil)
	}
	words := "You are no longer in this chat."
	if a.Reason != "" {
		words = "You are no longer in this chat: " + a.Reason + "."
	}
	kick := x.p.Chat.Login == "" && x.p.Relay == "" && len(left) > 0
	if a.SignedOut {
		kick = a.Kick
	}
	byPolicy := !a.SignedOut && x.p.Chat.Login == "" && x.policy(x.p).KicksGone()
	if (kick && !x.p.Info.Plumbed || byPolicy) && a.Owner != "" {
		if err := x.hs.Kick(ctx, roomID(x.p), x.hs.BotID(), a.Owner, words); err != nil && !harmless(err) {
			return x.failed(ctx, err)
		}
	}
	if len(left) == 0 {
		return x.lastLeft(ctx, words)
	}
	return journal.Delivered(nil)
}

// lastLeft closes the portal of a chat that nobody of ours is in any more.
func (x *inbound) lastLeft(ctx context.Context, words string) journal.Outcome {
	if x.p.State != store.PortalOpen {
		return journal.Delivered(nil)
	}
	if out := x.say(ctx, markup.Plain(words+" Messages are no longer bridged."), "closed"); out != nil {
		return *out
	}
	if _, err := x.update(ctx, x.p.ID, func(p *store.Portal) { p.State = store.PortalClosed }); err != nil {
		return dbOutcome(err)
	}
	return journal.Delivered(nil)
}

// owners are the people whose logins are given.
func (x *inbound) owners(logins []network.LoginID) []id.UserID {
	return x.ownersOf(x.p.Network, logins)
}

func (s *Service) ownersOf(n network.NetworkID, logins []network.LoginID) []id.UserID {
	var out []id.UserID
	for _, l := range logins {
		if sess := s.logins.Get(n, l); sess != nil && sess.Owner != "" && !slices.Contains(out, id.UserID(sess.Owner)) {
			out = append(out, id.UserID(sess.Owner))
		}
	}
	return out
}

// roomGone closes a portal whose room the bot is out of, and says so to those who
// used it. A command can give the chat another room. One that the homeserver does
// not have any more is made anew by the next message, if that is configured.
func (s *Service) roomGone(ctx context.Context, p store.Portal) error {
	remake := false
	if s.opts.Remake {
		bot, err := s.hs.Member(ctx, roomID(p), s.hs.BotID(), s.hs.BotID())
		if err != nil && !harmless(err) {
			return err
		}
		remake = bot == "" // who was removed can still read that
	}
	if err := s.dropAlias(ctx, p); err != nil {
		return err
	}
	s.log.Warn("room is gone", "portal", p.ID, "closed", !remake)
	job := store.Cleanup{Room: p.Room, Name: p.Info.Name, Scope: store.ScopeGhosts, Reason: "the bridge was removed from this room"}
	_, err := s.updateAlso(ctx, p.ID, func(now *store.Portal) {
		if now.Room != p.Room {
			return
		}
		if now.Room, now.State = "", store.PortalClosed; remake {
			now.State = store.PortalNew
		}
	}, func(tx *store.Tx) error { return tx.AddCleanup(job) })
	if err != nil || remake {
		return err
	}
	s.clean.begun()
	in, err := s.db.LoginsIn(ctx, p.ID)
	if err != nil {
		return err
	}
	name := p.Info.Name
	if name == "" {
		name = string(p.Chat.ID)
	}
	for _, l := range in {
		sess := s.logins.Get(p.Network, l)
		if sess == nil || sess.Owner == "" {
			continue
		}
		ev := &network.ServiceNotice{Content: network.Text("I am no longer in the room of " + name + ", so this chat is not bridged any more. To bridge it again, use join or pm.")}
		ev.Key = "gone " + p.Room
		if err := s.Deliver(ctx, sess, network.Batch{Events: []network.Event{ev}}); err != nil {
			return err
		}
	}
	return nil
}

// harmless: the effect is there already, or nobody can have it.
func harmless(err error) bool {
	switch matrix.KindOf(err) {
	case matrix.NotFound, matrix.NotJoined, matrix.NotAllowed, matrix.Banned:
		return true
	}
	return false
}
