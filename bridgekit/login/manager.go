package login

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// Options configure a Manager; all fields but Publish are required.
type Options struct {
	DB         *store.DB
	Log        *slog.Logger
	Connectors map[network.NetworkID]network.Connector
	// Deliver takes what a session's client delivers; see network.Sink.
	Deliver func(ctx context.Context, s *Session, b network.Batch) error
	// Changed is told every change of a session's state, in order for one
	// session. It must not block.
	Changed func(s *Session, st network.LoginState)
	// Publish makes pages public, see network.Host.
	Publish func(ctx context.Context, key string, p network.Page) (string, time.Time, error)
	// Probe is how often a login that is online is asked whether it still works,
	// where its network can tell (network.Pinger); 0: never.
	Probe time.Duration
}

// A Manager runs all sessions of a process.
type Manager struct {
	opts Options
	wg   sync.WaitGroup

	changing sync.Mutex // held while a login is added or removed; taken before mu

	mu       sync.RWMutex    // guards what follows
	ctx      context.Context // Run's; nil before it
	ended    bool            // Run ends: no session starts any more
	sessions map[key]*Session
	byUser   map[userKey]*Session
}

type key struct {
	network network.NetworkID
	login   network.LoginID
}

type userKey struct {
	network network.NetworkID
	user    network.UserID
}

// ErrNoLogin is returned for a login that does not exist.
var ErrNoLogin = errors.New("there is no such login")

// New makes a manager without sessions.
func New(o Options) *Manager {
	return &Manager{opts: o, sessions: map[key]*Session{}, byUser: map[userKey]*Session{}}
}

// Load makes the sessions of all logins whose network is configured, and of the
// relays of the configuration, without starting them: from then on it is known
// who is signed in. It is called once, before Run and before anything is
// delivered.
func (m *Manager) Load(ctx context.Context) error {
	if err := m.saveRelays(ctx); err != nil {
		return err
	}
	stored, err := m.opts.DB.Logins(ctx)
	if err != nil {
		return fmt.Errorf("logins: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range stored {
		c := m.opts.Connectors[l.Network]
		if c == nil {
			m.opts.Log.Warn("a login's network is not in the configuration", "network", l.Network, "login", l.ID)
			continue
		}
		if r := c.Info().Relay; l.Owner == "" && (r == nil || r.ID != l.ID) {
			continue // a relay that the configuration no longer has
		}
		m.add(c, l)
	}
	return nil
}

// saveRelays stores the relays of the configuration. Who one is, as it was learned when
// it signed in, stays known: what it did itself may come back before it is connected.
func (m *Manager) saveRelays(ctx context.Context) error {
	stored, err := m.opts.DB.Logins(ctx)
	if err != nil {
		return fmt.Errorf("logins: %w", err)
	}
	for n, c := range m.opts.Connectors {
		r := c.Info().Relay
		if r == nil {
			continue
		}
		relay := store.Login{Network: n, Login: *r}
		for _, l := range stored {
			if l.Network == n && l.ID == r.ID && relay.User == "" {
				relay.User = l.User
			}
		}
		if _, err := m.opts.DB.SaveLogin(ctx, relay); err != nil {
			return fmt.Errorf("relay of %s: %w", n, err)
		}
	}
	return nil
}

// Run runs the sessions until ctx is done and all have ended.
func (m *Manager) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer m.wg.Wait()
	defer cancel()
	m.mu.Lock()
	m.ctx = ctx
	for _, s := range m.sessions {
		m.launch(s)
	}
	m.mu.Unlock()
	<-ctx.Done()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended = true
	return fmt.Errorf("logins: %w", ctx.Err())
}

// Add stores a login and starts its session, or renews the one with the same ID
// if it belongs to the same owner.
func (m *Manager) Add(ctx context.Context, n network.NetworkID, owner string, l network.Login) error {
	c := m.opts.Connectors[n]
	if c == nil {
		return fmt.Errorf("network %q is not configured", n)
	}
	m.changing.Lock()
	defer m.changing.Unlock()
	old := m.Get(n, l.ID)
	if old != nil {
		if old.Owner != owner {
			return network.Errorf(network.Rejected, "this account is used by somebody else here already", "login %s belongs to another user", l.ID)
		}
		m.halt(old)
		if l.User == "" {
			l.User = old.User()
		}
	}
	row := store.Login{Network: n, Owner: owner, Login: l}
	num, err := m.opts.DB.SaveLogin(ctx, row)
	if err != nil {
		if old != nil {
			m.forget(old)
		}
		return err
	}
	row.Num = num
	m.mu.Lock()
	defer m.mu.Unlock()
	// Until now the old one told whose the account is.
	s := m.add(c, row)
	if m.ctx != nil && !m.ended {
		m.launch(s)
	}
	return nil
}

// Remove ends a session and deletes its login.
func (m *Manager) Remove(ctx context.Context, n network.NetworkID, id network.LoginID) error {
	m.changing.Lock()
	defer m.changing.Unlock()
	s := m.Get(n, id)
	if s == nil {
		return ErrNoLogin
	}
	m.halt(s)
	m.forget(s)
	return m.opts.DB.DeleteLogin(ctx, n, id)
}

// add makes a session. It is called with mu held.
func (m *Manager) add(c network.Connector, l store.Login) *Session {
	s := &Session{
		Num: l.Num, Network: l.Network, Owner: l.Owner, ID: l.ID, Name: l.Name,
		m: m, connector: c, login: l.Login, user: l.User, cancel: func() {}, done: make(chan struct{}),
		log:   m.opts.Log.With("network", l.Network, "login", l.ID),
		state: network.LoginState{Status: network.Connecting}, moved: make(chan struct{}),
	}
	m.sessions[key{s.Network, s.ID}] = s
	m.byUser[userKey{s.Network, s.user}] = s
	return s
}

// launch starts a session. It is called with mu held.
func (m *Manager) launch(s *Session) {
	ctx, cancel := context.WithCancel(m.ctx)
	s.cancel, s.launched = cancel, true
	m.wg.Go(func() {
		defer close(s.done)
		defer cancel()
		s.run(ctx)
	})
}

// halt ends a session. It stays known.
func (m *Manager) halt(s *Session) {
	m.mu.Lock()
	launched := s.launched
	m.mu.Unlock()
	if launched {
		s.cancel()
		<-s.done
	}
}

// forget makes a session that has ended unknown.
func (m *Manager) forget(s *Session) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.sessions, key{s.Network, s.ID})
	if k := (userKey{s.Network, s.User()}); m.byUser[k] == s {
		delete(m.byUser, k)
	}
}

// rename notes that a session's own user ID changed.
func (m *Manager) rename(s *Session, from, to network.UserID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k := (userKey{s.Network, from}); m.byUser[k] == s {
		delete(m.byUser, k)
	}
	m.byUser[userKey{s.Network, to}] = s
}

// Get finds a session; nil if there is none.
func (m *Manager) Get(n network.NetworkID, id network.LoginID) *Session {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.sessions[key{n, id}]
}

// ByUser finds the session whose account a remote user is; nil if there is none.
func (m *Manager) ByUser(n network.NetworkID, u network.UserID) *Session {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.byUser[userKey{n, u}]
}

// Namesakes are the sessions of all networks whose account's remote user ID is u.
func (m *Manager) Namesakes(u network.UserID) []*Session {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var out []*Session
	for n := range m.opts.Connectors {
		if s := m.byUser[userKey{n, u}]; s != nil {
			out = append(out, s)
		}
	}
	return out
}

// Of lists the sessions of an owner, oldest first; all sessions if owner is "*".
func (m *Manager) Of(owner string) []*Session {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var out []*Session
	for _, s := range m.sessions {
		if owner == "*" || s.Owner == owner {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b *Session) int { return cmp.Compare(a.Num, b.Num) })
	return out
}

// Relay is a network's relay session of the configuration; nil if there is none.
func (m *Manager) Relay(n network.NetworkID) *Session {
	c := m.opts.Connectors[n]
	if c == nil || c.Info().Relay == nil {
		return nil
	}
	return m.Get(n, c.Info().Relay.ID)
}

// Connector is the connector of a network; nil if it is not configured.
func (m *Manager) Connector(n network.NetworkID) network.Connector { return m.opts.Connectors[n] }
