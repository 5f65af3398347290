package gate_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/testbed/gate"
)

// limit bounds every read; it is far above what any of them takes.
const limit = 2 * time.Minute

// An echo answers every line with itself, and tells of each.
type echo struct {
	l     net.Listener
	heard chan string
}

func newEcho(t *testing.T) *echo {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &echo{l: l, heard: make(chan string, 100)}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				lines := bufio.NewScanner(c)
				for lines.Scan() {
					e.heard <- lines.Text()
					fmt.Fprintln(c, lines.Text())
				}
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	return e
}

// open is a gate to the echo.
func (e *echo) open(t *testing.T) *gate.Gate {
	t.Helper()
	g, err := gate.New(e.l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	return g
}

// A client says lines through a gate.
type client struct {
	net.Conn
	r *bufio.Reader
}

func dial(t *testing.T, g *gate.Gate) client {
	t.Helper()
	c, err := net.Dial("tcp", g.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return client{c, bufio.NewReader(c)}
}

// answer says a line and returns what comes back within a time.
func (c client) answer(line string, within time.Duration) (string, error) {
	if _, err := fmt.Fprintln(c, line); err != nil {
		return "", err
	}
	return c.next(within)
}

func (c client) next(within time.Duration) (string, error) {
	_ = c.SetReadDeadline(time.Now().Add(within))
	s, err := c.r.ReadString('\n')
	return s, err
}

func (c client) works(t *testing.T, line string) {
	t.Helper()
	if got, err := c.answer(line, limit); err != nil || got != line+"\n" {
		t.Fatalf("%q is answered with %q: %v", line, got, err)
	}
}

func late(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

func TestShutAndOpen(t *testing.T) {
	g := newEcho(t).open(t)
	c := dial(t, g)
	c.works(t, "one")
	g.Shut()
	if _, err := c.next(limit); err == nil || late(err) {
		t.Fatalf("a connection outlives the gate: %v", err)
	}
	if c, err := net.Dial("tcp", g.Addr()); err == nil {
		_ = c.Close()
		t.Fatal("a gate that is shut lets somebody in")
	}
	addr := g.Addr()
	if err := g.Open(); err != nil || g.Addr() != addr {
		t.Fatalf("open again at %s, not %s: %v", g.Addr(), addr, err)
	}
	dial(t, g).works(t, "two")
}

func TestCutAndLead(t *testing.T) {
	e, other := newEcho(t), newEcho(t)
	g := e.open(t)
	c := dial(t, g)
	c.works(t, "one")
	g.Lead(other.l.Addr().String())
	c.works(t, "two")
	g.Cut()
	if _, err := c.next(limit); !errors.Is(err, io.EOF) && (err == nil || late(err)) {
		t.Fatalf("a connection outlives the cut: %v", err)
	}
	dial(t, g).works(t, "three")
	if got := <-other.heard; got != "three" {
		t.Fatalf("the other one heard %q", got)
	}
}

// What is held comes afterwards, in order.
func TestHold(t *testing.T) {
	e := newEcho(t)
	g := e.open(t)
	c := dial(t, g)
	c.works(t, "one")
	<-e.heard
	release := g.Hold()
	for _, line := range []string{"two", "three"} {
		if _, err := fmt.Fprintln(c, line); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case got := <-e.heard:
		t.Fatalf("%q got through", got)
	case <-time.After(50 * time.Millisecond):
	}
	release()
	for _, want := range []string{"two\n", "three\n"} {
		if got, err := c.next(limit); err != nil || got != want {
			t.Fatalf("%q, not %q: %v", got, want, err)
		}
	}
}

// A held connection can still be cut.
func TestHoldAndCut(t *testing.T) {
	g := newEcho(t).open(t)
	c := dial(t, g)
	c.works(t, "one")
	release := g.Hold()
	defer release()
	if _, err := fmt.Fprintln(c, "two"); err != nil {
		t.Fatal(err)
	}
	g.Shut()
	if got, err := c.next(limit); err == nil || late(err) {
		t.Fatalf("got %q: %v", got, err)
	}
}

// The server hears what is said, and nobody its answer.
func TestSwallow(t *testing.T) {
	e := newEcho(t)
	g := e.open(t)
	c := dial(t, g)
	c.works(t, "one")
	<-e.heard
	end := g.Swallow()
	if got, err := c.answer("two", 50*time.Millisecond); !late(err) {
		t.Fatalf("answered with %q: %v", got, err)
	}
	if got := <-e.heard; got != "two" {
		t.Fatalf("the server heard %q", got)
	}
	end()
	if got, err := c.next(limit); err == nil || late(err) {
		t.Fatalf("the torn connection goes on with %q: %v", got, err)
	}
	dial(t, g).works(t, "three")
}

// Both ways take their time; nothing is lost or turned around.
func TestDelay(t *testing.T) {
	g := newEcho(t).open(t)
	c := dial(t, g)
	const each = 30 * time.Millisecond
	g.Delay(each)
	began := time.Now()
	c.works(t, "one")
	if took := time.Since(began); took < 2*each {
		t.Fatalf("an answer came after %s", took)
	}
	g.Delay(0)
	c.works(t, "two")
}
