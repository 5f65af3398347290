package portal

import (
	"context"
	"fmt"
	"strings"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A Power is something that the bot may have to do in a room.
type Power struct {
	What     string // "invite bridged people"
	Level    int    // the power level that it needs
	Have     int    // that the bot has
	Required bool   // nothing can be bridged without it
}

// lacks lists what the bot may not do in a room, the required first. Public:
// anybody may join. Nil levels: the room has none, and its creator may do all.
func lacks(levels *event.PowerLevelsEventContent, bot id.UserID, public bool) []Power {
	if levels == nil {
		return nil
	}
	have := levels.GetUserLevel(bot)
	var out []Power
	for _, p := range []Power{
		{What: "invite bridged people", Level: levels.Invite(), Required: !public},
		{What: "send messages", Level: levels.GetEventLevel(event.EventMessage), Required: true},
		{What: "remove what is removed on the network", Level: levels.Redact()},
		{What: "remove bridged people who were removed there", Level: levels.Kick()},
		{What: "say in the room's settings what it is bridged to", Level: levels.GetEventLevel(event.StateBridge)},
	} {
		if p.Have = have; p.Level > have && (p.Required || p.What != "invite bridged people") {
			out = append(out, p)
		}
	}
	return out
}

// powerWords says what is lacking and what to do.
func powerWords(lack []Power) string {
	var what []string
	most := 0
	for _, p := range lack {
		what = append(what, fmt.Sprintf("%s (%d)", p.What, p.Level))
		most = max(most, p.Level)
	}
	return fmt.Sprintf("I may not %s. Raise my power level to %d", strings.Join(what, ", "), most)
}

// powerIn is what the bot lacks in a room.
func (s *Service) powerIn(ctx context.Context, room id.RoomID) ([]Power, error) {
	var rule event.JoinRulesEventContent
	if err := s.hs.State(ctx, room, event.StateJoinRules, "", &rule); err != nil && matrix.KindOf(err) != matrix.NotFound {
		return nil, err
	}
	levels, err := s.hs.Levels(ctx, room)
	if matrix.KindOf(err) == matrix.NotFound {
		levels, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	return lacks(levels, s.hs.BotID(), rule.JoinRule == event.JoinRulePublic), nil
}

// mayBridge refuses a room in which the bot may not do what bridging needs.
func (s *Service) mayBridge(ctx context.Context, room id.RoomID) error {
	lack, err := s.powerIn(ctx, room)
	if err != nil {
		return err
	}
	var required []Power
	for _, p := range lack {
		if p.Required {
			required = append(required, p)
		}
	}
	if len(required) == 0 {
		return nil
	}
	return network.Errorf(network.Rejected, powerWords(required)+" first", "bot lacks power")
}
