package irc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/irc/ircfake"
	"go.yaml.in/yaml/v3"
)

// patience is how long a test waits for one thing.
const patience = 2 * time.Minute

// quick are times for tests on real sockets: short where something happens after
// them, long where only a failure does.
func quick() tuning {
	return tuning{
		tick: 10 * time.Millisecond, damp: 30 * time.Millisecond, split: 300 * time.Millisecond, regain: 50 * time.Millisecond,
		rejoin: 50 * time.Millisecond, patience: time.Minute, answer: time.Minute, gap: 0,
		goodbye: 10 * time.Second, identify: 50 * time.Millisecond,
	}
}

func decodeYAML(text string) func(any) error {
	return func(into any) error {
		dec := yaml.NewDecoder(strings.NewReader(text))
		dec.KnownFields(true)
		return dec.Decode(into)
	}
}

func startFake(t *testing.T, cfg ircfake.Config) *ircfake.Server {
	t.Helper()
	s, err := ircfake.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func aliceLogin(password string) network.Login {
	data, err := json.Marshal(loginData{Nick: "alice", Account: "alice", Password: password})
	if err != nil {
		panic(err)
	}
	return network.Login{ID: "alice", User: "alice", Name: "alice on Test", Data: data}
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
	pages   map[string]network.Page
	public  bool
	events  []network.Event
	states  []network.LoginState
}

func newCore(t *testing.T, s *ircfake.Server, extra string, login *network.Login) *core {
	t.Helper()
	text := fmt.Sprintf("server: %s\ntls: false\nflood: {lines: 100000, burst: 1000}\n%s", s.Addr(), extra)
	if !strings.Contains(extra, "nick:") && !strings.Contains(extra, "relay:") {
		text += "\nnick: relay\n"
	}
	conn, err := New(network.Options{ID: "irc.test", Decode: decodeYAML(text)})
	if err != nil {
		t.Fatal(err)
	}
	c := &core{t: t, conn: conn.(*Connector), changed: make(chan struct{}), values: map[string][]byte{}, cursors: map[string][]byte{}, pages: map[string]network.Page{}}
	c.conn.now = quick()
	if login == nil {
		login = conn.Info().Relay
	}
	c.login = *login
	return c
}

func (c *core) notify() {
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *core) Deliver(_ context.Context, b network.Batch) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ev := range b.Events {
		data, err := network.MarshalEvent(ev)
		if err != nil {
			return err
		}
		back, err := network.UnmarshalEvent(data)
		if err != nil {
			return err
		}
		c.events = append(c.events, back)
	}
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

func (c *core) Get(_ context.Context, key string) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.values[key]), nil
}

func (c *core) Set(_ context.Context, key string, value []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.values[key] = slices.Clone(value)
	return nil
}

func (c *core) Delete(_ context.Context, key string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.values, key)
	return nil
}

func (c *core) host() network.Host {
	return network.Host{
		Log: slog.New(slog.DiscardHandler), KV: c,
		Cursor: func(_ context.Context, name string) ([]byte, error) {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.cursors[name], nil
		},
		Chats: func(context.Context) ([]network.ChatKey, error) {
			c.mu.Lock()
			defer c.mu.Unlock()
			return slices.Clone(c.chats), nil
		},
		Publish: func(_ context.Context, key string, p network.Page) (string, time.Time, error) {
			c.mu.Lock()
			defer c.mu.Unlock()
			if !c.public {
				return "", time.Time{}, network.ErrNotPublic
			}
			c.pages[key] = p
			return "https://cw.example/" + key, time.Now().Add(time.Hour), nil
		},
	}
}

// A running is a client that runs.
type running struct {
	*core
	client *Client
	ops    network.Ops
	cancel context.CancelFunc
	done   chan error
}

// start opens and runs a client, without waiting.
func (c *core) start() *running {
	c.t.Helper()
	client, err := c.conn.Open(c.t.Context(), c.host(), c.login)
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(c.t.Context())
	r := &running{core: c, client: bare(client), ops: network.Resolve(client), cancel: cancel, done: make(chan error, 1)}
	c.mu.Lock()
	c.states = nil
	c.mu.Unlock()
	go func() { r.done <- r.ops.Run(ctx, c) }()
	c.t.Cleanup(func() { cancel() })
	return r
}

// bare is the client inside of what Open returns.
func bare(c network.Client) *Client {
	switch c := c.(type) {
	case *Client:
		return c
	case reacting:
		return c.Client
	case keeping:
		return c.Client
	case removing:
		return c.Client
	}
	return nil
}

// online starts a client and waits until it is online and in the channels.
func (c *core) online(channels ...string) *running {
	c.t.Helper()
	r := c.start()
	r.until("online", func() bool {
		n := len(c.states)
		return n > 0 && (c.states[n-1].Status == network.Online || c.states[n-1].Status == network.Limited)
	})
	for _, ch := range channels {
		if _, err := r.ops.Join(c.t.Context(), ch); err != nil {
			c.t.Fatalf("join %s: %v", ch, err)
		}
	}
	return r
}

// stop cancels and waits.
func (r *running) stop() {
	r.t.Helper()
	r.cancel()
	if err := r.ended(); !errors.Is(err, context.Canceled) {
		r.t.Errorf("Run returned %v, want one that wraps context.Canceled", err)
	}
}

// ended waits for the end of Run.
func (r *running) ended() error {
	r.t.Helper()
	select {
	case err := <-r.done:
		r.done <- err
		return err
	case <-time.After(patience):
		r.t.Fatal("Run does not return")
		return nil
	}
}

// until waits until cond, which is called with mu held.
func (c *core) until(what string, cond func() bool) {
	c.t.Helper()
	deadline := time.After(patience)
	for {
		c.mu.Lock()
		ok, changed := cond(), c.changed
		c.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			c.mu.Lock()
			defer c.mu.Unlock()
			c.t.Fatalf("waited in vain for %s; states %+v, events %s", what, c.states, describe(c.events))
		}
	}
}

func describe(events []network.Event) string {
	var w strings.Builder
	for _, ev := range events {
		data, _ := network.MarshalEvent(ev)
		w.Write(data)
		w.WriteByte('\n')
	}
	return w.String()
}

// event waits for an event of type E that ok accepts.
func event[E network.Event](c *core, what string, ok func(E) bool) E {
	c.t.Helper()
	var found E
	c.until(what, func() bool {
		for _, ev := range c.events {
			if e, is := ev.(E); is && ok(e) {
				found = e
				return true
			}
		}
		return false
	})
	return found
}

// message waits for a message with this text.
func (c *core) message(text string) *network.Message {
	c.t.Helper()
	return event(c, "message "+text, func(m *network.Message) bool { return m.Parts[0].Text.String() == text })
}

// notice waits for a service notice that contains text.
func (c *core) notice(text string) *network.ServiceNotice {
	c.t.Helper()
	return event(c, "notice "+text, func(n *network.ServiceNotice) bool {
		return strings.Contains(n.Parts[0].Text.String(), text)
	})
}

// count counts events of type E that ok accepts.
func count[E network.Event](c *core, ok func(E) bool) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, ev := range c.events {
		if e, is := ev.(E); is && ok(e) {
			n++
		}
	}
	return n
}

func (c *core) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = nil
}

// txn is a transaction ID.
func txn(n int) network.TxnID { return network.TxnID(fmt.Sprintf("%032x", n)) }

// send sends a content to a chat.
func (r *running) send(chat network.ChatID, content network.Content) (network.Sent, error) {
	r.mu.Lock()
	r.values["n"] = append(r.values["n"], 0)
	n := len(r.values["n"])
	r.mu.Unlock()
	return r.ops.Send(r.t.Context(), network.Outgoing{Txn: txn(n), Chat: chat, Content: content})
}

// must sends a content that must be taken.
func (r *running) must(chat network.ChatID, content network.Content) network.Sent {
	r.t.Helper()
	sent, err := r.send(chat, content)
	if err != nil {
		r.t.Fatal(err)
	}
	return sent
}

// wantTexts checks what a nick said.
func wantTexts(t *testing.T, s *ircfake.Server, target, nick string, want ...string) {
	t.Helper()
	if got := s.Texts(target, nick); !slices.Equal(got, want) {
		t.Errorf("%s said to %s:\n%q\nwant\n%q", nick, target, got, want)
	}
}

// wantKind checks an error's kind and that it has words.
func wantKind(t *testing.T, err error, kind network.Kind, words string) {
	t.Helper()
	if err == nil || network.KindOf(err) != kind || !strings.Contains(network.UserText(err), words) {
		t.Errorf("got error %v (kind %s, words %q), want kind %s and words with %q", err, network.KindOf(err), network.UserText(err), kind, words)
	}
}
