package matrix

import (
	"context"
	"net/http"
	"strings"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"
)

func regFact(u id.UserID) string    { return "reg " + string(u) }
func nameFact(u id.UserID) string   { return "name " + string(u) }
func avatarFact(u id.UserID) string { return "avatar " + string(u) }

// EnsureGhost registers the bot or a ghost (Application Service API, "Server
// admin style permissions"), once: a fact remembers it. Short rate limits are
// waited for. NotAllowed: the registration's namespace does not cover it.
func (h *Homeserver) EnsureGhost(ctx context.Context, u id.UserID) error {
	if !h.IsGhost(u) {
		return &Error{Kind: NotAllowed, Op: "register", User: string(u) + " is not an account of the bridge"}
	}
	if known, err := h.fact(ctx, regFact(u)); err != nil || known != "" {
		return err
	}
	unlock, err := h.lock(ctx, regFact(u))
	if err != nil {
		return err
	}
	defer unlock()
	if known, err := h.fact(ctx, regFact(u)); err != nil || known != "" {
		return err
	}
	if err := patient(ctx, func() error { return h.register(ctx, u) }); err != nil {
		return err
	}
	return h.setFact(ctx, regFact(u), "1")
}

// register asks for the account. Nobody logs in: inhibit_login is required
// where MSC4190 applies and saves a device elsewhere.
func (h *Homeserver) register(ctx context.Context, u id.UserID) error {
	if !h.Up() {
		return h.downError("register", nil)
	}
	return h.attempt(ctx, requestTimeout, "register", func(ctx context.Context) error {
		return h.registerNow(ctx, u)
	})
}

// registerNow is register without the circuit.
func (h *Homeserver) registerNow(ctx context.Context, u id.UserID) error {
	body := mautrix.ReqRegister[any]{
		Type: mautrix.AuthTypeAppservice, Username: u.Localpart(), InhibitLogin: true,
	}
	// Without user_id: the account that would be asserted does not exist yet.
	err := request(ctx, h.client("", h.opts.ASToken), http.MethodPost, path("v3", "register"), nil, body, nil)
	if err == nil {
		return nil
	}
	e := classify(ctx, "register", err)
	switch e.Code {
	case codeUserInUse:
		return nil
	case codeExclusive:
		e.Remedy = "the registration's users namespace does not cover " + string(u) +
			": write the registration anew, install it and restart the homeserver"
	}
	return e
}

// A Profile is what others see of a ghost.
type Profile struct {
	Name   string
	Avatar id.ContentURI // zero: none
}

// SetProfile sets what differs from the last success of SetProfile, as facts
// remember it; nothing is read from the server first. u is the bot or a ghost,
// and is registered if it is not.
func (h *Homeserver) SetProfile(ctx context.Context, u id.UserID, p Profile) error {
	if err := h.EnsureGhost(ctx, u); err != nil {
		return err
	}
	unlock, err := h.lock(ctx, "profile "+string(u))
	if err != nil {
		return err
	}
	defer unlock()
	if err := h.setField(ctx, u, nameFact(u), "displayname", strings.ToValidUTF8(p.Name, "\uFFFD")); err != nil {
		return err
	}
	return h.setAvatar(ctx, u, p.Avatar)
}

// SetName is SetProfile for the name alone.
func (h *Homeserver) SetName(ctx context.Context, u id.UserID, name string) error {
	if err := h.EnsureGhost(ctx, u); err != nil {
		return err
	}
	unlock, err := h.lock(ctx, "profile "+string(u))
	if err != nil {
		return err
	}
	defer unlock()
	return h.setField(ctx, u, nameFact(u), "displayname", strings.ToValidUTF8(name, "\uFFFD"))
}

func (h *Homeserver) setAvatar(ctx context.Context, u id.UserID, uri id.ContentURI) error {
	avatar := ""
	if !uri.IsEmpty() {
		avatar = uri.String()
	}
	return h.setField(ctx, u, avatarFact(u), "avatar_url", avatar)
}

// Named reports whether SetProfile has given u a name.
func (h *Homeserver) Named(ctx context.Context, u id.UserID) (bool, error) {
	name, err := h.fact(ctx, nameFact(u))
	return name != "", err
}

// setField sets one profile field if its fact says otherwise.
func (h *Homeserver) setField(ctx context.Context, u id.UserID, fact, field, value string) error {
	known, err := h.fact(ctx, fact)
	if err != nil || known == value {
		return err
	}
	err = h.do(ctx, u, "set profile", func(ctx context.Context, c *mautrix.Client) error {
		return request(ctx, c, http.MethodPut, path("v3", "profile", u, field), nil, map[string]string{field: value}, nil)
	})
	if err != nil {
		return err
	}
	if known == "" {
		return h.setFact(ctx, fact, value)
	}
	// A crash must not leave the old value: it may be set again.
	if err := h.opts.State.SetFact(ctx, fact, value); err != nil {
		return &Error{Op: "store facts", Err: err}
	}
	return nil
}
