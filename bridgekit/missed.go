package bridgekit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"maunium.net/go/mautrix/id"

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
	// backTime is how long a transaction waits for a homeserver to answer that
	// has just pushed it.
	backTime = 3 * time.Second
	// foundMax bounds what is remembered of looks.
	foundMax = 10_000
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

	looking sync.Mutex  // held during a look
	honest  atomic.Bool // the homeserver is known to push everything

	mu    sync.Mutex              // guards both
	until time.Time               // transactions are checked
	found map[id.EventID]struct{} // what looks have found of late
}

func newMissed(hs *matrix.Homeserver, portals *portal.Service, facts matrix.State, log *slog.Logger) *missed {
	return &missed{hs: hs, portals: portals, facts: facts, log: log, wake: make(chan struct{}, 1), until: time.Now().Add(suspectFor)}
}

// suspect says that the homeserver or Causeway was away just now.
func (m *missed) suspect() {
	m.honest.Store(false) // it may be another one now
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
	if m.honest.Load() {
		return m.portals.Events(ctx, t)
	}
	if late(t) {
		m.extend()
	}
	if (m.suspicious() || !m.hs.Up()) && !m.foundAll(t) {
		m.back(ctx)
		m.look(ctx)
	}
	return m.portals.Events(ctx, t)
}

// back has it found out at once whether a homeserver that counts as away, and
// pushes, can be asked again. Where it cannot, what it pushed is taken without: the
// network may well be reached.
func (m *missed) back(ctx context.Context) {
	m.hs.Heard()
	ctx, cancel := context.WithTimeout(ctx, backTime)
	defer cancel()
	_ = m.hs.Wait(ctx) // see above
}

// late reports whether a transaction holds an event that the homeserver has had
// for a while.
func late(t matrix.Transaction) bool {
	for _, raw := range t.Events {
		if time.Duration(head(raw).Unsigned.Age)*time.Millisecond > behind {
			return true
		}
	}
	return false
}

// foundAll reports whether looks have found all that a transaction holds, so that
// another would find nothing that belongs before it.
func (m *missed) foundAll(t matrix.Transaction) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, raw := range t.Events {
		e := head(raw)
		if m.hs.IsGhost(e.Sender) || !slices.Contains(portal.Carried(), e.Type) {
			continue // nothing that could be out of order
		}
		if _, ok := m.found[e.ID]; !ok {
			return false
		}
	}
	return true
}

// remember notes what a look has found.
func (m *missed) remember(events []json.RawMessage) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.found) > foundMax || m.found == nil {
		m.found = map[id.EventID]struct{}{}
	}
	for _, raw := range events {
		m.found[head(raw).ID] = struct{}{}
	}
}

type eventHead struct {
	ID       id.EventID `json:"event_id"`
	Sender   id.UserID  `json:"sender"`
	Type     string     `json:"type"`
	Unsigned struct {
		Age int64 `json:"age"` // ms
	} `json:"unsigned"`
}

// head is what can be read of an event.
func head(raw json.RawMessage) (e eventHead) {
	_ = json.Unmarshal(raw, &e) // what cannot be read was not found
	return e
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
	if loses, err := m.hs.LosesPushes(ctx); err != nil || !loses {
		m.honest.Store(err == nil)
		return err
	}
	since, err := m.facts.Fact(ctx, missedFact)
	if err != nil {
		return err
	}
	events, next, err := m.hs.Missed(ctx, since, portal.Carried())
	var refused *matrix.Error
	if errors.As(err, &refused) && refused.Status == http.StatusBadRequest && since != "" {
		// The place is not one of this server's: it was moved or exchanged.
		return errors.Join(err, m.facts.SetFact(ctx, missedFact, ""))
	}
	if err != nil {
		return err
	}
	n, err := m.portals.Missed(ctx, events)
	if err != nil {
		return fmt.Errorf("store missed events: %w", err)
	}
	m.log.Debug("looked for events that the homeserver did not push", "seen", len(events), "in_portals", n)
	m.remember(events)
	if next == since {
		return nil
	}
	return m.facts.SetFact(ctx, missedFact, next)
}
