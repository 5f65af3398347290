package portal

import (
	"context"
	"fmt"
	"slices"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/login"
	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// SetRelay has a login of a network speak for people without one in a room: l, or the
// relay of the configuration if that is "". by wants it: their own login, or any if
// they administrate Causeway or are "", who runs the program. The caller has checked
// that they may decide about the room. An owner who did not choose it is told.
func (s *Service) SetRelay(ctx context.Context, by id.UserID, room id.RoomID, n network.NetworkID, l network.LoginID) error {
	sess, err := s.mayRelay(by, n, l)
	if err != nil {
		return err
	}
	portals, err := s.portalsOn(ctx, room, n)
	if err != nil {
		return err
	}
	for _, p := range portals {
		if p.Chat.Login != "" && p.Chat.Login != sess.ID {
			return network.Errorf(network.Rejected, "this is a private chat: nobody but the account that it belongs to can speak there", "relay of a private chat")
		}
		if err := s.haveIn(ctx, sess, p); err != nil {
			return err
		}
		if p, err = s.setRelay(ctx, p, sess.ID); err != nil {
			return err
		}
		if err := s.tellRelay(ctx, by, sess, p); err != nil {
			return err
		}
	}
	return nil
}

// UnsetRelay ends that people without a login are heard on a network.
func (s *Service) UnsetRelay(ctx context.Context, room id.RoomID, n network.NetworkID) error {
	portals, err := s.portalsOn(ctx, room, n)
	if err != nil {
		return err
	}
	for _, p := range portals {
		if _, err := s.setRelay(ctx, p, ""); err != nil {
			return err
		}
	}
	return nil
}

// setRelay stores who speaks for others in a portal's chat. What waits for whoever did
// before looks again.
func (s *Service) setRelay(ctx context.Context, p store.Portal, l network.LoginID) (store.Portal, error) {
	before := s.logins.Get(p.Network, p.Relay)
	p, err := s.update(ctx, p.ID, func(p *store.Portal) { p.Relay = l })
	if before != nil && err == nil {
		s.j.Wake(before.Cause())
	}
	return p, err
}

// portalsOn are a room's portals of a network.
func (s *Service) portalsOn(ctx context.Context, room id.RoomID, n network.NetworkID) ([]store.Portal, error) {
	portals, err := s.portals.in(ctx, string(room))
	if err != nil {
		return nil, err
	}
	portals = slices.DeleteFunc(slices.Clone(portals), func(p store.Portal) bool { return p.Network != n })
	if len(portals) == 0 {
		return nil, network.Errorf(network.Rejected, "this room is not bridged to "+s.networkName(n), "no portal")
	}
	return portals, nil
}

// mayRelay is the login that somebody may have speak for others.
func (s *Service) mayRelay(by id.UserID, n network.NetworkID, l network.LoginID) (*login.Session, error) {
	if l == "" {
		if sess := s.logins.Relay(n); sess != nil {
			return sess, nil
		}
		return nil, network.Errorf(network.Rejected, s.networkName(n)+" has no relay in the configuration; name an account that is to speak for others", "no relay")
	}
	sess := s.logins.Get(n, l)
	others := by != "" && s.opts.Permissions.Of(string(by)) != config.LevelAdmin
	switch {
	case sess == nil || others && sess.Owner != "" && sess.Owner != string(by):
		return nil, network.Errorf(network.Rejected, "you have no such account on "+s.networkName(n), "no login %s", l)
	case sess.State().Status == network.Dead:
		return nil, network.Errorf(network.Rejected, sess.Name+" is signed out, so nobody can be heard through it", "login is dead")
	}
	return sess, nil
}

// haveIn sees to it that a login is in a portal's chat.
func (s *Service) haveIn(ctx context.Context, sess *login.Session, p store.Portal) error {
	in, err := s.db.LoginsIn(ctx, p.ID)
	if err != nil {
		return err
	}
	there := slices.Contains(in, sess.ID)
	if sess.Owner != "" && there {
		return nil
	}
	ops, err := ready(ctx, sess, sess.Name)
	switch {
	case err != nil && (!there || ctx.Err() != nil):
		return err
	case err == nil && ops.Join != nil:
		if _, err := ops.Join(ctx, string(p.Chat.ID)); err != nil && (!there || network.KindOf(err) != network.Rejected) {
			return err // who is there already need not be able to come
		}
	case err == nil && sess.Owner != "":
		return network.Errorf(network.Rejected, sess.Name+" is not in this chat. Enter it first with that account", "login is not in the chat")
	}
	if err := s.enter(ctx, sess, p); err != nil || sess.Owner == "" {
		return err
	}
	d, err := accessDraft(p.ID, access{Login: sess.ID, Owner: id.UserID(sess.Owner), In: true})
	if err != nil {
		return err
	}
	return s.j.Append(ctx, []journal.Draft{d}, nil)
}

// tellRelay tells a login's owner that it speaks for others, if somebody else chose it.
func (s *Service) tellRelay(ctx context.Context, by id.UserID, sess *login.Session, p store.Portal) error {
	if sess.Owner == "" || sess.Owner == string(by) {
		return nil
	}
	who := "The administrator"
	if by != "" {
		who = string(by)
	}
	ev := &network.ServiceNotice{Content: network.Text(fmt.Sprintf("%s has people without an account be heard in %s through this account from now on. You can end that, in its room: !cw unset-relay %s", who, p.Info.Name, p.Network))}
	ev.Key = fmt.Sprint("relay ", p.ID, " ", time.Now().UnixNano())
	return s.Deliver(ctx, sess, network.Batch{Events: []network.Event{ev}})
}

// relayOf is who speaks in a portal for people without an account; nil if nobody does.
// It is the network's own relay, if that is in the chat, while the login that was
// chosen is signed out.
func (s *Service) relayOf(ctx context.Context, p store.Portal) (*login.Session, error) {
	if p.Relay == "" {
		return nil, nil
	}
	chosen := s.logins.Get(p.Network, p.Relay)
	if chosen != nil && (chosen.Owner == "" || chosen.State().Status != network.Dead) {
		return chosen, nil
	}
	spare, err := s.spareRelay(ctx, p)
	if spare == nil || err != nil {
		return chosen, err
	}
	return spare, nil
}

// spareRelay is the network's own relay, if it is in a portal's chat.
func (s *Service) spareRelay(ctx context.Context, p store.Portal) (*login.Session, error) {
	spare := s.logins.Relay(p.Network)
	if spare == nil || p.Chat.Login != "" {
		return nil, nil
	}
	in, err := s.db.LoginsIn(ctx, p.ID)
	if err != nil || !slices.Contains(in, spare.ID) {
		return nil, err
	}
	return spare, nil
}

// showsPersonas reports whether who is relayed is shown under their own name. An account
// of somebody may not be able to do that where the network's own relay is, and the chat
// is described by either.
func (o *outbound) showsPersonas(ctx context.Context) bool {
	if shows := features(o.p).Personas; !o.relay || shows && o.sess.Owner == "" {
		return shows
	}
	k := loginChat{o.p.Network, o.sess.ID, o.p.ID}
	o.mu.Lock()
	shows, known := o.personas[k]
	o.mu.Unlock()
	if known {
		return shows
	}
	ctx, cancel := context.WithTimeout(ctx, askChat)
	defer cancel()
	chat, err := o.ops.Chat(ctx, o.p.Chat.ID)
	if err != nil {
		o.log.Info("chat is not described for its relay", "portal", o.p.ID, "err", err)
		return false // a name too many does less harm than none
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.personas == nil {
		o.personas = map[loginChat]bool{}
	}
	makeRoom(o.personas, maxCached)
	o.personas[k] = chat.Features.Personas
	return chat.Features.Personas
}

// relayLeft lets the network's own relay go on when the login that was chosen is not in
// the chat any more, and says so, or that nobody does; nil if it did.
func (x *inbound) relayLeft(ctx context.Context, a access) *journal.Outcome {
	if a.Owner == "" || x.p.Relay != a.Login {
		return nil
	}
	spare, err := x.spareRelay(ctx, x.p)
	if err != nil {
		return settled(dbOutcome(err))
	}
	name, next := a.Name, network.LoginID("")
	if sess := x.logins.Get(x.p.Network, a.Login); sess != nil {
		name = sess.Name
	}
	if name == "" {
		name = string(a.Login)
	}
	words := fmt.Sprintf("%s is no longer in this chat, so people without an account are not heard on %s any more. To choose another account: !cw set-relay", name, x.networkName(x.p.Network))
	if spare != nil {
		next = spare.ID
		words = fmt.Sprintf("%s is no longer in this chat, so people without an account are heard on %s through the relay from now on.", name, x.networkName(x.p.Network))
	}
	if x.p.Room != "" && x.p.State == store.PortalOpen {
		if out := x.say(ctx, markup.Plain(words), "relay"); out != nil {
			return out
		}
	}
	p, err := x.update(ctx, x.p.ID, func(p *store.Portal) {
		if p.Relay == a.Login {
			p.Relay = next
		}
	})
	if err != nil {
		return settled(dbOutcome(err))
	}
	x.p = p
	return nil
}

// relays reports whether a login speaks for others in the portal's chat.
func (x *inbound) relays(own *login.Session) bool {
	return own.Owner == "" || own.ID == x.p.Relay
}
