package crypt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/matrix/crypt"
	"github.com/causeway-chat/causeway/registration"
	"github.com/causeway-chat/causeway/testbed/foreign"
	"github.com/causeway-chat/causeway/testbed/homeserver"
	"github.com/causeway-chat/causeway/testbed/nio"
)

// limit is far above what any test takes.
const limit = 4 * time.Minute

const ghost = id.UserID("@_cw_anna:localhost")

// A kind is a homeserver, and how the bot gets its device there.
type kind struct {
	name     string
	launcher func(t *testing.T) homeserver.Launcher
	made     string
	signed   bool // the homeserver takes keys for cross-signing without a password
}

func kinds() []kind {
	return []kind{
		{"synapse", synapse, "MSC4190", true},
		{"dendrite", dendrite, "login", false}, // it does not know MSC4190
	}
}

func dendrite(t *testing.T) homeserver.Launcher {
	launch, err := homeserver.Tool(t.Context())
	check(t, err)
	return launch
}

func synapse(t *testing.T) homeserver.Launcher {
	launch, err := homeserver.Synapse(t.Context())
	if err != nil {
		t.Skip(err)
	}
	return launch
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// memory is what a bridge keeps beside its keys.
type memory struct {
	mu     sync.Mutex
	values map[string]string
}

func (m *memory) Fact(_ context.Context, key string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.values[key], nil
}

func (m *memory) SetFact(_ context.Context, key, value string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.values[key] = value
	return nil
}

func (m *memory) Learn(ctx context.Context, key, value string) error {
	return m.SetFact(ctx, key, value)
}

func (m *memory) Secret(ctx context.Context, name string) ([]byte, error) {
	v, err := m.Fact(ctx, "secret "+name)
	if v == "" {
		return nil, err
	}
	return []byte(v), err
}

func (m *memory) SetSecret(ctx context.Context, name string, value []byte) error {
	return m.SetFact(ctx, "secret "+name, string(value))
}

// A world is everything that one test needs.
type world struct {
	*testing.T
	kind
	ctx    context.Context
	dir    string
	hs     *homeserver.Server
	reg    registration.Registration
	memory *memory
	crypt  *crypt.Crypt
	h      *matrix.Homeserver
	stop   func() // the bridge's end
	sends  int
}

// everywhere runs a test on each kind of homeserver.
func everywhere(t *testing.T, test func(w *world)) {
	if err := nio.Install(t.Context()); err != nil {
		t.Skip(err)
	}
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			launcher := k.launcher(t) // takes long the first time
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			t.Cleanup(cancel)
			w := &world{T: t, kind: k, ctx: ctx, dir: t.TempDir(), memory: &memory{values: map[string]string{}}, stop: func() {}}
			w.homeserver(launcher)
			w.start()
			t.Cleanup(func() { w.stop() })
			test(w)
		})
	}
}

func (w *world) homeserver(launcher homeserver.Launcher) {
	w.Helper()
	w.reg = registration.New(registration.Options{URL: "http://127.0.0.1:1", Domain: "localhost", Prefix: "_cw_", Bot: "causeway"})
	yaml, err := w.reg.YAML()
	check(w.T, err)
	path := filepath.Join(w.dir, "registration.yaml")
	check(w.T, os.WriteFile(path, yaml, 0o600))
	w.hs, err = homeserver.Start(w.ctx, homeserver.Options{
		Dir: filepath.Join(w.dir, "homeserver"), Name: "localhost", Registrations: []string{path}, Launch: launcher, Stderr: logTo(),
		Users: []homeserver.User{{Name: "alice", Password: "secret"}, {Name: "bob", Password: "secret"}},
	})
	check(w.T, err)
	w.Cleanup(func() { check(w.T, w.hs.Kill()) })
}

// logTo is the test's standard error if CAUSEWAY_TEST_LOG is set.
func logTo() io.Writer {
	if os.Getenv("CAUSEWAY_TEST_LOG") != "" {
		return os.Stderr
	}
	return io.Discard
}

// start runs the bridge's end until w.stop is called, which is as a kill for all
// that is not stored.
func (w *world) start() {
	w.Helper()
	log := slog.New(slog.NewTextHandler(logTo(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	db, err := crypt.OpenDB(w.ctx, "sqlite:"+filepath.Join(w.dir, "crypto.db"))
	check(w.T, err)
	w.h, err = matrix.New(matrix.Options{
		URL: w.hs.URL(), Domain: "localhost", ID: w.reg.ID, ASToken: w.reg.ASToken, HSToken: w.reg.HSToken, Bot: "causeway", Prefix: "_cw_",
		Secret: []byte("secret"), State: w.memory, Log: log, SpoolDir: filepath.Join(w.dir, "spool"),
	})
	check(w.T, err)
	w.crypt, err = crypt.New(crypt.Options{Homeserver: w.h, DB: db, Secrets: w.memory, Log: log})
	check(w.T, err)
	ctx, cancel := context.WithCancel(w.ctx)
	var group sync.WaitGroup
	h, c := w.h, w.crypt
	group.Go(func() { _ = h.Run(ctx) })
	group.Go(func() { _ = c.Run(ctx) })
	w.stop = func() {
		cancel()
		group.Wait()
		check(w.T, db.Close())
		w.stop = func() {}
	}
	w.until("the device is ready", func() error {
		if s := c.Status(ctx); !s.Ready || s.Signed != w.signed || !s.Signed && s.Problem == "" {
			return fmt.Errorf("status: %+v", s)
		}
		return nil
	})
}

// until repeats do until it succeeds.
func (w *world) until(what string, do func() error) {
	w.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		err := do()
		if err == nil {
			return
		}
		select {
		case <-again.C:
		case <-w.ctx.Done():
			w.Fatalf("%s: %v", what, err)
		}
	}
}

// person signs somebody in on a new device.
func (w *world) person(name string) *foreign.Client {
	w.Helper()
	c, err := nio.Login(w.ctx, w.TempDir(), w.hs.URL(), "@"+name+":localhost", "secret", "", logTo())
	check(w.T, err)
	w.Cleanup(func() { check(w.T, c.Close()) })
	return c
}

// room makes an encrypted room of the bot with the ghost in it.
func (w *world) room() id.RoomID {
	w.Helper()
	check(w.T, w.h.EnsureGhost(w.ctx, ghost))
	cli := w.client(w.h.BotID())
	resp, err := cli.CreateRoom(w.ctx, &mautrix.ReqCreateRoom{
		Preset: "public_chat", InitialState: []*event.Event{{
			Type: event.StateEncryption, StateKey: new(string), Content: event.Content{Parsed: &event.EncryptionEventContent{Algorithm: id.AlgorithmMegolmV1}},
		}},
	})
	check(w.T, err)
	_, err = w.client(ghost).JoinRoomByID(w.ctx, resp.RoomID)
	check(w.T, err)
	return resp.RoomID
}

func (w *world) client(u id.UserID) *mautrix.Client {
	w.Helper()
	cli, err := w.h.Client(u)
	check(w.T, err)
	return cli
}

// joins brings somebody into a room, and returns when everybody knows.
func (w *world) joins(c *foreign.Client, at id.RoomID) {
	w.Helper()
	check(w.T, c.Join(w.ctx, string(at)))
	w.knows(c, at)
	check(w.T, w.crypt.Changed(w.ctx, at)) // the event that would come by transaction
}

// knows waits until a client knows that a room is encrypted and the bot is in it.
func (w *world) knows(c *foreign.Client, at id.RoomID) {
	w.Helper()
	w.until("the client knows the room", func() error {
		var room struct {
			Encrypted bool
			Users     []string
		}
		if err := c.Do(w.ctx, "known", map[string]any{"room": at}, &room); err != nil {
			return err
		}
		if !room.Encrypted || len(room.Users) < 3 {
			return fmt.Errorf("it knows %+v", room)
		}
		return nil
	})
}

// say has the ghost say something, and returns the event's ID.
func (w *world) say(at id.RoomID, content any) id.EventID {
	w.Helper()
	enc, err := w.crypt.Encrypt(w.ctx, at, event.EventMessage, content)
	check(w.T, err)
	w.sends++
	eventID, err := w.h.Send(w.ctx, matrix.Event{Room: at, As: ghost, Type: event.EventEncrypted, Content: enc, Key: fmt.Append(nil, w.sends)})
	check(w.T, err)
	return eventID
}

// reads waits until a client has decrypted an event.
func (w *world) reads(c *foreign.Client, mark int, eventID id.EventID) foreign.Event {
	w.Helper()
	e, err := c.Wait(w.ctx, mark, func(e foreign.Event) bool { return e.Source.ID == string(eventID) })
	check(w.T, err)
	if e.Unreadable || !e.Decrypted {
		w.Errorf("%s cannot read %s: %+v", c.User, eventID, e)
	}
	return e
}

// event reads an event as the homeserver has it, which a transaction would bring.
func (w *world) event(at id.RoomID, eventID string) json.RawMessage {
	w.Helper()
	cli := w.client(w.h.BotID())
	var raw json.RawMessage
	w.until("the event is there", func() error {
		_, err := cli.MakeFullRequest(w.ctx, mautrix.FullRequest{Method: http.MethodGet, URL: cli.BuildClientURL("v3", "rooms", at, "event", eventID), ResponseJSON: &raw})
		return err
	})
	return raw
}

// A plain is an event that the bridge has decrypted.
type plain struct {
	Type    string         `json:"type"`
	Sender  string         `json:"sender"`
	Content map[string]any `json:"content"`
	trust   crypt.Trust
}

// decrypts waits until the bridge can decrypt an event.
func (w *world) decrypts(at id.RoomID, eventID string) (p plain) {
	w.Helper()
	raw := w.event(at, eventID)
	w.until("the bridge can decrypt it", func() error {
		d, err := w.crypt.Decrypt(w.ctx, raw)
		var nk *crypt.NoKey
		if err != nil && !errors.As(err, &nk) {
			w.Fatal(err)
		}
		if err != nil {
			return err
		}
		p.trust = d.Trust
		return json.Unmarshal(d.Event, &p)
	})
	return p
}

func text(body string) map[string]any { return map[string]any{"msgtype": "m.text", "body": body} }
