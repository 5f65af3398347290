package slackfake

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// A socket is an open connection of Socket Mode, or of RTM.
type socket struct {
	conn  *websocket.Conn
	tok   *token
	rtm   bool
	batch bool // presence is told of several users at once
	queue [][]byte
	wake  chan struct{} // holds one when there is something in queue
	gone  chan struct{} // closed by close
	dead  bool
	n     int64 // which came first
	// watched are the users whose presence the client of RTM wants to hear of.
	watched []string
	// retiring: the client was told to go away, and gets nothing new.
	retiring bool
}

// An envelope is something that an app has to acknowledge.
type envelope struct {
	id      string
	kind    string // events_api, interactive, slash_commands
	payload JSON
	accepts bool    // a payload in the acknowledgement
	on      *socket // on which it was sent; nil: none yet
	at      time.Time
	tries   int
	reason  string
}

// ticket makes the address of a socket for a token.
func (s *Server) ticket(t *token) string {
	id := s.id("")
	s.tickets[id] = t
	base := strings.Replace(s.URL(), "http", "ws", 1)
	if t.kind == appToken {
		return base + "/link/?ticket=" + id + "&app_id=" + t.app.ID
	}
	return base + "/websocket/" + id // slack-go throws a query away
}

// link opens a socket.
func (s *Server) link(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	defer s.wg.Done()
	s.mu.Lock()
	q := r.URL.Query()
	id := q.Get("ticket") + r.PathValue("ticket")
	t, gone := s.tickets[id], s.gone
	delete(s.tickets, id)
	if r.URL.Path == "/" {
		t = s.browsing(q)
	}
	s.mu.Unlock()
	if t == nil || t.kind == sessionToken && !t.cookied(r) {
		http.Error(w, "invalid ticket", http.StatusForbidden)
		return
	}
	up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		return // it has answered
	}
	c := &socket{conn: conn, tok: t, rtm: t.kind != appToken, batch: q.Get("batch_presence_aware") == "1", wake: make(chan struct{}, 1), gone: make(chan struct{})}
	if !s.welcome(c, gone) {
		_ = conn.Close() // nobody has seen it
		return
	}
	s.wg.Go(func() { s.write(c) })
	s.read(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetSocket(c)
}

// browsing is whose socket a browser opens at wss://wss-primary.slack.com/, nil if it may
// not. Slack documents nothing of it: these are the arguments with which wee-slack does
// (https://github.com/wee-slack/wee-slack, slack_workspace.py).
func (s *Server) browsing(q url.Values) *token {
	t := s.tokens[q.Get("token")]
	if t == nil || t.kind != sessionToken || t.dead != "" || q.Get("gateway_server") != t.team+"-1" || q.Get("slack_client") != "desktop" {
		return nil
	}
	return t
}

// welcome makes a socket known, unless the server went down meanwhile.
func (s *Server) welcome(c *socket, gone chan struct{}) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.http == nil || s.gone != gone {
		return false
	}
	s.seq++
	c.n = s.seq
	s.sockets[c] = true
	if c.rtm {
		c.send(JSON{"type": "hello", "fast_reconnect": false, "region": "test", "start": true, "host_id": "fake"})
	} else {
		c.send(JSON{
			"type": "hello", "num_connections": len(s.linked(c.tok.app)), "connection_info": JSON{"app_id": c.tok.app.ID},
			"debug_info": JSON{"host": "applink-fake", "build_number": 1, "approximate_connection_time": 18060},
		})
		s.flush(c.tok.app)
	}
	s.happened()
	return true
}

// forgetSocket ends a socket; what was not acknowledged on it is sent again.
func (s *Server) forgetSocket(c *socket) {
	c.close()
	delete(s.sockets, c)
	if !c.rtm {
		for _, e := range c.tok.app.pending {
			if e.on == c {
				e.on, e.reason = nil, "timeout"
			}
		}
		s.flush(c.tok.app)
	}
	s.happened()
}

// close ends the connection without a word.
func (c *socket) close() {
	if c.dead {
		return
	}
	c.dead = true
	close(c.gone)
	_ = c.conn.Close() // the reader sees it
}

// send puts a message into the queue.
func (c *socket) send(v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("slackfake: %v", err))
	}
	c.queue = append(c.queue, raw)
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// write sends what waits, and pings, until the socket is gone.
func (s *Server) write(c *socket) {
	ticker := time.NewTicker(min(s.cfg.Ping, s.cfg.Redeliver))
	defer ticker.Stop()
	for {
		select {
		case <-c.gone:
			return
		case <-ticker.C:
			_ = c.conn.WriteControl(websocket.PingMessage, []byte("Ping from fake"), time.Now().Add(time.Minute)) // the reader sees what is broken
			s.overdue(c)
			continue
		case <-c.wake:
		}
		s.mu.Lock()
		queue := c.queue
		c.queue = nil
		s.mu.Unlock()
		for _, raw := range queue {
			_ = c.conn.SetWriteDeadline(time.Now().Add(time.Minute))
			if err := c.conn.WriteMessage(websocket.TextMessage, raw); err != nil {
				_ = c.conn.Close() // the reader sees it
				return
			}
		}
	}
}

// read takes what the client sends until the connection ends.
func (s *Server) read(c *socket) {
	for {
		_, raw, err := c.conn.ReadMessage()
		if err != nil {
			return
		}
		var m JSON
		if err := json.Unmarshal(raw, &m); err != nil {
			continue // Slack says nothing to that either
		}
		s.mu.Lock()
		if c.rtm {
			s.rtm(c, m)
		} else {
			s.acknowledge(c.tok.app, m)
		}
		s.happened()
		s.mu.Unlock()
	}
}

// acknowledge ends an envelope.
func (s *Server) acknowledge(a *app, m JSON) {
	i := slices.IndexFunc(a.pending, func(e *envelope) bool { return e.id == str(m, "envelope_id") })
	if i < 0 {
		return
	}
	if a.deaf > 0 {
		a.deaf--
		return
	}
	a.pending = slices.Delete(a.pending, i, i+1)
	a.acks = append(a.acks, m)
}

// linked are the sockets of an app, in the order in which they came.
func (s *Server) linked(a *app) []*socket {
	var out []*socket
	for c := range s.sockets {
		if !c.rtm && c.tok.app == a {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b *socket) int { return cmp.Compare(a.n, b.n) })
	return out
}

// deliver gives an app something to acknowledge.
func (s *Server) deliver(a *app, e *envelope) string {
	e.id = s.id("env-")
	a.pending = append(a.pending, e)
	s.flush(a)
	s.happened()
	return e.id
}

// flush sends what waits for a socket, each envelope to one of them in turn.
func (s *Server) flush(a *app) {
	socks := slices.DeleteFunc(s.linked(a), func(c *socket) bool { return c.retiring || c.dead })
	if len(socks) == 0 || a.url != "" {
		return
	}
	for _, e := range a.pending {
		if e.on == nil {
			a.turn++
			s.sendEnvelope(socks[a.turn%len(socks)], e)
		}
	}
}

func (s *Server) sendEnvelope(c *socket, e *envelope) {
	m := JSON{"envelope_id": e.id, "type": e.kind, "payload": e.payload, "accepts_response_payload": e.accepts}
	if e.kind == "events_api" {
		m["retry_attempt"], m["retry_reason"] = e.tries, e.reason
	}
	e.on, e.at = c, time.Now()
	e.tries++
	c.send(m)
}

// overdue sends again what was not acknowledged in time: as often as over HTTP.
func (s *Server) overdue(c *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.rtm || c.dead {
		return
	}
	a := c.tok.app
	late := func(e *envelope) bool { return e.on == c && time.Since(e.at) >= s.cfg.Redeliver }
	a.pending = slices.DeleteFunc(a.pending, func(e *envelope) bool { return late(e) && e.tries > len(s.cfg.Retries) })
	for _, e := range a.pending {
		if late(e) {
			e.on, e.reason = nil, "timeout"
		}
	}
	s.flush(a)
	s.happened()
}
