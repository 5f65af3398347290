package portal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/login"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// connectWait is how long what somebody asks for waits for a login that is connecting.
const connectWait = 20 * time.Second

// client is the running client through which owner acts on a network: their own
// login if there is one, else the relay of the configuration. It waits for it as
// ready does.
func (s *Service) client(ctx context.Context, owner id.UserID, n network.NetworkID) (*login.Session, network.Ops, error) {
	sess := s.logins.Relay(n)
	for _, o := range s.logins.Of(string(owner)) {
		if o.Network == n {
			sess = o
			break
		}
	}
	if sess == nil {
		return nil, network.Ops{}, network.Errorf(network.Rejected, fmt.Sprintf("you are not signed in to %s. Type: login %s", s.networkName(n), n), "no login on %s", n)
	}
	ops, err := ready(ctx, sess, sess.Name)
	if err != nil {
		return nil, ops, err
	}
	return sess, ops, nil
}

// ready are the operations of a login's client, which is called name in errors. While
// the login is connecting, as right after the program's start, it waits for that,
// connectWait at most.
func ready(ctx context.Context, sess *login.Session, name string) (network.Ops, error) {
	patience, done := context.WithTimeout(ctx, connectWait)
	defer done()
	online := sess.Settled(patience)
	if err := ctx.Err(); err != nil {
		return network.Ops{}, fmt.Errorf("wait for %s: %w", sess.Cause(), err)
	}
	ops, running := sess.Ops()
	if !online || !running {
		return network.Ops{}, offline(sess, name)
	}
	return ops, nil
}

// offline is the error of what needs a login that is not connected.
func offline(sess *login.Session, name string) error {
	st := sess.State()
	why := st.Words
	if why == "" { // it has not come to its network yet
		why = "try again in a moment"
	}
	return network.Errorf(network.Unavailable, name+" is not connected now: "+why, "login is %s", st.Status)
}

// Search finds chats through owner's login or the relay.
func (s *Service) Search(ctx context.Context, owner id.UserID, n network.NetworkID, query string, limit int) ([]network.Found, error) {
	_, ops, err := s.client(ctx, owner, n)
	if err != nil {
		return nil, err
	}
	if ops.Search == nil {
		return nil, network.Errorf(network.Rejected, s.networkName(n)+" cannot be searched", "no searcher")
	}
	return ops.Search(ctx, query, limit)
}

// Join enters the chat that name names and invites owner to its portal.
func (s *Service) Join(ctx context.Context, owner id.UserID, n network.NetworkID, name string) (store.Portal, error) {
	sess, ops, err := s.client(ctx, owner, n)
	if err != nil {
		return store.Portal{}, err
	}
	if ops.Join == nil {
		return store.Portal{}, network.Errorf(network.Rejected, "on "+s.networkName(n)+" chats cannot be joined by name", "no joiner")
	}
	chat, err := ops.Join(ctx, name)
	if err != nil {
		return store.Portal{}, err
	}
	return s.open(ctx, sess, &ops, chat, roomWish{owner: owner})
}

// Start opens the direct chat with a remote person and invites owner to its portal.
func (s *Service) Start(ctx context.Context, owner id.UserID, n network.NetworkID, user string) (store.Portal, error) {
	sess, ops, err := s.client(ctx, owner, n)
	if err != nil {
		return store.Portal{}, err
	}
	if sess.Owner != string(owner) || ops.Start == nil {
		return store.Portal{}, network.Errorf(network.Rejected, fmt.Sprintf("direct chats need an account of yours. Type: login %s", n), "no own login to start a chat")
	}
	chat, err := ops.Start(ctx, user)
	if err != nil {
		return store.Portal{}, err
	}
	return s.open(ctx, sess, &ops, chat, roomWish{owner: owner})
}

// open makes sure that a chat which sess is in has a room with whom the wish
// names in it.
func (s *Service) open(ctx context.Context, sess *login.Session, ops *network.Ops, chat network.Chat, w roomWish) (store.Portal, error) {
	p, err := s.portals.ensure(ctx, sess.Network, chat.Key)
	if err != nil {
		return p, err
	}
	if err := s.refused(ctx, p, w.owner, chat.Kind); err != nil {
		return p, err
	}
	if err := s.enter(ctx, sess, p); err != nil {
		return p, err
	}
	if w.login = sess.ID; sess.Owner == "" {
		w.relay = sess.ID
	}
	if chat.Kind == network.Direct && chat.Other != "" {
		ghost := s.ghostOf(p.Network, chat.Other)
		if err := s.prepareGhost(ctx, ops, ghost, chat.Other, false); err != nil {
			return p, err
		}
		w.invite = append(w.invite, ghost)
	}
	made := false
	if p.Room == "" {
		if p, made, err = s.makeRoom(ctx, p, ops, w); err != nil {
			s.making.fail(ctx, p.ID)
			return p, err
		}
	}
	if made {
		if err := s.complete(ctx, p); err != nil {
			return p, err
		}
	}
	public := w.alias != "" && !p.Info.Plumbed
	if public {
		if err := s.hs.SetPublicAlias(ctx, roomID(p), w.alias); err != nil {
			return p, err
		}
	}
	p, err = s.update(ctx, p.ID, func(p *store.Portal) {
		p.State = store.PortalOpen
		if p.Relay == "" {
			p.Relay = w.relay
		}
		if public {
			p.Info.Alias = w.alias
		}
	})
	if made {
		return p, err // its owner was invited with its making
	}
	if err != nil || w.owner == "" {
		return p, err
	}
	err = s.invite(ctx, roomID(p), w.owner)
	if err != nil && harmless(err) {
		err = nil // they are in it
	}
	return p, err
}

// enter stores that a login is in a portal's chat.
func (s *Service) enter(ctx context.Context, sess *login.Session, p store.Portal) error {
	k := loginChat{sess.Network, sess.ID, p.ID}
	if err := s.db.Write(ctx, 1, func(tx *store.Tx) error { return tx.AddLoginChat(k.network, k.login, k.portal) }); err != nil {
		return err
	}
	s.portals.learn(k)
	return nil
}

// RoomWanted makes the portal of a public alias ("#_cw_irc.libera_=23go:domain")
// for the homeserver's room query; it reports whether the alias exists now. The
// network needs a relay, because nobody's own login is asked.
func (s *Service) RoomWanted(ctx context.Context, alias string) bool {
	if len(alias) < 2 || alias[0] != '#' {
		return false
	}
	n, chat, ok := s.hs.ParseGhost(id.UserID("@" + alias[1:]))
	relay := s.logins.Relay(network.NetworkID(n))
	if !ok || relay == nil {
		return false
	}
	ops, err := ready(ctx, relay, relay.Name)
	if err != nil || ops.Join == nil {
		return false
	}
	joined, err := ops.Join(ctx, chat)
	if err != nil {
		s.log.Info("chat of an alias cannot be joined", "network", n, "err", err)
		return false
	}
	localpart := id.UserID("@" + alias[1:]).Localpart()
	p, err := s.open(ctx, relay, &ops, joined, roomWish{alias: localpart})
	if err != nil {
		s.log.Warn("make room of an alias", "network", n, "err", err)
		return false
	}
	return p.Info.Alias == localpart // a room that people plumbed is not ours to open
}

// Portals lists the portals of a room.
func (s *Service) Portals(ctx context.Context, room id.RoomID) ([]store.Portal, error) {
	return s.portals.in(ctx, string(room))
}

// Waiting counts a portal's undelivered entries.
func (s *Service) Waiting(ctx context.Context, p store.Portal) (n int, err error) {
	_, err = s.db.One(ctx, "SELECT COUNT(*) FROM entry WHERE state < 5 AND lane IN (?, ?)", []any{journal.LaneOf(p.ID, journal.In), journal.LaneOf(p.ID, journal.Out)}, &n)
	return n, err
}

// GhostsIn lists the ghosts that are in a room.
func (s *Service) GhostsIn(ctx context.Context, room id.RoomID) ([]id.UserID, error) {
	members, err := s.hs.Members(ctx, room)
	if err != nil {
		return nil, err
	}
	var ghosts []id.UserID
	for u, m := range members {
		if s.hs.IsGhost(u) && u != s.hs.BotID() && (m == event.MembershipJoin || m == event.MembershipInvite) {
			ghosts = append(ghosts, u)
		}
	}
	return ghosts, nil
}

// Unbridge ends all portals of a room: what waits is given up, the logins leave
// chats that nobody else needs them in, the ghosts leave the room one by one. With
// deleteRoom everybody leaves it. That goes on when Unbridge has returned.
func (s *Service) Unbridge(ctx context.Context, room id.RoomID, deleteRoom bool) error {
	portals, err := s.portals.in(ctx, string(room))
	if err != nil {
		return err
	}
	for _, p := range portals {
		in, err := s.db.LoginsIn(ctx, p.ID)
		if err != nil {
			return err
		}
		for _, l := range in {
			if sess := s.logins.Get(p.Network, l); sess != nil {
				s.unshelve(p, l, id.UserID(sess.Owner))
			}
		}
		if err := s.unbridge(ctx, p, deleteRoom); err != nil {
			return err
		}
	}
	return nil
}

// unbridge ends one portal.
func (s *Service) unbridge(ctx context.Context, p store.Portal, deleteRoom bool) error {
	job := store.Cleanup{Room: p.Room, Name: p.Info.Name, Network: p.Network, Scope: store.ScopeGhosts, Reason: "unbridged"}
	if deleteRoom {
		job.Network, job.Scope, job.Reason = "", store.ScopeAll, "this room was unbridged and deleted"
	}
	s.unmark(ctx, p)
	s.leaveRemote(ctx, p)
	return s.endPortal(ctx, p, job)
}

// alias is the localpart by which the room that was made for a portal is known: it
// keeps it for as long as it is the chat's room.
func (s *Service) alias(p store.Portal) string {
	return s.hs.Alias(string(p.Network), string(p.Chat.ID), string(p.Chat.Login))
}

// dropAlias takes the alias from the room of a portal that gets another one or ends.
// Where that is refused the alias is taken when the next room is made: a room that
// the bot has left or unmarked is not taken for the chat's.
func (s *Service) dropAlias(ctx context.Context, p store.Portal) error {
	if p.Room == "" || p.Info.Plumbed {
		return nil
	}
	err := s.hs.DeleteAlias(ctx, s.alias(p))
	if harmless(err) {
		s.log.Info("alias of a room that is given up stays", "portal", p.ID, "err", err)
		return nil
	}
	return err
}

// endPortal forgets a portal. While people's own logins are in its chat a closed
// row stays, or the next message there would make another room. Its room is cleaned
// up.
func (s *Service) endPortal(ctx context.Context, p store.Portal, job store.Cleanup) error {
	if err := s.dropAlias(ctx, p); err != nil {
		return err
	}
	done, err := s.updates.Take(ctx, p.ID)
	if err != nil {
		return err
	}
	defer done()
	in, err := s.db.LoginsIn(ctx, p.ID)
	if err != nil {
		return err
	}
	lanes := []int64{int64(journal.LaneOf(p.ID, journal.In)), int64(journal.LaneOf(p.ID, journal.Out))}
	stays := len(s.ownersOf(p.Network, in)) > 0
	err = s.db.Write(ctx, 8, func(tx *store.Tx) error {
		if job.Room != "" {
			if err := tx.AddCleanup(job); err != nil {
				return err
			}
		}
		if !stays {
			return tx.DeletePortal(p.ID, lanes...)
		}
		p.Room, p.State, p.Relay, p.Info = "", store.PortalClosed, "", store.PortalInfo{Features: p.Info.Features}
		if err := tx.SavePortal(p); err != nil {
			return err
		}
		return tx.ClearPortal(p.ID, lanes...)
	})
	if err != nil {
		return err
	}
	s.messages.forget(p.ID)
	if stays {
		s.portals.put(p)
	} else {
		s.portals.forget(p)
	}
	s.clean.begun()
	return nil
}

// leaveRemote has the relay leave a chat. People's own logins stay in theirs.
func (s *Service) leaveRemote(ctx context.Context, p store.Portal) {
	sess := s.logins.Get(p.Network, p.Relay)
	if sess == nil || sess.Owner != "" {
		return
	}
	if ops, ok := sess.Ops(); ok && ops.Leave != nil {
		if err := ops.Leave(ctx, p.Chat.ID, "unbridged"); err != nil {
			s.log.Info("leave unbridged chat", "portal", p.ID, "err", err)
		}
	}
}

// inviteGhost turns a room to which a person invited a ghost into their direct
// chat.
func (s *Service) inviteGhost(ctx context.Context, e *rawEvent, ghost id.UserID, direct bool) error {
	refuse := func(words string) error { return s.ignoreGone(s.hs.Leave(ctx, e.Room, ghost, words)) }
	n, user, ok := s.hs.ParseGhost(ghost)
	if !ok || !direct {
		return refuse("bridged people cannot be invited to rooms")
	}
	sess, ops, err := s.client(ctx, e.Sender, network.NetworkID(n))
	if err != nil || sess.Owner != string(e.Sender) || ops.Start == nil {
		return refuse(fmt.Sprintf("sign in first: write \"login %s\" to %s", n, s.hs.BotID()))
	}
	chat, err := ops.Start(ctx, user)
	if err != nil {
		return refuse(network.UserText(err))
	}
	p, err := s.portals.ensure(ctx, sess.Network, chat.Key)
	if err != nil {
		return err
	}
	if err := s.refused(ctx, p, e.Sender, network.Direct); err != nil {
		return refuse(network.UserText(err))
	}
	if p.Room != "" && p.State == store.PortalOpen {
		return errors.Join(s.ignoreGone(s.invite(ctx, roomID(p), e.Sender)), refuse("you have a room for this chat already"))
	}
	if err := s.prepareGhost(ctx, &ops, ghost, network.UserID(user), false); err != nil {
		return err
	}
	if err := s.dropAlias(ctx, p); err != nil {
		return err
	}
	// What is said from now on waits until the room is known.
	if err := s.making.begin(ctx, p.ID); err != nil {
		return err
	}
	if err := s.settle(ctx, e.Room, ghost); err != nil {
		s.making.fail(ctx, p.ID)
		return s.ignoreGone(err)
	}
	defer s.making.end(p.ID)
	_, err = s.update(ctx, p.ID, func(p *store.Portal) {
		p.Room, p.State = string(e.Room), store.PortalOpen
		p.Info = store.PortalInfo{Kind: network.Direct, Name: chat.Name, Other: chat.Other, Features: chat.Features, Plumbed: true}
	})
	return err
}

// settle brings a ghost and the bot into a person's room.
func (s *Service) settle(ctx context.Context, room id.RoomID, ghost id.UserID) error {
	if err := s.hs.EnsureJoined(ctx, room, ghost); err != nil {
		return err
	}
	if err := s.ignoreGone(s.hs.Invite(ctx, room, ghost, s.hs.BotID(), "")); err != nil {
		return err
	}
	return s.hs.EnsureJoined(ctx, room, s.hs.BotID())
}

// Reply sends a notice of the bot as an answer to an event.
func (s *Service) Reply(ctx context.Context, room id.RoomID, content *event.MessageEventContent, key []byte) error {
	_, err := s.hs.Send(ctx, matrix.Event{Room: room, As: s.hs.BotID(), Type: event.EventMessage, Content: content, Key: key, Step: "reply", Lookup: false})
	return err
}
