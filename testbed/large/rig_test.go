package large

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
	"github.com/causeway-chat/causeway/registration"
	"github.com/causeway-chat/causeway/testbed/bridge"
	"github.com/causeway-chat/causeway/testbed/child"
)

// envConfig holds the path of a configuration: this program then is Causeway.
const envConfig = "CAUSEWAY_LARGE_CHILD"

// limit is how long a test may take; it is far above what it takes.
const limit = 3 * time.Minute

func TestMain(m *testing.M) {
	if path := os.Getenv(envConfig); path != "" {
		if err := runChild(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// runChild is Causeway until SIGTERM.
func runChild(path string) error {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	b, err := (&bridge.Folder{Config: path}).Start(ctx, log)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-b.Ended():
	}
	return b.Stop()
}

// A rig is both servers and a Causeway between them.
type rig struct {
	t     *testing.T
	ctx   context.Context // ends with the test's time
	slack *slackfake.Server
	hs    *matrixtest.Server
	you   *matrixtest.User
	bot   string // its Matrix ID
	proc  *child.Process
}

// newRig starts everything with an empty workspace.
func newRig(t *testing.T) *rig {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	r := &rig{t: t, ctx: ctx}
	var err error
	r.slack, err = slackfake.Start(slackfake.Config{Limits: true})
	r.ok(err)
	t.Cleanup(r.slack.Close)
	folder := r.homeserver()
	self, err := os.Executable()
	r.ok(err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), envConfig+"="+folder.Config)
	if os.Getenv("CAUSEWAY_TEST_LOG") != "" {
		cmd.Stderr = os.Stderr
	}
	r.proc, err = child.Start(cmd)
	r.ok(err)
	t.Cleanup(func() { r.ok(r.proc.Kill()) })
	r.ok(r.proc.Dialled(ctx, folder.Listen))
	return r
}

// homeserver starts the homeserver and writes Causeway's folder for it.
func (r *rig) homeserver() *bridge.Folder {
	r.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	r.ok(err)
	folder, err := bridge.Write(bridge.Options{
		Dir: filepath.Join(r.t.TempDir(), "causeway"), Homeserver: "http://" + l.Addr().String(), Domain: "test", Admin: "@admin:test",
		Networks: []bridge.Network{{ID: "slack.test", Section: fmt.Sprintf(`{name: Acme, api: %q}`, r.slack.APIURL())}},
	})
	r.ok(err)
	r.bot = folder.Bot
	r.hs = matrixtest.New(matrixtest.Options{Fail: r.t.Fatalf})
	r.t.Cleanup(r.hs.Close)
	for _, path := range folder.Registrations {
		reg, err := registration.Read(path)
		r.ok(err)
		r.ok(r.hs.Register(asTaken(reg)))
	}
	r.you = r.hs.CreateUser("you", "secret")
	srv := &http.Server{Handler: r.hs.Handler(), ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	r.t.Cleanup(func() { r.ok(srv.Close()); <-served })
	return folder
}

// asTaken is a registration as matrixtest takes it.
func asTaken(reg registration.Registration) matrixtest.Registration {
	m := matrixtest.Registration{
		ID: reg.ID, URL: string(reg.URL), ASToken: reg.ASToken, HSToken: reg.HSToken, SenderLocalpart: reg.SenderLocalpart, Ephemeral: true,
	}
	for _, n := range reg.Namespaces.Users {
		m.Users = append(m.Users, matrixtest.Namespace{Exclusive: n.Exclusive, Regex: n.Regex})
	}
	for _, n := range reg.Namespaces.Aliases {
		m.Aliases = append(m.Aliases, matrixtest.Namespace{Exclusive: n.Exclusive, Regex: n.Regex})
	}
	return m
}

// ok fails the test on an error.
func (r *rig) ok(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// signIn gives Causeway a session of a person's, by a talk with the bot.
func (r *rig) signIn(user string) {
	r.t.Helper()
	token, cookie := r.slack.Session(user)
	room := r.you.CreateRoom(map[string]any{"invite": []string{r.bot}, "is_direct": true, "preset": "trusted_private_chat"})
	r.answered(room, "Hello")
	for _, say := range []struct{ text, answer string }{{"login slack.test browser", "Token"}, {token, "Cookie"}, {cookie, "Signed in"}} {
		r.you.SendText(room, say.text)
		r.answered(room, say.answer)
	}
	r.ok(r.slack.Wait(r.ctx, func() bool { return r.slack.Sessions(user) > 0 }))
}

// answered waits until the bot has said something in a room.
func (r *rig) answered(room, words string) {
	r.t.Helper()
	err := r.hs.Wait(r.ctx, func() bool {
		return slices.ContainsFunc(r.hs.Room(room).OfType("m.room.message"), func(e *matrixtest.Event) bool {
			return e.Sender == r.bot && strings.Contains(e.Body(), words)
		})
	})
	if err != nil {
		r.t.Fatalf("the bot does not say %q: %v: %q", words, err, r.hs.Room(room).Bodies())
	}
}

// peak is the most memory that Causeway has had, in MiB (proc_pid_status(5)).
func (r *rig) peak() float64 {
	r.t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.proc.PID()))
	r.ok(err)
	var kib float64
	for line := range strings.Lines(string(raw)) {
		if rest, is := strings.CutPrefix(line, "VmHWM:"); is {
			_, err := fmt.Sscanf(rest, "%f kB", &kib)
			r.ok(err)
		}
	}
	if kib == 0 {
		r.t.Fatal("the system does not say how much memory Causeway has")
	}
	return kib / 1024
}
