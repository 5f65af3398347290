package matrixtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// maxJSON is the largest body of a request that is not media.
const maxJSON = 4 << 20

// A call is one request while it is served. Handlers return what to encode
// as the 200 answer: nil means {}, a json.RawMessage goes out as it is, and a
// func(http.ResponseWriter) writes the answer itself.
type call struct {
	hs      *Server
	w       http.ResponseWriter
	r       *http.Request
	route   *route
	params  [maxParams]string
	query   url.Values
	auth    session
	authErr *Error
	fault   Fault
	body    []byte
}

// ServeHTTP serves one request from outside: faults apply, and it is counted.
func (hs *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch hs.Faults.state() {
	case Refusing:
		panic(http.ErrAbortHandler)
	case Unavailable:
		writeProxyError(w, http.StatusServiceUnavailable)
		return
	}
	c, err := hs.newCall(w, r)
	if err != nil {
		hs.requests.unknown(r)
		writeError(w, err)
		return
	}
	n := c.route.count.Add(1)
	hs.requests.add(r.Method, c.route.name, c.auth.userID(), r.URL.Path)
	if hook := hs.Faults.hook.Load(); hook != nil {
		c.fault = (*hook)(Call{Method: r.Method, Route: c.route.name, Path: r.URL.Path, User: c.auth.userID(), N: n})
	}
	c.serve()
}

func (hs *Server) newCall(w http.ResponseWriter, r *http.Request) (*call, *Error) {
	rt, params, err := hs.router.find(r)
	if err != nil {
		return nil, err
	}
	c := &call{hs: hs, w: w, r: r, route: rt, params: params}
	if r.URL.RawQuery != "" {
		c.query = r.URL.Query()
	}
	c.auth, c.authErr = hs.authenticate(r, c.query)
	return c, nil
}

// serve answers a routed request under its fault.
func (c *call) serve() {
	f := c.fault
	if f.before(c) {
		return
	}
	if f.CutAfter > 0 {
		c.w = &cutWriter{ResponseWriter: c.w, left: f.CutAfter}
	}
	result, err := c.answer()
	if f.after(c) {
		return
	}
	if err != nil {
		writeError(c.w, err)
		return
	}
	switch v := result.(type) {
	case func(http.ResponseWriter):
		v(c.w)
	case json.RawMessage:
		writeJSON(c.w, http.StatusOK, v)
	case nil:
		writeJSON(c.w, http.StatusOK, []byte("{}"))
	default:
		b, err := json.Marshal(v)
		if err != nil {
			panic("matrixtest: encode answer: " + err.Error())
		}
		writeJSON(c.w, http.StatusOK, b)
	}
}

// refused says whether the request ends for lack of authentication. Where no
// token is needed, one that is given must still exist, but an appservice need
// not name a user who does: a ghost is registered with its own ?user_id=.
func (c *call) refused() bool {
	if c.authErr == nil {
		return false
	}
	return c.route.flags&open == 0 || c.auth.token != "" && c.auth.service == nil
}

// answer performs the request. The body is read before the latency passes,
// so that a client which gave up meanwhile does not stop what it asked for.
func (c *call) answer() (any, *Error) {
	if c.refused() {
		return nil, c.authErr
	}
	if c.route.flags&stream == 0 {
		if err := c.readBody(); err != nil {
			return nil, err
		}
	}
	if c.route.flags&once == 0 {
		c.hs.pause(c.fault.Latency)
		return c.route.handle(c)
	}
	key := txnKey{owner: c.auth.scope(), path: c.r.Method + c.r.URL.EscapedPath()}
	return c.hs.txns.do(c.r.Context(), key, c.hs.opts.Flavor == Synapse, func() (any, *Error) {
		c.hs.pause(c.fault.Latency)
		return c.route.handle(c)
	})
}

func (c *call) readBody() *Error {
	n := c.r.ContentLength
	switch {
	case n > maxJSON:
		return fail(http.StatusRequestEntityTooLarge, codeTooLarge, "Request content is too large")
	case n >= 0:
		c.body = make([]byte, n)
		if _, err := io.ReadFull(c.r.Body, c.body); err != nil {
			return badRequest(codeNotJSON, "Request body broke off: %v", err)
		}
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(c.r.Body, maxJSON+1))
	switch {
	case err != nil:
		return badRequest(codeNotJSON, "Request body broke off: %v", err)
	case len(body) > maxJSON:
		return fail(http.StatusRequestEntityTooLarge, codeTooLarge, "Request content is too large")
	}
	c.body = body
	return nil
}

// param returns a path parameter by its name in the pattern.
func (c *call) param(name string) string {
	for i, p := range c.route.params {
		if p == name {
			return c.params[i]
		}
	}
	panic("matrixtest: " + c.route.name + " has no " + name)
}

// decode reads the body, which must be a JSON object, into v.
func (c *call) decode(v any) *Error { return decodeObject(c.body, v) }

// decodeOptional is decode where an empty body stands for {}.
func (c *call) decodeOptional(v any) *Error {
	if len(bytes.TrimSpace(c.body)) == 0 {
		return nil
	}
	return decodeObject(c.body, v)
}

func decodeObject(b []byte, v any) *Error {
	if !json.Valid(b) {
		return badRequest(codeNotJSON, "Content not JSON.")
	}
	if bytes.TrimLeft(b, " \t\r\n")[0] != '{' {
		return badJSON("Content must be a JSON object.")
	}
	if err := json.Unmarshal(b, v); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return badJSON("%q: a %s is not allowed here", wrong.Field, wrong.Value)
		}
		return badJSON("%v", err)
	}
	return nil
}

// intQuery reads a whole number from the query.
func (c *call) intQuery(name string, fallback int) (int, *Error) {
	s := c.query.Get(name)
	if s == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, badRequest(codeInvalidParam, "Query parameter %s must be a whole number", name)
	}
	return n, nil
}

// stamp is the origin_server_ts of a new event: ?ts= of an appservice
// (Application Service API, "Timestamp massaging"), else now.
func (c *call) stamp() (int64, *Error) {
	s := c.query.Get("ts")
	if c.auth.service == nil || s == "" {
		return c.hs.nowMS(), nil
	}
	ts, err := strconv.ParseInt(s, 10, 64)
	if err != nil || ts < 0 {
		return 0, badRequest(codeInvalidParam, "Query parameter ts must be a whole number")
	}
	return ts, nil
}

// own checks that a path names the user who asks.
func (c *call) own(userID string) *Error {
	if userID != c.auth.user.id {
		return forbidden("%s may not act for %s", c.auth.user.id, userID)
	}
	return nil
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h["Content-Type"] = []string{"application/json"}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client went away: nothing to tell it
}

func writeError(w http.ResponseWriter, e *Error) {
	body := []byte(e.raw)
	if body == nil {
		body, _ = json.Marshal(e) // plain strings and numbers: cannot fail
	}
	if e.RetryAfterMS > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt((e.RetryAfterMS+999)/1000, 10))
	}
	writeJSON(w, e.Status, body)
}

// writeProxyError answers as a reverse proxy does whose server is away.
func writeProxyError(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "<html><h1>"+strconv.Itoa(status)+" "+http.StatusText(status)+"</h1></html>\n")
}

// bearer takes the access token out of a request.
func bearer(r *http.Request, query url.Values) string {
	if h := r.Header["Authorization"]; len(h) > 0 {
		token, ok := strings.CutPrefix(h[0], "Bearer ")
		if !ok {
			return ""
		}
		return token
	}
	return query.Get("access_token")
}
