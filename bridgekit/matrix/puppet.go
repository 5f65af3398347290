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
	mu       sync.Mutex // guards what follows
	last     map[id.UserID]refusal
	declined map[id.UserID]bool
}

// A refusal is when double puppeting did not work for somebody, and why.
type refusal struct {
	at    time.Time
	words string
}

func (p *puppetCache) refused(u id.UserID, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, ok := p.last[u]
	return ok && now.Sub(r.at) < puppetRetry
}

func (p *puppetCache) refuse(u id.UserID, now time.Time, words string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil {
		p.last = map[id.UserID]refusal{}
	}
	p.last[u] = refusal{now, words}
}

func (p *puppetCache) clear(u id.UserID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.last, u)
}

func (p *puppetCache) why(u id.UserID) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last[u].words
}

func (p *puppetCache) off(u id.UserID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.declined[u]
}

func puppetFact(u id.UserID) string { return "puppet " + string(u) }

// DeclinePuppet says whether somebody does not want Causeway to speak as them. It
// holds until the process ends: the caller stores it.
func (h *Homeserver) DeclinePuppet(u id.UserID, declined bool) {
	h.puppets.mu.Lock()
	defer h.puppets.mu.Unlock()
	if h.puppets.declined == nil {
		h.puppets.declined = map[id.UserID]bool{}
	}
	if declined {
		h.puppets.declined[u] = true
	} else {
		delete(h.puppets.declined, u)
	}
}

// Puppet reports whether events can be sent as a local person: they have not
// declined it, and the second registration's token is accepted for them. A yes is
// remembered until a call as them is refused (Auth) or ForgetPuppet; a no is asked
// again after a minute. An error means that nobody knows.
func (h *Homeserver) Puppet(ctx context.Context, u id.UserID) (bool, error) {
	if h.opts.DoublePuppetToken == "" || !h.local(u) || h.IsGhost(u) || h.puppets.off(u) {
		return false, nil
	}
	if known, err := h.fact(ctx, puppetFact(u)); err != nil || known != "" {
		return known != "", err
	}
	if h.puppets.refused(u, time.Now()) {
		return false, nil
	}
	return h.askPuppet(ctx, u)
}

// askPuppet asks the homeserver whether events can be sent as a local person.
func (h *Homeserver) askPuppet(ctx context.Context, u id.UserID) (bool, error) {
	var who mautrix.RespWhoami
	err := h.do(ctx, u, "ask for double puppeting", func(ctx context.Context, c *mautrix.Client) error {
		return request(ctx, c, http.MethodGet, path("v3", "account", "whoami"), nil, nil, &who)
	})
	if k := KindOf(err); k == Auth || k == NotAllowed || k == NotFound {
		h.puppets.refuse(u, time.Now(), "the homeserver refuses the second registration for this account")
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if who.UserID != u {
		h.puppets.refuse(u, time.Now(), "the homeserver takes this account for another one")
		return false, nil
	}
	h.puppets.clear(u)
	return true, h.setFact(ctx, puppetFact(u), "1")
}

// puppetRefused notes that the token was not accepted for a local person, whatever
// it was for: what was known about them is not so any more.
func (h *Homeserver) puppetRefused(ctx context.Context, u id.UserID) {
	if u == "" || h.IsGhost(u) {
		return
	}
	if known, err := h.fact(ctx, puppetFact(u)); err != nil || known == "" {
		return
	}
	h.puppets.refuse(u, time.Now(), "the homeserver does not accept the second registration any more")
	if err := h.setFact(ctx, puppetFact(u), ""); err != nil {
		h.log.Warn("forget a double puppet", "err", err)
	}
}

// ForgetPuppet makes Puppet ask again; for when a call as u failed with Auth.
func (h *Homeserver) ForgetPuppet(ctx context.Context, u id.UserID) error {
	return h.setFact(ctx, puppetFact(u), "")
}

// A PuppetState says whether Causeway speaks as somebody.
type PuppetState string

const (
	PuppetOn       PuppetState = "on"
	PuppetDeclined PuppetState = "off"         // the person does not want it
	PuppetForeign  PuppetState = "elsewhere"   // an account of another homeserver
	PuppetNone     PuppetState = "not set up"  // there is no second registration, or it is switched off for all
	PuppetRefused  PuppetState = "refused"     // the homeserver says no; it is asked again
	PuppetUnknown  PuppetState = "not checked" // nobody has asked yet, or the homeserver is away
)

// PuppetState is whether Causeway speaks as u, and why not. With ask the homeserver
// is asked now if it is not known to say yes; without it nothing is asked.
func (h *Homeserver) PuppetState(ctx context.Context, u id.UserID, ask bool) (PuppetState, string, error) {
	switch {
	case h.IsGhost(u) || !h.local(u):
		return PuppetForeign, "", nil
	case h.opts.DoublePuppetToken == "":
		return PuppetNone, "", nil
	case h.puppets.off(u):
		return PuppetDeclined, "", nil
	}
	known, err := h.fact(ctx, puppetFact(u))
	if err != nil {
		return PuppetUnknown, "", err
	}
	if known == "" && ask {
		ok, err := h.askPuppet(ctx, u)
		if err != nil {
			return PuppetUnknown, UserText(err), nil
		}
		if ok {
			known = "1"
		}
	}
	switch why := h.puppets.why(u); {
	case known != "":
		return PuppetOn, "", nil
	case why != "":
		return PuppetRefused, why, nil
	}
	return PuppetUnknown, "", nil
}
