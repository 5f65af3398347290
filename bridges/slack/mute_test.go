package slack

import (
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// TestMuteChannels: who asks for it gets silent rooms of channels for their own login, and
// of nothing else; by default nothing is said about it.
func TestMuteChannels(t *testing.T) {
	w := newWorld(t, slackfake.Config{})
	direct := w.AddChannel(slackfake.Channel{Kind: slackfake.IM, Members: []string{w.carol, w.bob}})
	group := w.AddChannel(slackfake.Channel{Kind: slackfake.MPIM, Members: []string{w.carol, w.bob, w.bot.User}})
	for _, c := range []struct {
		config string
		login  network.Login
		chat   string
		muted  bool
	}{
		{"mute_channels: true", w.personLogin(), w.main, true},
		{"mute_channels: true", w.personLogin(), w.second, true},
		{"mute_channels: true", w.personLogin(), direct, false},
		{"mute_channels: true", w.personLogin(), group, false},
		{"mute_channels: true", w.appLogin(), w.main, false},
		{"", w.personLogin(), w.main, false},
	} {
		ops, stop := newCore(t, w.connector(c.config), c.login).run()
		chat, err := ops.Chat(t.Context(), network.ChatID(c.chat))
		if muted := chat.Kept != nil && chat.Kept.Muted; err != nil || muted != c.muted || !c.muted && chat.Kept != nil {
			t.Errorf("with %q %s is kept as %+v, %v", c.config, chat.Name, chat.Kept, err)
		}
		stop()
	}
}
