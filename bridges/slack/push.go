package slack

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	goslack "github.com/slack-go/slack"
)

const (
	maxPush  = 4 << 20          // of a request, in bytes
	readPush = 10 * time.Second // how long a request may take to come in
)

var _ network.Visitable = (*Connector)(nil)

// Visits implements network.Visitable: events that Slack pushes, if there is a
// signing secret, and signing in by OAuth, if there is a client ID.
func (c *Connector) Visits() http.Handler {
	if c.set.SigningSecret == "" && c.set.ClientID == "" {
		return nil
	}
	mux := http.NewServeMux()
	if c.set.SigningSecret != "" {
		mux.HandleFunc("POST "+eventsPath, c.pushed)
	}
	if c.set.ClientID != "" {
		mux.HandleFunc("GET "+installPath, c.install)
		mux.HandleFunc("GET "+oauthPath, c.cameBack)
	}
	return mux
}

// pushed takes an event by HTTP (https://docs.slack.dev/apis/events-api). 200 says that
// it is stored. Anything else has Slack send it again, three times in an hour, with
// X-Slack-Retry-Num; the event's ID and key are the same then, so that does no harm.
func (c *Connector) pushed(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(readPush)) // not every writer has one
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPush))
	if err != nil {
		http.Error(w, "The request is too large or too slow.", http.StatusRequestEntityTooLarge)
		return
	}
	if err := verify(r.Header, body, c.set.SigningSecret); err != nil {
		http.Error(w, "The signature is wrong or too old.", http.StatusUnauthorized)
		return
	}
	var outer struct {
		Type      string `json:"type"`
		Challenge string `json:"challenge"`
	}
	if err := json.Unmarshal(body, &outer); err != nil {
		http.Error(w, "This is no event.", http.StatusBadRequest)
		return
	}
	switch outer.Type {
	case "url_verification":
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, outer.Challenge) // Slack asks again
	case "event_callback":
		c.storePushed(w, r, body)
	default: // such as app_rate_limited; what it tells is read when we catch up
		w.WriteHeader(http.StatusOK)
	}
}

// verify checks that a request is Slack's and not older than five minutes. The library
// compares in constant time.
func verify(h http.Header, body []byte, secret string) error {
	v, err := goslack.NewSecretsVerifier(h, secret)
	if err != nil {
		return err
	}
	if _, err := v.Write(body); err != nil {
		return err
	}
	return v.Ensure()
}

// storePushed answers when an event is stored, or when Slack would not wait longer.
func (c *Connector) storePushed(w http.ResponseWriter, r *http.Request, body []byte) {
	ctx, cancel := context.WithTimeout(r.Context(), c.tune.push)
	defer cancel()
	stored := make(chan struct{})
	var once sync.Once
	err := c.feedOf(c.set.AppToken).dispatch(ctx, body, func() { once.Do(func() { close(stored) }) })
	if err == nil {
		select {
		case <-stored:
			w.WriteHeader(http.StatusOK)
			return
		case <-ctx.Done():
		}
	}
	if errors.Is(err, errForeign) {
		w.Header().Set("X-Slack-No-Retry", "1")
		http.Error(w, "This network is another workspace.", http.StatusForbidden)
		return
	}
	http.Error(w, "The event could not be stored yet.", http.StatusServiceUnavailable)
}
