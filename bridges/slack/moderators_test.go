package slack

import (
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// TestModerators: owners and administrators of the workspace moderate its channels, and
// whoever stops to be one does not. Nothing is asked for that but the person.
func TestModerators(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slackfake.Config{})
	far := w.AddTeam(slackfake.Team{Name: "Far", Domain: "far"})
	guest := w.AddUser(slackfake.User{Name: "guest", Admin: true, Team: far})
	w.AddChannel(slackfake.Channel{Name: "shared", SharedWith: []string{far}, Members: []string{w.bob, guest, w.bot.User}})
	people := map[string]bool{
		w.bob: false,
		w.AddUser(slackfake.User{Name: "admin", Admin: true}):               true,
		w.AddUser(slackfake.User{Name: "owner", Owner: true}):               true,
		w.AddUser(slackfake.User{Name: "first", PrimaryOwner: true}):        true,
		w.AddUser(slackfake.User{Name: "gone", Admin: true, Deleted: true}): false,
		guest: false,
	}
	c := newCore(t, w.connector(""), w.appLogin())
	ops, _ := c.run()
	asked := w.Calls("users.info")
	for id, want := range people {
		u, err := ops.User(t.Context(), network.UserID(id))
		if err != nil || u.Moderates == nil || *u.Moderates != want {
			t.Errorf("%s: %+v, %v; want that they moderate: %v", u.Name, u, err, want)
		}
	}
	if n := w.Calls("users.info") - asked; n != len(people) || w.Calls("users.list") != 0 {
		t.Errorf("%d people were asked for by %d users.info, %d users.list", len(people), n, w.Calls("users.list"))
	}
	for _, admin := range []bool{true, false} {
		w.ChangeUser(w.bob, func(u *slackfake.User) { u.Admin = admin })
		seen := 0
		if !admin {
			seen = 1
		}
		c.wait("the change of bob", func() bool { return c.changes(w.bob) > seen })
		if u, err := ops.User(t.Context(), network.UserID(w.bob)); err != nil || u.Moderates == nil || *u.Moderates != admin {
			t.Errorf("bob: %+v, %v; want that he moderates: %v", u, err, admin)
		}
	}
}

// changes is how often a person's change was delivered. Call it with mu held.
func (c *core) changes(user string) (n int) {
	for _, ev := range c.events {
		if u, ok := ev.(*network.UserChanged); ok && string(u.User) == user {
			n++
		}
	}
	return n
}

// TestModeratorsUnknown: what cannot be known of a person is not made up: of a profile
// alone, or in an organisation, where users.info does not tell of which workspace.
func TestModeratorsUnknown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slackfake.Config{})
	admin := w.AddUser(slackfake.User{Name: "admin", Admin: true})
	c, acc := w.person(w.connector(""), w.personLogin())
	acc.pace.refused("users.info", time.Hour)
	if u, err := c.User(t.Context(), network.UserID(admin)); err != nil || u.Moderates != nil {
		t.Errorf("by a profile: %+v, %v", u, err)
	}
	g := newGrid(t)
	boss := g.AddUser(slackfake.User{Name: "boss", Admin: true})
	wide, _ := newCore(t, g.connector(""), g.appLogin()).run()
	if u, err := wide.User(t.Context(), network.UserID(boss)); err != nil || u.Moderates != nil {
		t.Errorf("in an organisation: %+v, %v", u, err)
	}
}

// TestModeratedChats: channels are moderated by the workspace's administrators, direct
// messages of two or more people are not.
func TestModeratedChats(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slackfake.Config{})
	ops, _ := newCore(t, w.connector(""), w.personLogin()).run()
	for chat, want := range map[string]bool{
		w.main: true, w.second: true,
		w.AddChannel(slackfake.Channel{Kind: slackfake.IM, Members: []string{w.carol, w.bob}}):                                            false,
		w.AddChannel(slackfake.Channel{Kind: slackfake.MPIM, Members: []string{w.carol, w.bob, w.AddUser(slackfake.User{Name: "dora"})}}): false,
	} {
		c, err := ops.Chat(t.Context(), network.ChatID(chat))
		if err != nil || c.Features.Moderated != want {
			t.Errorf("%s %q: moderated %v, %v", c.Kind, c.Name, c.Features.Moderated, err)
		}
	}
}
