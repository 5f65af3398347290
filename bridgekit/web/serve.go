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
	var running sync.WaitGroup
	// Requests outlive ctx by the grace, so they do not inherit its end.
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	s := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			running.Add(1)
			defer running.Done()
			h.ServeHTTP(w, r)
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
		cancel()
		_ = s.Close() // what is left had its time
		wait(&running, lastTime)
	}
	<-failed
	return fmt.Errorf("serve %s: %w", l.Addr(), ctx.Err())
}

// wait waits for w, but not longer than d: a handler that does not listen to its
// context must not keep the process.
func wait(w *sync.WaitGroup, d time.Duration) {
	ended := make(chan struct{})
	go func() {
		w.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(d):
	}
}
