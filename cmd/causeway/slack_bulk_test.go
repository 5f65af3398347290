package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// TestSlackBridgeAll bridges chosen channels of a workspace: the app enters the public
// ones by itself, an archived one is left out, and the private one that it was invited
// to is bridged because it is named.
func TestSlackBridgeAll(t *testing.T) {
	s, err := slackfake.Start(slackfake.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	app := s.AddApp(slackfake.App{Name: "Causeway"})
	bot := s.Install(app, "")
	bob := s.AddUser(slackfake.User{Name: "bob"})
	town := s.AddChannel(slackfake.Channel{Name: "town-hall", Members: []string{bob}})
	s.AddChannel(slackfake.Channel{Name: "town-secret", Kind: slackfake.Private, Members: []string{bob, bot.User}})
	s.AddChannel(slackfake.Channel{Name: "council", Kind: slackfake.Private, Members: []string{bob, bot.User}})
	s.Archive(s.AddChannel(slackfake.Channel{Name: "town-old", Members: []string{bob}}), bob)
	s.AddChannel(slackfake.Channel{Name: "random", Members: []string{bob}})
	hs := matrixtest.New(matrixtest.Options{Domain: "test", Fail: t.Fatalf})
	t.Cleanup(hs.Close)
	alice := hs.CreateUser("alice", "pw")
	runSlack(t, hs, fmt.Sprintf("api: %s\nbot_token: %s\napp_token: %s\n", s.APIURL(), bot.Token, s.AppToken(app)))
	wait := waiter(t, hs)
	talk := alice.CreateRoom(map[string]any{"is_direct": true, "invite": []string{"@causeway:test"}, "preset": "trusted_private_chat"})
	says := func(text string) func() bool {
		return func() bool {
			return slices.ContainsFunc(hs.Room(talk).Bodies(), func(b string) bool { return strings.Contains(b, text) })
		}
	}
	wait("the bot's greeting", says("Hello"))
	planned := says("Bridged: 0; to do: 2.")
	for !planned() { // the app may still be connecting
		before := len(hs.Room(talk).Bodies())
		alice.SendText(talk, "bridge-all slack.test town-*,council confirm")
		wait("an answer", func() bool { return len(hs.Room(talk).Bodies()) >= before+2 })
	}
	rooms := func() (names []string) {
		for _, id := range hs.Rooms() {
			if name := hs.Room(id).Name; id != talk {
				names = append(names, strings.TrimPrefix(name, "#"))
			}
		}
		slices.Sort(names)
		return names
	}
	wait("two rooms and their space", func() bool { return slices.Equal(rooms(), []string{"council", "test", "town-hall"}) })
	if !slices.Contains(s.Members(town), bot.User) {
		t.Error("the app is not in #town-hall")
	}
	s.Say(town, bob, "hello all")
	wait("bob's words", func() bool {
		for _, id := range hs.Rooms() {
			if slices.ContainsFunc(hs.Room(id).Bodies(), func(b string) bool { return b == "hello all" }) {
				return true
			}
		}
		return false
	})
}
