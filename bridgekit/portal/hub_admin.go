package portal

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/hub"
	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// A HubEdge is one network of a room, for people.
type HubEdge struct {
	Portal store.Portal
	State  network.LoginState // of the connection that carries it
	// Waiting counts its undelivered entries.
	Waiting int
	// Last is the newest message that crossed this edge; zero if there is none. It
	// came from the network if its Txn is empty.
	Last store.Message
	// Policy is what passes, and Why where that comes from, see hub.Policy.Why.
	Policy *hub.Policy
	Why    map[string]string
}

// Hubs lists the rooms of several networks.
func (s *Service) Hubs(ctx context.Context) ([]string, error) { return s.db.Hubs(ctx) }

// Hub lists the networks of a room.
func (s *Service) Hub(ctx context.Context, room id.RoomID) ([]HubEdge, error) {
	portals, err := s.portals.in(ctx, string(room))
	if err != nil {
		return nil, err
	}
	var out []HubEdge
	for _, p := range portals {
		e := HubEdge{Portal: p, Policy: s.policy(p), Why: p.Info.Hub.Why(s.opts.Hub.Policies[p.Network])}
		if e.State, err = s.carries(ctx, p); err != nil {
			return nil, err
		}
		if e.Waiting, err = s.Waiting(ctx, p); err != nil {
			return nil, err
		}
		if e.Last, _, err = s.db.LastMessage(ctx, p.ID); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// carries is how the connection fares that carries a portal.
func (s *Service) carries(ctx context.Context, p store.Portal) (network.LoginState, error) {
	st := network.LoginState{Status: network.Offline, Words: "nobody is signed in there"}
	in, err := s.db.LoginsIn(ctx, p.ID)
	for _, l := range in {
		if sess := s.logins.Get(p.Network, l); sess != nil {
			if st = sess.State(); sess.Online() {
				break
			}
		}
	}
	return st, err
}

// SetHub changes the policy of a network's edges of a room, see hub.Policy.Set.
func (s *Service) SetHub(ctx context.Context, room id.RoomID, n network.NetworkID, name, value string) error {
	portals, err := s.portals.in(ctx, string(room))
	if err != nil {
		return err
	}
	found := false
	for _, p := range portals {
		if p.Network != n {
			continue
		}
		policy, err := p.Info.Hub.Set(name, value)
		if err != nil {
			return network.Errorf(network.Rejected, err.Error(), "hub policy")
		}
		if _, err := s.update(ctx, p.ID, func(p *store.Portal) { p.Info.Hub = policy }); err != nil {
			return err
		}
		found = true
	}
	if !found {
		return network.Errorf(network.Rejected, "this room is not bridged to "+s.networkName(n), "no portal")
	}
	return nil
}

// mayMeet refuses a chat for a room with a network that it may not meet.
func (s *Service) mayMeet(ctx context.Context, room id.RoomID, n network.NetworkID, chat network.ChatKey) error {
	portals, err := s.portals.in(ctx, string(room))
	if err != nil {
		return err
	}
	var there []network.NetworkID
	for _, p := range portals {
		if p.Network != n || p.Chat != chat {
			there = append(there, p.Network)
		}
	}
	with, refused := s.opts.Hub.Consents.Refused(n, there)
	if !refused {
		return nil
	}
	words := fmt.Sprintf("%s and %s may not meet in a room unless the operators of both have agreed. If they have, the administrator of Causeway adds %s to hub_with of %s, and the other way round",
		s.networkName(n), s.networkName(with), n, with)
	return network.Errorf(network.Rejected, words, "no consent between %s and %s", n, with)
}

// HubBans is the ban list of a room.
func (s *Service) HubBans(ctx context.Context, room id.RoomID) ([]store.HubBan, error) {
	return s.db.HubBans(ctx, string(room))
}

// HubBan puts somebody on the ban list of a room: they are not heard any more,
// whichever network they are on. A single person is also banned from the room, and
// on their network if Causeway may do that; the words say what could not be done.
func (s *Service) HubBan(ctx context.Context, room id.RoomID, by id.UserID, who hub.Banned, reason string) (string, error) {
	if err := s.checkBanned(who); err != nil {
		return "", err
	}
	if err := s.ban(ctx, string(room), store.HubBan{Who: who, By: string(by), Reason: reason, At: time.Now()}); err != nil {
		return "", err
	}
	if strings.Contains(string(who), "*") {
		return "", nil
	}
	var failed []string
	n, user, mxid := s.parseBanned(who)
	if err := s.hs.Ban(ctx, room, s.hs.BotID(), mxid, reason); err != nil {
		s.log.Info("ban somebody from a hub's room", "room", room, "err", err)
		failed = append(failed, "from the room")
	}
	if n == "" {
		return words("not", failed), nil
	}
	portals, err := s.portals.in(ctx, string(room))
	if err != nil {
		return "", err
	}
	for _, p := range portals {
		if p.Network != n {
			continue
		}
		if err := s.banThere(ctx, p, network.Member{User: user, Membership: network.Banned, Reason: reason}); err != nil {
			s.log.Info("ban somebody on their network", "portal", p.ID, "err", err)
			failed = append(failed, "on "+s.networkName(n))
			continue
		}
		if err := s.db.BannedThere(ctx, string(room), who, p.ID); err != nil {
			return "", err
		}
	}
	return words("not", failed), nil
}

// words say where somebody is not, or still, banned.
func words(how string, failed []string) string {
	if len(failed) == 0 {
		return ""
	}
	return how + " banned " + strings.Join(failed, " and ")
}

// banThere changes a membership on a network through the relay or any login there.
func (s *Service) banThere(ctx context.Context, p store.Portal, m network.Member) error {
	sess := s.logins.Get(p.Network, p.Relay)
	if sess == nil {
		return errNoClient
	}
	ops, ok := sess.Ops()
	if !ok || ops.SetMember == nil {
		return errNoClient
	}
	return ops.SetMember(ctx, p.Chat.ID, m)
}

// HubUnban takes somebody off the ban list; false if they were not on it. What they said
// before is not heard all the same. They may come into the room again, and into the
// chats from which HubBan had them banned; the words say where that could not be done.
func (s *Service) HubUnban(ctx context.Context, room id.RoomID, who hub.Banned) (bool, string, error) {
	defer s.bans.changed(string(room))
	was, ok, err := s.db.DeleteHubBan(ctx, string(room), who)
	if err != nil || !ok || strings.Contains(string(who), "*") {
		return ok, "", err
	}
	_, user, mxid := s.parseBanned(who)
	var failed []string
	if err := s.remove(s.hs.Unban(ctx, room, s.hs.BotID(), mxid, "")); err != nil {
		s.log.Info("let somebody into a hub's room again", "room", room, "err", err)
		failed = append(failed, "from the room")
	}
	for _, portalID := range was.There {
		p, ok, err := s.portals.get(ctx, portalID)
		if err != nil {
			return true, "", err
		}
		if !ok {
			continue
		}
		if err := s.banThere(ctx, p, network.Member{User: user, Membership: network.Left}); err != nil {
			s.log.Info("lift a ban on a network", "portal", p.ID, "err", err)
			failed = append(failed, "on "+s.networkName(p.Network))
		}
	}
	return true, words("still", failed), nil
}

func (s *Service) checkBanned(who hub.Banned) error {
	err := who.Check(func(n string) bool { return s.logins.Connector(network.NetworkID(n)) != nil })
	if err != nil {
		return network.Errorf(network.Rejected, err.Error(), "ban list")
	}
	return nil
}

// parseBanned is the single person that a line means.
func (s *Service) parseBanned(who hub.Banned) (network.NetworkID, network.UserID, id.UserID) {
	if n, user, ok := strings.Cut(string(who), "/"); ok && !strings.HasPrefix(string(who), "@") {
		return network.NetworkID(n), network.UserID(user), s.hs.GhostID(n, user)
	}
	mxid := id.UserID(who)
	if n, user, ok := s.hs.ParseGhost(mxid); ok {
		return network.NetworkID(n), network.UserID(user), mxid
	}
	return "", "", mxid
}

// maxPurge is how many messages one Purge removes at most.
const maxPurge = 500

// Purge removes what one person wrote in a room since a time, in the room and on all of
// its networks. It returns how many messages it removed. It may be repeated.
func (s *Service) Purge(ctx context.Context, room id.RoomID, who hub.Banned, since time.Time, reason string) (int, error) {
	if err := s.checkBanned(who); err != nil {
		return 0, err
	}
	if strings.Contains(string(who), "*") {
		return 0, network.Errorf(network.Rejected, "name one person", "purge of a pattern")
	}
	portals, err := s.portals.in(ctx, string(room))
	if err != nil {
		return 0, err
	}
	n, user, mxid := s.parseBanned(who)
	var events []id.EventID
	for _, p := range portals {
		senders := []string{string(mxid)}
		if p.Network == n {
			senders = append(senders, string(user))
		}
		for _, sender := range senders {
			rows, err := s.db.MessagesBy(ctx, p.ID, sender, since, 4*maxPurge)
			if err != nil {
				return 0, err
			}
			for _, r := range rows {
				if len(events) < maxPurge && !slices.Contains(events, id.EventID(r.Event)) {
					events = append(events, id.EventID(r.Event))
				}
			}
		}
	}
	for _, evt := range events {
		if err := s.purge(ctx, room, evt, portals, reason); err != nil {
			return 0, err
		}
	}
	return len(events), nil
}

// purge removes one event in its room and on the networks.
func (s *Service) purge(ctx context.Context, room id.RoomID, evt id.EventID, portals []store.Portal, reason string) error {
	drafts, err := s.copyDrafts(redactionOf(evt, room, s.hs.BotID(), reason, time.Now()), copied{Quiet: true}, portals)
	if err != nil {
		return err
	}
	if err := s.j.Append(ctx, drafts, nil); err != nil {
		return err
	}
	_, err = s.hs.Redact(ctx, room, s.hs.BotID(), evt, reason, journal.Key("purge", string(evt)), "purge")
	return s.ignoreGone(err)
}
