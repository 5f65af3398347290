package matrixtest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

func TestFaults(t *testing.T) {
	tests := []struct {
		name    string
		fault   matrixtest.Fault
		status  int // 0: no answer
		code    string
		effects int
	}{
		{"none", matrixtest.Fault{}, 200, "", 1},
		{"rate limit", matrixtest.Fault{Status: 429, RetryAfter: 1500 * time.Millisecond}, 429, "M_LIMIT_EXCEEDED", 0},
		{"internal error", matrixtest.Fault{Status: 500}, 500, "M_UNKNOWN", 0},
		{"bad gateway", matrixtest.Fault{Status: 502}, 502, "", 0},
		{"gateway timeout that was performed", matrixtest.Fault{Status: 504, Perform: true}, 504, "", 1},
		{"lost request", matrixtest.Fault{LoseRequest: true}, 0, "", 0},
		{"lost response", matrixtest.Fault{LoseResponse: true}, 0, "", 1},
		{"hang", matrixtest.Fault{Hang: true}, 0, "", 0},
		{"hang after", matrixtest.Fault{Hang: true, Perform: true}, 0, "", 1},
		{"cut", matrixtest.Fault{CutAfter: 5}, 0, "", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, matrixtest.Options{})
				room := r.room()
				var seen matrixtest.Call
				r.Faults.Set(func(c matrixtest.Call) matrixtest.Fault {
					seen = c
					return tt.fault
				})
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				status, out, err := r.request(ctx, token, "PUT", as("rooms/"+room+"/send/m.room.message/t", ghost), text("x"))
				if tt.status == 0 && err == nil || tt.status != 0 && status != tt.status {
					t.Errorf("got %d %v, %v", status, out, err)
				}
				if tt.fault.Hang && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("hanging: %v", err)
				}
				if code, _ := out["errcode"].(string); code != tt.code {
					t.Errorf("code %s", code)
				}
				if tt.status == 429 && out["retry_after_ms"] != 1500.0 {
					t.Errorf("retry_after_ms: %v", out)
				}
				synctest.Wait()
				if n := len(r.Room(room).Bodies()); n != tt.effects {
					t.Errorf("%d effects, want %d", n, tt.effects)
				}
				if seen.User != ghost || seen.Route != matrixtest.RouteSend || seen.N != 1 || !strings.HasSuffix(seen.Path, "/t") {
					t.Errorf("the hook saw %+v", seen)
				}
				r.Faults.Set(nil)
				r.send(ghost, room, "t", "x")
				if n := len(r.Room(room).Bodies()); n != 1 {
					t.Errorf("%d messages after the retry", n)
				}
			})
		})
	}
}

// TestFaultsOnSockets breaks a real connection.
func TestFaultsOnSockets(t *testing.T) {
	r := newRig(t, matrixtest.Options{})
	room := r.room()
	srv := httptest.NewServer(r.Handler())
	defer srv.Close()
	do := func() (int, error) {
		req, err := http.NewRequestWithContext(t.Context(), "PUT",
			srv.URL+"/_matrix/client/v3/"+as("rooms/"+room+"/send/m.room.message/t", ghost), strings.NewReader(`{"msgtype":"m.text","body":"x"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := srv.Client().Do(req)
		if err != nil {
			return 0, err
		}
		defer resp.Body.Close()
		_, err = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode, err
	}
	r.Faults.Set(func(matrixtest.Call) matrixtest.Fault { return matrixtest.Fault{LoseResponse: true} })
	if _, err := do(); err == nil {
		t.Error("the response was not lost")
	}
	r.Faults.Set(nil)
	if status, err := do(); status != 200 || err != nil {
		t.Errorf("retry: %d %v", status, err)
	}
	if n := len(r.Room(room).Bodies()); n != 1 {
		t.Errorf("%d messages", n)
	}
	r.Faults.Down(matrixtest.Refusing)
	if _, err := do(); err == nil {
		t.Error("a server that is down answered")
	}
	r.Faults.Down(matrixtest.Unavailable)
	if status, _ := do(); status != 503 {
		t.Errorf("a proxy without server answered %d", status)
	}
	r.Faults.Down(matrixtest.Running)
	if status, _ := do(); status != 200 {
		t.Errorf("a server that is up answered %d", status)
	}
}

// TestRequests counts what comes from outside before the first message.
func TestRequests(t *testing.T) {
	r := newRig(t, matrixtest.Options{RequestLog: 3})
	alice := r.CreateUser("alice", "")
	id := r.ok(token, "POST", as("createRoom", bot), object{"preset": "public_chat"})["room_id"].(string)
	alice.Join(id)
	r.ok(token, "POST", as("rooms/"+id+"/join", ghost), nil)
	r.send(ghost, id, "1", "x")
	r.send(ghost, id, "2", "y")
	_, _, _ = r.request(t.Context(), token, "GET", "/nonsense", nil)
	q := r.Requests()
	isSend := func(q matrixtest.Request) bool { return q.Route == matrixtest.RouteSend }
	if n := q.Before(isSend); n != 2 {
		t.Errorf("%d requests before the first message: %+v", n, q.Log)
	}
	if q.Count[matrixtest.RouteSend] != 2 || q.Count[matrixtest.RouteCreateRoom] != 1 || q.Count[matrixtest.RouteJoin] != 0 {
		t.Errorf("counters: %v", q.Count)
	}
	if q.Unknown["GET /nonsense"] != 1 || len(q.Log) != 3 || q.Log[2].User != ghost {
		t.Errorf("log: %+v", q)
	}
	r.ResetRequests()
	if q := r.Requests(); len(q.Log)+len(q.Count)+len(q.Unknown) != 0 {
		t.Errorf("after reset: %+v", q)
	}
}
