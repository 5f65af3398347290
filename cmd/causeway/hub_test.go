package main

import (
	"context"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/hub"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/web"
)

// hubs is one room of two networks.
type hubs struct{ policy *hub.Policy }

var _ web.Hubs = (*hubs)(nil)

const hubRoom = "!town:example.org"

func (h *hubs) Hubs(context.Context) ([]hub.View, error) {
	came := time.Now().Add(-90 * time.Minute)
	return []hub.View{
		{Room: hubRoom, Network: "irc.libera", Name: "Libera.Chat", Chat: "#go", Status: "online", Relay: true, Settings: h.policy.Values(), Last: came, Sender: "carol", Heard: true},
		{Room: hubRoom, Network: "mem.test", Name: "Memnet", Chat: "town", Status: "offline", Waiting: 2, Settings: (*hub.Policy)(nil).Values()},
	}, nil
}

// Hub is of a room whose network has a policy in the configuration.
func (h *hubs) Hub(context.Context, id.RoomID) ([]hub.View, error) {
	file := &hub.Policy{Reactions: hub.ThreadReactions, Gone: hub.GoneKick}
	return []hub.View{{Room: hubRoom, Network: "irc.libera", Chat: "#go", Settings: h.policy.Over(file).Values(), Why: h.policy.Why(file)}}, nil
}

func (h *hubs) SetHub(_ context.Context, _ id.RoomID, _ network.NetworkID, name, value string) error {
	p, err := h.policy.Set(name, value)
	if err != nil {
		return network.Errorf(network.Rejected, err.Error(), "hub policy")
	}
	h.policy = p
	return nil
}

func (h *hubs) HubBans(context.Context, id.RoomID) ([]store.HubBan, error) {
	return []store.HubBan{{Who: "irc.libera/spam*", Reason: "too much", At: time.Unix(0, 0).UTC()}}, nil
}

func (h *hubs) HubBan(context.Context, id.RoomID, id.UserID, hub.Banned, string) (string, error) {
	return "not banned from the room", nil
}

func (h *hubs) HubUnban(_ context.Context, _ id.RoomID, who hub.Banned) (bool, string, error) {
	return who == "irc.libera/spam*", "", nil
}

func (h *hubs) Purge(context.Context, id.RoomID, hub.Banned, time.Time, string) (int, error) {
	return 3, nil
}
