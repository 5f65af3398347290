package matrix

import (
	"context"
	"net/http"
	"strings"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// Levels reads a room's power levels as the bot. From room version 12 on the
// creators are not among the users and stand above everybody (MSC4289); the
// levels know them. NotFound: the room has no levels.
func (h *Homeserver) Levels(ctx context.Context, room id.RoomID) (*event.PowerLevelsEventContent, error) {
	levels := &event.PowerLevelsEventContent{}
	if err := h.State(ctx, room, event.StatePowerLevels, "", levels); err != nil {
		return nil, err
	}
	// The ID of a room of version 12 is that of its creation (MSC4291); all
	// before have a server's name behind a colon.
	if strings.Contains(string(room), ":") {
		return levels, nil
	}
	create := &event.Event{}
	err := h.do(ctx, h.BotID(), "read state", func(ctx context.Context, c *mautrix.Client) error {
		at := path("v3", "rooms", room, "state", event.StateCreate.Type, "")
		return request(ctx, c, http.MethodGet, at, map[string]string{"format": "event"}, nil, create)
	})
	if err != nil {
		return nil, err
	}
	// What cannot be parsed names no further creators.
	_ = create.Content.ParseRaw(event.StateCreate)
	levels.CreateEvent = create
	return levels, nil
}
