package irc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/ergochat/irc-go/ircmsg"
	"golang.org/x/sync/errgroup"
)

// offline is said where something needs the connection.
const offline = "not connected to the network at the moment"

// tuning are times that people have no reason to change; tests have.
type tuning struct {
	tick     time.Duration // of the loop's housekeeping
	damp     time.Duration // how long changes of members are gathered
	split    time.Duration // how long after a netsplit people may come back unnoticed
	regain   time.Duration // how often the preferred nick is tried for
	rejoin   time.Duration // how often a channel that refused us is tried again
	patience time.Duration // for the echo of a line
	answer   time.Duration // for the answer to a command
	gap      time.Duration // the shortest absence that is worth a word
	goodbye  time.Duration // for QUIT and the last events
	identify time.Duration // for NickServ's answer before channels are joined
}

func usual() tuning {
	return tuning{
		tick: 500 * time.Millisecond, damp: time.Second, split: time.Minute, regain: time.Minute, rejoin: 5 * time.Minute,
		patience: 10 * time.Second, answer: 15 * time.Second, gap: 5 * time.Second, goodbye: 400 * time.Millisecond, identify: 5 * time.Second,
	}
}

// A Client is one login's connection.
type Client struct {
	set    settings
	tune   tuning
	login  network.Login
	id     identity
	tls    *tls.Config
	host   network.Host
	memory *memory

	mu   sync.Mutex
	live *session // the connection, nil without one; guarded by mu
}

var _ network.Client = (*Client)(nil)

// Run implements network.Client.
func (c *Client) Run(ctx context.Context, sink network.Sink) error {
	sink.State(network.LoginState{Status: network.Connecting})
	err := c.run(ctx, sink)
	if ctx.Err() != nil {
		return fmt.Errorf("irc: %w", ctx.Err())
	}
	switch network.KindOf(err) {
	case network.LoggedOut, network.Rejected:
		sink.State(network.LoginState{Status: network.Dead, Words: network.UserText(err)})
	default:
		sink.State(network.LoginState{Status: network.Offline, Words: network.UserText(err)})
	}
	return err
}

func (c *Client) run(ctx context.Context, sink network.Sink) error {
	past, err := c.recall(ctx)
	if err != nil {
		return err
	}
	w, g, err := connect(ctx, c.set, c.tls, c.id)
	if err != nil {
		return err
	}
	defer func() { _ = w.conn.Close() }() // it is lost or said goodbye
	if err := c.store(ctx, g); err != nil {
		return err
	}
	s := newSession(c, w, g, sink, past)
	return s.run(ctx)
}

// connect connects and signs in to the first server that takes us.
func connect(ctx context.Context, set settings, t *tls.Config, id identity) (*wire, *greeting, error) {
	var last error
	for _, addr := range set.addrs {
		w, g, err := connectTo(ctx, addr, set, t, id)
		switch {
		case err == nil:
			return w, g, nil
		case ctx.Err() != nil:
			return nil, nil, fmt.Errorf("connect: %w", ctx.Err())
		case network.KindOf(err) != network.Unavailable:
			return nil, nil, err
		}
		last = err
	}
	return nil, nil, last
}

func connectTo(ctx context.Context, addr string, set settings, t *tls.Config, id identity) (*wire, *greeting, error) {
	dialing, cancel := context.WithTimeout(ctx, set.ConnectTimeout)
	defer cancel()
	w, err := dial(dialing, addr, t, set.Charset)
	if err != nil {
		return nil, nil, err
	}
	g, err := register(ctx, w, id, set.ConnectTimeout)
	if err != nil {
		_ = w.conn.Close() // there was no connection to speak of
		return nil, nil, err
	}
	return w, g, nil
}

// setLive makes s the connection that the other methods use; nil: none.
func (c *Client) setLive(s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.live = s
}

// do runs f in the loop of the connection. f must not wait for anything.
func (c *Client) do(ctx context.Context, f func(s *session)) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("irc: %w", err)
	}
	c.mu.Lock()
	s := c.live
	c.mu.Unlock()
	if s == nil {
		return errOffline(nil)
	}
	done := make(chan struct{})
	select {
	case s.requests <- func() { defer close(done); f(s) }:
	case <-s.ended:
		return errOffline(nil)
	case <-ctx.Done():
		return fmt.Errorf("wait for the connection: %w", ctx.Err())
	}
	<-done
	return nil
}

// errOffline is that there is no connection.
func errOffline(cause error) error {
	if cause == nil {
		cause = errors.New("no connection")
	}
	return &network.Error{Kind: network.Unavailable, User: offline, Err: cause}
}

// run starts the goroutines of the connection and waits for all of them.
func (s *session) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	lines := make(chan ircmsg.Message)
	g.Go(func() error { return s.read(ctx, lines) })
	g.Go(func() error { return s.write(ctx) })
	g.Go(func() error { return s.mail.run(ctx, s.sink, s.tune.goodbye) })
	g.Go(func() error { return s.loop(ctx, lines) })
	err := g.Wait()
	if s.mail.empty() { // all that was heard is stored
		s.keepAlive(context.WithoutCancel(ctx), time.Now())
	}
	return err
}

// read passes lines to the loop. After the end it reads on for a moment without
// passing anything, so that the server's side can close first.
func (s *session) read(ctx context.Context, lines chan<- ircmsg.Message) error {
	stop := context.AfterFunc(ctx, func() { _ = s.wire.conn.SetReadDeadline(time.Now().Add(s.tune.goodbye)) })
	defer stop()
	for {
		m, err := s.wire.read()
		if err != nil {
			return errOffline(err)
		}
		select {
		case lines <- m:
		case <-ctx.Done():
		}
	}
}

// write writes what the outbox has, in its pace, until the end; then it says goodbye.
func (s *session) write(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		data, line, wait := s.out.next(time.Now())
		if data == nil {
			if wait == 0 {
				wait = time.Hour
			}
			timer.Reset(wait)
			select {
			case <-s.out.wake:
			case <-timer.C:
			case <-ctx.Done():
			}
			continue
		}
		if err := s.wire.conn.SetWriteDeadline(time.Now().Add(20 * time.Second)); err != nil {
			return errOffline(err)
		}
		stop := context.AfterFunc(ctx, func() { _ = s.wire.conn.SetWriteDeadline(time.Now().Add(s.tune.goodbye)) })
		n, err := s.wire.conn.Write(data)
		stop()
		if line != nil {
			s.out.wrote(line, n, err)
		}
		if err != nil {
			// The server may have said why; then the reader knows it.
			timer.Reset(s.tune.goodbye)
			select {
			case <-timer.C:
			case <-ctx.Done():
			}
			return errOffline(fmt.Errorf("write: %w", err))
		}
	}
	if data, err := encodeLine(nil, "QUIT", s.set.Quit); err == nil {
		_ = s.wire.conn.SetWriteDeadline(time.Now().Add(s.tune.goodbye)) // if the connection still is
		_, _ = s.wire.conn.Write(data)
	}
	return nil
}
