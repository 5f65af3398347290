package ircfake

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// A peer is a raw connection.
type peer struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

func dial(t *testing.T, s *Server, lines ...string) *peer {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	p := &peer{t, conn, bufio.NewReader(conn)}
	p.send(lines...)
	return p
}

// send writes lines at once: a server that hangs up on one of them must not fail
// the write of the next.
func (p *peer) send(lines ...string) {
	p.t.Helper()
	if _, err := io.WriteString(p.conn, strings.Join(lines, "\r\n")+"\r\n"); err != nil {
		p.t.Fatal(err)
	}
}

// until reads up to a line that contains text, and returns it.
func (p *peer) until(text string) string {
	p.t.Helper()
	if err := p.conn.SetReadDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		p.t.Fatal(err)
	}
	for {
		line, err := p.r.ReadString('\n')
		if err != nil {
			p.t.Fatalf("waiting for %q: %v", text, err)
		}
		if strings.Contains(line, text) {
			return strings.TrimRight(line, "\r\n")
		}
	}
}

func start(t *testing.T, cfg Config) *Server {
	t.Helper()
	s, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestLegacyClient(t *testing.T) {
	s := start(t, Legacy())
	bob := s.User("bob")
	bob.Join("#a")
	p := dial(t, s, "CAP LS 302", "NICK alice", "USER a 0 * :Alice")
	p.until("421")
	p.until(" 001 alice ")
	p.send("JOIN #a", "PRIVMSG #a :hi", "PRIVMSG #a :"+strings.Repeat("x", 600), "PING x")
	if got := p.until(" 353 "); !strings.HasSuffix(got, ":alice @bob") {
		t.Errorf("names %q", got)
	}
	p.until("PONG")
	said := s.Said("#a")
	if len(said) != 2 || said[0].Text != "hi" || len(said[1].Text) >= 512 {
		t.Errorf("said %+v", said)
	}
	bob.Say("#a", strings.Repeat("y", 600))
	if got := p.until("PRIVMSG"); len(got) != 510 {
		t.Errorf("a line of %d bytes reaches the client, want 510 without its end", len(got))
	}
	bob.Say("#a", "two\nlines")
	p.until(":two")
	p.until(":lines")
	p.send("NICK bob")
	p.until(" 433 ")
	p.send("NICK al", "QUIT :bye")
	p.until("NICK al")
	p.until("ERROR")
	if heard := bob.Heard(); heard[len(heard)-1].Command != "QUIT" {
		t.Errorf("bob heard %v last", heard[len(heard)-1])
	}
}

func TestModernClient(t *testing.T) {
	s := start(t, Modern())
	s.User("bob").Join("#a")
	p := dial(t, s, "CAP LS 302", "NICK alice", "USER a 0 * :Alice", "CAP REQ :message-tags labeled-response echo-message batch draft/multiline server-time draft/chathistory", "CAP END")
	p.until(" 422 ")
}

func TestLabels(t *testing.T) {
	s := start(t, Modern())
	s.User("bob").Join("#a")
	p := dial(t, s, "CAP LS", "NICK alice", "USER a 0 * :Alice", "CAP REQ :message-tags labeled-response echo-message batch draft/multiline server-time draft/chathistory", "CAP END", "JOIN #a")
	p.until(" 366 ")
	p.send("@label=1 PRIVMSG #a :hi")
	if got := p.until("label=1"); !strings.Contains(got, "msgid=") || !strings.Contains(got, "PRIVMSG #a :hi") {
		t.Errorf("echo %q", got)
	}
	p.send("@label=2 PONG x")
	if got := p.until("label=2"); !strings.HasSuffix(got, "ACK") {
		t.Errorf("acknowledgement %q", got)
	}
	p.send("@label=3 PRIVMSG nobody :hi")
	p.until("label=3")
	p.send("@label=4 BATCH +b draft/multiline #a", "@batch=b PRIVMSG #a one", "@batch=b;draft/multiline-concat PRIVMSG #a :+", "@batch=b PRIVMSG #a two", "BATCH -b")
	if got := p.until("label=4"); !strings.Contains(got, "draft/multiline") {
		t.Errorf("echo of a multi-line message %q", got)
	}
	p.until("BATCH -")
	if said := s.Said("#a"); said[len(said)-1].Text != "one+\ntwo" {
		t.Errorf("said %q", said[len(said)-1].Text)
	}
	p.send("CHATHISTORY LATEST #a * 1")
	p.until("chathistory #a")
}

func TestFloodKills(t *testing.T) {
	cfg := Legacy()
	cfg.Flood = 5
	s := start(t, cfg)
	p := dial(t, s, "NICK alice", "USER a 0 * :Alice")
	p.until(" 422 ")
	p.send("PING 1", "PING 2", "PING 3", "PING 4", "PING 5", "PING 6", "PING 7", "PING 8", "PING 9", "PING 10", "PING 11")
	if got := p.until("ERROR"); !strings.Contains(got, "Excess Flood") {
		t.Errorf("goodbye %q", got)
	}
}

func TestRestartKeepsAddress(t *testing.T) {
	s := start(t, Legacy())
	addr := s.Addr()
	p := dial(t, s, "NICK alice", "USER a 0 * :Alice")
	p.until(" 422 ")
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := s.Wait(ctx, func() bool { return s.Clients() == 0 }); err != nil {
		t.Fatal(err)
	}
	if s.Addr() != addr {
		t.Errorf("address %s became %s", addr, s.Addr())
	}
	dial(t, s, "NICK alice", "USER a 0 * :Alice").until(" 422 ")
}
