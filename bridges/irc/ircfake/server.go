package ircfake

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Server is a running fake.
type Server struct {
	cfg      Config
	addr     string
	handlers map[string]handler
	wg       sync.WaitGroup

	mu       sync.Mutex // guards all below, and every user, channel and conn
	listener net.Listener
	conns    map[*conn]bool
	users    map[string]*user // registered, by folded nick
	chans    map[string]*channel
	said     []*Line
	seq      int
	clock    time.Time
	changed  chan struct{} // closed and replaced when something happened
	paused   chan struct{} // closed when the pause ends; nil: not paused
	closing  string        // why new connections are refused; empty: they are not
	refusals []refusal     // of coming messages
	drop     int           // how many coming echoes to leave out
	accepted int           // connections so far
}

// A refusal turns down one message: after skip more, with a numeric.
type refusal struct {
	skip    int
	numeric string
	text    string
}

// Start runs a server on a free port of loopback until Close.
func Start(cfg Config) (*Server, error) {
	s := &Server{
		cfg: cfg.filled(), conns: map[*conn]bool{}, users: map[string]*user{}, chans: map[string]*channel{},
		changed: make(chan struct{}), handlers: handlers(),
	}
	if s.cfg.NickServ {
		u := &user{nick: "NickServ", ident: "services", host: "services.test", real: "Services", service: true}
		s.users[s.fold(u.nick)] = u
	}
	s.addr = "127.0.0.1:0"
	if err := s.Up(); err != nil {
		return nil, err
	}
	return s, nil
}

// Addr is the host:port to connect to. It stays the same across Down and Up.
func (s *Server) Addr() string { return s.addr }

// Port is Addr's port.
func (s *Server) Port() int {
	_, port, _ := net.SplitHostPort(s.addr)
	n, _ := strconv.Atoi(port)
	return n
}

// Up listens again after Down.
func (s *Server) Up() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil {
		return nil
	}
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if strings.HasSuffix(s.addr, ":0") { // the first time, before anybody asks for it
		s.addr = l.Addr().String()
	}
	if s.cfg.TLS != nil {
		l = tls.NewListener(l, s.cfg.TLS)
	}
	s.listener = l
	s.wg.Go(func() { s.accept(l) })
	return nil
}

// Down stops listening and drops every connection. Channels with people in
// them, and what was said, are kept.
func (s *Server) Down() {
	s.mu.Lock()
	if s.listener != nil {
		_ = s.listener.Close() // ends accept, which has nothing more to say
		s.listener = nil
	}
	s.mu.Unlock()
	s.Cut()
}

// Restart is Down and Up, as a server that forgets who was connected.
func (s *Server) Restart() error {
	s.Down()
	return s.Up()
}

// Close ends the server and waits until nothing of it is left.
func (s *Server) Close() {
	s.Resume()
	s.Down()
	s.wg.Wait()
}

// Cut drops all connections without a word.
func (s *Server) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		s.disconnect(c, "Connection reset by peer")
	}
}

// CutNick drops one connection and reports whether there was one.
func (s *Server) CutNick(nick string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[s.fold(nick)]
	if u == nil || u.conn == nil {
		return false
	}
	s.disconnect(u.conn, "Connection reset by peer")
	return true
}

// Kill removes a client as an operator does.
func (s *Server) Kill(nick, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[s.fold(nick)]
	if u == nil || u.conn == nil {
		return
	}
	s.tell(u, nil, "oper!oper@"+s.cfg.Host, "KILL", u.nick, reason)
	s.farewell(u.conn, "Killed (oper ("+reason+"))")
}

// Pause makes the server take nothing more until Resume, as one that hangs.
func (s *Server) Pause() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paused == nil {
		s.paused = make(chan struct{})
	}
}

// Resume ends a Pause.
func (s *Server) Resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paused != nil {
		close(s.paused)
		s.paused = nil
	}
}

// Refuse turns new connections down with an ERROR of this text ("Throttled:
// Reconnecting too fast"; "K-Lined: spam"); an empty text lets them in again.
func (s *Server) Refuse(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = text
}

// RefuseMessage answers one PRIVMSG or NOTICE of a connected client, after skip
// more, with a numeric ("404") and text instead of taking it.
func (s *Server) RefuseMessage(skip int, numeric, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusals = append(s.refusals, refusal{skip, numeric, text})
}

// DropEchoes leaves out the next n echoes, which no real server does, for tests
// of what happens when one is lost.
func (s *Server) DropEchoes(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop = n
}

// Accepted is how many connections there were so far.
func (s *Server) Accepted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

// Connections is how many connections there are.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Clients is how many connections have signed in.
func (s *Server) Clients() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for c := range s.conns {
		if c.welcome {
			n++
		}
	}
	return n
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

// happened wakes those who Wait. Call it with mu held.
func (s *Server) happened() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// now is a time that is never the same twice, in milliseconds.
func (s *Server) now() time.Time {
	t := time.Now().UTC().Truncate(time.Millisecond)
	if !t.After(s.clock) {
		t = s.clock.Add(time.Millisecond)
	}
	s.clock = t
	return t
}

// next numbers what happens.
func (s *Server) next() int {
	s.seq++
	return s.seq
}

// fold is the form of a name in which it is compared.
func (s *Server) fold(name string) string {
	name = strings.ToLower(name)
	if s.cfg.CaseMapping == "rfc1459" {
		name = strings.NewReplacer("[", "{", "]", "}", "\\", "|", "~", "^").Replace(name)
	}
	return name
}
