package slack

import (
	"fmt"
	"slices"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// appears waits until the last that was told of somebody's presence is this.
func (c *core) appears(user string, online bool, words string) {
	c.t.Helper()
	c.wait(fmt.Sprintf("%s to be %v, %q", user, online, words), func() bool {
		for _, ev := range slices.Backward(c.events) {
			if p, ok := ev.(*network.Presence); ok && string(p.Sender) == user {
				return p.Online == online && p.Words == words
			}
		}
		return false
	})
}

// TestPresence: a person's session is told who is there of those who spoke and of those
// in direct messages that have rooms, with their status texts.
func TestPresence(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slackfake.Config{})
	dave := w.AddUser(slackfake.User{Name: "dave"})
	w.ChangeUser(dave, func(u *slackfake.User) { u.StatusText, u.StatusEmoji = "a & b", ":palm_tree:" })
	direct := w.AddChannel(slackfake.Channel{Kind: slackfake.IM, Members: []string{w.carol, dave}})
	c := newCore(t, w.connector(""), w.personLogin())
	c.chats = []network.ChatKey{{ID: network.ChatID(direct), Login: c.login.ID}}
	ops, _ := c.run()
	c.appears(dave, true, "")
	if _, err := ops.User(t.Context(), network.UserID(dave)); err != nil { // as the core does for who is shown
		t.Fatal(err)
	}
	w.SetPresence(dave, false)
	c.appears(dave, false, "🌴 a & b")

	w.SetPresence(w.bob, false) // of whom nothing is told before they speak
	w.Say(w.main, w.bob, "hello")
	c.appears(w.bob, false, "")
	w.SetPresence(w.bob, true)
	c.appears(w.bob, true, "")
	w.ChangeUser(w.bob, func(u *slackfake.User) { u.StatusText = "in a meeting" })
	c.appears(w.bob, true, "in a meeting")
	w.ChangeUser(w.bob, func(u *slackfake.User) { u.StatusText = "" })
	c.appears(w.bob, true, "")
	w.SetPresence(w.carol, false) // herself
	w.SetPresence(w.bob, false)
	c.appears(w.bob, false, "")
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ev := range c.events {
		if p, ok := ev.(*network.Presence); ok && string(p.Sender) == w.carol {
			t.Error("our own person's presence was told")
		}
	}
	if unknown := w.Unknown(); len(unknown) > 0 {
		t.Errorf("Slack does not know %v", unknown)
	}
}

// TestWatchIsBounded: those who spoke last are watched, and no more than so many.
func TestWatchIsBounded(t *testing.T) {
	t.Parallel()
	w := newWatch()
	for i := range maxWatched + 10 {
		w.add(fmt.Sprint("U", i))
		w.came(fmt.Sprint("U", i), true)
		w.add("U5")
	}
	list := w.list()
	if len(list) != maxWatched || len(w.there) != maxWatched {
		t.Errorf("%d are watched, of %d it is known", len(list), len(w.there))
	}
	if !slices.Contains(list, "U5") || slices.Contains(list, "U1") || list[len(list)-1] != "U5" {
		t.Errorf("watched are %v", list)
	}
}
