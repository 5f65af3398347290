package portal

import (
	"context"
	"slices"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

const (
	// askChat is how long a chat's description may hold up its first message.
	askChat = 5 * time.Second
	// ownerLevel lets a portal's owner change its name and invite others.
	ownerLevel = 50
)

// ensureRoom makes the portal's room if it has none: one request that carries
// everything its first reader needs. What may come later comes later.
func (x *inbound) ensureRoom(ctx context.Context) error {
	if x.p.Room != "" && x.p.State == store.PortalOpen {
		return nil
	}
	var invite []id.UserID
	if x.head.Sender != "" {
		if as, err := x.sender(ctx, x.head.Sender); err != nil {
			return err
		} else if x.hs.IsGhost(as) {
			invite = append(invite, as)
		}
	}
	p, _, err := x.makeRoom(ctx, x.p, x.ops(), roomWish{owner: x.owner(), invite: invite, login: x.via()})
	if err == nil {
		x.p = p
	}
	return err
}

// owner is the Matrix user whose login delivered the event; "" for a relay.
func (x *inbound) owner() id.UserID {
	if x.sess == nil {
		return ""
	}
	return id.UserID(x.sess.Owner)
}

// A roomWish is what the cause of a room's making adds to it.
type roomWish struct {
	owner  id.UserID
	invite []id.UserID // ghosts that are registered
	alias  string      // localpart of the public alias it was asked for by
	relay  network.LoginID
	login  network.LoginID // whose client knows the chat
}

// makeRoom makes or finds the room of a portal and stores it, unless somebody else
// just did; the caller then has it furnished, as soon as there is something to
// read. That it is being made is stored first: people may speak in the room before
// its ID is stored, and what they say waits until it is (see making.go).
func (s *Service) makeRoom(ctx context.Context, p store.Portal, ops *network.Ops, w roomWish) (_ store.Portal, made bool, err error) {
	done, err := s.making.rooms.Take(ctx, p.ID)
	if err != nil {
		return p, false, err
	}
	defer done()
	now, ok, err := s.portals.get(ctx, p.ID)
	if err != nil {
		return p, false, err
	}
	if ok && now.Room != "" && now.State == store.PortalOpen {
		return now, false, nil
	}
	p, err = s.makeRoomNow(ctx, p, ops, w)
	return p, err == nil, err
}

func (s *Service) makeRoomNow(ctx context.Context, p store.Portal, ops *network.Ops, w roomWish) (store.Portal, error) {
	chat := s.describe(ctx, p, ops)
	if err := s.making.begin(ctx, p.ID); err != nil {
		return p, err
	}
	from, err := s.origin(p, chat.Features)
	if err != nil {
		return p, err
	}
	s.opts.Steps.At(step.RoomMaking)
	r := matrix.Room{
		Origin: from,
		Alias:  s.alias(p),
		Name:   chat.Name, Topic: roomTopic(chat.Topic, chat.Purpose),
		Invite: w.invite, Direct: chat.Kind == network.Direct,
		State:    s.firstState(p, chat, ops),
		JoinRule: string(event.JoinRuleInvite), History: string(event.HistoryVisibilityShared),
		Levels: s.firstLevels(p, chat),
	}
	if !chat.Features.JoinersSeePast {
		r.History = string(event.HistoryVisibilityInvited)
	}
	owners, err := s.ownersIn(ctx, p, w.owner)
	if err != nil {
		return p, err
	}
	for _, owner := range owners {
		r.Levels[owner] = ownerLevel
	}
	r.Invite = append(owners, r.Invite...)
	room, err := s.hs.CreateRoom(ctx, r)
	if err != nil {
		return p, err
	}
	s.opts.Steps.At(step.RoomMade)
	p, err = s.updateAlso(ctx, p.ID, func(p *store.Portal) {
		p.Room, p.State = string(room), store.PortalOpen
		p.Info = store.PortalInfo{Kind: chat.Kind, Name: chat.Name, Topic: chat.Topic, Purpose: chat.Purpose, Other: chat.Other, Features: chat.Features, Expiry: chat.Expiry, Archived: chat.Archived, Setup: true, Fill: s.toFill(ops, w.login)}
		if ops != nil && chat.Features.Once != "" {
			can := capabilities(chat.Features, ops)
			p.Info.Shown = can.GetID()
		}
		if w.relay != "" {
			p.Relay = w.relay
		}
		s.adoptRelay(ctx, p)
	}, func(tx *store.Tx) error { return tx.ClearPast(p.ID) })
	if err != nil {
		return p, err
	}
	s.opts.Steps.At(step.RoomStored)
	s.making.end(p.ID)
	return p, nil
}

// firstState is what a room is made with beside its name: what it is bridged to,
// encryption, how long messages live.
func (s *Service) firstState(p store.Portal, chat network.Chat, ops *network.Ops) []*event.Event {
	state := append(s.bridgeInfo(p, chat, ops), s.serviceMembers(p, s.ownGhosts(p)))
	if mode := s.opts.Encryption; mode == config.EncryptionDefault || mode == config.EncryptionRequire {
		state = append(state, encryptionState())
	}
	if chat.Expiry > 0 {
		state = append(state, timerState(chat.Expiry))
	}
	return state
}

// ownGhosts are the user IDs of our people in a direct chat: their own accounts are
// in the room, and who sees their ghosts there need not count them.
func (s *Service) ownGhosts(p store.Portal) []network.UserID {
	l := p.Chat.Login
	if l == "" {
		return nil
	}
	if sess := s.logins.Get(p.Network, l); sess != nil && sess.User() != "" {
		return []network.UserID{sess.User()}
	}
	return nil
}

// ownersIn are the people who get the room of a portal: those whose logins are in
// the chat, and who asked for it.
func (s *Service) ownersIn(ctx context.Context, p store.Portal, asked id.UserID) ([]id.UserID, error) {
	in, err := s.db.LoginsIn(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	owners := s.ownersOf(p.Network, in)
	if asked != "" && !slices.Contains(owners, asked) {
		owners = append(owners, asked)
	}
	return owners, nil
}

// adoptRelay lets the network's relay speak in a shared chat that it is in.
func (s *Service) adoptRelay(ctx context.Context, p *store.Portal) {
	relay := s.logins.Relay(p.Network)
	if relay == nil || p.Relay != "" || p.Chat.Login != "" {
		return
	}
	in, err := s.db.LoginsIn(ctx, p.ID)
	if err != nil {
		return // it can be set by hand
	}
	for _, l := range in {
		if l == relay.ID {
			p.Relay = l
		}
	}
}

// describe asks the network what a chat is; what does not come in time is made
// up from its ID and mended by later events.
func (s *Service) describe(ctx context.Context, p store.Portal, ops *network.Ops) network.Chat {
	chat := network.Chat{Key: p.Chat, Name: string(p.Chat.ID), Kind: network.Group, Features: features(p)}
	if p.Chat.Login != "" {
		chat.Kind = network.Direct
	}
	if ops == nil {
		return chat
	}
	ctx, cancel := context.WithTimeout(ctx, askChat)
	defer cancel()
	got, err := ops.Chat(ctx, p.Chat.ID)
	if err != nil {
		s.log.Info("chat is described by its ID only", "portal", p.ID, "err", err)
		return chat
	}
	if got.Kind == "" {
		got.Kind = chat.Kind
	}
	if got.Name == "" {
		got.Name = chat.Name
	}
	if got.Kind == network.Direct && got.Other != "" {
		if other, err := ops.User(ctx, got.Other); err == nil && other.Name != "" {
			got.Name = other.Name
		}
	}
	return got
}

// describeLate mends a room that was made while the network did not answer.
func (x *inbound) describeLate(ctx context.Context) error {
	ops := x.anyOps(ctx, x.p)
	if ops == nil {
		return errNoClient
	}
	chat := x.describe(ctx, x.p, ops)
	if chat.Features.Once == "" {
		return errNoClient
	}
	if chat.Name != x.p.Info.Name {
		if _, err := x.hs.SendState(ctx, roomID(x.p), x.hs.BotID(), event.StateRoomName, "", &event.RoomNameEventContent{Name: chat.Name}, time.Time{}); err != nil {
			return err
		}
	}
	if chat.Topic != x.p.Info.Topic || chat.Purpose != x.p.Info.Purpose {
		if err := x.showTopic(ctx, x.p, store.PortalInfo{Topic: chat.Topic, Purpose: chat.Purpose}, time.Time{}); err != nil {
			return err
		}
	}
	if chat.Expiry != x.p.Info.Expiry {
		if err := x.setTimer(ctx, x.p, chat.Expiry); err != nil {
			return err
		}
	}
	_, err := x.update(ctx, x.p.ID, func(p *store.Portal) {
		p.Info.Kind, p.Info.Name, p.Info.Topic, p.Info.Other, p.Info.Features = chat.Kind, chat.Name, chat.Topic, chat.Other, chat.Features
		p.Info.Purpose, p.Info.Expiry, p.Info.Archived = chat.Purpose, chat.Expiry, chat.Archived
	})
	return err
}
