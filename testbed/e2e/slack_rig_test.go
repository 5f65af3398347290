package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
	"github.com/causeway-chat/causeway/testbed/bridge"
	"github.com/causeway-chat/causeway/testbed/homeserver"
	"github.com/causeway-chat/causeway/testbed/matrixuser"
)

// A workspace is one with a channel in which mia is, who has no Matrix, ann and bea,
// who have both, and the app, which speaks for you.
type workspace struct {
	*world
	slack *slackfake.Server
	app   string
	relay slackfake.Bot
	chat  string           // the channel
	miaID string           // her user ID on Slack
	annID string           // hers
	beaID string           // and hers
	ann   *matrixuser.User // signed in to the homeserver
	bea   *matrixuser.User
	room  id.RoomID // of the channel
}

// workspaces runs a test with each homeserver; nothing but it and Slack runs before.
func workspaces(t *testing.T, test func(w *workspace)) {
	for name, hs := range map[string]func(*testing.T, context.Context) homeserver.Launcher{"dendrite": dendrite, "synapse": synapse} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(newWorkspace(t, hs, ""))
		})
	}
}

// newWorkspace starts all but Causeway. encryption is that of its rooms.
func newWorkspace(t *testing.T, hs func(*testing.T, context.Context) homeserver.Launcher, encryption string) *workspace {
	t.Helper()
	s, err := slackfake.Start(slackfake.Config{Redeliver: time.Second})
	check(t, err)
	t.Cleanup(s.Close)
	w := &workspace{world: newBareWorld(t, hs), slack: s, app: s.AddApp(slackfake.App{Name: "Causeway"})}
	w.relay = s.Install(w.app, "")
	w.miaID, w.annID, w.beaID = s.AddUser(slackfake.User{Name: "mia"}), s.AddUser(slackfake.User{Name: "ann"}), s.AddUser(slackfake.User{Name: "bea"})
	w.chat = s.AddChannel(slackfake.Channel{Name: "town", Members: []string{w.miaID, w.annID, w.beaID, w.relay.User}})
	w.homeserverFor(bridge.Options{Encryption: encryption, Networks: []bridge.Network{{ID: "slack.test", Section: fmt.Sprintf(
		`{name: Acme, bot_token: %s, app_token: %s, api: %q}`, w.relay.Token, s.AppToken(w.app), s.APIURL())}}})
	w.you, w.ann, w.bea = w.login("you"), w.login("ann"), w.login("bea")
	return w
}

// writers are those who write on Matrix, by what Slack shows as the author.
func (w *workspace) writers() map[string]*matrixuser.User {
	return map[string]*matrixuser.User{"you": w.you, w.annID: w.ann, w.beaID: w.bea}
}

// enter has you, ann and bea come into the channel's room: you through the relay,
// they with their accounts.
func (w *workspace) enter() {
	w.t.Helper()
	w.enterAlone()
	w.signIn(w.ann, w.annID)
	w.signIn(w.bea, w.beaID)
	w.slack.Say(w.chat, w.miaID, "welcome") // their sessions hear it, and they come in by themselves
	for _, u := range []*matrixuser.User{w.ann, w.bea} {
		w.seenBy(u, 0, "they come in", func(e matrixuser.Event) bool {
			return e.Type == event.StateMember && e.RoomID == w.room && e.GetStateKey() == u.ID().String() && e.Content.AsMember().Membership == event.MembershipJoin
		})
	}
}

// enterAlone has you come in, through the relay.
func (w *workspace) enterAlone() {
	w.t.Helper()
	talk := w.directChat()
	at := w.you.Mark()
	w.until("you enter the channel", func() error { return w.commanded(talk, "join slack.test #town", "town") })
	w.room = w.seen(at, "the invitation", matrixuser.Invited(w.you.ID())).RoomID
	_, err := w.you.Join(w.ctx, w.room.String())
	check(w.t, err)
}

// signIn gives Causeway somebody's session of Slack.
func (w *workspace) signIn(u *matrixuser.User, user string) {
	w.t.Helper()
	token, cookie := w.slack.Session(user)
	talk, err := u.CreateRoom(w.ctx, "", w.bot())
	check(w.t, err)
	w.seenBy(u, 0, "the bot's greeting", func(e matrixuser.Event) bool {
		return e.RoomID == talk && e.Sender == w.bot() && e.Type == event.EventMessage
	})
	for _, say := range []struct{ text, answer string }{{"login slack.test browser", "Token"}, {token, "Cookie"}, {cookie, "Signed in"}} {
		at := u.Mark()
		w.sent(u.Text(w.ctx, talk, say.text))
		w.seenBy(u, at, say.answer, func(e matrixuser.Event) bool {
			return e.RoomID == talk && e.Sender == w.bot() && e.Type == event.EventMessage && strings.Contains(e.Content.AsMessage().Body, say.answer)
		})
	}
}

// posted waits until the channel holds a message that match accepts.
func (w *workspace) posted(what string, match func(m slackfake.JSON) bool) slackfake.JSON {
	w.t.Helper()
	var found slackfake.JSON
	w.until(what+" on Slack", func() error {
		for _, m := range w.slack.Messages(w.chat) {
			if match(m) {
				found = m
				return nil
			}
		}
		return fmt.Errorf("the channel holds %v", texts(w.slack.Messages(w.chat)))
	})
	return found
}

// says reports whether a message has a text, and is by somebody: a user ID, or the
// name that a relayed message shows.
func says(by, text string) func(m slackfake.JSON) bool {
	return func(m slackfake.JSON) bool {
		return m["text"] == text && (m["user"] == by && m["username"] == nil || m["username"] == by)
	}
}

func texts(all []slackfake.JSON) (out []string) {
	for _, m := range all {
		out = append(out, fmt.Sprint(m["user"], "/", m["username"], ": ", m["text"]))
	}
	return out
}

// fromSlack waits until you saw a message with a body, and returns it.
func (w *workspace) fromSlack(mark int, body string) matrixuser.Event {
	w.t.Helper()
	return w.seen(mark, fmt.Sprintf("%q", body), func(e matrixuser.Event) bool {
		return e.Type == event.EventMessage && e.RoomID == w.room && e.Section == matrixuser.Timeline && e.Content.AsMessage().Body == body
	})
}
