//go:build goolm

package crypt

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

const (
	bot   = id.UserID("@_cw_bot:test")
	ghost = id.UserID("@_cw_anna:test")
)

// memory is what is kept beside the database: facts and secrets.
type memory struct {
	mu     sync.Mutex
	values map[string]string
}

func (m *memory) get(key string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.values[key]
}

func (m *memory) set(key, value string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.values[key] = value
}

func (m *memory) Fact(_ context.Context, key string) (string, error) { return m.get(key), nil }

func (m *memory) SetFact(_ context.Context, key, value string) error { m.set(key, value); return nil }

func (m *memory) Learn(_ context.Context, key, value string) error { m.set(key, value); return nil }

func (m *memory) Secret(_ context.Context, name string) ([]byte, error) {
	if v := m.get("secret " + name); v != "" {
		return []byte(v), nil
	}
	return nil, nil
}

func (m *memory) SetSecret(_ context.Context, name string, value []byte) error {
	m.set("secret "+name, string(value))
	return nil
}

// A world is a homeserver with the bridge, which can be stopped and started again.
type world struct {
	testing.TB
	ctx    context.Context
	hs     *matrixtest.Server
	source string // of the database
	memory *memory
	keys   chan session // what OnKey was called with
	asked  atomic.Int64 // requests of /sync of the bridge that were answered or are under way
	polls  atomic.Int64 // answers of /sync that the bridge got
	wire   wire         // what the bridge sent to devices
	ghosts int          // how many ghosts have come, see ghostComes

	*bridge // nil while stopped
}

// A bridge is one process.
type bridge struct {
	*Crypt
	h      *matrix.Homeserver
	cancel context.CancelFunc
	ended  chan struct{} // closed when all is
	done   chan struct{} // closed when Run is
	err    error         // what Run ended with, once done
}

func newWorld(t testing.TB, o matrixtest.Options, msc4190 bool) *world {
	t.Helper()
	o.Fail = t.Fatalf
	w := &world{
		TB: t, hs: matrixtest.New(o), source: "sqlite:" + filepath.Join(t.TempDir(), "crypto.db"),
		memory: &memory{values: map[string]string{}}, keys: make(chan session, 1000),
	}
	t.Cleanup(w.hs.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	w.ctx = ctx
	w.check(w.hs.Register(matrixtest.Registration{
		ID: "causeway", ASToken: "as", HSToken: "hs", SenderLocalpart: "_cw_sender", MSC4190: msc4190,
		Users: []matrixtest.Namespace{{Exclusive: true, Regex: "@_cw_.*:test"}},
	}))
	t.Cleanup(func() { w.wire.check(t) })
	t.Cleanup(w.stop)
	return w
}

// A counting transport counts answers of /sync, and notes what goes to devices.
type counting struct {
	http.RoundTripper
	asked, polls *atomic.Int64
	wire         *wire
}

func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.URL.Path, "/sendToDevice/m.room.encrypted/") {
		c.wire.note(r)
	}
	if !strings.HasSuffix(r.URL.Path, "/sync") {
		return c.RoundTripper.RoundTrip(r)
	}
	c.asked.Add(1)
	resp, err := c.RoundTripper.RoundTrip(r)
	if err == nil {
		c.polls.Add(1)
	} else {
		c.asked.Add(-1)
	}
	return resp, err
}

// each runs a test on each kind of database.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	for name, source := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, matrixtest.Options{}, true)
			w.source = source(t)
			w.start()
			test(t, w)
		})
	}
}

func (w *world) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// open makes a Crypt that does not run.
func (w *world) open() *bridge {
	w.Helper()
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("CAUSEWAY_TEST_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	db, err := OpenDB(w.ctx, w.source)
	w.check(err)
	h, err := matrix.New(matrix.Options{
		URL: "http://hs.invalid", Domain: "test", ID: "causeway", ASToken: "as", HSToken: "hs", Bot: "_cw_bot", Prefix: "_cw_",
		Secret: []byte("secret"), State: w.memory, Transport: counting{w.hs.Transport(), &w.asked, &w.polls, &w.wire}, Log: log,
	})
	w.check(err)
	c, err := New(Options{
		Homeserver: h, DB: db, Secrets: w.memory, Log: log,
		OnKey: func(room id.RoomID, s id.SessionID) { w.keys <- session{room, s} },
	})
	w.check(err)
	return &bridge{Crypt: c, h: h, ended: make(chan struct{}), done: make(chan struct{})}
}

// start runs the bridge, and returns when its device is there and signed.
func (w *world) start() {
	w.Helper()
	w.run()
	w.until("the device is ready", func() bool {
		s := w.Status(w.ctx)
		return s.Ready && s.Signed
	})
}

// run is start without waiting.
func (w *world) run() {
	w.Helper()
	b := w.open()
	ctx, cancel := context.WithCancel(w.ctx)
	b.cancel = cancel
	var group sync.WaitGroup
	group.Go(func() { _ = b.h.Run(ctx) })
	group.Go(func() { b.err = b.Run(ctx); close(b.done) })
	go func() { group.Wait(); close(b.ended) }()
	w.bridge = b
}

// stop ends the bridge at once.
func (w *world) stop() {
	w.Helper()
	if w.bridge == nil {
		return
	}
	w.cancel()
	<-w.ended
	if err := w.bridge.o.DB.Close(); err != nil {
		w.Error(err)
	}
	w.bridge = nil
}

// until waits for a condition.
func (w *world) until(what string, cond func() bool) {
	w.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-w.ctx.Done():
			w.Fatalf("waited for %s; status %+v", what, w.Status(context.WithoutCancel(w.ctx)))
		}
	}
}

// ghostRoom makes an encrypted room of the bot with the ghost and people in it.
func (w *world) ghostRoom(settings map[string]any, people ...*person) id.RoomID {
	w.Helper()
	all := map[string]any{"algorithm": "m.megolm.v1.aes-sha2"}
	for k, v := range settings {
		all[k] = v
	}
	var invite []string
	for _, p := range people {
		invite = append(invite, p.ID)
	}
	w.check(w.h.EnsureGhost(w.ctx, ghost))
	cli, err := w.h.Client(bot)
	w.check(err)
	var out mautrix.RespCreateRoom
	_, err = cli.MakeFullRequest(w.ctx, mautrix.FullRequest{
		Method: http.MethodPost, URL: cli.BuildClientURL("v3", "createRoom"), ResponseJSON: &out,
		RequestJSON: map[string]any{
			"preset": "public_chat", "invite": invite,
			"initial_state": []map[string]any{{"type": "m.room.encryption", "state_key": "", "content": all}},
		},
	})
	w.check(err)
	g, err := w.h.Client(ghost)
	w.check(err)
	_, err = g.JoinRoomByID(w.ctx, out.RoomID)
	w.check(err)
	for _, p := range people {
		p.Join(string(out.RoomID))
		p.sync()
	}
	w.bridge.forgetNow(w, out.RoomID)
	return out.RoomID
}

// forgetNow stands for the member events that came by transaction.
func (b *bridge) forgetNow(w *world, at id.RoomID) {
	w.Helper()
	w.check(b.Changed(w.ctx, at))
}

// say has the ghost say something, and returns the event.
func (w *world) say(at id.RoomID, content map[string]any) json.RawMessage {
	w.Helper()
	enc, err := w.Encrypt(w.ctx, at, event.EventMessage, content)
	w.check(err)
	return w.send(at, enc)
}

func (w *world) send(at id.RoomID, content any) json.RawMessage {
	w.Helper()
	eventID, err := w.h.Send(w.ctx, matrix.Event{Room: at, As: ghost, Type: event.EventEncrypted, Content: content, Key: []byte(time.Now().String())})
	w.check(err)
	return w.event(at, eventID)
}

// event reads an event as the homeserver has it.
func (w *world) event(at id.RoomID, eventID id.EventID) json.RawMessage {
	w.Helper()
	cli, err := w.h.Client(bot)
	w.check(err)
	var raw json.RawMessage
	_, err = cli.MakeFullRequest(w.ctx, mautrix.FullRequest{
		Method: http.MethodGet, URL: cli.BuildClientURL("v3", "rooms", at, "event", eventID), ResponseJSON: &raw,
	})
	w.check(err)
	return raw
}

// key waits until the key of an event is there.
func (w *world) key(raw json.RawMessage) {
	w.Helper()
	w.until("the key", func() bool {
		has, err := w.HasKey(w.ctx, roomOf(raw), sessionOf(raw))
		w.check(err)
		return has
	})
}

// told waits until OnKey was called for an event's session.
func (w *world) told(raw json.RawMessage) {
	w.Helper()
	want := session{roomOf(raw), sessionOf(raw)}
	for {
		select {
		case s := <-w.keys:
			if s == want {
				return
			}
		case <-w.ctx.Done():
			w.Fatalf("the key of %v did not come", want)
		}
	}
}

func roomOf(raw json.RawMessage) id.RoomID { return id.RoomID(field(raw, "room_id")) }

func sessionOf(raw json.RawMessage) id.SessionID {
	var evt struct {
		Content json.RawMessage `json:"content"`
	}
	_ = json.Unmarshal(raw, &evt)
	return id.SessionID(field(evt.Content, "session_id"))
}

func field(raw json.RawMessage, name string) (s string) {
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(raw, &fields)
	_ = json.Unmarshal(fields[name], &s)
	return s
}

// body decrypts an event and returns its text.
func (w *world) body(raw json.RawMessage) string {
	w.Helper()
	d, err := w.Decrypt(w.ctx, raw)
	w.check(err)
	var evt struct {
		Type    string `json:"type"`
		Content struct {
			Body string `json:"body"`
		} `json:"content"`
	}
	w.check(json.Unmarshal(d.Event, &evt))
	if evt.Type != "m.room.message" {
		w.Errorf("decrypted to %s", evt.Type)
	}
	return evt.Content.Body
}

// noKey decrypts an event whose key is not there.
func (w *world) noKey(raw json.RawMessage) *NoKey {
	w.Helper()
	_, err := w.Decrypt(w.ctx, raw)
	var nk *NoKey
	if !errors.As(err, &nk) {
		w.Fatalf("decrypt without a key: %v", err)
	}
	return nk
}

// A person has a client with encryption of its own.
type person struct {
	*matrixtest.User
	w      *world
	client *mautrix.Client
	mach   *crypto.OlmMachine
	state  *mautrix.MemoryStateStore
	since  string
}

// person makes somebody, or a further device of somebody.
func (w *world) person(name string, device ...*matrixtest.User) *person {
	w.Helper()
	p := &person{w: w}
	if len(device) == 0 {
		p.User = w.hs.CreateUser(name, "")
	} else {
		p.User = device[0]
	}
	cli, err := mautrix.NewClient("http://hs.invalid", id.UserID(p.ID), p.Token)
	w.check(err)
	cli.Client = &http.Client{Transport: w.hs.Transport()}
	cli.DefaultHTTPRetries = 0
	who, err := cli.Whoami(w.ctx)
	w.check(err)
	cli.DeviceID = who.DeviceID
	p.client, p.state = cli, mautrix.NewMemoryStateStore().(*mautrix.MemoryStateStore)
	p.mach = crypto.NewOlmMachine(cli, nil, crypto.NewMemoryStore(nil), p.state)
	w.check(p.mach.Load(w.ctx))
	w.check(p.mach.ShareKeys(w.ctx, 0))
	p.sync()
	return p
}

// sync reads what is new.
func (p *person) sync() {
	p.w.Helper()
	resp, err := p.client.SyncRequest(p.w.ctx, 0, p.since, "", false, "")
	p.w.check(err)
	for at, r := range resp.Rooms.Join {
		for _, evt := range slices.Concat(r.State.Events, r.Timeline.Events) {
			evt.RoomID = at
			evt.Type.Class = event.StateEventType
			if evt.StateKey != nil && evt.Content.ParseRaw(evt.Type) == nil {
				mautrix.UpdateStateStore(p.w.ctx, p.state, evt)
				p.mach.HandleMemberEvent(p.w.ctx, evt)
			}
		}
	}
	p.mach.ProcessSyncResponse(p.w.ctx, resp, p.since)
	p.since = resp.NextBatch
}

// share gives the key of the session that will be used to everybody.
func (p *person) share(at id.RoomID) {
	p.w.Helper()
	p.w.check(p.tryShare(at))
}

func (p *person) tryShare(at id.RoomID) error {
	members, err := p.state.GetRoomJoinedOrInvitedMembers(p.w.ctx, at)
	p.w.check(err)
	return p.mach.ShareGroupSession(p.w.ctx, at, members)
}

// post sends something encrypted, and returns the event.
func (p *person) post(at id.RoomID, t event.Type, content map[string]any) json.RawMessage {
	p.w.Helper()
	p.sync()
	p.share(at)
	return p.postShared(at, t, content)
}

func (p *person) postShared(at id.RoomID, t event.Type, content map[string]any) json.RawMessage {
	p.w.Helper()
	body, err := json.Marshal(content)
	p.w.check(err)
	var raw json.RawMessage
	enc, err := p.mach.EncryptMegolmEvent(p.w.ctx, at, t, json.RawMessage(body))
	p.w.check(err)
	eventID := p.Send(string(at), "m.room.encrypted", enc)
	p.w.check(p.Do("GET", "rooms/"+url.PathEscape(string(at))+"/event/"+url.PathEscape(eventID), nil, &raw))
	return raw
}

func (p *person) text(at id.RoomID, body string) json.RawMessage {
	p.w.Helper()
	return p.post(at, event.EventMessage, text(body))
}

func text(body string) map[string]any { return map[string]any{"msgtype": "m.text", "body": body} }

// read decrypts an event for the person.
func (p *person) read(raw json.RawMessage) (string, error) {
	p.w.Helper()
	var evt event.Event
	p.w.check(json.Unmarshal(raw, &evt))
	evt.Type.Class = event.MessageEventType
	p.w.check(evt.Content.ParseRaw(evt.Type))
	clear, err := p.mach.DecryptMegolmEvent(p.w.ctx, &evt)
	if err != nil {
		return "", err
	}
	return clear.Content.AsMessage().Body, nil
}

// reads expects a text in an event.
func (p *person) reads(raw json.RawMessage, want string) {
	p.w.Helper()
	p.sync()
	if got, err := p.read(raw); err != nil || got != want {
		p.w.Errorf("%s reads %q, %v; want %q", p.ID, got, err, want)
	}
}

// cannot expects that an event cannot be read for lack of its key.
func (p *person) cannot(raw json.RawMessage) {
	p.w.Helper()
	p.sync()
	if got, err := p.read(raw); !errors.Is(err, crypto.ErrNoSessionFound) {
		p.w.Errorf("%s reads %q, %v; want no key", p.ID, got, err)
	}
}
