package gate

import (
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/testbed/child"
)

// A Gate passes connections on to another address while it is open.
type Gate struct {
	addr string

	wg    sync.WaitGroup // of the goroutines that accept and pass
	mu    sync.Mutex     // guards what follows
	to    string
	l     net.Listener // nil: shut
	conns map[*passage]struct{}
	delay time.Duration
	held  chan struct{} // closed when what waits may go on; nil: nothing is held
	deaf  bool          // answers are swallowed
}

// A passage is one connection through the gate.
type passage struct {
	in, out net.Conn
	ended   chan struct{} // closed when it is cut
	once    sync.Once
}

func (p *passage) cut() {
	p.once.Do(func() {
		close(p.ended)
		_ = p.in.Close()
		_ = p.out.Close()
	})
}

// New returns an open gate on a free port of the loopback interface, which leads
// to an address, "" for none yet. The port stays the same as long as the Gate is used.
func New(to string) (*Gate, error) {
	addr, err := child.FreeAddr()
	if err != nil {
		return nil, err
	}
	g := &Gate{addr: addr, to: to, conns: map[*passage]struct{}{}}
	return g, g.Open()
}

// Addr is where connections come in.
func (g *Gate) Addr() string { return g.addr }

// Lead has new connections go elsewhere.
func (g *Gate) Lead(to string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.to = to
}

// Open lets connections in. It does nothing if the gate is open.
func (g *Gate) Open() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.l != nil {
		return nil
	}
	l, err := net.Listen("tcp", g.addr)
	if err != nil {
		return fmt.Errorf("open gate: %w", err)
	}
	g.l = l
	g.wg.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			g.wg.Go(func() { g.pass(in) })
		}
	})
	return nil
}

// Shut cuts all connections, refuses new ones, and returns when nothing passes
// any more.
func (g *Gate) Shut() {
	g.mu.Lock()
	if g.l != nil {
		_ = g.l.Close()
		g.l = nil
	}
	g.mu.Unlock()
	g.Cut()
	g.wg.Wait()
}

// Close is Shut for good: what is held is let go.
func (g *Gate) Close() { g.Shut() }

// Cut ends the connections that there are. New ones may come.
func (g *Gate) Cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for p := range g.conns {
		p.cut()
	}
}

// Delay keeps everything back for d, in both directions, from now on; 0 is not at
// all. Order stays.
func (g *Gate) Delay(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.delay = d
}

// Hold lets nothing pass until release is called; connections stay. Call release
// once, and hold nothing twice.
func (g *Gate) Hold() (release func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	held := make(chan struct{})
	g.held = held
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.held = nil
		close(held)
	}
}

// Swallow drops what the other side answers until end is called, which cuts all
// connections: requests get through, and nobody learns what became of them. Call
// end once.
func (g *Gate) Swallow() (end func()) {
	g.setDeaf(true)
	return func() {
		g.Cut() // before anything of a torn stream can pass
		g.setDeaf(false)
	}
}

func (g *Gate) setDeaf(deaf bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.deaf = deaf
}

// pass copies both ways until either side ends.
func (g *Gate) pass(in net.Conn) {
	g.mu.Lock()
	to := g.to
	g.mu.Unlock()
	out, err := net.Dial("tcp", to)
	if err != nil {
		_ = in.Close()
		return
	}
	p := &passage{in: in, out: out, ended: make(chan struct{})}
	if !g.keep(p) {
		p.cut()
		return
	}
	var both sync.WaitGroup
	both.Go(func() { g.copy(p, out, in, false); p.cut() })
	both.Go(func() { g.copy(p, in, out, true); p.cut() })
	both.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.conns, p)
}

// keep notes a connection to be cut; false if the gate was shut meanwhile.
func (g *Gate) keep(p *passage) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.l == nil {
		return false
	}
	g.conns[p] = struct{}{}
	return true
}

// copy passes on what comes from one side; back says that these are answers.
func (g *Gate) copy(p *passage, to, from net.Conn, back bool) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if !g.wait(p) {
				return
			}
			if !back || !g.swallows() {
				if _, werr := to.Write(buf[:n]); werr != nil {
					return
				}
			}
		}
		if err != nil {
			return
		}
	}
}

func (g *Gate) swallows() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.deaf
}

// wait waits for as long as the gate keeps things back; false if the connection
// is cut meanwhile.
func (g *Gate) wait(p *passage) bool {
	g.mu.Lock()
	delay := g.delay
	g.mu.Unlock()
	if delay > 0 {
		t := time.NewTimer(delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-p.ended:
			return false
		}
	}
	for {
		g.mu.Lock()
		held := g.held
		g.mu.Unlock()
		if held == nil {
			return true
		}
		select {
		case <-held:
		case <-p.ended:
			return false
		}
	}
}
