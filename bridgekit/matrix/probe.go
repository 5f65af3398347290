package matrix

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"
)

// Probe finds out at start whether everything is set up: the homeserver
// answers, knows our tokens, serves our domain, lets us have the bot, and can
// reach us (for which Intake has to be listening already). It registers the
// bot. What is wrong comes back as joined errors, see Problems; each has a
// Remedy for the administrator. Capabilities are valid as far as they got.
// Probe ignores the circuit.
func (h *Homeserver) Probe(ctx context.Context) (Capabilities, error) {
	c, err := h.versions(ctx)
	if err != nil {
		return Capabilities{}, remedy(err, "the homeserver does not answer at "+h.base.Redacted()+
			": check homeserver.url, and that it runs")
	}
	if err := h.probeToken(ctx); err != nil {
		return *c, err
	}
	if err := h.probeBot(ctx); err != nil {
		return *c, err
	}
	if err := h.details(ctx, c); err != nil {
		return *c, remedy(err, "look at the homeserver's log")
	}
	h.server.set(c, time.Now())
	h.circuit.met(time.Now())
	return *c, errors.Join(h.probePing(ctx, c), h.probePuppets(ctx))
}

// probeToken checks the token and the domain.
func (h *Homeserver) probeToken(ctx context.Context) error {
	who, err := h.whoami(ctx, "", h.opts.ASToken)
	switch {
	case KindOf(err) == Auth:
		return remedy(err, "the homeserver does not know our as_token: install the registration file that this configuration belongs to, and restart the homeserver")
	case err != nil:
		return remedy(err, "look at the homeserver's log")
	case who.Homeserver() != h.opts.Domain:
		return &Error{Kind: Auth, Op: "check domain", User: "the homeserver calls itself " + who.Homeserver() + ", not " + h.opts.Domain,
			Remedy: "set homeserver.domain to " + who.Homeserver()}
	}
	return nil
}

// probeBot registers the bot and checks that we may act for it.
func (h *Homeserver) probeBot(ctx context.Context) error {
	bot := h.BotID()
	err := h.attempt(ctx, requestTimeout, "register", func(ctx context.Context) error { return h.registerNow(ctx, bot) })
	if err != nil {
		return remedy(err, "the homeserver does not let us have "+string(bot)+": the registration has to cover it")
	}
	if err := h.setFact(ctx, regFact(bot), "1"); err != nil {
		return err
	}
	who, err := h.whoami(ctx, bot, h.opts.ASToken)
	if err == nil && who != bot {
		err = &Error{Kind: Auth, Op: "check bot", Err: fmt.Errorf("acting for %s makes us %s", bot, who)}
	}
	if err != nil {
		return remedy(err, "the homeserver does not let us act for "+string(bot)+
			": its users namespace in the registration has to cover it, and no other registration may")
	}
	return nil
}

// probePing asks the homeserver to reach us (Application Service API, "Pings").
func (h *Homeserver) probePing(ctx context.Context, c *Capabilities) error {
	if h.opts.ID == "" || !c.Ping {
		return nil
	}
	within, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	body := map[string]string{"transaction_id": rand.Text()}
	err := request(within, h.client("", h.opts.ASToken), http.MethodPost, path("v1", "appservice", h.opts.ID, "ping"), nil, body, nil)
	if err == nil {
		return nil
	}
	e := classify(ctx, "ping", err)
	if e.Code == codeUnrecognized {
		c.Ping = false
		return nil
	}
	e.Remedy = pingRemedies()[e.Code]
	if e.Code == "M_BAD_STATUS" {
		e.Remedy += fmt.Sprintf(" (it got status %v)", pingStatus(err))
	}
	return remedy(e, "look at the homeserver's log")
}

func pingRemedies() map[string]string {
	return map[string]string{
		"M_URL_NOT_SET":        "the installed registration has no url: set it to where Causeway listens, and restart the homeserver",
		"M_CONNECTION_FAILED":  "the homeserver cannot connect to the url in the registration: it has to be an address of Causeway as the homeserver sees it",
		"M_CONNECTION_TIMEOUT": "the homeserver gets no answer at the url in the registration: check the address, and firewalls between the two",
		"M_BAD_STATUS":         "the homeserver reaches something at the url in the registration that refuses it: the hs_token differs, or it is not Causeway",
		codeForbidden:          "our as_token belongs to a registration with another id: use the registration file that this configuration belongs to",
	}
}

func pingStatus(err error) any {
	var he mautrix.HTTPError
	if errors.As(err, &he) && he.RespError != nil {
		return he.RespError.ExtraData["status"]
	}
	return nil
}

// probePuppets checks the token of the second registration.
func (h *Homeserver) probePuppets(ctx context.Context) error {
	if h.opts.DoublePuppetToken == "" {
		return nil
	}
	_, err := h.whoami(ctx, "", h.opts.DoublePuppetToken)
	if KindOf(err) == Auth {
		return remedy(err, "the homeserver does not know the registration for double puppeting: install that second file too, or take its token out of the configuration")
	}
	return err
}

// whoami asks who a token is, as u if given.
func (h *Homeserver) whoami(ctx context.Context, u id.UserID, token string) (id.UserID, error) {
	var into mautrix.RespWhoami
	err := h.attempt(ctx, requestTimeout, "check token", func(ctx context.Context) error {
		return request(ctx, h.client(u, token), http.MethodGet, path("v3", "account", "whoami"), nil, nil, &into)
	})
	return into.UserID, err
}

// remedy is err with words for the administrator. Those that err has already
// are better, except that a refused token can be one of two.
func remedy(err error, words string) error {
	e := find(err)
	if e == nil {
		return &Error{Op: "probe", Err: err, Remedy: words}
	}
	c := *e
	if c.Remedy == "" || c.Kind == Auth {
		c.Remedy = words
	}
	return &c
}
