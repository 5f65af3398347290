package store

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// answerTime is how long PostgreSQL may take to send the next part of an answer.
// No lock is held for so long, see writing.
const answerTime = 30 * time.Second

// errGivenUp is that of every use of a database after GiveUp.
var errGivenUp = errors.New("the program ends without the database")

// connections are those to one PostgreSQL.
type connections struct {
	limit time.Duration // of an answer

	mu    sync.Mutex // guards what follows
	open  map[*patient]struct{}
	ended bool
}

// GiveUp ends every wait for a PostgreSQL, now and from now on: what is under way fails,
// and whether it was carried out is unknown. It is for the end of a program that
// promised to end in time.
func (db *DB) GiveUp() {
	db.conns.mu.Lock()
	defer db.conns.mu.Unlock()
	db.conns.ended = true
	for c := range db.conns.open {
		_ = c.Conn.SetDeadline(time.Unix(1, 0)) // a connection that is closed already does not mind
	}
}

// dial is pgconn's DialFunc.
func (cs *connections) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3}}
	conn, err := dialer.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.ended {
		return nil, errors.Join(errGivenUp, conn.Close())
	}
	c := &patient{Conn: conn, all: cs}
	cs.open[c] = struct{}{}
	return c, nil
}

// A patient connection gives up a server that does not answer, because a network that
// was cut says nothing: the kernel would wait for a quarter of an hour, and the
// writer, all who wait for it and the end of the program with it. A deadline that its
// user sets goes before, and GiveUp before both.
type patient struct {
	net.Conn
	all *connections // whose mu guards own, and the order of what is set

	own bool // the user has set a deadline
}

func (c *patient) extend() error {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	switch {
	case c.all.ended:
		return errGivenUp
	case c.own:
		return nil
	}
	return c.Conn.SetDeadline(time.Now().Add(c.all.limit))
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
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	if c.all.ended {
		return errGivenUp
	}
	c.own = !t.IsZero()
	return c.Conn.SetDeadline(t)
}

func (c *patient) Close() error {
	c.all.mu.Lock()
	delete(c.all.open, c)
	c.all.mu.Unlock()
	return c.Conn.Close()
}
