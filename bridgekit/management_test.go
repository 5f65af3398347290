package bridgekit_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

// The bot's room for somebody who left it is made anew when there is something
// to say.
func TestManagementRoomGone(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.solo()
		m := r.management(r.alice)
		r.hs.User(bot).Leave(m)
		r.net.Revoke("alice")
		r.wait("a new room with the notice", func() bool {
			for _, id := range r.hs.Rooms() {
				if id != m && slices.ContainsFunc(r.notices(id), func(s string) bool { return strings.Contains(s, "needs you") }) {
					return true
				}
			}
			return false
		})
	})
}

// Who invites the bot while it makes a room to tell them something has invited it
// to the room in which it takes commands.
func TestManagementRoomTwice(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.solo()
		making := make(chan struct{})
		var once sync.Once
		r.hs.Faults.Set(func(c matrixtest.Call) (f matrixtest.Fault) {
			if c.Route == matrixtest.RouteCreateRoom && c.User == bot {
				once.Do(func() { close(making) })
				f.Latency = 5 * time.Second
			}
			return f
		})
		r.net.Revoke("alice")
		<-making
		m := r.management(r.alice)
		r.notice(m, "needs you")
		r.ask(r.alice, m, "list-logins", "signed out")
	})
}

// What is written to the bot while it comes in is answered like what comes later.
func TestCommandBeforeGreeting(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.start()
		r.hs.Faults.Set(func(c matrixtest.Call) matrixtest.Fault {
			if c.User == bot && c.Route == matrixtest.RouteMembers { // it is in, and looks who else is
				return matrixtest.Fault{Latency: 5 * time.Second}
			}
			return matrixtest.Fault{}
		})
		room := r.alice.CreateRoom(map[string]any{"is_direct": true, "invite": []string{bot}, "preset": "trusted_private_chat"})
		r.wait("the bot comes in", func() bool { return r.hs.Room(room).Membership(bot) == "join" })
		r.alice.SendText(room, "version")
		r.notice(room, "Hello")
		r.notice(room, "Causeway test")
	})
}
