package portal

import "encoding/json"

// canary tells who watches the way from the homeserver that an event came back. In
// whose room it was is theirs to judge; others than the bot cannot send it.
func (s *Service) canary(e *rawEvent) {
	var c struct {
		Nonce string `json:"nonce"`
	}
	if s.opts.Canary != nil && e.Sender == s.hs.BotID() && json.Unmarshal(e.Content, &c) == nil {
		s.opts.Canary(e.Room, c.Nonce)
	}
}
