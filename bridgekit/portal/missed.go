package portal

import (
	"context"
	"encoding/json"
	"slices"

	"maunium.net/go/mautrix/event"

	"github.com/causeway-chat/causeway/bridgekit/matrix"
)

// Carried are the types of events that Missed takes. Memberships are not among
// them: an old one would pass for the latest.
func Carried() []string {
	return []string{
		event.EventMessage.Type, event.EventSticker.Type, event.EventReaction.Type, event.EventRedaction.Type, event.EventEncrypted.Type,
		event.StateTopic.Type, event.StateRoomName.Type, event.StateRoomAvatar.Type, event.StatePinnedEvents.Type,
	}
}

// Missed stores events that may not have been pushed, each room's in its order,
// and returns how many were in bridged rooms. Those that were pushed are known by
// their IDs. Elsewhere than in bridged rooms nothing is taken: what answered a
// question of the bot is not asked for twice.
func (s *Service) Missed(ctx context.Context, events []json.RawMessage) (int, error) {
	var t matrix.Transaction
	for _, raw := range events {
		var e struct {
			Unsigned struct {
				Because json.RawMessage `json:"redacted_because"`
			} `json:"unsigned"`
		}
		parsed, err := parseEvent(raw)
		if err != nil || !slices.Contains(Carried(), parsed.Type) || json.Unmarshal(raw, &e) == nil && e.Unsigned.Because != nil {
			continue
		}
		portals, err := s.portals.in(ctx, string(parsed.Room))
		if err != nil {
			return 0, err
		}
		if len(portals) > 0 {
			t.Events = append(t.Events, raw)
		}
	}
	if len(t.Events) == 0 {
		return 0, nil
	}
	return len(t.Events), s.Events(ctx, t)
}
