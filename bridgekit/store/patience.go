package store

import (
	"context"
	"net"
	"sync"
	"time"
)

// answerTime is how long PostgreSQL may take to send the next part of an answer.
// No lock is held for so long, see writing.
const answerTime = 30 * time.Second

// A patient connection gives up a server that does not answer, because a network that
// was cut says nothing: the kernel would wait for a quarter of an hour, and the
// writer, all who wait for it and the end of the program with it. A deadline that its
// user sets goes before.
type patient struct {
	net.Conn
	limit time.Duration

	mu  sync.Mutex // guards own, and the order of what is set
	own bool       // the user has set a deadline
}

// dialPatiently is pgconn's DialFunc.
func dialPatiently(limit time.Duration) func(ctx context.Context, network, addr string) (net.Conn, error) {
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3}}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &patient{Conn: conn, limit: limit}, nil
	}
}

func (c *patient) extend() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.own {
		return nil
	}
	return c.Conn.SetDeadline(time.Now().Add(c.limit))
}

func (c *patient) Read(b []byte) (int, error) {
	if err := c.extend(); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

func (c *patient) Write(b []byte) (int, error) {
	if err := c.extend(); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// SetDeadline is how a context's end interrupts; the zero time takes it back.
func (c *patient) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.own = !t.IsZero()
	return c.Conn.SetDeadline(t)
}
