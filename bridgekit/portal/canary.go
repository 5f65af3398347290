package portal

import (
	"encoding/json"

	"maunium.net/go/mautrix/event"

	"github.com/causeway-chat/causeway/bridgekit/matrix"
)

// canary tells who watches the way from the homeserver that something of the bot
// came back, by its mark, which is in the clear also where a server encrypts all
// rooms. It reports whether that is all there is to do with the event.
func (s *Service) canary(e *rawEvent) bool {
	if e.Sender != s.hs.BotID() || e.Type != matrix.CanaryType && e.Type != event.EventEncrypted.Type {
		return e.Type == matrix.CanaryType // nobody else's means anything
	}
	var c struct {
		Mark string `json:"chat.causeway.mark"`
	}
	if s.opts.Canary != nil && json.Unmarshal(e.Content, &c) == nil && c.Mark != "" {
		s.opts.Canary(c.Mark)
	}
	return true
}
