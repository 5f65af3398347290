package matrixtest_test

import (
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

type synced struct {
	Next  string `json:"next_batch"`
	Rooms struct {
		Join map[string]struct {
			State    struct{ Events []matrixEvent }
			Timeline struct {
				Events  []matrixEvent
				Limited bool
			}
			Ephemeral   struct{ Events []matrixEvent }
			AccountData struct{ Events []matrixEvent } `json:"account_data"`
		}
		Invite map[string]struct {
			State struct{ Events []matrixEvent } `json:"invite_state"`
		}
		Leave map[string]struct {
			Timeline struct{ Events []matrixEvent }
		}
	}
	AccountData struct{ Events []matrixEvent } `json:"account_data"`
}

type matrixEvent struct {
	Type     string
	StateKey *string `json:"state_key"`
	Content  object
	Unsigned struct {
		Txn string `json:"transaction_id"`
	}
}

func syncOf(t *testing.T, u *matrixtest.User, query string) synced {
	t.Helper()
	var out synced
	if err := u.Do("GET", "sync?"+query, nil, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, matrixtest.Options{})
		room := r.room()
		alice := r.CreateUser("alice", "")
		first := syncOf(t, alice, "timeout=0")
		if len(first.Rooms.Join) != 0 {
			t.Errorf("rooms of a newcomer: %+v", first.Rooms)
		}
		r.ok(token, "POST", as("rooms/"+room+"/invite", bot), object{"user_id": alice.ID})
		s := syncOf(t, alice, "since="+first.Next)
		if st := s.Rooms.Invite[room].State.Events; len(st) == 0 || *st[len(st)-1].StateKey != alice.ID {
			t.Errorf("invite: %+v", s.Rooms)
		}
		alice.Join(room)
		s = syncOf(t, alice, "since="+s.Next)
		if len(s.Rooms.Join[room].Timeline.Events)+len(s.Rooms.Join[room].State.Events) < 9 {
			t.Errorf("a room that was just joined: %+v", s.Rooms.Join[room])
		}
		// A long poll ends with the first news, or with its time.
		began := time.Now()
		if s := syncOf(t, alice, "timeout=5000&since="+s.Next); len(s.Rooms.Join) != 0 || time.Since(began) != 5*time.Second {
			t.Errorf("after %v: %+v", time.Since(began), s.Rooms)
		}
		go func() {
			time.Sleep(time.Second) // the bubble's clock
			r.ok(token, "PUT", as("rooms/"+room+"/typing/"+ghost, ghost), object{"typing": true})
		}()
		began = time.Now()
		s = syncOf(t, alice, "timeout=5000&since="+s.Next)
		if e := s.Rooms.Join[room].Ephemeral.Events; time.Since(began) != time.Second || len(e) != 1 || e[0].Type != "m.typing" {
			t.Errorf("after %v: %+v", time.Since(began), s.Rooms)
		}
		alice.SendText(room, "own")
		r.send(ghost, room, "1", "other")
		s = syncOf(t, alice, "since="+s.Next)
		if e := s.Rooms.Join[room].Timeline.Events; len(e) != 2 || e[0].Unsigned.Txn == "" || e[1].Unsigned.Txn != "" {
			t.Errorf("timeline: %+v", e)
		}
		for range 5 {
			alice.SetTopic(alice.CreateRoom(nil), "x")
			alice.SendText(room, "more")
		}
		filter := url.QueryEscape(`{"room":{"timeline":{"limit":2}}}`)
		s = syncOf(t, alice, "filter="+filter+"&since="+s.Next)
		if tl := s.Rooms.Join[room].Timeline; !tl.Limited || len(tl.Events) != 2 || len(s.Rooms.Join) != 6 {
			t.Errorf("limited: %+v", tl)
		}
		alice.Leave(room)
		s = syncOf(t, alice, "since="+s.Next)
		if e := s.Rooms.Leave[room].Timeline.Events; len(e) != 1 || e[0].Type != "m.room.member" {
			t.Errorf("leave: %+v", s.Rooms)
		}
	})
}

// TestSyncOfBot is how a bridge gets on Dendrite what is not pushed there.
func TestSyncOfBot(t *testing.T) {
	r := newRig(t, matrixtest.Options{Flavor: matrixtest.Dendrite})
	room := r.room()
	alice := r.CreateUser("alice", "")
	alice.Join(room)
	since := r.ok(token, "GET", as("sync", bot), nil)["next_batch"].(string)
	msg := alice.SendText(room, "x")
	alice.Redact(room, msg, "")
	alice.Receipt(room, "m.read", r.Room(room).Timeline[0].ID, "")
	raw := r.ok(token, "GET", as("sync?since="+since, bot), nil)["rooms"].(object)["join"].(object)[room].(object)
	events := raw["timeline"].(object)["events"].([]any)
	if len(events) != 2 || events[1].(object)["redacts"] != msg {
		t.Errorf("timeline: %v", events)
	}
	if e := raw["ephemeral"].(object)["events"].([]any); len(e) != 1 || e[0].(object)["type"] != "m.receipt" {
		t.Errorf("ephemeral: %v", e)
	}
}

// TestRestartEndsLongPolls breaks the connection.
func TestRestartEndsLongPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, matrixtest.Options{})
		since := r.ok(token, "GET", as("sync", bot), nil)["next_batch"].(string)
		go func() {
			time.Sleep(time.Second) // the bubble's clock
			r.Restart()
		}()
		_, _, err := r.request(t.Context(), token, "GET", as("sync?timeout=60000&since="+since, bot), nil)
		if err == nil || !strings.Contains(err.Error(), "broken") {
			t.Errorf("got %v", err)
		}
	})
}
