package bridgekit_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit"
	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/registration"
)

const (
	netID = network.NetworkID("mem.test")
	bot   = "@causeway:test"
)

// A rig is a bridge between a homeserver and a network, all in this process.
type rig struct {
	t    *testing.T
	hs   *matrixtest.Server
	net  *memnet.Server
	opts bridgekit.Options

	alice *matrixtest.User // signed in to the network as alice
	bob   *matrixtest.User // without an account there

	bridge   *bridgekit.Bridge
	stop     func()
	patience time.Duration // of wait
	ended    bool          // what Run returns may be about more than its end
}

type rigOptions struct {
	net      memnet.Options
	flavor   matrixtest.Options
	puppets  bool // double puppeting
	database string
	config   func(c *config.Config)
}

// newRig starts a homeserver, a network and a bridge, and signs alice in.
func newRig(t *testing.T, o rigOptions) *rig {
	t.Helper()
	o.flavor.Domain, o.flavor.Fail = "test", t.Fatalf
	r := &rig{t: t, hs: matrixtest.New(o.flavor), net: memnet.New(o.net), patience: 2 * time.Minute}
	t.Cleanup(r.hs.Close)
	reg := registration.New(registration.Options{URL: "http://bridge.test", Domain: "test", Prefix: "_cw_", Bot: "causeway"})
	dir := t.TempDir()
	c := config.Defaults()
	c.Homeserver.URL, c.Homeserver.Domain = "http://hs.test", "test"
	c.Appservice.Listen, c.Metrics.Listen = "", ""
	if c.Database.Source = filepath.Join(dir, "causeway.db"); o.database != "" {
		c.Database = config.Database{Dialect: config.Postgres, Source: o.database}
	}
	copy(c.Key[:], "0123456789abcdef0123456789abcdef")
	c.Permissions = config.Permissions{"@alice:test": config.LevelAdmin, "test": config.LevelUser}
	c.Limits.NewSenders = 0 // tests have many people speak at once
	if o.config != nil {
		o.config(c)
	}
	r.opts = bridgekit.Options{Config: c, Registration: reg, Networks: []network.Connector{r.net.Connector(netID)}, Log: logger(), Transport: r.hs.Transport(), Version: "test"}
	r.register(reg)
	if o.puppets {
		second := registration.NewDoublePuppet(registration.Options{URL: "", Domain: "test", Prefix: "_cw_", Bot: "causeway"})
		r.opts.DoublePuppet = &second
		r.register(second)
	}
	r.alice, r.bob = r.hs.CreateUser("alice", "pw"), r.hs.CreateUser("bob", "pw")
	return r
}

// logger logs to the test's output if CAUSEWAY_TEST_LOG is set.
func logger() *slog.Logger {
	w := io.Discard
	if os.Getenv("CAUSEWAY_TEST_LOG") != "" {
		w = os.Stderr
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// register tells the homeserver about a registration.
func (r *rig) register(reg registration.Registration) {
	r.t.Helper()
	m := matrixtest.Registration{ID: reg.ID, URL: string(reg.URL), ASToken: reg.ASToken, HSToken: reg.HSToken, SenderLocalpart: reg.SenderLocalpart, Ephemeral: true}
	for _, n := range reg.Namespaces.Users {
		m.Users = append(m.Users, matrixtest.Namespace{Exclusive: n.Exclusive, Regex: n.Regex})
	}
	for _, n := range reg.Namespaces.Aliases {
		m.Aliases = append(m.Aliases, matrixtest.Namespace{Exclusive: n.Exclusive, Regex: n.Regex})
	}
	if err := r.hs.Register(m); err != nil {
		r.t.Fatal(err)
	}
}

// start runs the bridge until stop is called.
func (r *rig) start() {
	r.t.Helper()
	b, err := bridgekit.New(r.t.Context(), r.opts)
	if err != nil {
		r.t.Fatal(err)
	}
	r.bridge = b
	r.hs.Attach(r.opts.Registration.ID, b.Handler())
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.t.Context()))
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	stopped := false
	r.stop = func() {
		if stopped {
			return
		}
		stopped = true
		r.hs.Attach(r.opts.Registration.ID, nil)
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) && !r.ended {
			r.t.Errorf("Run returned %v", err)
		}
	}
	r.t.Cleanup(r.stop)
	select {
	case <-b.Ready():
	case err := <-done:
		done <- err
		r.t.Fatalf("bridge did not start: %v", err)
	case <-time.After(r.patience):
		r.t.Fatal("bridge did not get ready")
	}
}

// wait waits for cond, asked again after each change on either side.
func (r *rig) wait(what string, cond func() bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), r.patience)
	defer cancel()
	if err := r.hs.Wait(ctx, cond); err != nil {
		r.t.Fatalf("%s did not come true: %v\n%s", what, err, r.dump())
	}
}

func (r *rig) waitNet(what string, cond func() bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), r.patience)
	defer cancel()
	if err := r.net.Wait(ctx, cond); err != nil {
		r.t.Fatalf("%s did not come true: %v\n%s", what, err, r.dump())
	}
}

// dump shows the ends of all rooms for a failure's message.
func (r *rig) dump() string {
	var b strings.Builder
	for _, room := range r.hs.Rooms() {
		snap := r.hs.Room(room)
		b.WriteString(room + " " + snap.Name + "\n")
		for _, e := range snap.Timeline[max(0, len(snap.Timeline)-30):] {
			key := ""
			if e.StateKey != nil {
				key = " [" + *e.StateKey + "]"
			}
			b.WriteString("  " + e.Type + key + " " + e.Sender + " " + string(e.Content[:min(len(e.Content), 200)]) + "\n")
		}
	}
	return b.String()
}

// signIn signs alice in through the bot, as she would.
func (r *rig) signIn() {
	r.t.Helper()
	r.net.Account("alice")
	room := r.alice.CreateRoom(map[string]any{"is_direct": true, "invite": []string{bot}, "preset": "trusted_private_chat"})
	said := func(text string) func() bool {
		return func() bool {
			return slices.ContainsFunc(r.hs.Room(room).Bodies(), func(b string) bool { return strings.Contains(b, text) })
		}
	}
	r.wait("the bot's greeting", said("Hello"))
	r.alice.SendText(room, "login "+string(netID))
	r.wait("a question", func() bool { return len(r.hs.Room(room).Bodies()) >= 3 })
	r.alice.SendText(room, "alice")
	r.wait("the password question", func() bool { return len(r.hs.Room(room).Bodies()) >= 5 })
	r.alice.SendText(room, "secret")
	ctx, cancel := context.WithTimeout(r.t.Context(), r.patience)
	defer cancel()
	if err := r.net.Connected(ctx, "alice"); err != nil {
		r.t.Fatalf("alice is not connected: %v\n%s", err, r.dump())
	}
}

// room finds the room of a chat by its name; it waits for it.
func (r *rig) room(name string) string {
	r.t.Helper()
	found := ""
	r.wait("room "+name, func() bool {
		for _, id := range r.hs.Rooms() {
			if r.hs.Room(id).Name == name {
				found = id
				return true
			}
		}
		return false
	})
	return found
}

// bodies are the texts of people and ghosts in a room, without notices of the bot.
func (r *rig) bodies(room string) []string {
	var out []string
	snap := r.hs.Room(room)
	for _, e := range snap.OfType("m.room.message") {
		if e.Sender != bot {
			out = append(out, text(e))
		}
	}
	return out
}
