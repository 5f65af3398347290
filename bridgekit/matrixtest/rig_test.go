package matrixtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

const (
	token  = "as-secret"
	puppet = "puppet-secret"
	bot    = "@_cw_bot:test"
	ghost  = "@_cw_irc_anna:test"
	ghost2 = "@_cw_irc_bert:test"
)

type object = map[string]any

// A rig is a server with a bridge registered, its bot and two ghosts.
type rig struct {
	*matrixtest.Server
	t *testing.T
}

func registration() matrixtest.Registration {
	return matrixtest.Registration{
		ID: "causeway", ASToken: token, HSToken: "hs-secret", SenderLocalpart: "_cwsender",
		Users:   []matrixtest.Namespace{{Exclusive: true, Regex: `@_cw_.+:test`}},
		Aliases: []matrixtest.Namespace{{Exclusive: true, Regex: `#_cw_.+:test`}},
	}
}

func newRig(t *testing.T, opts matrixtest.Options, change ...func(*matrixtest.Registration)) *rig {
	t.Helper()
	opts.Fail = t.Fatalf
	r := &rig{matrixtest.New(opts), t}
	t.Cleanup(r.Close)
	reg := registration()
	for _, f := range change {
		f(&reg)
	}
	if err := r.Register(reg); err != nil {
		t.Fatal(err)
	}
	if err := r.Register(matrixtest.Registration{
		ID: "doublepuppet", ASToken: puppet, HSToken: "none", SenderLocalpart: "_cwpuppet",
		Users: []matrixtest.Namespace{{Regex: `@.*:test`}},
	}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"_cw_bot", "_cw_irc_anna", "_cw_irc_bert"} {
		r.ok(token, "POST", "register", object{"type": "m.login.application_service", "username": name, "inhibit_login": true})
	}
	r.ResetRequests()
	return r
}

// request makes a request as a bridge does, and returns status and answer.
func (r *rig) request(ctx context.Context, auth, method, path string, body any) (int, object, error) {
	var in io.Reader = http.NoBody
	switch b := body.(type) {
	case nil:
	case string:
		in = strings.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			r.t.Fatal(err)
		}
		in = bytes.NewReader(raw)
	}
	if path[0] != '/' {
		path = "/_matrix/client/v3/" + path
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://hs.invalid"+path, in)
	if err != nil {
		r.t.Fatal(err)
	}
	if auth != "" {
		req.Header.Set("Authorization", "Bearer "+auth)
	}
	resp, err := r.Transport().RoundTrip(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, nil, err
	}
	var out object
	_ = json.Unmarshal(raw, &out) // a proxy's page: no object
	return resp.StatusCode, out, nil
}

func (r *rig) ok(auth, method, path string, body any) object {
	r.t.Helper()
	status, out, err := r.request(r.t.Context(), auth, method, path, body)
	if err != nil || status != 200 {
		r.t.Fatalf("%s %s: %d %v %v", method, path, status, out, err)
	}
	return out
}

func as(path, user string) string {
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	return path + sep + "user_id=" + url.QueryEscape(user)
}

// room makes a public room of the bot with both ghosts in it.
func (r *rig) room() string {
	r.t.Helper()
	id := r.ok(token, "POST", as("createRoom", bot), object{"preset": "public_chat"})["room_id"].(string)
	for _, g := range []string{ghost, ghost2} {
		r.ok(token, "POST", as("rooms/"+id+"/join", g), nil)
	}
	return id
}

func text(body string) object { return object{"msgtype": "m.text", "body": body} }

// wait waits for a condition, and fails the test after two minutes.
func (r *rig) wait(what string, cond func() bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 2*time.Minute)
	defer cancel()
	if err := r.Wait(ctx, cond); err != nil {
		r.t.Fatalf("waiting for %s: %v", what, err)
	}
}
