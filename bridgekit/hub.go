package bridgekit

import (
	"context"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/hub"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/portal"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// hubOptions is what configuration and connectors say about rooms of several networks.
func hubOptions(c *config.Config, networks []network.Info) portal.HubOptions {
	format := func(text string) hub.Format {
		f, err := hub.ParseFormat(text)
		if err != nil { // config has checked those of the file
			f, _ = hub.ParseFormat("<{name}> ") // a constant
		}
		return f
	}
	o := portal.HubOptions{
		Policies: map[network.NetworkID]*hub.Policy{},
		Bridges:  c.Hub.Bridges, Format: format(c.Relay.Prefix), Formats: map[network.NetworkID]hub.Format{},
		Consents: hub.Consents{Needs: map[network.NetworkID]string{}, With: map[network.NetworkID][]network.NetworkID{}},
	}
	for _, n := range networks {
		if n.Consent {
			o.Consents.Needs[n.ID] = n.Protocol
		}
	}
	for _, n := range c.Networks {
		o.Consents.With[n.ID] = n.HubWith
		o.Policies[n.ID] = n.Policy
		if n.RelayFormat != "" {
			o.Formats[n.ID] = format(n.RelayFormat)
		}
	}
	return o
}

func (k backend) Hub(ctx context.Context, room id.RoomID) ([]hub.View, error) {
	edges, err := k.b.portals.Hub(ctx, room)
	if err != nil {
		return nil, err
	}
	var out []hub.View
	for _, e := range edges {
		v := hub.View{
			Room: string(room), Network: e.Portal.Network, Name: string(e.Portal.Network), Chat: e.Portal.Info.Name, Status: string(e.State.Status), Words: e.State.Words,
			Relay: e.Portal.Relay != "", Waiting: e.Waiting, Settings: e.Policy.Values(), Why: e.Why,
		}
		v.Through, _ = k.through(e.Portal)
		if c := k.b.logins.Connector(e.Portal.Network); c != nil {
			v.Name = c.Info().Name
		}
		if v.Chat == "" {
			v.Chat = string(e.Portal.Chat.ID)
		}
		if e.Last.Event != "" {
			v.Last, v.Sender, v.Heard = e.Last.At, e.Last.Sender, e.Last.Txn == ""
		}
		out = append(out, v)
	}
	return out, nil
}

// Hubs lists the networks of all rooms that have several.
func (k backend) Hubs(ctx context.Context) ([]hub.View, error) {
	rooms, err := k.b.portals.Hubs(ctx)
	if err != nil {
		return nil, err
	}
	out := []hub.View{}
	for _, room := range rooms {
		views, err := k.Hub(ctx, id.RoomID(room))
		if err != nil {
			return nil, err
		}
		out = append(out, views...)
	}
	return out, nil
}

func (k backend) SetHub(ctx context.Context, room id.RoomID, n network.NetworkID, name, value string) error {
	return k.b.portals.SetHub(ctx, room, n, name, value)
}

func (k backend) HubBans(ctx context.Context, room id.RoomID) ([]store.HubBan, error) {
	return k.b.portals.HubBans(ctx, room)
}

func (k backend) HubBan(ctx context.Context, room id.RoomID, by id.UserID, who hub.Banned, reason string) (string, error) {
	return k.b.portals.HubBan(ctx, room, by, who, reason)
}

func (k backend) HubUnban(ctx context.Context, room id.RoomID, who hub.Banned) (bool, string, error) {
	return k.b.portals.HubUnban(ctx, room, who)
}

func (k backend) Purge(ctx context.Context, room id.RoomID, who hub.Banned, since time.Time, reason string) (int, error) {
	return k.b.portals.Purge(ctx, room, who, since, reason)
}
