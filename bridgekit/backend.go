package bridgekit

import (
	"context"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/command"
	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/login"
	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/markup/html"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// backend is the bridge as the commands see it.
type backend struct{ b *Bridge }

var _ command.Backend = backend{}

func (k backend) Networks() []network.Info { return k.b.networks }

func (k backend) Flows(n network.NetworkID) []network.LoginFlow {
	if c := k.b.logins.Connector(n); c != nil {
		return c.Flows()
	}
	return nil
}

func (k backend) AddLogin(ctx context.Context, owner id.UserID, n network.NetworkID, l network.Login) error {
	if err := k.mayAdd(owner, n, l.ID); err != nil {
		return err
	}
	return k.b.logins.Add(ctx, n, string(owner), l)
}

func (k backend) Logins(owner id.UserID) []command.LoginView {
	who := string(owner)
	if who == "" {
		who = "*"
	}
	var out []command.LoginView
	for _, s := range k.b.logins.Of(who) {
		if s.Owner != "" {
			out = append(out, loginView(s))
		}
	}
	return out
}

func (k backend) Relays() (out []command.LoginView) {
	for _, s := range k.b.logins.Of("") {
		out = append(out, loginView(s))
	}
	return out
}

// loginView is how a login fares.
func loginView(s *login.Session) command.LoginView {
	return command.LoginView{Network: s.Network, ID: s.ID, Name: s.Name, Owner: id.UserID(s.Owner), State: s.State(), Since: s.Since(), Answered: s.Probe().At}
}

func (k backend) RemoveLogin(ctx context.Context, owner id.UserID, n network.NetworkID, l network.LoginID) error {
	s := k.b.logins.Get(n, l)
	if s == nil || s.Owner != string(owner) {
		return network.Errorf(network.Rejected, "you have no such login", "%w", login.ErrNoLogin)
	}
	if err := k.b.portals.SignOut(ctx, s); err != nil {
		return err
	}
	return k.b.vitals.watch.Removed(ctx, n, l)
}

func (k backend) Search(ctx context.Context, owner id.UserID, n network.NetworkID, query string, limit int) ([]network.Found, error) {
	return k.b.portals.Search(ctx, owner, n, query, limit)
}

func (k backend) Join(ctx context.Context, owner id.UserID, n network.NetworkID, name string) (command.Joined, error) {
	return joined(k.b.portals.Join(ctx, owner, n, name))
}

func (k backend) Start(ctx context.Context, owner id.UserID, n network.NetworkID, user string) (command.Joined, error) {
	return joined(k.b.portals.Start(ctx, owner, n, user))
}

func (k backend) Create(ctx context.Context, owner id.UserID, n network.NetworkID, c network.NewChat) (command.Joined, error) {
	return joined(k.b.portals.Create(ctx, owner, n, c))
}

func (k backend) Plumb(ctx context.Context, owner id.UserID, room id.RoomID, n network.NetworkID, chat string) (command.Joined, error) {
	k.b.missed.look(ctx) // what was said before the room was bridged is not missed
	return joined(k.b.portals.Plumb(ctx, owner, room, n, chat))
}

func joined(p store.Portal, err error) (command.Joined, error) {
	return command.Joined{Room: id.RoomID(p.Room), Name: p.Info.Name}, err
}

func (k backend) Portals(ctx context.Context, room id.RoomID) ([]command.PortalView, error) {
	portals, err := k.b.portals.Portals(ctx, room)
	if err != nil {
		return nil, err
	}
	var out []command.PortalView
	for _, p := range portals {
		v := command.PortalView{Network: p.Network, Name: p.Info.Name, Relay: p.Relay != "", State: network.LoginState{Status: network.Offline, Words: "nobody is signed in there"}}
		v.Through, v.RelayOwner = k.through(p)
		if v.Waiting, err = k.b.portals.Waiting(ctx, p); err != nil {
			return nil, err
		}
		if s := k.b.logins.Get(p.Network, p.Chat.Login); s != nil {
			v.Owner = id.UserID(s.Owner)
		}
		in, err := k.b.db.LoginsIn(ctx, p.ID)
		if err != nil {
			return nil, err
		}
		for _, l := range in {
			if s := k.b.logins.Get(p.Network, l); s != nil {
				v.State = s.State()
				if s.Online() {
					break
				}
			}
		}
		out = append(out, v)
	}
	return out, nil
}

func (k backend) PreviewUnbridge(ctx context.Context, room id.RoomID) (command.Preview, error) {
	views, err := k.Portals(ctx, room)
	if err != nil {
		return command.Preview{}, err
	}
	ghosts, err := k.b.portals.GhostsIn(ctx, room)
	if err != nil {
		return command.Preview{}, err
	}
	p := command.Preview{Portals: views, Ghosts: len(ghosts), Made: true}
	for _, v := range views {
		p.Waiting += v.Waiting
	}
	portals, err := k.b.portals.Portals(ctx, room)
	for _, x := range portals {
		p.Made = p.Made && !x.Info.Plumbed
	}
	return p, err
}

func (k backend) Unbridge(ctx context.Context, _ id.UserID, room id.RoomID, deleteRoom bool) error {
	return k.b.portals.Unbridge(ctx, room, deleteRoom)
}

func (k backend) SetRelay(ctx context.Context, by id.UserID, room id.RoomID, n network.NetworkID, l network.LoginID) error {
	return k.b.portals.SetRelay(ctx, by, room, n, l)
}

func (k backend) UnsetRelay(ctx context.Context, room id.RoomID, n network.NetworkID) error {
	return k.b.portals.UnsetRelay(ctx, room, n)
}

// through is who speaks in a portal for people without an account, if that is not the
// network's own relay.
func (k backend) through(p store.Portal) (name string, owner id.UserID) {
	if s := k.b.logins.Get(p.Network, p.Relay); s != nil && s.Owner != "" {
		return s.Name, id.UserID(s.Owner)
	}
	return "", ""
}

func (k backend) Queue(ctx context.Context, all bool, limit int) ([]journal.Item, error) {
	return k.b.journal.List(ctx, all, limit)
}

func (k backend) QueueItem(ctx context.Context, entry int64) (journal.Item, error) {
	return k.b.journal.Item(ctx, entry)
}

func (k backend) RetryEntry(ctx context.Context, entry int64) error {
	return k.b.journal.Retry(ctx, entry)
}

func (k backend) DropEntry(ctx context.Context, entry int64) error {
	return k.b.journal.Drop(ctx, entry)
}

func (k backend) Level(user id.UserID) config.Level {
	return k.b.opts.Config.Permissions.Of(string(user))
}

func (k backend) Moderator(ctx context.Context, room id.RoomID, user id.UserID) bool {
	levels, err := k.b.hs.Levels(ctx, room)
	if err != nil {
		return false
	}
	return levels.GetUserLevel(user) >= levels.StateDefault()
}

func (k backend) Version() string { return k.b.opts.Version }

func (k backend) Reply(ctx context.Context, room id.RoomID, to id.EventID, body markup.Body, key []byte) error {
	h, plain := html.Render(body)
	c := &event.MessageEventContent{MsgType: event.MsgNotice, Body: plain, Mentions: &event.Mentions{}}
	if html.NeedsHTML(body) {
		c.Format, c.FormattedBody = event.FormatHTML, h
	}
	if to != "" {
		c.RelatesTo = (&event.RelatesTo{}).SetReplyTo(to)
	}
	return k.b.portals.Reply(ctx, room, c, key)
}

func (k backend) RedactEvent(ctx context.Context, room id.RoomID, target id.EventID, reason string) error {
	_, err := k.b.hs.Redact(ctx, room, k.b.hs.BotID(), target, reason, journal.Key("redact", string(target)), "redact")
	return err
}
