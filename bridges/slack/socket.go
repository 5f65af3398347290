package slack

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/gorilla/websocket"
	goslack "github.com/slack-go/slack"
)

// A receiver takes what comes through an app's socket. Its methods are called one
// after another; an error ends the socket.
type receiver interface {
	opened(ctx context.Context) error             // events come from now on
	dropped(ctx context.Context, err error) error // the socket was lost, and another is being opened
	// envelope takes what Slack calls an events_api payload; ack is called when it is
	// stored, or not at all.
	envelope(ctx context.Context, payload json.RawMessage, ack func()) error
}

// runSocket keeps a Socket Mode connection and passes on events in the order in
// which they come. It opens another one where Slack asks for that or one is lost; if
// it cannot, this ends. The library opens them, but does not read them here: when its
// connection is lost it drops some of what it has read, and passes on what came behind.
func runSocket(ctx context.Context, web *goslack.Client, c *Connector, to receiver) error {
	acks := newAcks()
	for first := true; ; first = false {
		if !first {
			if err := to.dropped(ctx, errOffline()); err != nil {
				return err
			}
		}
		conn, err := openSocket(ctx, web, c.dialer())
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return connectError(err)
		}
		s := &socket{conn: conn, silence: c.tune.ping, to: to, acks: acks}
		if err := s.serve(ctx); err != nil {
			return err
		}
	}
}

// openSocket opens one connection.
func openSocket(ctx context.Context, web *goslack.Client, d *websocket.Dialer) (*websocket.Conn, error) {
	_, address, err := web.StartSocketModeContext(ctx)
	if err != nil {
		return nil, err
	}
	conn, resp, err := d.DialContext(ctx, address, http.Header{"Origin": {"https://api.slack.com"}})
	if err != nil {
		return nil, err
	}
	_ = resp.Body.Close() // nothing is in it
	conn.SetReadLimit(16 << 20)
	return conn, nil
}

// dialer dials sockets.
func (c *Connector) dialer() *websocket.Dialer {
	return &websocket.Dialer{Proxy: c.set.proxy, HandshakeTimeout: 30 * time.Second, WriteBufferSize: 32 << 10}
}

// A socket is one connection of Socket Mode.
type socket struct {
	conn    *websocket.Conn
	silence time.Duration // the longest time without a word or a ping
	to      receiver
	acks    *acks
}

// readAhead is how many messages are read before they are wanted: what is still in the
// connection when it is cut is lost, and comes again behind what is new.
const readAhead = 50

// serve passes on what comes until the connection is lost or Slack asks for another,
// which is no error. It closes the connection.
func (s *socket) serve(ctx context.Context) error {
	inner, cancel := context.WithCancel(ctx)
	came := make(chan []byte, readAhead)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	context.AfterFunc(inner, func() { _ = s.conn.Close() }) // ends the reader
	wg.Go(func() { s.read(inner, came) })
	wg.Go(func() {
		_ = s.acks.run(inner, s.conn)
		_ = s.conn.Close() // the reader sees it
	})
	for raw := range came { // with ctx: what was read is passed on though the connection is lost
		if err := s.take(ctx, raw); errors.Is(err, errLost) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// errLost is that a connection is over, and another one is to be opened.
var errLost = errors.New("the socket is lost")

// read reads messages until the connection or ctx ends, and closes came.
func (s *socket) read(ctx context.Context, came chan<- []byte) {
	defer close(came)
	s.conn.SetPingHandler(func(data string) error {
		_ = s.conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(10*time.Second)) // what is broken the reader sees
		return s.conn.SetReadDeadline(time.Now().Add(s.silence))
	})
	for {
		if err := s.conn.SetReadDeadline(time.Now().Add(s.silence)); err != nil {
			return
		}
		_, raw, err := s.conn.ReadMessage()
		if err != nil || tell(ctx, came, raw) != nil {
			return
		}
	}
}

// take takes one message of Slack's.
func (s *socket) take(ctx context.Context, raw []byte) error {
	var m struct {
		Type       string          `json:"type"`
		Reason     string          `json:"reason"`
		EnvelopeID string          `json:"envelope_id"`
		Payload    json.RawMessage `json:"payload"`
	}
	if json.Unmarshal(raw, &m) != nil {
		return nil // nothing that could be acknowledged
	}
	switch m.Type {
	case "hello":
		return s.to.opened(ctx)
	case "disconnect":
		if m.Reason == "link_disabled" { // https://docs.slack.dev/apis/events-api/using-socket-mode
			return errSwitchedOff(errors.New("disconnect"))
		}
		return errLost
	}
	if m.EnvelopeID == "" {
		return nil
	}
	ack := func() { s.acks.add(m.EnvelopeID) }
	if m.Type != "events_api" {
		ack() // nothing that is shown
		return nil
	}
	return s.to.envelope(ctx, m.Payload, ack)
}

// errSwitchedOff is that the app may have no sockets until somebody switches them on.
func errSwitchedOff(err error) error {
	return network.Errorf(network.Unavailable, "Socket Mode is switched off: switch it on in the app's settings", "open a socket: %w", err)
}

// connectError is why there is no connection.
func connectError(err error) error {
	var status goslack.StatusCodeError
	if errors.As(err, &status) && status.Code == http.StatusNotFound {
		return network.Errorf(network.LoggedOut, "Slack does not know the app any more", "open a socket: %w", err)
	}
	switch refusal(err) {
	case "link_disabled", "socket_mode_not_enabled", "forbidden_team": // of the last one its page says no more
		return errSwitchedOff(err)
	case "missing_scope", "no_permission", "not_allowed_token_type":
		return network.Errorf(network.LoggedOut, "the app-level token lacks the scope connections:write: make another one with it, under Basic Information of the app", "open a socket: %w", err)
	}
	switch e := inWords(err, "open a socket"); network.KindOf(e) {
	case network.LoggedOut:
		return network.Errorf(network.LoggedOut, "Slack does not accept the app-level token: copy it again or make another one, under Basic Information of the app", "open a socket: %w", err)
	case network.RateLimited:
		return e
	}
	return network.Errorf(network.Unavailable, "Slack cannot be reached at the moment", "open a socket: %w", err)
}

// tell sends v to the loop.
func tell[T any](ctx context.Context, c chan<- T, v T) error {
	select {
	case c <- v:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// acks are acknowledgements to send. The loop adds them and never waits.
type acks struct {
	wake chan struct{}

	mu  sync.Mutex
	ids []string // guarded by mu
}

func newAcks() *acks { return &acks{wake: make(chan struct{}, 1)} }

func (a *acks) add(id string) {
	a.mu.Lock()
	a.ids = append(a.ids, id)
	a.mu.Unlock()
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// run sends acknowledgements on a connection until that or ctx is done. One that is
// lost with its connection is not missed: Slack delivers the event again, and its key
// is known then.
func (a *acks) run(ctx context.Context, conn *websocket.Conn) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-a.wake:
		}
		a.mu.Lock()
		ids := a.ids
		a.ids = nil
		a.mu.Unlock()
		for _, id := range ids {
			if err := conn.SetWriteDeadline(time.Now().Add(15 * time.Second)); err != nil {
				return errLost
			}
			if err := conn.WriteJSON(map[string]string{"envelope_id": id}); err != nil {
				return errLost
			}
		}
	}
}
