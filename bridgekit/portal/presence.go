package portal

import (
	"context"
	"fmt"
	"sync"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/login"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

const (
	// presenceLasts is after how long who is there is told again: a homeserver takes
	// who does not sync for gone after half a minute.
	presenceLasts = 25 * time.Second
	// maxPresences is of how many people it is known at once.
	maxPresences = 2000
)

// A presence is how somebody is, as their network told it last.
type presence struct {
	network network.NetworkID
	user    network.UserID
	online  bool
	words   string
	by      *login.Session // told it
	fresh   bool           // it is in the queue
	told    time.Time      // to the homeserver
}

// presences tell the homeserver who is there and their status texts, past the journal:
// at most so many a second, the latest of each person, and only of people who have a
// ghost. One goroutine runs them.
type presences struct {
	s     *Service
	pause time.Duration // between two; 0: none are told
	wake  bell

	mu    sync.Mutex // guards what follows
	all   map[id.UserID]*presence
	queue []id.UserID // whose changed, the oldest change first
}

// newPresences makes those of a service that tells at most perSecond of them.
func newPresences(s *Service, perSecond int) *presences {
	p := &presences{s: s, wake: newBell(), all: map[id.UserID]*presence{}}
	if perSecond > 0 {
		p.pause = time.Second / time.Duration(perSecond)
	}
	return p
}

// note takes what a network tells. It does not block.
func (p *presences) note(sess *login.Session, ev *network.Presence) {
	if p.pause == 0 || ev.Sender == "" || p.s.logins.ByUser(sess.Network, ev.Sender) != nil {
		return // our own people tell Matrix themselves
	}
	ghost := p.s.ghostOf(sess.Network, ev.Sender)
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.all[ghost]
	switch {
	case one == nil && len(p.all) >= maxPresences:
		return
	case one == nil:
		one = &presence{network: sess.Network, user: ev.Sender}
		p.all[ghost] = one
	case one.online == ev.Online && one.words == ev.Words:
		one.by = sess
		return
	}
	one.online, one.words, one.by = ev.Online, ev.Words, sess
	if !one.fresh {
		one.fresh = true
		p.queue = append(p.queue, ghost)
	}
	p.wake.ring()
}

// next takes whose presence is to be told now: a change first, else who is there and
// was told longest ago. Else it is how long there is nothing to do; 0: until a change.
func (p *presences) next(now time.Time) (ghost id.UserID, one presence, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) > 0 {
		ghost, p.queue = p.queue[0], p.queue[1:]
	} else if ghost, wait = p.due(now); ghost == "" {
		return "", one, wait
	}
	known := p.all[ghost]
	if known.online && !known.by.Online() { // nobody can tell any more
		known.online = false
	}
	known.fresh, known.told = false, now
	if one = *known; !one.online && one.words == "" {
		delete(p.all, ghost)
	}
	return ghost, one, 0
}

// due is who is there and was told longest ago, if that is too long, else how long it
// is until then. Call it with mu held.
func (p *presences) due(now time.Time) (id.UserID, time.Duration) {
	var oldest id.UserID
	for ghost, one := range p.all {
		if one.online && (oldest == "" || one.told.Before(p.all[oldest].told)) {
			oldest = ghost
		}
	}
	if oldest == "" {
		return "", 0
	}
	if wait := p.all[oldest].told.Add(presenceLasts).Sub(now); wait > 0 {
		return "", wait
	}
	return oldest, 0
}

// run tells them until ctx is done. Errors end here: it is best effort.
func (p *presences) run(ctx context.Context) error {
	for ctx.Err() == nil {
		ghost, one, wait := p.next(time.Now())
		switch {
		case ghost != "":
			p.tell(ctx, ghost, one)
			pause(ctx, p.pause)
		case wait > 0:
			t := time.NewTimer(wait)
			select {
			case <-t.C:
			case <-p.wake:
			case <-ctx.Done():
			}
			t.Stop()
		default:
			select {
			case <-p.wake:
			case <-ctx.Done():
			}
		}
	}
	return fmt.Errorf("presence: %w", ctx.Err())
}

// tell tells one, if they have a ghost.
func (p *presences) tell(ctx context.Context, ghost id.UserID, one presence) {
	ctx, cancel := context.WithTimeout(ctx, ephemeralWithin)
	defer cancel()
	if named, err := p.s.hs.Named(ctx, ghost); err != nil || !named || !p.s.hs.Up() {
		p.forget(ghost)
		return
	}
	state := event.PresenceOffline
	if one.online {
		state = event.PresenceOnline
	}
	if err := p.s.hs.Presence(ctx, ghost, state, one.words); err != nil {
		p.s.log.Debug("presence is not told", "user", one.user, "network", one.network, "err", err)
	}
}

// forget drops somebody who has no ghost, or whom nobody could be told of; what their
// network tells next is news again.
func (p *presences) forget(ghost id.UserID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if one := p.all[ghost]; one != nil && !one.fresh {
		delete(p.all, ghost)
	}
}
