package matrix

import (
	"context"
	"net/http"
	"sync"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"
)

// puppetRetry is how long a person for whom double puppeting did not work is
// left alone.
const puppetRetry = time.Minute

// puppetCache remembers refusals for a minute, so that a chat of a person
// without double puppeting does not ask for each message. Successes are facts.
type puppetCache struct {
	mu   sync.Mutex // guards last
	last map[id.UserID]time.Time
}

func (p *puppetCache) refused(u id.UserID, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, ok := p.last[u]
	if ok && now.Sub(at) >= puppetRetry {
		delete(p.last, u)
		return false
	}
	return ok
}

func (p *puppetCache) refuse(u id.UserID, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil {
		p.last = map[id.UserID]time.Time{}
	}
	p.last[u] = now
}

func puppetFact(u id.UserID) string { return "puppet " + string(u) }

// Puppet reports whether events can be sent as a local person: the second
// registration's token is accepted for them. A yes is remembered until
// ForgetPuppet; a no is asked again after a minute. An error means that nobody
// knows.
func (h *Homeserver) Puppet(ctx context.Context, u id.UserID) (bool, error) {
	if h.opts.DoublePuppetToken == "" || !h.local(u) || h.IsGhost(u) {
		return false, nil
	}
	if known, err := h.fact(ctx, puppetFact(u)); err != nil || known != "" {
		return known != "", err
	}
	if h.puppets.refused(u, time.Now()) {
		return false, nil
	}
	var who mautrix.RespWhoami
	err := h.do(ctx, u, "ask for double puppeting", func(ctx context.Context, c *mautrix.Client) error {
		return request(ctx, c, http.MethodGet, path("v3", "account", "whoami"), nil, nil, &who)
	})
	if k := KindOf(err); k == Auth || k == NotAllowed || k == NotFound || err == nil && who.UserID != u {
		h.puppets.refuse(u, time.Now())
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, h.setFact(ctx, puppetFact(u), "1")
}

// ForgetPuppet makes Puppet ask again; for when a call as u failed with Auth.
func (h *Homeserver) ForgetPuppet(ctx context.Context, u id.UserID) error {
	return h.setFact(ctx, puppetFact(u), "")
}
