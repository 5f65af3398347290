package ircfake

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"time"

	"github.com/ergochat/irc-go/ircmsg"
	"github.com/ergochat/irc-go/ircreader"
	"github.com/ergochat/irc-go/ircutils"
)

// sendQueue is how many lines may wait for a client that does not read.
const sendQueue = 20000

// A user is somebody on the server: a connection, a person without one, or a
// service.
type user struct {
	nick, ident, host, real, account, away string
	conn                                   *conn // nil without a connection
	heard                                  []ircmsg.Message
	service                                bool
	modes                                  string
}

func (u *user) mask() string { return u.nick + "!" + u.ident + "@" + u.host }

// A conn is a client's connection.
type conn struct {
	net     net.Conn
	out     chan []byte
	gone    chan struct{} // closed by disconnect
	dead    bool
	user    *user
	caps    map[string]bool
	negot   bool // between CAP LS and CAP END
	welcome bool
	pass    string
	mech    string
	sasl    *ircutils.SASLBuffer
	label   string
	replies []ircmsg.Message // of a labelled command
	batch   *inBatch
	second  int64 // for Flood
	lines   int
}

// accept takes connections until l is closed.
func (s *Server) accept(l net.Listener) {
	for {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		c := &conn{
			net: nc, out: make(chan []byte, sendQueue), gone: make(chan struct{}), caps: map[string]bool{},
			user: &user{host: s.cfg.Host}, sasl: ircutils.NewSASLBuffer(0),
		}
		c.user.conn = c
		s.mu.Lock()
		s.conns[c] = true
		s.accepted++
		if s.listener == nil {
			s.disconnect(c, "")
		}
		closing := s.closing
		s.mu.Unlock()
		s.wg.Go(func() { c.write() })
		s.wg.Go(func() { s.serve(c, closing) })
	}
}

// write sends what waits until the connection is gone.
func (c *conn) write() {
	defer func() { _ = c.net.Close() }() // the reader sees it
	for {
		select {
		case line := <-c.out:
			_ = c.net.SetWriteDeadline(time.Now().Add(10 * time.Second))
			if _, err := c.net.Write(line); err != nil {
				return
			}
			if line == nil {
				c.linger()
				return
			}
		case <-c.gone:
			return
		}
	}
}

// linger ends the connection in the direction of the client, which then reads
// the farewell. Closing it at once would reset it if anything that the client
// sent had not been read, and a reset takes the farewell with it.
func (c *conn) linger() {
	half, ok := c.net.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	_ = c.net.SetReadDeadline(time.Now().Add(time.Second))
	_, _ = io.Copy(io.Discard, c.net)
}

// serve reads lines until the connection ends.
func (s *Server) serve(c *conn, closing string) {
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.disconnect(c, "Connection closed")
	}()
	if t, ok := c.net.(*tls.Conn); ok {
		if err := t.Handshake(); err != nil {
			return
		}
	}
	if closing != "" {
		s.mu.Lock()
		s.farewell(c, closing)
		s.mu.Unlock()
	}
	var r ircreader.Reader
	r.Initialize(c.net, 512, 4096+s.cfg.LineLen+8)
	for {
		raw, err := r.ReadLine()
		if err != nil {
			return
		}
		if !s.line(c, string(raw)) {
			return
		}
	}
}

// line handles one line and reports whether to go on.
func (s *Server) line(c *conn, raw string) bool {
	s.mu.Lock()
	for s.paused != nil {
		paused := s.paused
		s.mu.Unlock()
		select {
		case <-paused:
		case <-c.gone:
			return false
		}
		s.mu.Lock()
	}
	defer s.mu.Unlock()
	if c.dead {
		return false
	}
	m, err := ircmsg.ParseLineStrict(raw, true, s.cfg.LineLen)
	if err != nil && err != ircmsg.ErrorBodyTooLong {
		if err == ircmsg.ErrorTagsTooLong {
			s.numeric(c.user, "417", "Input line was too long")
		}
		return true
	}
	if s.flooded(c) {
		s.farewell(c, "Excess Flood")
		return false
	}
	s.handle(c, m)
	s.happened()
	return !c.dead
}

// flooded counts a line and reports whether it is one too many.
func (s *Server) flooded(c *conn) bool {
	if s.cfg.Flood == 0 || !c.welcome {
		return false
	}
	if now := time.Now().Unix(); now != c.second {
		c.second, c.lines = now, 0
	}
	c.lines++
	return c.lines > s.cfg.Flood
}

// tell sends a message to u with the tags that u's capabilities let through.
func (s *Server) tell(u *user, tags map[string]string, source, command string, params ...string) {
	m := ircmsg.MakeMessage(nil, source, command, params...)
	switch command {
	case "PRIVMSG", "NOTICE", "TOPIC", "KICK", "QUIT":
		m.ForceTrailing() // as real servers do
	}
	if u.conn == nil {
		m.UpdateTags(tags)
		if len(u.heard) > 10000 {
			u.heard = u.heard[5000:]
		}
		u.heard = append(u.heard, m)
		return
	}
	c := u.conn
	for k, v := range tags {
		if c.allows(k) {
			m.SetTag(k, v)
		}
	}
	if c.label != "" && c.replies != nil {
		c.replies = append(c.replies, m)
		return
	}
	s.put(c, m)
}

// allows reports whether the client wants to see a tag.
func (c *conn) allows(tag string) bool {
	switch {
	case tag == "time":
		return c.caps["server-time"]
	case tag == "account":
		return c.caps["account-tag"]
	case tag == "batch":
		return c.caps["batch"]
	case tag == "label":
		return c.caps["labeled-response"]
	}
	return c.caps["message-tags"]
}

// put queues a message.
func (s *Server) put(c *conn, m ircmsg.Message) {
	line, err := m.LineBytesStrict(false, s.cfg.LineLen)
	if err != nil && err != ircmsg.ErrorBodyTooLong {
		return
	}
	if !bytes.HasSuffix(line, []byte("\r\n")) {
		line = append(bytes.TrimRight(line, "\r\n"), "\r\n"...)
	}
	select {
	case c.out <- line:
	default:
		s.disconnect(c, "SendQ exceeded")
	}
}

// farewell sends ERROR and closes the connection behind it.
func (s *Server) farewell(c *conn, text string) {
	if c.dead {
		return
	}
	s.put(c, ircmsg.MakeMessage(nil, "", "ERROR", "Closing Link: "+c.user.host+" ("+text+")"))
	s.forget(c, text)
	select {
	case c.out <- nil: // the writer closes after it
	default:
		close(c.gone)
	}
}

// disconnect closes the connection at once.
func (s *Server) disconnect(c *conn, reason string) {
	if s.forget(c, reason) {
		close(c.gone)
		_ = c.net.Close() // wakes the reader
	}
}

// forget removes a connection's user and reports whether it was still there.
func (s *Server) forget(c *conn, reason string) bool {
	if c.dead {
		return false
	}
	c.dead = true
	delete(s.conns, c)
	if s.users[s.fold(c.user.nick)] == c.user {
		s.leaveAll(c.user, reason)
		delete(s.users, s.fold(c.user.nick))
	}
	s.happened()
	return true
}

// common names the client of a TLS connection, if it showed a certificate.
func (c *conn) common() string {
	if t, ok := c.net.(*tls.Conn); ok {
		if certs := t.ConnectionState().PeerCertificates; len(certs) > 0 {
			return certs[0].Subject.CommonName
		}
	}
	return ""
}

// numeric sends a numeric reply.
func (s *Server) numeric(u *user, command string, params ...string) {
	nick := u.nick
	if nick == "" || u.conn != nil && !u.conn.welcome && s.users[s.fold(nick)] != u {
		nick = "*"
	}
	s.tell(u, nil, s.cfg.Name, command, append([]string{nick}, params...)...)
}

// visible removes what would break a line apart.
func visible(text string) string {
	return strings.NewReplacer("\r", " ", "\n", " ", "\x00", " ").Replace(text)
}
