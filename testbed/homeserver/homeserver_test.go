package homeserver_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/testbed/homeserver"
	"github.com/causeway-chat/causeway/testbed/homeserver/inprocess"
	"github.com/causeway-chat/causeway/testbed/matrixuser"
	"github.com/causeway-chat/causeway/testbed/record"
)

// limit is the deadline of a test; it is far above what any of them takes.
const limit = 4 * time.Minute

// service is an appservice that takes every transaction and keeps its events.
type service struct {
	record.Log[*event.Event]
	registration string // path
}

func newService(t *testing.T) *service {
	t.Helper()
	s := &service{}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var txn struct {
			Events []*event.Event `json:"events"`
		}
		if r.Header.Get("Authorization") != "Bearer hs" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		if err := json.NewDecoder(r.Body).Decode(&txn); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		s.Append(txn.Events...)
		_, _ = w.Write([]byte("{}"))
	}))
	t.Cleanup(web.Close)
	s.registration = filepath.Join(t.TempDir(), "registration.yaml")
	yaml := `
id: listener
url: ` + web.URL + `
as_token: as
hs_token: hs
sender_localpart: listener
rate_limited: false
namespaces:
  users:
  - regex: "@alice:localhost"
    exclusive: false
`
	if err := os.WriteFile(s.registration, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// started starts a homeserver with alice, bob and a service.
func started(ctx context.Context, t *testing.T, launch homeserver.Launcher) (*homeserver.Server, *service) {
	t.Helper()
	as := newService(t)
	began := time.Now()
	s, err := homeserver.Start(ctx, homeserver.Options{
		Dir:           filepath.Join(t.TempDir(), "data"),
		Registrations: []string{as.registration},
		Users:         []homeserver.User{{Name: "alice", Password: "a"}, {Name: "bob", Password: "b"}},
		Launch:        launch,
		Stderr:        t.Output(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("started in %s", time.Since(began).Round(time.Millisecond))
	t.Cleanup(func() {
		if err := s.Stop(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
	})
	return s, as
}

func tool(ctx context.Context, t *testing.T) homeserver.Launcher {
	t.Helper()
	launch, err := homeserver.Tool(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return launch
}

// synapse skips the test where Synapse cannot be had.
func synapse(ctx context.Context, t *testing.T) homeserver.Launcher {
	t.Helper()
	launch, err := homeserver.Synapse(ctx)
	if err != nil {
		t.Skip(err)
	}
	return launch
}

func login(ctx context.Context, t *testing.T, s *homeserver.Server, name string) *matrixuser.User {
	t.Helper()
	u, err := matrixuser.Login(ctx, s.URL(), name, name[:1])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.Close)
	return u
}

// room makes a room with alice and bob in it.
func room(ctx context.Context, t *testing.T, alice, bob *matrixuser.User) id.RoomID {
	t.Helper()
	r, err := alice.CreateRoom(ctx, "Den", bob.ID())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bob.Wait(ctx, 0, matrixuser.Invited(bob.ID())); err != nil {
		t.Fatal(err)
	}
	if _, err := bob.Join(ctx, r.String()); err != nil {
		t.Fatal(err)
	}
	return r
}

func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

func testTalk(t *testing.T, ctx context.Context, launch homeserver.Launcher) {
	s, as := started(ctx, t, launch)
	alice, bob := login(ctx, t, s, "alice"), login(ctx, t, s, "bob")
	r := room(ctx, t, alice, bob)

	said, err := alice.Text(ctx, r, "hello")
	if err != nil {
		t.Fatal(err)
	}
	heard, err := bob.Wait(ctx, 0, matrixuser.Said(r, "hello"))
	if err != nil || heard.ID != said || heard.Sender != alice.ID() {
		t.Fatalf("bob heard %v, %v; alice said %s", heard, err, said)
	}
	gone, err := bob.Client.RedactEvent(ctx, r, said)
	if err == nil {
		t.Fatalf("bob may redact what alice said: %v", gone)
	}
	redaction, err := alice.Redact(ctx, r, said)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []id.EventID{said, redaction} {
		e, _, err := as.Wait(ctx, 0, func(e *event.Event) bool { return e.ID == want })
		if err != nil {
			t.Fatalf("appservice waits for %s: %v", want, err)
		}
		if want == redaction && (e.Type != event.EventRedaction || e.Redacts != said) {
			t.Fatalf("the redaction is %s of %s", e.Type.Type, e.Redacts)
		}
	}
}

func TestTool(t *testing.T) {
	launch := tool(t.Context(), t)
	testTalk(t, deadline(t), launch)
}

func TestSynapse(t *testing.T) {
	launch := synapse(t.Context(), t)
	testTalk(t, deadline(t), launch)
}

func TestInProcess(t *testing.T) {
	testTalk(t, deadline(t), inprocess.Launch)
}

func TestRestart(t *testing.T) {
	command := tool(t.Context(), t)
	dendrite := func(context.Context, *testing.T) homeserver.Launcher { return command }
	process := func(context.Context, *testing.T) homeserver.Launcher { return inprocess.Launch }
	stop := func(ctx context.Context, s *homeserver.Server) error { return s.Stop(ctx) }
	kill := func(_ context.Context, s *homeserver.Server) error { return s.Kill() }
	for name, c := range map[string]struct {
		launch func(context.Context, *testing.T) homeserver.Launcher
		end    func(context.Context, *homeserver.Server) error
		loses  bool // what was not pushed when it ended (element-hq/synapse#11637)
	}{
		"stop":         {dendrite, stop, false},
		"kill":         {dendrite, kill, false},
		"in process":   {process, stop, false},
		"synapse stop": {synapse, stop, true},
		"synapse kill": {synapse, kill, true},
	} {
		t.Run(name, func(t *testing.T) {
			launch := c.launch(t.Context(), t)
			ctx := deadline(t)
			s, as := started(ctx, t, launch)
			alice, bob := login(ctx, t, s, "alice"), login(ctx, t, s, "bob")
			r := room(ctx, t, alice, bob)
			before, err := alice.Text(ctx, r, "before")
			if err != nil {
				t.Fatal(err)
			}
			pushed := func(want id.EventID) {
				if _, _, err := as.Wait(ctx, 0, func(e *event.Event) bool { return e.ID == want }); err != nil {
					t.Fatalf("appservice waits for %s: %v", want, err)
				}
			}
			if c.loses {
				pushed(before)
			}
			if err := c.end(ctx, s); err != nil {
				t.Fatal(err)
			}
			if _, err := alice.Text(ctx, r, "while down"); err == nil {
				t.Fatal("a message went to a server that is down")
			}
			if err := s.Restart(ctx); err != nil {
				t.Fatal(err)
			}
			after, err := alice.Text(ctx, r, "after") // with the token from before
			if err != nil {
				t.Fatal(err)
			}
			if _, err := bob.Wait(ctx, 0, matrixuser.Said(r, "after")); err != nil {
				t.Fatal(err)
			}
			pushed(before)
			pushed(after)
			var bodies []string
			all, err := bob.Timeline(ctx, r)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range all {
				if e.Type == event.EventMessage {
					bodies = append(bodies, e.Content.AsMessage().Body)
				}
			}
			if len(bodies) != 2 || bodies[0] != "before" || bodies[1] != "after" {
				t.Fatalf("the room holds %q", bodies)
			}
		})
	}
}

// TestSignal stops a server where it is: it answers nothing until it goes on.
func TestSignal(t *testing.T) {
	launch := tool(t.Context(), t)
	ctx := deadline(t)
	s, _ := started(ctx, t, launch)
	alice := login(ctx, t, s, "alice")
	if err := s.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	if _, err := alice.CreateRoom(short, "Den"); err == nil {
		t.Error("a server that was stopped made a room")
	}
	if err := s.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if _, err := alice.CreateRoom(ctx, "Den"); err != nil {
		t.Fatal(err)
	}
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := s.Signal(syscall.SIGCONT); err == nil {
		t.Error("a server that is gone took a signal")
	}
}

func TestStartFails(t *testing.T) {
	launch := tool(t.Context(), t)
	ctx := deadline(t)
	for name, o := range map[string]homeserver.Options{
		"no directory":      {Launch: launch},
		"no launcher":       {Dir: t.TempDir()},
		"no registration":   {Dir: t.TempDir(), Launch: launch, Registrations: []string{"/nowhere.yaml"}},
		"not on loopback":   {Dir: t.TempDir(), Launch: launch, Addr: "0.0.0.0:0"},
		"directory is file": {Dir: "homeserver_test.go", Launch: launch},
		"not a homeserver":  {Dir: t.TempDir(), Launch: homeserver.Command("true")},
		"no such program":   {Dir: t.TempDir(), Launch: homeserver.Command("/nowhere")},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := homeserver.Start(ctx, o)
			if err == nil {
				t.Fatalf("started: %v", s.Kill())
			}
			t.Log(err)
		})
	}
}
