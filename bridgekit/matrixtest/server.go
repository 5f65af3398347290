package matrixtest

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// A Server is a homeserver. Make one with New and end it with Close. All its
// methods may be called concurrently.
type Server struct {
	// Faults makes requests from outside fail.
	Faults Faults

	opts     Options
	router   *router
	requests requestLog
	txns     txnCache
	done     chan struct{} // closed by Close
	ctx      context.Context
	cancel   context.CancelFunc
	pushers  sync.WaitGroup

	mu       sync.Mutex // guards all below and everything reachable from it
	wake     chan struct{}
	pos      int64 // order of arrival of the newest change
	ids      uint64
	names    map[string]uint64 // by name, with Options.ByName
	restarts int
	users    map[string]*user
	sessions map[string]session // by access token
	services []*appservice
	rooms    map[string]*room
	events   map[string]*Event
	aliases  map[string]alias
	media    map[string]*Media
}

// An alias leads to a room; its creator may remove it.
type alias struct {
	room    string
	creator string
}

// A session is who asks: a user's device, or an appservice that acts as one
// of its users.
type session struct {
	user    *user
	service *appservice
	device  string
	token   string
}

func (s session) userID() string {
	if s.user == nil {
		return ""
	}
	return s.user.id
}

// scope is whose transaction IDs these are: the appservice's whichever ghost
// it acts as, else the access token's.
func (s session) scope() string {
	if s.service != nil {
		return "as " + s.service.reg.ID
	}
	return "token " + s.token
}

// New makes a running homeserver without users, rooms and appservices.
func New(opts Options) *Server {
	opts = opts.withDefaults()
	hs := &Server{
		opts:     opts,
		router:   newRouter(routes(), opts.Without),
		requests: requestLog{limit: opts.RequestLog, lost: map[string]int64{}},
		txns:     txnCache{seen: map[txnKey]*txnResult{}},
		done:     make(chan struct{}),
		pos:      1, // so that no sync token equals the lack of one
		users:    map[string]*user{},
		sessions: map[string]session{},
		names:    map[string]uint64{},
		rooms:    map[string]*room{},
		events:   map[string]*Event{},
		aliases:  map[string]alias{},
		media:    map[string]*Media{},
	}
	hs.ctx, hs.cancel = context.WithCancel(context.Background())
	hs.Faults.change = hs.notify
	return hs
}

// Close ends pushing and hanging requests and waits for the pushers. Requests
// that come later are still served.
func (hs *Server) Close() {
	select {
	case <-hs.done:
		return
	default:
	}
	hs.cancel()
	close(hs.done)
	hs.pushers.Wait()
	hs.mu.Lock()
	defer hs.mu.Unlock()
	for _, rm := range hs.rooms {
		for _, t := range rm.typing {
			t.timer.Stop()
		}
	}
}

// Domain is the server name.
func (hs *Server) Domain() string { return hs.opts.Domain }

// Handler is the server itself, for httptest.NewServer.
func (hs *Server) Handler() http.Handler { return hs }

// Transport calls the server in the same process; see the package's
// Transport. The host in the URL does not matter.
func (hs *Server) Transport() http.RoundTripper { return Transport(hs) }

// Restart does what a restart of a homeserver does to a bridge: the cache of
// transaction IDs is gone, long polls end, and what appservices have not
// acknowledged is pushed again (on Dendrite behind newer events).
func (hs *Server) Restart() {
	hs.txns.forget()
	hs.mu.Lock()
	defer hs.mu.Unlock()
	hs.restarts++
	for _, as := range hs.services {
		as.restart()
	}
	hs.changed()
}

// Wait returns when cond is true, or with ctx's error. cond is asked after
// every change of the server and must not call Wait.
func (hs *Server) Wait(ctx context.Context, cond func() bool) error {
	for {
		hs.mu.Lock()
		wake := hs.wakeup()
		hs.mu.Unlock()
		if cond() {
			return nil
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// wakeup returns a channel that is closed at the next change. It is made
// only when somebody waits, which keeps sending cheap. Called under mu.
func (hs *Server) wakeup() <-chan struct{} {
	if hs.wake == nil {
		hs.wake = make(chan struct{})
	}
	return hs.wake
}

// changed wakes who waits. Called under mu.
func (hs *Server) changed() {
	if hs.wake != nil {
		close(hs.wake)
		hs.wake = nil
	}
}

func (hs *Server) notify() {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	hs.changed()
}

func (hs *Server) nowMS() int64 { return hs.opts.Now().UnixMilli() }

// nextPos numbers a change. Called under mu.
func (hs *Server) nextPos() int64 {
	hs.pos++
	return hs.pos
}

// newID makes an opaque identifier of 43 characters, the same in each run
// that does the same. What it is for counts with Options.ByName only. Called under mu.
func (hs *Server) newID(of ...string) string {
	hs.ids++
	seed, n := hs.opts.Domain, hs.ids
	if hs.opts.ByName {
		seed = strings.Join(of, "\x00")
		hs.names[seed]++
		n = hs.names[seed]
	}
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64([]byte(seed), n))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// newToken makes an access token or a media ID: letters and digits only.
// Called under mu.
func (hs *Server) newToken(prefix string) string {
	return prefix + hex.EncodeToString([]byte(hs.newID("token", prefix))[:12])
}

func (hs *Server) userIDOf(localpart string) string { return "@" + localpart + ":" + hs.opts.Domain }

// local takes the localpart of a user ID of this server.
func (hs *Server) local(userID string) (string, bool) {
	name, ok := strings.CutPrefix(userID, "@")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(name, ":"+hs.opts.Domain)
}

// authenticate finds out who asks (Application Service API, "Identity
// assertion").
func (hs *Server) authenticate(r *http.Request, query url.Values) (session, *Error) {
	token := bearer(r, query)
	if token == "" {
		return session{}, fail(http.StatusUnauthorized, "M_MISSING_TOKEN", "Missing access token")
	}
	hs.mu.Lock()
	defer hs.mu.Unlock()
	s, ok := hs.sessions[token]
	if !ok {
		return session{token: token}, fail(http.StatusUnauthorized, "M_UNKNOWN_TOKEN", "Unrecognised access token")
	}
	as := query.Get("user_id")
	if s.service == nil {
		return s, nil
	}
	if as != "" && as != s.user.id {
		if _, ok := hs.local(as); !ok || !s.service.owns(as) {
			return session{token: token, service: s.service}, forbidden("Application service cannot masquerade as this user (%s).", as)
		}
		u := hs.users[as]
		if u == nil || !u.registered {
			return session{token: token, service: s.service}, forbidden("Application service has not registered this user (%s)", as)
		}
		s.user = u
	}
	return hs.asDevice(s, query)
}

// asDevice lets an appservice act as a device (MSC3202; Dendrite does not
// look at it). Called under mu.
func (hs *Server) asDevice(s session, query url.Values) (session, *Error) {
	id := query.Get("device_id")
	if id == "" {
		id = query.Get("org.matrix.msc3202.device_id")
	}
	if id == "" || hs.opts.Flavor == Dendrite {
		return s, nil
	}
	if _, ok := s.user.devices[id]; !ok {
		return s, badRequest("M_UNKNOWN_DEVICE", "Unknown device %s of %s", id, s.user.id)
	}
	s.device = id
	return s, nil
}

// after calls f under mu when d has passed, unless the timer is stopped.
func (hs *Server) after(d time.Duration, f func()) *time.Timer {
	return time.AfterFunc(d, func() {
		hs.mu.Lock()
		defer hs.mu.Unlock()
		f()
	})
}
