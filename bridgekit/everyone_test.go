package bridgekit_test

import (
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
)

// Who may not notify everybody in the room does not call the whole chat either: servers
// take "@room" of anybody, and only clients leave it without effect.
func TestEveryoneNeedsPower(t *testing.T) {
	virtual(t, rigOptions{net: memnet.Options{Relay: "relay"}}, func(r *rig) {
		room, dave := relayRig(r)
		everyone := func(text string) map[string]any {
			return map[string]any{"msgtype": "m.text", "body": text, "m.mentions": map[string]any{"room": true}}
		}
		calls := func(body string) bool {
			r.t.Helper()
			for _, m := range r.net.Messages("team") {
				if m.Text == body {
					return markup.Mentions(m.Content.Parts[0].Text).Everyone
				}
			}
			r.t.Fatalf("%q is not there", body)
			return false
		}
		dave.Send(room, "m.room.message", everyone("@room from below"))
		r.hears("team", "relay", "@room from below")
		r.equal("dave, at level 0, calls everybody", false, calls("@room from below"))
		r.bob.Send(room, "m.room.message", everyone("@room from above"))
		r.hears("team", "bob", "@room from above")
		r.equal("bob, at level 50, calls everybody", true, calls("@room from above"))
	})
}
