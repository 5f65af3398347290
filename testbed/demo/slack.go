package main

import (
	"context"
	"fmt"
	"strings"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
	"github.com/causeway-chat/causeway/testbed/bridge"
	"github.com/causeway-chat/causeway/testbed/matrixuser"
)

// town is the channel on Slack, without "#".
const town = "town"

// A workspace is a Matrix room and the channel on Slack that it is bridged to, in
// which mia is. Slack is a stand-in on loopback (slackfake).
type workspace struct {
	*stage
	room  id.RoomID
	slack *slackfake.Server
	chat  string // the channel's ID
	mia   string // her user ID
}

func (w *workspace) window() window { return window{w.you, w.room} }

// open starts Slack, and installs an app there as its administrator does.
func (w *workspace) open(context.Context) (bridge.Network, error) {
	var err error
	if w.slack, err = slackfake.Start(slackfake.Config{}); err != nil {
		return bridge.Network{}, fmt.Errorf("start the stand-in for Slack: %w", err)
	}
	w.end(w.slack.Close)
	app := w.slack.AddApp(slackfake.App{Name: "Causeway"})
	bot := w.slack.Install(app, "")
	w.mia = w.slack.AddUser(slackfake.User{Name: "mia"})
	w.chat = w.slack.AddChannel(slackfake.Channel{Name: town, Members: []string{w.mia, bot.User}})
	return bridge.Network{ID: "slack.demo", Section: fmt.Sprintf(
		`{name: Demo, bot_token: %s, app_token: %s, api: %q}`, bot.Token, w.slack.AppToken(app), w.slack.APIURL())}, nil
}

// enter has you ask the bot for the channel, and follow its invitation.
func (w *workspace) enter(ctx context.Context) error {
	talk, err := w.you.CreateRoom(ctx, "", id.UserID(w.folder.Bot))
	if err != nil {
		return err
	}
	if _, err := w.you.Wait(ctx, 0, w.byBot(talk)); err != nil {
		return fmt.Errorf("no greeting of the bot: %w", err)
	}
	mark := w.you.Mark()
	if err := until(ctx, func() error { return w.join(ctx, talk) }); err != nil {
		return err
	}
	invite, err := w.you.Wait(ctx, mark, matrixuser.Invited(w.you.ID()))
	if err != nil {
		return fmt.Errorf("no invitation to #%s: %w", town, err)
	}
	w.room, err = w.you.Join(ctx, invite.RoomID.String())
	return err
}

// join asks the bot for the channel.
func (w *workspace) join(ctx context.Context, talk id.RoomID) error {
	mark := w.you.Mark()
	if _, err := w.you.Text(ctx, talk, "join slack.demo #"+town); err != nil {
		return err
	}
	e, err := w.you.Wait(ctx, mark, w.byBot(talk))
	if err != nil {
		return fmt.Errorf("no answer to join: %w", err)
	}
	if body := e.Content.AsMessage().Body; !strings.Contains(body, "You are in") {
		return fmt.Errorf("join: the bot says %q", body)
	}
	return nil
}

func (w *workspace) invitation() string {
	return fmt.Sprintf(slackInvitation, w.hs.URL(), userName, userPassword, town)
}

const slackInvitation = `  Matrix   homeserver %s, user %s, password %s, room %[4]s
  Slack    nobody can sign in: it is a stand-in on loopback, to which #%[4]s belongs
`
