package matrix

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"maunium.net/go/mautrix"
)

// Pauses of the circuit, in and between probes.
const (
	versionsTimeout = 10 * time.Second
	firstProbe      = time.Second
	longestProbe    = 30 * time.Second
)

// A circuit is closed while the homeserver answers and open while it is away.
type circuit struct {
	mu     sync.Mutex    // guards all below
	up     chan struct{} // closed while the circuit is closed ("up")
	opened chan struct{} // has room for one: wakes the probe
	heard  chan struct{} // has room for one: the probe need not pause
	since  time.Time     // when it opened; zero while closed
	clock  int64         // counts failures and checks, to know which came first
	asked  int64         // clock at the begin of the last /versions that was answered
	began  time.Time     // when we were made, came to know the homeserver, or it came back
	onUp   []func()
	onDown []func()
}

func (c *circuit) init() {
	c.began = time.Now()
	c.up = make(chan struct{})
	close(c.up)
	c.opened, c.heard = make(chan struct{}, 1), make(chan struct{}, 1)
}

// open opens the circuit and returns whom to tell; nil if it was open.
func (c *circuit) open(now time.Time) []func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.since.IsZero() {
		return nil
	}
	c.since, c.up = now, make(chan struct{})
	select {
	case c.opened <- struct{}{}:
	default:
	}
	return append([]func(){}, c.onDown...)
}

// closeUp closes it and returns whom to tell and how long it was open.
func (c *circuit) closeUp(now time.Time) ([]func(), time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	away := now.Sub(c.since)
	c.since, c.began = time.Time{}, now
	close(c.up)
	return append([]func(){}, c.onUp...), away
}

// tick is the next time of the circuit's own clock.
func (c *circuit) tick() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clock++
	return c.clock
}

// answered notes that a /versions that began at a time was answered.
func (c *circuit) answered(began int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = max(c.asked, began)
}

// aliveSince reports whether the server answered after a time.
func (c *circuit) aliveSince(t int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked > t
}

// met notes that we know the homeserver from now on.
func (c *circuit) met(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.began = now
}

// unsettled is for how long from now the homeserver may still be at work on a
// request that it got before we came to know it, or before it came back: from the
// process before this one, or from its own queue.
func (c *circuit) unsettled(now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return settle - now.Sub(c.began)
}

func (c *circuit) gate() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.up
}

// Up reports whether the homeserver is believed to answer.
func (h *Homeserver) Up() bool {
	select {
	case <-h.circuit.gate():
		return true
	default:
		return false
	}
}

// DownSince is when the circuit opened; zero while it is closed.
func (h *Homeserver) DownSince() time.Time {
	h.circuit.mu.Lock()
	defer h.circuit.mu.Unlock()
	return h.circuit.since
}

// Wait returns nil when the circuit is closed, at once if it is.
func (h *Homeserver) Wait(ctx context.Context) error {
	if h.Up() {
		return nil
	}
	select {
	case <-h.circuit.gate():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Heard says that the homeserver gave a sign of life, such as a transaction: if it
// counts as away it is asked at once whether it answers, not after a pause.
func (h *Homeserver) Heard() {
	if h.Up() {
		return
	}
	select {
	case h.circuit.heard <- struct{}{}:
	default:
	}
}

// OnUp has f called whenever the circuit closes, by the goroutine of Run. It
// has to return soon.
func (h *Homeserver) OnUp(f func()) {
	h.circuit.mu.Lock()
	defer h.circuit.mu.Unlock()
	h.circuit.onUp = append(h.circuit.onUp, f)
}

// OnDown has f called whenever the circuit opens, by the goroutine whose
// request found out. It has to return soon.
func (h *Homeserver) OnDown(f func()) {
	h.circuit.mu.Lock()
	defer h.circuit.mu.Unlock()
	h.circuit.onDown = append(h.circuit.onDown, f)
}

// confirmDown asks /versions after a request failed at a time of the circuit's
// clock, and opens the circuit if that fails too. Of many callers one asks.
func (h *Homeserver) confirmDown(ctx context.Context, failed int64) bool {
	unlock, err := h.lock(ctx, "versions")
	if err != nil {
		return !h.Up()
	}
	defer unlock()
	if !h.Up() {
		return true
	}
	if h.circuit.aliveSince(failed) {
		return false
	}
	began := h.circuit.tick()
	if h.alive(ctx) {
		h.circuit.answered(began)
		return false
	}
	if ctx.Err() != nil {
		return false
	}
	told := h.circuit.open(time.Now())
	h.log.Warn("homeserver is away", "url", h.base.Redacted())
	for _, f := range told {
		f()
	}
	return true
}

// alive asks /versions. Any answer that a homeserver itself gives counts: only
// silence and 5xx mean that it is away.
func (h *Homeserver) alive(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, versionsTimeout)
	defer cancel()
	var into mautrix.RespVersions
	err := request(ctx, h.client("", ""), http.MethodGet, path("versions"), nil, nil, &into)
	if err == nil {
		return true
	}
	e := classify(context.WithoutCancel(ctx), "ask versions", err)
	return e.Status != 0 && e.Status < 500
}

// watch probes whenever the circuit is open, until ctx is done.
func (h *Homeserver) watch(ctx context.Context) {
	for {
		select {
		case <-h.circuit.opened:
		case <-ctx.Done():
			return
		}
		for pause := firstProbe; ; pause = min(2*pause, longestProbe) {
			// The jitter keeps several workers from asking in step.
			t := time.NewTimer(pause*3/4 + rand.N(pause/2))
			select {
			case <-t.C:
			case <-h.circuit.heard:
			case <-ctx.Done():
			}
			t.Stop()
			if ctx.Err() != nil {
				return
			}
			if h.alive(ctx) {
				break
			}
		}
		h.server.forget()
		told, away := h.circuit.closeUp(time.Now())
		h.log.Info("homeserver is back", "away", away.Round(time.Second))
		for _, f := range told {
			f()
		}
	}
}
