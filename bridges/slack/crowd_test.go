package slack

import (
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// person is a client that asks Slack and hears nothing.
func (w *world) person(conn *Connector, login network.Login) (*Person, *account) {
	w.t.Helper()
	cred, err := conn.credentials(login)
	if err != nil {
		w.t.Fatal(err)
	}
	acc := &account{api: conn.newAPI(cred)}
	w.t.Cleanup(acc.close)
	c := newClient(conn, cred, network.Host{}, login).(*Person)
	c.setLive(acc)
	return c, acc
}

// TestCrowd asks for people and channels while there is no turn for the methods that
// tell of one: their names come another way, and the list of all people is not read.
func TestCrowd(t *testing.T) {
	w := newWorld(t, slackfake.Config{})
	c, acc := w.person(w.connector(""), w.personLogin())
	acc.pace.refused("users.info", time.Hour)
	acc.pace.refused("conversations.info", time.Hour)
	for id, name := range map[string]string{w.bob: "Bob Builder", w.carol: "Carol"} {
		if u, err := c.User(t.Context(), network.UserID(id)); err != nil || u.Name != name || u.Avatar == nil {
			t.Errorf("%q: %+v, %v", name, u, err)
		}
	}
	for id, want := range map[string]network.Chat{
		w.main:   {Name: "main", Kind: network.Channel, Members: 3},
		w.second: {Name: "second", Kind: network.Group, Members: 3},
	} {
		chat, err := c.Chat(t.Context(), network.ChatID(id))
		if err != nil || chat.Name != want.Name || chat.Kind != want.Kind || chat.Members != want.Members {
			t.Errorf("%q: %+v, %v", want.Name, chat, err)
		}
	}
	for method, want := range map[string]int{"users.info": 0, "users.list": 0, "users.profile.get": 2, "conversations.info": 0, "conversations.list": 1} {
		if n := w.Calls(method); n != want {
			t.Errorf("%s was called %d times, want %d", method, n, want)
		}
	}
}
