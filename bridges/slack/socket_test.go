package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// A heard is a receiver that notes what it gets, and is slow.
type heard struct {
	opens int
	texts []string
	slow  <-chan struct{} // envelope waits until it is closed
}

func (h *heard) opened(context.Context) error         { h.opens++; return nil }
func (h *heard) dropped(context.Context, error) error { return nil }

func (h *heard) envelope(_ context.Context, payload json.RawMessage, ack func()) error {
	<-h.slow
	h.texts = append(h.texts, string(payload))
	ack()
	return nil
}

// serveOne serves one socket on which the other side says what play does.
func serveOne(t *testing.T, ctx context.Context, to receiver, silence time.Duration, play func(*websocket.Conn)) error {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		up := websocket.Upgrader{}
		conn, err := up.Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		play(conn)
	}))
	defer srv.Close()
	conn, _, err := websocket.DefaultDialer.DialContext(t.Context(), strings.Replace(srv.URL, "http", "ws", 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	return (&socket{conn: conn, silence: silence, to: to, acks: newAcks()}).serve(ctx)
}

// say sends what Slack would.
func say(t *testing.T, conn *websocket.Conn, message string) {
	if err := conn.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
		t.Error(err)
	}
}

// What was said on a connection before it was lost comes in order and without a gap,
// however slowly it is taken; some of the end may be missing.
func TestSocketLost(t *testing.T) {
	want := []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}
	for range 20 {
		cut := make(chan struct{})
		h := &heard{slow: cut}
		err := serveOne(t, t.Context(), h, patience, func(conn *websocket.Conn) {
			say(t, conn, `{"type":"hello"}`)
			for _, text := range want {
				say(t, conn, fmt.Sprintf(`{"type":"events_api","envelope_id":"e%s","payload":%s}`, text, text))
			}
			_ = conn.Close()
			close(cut)
		})
		if err != nil || h.opens != 1 || len(h.texts) > len(want) || !slices.Equal(h.texts, want[:len(h.texts)]) {
			t.Fatalf("%v; it opened %d times and brought %q", err, h.opens, h.texts)
		}
	}
}

// A connection ends, without an error, where Slack asks for another one and where it is
// silent; and with one when it is called off.
func TestSocketEnds(t *testing.T) {
	open := make(chan struct{})
	close(open)
	gone := func(conn *websocket.Conn) { // until the other side goes
		for {
			if _, _, err := conn.ReadMessage(); err != nil {
				return
			}
		}
	}
	h := &heard{slow: open}
	err := serveOne(t, t.Context(), h, patience, func(conn *websocket.Conn) {
		say(t, conn, `not JSON`)
		say(t, conn, `{"type":"slash_commands","envelope_id":"s"}`)
		if _, raw, err := conn.ReadMessage(); err != nil || strings.TrimSpace(string(raw)) != `{"envelope_id":"s"}` {
			t.Errorf("what is not shown is answered with %q, %v", raw, err)
		}
		say(t, conn, `{"type":"events_api","envelope_id":"e","payload":"before"}`)
		say(t, conn, `{"type":"disconnect","reason":"refresh_requested"}`)
		_ = conn.WriteMessage(websocket.TextMessage, []byte(`{"type":"events_api","envelope_id":"f","payload":"behind"}`)) // it may be closed
		gone(conn)
	})
	if err != nil || !slices.Equal(h.texts, []string{`"before"`}) {
		t.Errorf("asked for another: %v, and %q came", err, h.texts)
	}
	if err := serveOne(t, t.Context(), h, 50*time.Millisecond, gone); err != nil {
		t.Errorf("a silent one: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = serveOne(t, ctx, h, patience, func(conn *websocket.Conn) {
		cancel()
		gone(conn)
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("called off: %v", err)
	}
}
