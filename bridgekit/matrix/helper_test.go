package matrix

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

// memState is State in memory.
type memState struct {
	mu    sync.Mutex
	facts map[string]string
	fail  error
}

func (s *memState) Fact(_ context.Context, key string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.facts[key], s.fail
}

func (s *memState) SetFact(_ context.Context, key, value string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.facts == nil {
		s.facts = map[string]string{}
	}
	s.facts[key] = value
	return s.fail
}

func (s *memState) Learn(ctx context.Context, key, value string) error {
	return s.SetFact(ctx, key, value)
}

// A world is a homeserver with our registrations and one person.
type world struct {
	*testing.T
	hs    *matrixtest.Server
	h     *Homeserver
	state *memState
	opts  Options
	alice *matrixtest.User
	ghost id.UserID
}

func newWorld(t *testing.T, o matrixtest.Options) *world {
	t.Helper()
	return newWorldWith(t, o, nil)
}

// newWorldWith also pushes to handler, if there is one.
func newWorldWith(t *testing.T, o matrixtest.Options, handler http.Handler) *world {
	t.Helper()
	o.Fail = t.Fatalf
	hs := matrixtest.New(o)
	t.Cleanup(hs.Close)
	for _, reg := range []matrixtest.Registration{
		{
			ID: "causeway", ASToken: "as", HSToken: "hs", SenderLocalpart: "_cw_sender", Handler: handler,
			Users:   []matrixtest.Namespace{{Exclusive: true, Regex: "@_cw_.*:test"}},
			Aliases: []matrixtest.Namespace{{Exclusive: true, Regex: "#_cw_.*:test"}},
		},
		{
			ID: "puppets", ASToken: "dp", HSToken: "hs2", SenderLocalpart: "_puppets",
			Users: []matrixtest.Namespace{{Regex: "@.*:test"}},
		},
	} {
		if err := hs.Register(reg); err != nil {
			t.Fatal(err)
		}
	}
	w := &world{T: t, hs: hs, state: &memState{}}
	w.opts = Options{
		URL: "http://hs.test", Domain: "test", ASToken: "as", HSToken: "hs", Bot: "_cw_bot", Prefix: "_cw_",
		Secret: []byte("secret"), State: w.state, Transport: hs.Transport(), SpoolDir: t.TempDir(), DoublePuppetToken: "dp",
	}
	w.h = w.restart()
	w.alice = hs.CreateUser("alice", "pw")
	w.ghost = w.h.GhostID("net", "bob")
	return w
}

// as makes a request as the bot, past everything that h does.
func (w *world) as(method string, at mautrix.ClientURLPath, body, into any) {
	w.Helper()
	w.must(request(w.Context(), w.h.client(w.h.BotID(), "as"), method, at, nil, body, into))
}

// restart is a new process with the same facts.
func (w *world) restart() *Homeserver {
	w.Helper()
	h, err := New(w.opts)
	w.must(err)
	return h
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// wantKind fails unless err has a kind.
func (w *world) wantKind(err error, k Kind) {
	w.Helper()
	if err == nil || KindOf(err) != k {
		w.Fatalf("got %v, want kind %q", err, k)
	}
}

// room makes a portal that alice is in.
func (w *world) room() id.RoomID {
	w.Helper()
	room, err := w.h.CreateRoom(w.Context(), Room{Alias: w.h.Alias("room", w.Name()), Name: "Room", Invite: []id.UserID{w.aliceID()}})
	w.must(err)
	w.alice.Join(string(room))
	return room
}

func (w *world) aliceID() id.UserID { return id.UserID(w.alice.ID) }

func (w *world) message(room id.RoomID, key, body string) Event {
	return Event{Room: room, As: w.ghost, Type: event.EventMessage, Key: []byte(key), Step: "0",
		Content: map[string]any{"msgtype": "m.text", "body": body}}
}

// bodies is the texts in a room.
func (w *world) bodies(room id.RoomID) []string { return w.hs.Room(string(room)).Bodies() }

func (w *world) wantBodies(room id.RoomID, want ...string) {
	w.Helper()
	got := w.bodies(room)
	if len(got) != len(want) {
		w.Fatalf("room has %q, want %q", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			w.Fatalf("room has %q, want %q", got, want)
		}
	}
}

// failOnce breaks the first request of a route.
func (w *world) failOnce(route string, f matrixtest.Fault) {
	var mu sync.Mutex
	done := false
	w.hs.Faults.Set(func(c matrixtest.Call) matrixtest.Fault {
		mu.Lock()
		defer mu.Unlock()
		if c.Route != route || done {
			return matrixtest.Fault{}
		}
		done = true
		return f
	})
}

// failAll breaks every request of a route.
func (w *world) failAll(route string, f matrixtest.Fault) {
	w.hs.Faults.Set(func(c matrixtest.Call) matrixtest.Fault {
		if c.Route != route {
			return matrixtest.Fault{}
		}
		return f
	})
}

// counts is the requests since the last call, by route.
func (w *world) counts() map[string]int64 {
	c := w.hs.Requests().Count
	w.hs.ResetRequests()
	return c
}

func total(counts map[string]int64) (n int64) {
	for _, c := range counts {
		n += c
	}
	return n
}

// roundTripper is a function as a transport.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

var errTest = errors.New("test")
