package slack

import (
	"slices"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// TestMovedChannel: a channel that gets another ID, as when it is shared with another
// workspace, is the same one, also for what is missed later.
func TestMovedChannel(t *testing.T) {
	for name, login := range map[string]func(*world) network.Login{"app": (*world).appLogin, "person": (*world).personLogin} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const to = "C0CONNECT"
			w := newWorld(t, slackfake.Config{})
			c := newCore(t, w.connector(""), login(w))
			_, stop := c.run()
			w.Say(w.second, w.bob, "before")
			c.said(w.second, "before")
			w.ChangeID(w.second, to)
			moved := func(ev network.Event) bool {
				m, ok := ev.(*network.ChatMoved)
				return ok && string(m.Chat.ID) == w.second && m.To == (network.ChatKey{ID: to})
			}
			c.wait("word of the new ID", func() bool { return slices.ContainsFunc(c.events, moved) })
			stop()
			w.Forget(w.app)
			c.mu.Lock()
			c.chats = []network.ChatKey{{ID: to}}
			c.mu.Unlock()
			w.Past(to, w.bob, slackfake.JSON{"text": "after"})
			c.run()
			c.wait("what was missed", func() bool { return slices.Contains(c.texts(to), "after") })
		})
	}
}
