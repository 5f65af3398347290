package stub

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/causeway-chat/causeway/testbed/bench/wire"
)

// A Server is the homeserver.
type Server struct {
	client *http.Client // pushes to the appservices

	mu       sync.RWMutex // guards what follows
	services map[string]*service
}

// A service is one appservice and all that the server keeps for it.
type service struct {
	wire.Appservice
	latency atomic.Int64 // nanoseconds
	down    atomic.Bool

	requests    atomic.Int64
	beforeFirst atomic.Int64 // requests before the first message; -1: none came yet
	txns        atomic.Int64
	tally       wire.Tally

	mu      sync.Mutex // guards what follows
	rooms   map[string]*room
	aliases map[string]string // alias: room ID
	names   map[string]string // name: room ID
	events  int
}

// Run serves until ctx is done.
func Run(ctx context.Context, spec wire.Spec) error {
	s := &Server{
		client:   &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
		services: map[string]*service{},
	}
	l, err := net.Listen("tcp", spec.Listen)
	if err != nil {
		return fmt.Errorf("stub homeserver: %w", err)
	}
	server := &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		<-ctx.Done()
		return errors.Join(ctx.Err(), server.Close())
	})
	g.Go(func() error { return server.Serve(l) })
	g.Go(func() error { return wire.Serve(ctx, spec.Control, (&control{s}).methods()) })
	return g.Wait()
}

// service finds an appservice by its token; nil if there is none.
func (s *Server) service(token string) *service {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.services[token]
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.Path, "/_matrix/")
	if !ok {
		answer(w, http.StatusNotFound, `{"errcode":"M_UNRECOGNIZED"}`)
		return
	}
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	a := s.service(token)
	if path == "client/versions" && (a == nil || !a.down.Load()) {
		answer(w, http.StatusOK, versions)
		return
	}
	if a == nil {
		answer(w, http.StatusUnauthorized, `{"errcode":"M_UNKNOWN_TOKEN","error":"unknown token"}`)
		return
	}
	a.requests.Add(1)
	if a.down.Load() {
		answer(w, http.StatusServiceUnavailable, `{"errcode":"M_UNKNOWN","error":"down"}`)
		return
	}
	// What an event does has happened when it arrives; the answer takes longer.
	reply := s.handle(a, r, strings.Split(path, "/"))
	if d := a.latency.Load(); d > 0 {
		time.Sleep(time.Duration(d))
	}
	if reply.stream != nil {
		reply.stream(w)
		return
	}
	answer(w, reply.status, reply.body)
}

// versions says what is needed of a modern server: pings and media with tokens.
const versions = `{"versions":["v1.4","v1.7","v1.11"],"unstable_features":{}}`

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	if status != http.StatusOK {
		w.WriteHeader(status)
	}
	_, _ = w.Write([]byte(body)) // who is gone needs no answer
}

// A reply is what a request is answered with.
type reply struct {
	status int
	body   string
	stream func(http.ResponseWriter) // instead
}

func ok(body string) reply { return reply{status: http.StatusOK, body: body} }

func notFound() reply {
	return reply{status: http.StatusNotFound, body: `{"errcode":"M_NOT_FOUND","error":"not found"}`}
}
