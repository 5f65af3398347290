package e2e

import (
	"io"
	"net"
	"sync"
	"testing"
)

// A gate passes connections on to another address while it is open.
type gate struct {
	addr string

	wg    sync.WaitGroup
	mu    sync.Mutex // guards what follows
	to    string
	l     net.Listener // nil: shut
	conns map[net.Conn]struct{}
}

// newGate is an open gate, until the test ends.
func newGate(t *testing.T, to string) *gate {
	t.Helper()
	g := &gate{addr: "127.0.0.1:0", to: to, conns: map[net.Conn]struct{}{}}
	g.open(t)
	t.Cleanup(g.shut)
	return g
}

// open lets connections through.
func (g *gate) open(t *testing.T) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	l, err := net.Listen("tcp", g.addr)
	if err != nil {
		t.Fatal(err)
	}
	g.l, g.addr = l, l.Addr().String()
	g.wg.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			g.wg.Go(func() { g.pass(in) })
		}
	})
}

// lead has new connections go elsewhere.
func (g *gate) lead(to string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.to = to
}

// shut cuts all connections and refuses new ones.
func (g *gate) shut() {
	g.mu.Lock()
	if g.l != nil {
		_ = g.l.Close()
		g.l = nil
	}
	for c := range g.conns {
		_ = c.Close()
	}
	g.mu.Unlock()
	g.wg.Wait()
}

// pass copies both ways until either side ends.
func (g *gate) pass(in net.Conn) {
	g.mu.Lock()
	to := g.to
	g.mu.Unlock()
	out, err := net.Dial("tcp", to)
	if err != nil {
		_ = in.Close()
		return
	}
	defer g.forget(in, out)
	if !g.keep(in, out) {
		return
	}
	done := make(chan struct{}, 2)
	for _, c := range [][2]net.Conn{{in, out}, {out, in}} {
		g.wg.Go(func() {
			_, _ = io.Copy(c[0], c[1]) // either end is allowed to break
			done <- struct{}{}
		})
	}
	<-done
}

// keep notes connections to be cut; false if the gate was shut meanwhile.
func (g *gate) keep(cs ...net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range cs {
		g.conns[c] = struct{}{}
	}
	return g.l != nil
}

func (g *gate) forget(cs ...net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range cs {
		_ = c.Close()
		delete(g.conns, c)
	}
}
