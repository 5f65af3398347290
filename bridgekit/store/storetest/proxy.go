package storetest

import (
	"context"
	"net"
	"net/url"
	"sync"
	"testing"
)

// A Proxy stands between a test and PostgreSQL, to lose what a network loses. Its
// methods may be called concurrently.
type Proxy struct {
	server string // host:port
	listen net.Listener

	mu    sync.Mutex        // guards what follows
	conns map[net.Conn]bool // whether it swallows what it gets
	lose  bool
	gone  bool
	mute  bool

	wg sync.WaitGroup
}

// NewProxy stands before the server of source until the test ends; dsn leads
// through it.
func NewProxy(t testing.TB, source string) (p *Proxy, dsn string) {
	t.Helper()
	u, err := url.Parse(source)
	if err != nil {
		t.Fatal(err)
	}
	p = &Proxy{server: u.Host, conns: map[net.Conn]bool{}}
	if p.listen, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	u.Host = p.listen.Addr().String()
	p.wg.Go(p.accept)
	t.Cleanup(p.close)
	return p, u.String()
}

// LoseAnswer has the next request of any connection carried out, and its answer
// lost together with the connection.
func (p *Proxy) LoseAnswer() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lose = true
}

// Silence makes the connections that are open swallow everything, as a network does
// that was cut. Those that are opened later work.
func (p *Proxy) Silence() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		p.conns[c] = true
	}
}

// Mute is Silence for connections that are opened later, too: a network that was cut
// does not even refuse.
func (p *Proxy) Mute() {
	p.Silence()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mute = true
}

// Gone cuts all connections and refuses new ones, as a server does that is away,
// until it is called with false.
func (p *Proxy) Gone(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone = on
	for c := range p.conns {
		if on {
			c.Close()
		}
	}
}

func (p *Proxy) close() {
	p.listen.Close()
	p.mu.Lock()
	for c := range p.conns {
		c.Close()
	}
	p.mu.Unlock()
	p.wg.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listen.Accept()
		if err != nil {
			return // it was closed
		}
		server, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", p.server)
		if err != nil {
			client.Close()
			continue
		}
		p.mu.Lock()
		p.conns[client], p.conns[server] = p.mute, p.mute
		if p.gone {
			client.Close()
			server.Close()
		}
		p.mu.Unlock()
		doomed := make(chan struct{})
		p.wg.Go(func() { p.copy(server, client, func() { p.doom(doomed) }) })
		p.wg.Go(func() {
			p.copy(client, server, func() {
				select {
				case <-doomed:
					client.Close()
				default:
				}
			})
		})
	}
}

// doom closes doomed if the next answer is to be lost.
func (p *Proxy) doom(doomed chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lose {
		p.lose = false
		close(doomed)
	}
}

// copy passes on what comes, calling before it does, until either end closes.
func (p *Proxy) copy(to, from net.Conn, before func()) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		p.mu.Lock()
		silent := p.conns[from]
		p.mu.Unlock()
		if silent {
			continue
		}
		before()
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}
