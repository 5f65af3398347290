package matrixtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
)

// An appservice is a registration and what waits to be pushed to it. All of
// it is guarded by Server.mu.
type appservice struct {
	reg     Registration
	users   []namespace
	aliases []namespace
	rooms   []namespace
	sender  string
	known   map[string]bool // owns, by user ID

	url      string
	handler  http.Handler
	attached bool // handler counts, also when nil (unreachable)

	push      bool // anything is pushed at all
	queue     []queued
	extras    []json.RawMessage // ephemeral events
	down      bool              // the last attempt failed
	wake      chan struct{}     // the pusher: something to do
	hurry     chan struct{}     // the pusher: try again now
	interrupt func()            // ends the attempt that runs, nil if none does
	restarts  int
	nextTxn   int64
	stats     PushStats
}

type namespace struct {
	exclusive bool
	re        *regexp.Regexp
}

// A queued event is encoded when it is pushed.
type queued struct {
	event  *Event
	invite []json.RawMessage
	alone  bool // came while the appservice was down: a transaction of its own
}

func compile(list []Namespace) ([]namespace, error) {
	var out []namespace
	for _, n := range list {
		re, err := regexp.Compile(`\A(?:` + n.Regex + `)`)
		if err != nil {
			return nil, fmt.Errorf("namespace: %w", err)
		}
		out = append(out, namespace{n.Exclusive, re})
	}
	return out, nil
}

// Register installs an appservice and starts pushing to it if it has a URL or
// a Handler. It fails if a regular expression, the tokens or the ID cannot
// be used.
func (hs *Server) Register(reg Registration) error {
	as := &appservice{
		reg: reg, url: reg.URL, handler: reg.Handler, attached: reg.Handler != nil,
		push:  reg.URL != "" || reg.Handler != nil,
		known: map[string]bool{}, wake: make(chan struct{}, 1), hurry: make(chan struct{}, 1),
	}
	var errs [3]error
	as.users, errs[0] = compile(reg.Users)
	as.aliases, errs[1] = compile(reg.Aliases)
	as.rooms, errs[2] = compile(reg.Rooms)
	for _, err := range errs {
		if err != nil {
			return fmt.Errorf("register %s: %w", reg.ID, err)
		}
	}
	as.sender = hs.userIDOf(reg.SenderLocalpart)
	hs.mu.Lock()
	defer hs.mu.Unlock()
	for _, other := range hs.services {
		if other.reg.ID == reg.ID || other.reg.ASToken == reg.ASToken {
			return fmt.Errorf("register %s: ID or token already used by %s", reg.ID, other.reg.ID)
		}
	}
	if reg.ID == "" || reg.ASToken == "" || !validLocalpart(reg.SenderLocalpart) {
		return fmt.Errorf("register %q: ID, token and sender_localpart are needed", reg.ID)
	}
	hs.services = append(hs.services, as)
	hs.sessions[reg.ASToken] = session{user: hs.account(as.sender), service: as, token: reg.ASToken}
	for _, rm := range hs.rooms {
		for id, e := range rm.state {
			if id.typ == "m.room.member" && e.membership == "join" && as.owns(id.key) {
				rm.services[as]++
			}
		}
	}
	if as.push {
		hs.pushers.Go(func() { hs.pushLoop(hs.ctx, as) })
	}
	return nil
}

// service finds a registered appservice. Called under mu.
func (hs *Server) service(id string) *appservice {
	for _, as := range hs.services {
		if as.reg.ID == id {
			return as
		}
	}
	panic("matrixtest: no appservice " + id)
}

// Attach makes the pushes and queries to an appservice, which must have been
// registered with a URL or Handler, go to h in the same process, from the
// next attempt on. With nil it cannot be reached; what it misses waits.
func (hs *Server) Attach(id string, h http.Handler) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	as := hs.service(id)
	as.handler, as.attached = h, true
}

// SetURL makes them go to a URL.
func (hs *Server) SetURL(id, url string) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	as := hs.service(id)
	as.url, as.attached = url, false
}

func (as *appservice) matches(list []namespace, id string) bool {
	return slices.ContainsFunc(list, func(n namespace) bool { return n.re.MatchString(id) })
}

func (as *appservice) exclusive(list []namespace, id string) bool {
	return slices.ContainsFunc(list, func(n namespace) bool { return n.exclusive && n.re.MatchString(id) })
}

// owns says whether a user is the appservice's sender or in its namespace.
func (as *appservice) owns(userID string) bool {
	yes, ok := as.known[userID]
	if !ok {
		yes = userID == as.sender || as.matches(as.users, userID)
		as.known[userID] = yes
	}
	return yes
}

// countMember keeps how many of an appservice's users are in a room. Called
// under mu.
func (hs *Server) countMember(rm *room, userID string, joined bool) {
	for _, as := range hs.services {
		switch {
		case !as.owns(userID):
		case joined:
			rm.services[as]++
		default:
			rm.services[as]--
		}
	}
}

// wants is the specification's rule for which events an appservice gets.
func (as *appservice) wants(rm *room, e *Event) bool {
	if !as.push {
		return false
	}
	return as.owns(e.Sender) || e.membership != "" && as.owns(*e.StateKey) || as.inRoom(rm)
}

func (as *appservice) inRoom(rm *room) bool {
	return rm.services[as] > 0 || as.matches(as.rooms, rm.id) ||
		slices.ContainsFunc(rm.aliases, func(name string) bool { return as.matches(as.aliases, name) })
}

// shares says whether one of the appservice's users is in a room with u.
func (as *appservice) shares(u *user) bool {
	if as.owns(u.id) {
		return true
	}
	for rm := range u.rooms {
		if rm.membership(u.id) == "join" && as.inRoom(rm) {
			return true
		}
	}
	return false
}

// pushForm keeps with an invite what the one invited is shown of the room.
func (hs *Server) pushForm(rm *room, e *Event, as *appservice) queued {
	q := queued{event: e, alone: as.down && hs.opts.Flavor == Synapse}
	if e.membership == "invite" && as.owns(*e.StateKey) {
		q.invite = rm.preview()
	}
	return q
}

func (as *appservice) enqueue(q queued) {
	as.queue = append(as.queue, q)
	as.stats.Pending++
	poke(as.wake)
}

// pushEphemeral queues an event for the appservices in a room; only, if set,
// is the one person it is about and private to. Called under mu.
func (hs *Server) pushEphemeral(rm *room, only string, e json.RawMessage) {
	for _, as := range hs.services {
		if only != "" && as.owns(only) || only == "" && as.inRoom(rm) {
			as.enqueueEphemeral(e)
		}
	}
}

// enqueueEphemeral drops what comes while the appservice is down, as Synapse
// does. Dendrite (no ephemeral events) is not asked for them: see pushLoop.
func (as *appservice) enqueueEphemeral(e json.RawMessage) {
	if as.push && as.reg.Ephemeral && !as.down {
		as.extras = append(as.extras, e)
		poke(as.wake)
	}
}

// restart ends the attempt that runs. Called under mu.
func (as *appservice) restart() {
	as.restarts++
	as.down = false
	if as.interrupt != nil {
		as.interrupt()
	}
	poke(as.hurry)
}

func poke(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
