package login

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

const (
	firstWait   = time.Second      // before the first attempt to connect again
	longestWait = 5 * time.Minute  // between attempts
	steady      = time.Minute      // online for so long, the next loss starts with firstWait
	openWithin  = 30 * time.Second // Open makes no traffic; longer is a fault
)

// A Session is one login while the process runs. Its exported fields are
// constant; its methods may be called concurrently.
type Session struct {
	Num     int64
	Network network.NetworkID
	ID      network.LoginID
	Owner   string // Matrix user ID; "" for a relay of the configuration
	Name    string

	m         *Manager
	connector network.Connector
	login     network.Login
	log       *slog.Logger
	cancel    context.CancelFunc
	launched  bool // guarded by Manager.mu, as is cancel
	done      chan struct{}

	mu    sync.RWMutex // guards what follows
	user  network.UserID
	state network.LoginState
	since time.Time     // when the status changed
	moved chan struct{} // closed when the state changes
	ops   *network.Ops  // of the running client; nil if there is none
	probe Probe
}

// User is the login's own remote user ID.
func (s *Session) User() network.UserID {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.user
}

// State is how the login fares.
func (s *Session) State() network.LoginState {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.state
}

// Since is when the login came to its status.
func (s *Session) Since() time.Time {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.since
}

// Online reports whether calls to the client can work now.
func (s *Session) Online() bool {
	st := s.State().Status
	return st == network.Online || st == network.Limited
}

// Settled waits while the login is connecting, as it is when the program has just
// started, until ctx is done or the session ends. It returns whether calls to the
// client can work now.
func (s *Session) Settled(ctx context.Context) bool {
	for {
		s.mu.RLock()
		st, moved := s.state.Status, s.moved
		s.mu.RUnlock()
		if st != network.Connecting {
			return s.Online()
		}
		select {
		case <-moved:
		case <-s.done:
			return s.Online()
		case <-ctx.Done():
			return false
		}
	}
}

// Ops are the operations of the running client; false if there is none.
func (s *Session) Ops() (network.Ops, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.ops == nil {
		return network.Ops{}, false
	}
	return *s.ops, true
}

// Cause is what an entry that waits for this login is parked on.
func (s *Session) Cause() string { return "login " + string(s.Network) + " " + string(s.ID) }

// Info describes the login's network.
func (s *Session) Info() network.Info { return s.connector.Info() }

// run keeps the client running until ctx ends or the login is dead.
func (s *Session) run(ctx context.Context) {
	wait := firstWait
	for {
		began := time.Now()
		err := s.connect(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > steady {
			wait = firstWait
		}
		kind := network.KindOf(err)
		if kind == network.LoggedOut {
			s.log.Warn("login needs its person", "err", err)
			s.set(network.LoginState{Status: network.Dead, Words: network.UserText(err)})
			<-ctx.Done()
			return
		}
		pause := wait - wait/4 + rand.N(wait/2)
		if w := network.WaitOf(err); kind == network.RateLimited && w > 0 {
			pause = w
		}
		s.log.Info("connection lost", "err", err, "again_in", pause.Round(time.Millisecond))
		s.set(network.LoginState{Status: network.Offline, Words: network.UserText(err)})
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		wait = min(wait*2, longestWait)
	}
}

// connect opens a client and runs it once.
func (s *Session) connect(ctx context.Context) (err error) {
	s.set(network.LoginState{Status: network.Connecting})
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("connector panicked: %v", r)
		}
		s.mu.Lock()
		s.ops = nil
		s.mu.Unlock()
	}()
	octx, cancel := context.WithTimeout(ctx, openWithin)
	defer cancel()
	s.mu.RLock()
	l := s.login
	s.mu.RUnlock()
	client, err := s.connector.Open(octx, s.host(), l)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	ops := network.Resolve(client)
	s.mu.Lock()
	s.ops = &ops
	s.mu.Unlock()
	return s.watched(ctx, &ops)
}

func (s *Session) host() network.Host {
	db := s.m.opts.DB
	publish := s.m.opts.Publish
	if publish == nil {
		publish = func(context.Context, string, network.Page) (string, time.Time, error) {
			return "", time.Time{}, network.ErrNotPublic
		}
	}
	return network.Host{
		Log: s.log,
		KV:  db.KV(s.Network, s.ID),
		Cursor: func(ctx context.Context, name string) ([]byte, error) {
			return db.Cursor(ctx, s.Network, s.ID, name)
		},
		Chats: func(ctx context.Context) ([]network.ChatKey, error) {
			portals, err := db.ChatsOf(ctx, s.Network, s.ID)
			var keys []network.ChatKey
			for _, p := range portals {
				keys = append(keys, p.Chat)
			}
			return keys, err
		},
		Publish: publish,
	}
}

// set changes the state and tells the manager's owner, if it is a change.
func (s *Session) set(st network.LoginState) {
	s.mu.Lock()
	from, to := s.user, st.User
	if to != "" {
		s.user = to
	}
	st.User = s.user
	changed := s.state != st
	if s.state.Status != st.Status {
		s.since = time.Now()
	}
	s.state = st
	if changed {
		close(s.moved)
		s.moved = make(chan struct{})
	}
	s.mu.Unlock()
	if to != "" && to != from {
		s.m.rename(s, from, to)
		if err := s.m.opts.DB.SetLoginUser(context.Background(), s.Network, s.ID, to); err != nil {
			s.log.Error("store own user ID", "err", err)
		}
	}
	if changed {
		s.m.opts.Changed(s, st)
	}
}

// sink is what the client delivers to.
type sink struct{ s *Session }

var _ network.Sink = sink{}

func (k sink) Deliver(ctx context.Context, b network.Batch) error {
	return k.s.m.opts.Deliver(ctx, k.s, b)
}

func (k sink) State(st network.LoginState) { k.s.set(st) }
