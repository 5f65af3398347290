package slackfake_test

import (
	"testing"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"

	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

func TestPostAndEvents(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	who, err := r.api.AuthTestContext(r.ctx)
	r.ok(err)
	if who.UserID != r.bot.User || who.BotID != r.bot.Bot || who.TeamID != r.bot.Team {
		t.Fatalf("auth.test: %+v", who)
	}
	l := r.listen()
	ts := r.Say(r.general, r.alice, "hello")
	m := next[*slackevents.MessageEvent](l)
	if m.Text != "hello" || m.User != r.alice || m.TimeStamp != ts || m.Channel != r.general || m.ChannelType != "channel" {
		t.Fatalf("%+v", m)
	}
	_, posted, err := r.api.PostMessageContext(r.ctx, r.general, slack.MsgOptionText("hi", false), slack.MsgOptionUsername("Carol (Matrix)"), slack.MsgOptionTS(ts))
	r.ok(err)
	echo := next[*slackevents.MessageEvent](l)
	if echo.TimeStamp != posted || echo.BotID != r.bot.Bot || echo.Username != "Carol (Matrix)" || echo.SubType != "bot_message" || echo.ThreadTimeStamp != ts {
		t.Fatalf("%+v", echo)
	}
	root := r.Message(r.general, ts)
	if root["reply_count"] != 1.0 || root["latest_reply"] != posted {
		t.Fatalf("root: %v", root)
	}
}

func TestLists(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	secret := r.AddChannel(slackfake.Channel{Name: "secret", Kind: slackfake.Private, Members: []string{r.alice}})
	for range 30 {
		r.AddChannel(slackfake.Channel{})
	}
	var seen []string
	p := &slack.GetConversationsParameters{Limit: 10, Types: []string{"public_channel", "private_channel"}}
	for {
		list, cursor, err := r.api.GetConversationsContext(r.ctx, p)
		r.ok(err)
		for _, c := range list {
			seen = append(seen, c.ID)
		}
		if p.Cursor = cursor; cursor == "" {
			break
		}
	}
	if len(seen) != 31 {
		t.Fatalf("%d channels", len(seen))
	}
	_, err := r.api.GetConversationInfoContext(r.ctx, &slack.GetConversationInfoInput{ChannelID: secret})
	r.fails(err, "channel_not_found")
	u, err := r.api.GetUserInfoContext(r.ctx, r.alice)
	r.ok(err)
	if u.RealName != "Alice Adams" || u.Profile.Email != "alice@example.org" {
		t.Fatalf("%+v", u)
	}
	users, err := r.api.GetUsersContext(r.ctx)
	r.ok(err)
	if len(users) != 3 {
		t.Fatalf("%d users", len(users))
	}
}

func TestHistoryPages(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	var said []string
	for range 25 {
		said = append(said, r.Say(r.general, r.bob, "old"))
	}
	r.Reply(r.general, r.alice, said[3], "in the thread", false)
	p := &slack.GetConversationHistoryParameters{ChannelID: r.general, Limit: 10}
	var seen []string
	for {
		h, err := r.api.GetConversationHistoryContext(r.ctx, p)
		r.ok(err)
		for _, m := range h.Messages {
			seen = append([]string{m.Timestamp}, seen...)
		}
		if p.Cursor = h.ResponseMetaData.NextCursor; !h.HasMore {
			break
		}
	}
	if len(seen) != 25 || seen[0] != said[0] || seen[24] != said[24] {
		t.Fatalf("%d messages: %v", len(seen), seen)
	}
	h, err := r.api.GetConversationHistoryContext(r.ctx, &slack.GetConversationHistoryParameters{ChannelID: r.general, Oldest: said[5], Latest: said[8], Inclusive: true})
	r.ok(err)
	if len(h.Messages) != 4 {
		t.Fatalf("%d messages in the span", len(h.Messages))
	}
}

func TestRedelivery(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	l := r.listen()
	l.hold <- true
	r.Say(r.general, r.alice, "one")
	next[*slackevents.MessageEvent](l)
	l.hold <- false
	r.Cut()
	l.connected()
	if m := next[*slackevents.MessageEvent](l); m.Text != "one" {
		t.Fatal(m.Text)
	}
	r.ok(r.Wait(r.ctx, func() bool { return r.Pending(r.app) == 0 }))
	r.Refresh(r.app)
	l.connected()
	r.Say(r.general, r.alice, "two")
	if m := next[*slackevents.MessageEvent](l); m.Text != "two" {
		t.Fatal(m.Text)
	}
	r.ok(r.Wait(r.ctx, func() bool { return r.Pending(r.app) == 0 }))
	r.ok(r.Restart())
	l.connected()
	r.Say(r.general, r.alice, "three")
	if m := next[*slackevents.MessageEvent](l); m.Text != "three" {
		t.Fatal(m.Text)
	}
}
