package bridgekit

import (
	"context"
	"fmt"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/command"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/portal"
)

// The backend of commands that move bridges between rooms and clean up.

func (k backend) FindChats(ctx context.Context, owner id.UserID, n network.NetworkID, words string, limit int) ([]network.Found, error) {
	return k.b.portals.FindChats(ctx, owner, n, words, limit)
}

func (k backend) PreviewPlumb(ctx context.Context, owner id.UserID, room id.RoomID, n network.NetworkID, chat string) (command.PlumbPreview, error) {
	p, err := k.b.portals.PlanPlumb(ctx, owner, room, n, chat)
	out := command.PlumbPreview{
		Chat: p.Chat, Topic: p.Topic, Members: p.Members, Through: p.Through, Private: p.Private, Moves: p.Moves, Refused: p.Refused,
		People: p.People, Bridged: p.Bridged, Encrypted: p.Encrypted, Open: p.Open, History: p.History,
	}
	for _, b := range p.Bridges {
		out.Bridges = append(out.Bridges, fmt.Sprintf("%s, %s (%s)", b.Protocol, b.Channel, b.Bot))
	}
	for _, l := range p.Lacks {
		what := fmt.Sprintf("%s (%d)", l.What, l.Level)
		if out.Level = max(out.Level, l.Level); l.Required {
			out.Must = append(out.Must, what)
		} else {
			out.May = append(out.May, what)
		}
	}
	return out, err
}

func (k backend) PlumbBack(ctx context.Context, room id.RoomID) (command.Joined, error) {
	return joined(k.b.portals.PlumbBack(ctx, room))
}

func (k backend) Cleanups(ctx context.Context, open bool) ([]command.CleanupView, error) {
	all, err := k.b.portals.Cleanups(ctx, open)
	var out []command.CleanupView
	for _, c := range all {
		out = append(out, command.CleanupView{Room: id.RoomID(c.Room), Name: c.Name, Done: c.Done, Total: c.Total, Finished: !c.Finished.IsZero(), Trouble: c.Trouble})
	}
	return out, err
}

func (k backend) ListPortals(ctx context.Context, n network.NetworkID, inactive time.Duration) ([]command.PortalLine, error) {
	all, err := k.b.portals.List(ctx, portal.Filter{Network: n, Inactive: inactive})
	var out []command.PortalLine
	for _, p := range all {
		out = append(out, command.PortalLine{ID: p.ID, Network: p.Network, Name: p.Name, Room: p.Room, Made: p.Made, Silent: time.Since(p.Active)})
	}
	return out, err
}

func (k backend) BridgeAll(ctx context.Context, n network.NetworkID, patterns []string, guest id.UserID, preview bool) (command.BulkView, error) {
	do := k.b.portals.BridgeAll
	if preview {
		do = k.b.portals.PreviewAll
	}
	plan, err := do(ctx, portal.BulkWish{Network: n, Patterns: patterns, Guest: guest})
	v := command.BulkView{Private: plan.Private, Running: plan.Running}
	for _, c := range plan.Chats {
		v.Chats = append(v.Chats, command.BulkChatView{Name: c.Name, Members: c.Members, Private: c.Private, Bridged: c.Bridged, Trouble: c.Trouble})
	}
	return v, err
}

func (k backend) UnbridgePortals(ctx context.Context, portals []int64, deleteRooms bool) (int, error) {
	return k.b.portals.UnbridgeAll(ctx, portals, deleteRooms)
}

func (k backend) Orphans(ctx context.Context, clean bool) ([]command.OrphanView, error) {
	ask := k.b.portals.Orphans
	if clean {
		ask = k.b.portals.CleanOrphans
	}
	all, err := ask(ctx)
	why := map[portal.OrphanKind]string{
		portal.OrphanRoom: "no portal knows this room", portal.OrphanGhosts: "people of networks that it is not bridged to", portal.OrphanPortal: "the portal's room is gone",
	}
	var out []command.OrphanView
	for _, o := range all {
		out = append(out, command.OrphanView{Room: o.Room, Name: o.Name, Why: why[o.Kind], Ghosts: o.Ghosts, People: o.People})
	}
	return out, err
}

func (k backend) SetExpiry(ctx context.Context, owner id.UserID, room id.RoomID, life time.Duration) error {
	return k.b.portals.SetExpiry(ctx, owner, room, life)
}

func (k backend) SetPurpose(ctx context.Context, owner id.UserID, room id.RoomID, purpose string) error {
	return k.b.portals.SetPurpose(ctx, owner, room, purpose)
}

func (k backend) SetArchived(ctx context.Context, owner id.UserID, room id.RoomID, archived bool) error {
	return k.b.portals.SetArchived(ctx, owner, room, archived)
}
