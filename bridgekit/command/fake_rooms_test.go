package command

import (
	"context"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

func (f *fake) FindChats(_ context.Context, _ id.UserID, n network.NetworkID, words string, _ int) ([]network.Found, error) {
	if n != libera {
		return nil, network.Errorf(network.Rejected, "this network cannot be searched", "no searcher")
	}
	if words == "nothing" {
		return nil, nil
	}
	return []network.Found{{Name: "#go", Topic: "The Go\nprogramming language", Members: 1200}, {Name: "#go-nuts"}}, nil
}

func (f *fake) PreviewPlumb(_ context.Context, _ id.UserID, room id.RoomID, n network.NetworkID, chat string) (PlumbPreview, error) {
	p := PlumbPreview{Chat: chat, Through: "the relay", People: 3, History: "shared"}
	switch {
	case chat == "#taken":
		p.Refused = "#taken is bridged to another room already"
	case chat == "#go-nuts":
		p.Must, p.Level = []string{"invite bridged people (50)", "send messages (20)"}, 50
	case room == "!portal":
		p.Encrypted, p.Open, p.Moves, p.History = true, true, true, "world_readable"
		p.Bridges, p.Bridged = []string{"Slack, general (@slack:example.org)"}, []string{"#go on Libera.Chat"}
		p.May, p.Level = []string{"remove what is removed on the network (50)"}, 50
	case n == acme:
		p.Private = true
	}
	if chat == "#go" {
		p.Members = 1200
	}
	return p, nil
}

func (f *fake) PlumbBack(_ context.Context, room id.RoomID) (Joined, error) {
	if room == "!plain" {
		return Joined{}, network.Errorf(network.Rejected, "no chat of this room came from another one", "no former room")
	}
	f.act("plumbs %s back", room)
	return Joined{Room: "!former", Name: "#go"}, nil
}

func (f *fake) Cleanups(context.Context, bool) ([]CleanupView, error) {
	return []CleanupView{{Room: "!left", Name: "#old", Done: 3, Total: 12}}, nil
}

func (f *fake) ListPortals(_ context.Context, n network.NetworkID, inactive time.Duration) ([]PortalLine, error) {
	var out []PortalLine
	for _, p := range []PortalLine{
		{ID: 3, Network: libera, Name: "#old", Room: "!old", Made: true, Silent: 100 * 24 * time.Hour},
		{ID: 4, Network: acme, Name: "general", Room: "!general", Silent: time.Hour},
	} {
		if (n == "" || n == p.Network) && p.Silent >= inactive {
			out = append(out, p)
		}
	}
	return out, nil
}

func (f *fake) BridgeAll(_ context.Context, n network.NetworkID, patterns []string, guest id.UserID, preview bool) (BulkView, error) {
	if n != acme {
		return BulkView{}, network.Errorf(network.Rejected, "this network has no relay in the configuration, which would bridge them", "no relay")
	}
	if len(patterns) == 1 && patterns[0] == "none" {
		return BulkView{}, nil
	}
	if !preview {
		f.act("bridges %v of %s for %s", patterns, n, guest)
	}
	return BulkView{Private: 2, Chats: []BulkChatView{
		{Name: "#general", Members: 12, Bridged: true}, {Name: "#team-a", Members: 3}, {Name: "#team-b", Trouble: "the channel is archived"},
	}}, nil
}

func (f *fake) UnbridgePortals(_ context.Context, portals []int64, deleteRooms bool) (int, error) {
	f.act("unbridges %v, delete %v", portals, deleteRooms)
	return len(portals), nil
}

func (f *fake) Orphans(_ context.Context, clean bool) ([]OrphanView, error) {
	if clean {
		f.act("cleans orphans")
	}
	return []OrphanView{{Room: "!lost", Name: "Lost", Why: "no portal knows this room", Ghosts: 2, People: 1}, {Room: "!gone", Why: "its room is gone"}}, nil
}

func (f *fake) SetExpiry(_ context.Context, _ id.UserID, room id.RoomID, life time.Duration) error {
	if room == "!hub" {
		return network.Errorf(network.Rejected, "no network of this room has messages that vanish", "no expiries")
	}
	f.act("messages of %s live %s", room, life)
	return nil
}

func (f *fake) Create(_ context.Context, owner id.UserID, n network.NetworkID, c network.NewChat) (Joined, error) {
	if c.Name == "#taken" {
		return Joined{}, network.Errorf(network.Rejected, "a channel of this name exists already", "name_taken")
	}
	f.act("%s makes %s on %s, private %v", owner, c.Name, n, c.Private)
	return Joined{Room: "!made:example.org", Name: c.Name}, nil
}

func (f *fake) SetPurpose(_ context.Context, _ id.UserID, room id.RoomID, purpose string) error {
	if room == "!hub" {
		return network.Errorf(network.Rejected, "no network of this room has descriptions beside topics", "no purposes")
	}
	f.act("the purpose of %s is %q", room, purpose)
	return nil
}

func (f *fake) SetArchived(_ context.Context, _ id.UserID, room id.RoomID, archived bool) error {
	f.act("%s is archived: %v", room, archived)
	return nil
}
