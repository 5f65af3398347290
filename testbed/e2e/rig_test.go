package e2e

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/irc/ircfake"
	"github.com/causeway-chat/causeway/testbed/bridge"
	"github.com/causeway-chat/causeway/testbed/child"
	"github.com/causeway-chat/causeway/testbed/gate"
	"github.com/causeway-chat/causeway/testbed/homeserver"
	"github.com/causeway-chat/causeway/testbed/ircd"
	"github.com/causeway-chat/causeway/testbed/ircuser"
	"github.com/causeway-chat/causeway/testbed/matrixuser"
)

const (
	// limit is how long a test may take; it is far above what any of them
	// takes.
	limit = 4 * time.Minute

	channel = "#town"
	alias   = "#_cw_irc.test_=23town:localhost"
	relay   = "relay"
)

// A kind is a kind of IRC server and what it can do, and a homeserver.
type kind struct {
	name  string
	start func(t *testing.T, ctx context.Context) server
	hs    func(t *testing.T, ctx context.Context) homeserver.Launcher

	echoes  bool // what was sent is confirmed, so a restart doubles nothing
	history bool // what was missed can be had later
	tags    bool // replies and reactions
	redacts bool

	// late: a homeserver that was killed shows one event late, which hides it
	// from Causeway when that asks if it has arrived.
	late bool
}

// kinds are what to test with.
func kinds() []kind {
	return []kind{
		{name: "ircfake", start: startFake, hs: dendrite, echoes: true, history: true, tags: true, redacts: true, late: true},
		{name: "inspircd", start: startReal(ircd.InspIRCd), hs: dendrite, echoes: true, tags: true, late: true},
		{name: "ngircd", start: startReal(ircd.NgIRCd), hs: dendrite, late: true},
		{name: "synapse", start: startFake, hs: synapse, echoes: true, history: true, tags: true, redacts: true},
	}
}

func dendrite(t *testing.T, ctx context.Context) homeserver.Launcher {
	launch, err := homeserver.Tool(ctx)
	check(t, err)
	return launch
}

// synapse skips the test where Synapse cannot be had.
func synapse(t *testing.T, ctx context.Context) homeserver.Launcher {
	launch, err := homeserver.Synapse(ctx)
	if err != nil {
		t.Skip(err)
	}
	return launch
}

// A server is an IRC server that can crash.
type server interface {
	Addr() string
	down(t *testing.T)
	up(t *testing.T, ctx context.Context)
}

type fake struct{ *ircfake.Server }

func startFake(t *testing.T, _ context.Context) server {
	s, err := ircfake.Start(ircfake.Modern())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return fake{s}
}

func (f fake) down(*testing.T) { f.Down() }

func (f fake) up(t *testing.T, _ context.Context) { check(t, f.Up()) }

type real struct{ *ircd.Server }

func startReal(k ircd.Kind) func(t *testing.T, ctx context.Context) server {
	return func(t *testing.T, ctx context.Context) server {
		if err := ircd.Available(k); err != nil {
			t.Skip(err)
		}
		s, err := ircd.Start(ctx, k, ircd.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { check(t, s.Close()) })
		return real{s}
	}
}

func (r real) down(t *testing.T) { check(t, r.Kill()) }

func (r real) up(t *testing.T, ctx context.Context) { check(t, r.Restart(ctx)) }

// A world is everything that one test needs.
type world struct {
	kind
	t   *testing.T
	ctx context.Context // ends with the test's time

	launcher homeserver.Launcher

	hs     *homeserver.Server
	irc    server
	gate   *gate.Gate // Causeway's way to irc
	folder *bridge.Folder
	bridge *bridge.Running // nil if it is stopped, or a process of its own

	you *matrixuser.User // administrator of Causeway
	mia *ircuser.User    // operator of the channel
}

// everywhere runs a test with each kind. Causeway runs before it.
func everywhere(t *testing.T, test func(w *world)) {
	everywhereStopped(t, func(w *world) {
		w.start()
		test(w)
	})
}

// everywhereStopped is everywhere without a running Causeway.
func everywhereStopped(t *testing.T, test func(w *world)) {
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			test(newWorld(t, k))
		})
	}
}

func newWorld(t *testing.T, k kind) *world {
	t.Helper()
	w := newBareWorld(t, k.hs)
	w.kind = k
	w.irc = k.start(t, w.ctx)
	w.gate = newGate(t, w.irc.Addr())
	w.homeserver(bridge.Network{ID: "irc.test", Section: fmt.Sprintf(
		`{name: Test, server: %q, nick: %s, tls: false, flood: {lines: 100, burst: 20}}`, w.gate.Addr(), relay)})
	w.you = w.login("you")
	w.mia = w.person("mia", channel)
	return w
}

// newBareWorld is a world in which nothing runs yet.
func newBareWorld(t *testing.T, hs func(*testing.T, context.Context) homeserver.Launcher) *world {
	t.Helper()
	launcher := hs(t, t.Context()) // takes long the first time
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return &world{t: t, ctx: ctx, launcher: launcher}
}

// homeserver writes Causeway's folder and starts the homeserver for it.
func (w *world) homeserver(networks ...bridge.Network) {
	w.t.Helper()
	w.homeserverFor(bridge.Options{Networks: networks})
}

// homeserverFor is homeserver with more options; those of the folder and the
// homeserver are set here.
func (w *world) homeserverFor(o bridge.Options) {
	w.t.Helper()
	addr, err := child.FreeAddr()
	check(w.t, err)
	dir := w.t.TempDir()
	o.Dir, o.Homeserver, o.Domain, o.Admin = filepath.Join(dir, "causeway"), "http://"+addr, "localhost", "@you:localhost"
	w.folder, err = bridge.Write(o)
	check(w.t, err)
	w.hs, err = homeserver.Start(w.ctx, homeserver.Options{
		Dir: filepath.Join(dir, "homeserver"), Addr: addr, Name: "localhost", Registrations: w.folder.Registrations,
		Users: []homeserver.User{{Name: "you", Password: "secret"}, {Name: "ann", Password: "secret"}, {Name: "bea", Password: "secret"}}, Launch: w.launcher, Stderr: logTo(),
	})
	check(w.t, err)
	w.t.Cleanup(func() { check(w.t, w.hs.Kill()) })
}

// logTo is the test's standard error if CAUSEWAY_TEST_LOG is set.
func logTo() io.Writer {
	if os.Getenv("CAUSEWAY_TEST_LOG") != "" {
		return os.Stderr
	}
	return io.Discard
}

// start runs Causeway in this process.
func (w *world) start(more ...network.Connector) {
	w.t.Helper()
	log := slog.New(slog.NewTextHandler(logTo(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	b, err := w.folder.Start(w.ctx, log, more...)
	check(w.t, err)
	w.bridge = b
	w.t.Cleanup(w.stop)
}

// stop stops what start has started.
func (w *world) stop() {
	if w.bridge != nil {
		check(w.t, w.bridge.Stop())
		w.bridge = nil
	}
}

// login signs somebody in to the homeserver.
func (w *world) login(name string) *matrixuser.User {
	w.t.Helper()
	u, err := matrixuser.Login(w.ctx, w.hs.URL(), name, "secret")
	check(w.t, err)
	w.t.Cleanup(u.Close)
	return u
}

// newGate is an open gate, until the test ends.
func newGate(t *testing.T, to string) *gate.Gate {
	t.Helper()
	g, err := gate.New(to)
	check(t, err)
	t.Cleanup(g.Close)
	return g
}

// person connects somebody to the IRC server, past the gate.
func (w *world) person(nick string, channels ...string) *ircuser.User {
	w.t.Helper()
	u, err := ircuser.Dial(w.ctx, ircuser.Options{Addr: w.irc.Addr(), Nick: nick, Caps: []string{"message-tags", "draft/message-redaction"}})
	check(w.t, err)
	w.t.Cleanup(u.Close)
	for _, ch := range channels {
		check(w.t, u.Join(w.ctx, ch))
	}
	return u
}

// join brings a user into the channel's room by its alias. Until Causeway is on
// IRC the alias leads nowhere.
func (w *world) join(u *matrixuser.User) id.RoomID {
	w.t.Helper()
	var room id.RoomID
	w.until("the alias leads to a room", func() (err error) {
		room, err = u.Join(w.ctx, alias)
		return err
	})
	return room
}

// until repeats do, which changes something elsewhere, until it succeeds.
func (w *world) until(what string, do func() error) {
	w.t.Helper()
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
			w.t.Fatalf("%s: %v", what, err)
		}
	}
}

// onIRC waits until u got a line with this command, sender, target and text.
func (w *world) onIRC(u *ircuser.User, mark int, command, nick, target, text string) ircuser.Line {
	w.t.Helper()
	l, err := u.Wait(w.ctx, mark, func(l ircuser.Line) bool {
		return l.Command == command && l.Nick() == nick && len(l.Params) > 1 &&
			strings.EqualFold(l.Params[0], target) && l.Params[len(l.Params)-1] == text
	})
	if err != nil {
		w.t.Fatalf("%s from %s to %s with %q did not come: %v", command, nick, target, text, err)
	}
	return l
}

// said waits until u got a message in a channel, relayed or not.
func (w *world) said(mark int, nick, text string) ircuser.Line {
	w.t.Helper()
	return w.onIRC(w.mia, mark, "PRIVMSG", nick, channel, text)
}

// seen waits until you saw what match accepts.
func (w *world) seen(mark int, what string, match func(e matrixuser.Event) bool) matrixuser.Event {
	w.t.Helper()
	return w.seenBy(w.you, mark, what, match)
}

func (w *world) seenBy(u *matrixuser.User, mark int, what string, match func(e matrixuser.Event) bool) matrixuser.Event {
	w.t.Helper()
	e, err := u.Wait(w.ctx, mark, match)
	if err != nil {
		w.t.Fatalf("%s was not seen: %v", what, err)
	}
	return e
}

// message waits until you saw a message of sender with this type and body.
func (w *world) message(mark int, room id.RoomID, sender id.UserID, kind event.MessageType, body string) matrixuser.Event {
	w.t.Helper()
	return w.seen(mark, fmt.Sprintf("%s %q of %s", kind, body, sender), func(e matrixuser.Event) bool {
		c := e.Content.AsMessage()
		return e.Type == event.EventMessage && e.RoomID == room && e.Section == matrixuser.Timeline &&
			e.Sender == sender && c.MsgType == kind && c.Body == body
	})
}

// notice waits until the bot said something with this text in it.
func (w *world) notice(mark int, room id.RoomID, text string) matrixuser.Event {
	w.t.Helper()
	return w.seen(mark, fmt.Sprintf("a notice with %q", text), func(e matrixuser.Event) bool {
		return e.Type == event.EventMessage && e.RoomID == room && e.Sender == w.bot() && strings.Contains(e.Content.AsMessage().Body, text)
	})
}

// member waits until you saw somebody's membership.
func (w *world) member(mark int, room id.RoomID, who id.UserID, m event.Membership) matrixuser.Event {
	w.t.Helper()
	return w.seen(mark, fmt.Sprintf("%s of %s", m, who), func(e matrixuser.Event) bool {
		return e.Type == event.StateMember && e.RoomID == room && e.GetStateKey() == who.String() && e.Content.AsMember().Membership == m
	})
}

func (w *world) bot() id.UserID { return id.UserID(w.folder.Bot) }

// ghost is somebody from IRC on Matrix.
func ghost(nick string) id.UserID { return id.UserID("@_cw_irc.test_" + nick + ":localhost") }

// check ends the test if err is an error.
func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sent is check for what also returns an event.
func (w *world) sent(e id.EventID, err error) id.EventID {
	w.t.Helper()
	check(w.t, err)
	return e
}
