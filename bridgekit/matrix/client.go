package matrix

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
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
	err = h.attempt(ctx, timeout, op, func(ctx context.Context) error { return f(ctx, cli) })
	if KindOf(err) == Auth {
		h.puppetRefused(ctx, u)
	}
	return err
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
// method there does too much. into may be nil. It ends as mautrix' requests do, with
// a mautrix.HTTPError, but takes half of what those cost: most messages are one.
func request(ctx context.Context, c *mautrix.Client, method string, at mautrix.PrefixableURLPath, query map[string]string, body, into any) error {
	req, err := newRequest(ctx, c, method, at, query, body)
	if err != nil {
		return err
	}
	res, err := c.Client.Do(req)
	if err != nil {
		return mautrix.HTTPError{Request: req, Response: res, Message: "request error", WrappedError: err}
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		_, err := mautrix.ParseErrorResponse(req, res)
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, c.ResponseSizeLimit+1))
	if err == nil && int64(len(answer)) > c.ResponseSizeLimit {
		err = fmt.Errorf("the answer has more than %d bytes", c.ResponseSizeLimit)
	}
	if err == nil && into != nil {
		err = json.Unmarshal(answer, into)
	}
	if err != nil {
		return mautrix.HTTPError{Request: req, Response: res, Message: "cannot read the answer", WrappedError: err}
	}
	return nil
}

// newRequest is a request as c's user. A body that is a json.RawMessage is encoded
// already, and without escapes that would make it longer.
func newRequest(ctx context.Context, c *mautrix.Client, method string, at mautrix.PrefixableURLPath, query map[string]string, body any) (*http.Request, error) {
	raw, ok := body.(json.RawMessage)
	if !ok && (body != nil || method != http.MethodGet) {
		if body == nil {
			body = struct{}{}
		}
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
	}
	target := mautrix.BuildURL(c.HomeserverURL, at.FullPath()...)
	values := make(url.Values, len(query)+1)
	if c.SetAppServiceUserID {
		values.Set("user_id", string(c.UserID))
	}
	for k, v := range query {
		values.Set(k, v)
	}
	target.RawQuery = values.Encode()
	req := &http.Request{
		Method: method, URL: target, Host: target.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"User-Agent": {c.UserAgent}},
	}
	if c.AccessToken != "" { // Synapse refuses a header without a token, even where it needs none
		req.Header["Authorization"] = []string{"Bearer " + c.AccessToken}
	}
	if raw != nil {
		req.Header["Content-Type"] = []string{"application/json"}
		req.ContentLength = int64(len(raw))
		req.Body = io.NopCloser(bytes.NewReader(raw))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil }
	}
	return req.WithContext(ctx), nil
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

// Attempt makes requests with a Client inside the circuit: at once a Down error
// while it is open, and an [*Error] of what f returned, which may open it. It is
// for packages that do what this one does not offer.
func (h *Homeserver) Attempt(ctx context.Context, timeout time.Duration, op string, f func(context.Context) error) error {
	if !h.Up() {
		return h.downError(op, nil)
	}
	return h.attempt(ctx, timeout, op, f)
}
