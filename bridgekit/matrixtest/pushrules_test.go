package matrixtest

import (
	"encoding/json"
	"testing"
)

// Push rules as the Client-Server API has them.
func TestPushRules(t *testing.T) {
	hs := New(Options{Domain: "test", Fail: t.Fatalf})
	defer hs.Close()
	alice, bob := hs.CreateUser("alice", "pw"), hs.CreateUser("bob", "pw")
	room := alice.CreateRoom(object{})
	at := "pushrules/global/room/" + room
	status := func(err error) int {
		if e, ok := err.(*Error); ok {
			return e.Status
		}
		return 200
	}
	for _, step := range []struct {
		method, path string
		body         any
		status       int
		muted        bool
	}{
		{"GET", at, nil, 404, false},
		{"DELETE", at, nil, 404, false},
		{"PUT", at, object{}, 400, false},
		{"PUT", "pushrules/global/nonsense/x", object{"actions": []any{}}, 400, false},
		{"PUT", "pushrules/global/room/.mine", object{"actions": []any{}}, 400, false},
		{"PUT", "pushrules/global/content/x", object{"actions": []any{}}, 400, false},
		{"PUT", at, object{"actions": []any{"notify"}}, 200, false},
		{"PUT", at, object{"actions": []any{}}, 200, true},
		{"GET", at, nil, 200, true},
		{"GET", "pushrules/", nil, 200, true},
		{"PUT", "user/" + alice.ID + "/account_data/m.push_rules", object{}, 405, true},
		{"DELETE", at, nil, 200, false},
	} {
		var got json.RawMessage
		if s := status(alice.Do(step.method, step.path, step.body, &got)); s != step.status {
			t.Errorf("%s %s %v: %d %s, want %d", step.method, step.path, step.body, s, got, step.status)
		}
		if alice.Muted(room) != step.muted || bob.Muted(room) {
			t.Errorf("%s %s: muted %v", step.method, step.path, alice.Muted(room))
		}
	}
}
