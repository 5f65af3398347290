package bridgekit

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/portal"
)

const (
	// missedFact is where the place in the homeserver's stream is kept up to
	// which everything is stored.
	missedFact = "missed.since"
	// suspectFor is for how long each transaction is checked after something
	// happened that makes Synapse lose events.
	suspectFor = time.Minute
	// behind is the age of an event that shows that the homeserver catches up.
	behind = 5 * time.Second
	// lookTime bounds one look, because a transaction waits for it.
	lookTime = 10 * time.Second
	// lookEvery is how often it looks when nothing happens.
	lookEvery = 5 * time.Minute
)

// missed finds events that a homeserver has and does not push. Synapse keeps
// events for an appservice in memory, which a restart loses, and leaves one in its
// database, until the appservice is away the next time, if it comes just when the
// appservice is back (element-hq/synapse#11637). While such a thing may happen,
// each transaction is preceded by what /sync knows, so the order holds; besides,
// it looks now and then. Events that are stored already are known by their IDs.
type missed struct {
	hs      *matrix.Homeserver
	portals *portal.Service
	facts   matrix.State
	log     *slog.Logger
	wake    chan struct{} // has room for one: suspicion began

	looking sync.Mutex // held during a look

	mu    sync.Mutex // guards until
	until time.Time  // transactions are checked
}

func newMissed(hs *matrix.Homeserver, portals *portal.Service, facts matrix.State, log *slog.Logger) *missed {
	return &missed{hs: hs, portals: portals, facts: facts, log: log, wake: make(chan struct{}, 1), until: time.Now().Add(suspectFor)}
}

// suspect says that the homeserver or Causeway was away just now.
func (m *missed) suspect() {
	m.extend()
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

func (m *missed) extend() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.until = time.Now().Add(suspectFor)
}

func (m *missed) suspicious() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return time.Now().Before(m.until)
}

// events stores a transaction, and before it what should have come earlier. It is
// the intake's hook.
func (m *missed) events(ctx context.Context, t matrix.Transaction) error {
	if late(t) {
		m.extend()
	}
	if len(t.Events) > 0 && m.suspicious() {
		m.look(ctx)
	}
	return m.portals.Events(ctx, t)
}

// late reports whether a transaction holds an event that the homeserver has had
// for a while.
func late(t matrix.Transaction) bool {
	for _, raw := range t.Events {
		var e struct {
			Unsigned struct {
				Age int64 `json:"age"` // ms
			} `json:"unsigned"`
		}
		if json.Unmarshal(raw, &e) == nil && time.Duration(e.Unsigned.Age)*time.Millisecond > behind {
			return true
		}
	}
	return false
}

// run looks soon after suspicion began, some times more until it ends, and then
// now and then.
func (m *missed) run(ctx context.Context) error {
	pause := lookEvery
	for {
		select {
		case <-time.After(pause):
			pause = min(4*pause, lookEvery)
		case <-m.wake:
			pause = time.Second
		case <-ctx.Done():
			return ctx.Err()
		}
		m.look(ctx)
	}
}

// look stores what is not stored yet, if the homeserver is one that loses events.
// Failures end here: the next look sees the same.
func (m *missed) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	m.looking.Lock()
	defer m.looking.Unlock()
	if err := m.try(ctx); err != nil && ctx.Err() == nil && m.hs.Up() {
		m.log.Warn("cannot look for events that the homeserver did not push", "err", err)
	}
}

func (m *missed) try(ctx context.Context) error {
	since, err := m.facts.Fact(ctx, missedFact)
	if err != nil {
		return err
	}
	if since == "" { // else it was such a homeserver before
		if loses, err := m.hs.LosesPushes(ctx); err != nil || !loses {
			return err
		}
	}
	events, next, err := m.hs.Missed(ctx, since, portal.Carried())
	if err != nil {
		return err
	}
	n, err := m.portals.Missed(ctx, events)
	if err != nil {
		return fmt.Errorf("store missed events: %w", err)
	}
	m.log.Debug("looked for events that the homeserver did not push", "seen", len(events), "in_portals", n)
	if next == since {
		return nil
	}
	return m.facts.SetFact(ctx, missedFact, next)
}
