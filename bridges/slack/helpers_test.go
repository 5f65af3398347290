package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
	"go.yaml.in/yaml/v3"
)

// patience is how long a test waits for one thing.
const patience = 90 * time.Second

// quick are times for tests on real sockets.
func quick() tuning {
	t := usual()
	t.pace, t.alive, t.shared, t.watch, t.looks = 0, 50*time.Millisecond, patience, time.Millisecond, 0
	return t
}

func decodeYAML(text string) func(any) error {
	return func(into any) error {
		dec := yaml.NewDecoder(strings.NewReader(text))
		dec.KnownFields(true)
		return dec.Decode(into)
	}
}

// A world is a fake Slack with our app, and people who share channels with it.
type world struct {
	*slackfake.Server
	t             *testing.T
	app, appToken string
	bot           slackfake.Bot
	bob, carol    string // bob speaks; carol has an account of ours
	main, second  string
}

func newWorld(t *testing.T, cfg slackfake.Config) *world {
	t.Helper()
	s, err := slackfake.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	w := &world{Server: s, t: t, app: s.AddApp(slackfake.App{Name: "Causeway"})}
	w.bot, w.appToken = s.Install(w.app, ""), s.AppToken(w.app)
	w.bob = s.AddUser(slackfake.User{Name: "bob", RealName: "Bob Builder"})
	w.carol = s.AddUser(slackfake.User{Name: "carol", RealName: "Carol"})
	w.main = s.AddChannel(slackfake.Channel{Name: "main", Members: []string{w.bob, w.carol, w.bot.User}})
	w.second = s.AddChannel(slackfake.Channel{Name: "second", Kind: slackfake.Private, Members: []string{w.bob, w.carol, w.bot.User}})
	return w
}

// appLogin is the app as a login.
func (w *world) appLogin() network.Login {
	return w.login(credentials{Kind: kindApp, Token: w.bot.Token, App: w.appToken}, w.bot.User)
}

// personLogin is carol's session.
func (w *world) personLogin() network.Login {
	token, cookie := w.Session(w.carol)
	return w.login(credentials{Kind: kindPerson, Token: token, Cookie: cookie}, w.carol)
}

func (w *world) login(c credentials, user string) network.Login {
	data, err := json.Marshal(c)
	if err != nil {
		w.t.Fatal(err)
	}
	return network.Login{ID: network.LoginID(w.bot.Team + "-" + user), User: network.UserID(user), Name: "test", Data: data}
}

// connector is a connector for the fake.
func (w *world) connector(extra string) *Connector {
	w.t.Helper()
	return connectorAt(w.t, w.APIURL(), extra)
}

// connectorAt is a connector for what answers at an address.
func connectorAt(t *testing.T, api, extra string) *Connector {
	t.Helper()
	conn, err := New(network.Options{ID: "slack.test", Decode: decodeYAML(fmt.Sprintf("api: %s\n%s", api, extra))})
	if err != nil {
		t.Fatal(err)
	}
	c := conn.(*Connector)
	c.tune = quick()
	return c
}

// A core is what the core keeps and does for one login.
type core struct {
	t     *testing.T
	conn  *Connector
	login network.Login

	mu      sync.Mutex
	changed chan struct{}
	values  map[string][]byte
	cursors map[string][]byte
	chats   []network.ChatKey
	events  []network.Event
	states  []network.LoginState
}

var _ network.KV = (*core)(nil)

func newCore(t *testing.T, conn *Connector, l network.Login) *core {
	return &core{t: t, conn: conn, login: l, changed: make(chan struct{}), values: map[string][]byte{}, cursors: map[string][]byte{}}
}

func (c *core) Get(_ context.Context, key string) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.values[key], nil
}

func (c *core) Set(_ context.Context, key string, value []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.values[key] = value
	return nil
}

func (c *core) Delete(_ context.Context, key string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.values, key)
	return nil
}

// kept are the values that are stored.
func (c *core) kept() map[string][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.values)
}

func (c *core) Deliver(_ context.Context, b network.Batch) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, b.Events...)
	for k, v := range b.Cursor {
		c.cursors[k] = v
	}
	c.notify()
	return nil
}

func (c *core) State(s network.LoginState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.states = append(c.states, s)
	c.notify()
}

func (c *core) notify() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// open makes a client.
func (c *core) open() network.Ops {
	c.t.Helper()
	client, err := c.conn.Open(c.t.Context(), network.Host{
		Log: slog.New(slog.DiscardHandler), KV: c,
		Cursor: func(_ context.Context, name string) ([]byte, error) {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.cursors[name], nil
		},
		Chats: func(context.Context) ([]network.ChatKey, error) { return c.chats, nil },
	}, c.login)
	if err != nil {
		c.t.Fatal(err)
	}
	return network.Resolve(client)
}

// run runs a client until the test or stop ends it, and waits until it is online.
func (c *core) run() (ops network.Ops, stop func()) {
	c.t.Helper()
	ops = c.open()
	ctx, cancel := context.WithCancel(c.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- ops.Run(ctx, c) }()
	done := false
	stop = func() {
		if !done {
			done = true
			cancel()
			<-ended
		}
	}
	c.t.Cleanup(stop)
	c.wait("online", func() bool {
		n := len(c.states)
		return n > 0 && (c.states[n-1].Status == network.Online || c.states[n-1].Status == network.Limited)
	})
	return ops, stop
}

// wait waits until cond, which is called with mu held, is true.
func (c *core) wait(what string, cond func() bool) {
	c.t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		c.mu.Lock()
		ok, changed := cond(), c.changed
		c.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-timer.C:
			c.t.Fatalf("waited in vain for %s; got %s; states %+v", what, c.summary(), c.states)
		}
	}
}

// summary is what was delivered.
func (c *core) summary() string {
	var words []string
	for _, ev := range c.events {
		word := network.EventKind(ev)
		if m, ok := ev.(*network.Message); ok {
			word += fmt.Sprintf(" %q", textOf(m.Content))
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

// textOf is the text of a content, with "\n" between parts.
func textOf(c network.Content) string {
	var texts []string
	for _, p := range c.Parts {
		texts = append(texts, p.Text.String())
	}
	return strings.Join(texts, "\n")
}

// texts are the texts of the messages that were delivered from a chat, each key once.
func (c *core) texts(chat string) []string {
	var out []string
	seen := map[string]bool{}
	for _, ev := range c.events {
		if m, ok := ev.(*network.Message); ok && string(m.Chat.ID) == chat && !seen[m.Key] {
			seen[m.Key] = true
			out = append(out, textOf(m.Content))
		}
	}
	return out
}
