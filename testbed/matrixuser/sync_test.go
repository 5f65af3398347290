package matrixuser

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/testbed/record"
)

// TestGap gives a syncer an answer that left events out, and the pages it then
// asks for, whose last one overlaps with what it has seen.
func TestGap(t *testing.T) {
	type object = map[string]any
	events := func(ids ...string) (list []object) {
		for _, id := range ids {
			list = append(list, object{
				"event_id": id, "type": "m.room.message", "sender": "@a:localhost",
				"content": object{"msgtype": "m.text", "body": id},
			})
		}
		return list
	}
	sync := func(next string, limited bool, ids ...string) object {
		timeline := object{"events": events(ids...), "limited": limited, "prev_batch": "p0"}
		return object{"next_batch": next, "rooms": object{"join": object{"!r": object{"timeline": timeline}}}}
	}
	answers := map[string]object{
		"sync":    sync("s1", true, "$1", "$2"), // limited, but nothing is known to be missing
		"sync s1": sync("s2", true, "$7"),
		"page p0": {"chunk": events("$6", "$5"), "start": "p0", "end": "p1"},
		"page p1": {"chunk": events("$4", "$3", "$2", "$1"), "start": "p1", "end": "p2"},
		"sync s2": sync("s3", false, "$7", "$8"), // one of them again
	}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := "sync"
		if since := r.URL.Query().Get("since"); since != "" {
			key += " " + since
		}
		if from := r.URL.Query().Get("from"); from != "" {
			key = "page " + from
		}
		answer, ok := answers[key]
		if !ok {
			t.Errorf("unexpected request for %s", key)
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	defer web.Close()
	client, err := mautrix.NewClient(web.URL, "@b:localhost", "token")
	if err != nil {
		t.Fatal(err)
	}
	var log record.Log[Event]
	s := &syncer{client: client, log: &log, seen: make(map[id.EventID]bool), known: make(map[id.RoomID]bool)}
	for range 3 {
		if err := s.once(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var got []id.EventID
	for _, e := range log.Since(0) {
		got = append(got, e.ID)
	}
	if want := []id.EventID{"$1", "$2", "$3", "$4", "$5", "$6", "$7", "$8"}; !slices.Equal(got, want) {
		t.Fatalf("the log holds %v", got)
	}
}

// TestSlowJoin has a homeserver say at first that it goes on joining, as Dendrite does.
func TestSlowJoin(t *testing.T) {
	asked := 0
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked++; asked == 1 {
			w.WriteHeader(http.StatusAccepted)
			_, _ = w.Write([]byte(`{"errcode":"M_UNKNOWN","error":"The room join will continue in the background."}`))
			return
		}
		_, _ = w.Write([]byte(`{"room_id":"!r:localhost"}`))
	}))
	defer web.Close()
	client, err := mautrix.NewClient(web.URL, "@a:localhost", "token")
	if err != nil {
		t.Fatal(err)
	}
	u := &User{Client: client}
	if room, err := u.Join(t.Context(), "#r:localhost"); err != nil || room != "!r:localhost" || asked != 2 {
		t.Errorf("joined %q after %d requests: %v", room, asked, err)
	}
}
