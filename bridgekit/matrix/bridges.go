package matrix

import (
	"context"
	"encoding/json"
	"slices"

	"maunium.net/go/mautrix/id"
)

// A Bridge is another bridge that says that it is in a room (MSC2346).
type Bridge struct {
	Bot      id.UserID
	Protocol string // as it calls the network for people, else its ID
	Channel  string
}

// Bridges lists the other bridges of a room, by their state events; those that took
// theirs back are not among them.
func (h *Homeserver) Bridges(ctx context.Context, room id.RoomID) ([]Bridge, error) {
	state, err := h.roomState(ctx, room, h.BotID())
	if err != nil {
		return nil, err
	}
	var out []Bridge
	for _, s := range state {
		if s.Type != "m.bridge" && s.Type != "uk.half-shot.bridge" {
			continue
		}
		type section struct {
			ID   string `json:"id"`
			Name string `json:"displayname"`
		}
		var c struct {
			Bot      id.UserID `json:"bridgebot"`
			Protocol section   `json:"protocol"`
			Channel  section   `json:"channel"`
		}
		if json.Unmarshal(s.Content, &c) != nil || c.Bot == "" || c.Bot == h.BotID() {
			continue
		}
		b := Bridge{Bot: c.Bot, Protocol: c.Protocol.Name, Channel: c.Channel.Name}
		if b.Protocol == "" {
			b.Protocol = c.Protocol.ID
		}
		if b.Channel == "" {
			b.Channel = c.Channel.ID
		}
		if !slices.Contains(out, b) {
			out = append(out, b)
		}
	}
	return out, nil
}
