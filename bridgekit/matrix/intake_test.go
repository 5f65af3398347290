package matrix

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"maunium.net/go/mautrix/id"

	mt "github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

// call makes a request to an intake.
func call(in *Intake, method, target, token, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	in.Handler().ServeHTTP(w, r)
	return w
}

func TestIntakeEndpoints(t *testing.T) {
	in := &Intake{
		HSToken: "hs",
		User:    func(_ context.Context, u id.UserID) bool { return u == "@_cw_n_a/b:test" },
		Room:    func(_ context.Context, alias string) bool { return alias == "#_cw_x:test" },
	}
	const v1 = "/_matrix/app/v1"
	for _, c := range []struct {
		method, target, token string
		status                int
		code                  string
	}{
		{"PUT", v1 + "/transactions/1", "hs", 200, ""},
		{"PUT", "/transactions/1", "hs", 200, ""},
		{"PUT", v1 + "/transactions/a%2Fb", "hs", 200, ""},
		{"PUT", v1 + "/transactions/1", "", 401, "M_UNAUTHORIZED"},
		{"PUT", v1 + "/transactions/1", "x", 403, "M_FORBIDDEN"},
		{"PUT", v1 + "/transactions/1?access_token=hs", "", 200, ""},
		{"PUT", v1 + "/transactions/1?access_token=hs", "x", 403, "M_FORBIDDEN"},
		{"PUT", v1 + "/transactions/1?access_token=x", "", 403, "M_FORBIDDEN"},
		{"POST", v1 + "/transactions/1", "hs", 405, "M_UNRECOGNIZED"},
		{"PUT", v1 + "/transactions", "hs", 404, "M_UNRECOGNIZED"},
		{"GET", v1 + "/users/@_cw_n_a%2Fb:test", "hs", 200, ""},
		{"GET", "/users/@_cw_n_a%2Fb:test", "hs", 200, ""},
		{"GET", v1 + "/users/@other:test", "hs", 404, "M_NOT_FOUND"},
		{"GET", v1 + "/users/@other:test", "", 401, "M_UNAUTHORIZED"},
		{"GET", v1 + "/rooms/%23_cw_x%3Atest", "hs", 200, ""},
		{"GET", v1 + "/rooms/%23other:test", "hs", 404, "M_NOT_FOUND"},
		{"POST", v1 + "/ping", "hs", 200, ""},
		{"GET", v1 + "/thirdparty/protocol/irc", "hs", 404, "M_NOT_FOUND"},
		{"GET", v1 + "/thirdparty/user/irc", "hs", 200, ""},
		{"GET", v1 + "/thirdparty/location", "hs", 200, ""},
		{"GET", "/_matrix/app/unstable/thirdparty/user", "hs", 200, ""},
		{"GET", "/", "hs", 404, "M_UNRECOGNIZED"},
		{"GET", "/_matrix/client/versions", "hs", 404, "M_UNRECOGNIZED"},
	} {
		w := call(in, c.method, c.target, c.token, "{}")
		var answer struct {
			Code string `json:"errcode"`
		}
		body := bytes.TrimPrefix(w.Body.Bytes(), []byte("[]"))
		if len(body) > 0 && json.Unmarshal(body, &answer) != nil {
			t.Errorf("%s %s: body %s", c.method, c.target, w.Body)
		}
		if w.Code != c.status || answer.Code != c.code {
			t.Errorf("%s %s with %q: %d %s, want %d %s", c.method, c.target, c.token, w.Code, answer.Code, c.status, c.code)
		}
	}
	if w := call(&Intake{}, "PUT", v1+"/transactions/1", "", "{}"); w.Code == 200 {
		t.Error("an empty token is a token")
	}
	// Nothing set: nothing exists.
	if w := call(&Intake{HSToken: "hs"}, "GET", v1+"/users/@a:b", "hs", ""); w.Code != 404 {
		t.Errorf("no User: %d", w.Code)
	}
}

// deep is valid JSON that encoding/json does not take.
func deep(open, shut string) string {
	return strings.Repeat(open, 20_000) + "1" + strings.Repeat(shut, 20_000)
}

func TestIntakeBodies(t *testing.T) {
	for name, c := range map[string]struct {
		body   string
		status int
		events int
	}{
		"empty object":      {`{}`, 200, 0},
		"no events":         {`{"events":[]}`, 200, 0},
		"null":              {`null`, 200, 0},
		"null events":       {`{"events":null}`, 200, 0},
		"two":               {`{"events":[{"a":1},{"b":2}]}`, 200, 2},
		"odd elements":      {`{"events":[null,5,"x",[],{"type":7}]}`, 200, 5},
		"events no list":    {`{"events":{"a":1}}`, 200, 1},
		"events a number":   {`{"events":5}`, 200, 1},
		"list":              {`[]`, 200, 0},
		"number":            {`5`, 200, 0},
		"string":            {`"x"`, 200, 0},
		"other case":        {`{"EVENTS":[{}]}`, 200, 0},
		"bad UTF-8":         {"{\"events\":[{\"a\":\"\xff\xfe\"}]}", 200, 1},
		"lone surrogate":    {`{"events":[{"a":"\ud800"}]}`, 200, 1},
		"huge number":       {`{"events":[{"a":1e999}]}`, 200, 1},
		"huge whole number": {`{"events":[{"origin_server_ts":99999999999999999999999999}]}`, 200, 1},
		"duplicate keys":    {`{"events":[{"a":1,"a":2}],"events":[{"b":1}]}`, 200, 1},
		"deep array":        {`{"x":1,"events":[{"a":1},{"content":` + deep("[", "]") + `},{"b":2}] , "ephemeral":[{}]}`, 200, 3},
		"deep object":       {`{"events":[{"content":` + deep(`{"a":`, "}") + `}]}`, 200, 1},
		"deep no object":    {deep("[", "]"), 200, 0},
		"deep and broken":   {`{"events":[` + deep("[", "]") + `}`, 400, 0},
		"deep and trailing": {deep("[", "]") + `]`, 400, 0},
		"empty":             {``, 400, 0},
		"cut":               {`{"events":[{"a":1}`, 400, 0},
		"trailing":          {`{}x`, 400, 0},
		"text":              {`hello`, 400, 0},
		"BOM":               {"\ufeff{}", 400, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got, called := Transaction{}, false
			in := &Intake{HSToken: "hs", Events: func(_ context.Context, txn Transaction) error { got, called = txn, true; return nil }}
			w := call(in, "PUT", "/_matrix/app/v1/transactions/t1", "hs", c.body)
			if w.Code != c.status || called != (c.status == 200) || len(got.Events) != c.events {
				t.Errorf("status %d, %d events, called %v", w.Code, len(got.Events), called)
			}
			if called && got.ID != "t1" {
				t.Errorf("ID is %q", got.ID)
			}
		})
	}
}

func TestTransactionFields(t *testing.T) {
	for _, body := range []string{
		`{"events":[1],"ephemeral":[2],"to_device":[3],"device_lists":{"changed":[]},"device_one_time_keys_count":{"a":1},"device_unused_fallback_key_types":{}}`,
		`{"events":[1],"de.sorunome.msc2409.ephemeral":[2],"de.sorunome.msc2409.to_device":[3],"org.matrix.msc3202.device_lists":{"changed":[]},
		  "org.matrix.msc3202.device_one_time_keys_count":{"a":1},"org.matrix.msc3202.device_unused_fallback_key_types":{}}`,
	} {
		got, ok := ParseTransaction([]byte(body))
		if !ok || len(got.Events) != 1 || string(got.Ephemeral[0]) != "2" || string(got.ToDevice[0]) != "3" ||
			string(got.DeviceLists) != `{"changed":[]}` || string(got.OneTimeKeys) != `{"a":1}` || string(got.FallbackKeys) != `{}` {
			t.Errorf("%s became %+v", body, got)
		}
	}
	got, ok := ParseTransaction([]byte(`{"events":[{"content":` + deep("[", "]") + `}, {"b" : 2}]}`))
	if !ok || len(got.Events) != 2 || string(got.Events[1]) != `{"b" : 2}` || len(got.Events[0]) != 40_013 {
		t.Errorf("deep: %d events", len(got.Events))
	}
}

// encoding/json has no type for its refusal of deep nesting.
func TestTooDeepText(t *testing.T) {
	var v any
	if err := json.Unmarshal([]byte(deep("[", "]")), &v); !tooDeep(err) {
		t.Errorf("encoding/json says %v now", err)
	}
}

func TestIntakeFailures(t *testing.T) {
	in := &Intake{HSToken: "hs", Events: func(context.Context, Transaction) error { return errTest }}
	if w := call(in, "PUT", "/_matrix/app/v1/transactions/1", "hs", "{}"); w.Code != 500 || strings.Contains(w.Body.String(), errTest.Error()) {
		t.Errorf("storage failure: %d %s", w.Code, w.Body)
	}
	in.Events = func(context.Context, Transaction) error { panic("bug") }
	if w := call(in, "PUT", "/_matrix/app/v1/transactions/1", "hs", "{}"); w.Code != 500 {
		t.Errorf("panic: %d", w.Code)
	}
	// Who has no token does not get us to read.
	r := httptest.NewRequest("PUT", "/_matrix/app/v1/transactions/1", io.NopCloser(readFails{t}))
	w := httptest.NewRecorder()
	in.Handler().ServeHTTP(w, r)
	if w.Code != 401 {
		t.Errorf("no token: %d", w.Code)
	}
	// 64 MiB is taken.
	in.Events = nil
	big := `{"events":[{"a":"` + strings.Repeat("x", 64<<20) + `"}]}`
	if w := call(in, "PUT", "/_matrix/app/v1/transactions/1", "hs", big); w.Code != 200 {
		t.Errorf("64 MiB: %d", w.Code)
	}
	r = httptest.NewRequest("PUT", "/_matrix/app/v1/transactions/1", noise(maxBody+1))
	r.Header.Set("Authorization", "Bearer hs")
	w = httptest.NewRecorder()
	in.Handler().ServeHTTP(w, r)
	if w.Code != 413 {
		t.Errorf("endless body: %d", w.Code)
	}
}

type readFails struct{ t *testing.T }

func (r readFails) Read([]byte) (int, error) {
	r.t.Error("the body was read")
	return 0, io.EOF
}

// A whole homeserver pushes, and fails to get through at first.
func TestIntakePushed(t *testing.T) {
	var mu sync.Mutex
	var bodies []string
	fails := 3
	arrived := make(chan struct{}, 100)
	in := &Intake{HSToken: "hs", Events: func(_ context.Context, txn Transaction) error {
		mu.Lock()
		defer mu.Unlock()
		for _, raw := range txn.Events {
			var e struct {
				Content struct{ Body string }
			}
			if json.Unmarshal(raw, &e) != nil || e.Content.Body == "" {
				continue
			}
			if fails > 0 {
				fails--
				return errTest
			}
			if !slices.Contains(bodies, e.Content.Body) {
				bodies = append(bodies, e.Content.Body)
				arrived <- struct{}{}
			}
		}
		return nil
	}}
	w := newWorldWith(t, mt.Options{}, in.Handler())
	room := w.room()
	for _, s := range []string{"a", "b", "c"} {
		w.alice.SendText(string(room), s)
	}
	deadline := time.After(2 * time.Minute)
	for range 3 {
		select {
		case <-arrived:
		case <-deadline:
			t.Fatalf("got %v", bodies)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(bodies, []string{"a", "b", "c"}) {
		t.Errorf("got %v", bodies)
	}
}

func FuzzTransaction(f *testing.F) {
	for _, s := range []string{
		``, `{}`, `[]`, `null`, `{"events":[{"type":"m.room.message","content":{"body":"x"}}]}`, `{"events":{},"ephemeral":5}`,
		`{"events":[1,2],"de.sorunome.msc2409.ephemeral":[{}]}`, `{"events":[` + deep("[", "]") + `,{}]}`, "{\"events\":[\"\xff\"]}",
		`{"events":[1] , "to_device" : [ {} , [] ] }`, `{"a":[}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, ok := ParseTransaction(raw)
		var v any
		err := json.Unmarshal(raw, &v)
		switch valid := json.Valid(raw); {
		case valid && !ok:
			t.Fatal("valid JSON was refused")
		case ok && !valid && !tooDeep(err):
			t.Fatal("no JSON was taken")
		}
		if !ok {
			return
		}
		for _, list := range [][]json.RawMessage{got.Events, got.Ephemeral, got.ToDevice} {
			for _, e := range list {
				if len(e) == 0 || len(e) < 9_000 && !json.Valid(e) {
					t.Fatalf("element %q", e)
				}
			}
		}
		// What was taken apart goes together again.
		again, ok := ParseTransaction(together(got.Events))
		if !ok || len(again.Events) != len(got.Events) {
			t.Fatalf("%d events became %d", len(got.Events), len(again.Events))
		}
		in := &Intake{HSToken: "hs"}
		r := httptest.NewRequest(http.MethodPut, "/_matrix/app/v1/transactions/1", bytes.NewReader(raw))
		r.Header.Set("Authorization", "Bearer hs")
		w := httptest.NewRecorder()
		in.Handler().ServeHTTP(w, r)
		if w.Code != 200 {
			t.Fatalf("refused with %d", w.Code)
		}
	})
}

// together is a transaction with events.
func together(events []json.RawMessage) []byte {
	parts := make([][]byte, len(events))
	for i, e := range events {
		parts[i] = e
	}
	return []byte(`{"events":[` + string(bytes.Join(parts, []byte(","))) + `]}`)
}
