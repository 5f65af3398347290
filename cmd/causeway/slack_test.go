package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/causeway-chat/causeway/bridgekit"
	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack"
	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
	"github.com/causeway-chat/causeway/registration"
)

// slackPatience is how long the test waits for one thing.
const slackPatience = 2 * time.Minute

// TestSlackRoom carries words from a channel on Slack into a room and back, through
// the app of the configuration, which speaks for people.
func TestSlackRoom(t *testing.T) {
	s, err := slackfake.Start(slackfake.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	app := s.AddApp(slackfake.App{Name: "Causeway"})
	bot := s.Install(app, "")
	bob := s.AddUser(slackfake.User{Name: "bob", RealName: "Bob Builder"})
	channel := s.AddChannel(slackfake.Channel{Name: "town", Members: []string{bob, bot.User}})
	hs := matrixtest.New(matrixtest.Options{Domain: "test", Fail: t.Fatalf})
	t.Cleanup(hs.Close)
	alice := hs.CreateUser("alice", "pw")
	runSlack(t, hs, fmt.Sprintf("api: %s\nbot_token: %s\napp_token: %s\n", s.APIURL(), bot.Token, s.AppToken(app)))

	says := func(room, text string) func() bool {
		return func() bool {
			return slices.ContainsFunc(hs.Room(room).Bodies(), func(b string) bool { return strings.Contains(b, text) })
		}
	}
	wait := waiter(t, hs)
	talk := alice.CreateRoom(map[string]any{"is_direct": true, "invite": []string{"@causeway:test"}, "preset": "trusted_private_chat"})
	wait("the bot's greeting", says(talk, "Hello"))
	alice.SendText(talk, "join slack.test #town")
	room := ""
	wait("a room of the channel", func() bool {
		for _, id := range hs.Rooms() {
			if strings.Contains(hs.Room(id).Name, "town") {
				room = id
			}
		}
		return room != ""
	})
	alice.Join(room)
	s.Say(channel, bob, "hello from *Slack*")
	wait("bob's words", says(room, "hello from Slack"))
	alice.SendText(room, "hello from Matrix")
	ctx, cancel := context.WithTimeout(t.Context(), slackPatience)
	defer cancel()
	err = s.Wait(ctx, func() bool {
		return slices.ContainsFunc(s.Messages(channel), func(m slackfake.JSON) bool {
			return m["text"] == "hello from Matrix" && m["username"] == "alice"
		})
	})
	if err != nil {
		t.Fatalf("alice's words did not reach Slack, which holds %v: %v", s.Messages(channel), err)
	}
}

// waiter waits for something on the homeserver, and shows its rooms if it does not come.
func waiter(t *testing.T, hs *matrixtest.Server) func(what string, cond func() bool) {
	return func(what string, cond func() bool) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), slackPatience)
		defer cancel()
		if err := hs.Wait(ctx, cond); err != nil {
			for _, r := range hs.Rooms() {
				t.Logf("%s %q: %q", r, hs.Room(r).Name, hs.Room(r).Bodies())
			}
			t.Fatalf("%s: %v", what, err)
		}
	}
}

// runSlack runs a bridge with one Slack network until the test ends.
func runSlack(t *testing.T, hs *matrixtest.Server, section string) {
	t.Helper()
	conn, err := slack.New(network.Options{ID: "slack.test", Decode: func(into any) error {
		dec := yaml.NewDecoder(strings.NewReader(section))
		dec.KnownFields(true)
		return dec.Decode(into)
	}})
	if err != nil {
		t.Fatal(err)
	}
	reg := registration.New(registration.Options{URL: "http://bridge.test", Domain: "test", Prefix: "_cw_", Bot: "causeway"})
	c := config.Defaults()
	c.Homeserver.URL, c.Homeserver.Domain = "http://hs.test", "test"
	c.Appservice.Listen, c.Metrics.Listen = "", ""
	c.Database.Source = filepath.Join(t.TempDir(), "causeway.db")
	copy(c.Key[:], "0123456789abcdef0123456789abcdef")
	c.Permissions = config.Permissions{"test": config.LevelAdmin}
	m := matrixtest.Registration{ID: reg.ID, URL: string(reg.URL), ASToken: reg.ASToken, HSToken: reg.HSToken, SenderLocalpart: reg.SenderLocalpart, Ephemeral: true}
	m.Users, m.Aliases = namespaces(reg.Namespaces.Users), namespaces(reg.Namespaces.Aliases)
	if err := hs.Register(m); err != nil {
		t.Fatal(err)
	}
	b, err := bridgekit.New(t.Context(), bridgekit.Options{
		Config: c, Registration: reg, Networks: []network.Connector{conn}, Transport: hs.Transport(), Version: "test",
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	hs.Attach(reg.ID, b.Handler())
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	t.Cleanup(func() {
		hs.Attach(reg.ID, nil)
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v", err)
		}
	})
	select {
	case <-b.Ready():
	case <-time.After(slackPatience):
		t.Fatal("the bridge is not ready")
	}
}
