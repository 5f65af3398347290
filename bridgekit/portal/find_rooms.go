package portal

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// An origin is what a room says about its portal, sealed: enough to make the
// portal's row again. The number is in it because the marks of what the portal
// sent, and its transaction IDs, are made of it.
type origin struct {
	Number  int64             `json:"number"`
	Network network.NetworkID `json:"network"`
	Chat    network.ChatKey   `json:"chat"`
	// Features of the chat then: keys of its events depend on its kind of IDs.
	Features network.Features `json:"features"`
}

const originContext = "portal.origin" // see store.Sealer

// origin is what the room of p will say.
func (s *Service) origin(p store.Portal, f network.Features) (string, error) {
	plain, err := json.Marshal(origin{p.ID, p.Network, p.Chat, f})
	if err != nil {
		return "", fmt.Errorf("describe portal: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(s.db.Seal().Seal(plain, originContext)), nil
}

func (s *Service) readOrigin(text string) (o origin, err error) {
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return o, err
	}
	plain, err := s.db.Seal().Open(sealed, originContext)
	if err != nil {
		return o, err
	}
	return o, json.Unmarshal(plain, &o)
}

// findRooms makes the rows of portals whose rooms the bot is in and the database
// does not know, and finds management rooms. It runs alone.
func (s *Service) findRooms(ctx context.Context) error {
	if err := s.hs.EnsureGhost(ctx, s.hs.BotID()); err != nil {
		return err
	}
	joined, err := s.hs.JoinedRooms(ctx, s.hs.BotID())
	if err != nil {
		return err
	}
	known, err := s.db.ManagementRooms(ctx)
	if err != nil {
		return err
	}
	portals, err := s.db.Portals(ctx, "")
	if err != nil {
		return err
	}
	for _, p := range portals {
		known[p.Room] = ""
	}
	var one sync.Mutex // held while rows are made
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(backgroundWorkers)
	for _, room := range joined {
		if _, ok := known[string(room)]; ok {
			continue
		}
		g.Go(func() error {
			text, err := s.hs.RoomOrigin(ctx, room)
			if err != nil {
				return err
			}
			members, err := s.hs.Members(ctx, room)
			if err != nil {
				return s.ignoreGone(err)
			}
			one.Lock()
			defer one.Unlock()
			if text == "" {
				return s.findManagement(ctx, room, members)
			}
			return s.findPortal(ctx, room, text, members, joined)
		})
	}
	return g.Wait()
}

// findPortal makes or completes the row of the portal that a room was made for.
func (s *Service) findPortal(ctx context.Context, room id.RoomID, text string, members map[id.UserID]event.Membership, joined []id.RoomID) error {
	o, err := s.readOrigin(text)
	if err != nil {
		s.log.Warn("a room's origin cannot be read", "room", room, "err", err)
		return nil
	}
	old, has, err := s.db.PortalOf(ctx, o.Network, o.Chat)
	if err != nil {
		return err
	}
	if has && slices.Contains(joined, roomID(old)) { // the newer of two is the one that the bot is still in
		before, err := s.hs.RoomOrigin(ctx, roomID(old))
		if err != nil || before != "" || old.Info.Plumbed {
			return err
		} // unless the chat has moved since, which took that from the old room
	}
	p := store.Portal{ID: o.Number, Network: o.Network, Chat: o.Chat, Relay: old.Relay, Info: old.Info, Room: string(room), State: store.PortalOpen}
	if p.Info.Features.Once == "" {
		p.Info.Features = o.Features
	}
	p.Info.Setup = true // what is missing is asked of the network
	if p.Info.Kind == "" {
		if err := s.describeFound(ctx, &p); err != nil {
			return err
		}
	}
	logins := s.loginsAmong(&p, members)
	err = s.db.Write(ctx, 4, func(tx *store.Tx) error {
		if has && old.ID != p.ID { // it was unbridged and bridged again
			if err := tx.DeletePortal(old.ID, int64(journal.LaneOf(old.ID, journal.In)), int64(journal.LaneOf(old.ID, journal.Out))); err != nil {
				return err
			}
		}
		number, err := tx.AdoptPortal(p)
		if err != nil {
			return err
		}
		for _, l := range logins {
			if err := tx.AddLoginChat(p.Network, l, number); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if has {
		s.portals.forget(old)
	}
	s.portals.forget(p) // that the room has no portal may be known
	s.log.Info("a room was found again after a restore", "portal", p.ID, "room", room)
	return nil
}

// describeFound fills in what the room itself says about its chat.
func (s *Service) describeFound(ctx context.Context, p *store.Portal) error {
	p.Info.Kind = network.Group
	if p.Chat.Login != "" {
		p.Info.Kind = network.Direct
	}
	var name event.RoomNameEventContent
	var topic event.TopicEventContent
	for kind, into := range map[event.Type]any{event.StateRoomName: &name, event.StateTopic: &topic} {
		if err := s.hs.State(ctx, roomID(*p), kind, "", into); err != nil && matrix.KindOf(err) != matrix.NotFound {
			return err
		}
	}
	p.Info.Name, p.Info.Topic = name.Name, topic.Topic
	if about, purpose := splitTopic(topic.Topic); purpose != nil && p.Info.Features.Purposes {
		p.Info.Topic, p.Info.Purpose = about, *purpose
	}
	return nil
}

// loginsAmong are the logins that are most likely in a found portal's chat: those
// whose owners are in the room, else the relay. Who else is comes with their events.
func (s *Service) loginsAmong(p *store.Portal, members map[id.UserID]event.Membership) (in []network.LoginID) {
	if p.Chat.Login != "" {
		return []network.LoginID{p.Chat.Login}
	}
	for _, sess := range s.logins.Of("*") {
		if sess.Network == p.Network && sess.Owner != "" && members[id.UserID(sess.Owner)] == event.MembershipJoin {
			in = append(in, sess.ID)
		}
	}
	if relay := s.logins.Relay(p.Network); relay != nil && len(in) == 0 {
		p.Relay, in = relay.ID, []network.LoginID{relay.ID}
	}
	return in
}

// findManagement takes a room of the bot and one person as that person's
// management room, if they have none. They talked to the bot first since the copy.
func (s *Service) findManagement(ctx context.Context, room id.RoomID, members map[id.UserID]event.Membership) error {
	var person id.UserID
	people := 0
	for u, m := range members {
		if m != event.MembershipJoin && m != event.MembershipInvite {
			continue
		}
		if people++; u != s.hs.BotID() {
			person = u
		}
	}
	if people != 2 || s.hs.IsGhost(person) || s.opts.Permissions.Of(string(person)) < config.LevelRelay {
		return nil
	}
	var name event.RoomNameEventContent
	if err := s.hs.State(ctx, room, event.StateRoomName, "", &name); err != nil && matrix.KindOf(err) != matrix.NotFound {
		return s.ignoreGone(err)
	}
	has, err := s.db.ManagementRoom(ctx, string(person))
	if err != nil || has != "" || name.Name != "" {
		return err
	}
	return s.setManagement(ctx, person, room)
}
