package slack

import (
	"slices"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// All channels are listed for whoever bridges many of them: with IDs, by which they
// are joined without listing them again, and without those that are archived.
func TestListToBridge(t *testing.T) {
	w := newWorld(t, slackfake.Config{})
	old := w.AddChannel(slackfake.Channel{Name: "old", Members: []string{w.bob}})
	w.Archive(old, w.bob)
	foreign := w.AddChannel(slackfake.Channel{Name: "team-a", Members: []string{w.bob}})
	hidden := w.AddChannel(slackfake.Channel{Name: "hidden", Kind: slackfake.Private, Members: []string{w.bob}})
	c := newCore(t, w.connector(""), w.appLogin())
	ops, _ := c.run()
	found, err := ops.Search(t.Context(), "", 10000)
	if err != nil {
		t.Fatal(err)
	}
	have := map[network.ChatID]network.Found{}
	for _, f := range found {
		have[f.ID] = f
	}
	for id, private := range map[string]bool{w.main: false, w.second: true, foreign: false} {
		if f, ok := have[network.ChatID(id)]; !ok || f.Private != private || f.Name[0] != '#' {
			t.Errorf("%s is found as %+v", id, f)
		}
	}
	for _, id := range []string{old, hidden} {
		if f, ok := have[network.ChatID(id)]; ok {
			t.Errorf("%+v is found", f)
		}
	}
	lists := w.Calls("conversations.list")
	chat, err := ops.Join(t.Context(), foreign)
	if err != nil || chat.Name != "team-a" {
		t.Errorf("joined %+v, %v", chat, err)
	}
	if !slices.Contains(w.Members(foreign), w.bot.User) {
		t.Error("the app is not in the channel")
	}
	if n := w.Calls("conversations.list") - lists; n != 0 {
		t.Errorf("channels were listed %d times to join one", n)
	}
}
