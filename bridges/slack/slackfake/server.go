package slackfake

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Server is a running fake.
type Server struct {
	cfg     Config
	addr    string
	methods map[string]method
	client  *http.Client   // for the Events API
	stopped chan struct{}  // closed by Close
	conns   sync.WaitGroup // of net/http
	wg      sync.WaitGroup // our own goroutines

	once sync.Once

	mu        sync.Mutex // guards all below, and everything in it
	http      *http.Server
	gone      chan struct{} // closed by Down
	changed   chan struct{} // closed and replaced when something happened
	seq       int64
	last      int64 // microseconds of the last ts
	teams     map[string]*team
	users     map[string]*user
	order     []*user // as they came
	chans     map[string]*channel
	list      []*channel // as they came
	apps      map[string]*app
	tokens    map[string]*token
	tickets   map[string]*token // of sockets that are yet to be opened
	sockets   map[*socket]bool
	calls     map[string]int
	unknown   map[string]int
	groups    map[string]*Usergroup
	emoji     map[string]string
	huddles   map[string]*huddle // by conversation
	files     map[string]*file
	codes     map[string]*grant // of OAuth
	pictures  map[string]picture
	browser   string // who sits there
	declines  bool
	responses []JSON
	ephemeral []JSON
	faults    []*Fault
	buckets   map[string]*bucket
}

// Start runs a server until Close.
func Start(cfg Config) (*Server, error) {
	s := &Server{
		cfg: cfg.filled(), methods: methods(), client: &http.Client{Transport: &http.Transport{}}, stopped: make(chan struct{}), changed: make(chan struct{}), teams: map[string]*team{},
		users: map[string]*user{}, chans: map[string]*channel{}, apps: map[string]*app{},
		tokens: map[string]*token{}, tickets: map[string]*token{}, sockets: map[*socket]bool{},
		buckets: map[string]*bucket{}, pictures: map[string]picture{}, groups: map[string]*Usergroup{}, emoji: map[string]string{}, huddles: map[string]*huddle{}, files: map[string]*file{}, codes: map[string]*grant{},
		calls: map[string]int{}, unknown: map[string]int{},
	}
	s.addr = s.cfg.Addr
	s.AddTeam(s.cfg.Team)
	if err := s.Up(); err != nil {
		return nil, err
	}
	return s, nil
}

// URL is the root, without a slash at the end. It stays the same across Down and Up.
func (s *Server) URL() string { return "http://" + s.addr }

// APIURL is what libraries call the API URL: https://slack.com/api/ otherwise.
func (s *Server) APIURL() string { return s.URL() + "/api/" }

// Up listens again after Down.
func (s *Server) Up() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.http != nil {
		return nil
	}
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if strings.HasSuffix(s.addr, ":0") { // the first time, before anybody asks for it
		s.addr = l.Addr().String()
	}
	srv := &http.Server{Handler: s.routes(), ReadHeaderTimeout: time.Minute, ConnState: s.count}
	s.http, s.gone = srv, make(chan struct{})
	s.wg.Go(func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			panic(fmt.Sprintf("slackfake: serve: %v", err))
		}
	})
	return nil
}

// count keeps account of the connections of net/http, for Close.
func (s *Server) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.conns.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.conns.Done()
	}
}

// Down stops listening and drops every connection. All else is kept.
func (s *Server) Down() {
	s.mu.Lock()
	srv := s.http
	s.http = nil
	if srv != nil {
		close(s.gone)
	}
	for c := range s.sockets {
		c.close()
	}
	s.mu.Unlock()
	if srv != nil {
		_ = srv.Close() // of a listener on loopback
	}
}

// Restart is Down and Up.
func (s *Server) Restart() error {
	s.Down()
	return s.Up()
}

// Close ends the server and waits until nothing of it is left.
func (s *Server) Close() {
	s.Down()
	s.once.Do(func() { close(s.stopped) })
	s.wg.Wait()
	s.client.CloseIdleConnections()
	s.conns.Wait()
}

// Wait waits until cond is true. It is asked after each change, without any
// lock, so it may call the server's methods.
func (s *Server) Wait(ctx context.Context, cond func() bool) error {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if cond() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for the server: %w", ctx.Err())
		}
	}
}

// Calls is how often a method of the Web API was called, whatever it answered.
func (s *Server) Calls(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[method]
}

// Unknown are the calls that the fake does not know, by "method" or path. A test
// fails if there are any.
func (s *Server) Unknown() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	for k, v := range s.unknown {
		out[k] = v
	}
	return out
}

// routes are the paths of all that Slack serves.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/api/{method}", s.api)
	mux.HandleFunc("GET /link/{$}", s.link)
	mux.HandleFunc("GET /websocket/{ticket}", s.link)
	mux.HandleFunc("GET /{$}", s.link)
	mux.HandleFunc("POST /upload/v1/{id}", s.upload)
	mux.HandleFunc("GET /files-pri/{id}/{name...}", s.download)
	mux.HandleFunc("GET /pictures/{id}", s.picture)
	mux.HandleFunc("GET /oauth/v2/authorize", s.authorize)
	mux.HandleFunc("POST /response/{id}", s.response)
	mux.HandleFunc("/", s.notFound)
	return mux
}

func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.unknown[r.URL.Path]++
	s.happened()
	s.mu.Unlock()
	http.NotFound(w, r)
}

// happened wakes those who Wait. Call it with mu held, as everything below.
func (s *Server) happened() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// ts is a message's name: a time that is never the same twice.
func (s *Server) ts() string {
	s.last = max(s.last+1, s.cfg.Now().UnixMicro())
	return fmt.Sprintf("%d.%06d", s.last/1e6, s.last%1e6)
}

// id is a new ID of a kind: its first letters.
func (s *Server) id(kind string) string {
	s.seq++
	n := strings.ToUpper(strconv.FormatInt(s.seq, 36))
	return kind + strings.Repeat("0", max(0, 10-len(n))) + n
}

// now is the time in seconds.
func (s *Server) now() int64 { return s.cfg.Now().Unix() }
