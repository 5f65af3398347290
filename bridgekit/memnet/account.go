package memnet

import (
	"context"
	"fmt"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// An account is a user that clients can sign in as. Server.mu guards it.
type account struct {
	user     network.UserID
	password string
	tokens   []string // of its sessions
	sent     map[network.TxnID][]*message
	conns    map[*conn]struct{}

	queue []network.Event // not acknowledged; with Options.History all
	first int64           // position of queue[0], from 1
	acked int64           // with Options.History: the position up to which all is acknowledged
}

func (a *account) login() network.LoginID { return network.LoginID(a.user) }

// A conn is one connection of a client.
type conn struct {
	wake  chan struct{} // there may be events
	gone  chan struct{} // closed when the connection is cut
	cause error         // why; set before gone is closed

	// Guarded by Server.mu:
	account *account // nil until the client has signed in
	pos     int64    // the next event to hand out
	cut     bool
}

// Account makes an account for a user, with the password "secret", and returns a
// login for it. Each call makes another session.
func (s *Server) Account(u network.UserID) network.Login {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.signIn(s.accountOf(u))
}

// accountOf finds or makes an account. Call it with mu held.
func (s *Server) accountOf(u network.UserID) *account {
	a := s.accounts[u]
	if a == nil {
		s.person(u)
		a = &account{
			user: u, password: "secret", first: 1,
			sent: map[network.TxnID][]*message{}, conns: map[*conn]struct{}{},
		}
		s.accounts[u] = a
	}
	return a
}

// signIn makes a session. Call it with mu held.
func (s *Server) signIn(a *account) network.Login {
	token := "token:" + string(a.user) + ":" + s.count()
	s.tokens[token] = a
	a.tokens = append(a.tokens, token)
	return network.Login{
		ID: a.login(), User: a.user, Data: []byte(token),
		Name: fmt.Sprintf("%s on %s", a.user, s.options.Name),
	}
}

// Sessions is how many sessions an account has.
func (s *Server) Sessions(u network.UserID) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.accounts[u]; a != nil {
		return len(a.tokens)
	}
	return 0
}

// Pending is how many events an account has not acknowledged.
func (s *Server) Pending(u network.UserID) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.accounts[u]; a != nil {
		return len(a.queue) - int(max(a.acked-a.first, 0))
	}
	return 0
}

// push queues an event. Call it with mu held.
func (s *Server) push(a *account, ev network.Event) {
	if s.silent || len(a.conns) == 0 && (s.options.NoRedelivery || network.Ephemeral(ev)) {
		return
	}
	a.queue = append(a.queue, ev)
	for c := range a.conns {
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
}

// acknowledge drops what comes before pos from the queue. Call it with mu held.
func (a *account) acknowledge(pos int64) {
	n := min(max(pos-a.first, 0), int64(len(a.queue)))
	clear(a.queue[:n])
	a.queue = a.queue[n:]
	a.first += n
}

// newConn makes a connection that is not signed in.
func (s *Server) newConn() (*conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return nil, errDown()
	}
	c := &conn{wake: make(chan struct{}, 1), gone: make(chan struct{})}
	s.conns[c] = struct{}{}
	return c, nil
}

// drop ends a connection.
func (s *Server) drop(c *conn, cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropLocked(c, cause)
}

func (s *Server) dropLocked(c *conn, cause error) {
	if c.cut {
		return
	}
	c.cut, c.cause = true, cause
	close(c.gone)
	delete(s.conns, c)
	if a := c.account; a != nil {
		delete(a.conns, c)
		if len(a.conns) == 0 && s.options.NoRedelivery {
			a.acknowledge(a.first + int64(len(a.queue)))
		}
	}
	s.changed()
}

// connect signs a connection in. What lies before r.Pos is acknowledged.
func (s *Server) connect(_ context.Context, c *conn, r *request) (*response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.cut {
		return nil, c.cause
	}
	a := s.tokens[r.Token]
	if a == nil {
		return nil, errSignedOut()
	}
	if s.options.History {
		a.acked = r.Pos // it may have been further
		c.account, c.pos = a, max(a.first, r.Pos)
	} else {
		a.acknowledge(r.Pos)
		c.account, c.pos = a, a.first
	}
	a.conns[c] = struct{}{}
	s.changed()
	return &response{User: s.describeUser(s.person(a.user))}, nil
}

func errSignedOut() error {
	return network.Errorf(network.LoggedOut, "you were signed out of the network; sign in again", "memnet: no such session")
}

// next acknowledges what lies before r.Pos, waits for events, and hands out at
// most r.Limit of them.
func (s *Server) next(ctx context.Context, c *conn, r *request) (*response, error) {
	for {
		s.mu.Lock()
		a := c.account
		switch {
		case s.options.History:
			a.acked = max(a.acked, r.Pos)
			s.changed()
		case r.Pos > a.first:
			a.acknowledge(r.Pos)
			s.changed()
		}
		c.pos = max(c.pos, a.first)
		from := c.pos - a.first
		if n := min(int64(len(a.queue))-from, int64(r.Limit)); n > 0 && !c.cut {
			events := append([]network.Event(nil), a.queue[from:from+n]...)
			c.pos += n
			pos := c.pos
			s.mu.Unlock()
			return &response{Events: events, Pos: pos}, nil
		}
		s.mu.Unlock()
		select {
		case <-c.wake:
		case <-c.gone:
			return nil, c.cause
		case <-ctx.Done():
			return nil, fmt.Errorf("memnet: wait for events: %w", ctx.Err())
		}
	}
}

// Cut drops all connections.
func (s *Server) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		s.dropLocked(c, errLost())
	}
}

// CutAccount drops an account's connections.
func (s *Server) CutAccount(u network.UserID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.accounts[u]; a != nil {
		for c := range a.conns {
			s.dropLocked(c, errLost())
		}
	}
}

// Down drops all connections and lets nobody connect until up is called.
func (s *Server) Down() (up func()) {
	s.mu.Lock()
	s.down = true
	s.mu.Unlock()
	s.Cut()
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.down = false
	}
}

// Connected waits until an account has a connection.
func (s *Server) Connected(ctx context.Context, u network.UserID) error {
	return s.Wait(ctx, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		a := s.accounts[u]
		return a != nil && len(a.conns) > 0
	})
}

// Revoke ends all sessions of an account.
func (s *Server) Revoke(u network.UserID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[u]
	if a == nil {
		return
	}
	for _, token := range a.tokens {
		delete(s.tokens, token)
	}
	a.tokens = nil
	for c := range a.conns {
		s.dropLocked(c, errSignedOut())
	}
}

// HangChat makes requests to a chat wait, before they are carried out, until
// release is called or they are given up.
func (s *Server) HangChat(id network.ChatID) (release func()) {
	return s.block(id, func(c *chat) *[]chan struct{} { return &c.hang })
}

// MuteChat makes answers about a chat wait until release is called or the
// request is given up: it was carried out, and the client cannot know.
func (s *Server) MuteChat(id network.ChatID) (release func()) {
	return s.block(id, func(c *chat) *[]chan struct{} { return &c.mute })
}

func (s *Server) block(id network.ChatID, list func(*chat) *[]chan struct{}) (release func()) {
	gate := make(chan struct{})
	c := s.makeChat(id, network.Group, nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	*list(c) = append(*list(c), gate)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		l := list(c)
		for i, g := range *l {
			if g == gate {
				*l = append((*l)[:i:i], (*l)[i+1:]...)
				close(gate)
				return
			}
		}
	}
}

// Fail makes f decide whether a request fails, and how: op is the name of an
// operation as in Ops.Names, or "send", "chat", "user". It is called for every
// request about a chat, and every "ping" with no chat, before it is carried out,
// concurrently. Nil ends it.
func (s *Server) Fail(f func(op string, chat network.ChatID) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = f
}

// before asks Fail and waits for HangChat.
func (s *Server) before(ctx context.Context, c *conn, r *request) error {
	if r.Chat == "" && r.Op != "ping" {
		return nil
	}
	s.mu.Lock()
	fail := s.fail
	s.mu.Unlock()
	if fail != nil {
		if err := fail(r.Op, r.Chat); err != nil {
			return err
		}
	}
	s.mu.Lock()
	var gates []chan struct{}
	if ch := s.chats[r.Chat]; ch != nil && len(ch.hang) > 0 {
		gates = append(gates, ch.hang...)
	}
	s.mu.Unlock()
	return pass(ctx, c, gates)
}

// after waits for MuteChat.
func (s *Server) after(ctx context.Context, c *conn, r *request) error {
	if r.Chat == "" {
		return nil
	}
	s.mu.Lock()
	var gates []chan struct{}
	if ch := s.chats[r.Chat]; ch != nil && len(ch.mute) > 0 {
		gates = append(gates, ch.mute...)
	}
	s.mu.Unlock()
	if err := pass(ctx, c, gates); err != nil {
		return &network.Error{Kind: network.Unsure, User: "the network did not answer", Err: err}
	}
	return nil
}

// pass waits until all gates are open.
func pass(ctx context.Context, c *conn, gates []chan struct{}) error {
	for _, g := range gates {
		select {
		case <-g:
		case <-c.gone:
			return c.cause
		case <-ctx.Done():
			return fmt.Errorf("memnet: request: %w", ctx.Err())
		}
	}
	return nil
}
