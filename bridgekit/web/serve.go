package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	headerTime = 10 * time.Second
	idleTime   = 2 * time.Minute
	lastTime   = time.Second // for handlers whose connection was closed
	maxHeader  = 32 << 10
)

// Serve answers requests on l with h until ctx is done; then it takes no new
// ones, lets the running ones finish for grace, cancels the rest and returns an
// error that wraps ctx's. Any other error means that l failed. It closes l.
//
// Headers have to come within ten seconds; how long bodies and answers may take
// is the handler's business (http.ResponseController).
func Serve(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger, grace time.Duration) error {
	inside := gate{idle: make(chan struct{})}
	// Requests outlive ctx by the grace, so they do not inherit its end.
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	s := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if inside.enter() {
				defer inside.leave()
				h.ServeHTTP(w, r)
			}
		}),
		BaseContext:       func(net.Listener) context.Context { return base },
		ReadHeaderTimeout: headerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(l) }()
	select {
	case err := <-failed:
		_ = s.Close() // the listener failed; this ends the connections
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	patience, done := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer done()
	if err := s.Shutdown(patience); err != nil {
		if !errors.Is(err, context.DeadlineExceeded) {
			log.Warn("close listener", "addr", l.Addr(), "err", err)
		}
		_ = s.Close() // what is left had its time; an answer to its end must not look like one
		cancel()
		inside.close(lastTime)
	}
	<-failed
	return fmt.Errorf("serve %s: %w", l.Addr(), ctx.Err())
}

// A gate counts the requests that are being answered.
type gate struct {
	mu   sync.Mutex // guards what follows
	n    int
	shut bool
	idle chan struct{} // closed when the gate is shut and nobody is inside
}

// enter reports whether a request may be answered.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.shut {
		g.n++
	}
	return !g.shut
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.n--; g.shut && g.n == 0 {
		close(g.idle)
	}
}

// close lets nobody in any more and waits for those inside, but not longer than
// d: a handler that does not listen to its context must not keep the process.
func (g *gate) close(d time.Duration) {
	g.mu.Lock()
	g.shut = true
	if g.n == 0 {
		close(g.idle)
	}
	g.mu.Unlock()
	select {
	case <-g.idle:
	case <-time.After(d):
	}
}
