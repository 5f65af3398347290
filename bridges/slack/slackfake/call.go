package slackfake

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// A method of the Web API.
type method struct {
	tier   tier
	scopes []string // any of them; those with * stand for the kinds of conversations
	open   bool     // needs no token
	run    func(*call) (JSON, error)
}

// A call is one request. Its methods are called with mu held.
type call struct {
	s    *Server
	name string
	tok  *token
	args map[string]any
	r    *http.Request
}

// A failure is an answer that is not ok.
type failure struct {
	code string
	more JSON
}

func (f *failure) Error() string { return f.code }

// fail is an error of the Web API.
func fail(code string) error { return &failure{code: code} }

// str is an argument as a string.
func (c *call) str(name string) string {
	switch v := c.args[name].(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return ""
	}
}

func (c *call) bool(name string) bool {
	v := c.str(name)
	return v == "true" || v == "1"
}

// number is an argument between 1 and most; def if there is none.
func (c *call) number(name string, def, most int) (int, error) {
	v := c.str(name)
	if v == "" || v == "0" {
		return def, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		return 0, fail("invalid_" + name)
	}
	return min(n, most), nil
}

// json is an argument that is JSON, given as such or as a string, into out. It
// reports whether there was one.
func (c *call) json(name string, out any) (bool, error) {
	raw, ok := c.args[name]
	if !ok || raw == nil || raw == "" {
		return false, nil
	}
	text, ok := raw.(string)
	if !ok {
		b, err := json.Marshal(raw)
		if err != nil {
			return false, err
		}
		text = string(b)
	}
	return true, json.Unmarshal([]byte(text), out)
}

// words are an argument that is a list with commas, or one in JSON.
func (c *call) words(name string) []string {
	var list []string
	if _, ok := c.args[name].([]any); ok {
		if _, err := c.json(name, &list); err == nil {
			return list
		}
	}
	for one := range strings.SplitSeq(c.str(name), ",") {
		if one = strings.TrimSpace(one); one != "" {
			list = append(list, one)
		}
	}
	return list
}

// arguments reads a request's: of the query, of a form, or of a JSON object.
func arguments(r *http.Request) (map[string]any, error) {
	args := map[string]any{}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch kind {
	case "application/json":
		body, err := io.ReadAll(io.LimitReader(r.Body, 8<<20))
		if err != nil {
			return nil, fmt.Errorf("read: %w", err)
		}
		if len(body) > 0 {
			if err := json.Unmarshal(body, &args); err != nil {
				return nil, fail("invalid_json")
			}
		}
	case "multipart/form-data":
		if err := r.ParseMultipartForm(8 << 20); err != nil {
			return nil, fail("invalid_form_data")
		}
	default:
		if err := r.ParseForm(); err != nil {
			return nil, fail("invalid_form_data")
		}
	}
	if r.Form == nil {
		r.Form = r.URL.Query()
	}
	for name, values := range r.Form {
		if len(values) > 0 {
			args[name] = values[0]
		}
	}
	return args, nil
}

// api answers the Web API.
func (s *Server) api(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	defer s.wg.Done()
	c := &call{s: s, name: r.PathValue("method"), r: r}
	var err error
	if c.args, err = arguments(r); err != nil {
		s.answer(w, c, nil, err)
		return
	}
	s.mu.Lock()
	s.calls[c.name]++
	f := s.fault(c.name)
	s.happened()
	s.mu.Unlock()
	if s.before(w, r, f) {
		return
	}
	out, err := s.perform(c, f)
	if f != nil && f.Lost {
		if f.Error == "" {
			lose(w)
			return
		}
		out, err = nil, fail(f.Error)
	}
	s.answer(w, c, out, err)
}

// enter counts somebody in for Close, unless the server is down.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.http == nil {
		return false
	}
	s.wg.Add(1)
	return true
}

// perform does what is asked and returns the answer's body.
func (s *Server) perform(c *call, f *Fault) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.happened()
	m, ok := s.methods[c.name]
	if !ok {
		s.unknown[c.name]++
		return nil, &failure{code: "unknown_method", more: JSON{"req_method": c.name}}
	}
	if f != nil && f.Error != "" && !f.Lost {
		return nil, fail(f.Error)
	}
	if err := c.admit(m); err != nil {
		return nil, err
	}
	out, err := m.run(c)
	if err != nil {
		return nil, err
	}
	return json.Marshal(with(out, JSON{"ok": true}))
}

// admit checks the token, the limits and the scopes.
func (c *call) admit(m method) error {
	if m.open {
		return nil
	}
	var err error
	if c.tok, err = c.s.authorise(c.r, c.str("token")); err != nil {
		return err
	}
	if (c.tok.kind == appToken) != (c.name == "apps.connections.open") {
		return fail("not_allowed_token_type")
	}
	if err := c.limit(m); err != nil {
		return err
	}
	needed := c.needed(m)
	if !c.tok.has(needed...) {
		return &failure{code: "missing_scope", more: JSON{"needed": strings.Join(needed, ","), "provided": strings.Join(c.tok.scopes, ",")}}
	}
	return c.act()
}

// needed are the scopes of which the call needs one.
func (c *call) needed(m method) []string {
	var out []string
	for _, scope := range m.scopes {
		rest, all := strings.CutPrefix(scope, "*")
		if !all {
			out = append(out, scope)
			continue
		}
		for _, kind := range c.kinds() {
			if kind == "channels" && rest == ":write" {
				out = append(out, "channels:manage") // of bots
			}
			out = append(out, kind+rest)
		}
	}
	return out
}

// kinds are what scopes of the conversations that the call may be about begin with.
func (c *call) kinds() []string {
	ch := c.s.chans[c.str("channel")]
	switch {
	case ch != nil:
		return []string{prefix(ch)}
	case c.name == "conversations.create" && c.bool("is_private"):
		return []string{"groups"}
	case c.name == "conversations.create":
		return []string{"channels"}
	case c.name == "conversations.open" && len(c.words("users")) > 1:
		return []string{"mpim"}
	case c.name == "conversations.open":
		return []string{"im"}
	}
	return []string{"channels", "groups", "mpim", "im"}
}

// prefix is what scopes of a kind of conversation begin with.
func prefix(c *channel) string {
	return map[Kind]string{Public: "channels", Private: "groups", IM: "im", MPIM: "mpim"}[c.Kind]
}

// authorise finds the token of a request.
func (s *Server) authorise(r *http.Request, arg string) (*token, error) {
	value := arg
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		value = bearer
	}
	if value == "" {
		return nil, fail("not_authed")
	}
	t := s.tokens[value]
	if t == nil {
		return nil, fail("invalid_auth")
	}
	if t.dead != "" {
		return nil, fail(t.dead)
	}
	if t.kind == sessionToken && !t.cookied(r) {
		return nil, fail("invalid_auth")
	}
	if u := s.users[t.user]; u != nil && u.Deleted {
		return nil, fail("account_inactive")
	}
	return t, nil
}

// cookied reports whether a request has the session's cookie.
func (t *token) cookied(r *http.Request) bool {
	return slices.ContainsFunc(r.Cookies(), func(c *http.Cookie) bool { return c.Name == "d" && c.Value == t.cookie })
}

// answer writes what came of a call.
func (s *Server) answer(w http.ResponseWriter, c *call, body []byte, err error) {
	var f *failure
	if errors.As(err, &f) {
		if f.code == "ratelimited" {
			w.Header().Set("Retry-After", fmt.Sprint(f.more["retry_after"]))
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, `{"ok":false,"error":"ratelimited"}`) // the client may be gone
			return
		}
		body, err = json.Marshal(with(f.more, JSON{"ok": false, "error": f.code}))
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if c.tok != nil {
		w.Header().Set("X-OAuth-Scopes", strings.Join(c.tok.scopes, ","))
		w.Header().Set("X-Accepted-OAuth-Scopes", strings.ReplaceAll(strings.Join(s.methods[c.name].scopes, ","), "*", "channels"))
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(body) // the client may be gone
}
