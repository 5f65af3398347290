package slack

import (
	"slices"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

func TestTalk(t *testing.T) {
	for name, login := range map[string]func(*world) network.Login{"app": (*world).appLogin, "person": (*world).personLogin} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, slackfake.Config{})
			c := newCore(t, w.connector(""), login(w))
			ops, _ := c.run()
			w.Say(w.main, w.bob, "hello &amp; welcome")
			c.wait("bob's words", func() bool { return slices.Equal(c.texts(w.main), []string{"hello & welcome"}) })
			sent, err := ops.Send(t.Context(), network.Outgoing{Txn: "0123456789abcdef0123456789abcdef", Chat: network.ChatID(w.main), Content: network.Text("hi <b>")})
			if err != nil {
				t.Fatal(err)
			}
			if got := w.Message(w.main, string(sent.Parts[0][0])); got == nil || got["text"] != "hi &lt;b&gt;" {
				t.Errorf("Slack holds %v", got)
			}
			c.wait("the echo", func() bool { return len(c.texts(w.main)) == 2 })
			c.mu.Lock()
			defer c.mu.Unlock()
			var echo *network.Message
			for _, ev := range c.events { // who is there may be told meanwhile
				if m, ok := ev.(*network.Message); ok {
					echo = m
				}
			}
			if echo.ID != sent.Parts[0][0] || echo.Sender != c.login.User {
				t.Errorf("the echo is %q by %q, want %q by %q", echo.ID, echo.Sender, sent.Parts[0][0], c.login.User)
			}
		})
	}
}
