package matrixtest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
)

// askUser asks the appservice in whose namespace an unknown user is whether
// it exists (Application Service API, "Querying"). True means that the
// appservice has made it.
func (hs *Server) askUser(ctx context.Context, userID string) bool {
	if _, ok := hs.local(userID); !ok {
		return false
	}
	return hs.ask(ctx, "users/"+url.PathEscape(userID), func(as *appservice) bool { return as.matches(as.users, userID) })
}

// askRoom asks for an unknown alias in the same way.
func (hs *Server) askRoom(ctx context.Context, name string) bool {
	return hs.ask(ctx, "rooms/"+url.PathEscape(name), func(as *appservice) bool { return as.matches(as.aliases, name) })
}

func (hs *Server) ask(ctx context.Context, path string, concerns func(*appservice) bool) bool {
	var asked []*appservice
	hs.mu.Lock()
	for _, as := range hs.services {
		if as.push && concerns(as) {
			asked = append(asked, as)
		}
	}
	hs.mu.Unlock()
	for _, as := range asked {
		status, _, err := hs.request(ctx, as, http.MethodGet, path, nil)
		if err == nil && status == http.StatusOK {
			return true
		}
	}
	return false
}

// ping calls the appservice back (Application Service API, "Pinging"). A
// success makes a pusher that waits to retry try at once, as on Synapse.
func (c *call) ping() (any, *Error) {
	var req struct {
		Txn string `json:"transaction_id"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	as := c.auth.service
	switch {
	case as == nil:
		return nil, forbidden("Only an appservice can ping")
	case as.reg.ID != c.param("appserviceId"):
		return nil, forbidden("Mismatching application service ID in path")
	case !as.push:
		return nil, badRequest("M_URL_NOT_SET", "The application service does not have a URL set")
	}
	body := []byte("{}")
	if req.Txn != "" {
		body = mustJSON(map[string]string{"transaction_id": req.Txn})
	}
	began := c.hs.nowMS()
	ctx, cancel := context.WithTimeout(c.r.Context(), c.hs.opts.PushTimeout)
	defer cancel()
	status, answer, err := c.hs.request(ctx, as, http.MethodPost, "ping", body)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fail(http.StatusGatewayTimeout, "M_CONNECTION_TIMEOUT", "%v", err)
	case err != nil:
		return nil, fail(http.StatusBadGateway, "M_CONNECTION_FAILED", "%v", err)
	case status != http.StatusOK:
		e := fail(http.StatusBadGateway, "M_BAD_STATUS", "HTTP %d", status)
		e.PingStatus, e.PingBody = status, string(answer)
		return nil, e
	case !json.Valid(answer):
		return nil, fail(http.StatusBadGateway, "M_BAD_STATUS", "The answer is not JSON")
	}
	poke(as.hurry)
	return map[string]int64{"duration_ms": c.hs.nowMS() - began}, nil
}
