package matrixtest_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

func (r *rig) send(user, room, txn, body string) string {
	r.t.Helper()
	return r.ok(token, "PUT", as("rooms/"+room+"/send/m.room.message/"+txn, user), text(body))["event_id"].(string)
}

// TestTransactionIDs shows what a transaction ID is good for, and what it is
// not.
func TestTransactionIDs(t *testing.T) {
	for name, flavor := range map[string]matrixtest.Flavor{"Synapse": matrixtest.Synapse, "Dendrite": matrixtest.Dendrite} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, matrixtest.Options{Flavor: flavor})
			room, other := r.room(), r.room()
			first := r.send(ghost, room, "t", "hello")
			if r.send(ghost, room, "t", "hello") != first {
				t.Error("the same request made another event")
			}
			if r.send(ghost2, room, "t", "swallowed") != first {
				t.Error("the ghost is in the key")
			}
			if r.send(ghost, other, "t", "hello") == first {
				t.Error("the room is not in the key")
			}
			alice := r.CreateUser("alice", "")
			alice.Join(room)
			if r.ok(alice.Token, "PUT", "rooms/"+room+"/send/m.room.message/t", text("hello"))["event_id"] == first {
				t.Error("the token is not in the key")
			}
			// A refusal is not remembered.
			if status, _, _ := r.request(t.Context(), token, "PUT", as("rooms/"+room+"/send/m.room.message/bad", ghost), "{"); status != 400 {
				t.Fatalf("malformed: %d", status)
			}
			r.send(ghost, room, "bad", "now well-formed")
			r.Restart()
			if r.send(ghost, room, "t", "hello") == first {
				t.Error("the cache outlived a restart")
			}
		})
	}
}

// TestConcurrentTransactionID sends the same request twice at once: Synapse
// performs it once, Dendrite twice.
func TestConcurrentTransactionID(t *testing.T) {
	for name, tt := range map[string]struct {
		flavor matrixtest.Flavor
		want   int
	}{"Synapse": {matrixtest.Synapse, 1}, "Dendrite": {matrixtest.Dendrite, 6}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, matrixtest.Options{Flavor: tt.flavor})
				room := r.room()
				r.Faults.Set(func(matrixtest.Call) matrixtest.Fault { return matrixtest.Fault{Latency: time.Second} })
				var (
					wg  sync.WaitGroup
					mu  sync.Mutex
					ids = map[string]bool{}
				)
				for range 6 {
					wg.Go(func() {
						id := r.send(ghost, room, "t", "hello")
						mu.Lock()
						defer mu.Unlock()
						ids[id] = true
					})
				}
				wg.Wait()
				if len(ids) != tt.want || len(r.Room(room).Bodies()) != tt.want {
					t.Errorf("%d answers, %d events, want %d", len(ids), len(r.Room(room).Bodies()), tt.want)
				}
			})
		})
	}
}

// TestTimeoutStillRuns gives up on a request which takes effect all the same.
func TestTimeoutStillRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, matrixtest.Options{})
		room := r.room()
		r.Faults.Set(func(matrixtest.Call) matrixtest.Fault { return matrixtest.Fault{Latency: time.Minute} })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := r.request(ctx, token, "PUT", as("rooms/"+room+"/send/m.room.message/t", ghost), text("late")); err != context.DeadlineExceeded {
			t.Fatalf("got %v", err)
		}
		if n := len(r.Room(room).Bodies()); n != 0 {
			t.Errorf("%d events before the latency passed", n)
		}
		time.Sleep(time.Minute) // the bubble's clock
		synctest.Wait()
		if n := len(r.Room(room).Bodies()); n != 1 {
			t.Errorf("%d events after it", n)
		}
	})
}
