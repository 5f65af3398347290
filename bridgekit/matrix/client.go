package matrix

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// requestTimeout is how long any request but media may take.
const requestTimeout = 30 * time.Second

// Client is the protocol client that acts for u: the bot, a ghost, or a local
// person by double puppeting. It costs one allocation, shares the connections
// of all others and never retries by itself. The circuit does not see what is
// done with it; it is for what this package does not offer (devices, keys).
func (h *Homeserver) Client(u id.UserID) (*mautrix.Client, error) {
	token := h.opts.ASToken
	if !h.IsGhost(u) {
		if !h.local(u) || h.opts.DoublePuppetToken == "" {
			return nil, &Error{Kind: Auth, Op: "act for " + string(u), User: "double puppeting is not set up for this account"}
		}
		token = h.opts.DoublePuppetToken
	}
	return h.client(u, token), nil
}

// client has the zero zerolog.Logger, which writes nothing: URLs and bodies
// hold what people write. MaxAttempts and IgnoreRateLimit stay at one request
// per call, as DefaultHTTPRetries is 0.
func (h *Homeserver) client(u id.UserID, token string) *mautrix.Client {
	return &mautrix.Client{
		HomeserverURL:       h.base,
		UserID:              u,
		AccessToken:         token,
		UserAgent:           "Causeway",
		Client:              h.http,
		SetAppServiceUserID: u != "",
		IgnoreRateLimit:     true,
		ResponseSizeLimit:   64 << 20,
	}
}

// do makes one request as u, inside the circuit and the usual timeout.
func (h *Homeserver) do(ctx context.Context, u id.UserID, op string, f func(context.Context, *mautrix.Client) error) error {
	return h.doFor(ctx, requestTimeout, u, op, f)
}

// doFor is do with another timeout.
func (h *Homeserver) doFor(ctx context.Context, timeout time.Duration, u id.UserID, op string, f func(context.Context, *mautrix.Client) error) error {
	if !h.Up() {
		return h.downError(op, nil)
	}
	cli, err := h.Client(u)
	if err != nil {
		return err
	}
	return h.attempt(ctx, timeout, op, func(ctx context.Context) error { return f(ctx, cli) })
}

// attempt runs one request, and asks whether the server is away if it failed
// as if it were.
func (h *Homeserver) attempt(ctx context.Context, timeout time.Duration, op string, f func(context.Context) error) error {
	within, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := f(within)
	if err == nil {
		return nil
	}
	failed := h.circuit.tick()
	e := classify(ctx, op, err)
	if e.suspect && h.confirmDown(ctx, failed) {
		return h.downError(op, e)
	}
	return e
}

// downError is the error of a call that found the circuit open, or opened it.
func (h *Homeserver) downError(op string, cause *Error) error {
	e := &Error{Kind: Down, Op: op, Err: errDown}
	if cause != nil {
		e.Err, e.maybe, e.Status = cause.Err, cause.maybe, cause.Status
	}
	return e
}

var errDown = errors.New("the homeserver is away")

// path is a path below /_matrix/client.
func path(parts ...any) mautrix.ClientURLPath { return mautrix.ClientURLPath(parts) }

// request makes a request that has no method of its own in mautrix, or whose
// method there does too much. into may be nil.
func request(ctx context.Context, c *mautrix.Client, method string, at mautrix.PrefixableURLPath, query map[string]string, body, into any) error {
	req := mautrix.FullRequest{Method: method, URL: c.BuildURLWithQuery(at, query), RequestJSON: body, ResponseJSON: into}
	if raw, ok := body.(json.RawMessage); ok {
		// Encoded already, and without escapes that would make it longer.
		req.RequestJSON, req.RequestBytes = nil, raw
		req.Headers = http.Header{"Content-Type": {"application/json"}}
	}
	_, err := c.MakeFullRequest(ctx, req)
	return err
}

// patient runs f until it is not rate limited, for pauses short enough to
// wait inside a call that does several requests.
func patient(ctx context.Context, f func() error) error {
	const longest, all = 10 * time.Second, 30 * time.Second
	var waited time.Duration
	for {
		err := f()
		wait := WaitOf(err)
		if err == nil || KindOf(err) != RateLimited || wait >= longest || waited+wait > all {
			return err
		}
		if sleep(ctx, wait) != nil {
			return err
		}
		waited += wait
	}
}

// State reads a state event's content into into, as the bot.
// NotFound: the room has none.
func (h *Homeserver) State(ctx context.Context, room id.RoomID, eventType event.Type, key string, into any) error {
	return h.do(ctx, h.BotID(), "read state", func(ctx context.Context, c *mautrix.Client) error {
		return request(ctx, c, http.MethodGet, path("v3", "rooms", room, "state", eventType.Type, key), nil, nil, into)
	})
}

// sameJSON reports whether two JSON values are equal but for order and space.
func sameJSON(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	p, err := json.Marshal(x)
	if err != nil {
		return false
	}
	q, err := json.Marshal(y)
	return err == nil && string(p) == string(q)
}
