package slackfake_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"
	"go.uber.org/goleak"

	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// patience is how long a test waits for what has to come.
const patience = 2 * time.Minute

// A rig is a server with an app, two people and a channel of all.
type rig struct {
	*slackfake.Server
	t        *testing.T
	ctx      context.Context
	app      string
	bot      slackfake.Bot
	alice    string
	bob      string
	general  string
	appToken string
	api      *slack.Client
}

func newRig(t *testing.T, cfg slackfake.Config) *rig {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { nothingLeft(t, before) })
	if cfg.Redeliver == 0 {
		cfg.Redeliver = time.Hour // nothing comes twice because the machine is slow
	}
	s, err := slackfake.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	r := &rig{Server: s, t: t, ctx: ctx}
	t.Cleanup(func() {
		cancel()
		s.Close()
		if u := s.Unknown(); len(u) > 0 {
			t.Errorf("the fake does not know %v", u)
		}
	})
	r.app = s.AddApp(slackfake.App{Name: "Causeway"})
	r.bot = s.Install(r.app, "")
	r.appToken = s.AppToken(r.app)
	r.alice = s.AddUser(slackfake.User{Name: "alice", RealName: "Alice Adams", Email: "alice@example.org"})
	r.bob = s.AddUser(slackfake.User{Name: "bob"})
	r.general = s.AddChannel(slackfake.Channel{Name: "general", General: true, Members: []string{r.alice, r.bob, r.bot.User}})
	r.api = r.client(r.bot.Token)
	return r
}

// nothingLeft waits until no goroutine is left but those that were there before.
func nothingLeft(t *testing.T, before goleak.Option) {
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	end := time.Now().Add(patience)
	err := goleak.Find(before)
	for err != nil && time.Now().Before(end) {
		err = goleak.Find(before)
	}
	if err != nil {
		t.Error(err)
	}
}

// A clock is set by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Unix(1700000000, 0)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (r *rig) client(token string) *slack.Client {
	return slack.New(token, slack.OptionAPIURL(r.APIURL()), slack.OptionAppLevelToken(r.appToken))
}

// ok ends the test on an error.
func (r *rig) ok(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// fails wants an error of Slack's.
func (r *rig) fails(err error, code string) {
	r.t.Helper()
	if err == nil || err.Error() != code {
		r.t.Fatalf("got %v, want %s", err, code)
	}
}

// A listener is a client of Socket Mode.
type listener struct {
	r      *rig
	client *socketmode.Client
	events chan slackevents.EventsAPIEvent
	hello  chan struct{}
	hold   chan bool // whether not to acknowledge
	done   chan struct{}
	cancel context.CancelFunc
}

func (r *rig) listen() *listener {
	ctx, cancel := context.WithCancel(r.ctx)
	l := &listener{
		r: r, client: socketmode.New(r.api), events: make(chan slackevents.EventsAPIEvent, 1000), hello: make(chan struct{}, 100),
		hold: make(chan bool), done: make(chan struct{}), cancel: cancel,
	}
	go func() {
		defer close(l.done)
		_ = l.client.RunContext(ctx) // ends with ctx
	}()
	go l.serve(ctx)
	r.t.Cleanup(l.stop)
	l.connected()
	return l
}

func (l *listener) stop() {
	l.cancel()
	<-l.done
}

func (l *listener) serve(ctx context.Context) {
	hold := false
	for {
		select {
		case <-ctx.Done():
			return
		case hold = <-l.hold:
		case ev := <-l.client.Events:
			switch ev.Type {
			case socketmode.EventTypeHello:
				l.hello <- struct{}{}
			case socketmode.EventTypeEventsAPI:
				if !hold {
					_ = l.client.Ack(*ev.Request) // a lost one comes again
				}
				l.events <- ev.Data.(slackevents.EventsAPIEvent)
			}
		}
	}
}

func (l *listener) connected() {
	l.r.t.Helper()
	select {
	case <-l.hello:
	case <-l.r.ctx.Done():
		l.r.t.Fatal("no hello")
	}
}

// next is the next event of type T.
func next[T any](l *listener) T {
	l.r.t.Helper()
	for {
		select {
		case ev := <-l.events:
			if one, ok := ev.InnerEvent.Data.(T); ok {
				return one
			}
		case <-l.r.ctx.Done():
			var want T
			l.r.t.Fatalf("no %T", want)
		}
	}
}

// cookied adds a session's cookie to requests.
type cookied struct{ value string }

func (c cookied) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.AddCookie(&http.Cookie{Name: "d", Value: c.value})
	return http.DefaultTransport.RoundTrip(r)
}

// session is the client of a browser's token.
func (r *rig) session(token, cookie string) *slack.Client {
	return slack.New(token, slack.OptionAPIURL(r.APIURL()), slack.OptionHTTPClient(&http.Client{Transport: cookied{cookie}}))
}

// call calls a method with JSON.
func (r *rig) call(method string, args map[string]any) map[string]any {
	r.t.Helper()
	body, err := json.Marshal(args)
	r.ok(err)
	req, err := http.NewRequestWithContext(r.ctx, http.MethodPost, r.APIURL()+method, bytes.NewReader(body))
	r.ok(err)
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("Authorization", "Bearer "+r.bot.Token)
	res, err := http.DefaultClient.Do(req)
	r.ok(err)
	out := map[string]any{}
	r.ok(json.NewDecoder(res.Body).Decode(&out))
	r.ok(res.Body.Close())
	return out
}
