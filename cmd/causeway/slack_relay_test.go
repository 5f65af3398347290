package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// A relayed is a channel on Slack whose room has alice, who moderates it, and people for
// whom the app speaks.
type relayed struct {
	t       *testing.T
	slack   *slackfake.Server
	hs      *matrixtest.Server
	bot     slackfake.Bot
	bob     string
	channel string
	alice   *matrixtest.User
	room    string
	wait    func(what string, cond func() bool)
}

func newRelayed(t *testing.T) *relayed {
	t.Helper()
	s, err := slackfake.Start(slackfake.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	app := s.AddApp(slackfake.App{Name: "Causeway"})
	r := &relayed{t: t, slack: s, bot: s.Install(app, ""), bob: s.AddUser(slackfake.User{Name: "bob"})}
	r.channel = s.AddChannel(slackfake.Channel{Name: "town", Members: []string{r.bob, r.bot.User}})
	r.hs = matrixtest.New(matrixtest.Options{Domain: "test", Fail: t.Fatalf})
	t.Cleanup(r.hs.Close)
	r.alice, r.wait = r.hs.CreateUser("alice", "pw"), waiter(t, r.hs)
	runSlack(t, r.hs, fmt.Sprintf("api: %s\nbot_token: %s\napp_token: %s\n", s.APIURL(), r.bot.Token, s.AppToken(app)))
	talk := r.alice.CreateRoom(map[string]any{"is_direct": true, "invite": []string{"@causeway:test"}, "preset": "trusted_private_chat"})
	r.wait("the bot's greeting", r.says(talk, "Hello"))
	r.alice.SendText(talk, "join slack.test #town")
	r.wait("a room of the channel", func() bool {
		for _, id := range r.hs.Rooms() {
			if strings.Contains(r.hs.Room(id).Name, "town") {
				r.room = id
			}
		}
		return r.room != ""
	})
	r.alice.Join(r.room)
	return r
}

// says reports whether somebody said a text in a room.
func (r *relayed) says(room, text string) func() bool {
	return func() bool {
		return slices.ContainsFunc(r.hs.Room(room).Bodies(), func(b string) bool { return strings.Contains(b, text) })
	}
}

// comes makes somebody of Matrix who is in the room.
func (r *relayed) comes(name string) *matrixtest.User {
	u := r.hs.CreateUser(name, "pw")
	r.alice.Invite(r.room, u.ID)
	u.Join(r.room)
	return u
}

// answered has the bot answer a command of alice's: what happened in the room before is
// known to the bridge then.
func (r *relayed) answered(command, answer string) {
	r.t.Helper()
	before := len(r.hs.Room(r.room).Bodies())
	r.alice.SendText(r.room, command)
	r.wait("an answer to "+command, func() bool {
		return slices.ContainsFunc(r.hs.Room(r.room).Bodies()[before+1:], func(b string) bool { return strings.Contains(b, answer) })
	})
}

// on waits until Slack is as it should be.
func (r *relayed) on(what string, cond func() bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), slackPatience)
	defer cancel()
	if err := r.slack.Wait(ctx, cond); err != nil {
		r.t.Fatalf("%s: %v; Slack holds %v", what, err, r.slack.Messages(r.channel))
	}
}

// find is what somebody said, also in threads; nil if they did not.
func (r *relayed) find(username, text string) slackfake.JSON {
	for _, m := range r.slack.Messages(r.channel) {
		if m["text"] == text && (m["username"] == username || username == "" && m["username"] == nil) {
			return m
		}
	}
	return nil
}

// TestSlackRelayedPeople: who is relayed edits and deletes what they said, and nothing that
// somebody else did.
func TestSlackRelayedPeople(t *testing.T) {
	r := newRelayed(t)
	dave, mallory := r.comes("dave"), r.comes("mallory")
	first := dave.SendText(r.room, "mine")
	r.on("dave's message", func() bool { return r.find("dave", "mine") != nil })
	ts := fmt.Sprint(r.find("dave", "mine")["ts"])
	mallory.Edit(r.room, first, "forged")
	if err := mallory.Do("PUT", "rooms/"+r.room+"/redact/"+first+"/m1", map[string]any{}, nil); err == nil {
		t.Error("the homeserver let mallory remove what dave said")
	}
	his := mallory.SendText(r.room, "passing")
	r.on("mallory's message", func() bool { return r.find("mallory", "passing") != nil })
	if r.find("dave", "mine") == nil || r.find("dave", "forged") != nil {
		t.Errorf("after mallory's edit Slack holds %v", r.slack.Messages(r.channel))
	}
	dave.Edit(r.room, first, "mine, edited")
	r.on("dave's edit", func() bool { m := r.find("dave", "mine, edited"); return m != nil && m["ts"] == ts })
	mallory.Edit(r.room, his, "mine, too")
	r.on("mallory's edit", func() bool { return r.find("mallory", "mine, too") != nil })
	dave.Redact(r.room, first, "")
	r.on("dave's removal", func() bool { return r.find("dave", "mine, edited") == nil })
	if r.find("mallory", "mine, too") == nil {
		t.Errorf("after dave's removal Slack holds %v", r.slack.Messages(r.channel))
	}
}

// TestSlackBanned: of who is banned in Matrix nothing is said on Slack any more, also not
// what they wrote before and that waits; who is removed says nothing either.
func TestSlackBanned(t *testing.T) {
	r := newRelayed(t)
	dave, mallory := r.comes("dave"), r.comes("mallory")
	mallory.SendText(r.room, "hello")
	r.on("mallory's first message", func() bool { return r.find("mallory", "hello") != nil })
	r.slack.Break(slackfake.Fault{Method: "chat.postMessage", Status: 503, Times: 1000})
	before := r.slack.Calls("chat.postMessage")
	began := time.Now()
	mallory.SendText(r.room, "spam")
	dave.SendText(r.room, "ham")
	r.on("some attempts, with pauses", func() bool { return r.slack.Calls("chat.postMessage") >= before+3 && time.Since(began) > 4*time.Second })
	r.alice.Ban(r.room, mallory.ID)
	r.answered("!cw id", "slack.test")
	r.slack.Heal()
	r.on("dave's message", func() bool { return r.find("dave", "ham") != nil })
	if r.find("mallory", "spam") != nil {
		t.Error("what mallory wrote before the ban was said after it")
	}
	r.alice.Kick(r.room, dave.ID)
	for _, u := range []*matrixtest.User{mallory, dave} {
		if err := u.Do("PUT", "rooms/"+r.room+"/send/m.room.message/late", map[string]any{"msgtype": "m.text", "body": "late"}, nil); err == nil {
			t.Errorf("the homeserver let %s speak", u.ID)
		}
	}
	r.alice.SendText(r.room, "after that")
	r.on("alice's message", func() bool { return r.find("alice", "after that") != nil })
	for _, name := range []string{"mallory", "dave"} {
		if r.find(name, "late") != nil {
			t.Errorf("%s is relayed still", name)
		}
	}
}

// TestSlackReactionThread: reactions of relayed people are one of the app's and a line in
// the message's thread, which go with them.
func TestSlackReactionThread(t *testing.T) {
	r := newRelayed(t)
	dave, erin := r.comes("dave"), r.comes("erin")
	r.answered("!cw hub set slack.test reactions thread", "from now on")
	ts := r.slack.Say(r.channel, r.bob, "yes?")
	r.wait("bob's words", r.says(r.room, "yes?"))
	on := ""
	for _, e := range r.hs.Room(r.room).OfType("m.room.message") {
		if e.Body() == "yes?" {
			on = e.ID
		}
	}
	line := func(want string) {
		t.Helper()
		r.on("the line "+want, func() bool {
			all := slices.DeleteFunc(r.slack.Messages(r.channel), func(m slackfake.JSON) bool {
				return !strings.HasPrefix(fmt.Sprint(m["text"]), "Reactions: ")
			})
			return want == "" && len(all) == 0 || len(all) == 1 && all[0]["text"] == want && all[0]["thread_ts"] == ts && all[0]["username"] == nil
		})
	}
	reacted := func(want string) {
		t.Helper()
		r.on("the app's reactions "+want, func() bool {
			got := ""
			list, _ := r.slack.Message(r.channel, ts)["reactions"].([]any)
			for _, one := range list {
				got += fmt.Sprint(one.(slackfake.JSON)["name"], one.(slackfake.JSON)["users"])
			}
			return got == want
		})
	}
	app := "[" + r.bot.User + "]"
	his := dave.React(r.room, on, "👍")
	line("Reactions: 👍 dave")
	hers := erin.React(r.room, on, "👍")
	line("Reactions: 👍 dave, erin")
	odd := erin.React(r.room, on, "no emoji")
	line("Reactions: 👍 dave, erin; no emoji erin")
	reacted("+1" + app)
	dave.Redact(r.room, his, "")
	line("Reactions: 👍 erin; no emoji erin")
	reacted("+1" + app)
	erin.Redact(r.room, hers, "")
	line("Reactions: no emoji erin")
	reacted("")
	erin.Redact(r.room, odd, "")
	line("")
	r.slack.Say(r.channel, r.bob, "and then")
	r.wait("bob's next words", r.says(r.room, "and then"))
	if r.says(r.room, "Reactions: ")() {
		t.Errorf("the line is in the room: %q", r.hs.Room(r.room).Bodies())
	}
}
