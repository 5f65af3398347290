package slackfake_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// limited wants a refusal by rate limit, and returns how long to wait.
func limited(t *testing.T, err error) time.Duration {
	t.Helper()
	var l *slack.RateLimitedError
	if !errors.As(err, &l) {
		t.Fatalf("got %v, want a rate limit", err)
	}
	return l.RetryAfter
}

func TestLimits(t *testing.T) {
	now := newClock()
	r := newRig(t, slackfake.Config{Limits: true, Now: now.Now})
	post := func(channel string) error {
		_, _, err := r.api.PostMessageContext(r.ctx, channel, slack.MsgOptionText("x", false))
		return err
	}
	other := r.AddChannel(slackfake.Channel{Name: "other", Members: []string{r.bot.User}})
	for range 5 {
		r.ok(post(r.general))
	}
	if wait := limited(t, post(r.general)); wait != time.Second {
		t.Errorf("wait %s", wait)
	}
	r.ok(post(other)) // each channel for itself
	now.Add(time.Second)
	r.ok(post(r.general))
	limited(t, post(r.general))

	for range 20 { // tier 2
		_, _, err := r.api.GetConversationsContext(r.ctx, &slack.GetConversationsParameters{})
		r.ok(err)
	}
	_, _, err := r.api.GetConversationsContext(r.ctx, &slack.GetConversationsParameters{})
	wait := limited(t, err)
	if wait != 3*time.Second {
		t.Errorf("wait %s", wait)
	}
	now.Add(wait)
	_, _, err = r.api.GetConversationsContext(r.ctx, &slack.GetConversationsParameters{})
	r.ok(err)
	if n := r.Calls("conversations.list"); n != 22 {
		t.Errorf("%d calls", n)
	}
}

// TestHistoryOfDistributedApps: 15 messages, once a minute.
func TestHistoryOfDistributedApps(t *testing.T) {
	now := newClock()
	r := newRig(t, slackfake.Config{Limits: true, Now: now.Now})
	app := r.AddApp(slackfake.App{Name: "Shop", Distributed: true})
	bot := r.Install(app, "")
	r.Join(r.general, bot.User, "")
	for range 20 {
		r.Say(r.general, r.alice, "x")
	}
	p := &slack.GetConversationHistoryParameters{ChannelID: r.general, Limit: 100}
	h, err := r.client(bot.Token).GetConversationHistoryContext(r.ctx, p)
	r.ok(err)
	if len(h.Messages) != 15 || !h.HasMore {
		t.Errorf("%d messages", len(h.Messages))
	}
	_, err = r.client(bot.Token).GetConversationHistoryContext(r.ctx, p)
	if wait := limited(t, err); wait != time.Minute {
		t.Errorf("wait %s", wait)
	}
	now.Add(time.Minute)
	_, err = r.client(bot.Token).GetConversationHistoryContext(r.ctx, p)
	r.ok(err)
	h, err = r.api.GetConversationHistoryContext(r.ctx, p) // an internal app has no such limit
	r.ok(err)
	if len(h.Messages) != 21 {
		t.Errorf("%d messages", len(h.Messages))
	}
}

func TestFaults(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	post := func(ctx context.Context, text string) error {
		_, _, err := r.api.PostMessageContext(ctx, r.general, slack.MsgOptionText(text, false))
		return err
	}
	const method = "chat.postMessage"
	r.Break(slackfake.Fault{Method: method, Skip: 1, Status: http.StatusServiceUnavailable})
	r.ok(post(r.ctx, "one"))
	if err := post(r.ctx, "two"); err == nil {
		t.Error("no 503")
	}
	r.Break(slackfake.Fault{Method: method, Status: http.StatusTooManyRequests, RetryAfter: 7})
	if wait := limited(t, post(r.ctx, "two")); wait != 7*time.Second {
		t.Errorf("wait %s", wait)
	}
	r.Break(slackfake.Fault{Method: method, Error: "fatal_error"})
	r.fails(post(r.ctx, "two"), "fatal_error")
	r.Break(slackfake.Fault{Method: method, Error: "internal_error", Lost: true})
	r.fails(post(r.ctx, "done all the same"), "internal_error")
	r.Break(slackfake.Fault{Method: method, Lost: true})
	if err := post(r.ctx, "lost"); err == nil {
		t.Error("the answer was not lost")
	}
	r.Break(slackfake.Fault{Method: method, Delay: time.Millisecond})
	r.ok(post(r.ctx, "slow"))
	r.Break(slackfake.Fault{Hang: true})
	ctx, cancel := context.WithCancel(r.ctx)
	failed := make(chan error, 1)
	go func() { failed <- post(ctx, "hangs") }()
	r.ok(r.Wait(r.ctx, func() bool { return r.Calls(method) == 8 }))
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	r.Break(slackfake.Fault{Method: method, Times: 1000, Status: 500})
	r.Heal()
	r.ok(post(r.ctx, "healed"))
	if got := r.Texts(r.general); len(got) != 5 || got[1] != "done all the same" || got[2] != "lost" {
		t.Errorf("%q", got)
	}
}

func TestUnknown(t *testing.T) {
	s, err := slackfake.Start(slackfake.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	bot := s.Install(s.AddApp(slackfake.App{}), "")
	_, err = slack.New(bot.Token, slack.OptionAPIURL(s.APIURL())).GetDNDInfo(nil)
	if err == nil || err.Error() != "unknown_method" || s.Unknown()["dnd.info"] != 1 {
		t.Errorf("%v, %v", err, s.Unknown())
	}
}

func TestDown(t *testing.T) {
	r := newRig(t, slackfake.Config{})
	r.Down()
	if _, err := r.api.AuthTestContext(r.ctx); err == nil {
		t.Error("it answers")
	}
	r.ok(r.Up())
	_, err := r.api.AuthTestContext(r.ctx)
	r.ok(err)
}
