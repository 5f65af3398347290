package slack

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/networktest"
	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// settled waits until the app has no unacknowledged event.
func (w *world) settled() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	if err := w.Wait(ctx, func() bool { return w.Pending(w.app) == 0 }); err != nil {
		w.t.Fatalf("%d events are not acknowledged: %v", w.Pending(w.app), err)
	}
}

// said waits until a login's core has exactly these texts of a chat.
func (c *core) said(chat string, want ...string) {
	c.t.Helper()
	c.wait(strings.Join(want, ", ")+" in "+chat, func() bool { return slices.Equal(c.texts(chat), want) })
}

// The bot and all people who signed in through the app share its one socket, and each
// gets what it may see.
func TestFeed(t *testing.T) {
	for name, socket := range map[string]bool{"socket": true, "pushed": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, slackfake.Config{})
			settings := w.pushes() + w.signsIn()
			if socket {
				settings = w.socket() + w.signsIn()
			}
			s := w.publish(settings)
			dave := w.AddUser(slackfake.User{Name: "dave"})
			private := w.AddChannel(slackfake.Channel{Name: "private", Kind: slackfake.Private, Members: []string{w.carol, dave}})
			bot, stopBot := s.relay(t).started()
			carol, _ := newCore(t, s.conn, w.userLogin(w.carol)).started()
			bob, _ := newCore(t, s.conn, w.userLogin(w.bob)).started()
			if !socket {
				if err := w.Subscribe(t.Context(), w.app, s.public+eventsPath); err != nil {
					t.Fatal(err)
				}
			}
			w.Say(w.main, w.bob, "to all")
			w.Say(private, dave, "to carol")
			both := w.AddChannel(slackfake.Channel{Kind: slackfake.IM, Members: []string{w.bob, w.carol}})
			w.Say(both, w.bob, "to us two")
			group := w.AddChannel(slackfake.Channel{Kind: slackfake.MPIM, Members: []string{w.bob, w.carol, dave}})
			w.Say(group, dave, "to us three")
			w.Say(w.main, w.bob, "the end")
			for _, c := range []*core{bot, carol, bob} {
				c.said(w.main, "to all", "the end")
			}
			carol.said(private, "to carol")
			carol.said(both, "to us two")
			bob.said(both, "to us two")
			carol.said(group, "to us three")
			bob.said(group, "to us three")
			w.settled()
			for who, c := range map[string]*core{"the bot": bot, "bob": bob} {
				if got := c.texts(private); len(got) > 0 {
					t.Errorf("%s got %q from a channel it is not in", who, got)
				}
			}
			if got := append(bot.texts(both), bot.texts(group)...); len(got) > 0 {
				t.Errorf("the bot got %q, which people said to each other", got)
			}
			if got, want := w.Connections(w.app), map[bool]int{true: 1, false: 0}[socket]; got != want {
				t.Errorf("there are %d sockets, want %d", got, want)
			}
			w.Join(private, w.bob, w.carol)
			w.Say(private, dave, "welcome")
			bob.said(private, "welcome")
			stopBot()
			w.Say(w.main, w.bob, "without the bot")
			carol.said(w.main, "to all", "the end", "without the bot")
		})
	}
}

// A userHarness is a login by OAuth, whose events come through the app's socket.
type userHarness struct{ *harness }

func (h userHarness) Connector() (network.Connector, error) {
	return h.connector(h.socket()), nil
}

func (h userHarness) Traits() networktest.Traits {
	t := h.harness.Traits()
	t.Features = (&Client{cred: credentials{Kind: kindUser}}).features(&account{api: &api{}})
	return t
}

func (h userHarness) Acts() networktest.Acts {
	a := h.harness.Acts()
	a.OtherDevice = func(_ context.Context, chat network.ChatID, text string) (network.MessageID, error) {
		return network.MessageID(h.world.Say(string(chat), h.carol, escape(text))), nil
	}
	a.Revoke = func(context.Context) error {
		var c credentials
		if err := json.Unmarshal(h.login.Data, &c); err != nil {
			return err
		}
		h.world.Revoke(c.Token)
		return nil
	}
	return a
}

func newUserHarness(t *testing.T) networktest.Harness {
	h := newHarness(t, func(w *world) network.Login { return w.userLogin(w.carol) })
	h.person = false // not a browser's session
	return userHarness{h}
}

// What somebody says through the app's right to act for them is theirs, also for the
// bot, whose ID is on it.
func TestFeedSender(t *testing.T) {
	w := newWorld(t, slackfake.Config{})
	s := w.publish(w.socket() + w.signsIn())
	bot, _ := s.relay(t).started()
	carol := newCore(t, s.conn, w.userLogin(w.carol))
	ops, _ := carol.run()
	sent, err := ops.Send(t.Context(), network.Outgoing{Txn: "0123456789abcdef0123456789abcdef", Chat: network.ChatID(w.main), Content: network.Text("it is me")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ops.Edit(t.Context(), network.OutgoingEdit{Txn: "1123456789abcdef0123456789abcdef", Chat: network.ChatID(w.main), Target: network.Whole(sent.Parts[0][0]), Content: network.Text("still me")}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*core{bot, carol} {
		var by []network.UserID
		c.wait("the words and their edit", func() bool {
			by = by[:0]
			for _, ev := range c.events {
				if ev.Base().Chat.ID == network.ChatID(w.main) {
					by = append(by, ev.Base().Sender)
				}
			}
			return len(by) == 2
		})
		if want := network.UserID(w.carol); by[0] != want || by[1] != want {
			t.Errorf("the words and their edit are by %q, want %s", by, want)
		}
	}
}

// started runs a core's client, and returns the core.
func (c *core) started() (*core, func()) {
	_, stop := c.run()
	return c, stop
}

// A gate keeps a core from storing until it is opened.
type gate struct {
	*core
	open chan struct{}
}

func (g *gate) Deliver(ctx context.Context, b network.Batch) error {
	select {
	case <-g.open:
	case <-ctx.Done():
		return ctx.Err()
	}
	return g.core.Deliver(ctx, b)
}

// runWith runs a client that delivers to sink.
func (c *core) runWith(sink network.Sink) {
	c.t.Helper()
	ops := c.open()
	ctx, cancel := context.WithCancel(c.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- ops.Run(ctx, sink) }()
	c.t.Cleanup(func() {
		cancel()
		<-ended
	})
	c.wait("online", func() bool {
		n := len(c.states)
		return n > 0 && (c.states[n-1].Status == network.Online || c.states[n-1].Status == network.Limited)
	})
}

// An event is acknowledged when the last of those who see it has stored it.
func TestFeedAcknowledgesLast(t *testing.T) {
	w := newWorld(t, slackfake.Config{Redeliver: time.Hour})
	s := w.publish(w.socket() + w.signsIn())
	bot, _ := s.relay(t).started()
	carol := newCore(t, s.conn, w.userLogin(w.carol))
	slow := &gate{core: carol, open: make(chan struct{})}
	carol.runWith(slow)
	w.Say(w.main, w.bob, "hello")
	bot.said(w.main, "hello")
	if n := w.Pending(w.app); n != 1 {
		t.Errorf("%d events wait for an acknowledgement, want carol's", n)
	}
	close(slow.open)
	carol.said(w.main, "hello")
	w.settled()
}

// What could not be stored in time is not acknowledged; Slack pushes it again, and it
// arrives once.
func TestPushedAgain(t *testing.T) {
	retries := make([]time.Duration, 10000)
	for i := range retries {
		retries[i] = 20 * time.Millisecond
	}
	w := newWorld(t, slackfake.Config{Retries: retries})
	s := w.publish(w.pushes())
	s.conn.tune.push = 200 * time.Millisecond
	bot := s.relay(t)
	slow := &gate{core: bot, open: make(chan struct{})}
	bot.runWith(slow)
	if err := w.Subscribe(t.Context(), w.app, s.public+eventsPath); err != nil {
		t.Fatal(err)
	}
	w.Say(w.main, w.bob, "hello")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	again := func() bool { _, attempts := s.seen(); return slices.Contains(attempts, "1") }
	if err := w.Wait(ctx, again); err != nil {
		t.Fatal(err)
	}
	close(slow.open)
	w.settled()
	bot.said(w.main, "hello")
	answers, _ := s.seen()
	if answers[1] != http.StatusServiceUnavailable || answers[len(answers)-1] != http.StatusOK {
		t.Errorf("the answers are %v", answers)
	}
}

func TestPushedRefused(t *testing.T) {
	w := newWorld(t, slackfake.Config{})
	s := w.publish(w.pushes())
	post := func(body, secret string, age time.Duration) (int, http.Header) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.public+eventsPath, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		at := itoa(int(time.Now().Add(-age).Unix()))
		r.Header.Set("X-Slack-Request-Timestamp", at)
		r.Header.Set("X-Slack-Signature", slackfake.Sign(secret, at, []byte(body)))
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode, resp.Header
	}
	event := func(team string) string {
		return `{"type":"event_callback","team_id":"` + team + `","event_id":"Ev1","event":{"type":"message","channel":"` + w.main +
			`","user":"` + w.bob + `","text":"forged","ts":"1700000000.000100","event_ts":"1700000000.000100"}}`
	}
	good := "signing-" + w.app
	if status, _ := post(event(w.bot.Team), good, 0); status != http.StatusServiceUnavailable {
		t.Errorf("while nobody is connected the answer is %d", status)
	}
	bot, _ := s.relay(t).started()
	for name, c := range map[string]struct {
		body, secret string
		age          time.Duration
		status       int
	}{
		"wrong secret":  {event(w.bot.Team), "guess", 0, http.StatusUnauthorized},
		"old":           {event(w.bot.Team), good, 6 * time.Minute, http.StatusUnauthorized},
		"of the future": {event(w.bot.Team), good, -time.Hour, http.StatusUnauthorized},
		"too large":     {strings.Repeat(" ", maxPush+1), good, 0, http.StatusRequestEntityTooLarge},
		"no event":      {"[", good, 0, http.StatusBadRequest},
		"limited":       {`{"type":"app_rate_limited"}`, good, 0, http.StatusOK},
	} {
		if status, _ := post(c.body, c.secret, c.age); status != c.status {
			t.Errorf("%s: the answer is %d, want %d", name, status, c.status)
		}
	}
	status, header := post(event("T0OTHER"), good, 0)
	if status != http.StatusForbidden || header.Get("X-Slack-No-Retry") != "1" {
		t.Errorf("another workspace's event is answered with %d %v", status, header)
	}
	if status, _ := post(event(w.bot.Team), good, 4*time.Minute); status != http.StatusOK {
		t.Errorf("a good event is answered with %d", status)
	}
	bot.said(w.main, "forged")
}

// What concerns somebody who is not connected for a moment is not acknowledged for them.
func TestFeedAway(t *testing.T) {
	w := newWorld(t, slackfake.Config{Redeliver: 50 * time.Millisecond, Retries: slices.Repeat([]time.Duration{time.Millisecond}, 1<<20)})
	s := w.publish(w.socket() + w.signsIn())
	s.conn.tune.settle = time.Hour
	bot, _ := s.relay(t).started()
	carol, stop := newCore(t, s.conn, w.userLogin(w.carol)).started()
	both := w.AddChannel(slackfake.Channel{Kind: slackfake.IM, Members: []string{w.bob, w.carol}})
	ts := w.Say(both, w.bob, "first")
	carol.said(both, "first")
	stop()
	w.EditWith(both, ts, typed("second"))
	w.Say(w.main, w.bob, "later")
	bot.said(w.main, "later")
	carol.started()
	carol.wait("the edit", func() bool {
		return slices.ContainsFunc(carol.events, func(ev network.Event) bool { _, ok := ev.(*network.Edit); return ok })
	})
	w.settled()
}

// Who takes the app's right away is heard at once, and nobody else's login ends.
func TestFeedRevoked(t *testing.T) {
	w := newWorld(t, slackfake.Config{})
	s := w.publish(w.socket() + w.signsIn())
	bot, _ := s.relay(t).started()
	l := w.userLogin(w.carol)
	carol, _ := newCore(t, s.conn, l).started()
	var c credentials
	if err := json.Unmarshal(l.Data, &c); err != nil {
		t.Fatal(err)
	}
	w.Revoke(c.Token)
	carol.wait("the end of carol's login", func() bool { return carol.states[len(carol.states)-1].Status == network.Dead })
	w.Say(w.main, w.bob, "still here")
	bot.said(w.main, "still here")
	w.settled()
}

// Without the app's socket a person's login waits; it is not signed out.
func TestFeedSocketOff(t *testing.T) {
	w := newWorld(t, slackfake.Config{})
	s := w.publish(w.socket() + w.signsIn())
	carol, _ := newCore(t, s.conn, w.userLogin(w.carol)).started()
	w.Refuse(w.appToken, "token_revoked")
	carol.wait("the end of the connection", func() bool { return carol.states[len(carol.states)-1].Status == network.Offline })
}
