package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/web"
)

// A wayBack listens where Causeway would, to see whether the homeserver comes.
// It refuses transactions, so that the homeserver keeps what it has for Causeway. A
// nil wayBack has seen nothing.
type wayBack struct {
	server *http.Server

	mu      sync.Mutex      // guards both
	paths   map[string]bool // of requests with our token
	refused bool            // one came with another token
}

// wayBack listens, or returns nil: Causeway does so itself, or the address is taken.
func (d *doctor) wayBack(ctx context.Context) *wayBack {
	if d.running {
		return nil
	}
	l, err := net.Listen("tcp", d.config.Appservice.Listen)
	if err != nil {
		d.taken(ctx, "appservice.listen", err)
		return nil
	}
	w := &wayBack{paths: map[string]bool{}}
	intake := &matrix.Intake{
		HSToken: d.main.HSToken,
		Events:  func(context.Context, matrix.Transaction) error { return errors.New("only checking") },
	}
	w.server = serve(l, w.watch(intake.Handler()))
	return w
}

// watch notes which requests the intake takes for the homeserver's.
func (w *wayBack) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		seen := &seenStatus{ResponseWriter: out}
		next.ServeHTTP(seen, r)
		w.mu.Lock()
		defer w.mu.Unlock()
		if seen.status == http.StatusUnauthorized || seen.status == http.StatusForbidden {
			w.refused = true
			return
		}
		w.paths[r.URL.Path] = true
	})
}

// seenStatus remembers the status that was answered.
type seenStatus struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (s *seenStatus) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// asked reports whether the homeserver has asked for what under a path.
func (w *wayBack) asked(path, what string) bool {
	if w == nil {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for p := range w.paths {
		if strings.HasSuffix(p, path+what) {
			return true
		}
	}
	return false
}

// strangers reports whether somebody came with a token that is not ours.
func (w *wayBack) strangers() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.refused
}

func (w *wayBack) close() {
	if w != nil {
		stop(w.server)
	}
}

// serve serves h on l until stop.
func serve(l net.Listener, h http.Handler) *http.Server {
	s := &http.Server{Handler: web.Checking(h), ReadHeaderTimeout: checkTime}
	go func() { _ = s.Serve(l) }() // returns when stop is called
	return s
}

// stop lets s finish its answers, and ends it.
func stop(s *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), listenTime)
	defer cancel()
	if s.Shutdown(ctx) != nil {
		_ = s.Close() // nothing of it is needed
	}
}

// taken reports an address on which nobody can listen, unless Causeway does so itself by
// now: then it runs.
func (d *doctor) taken(ctx context.Context, key string, err error) {
	if errors.Is(err, syscall.EADDRINUSE) && d.started(ctx) {
		return
	}
	text := err.Error()
	var op *net.OpError
	if errors.As(err, &op) {
		text = fmt.Sprintf("%s: %v", op.Addr, op.Err)
	}
	d.fail(key, text, "another program has this address, or this machine does not have it: end that program, or change "+key)
}

// started reports whether Causeway was started since the checks began. Its socket comes
// a moment after its addresses.
func (d *doctor) started(ctx context.Context) bool {
	for range 10 {
		if d.running = d.running || running(ctx, d.config); d.running {
			return true
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return false
		}
	}
	return false
}

// listeners checks the addresses besides the homeserver's.
func (d *doctor) listeners(ctx context.Context) {
	if listen := d.config.Metrics.Listen; listen != "" && !d.running {
		if l, err := net.Listen("tcp", listen); err != nil {
			d.taken(ctx, "metrics.listen", err)
		} else {
			_ = l.Close()
			d.ok("metrics.listen", listen)
		}
	}
	if d.config.Public.URL != "" {
		d.public(ctx)
	}
}

// public checks that the public address leads to the public listener, as far as
// that can be seen from here.
func (d *doctor) public(ctx context.Context) {
	const check = "public.url"
	nonce, address := rand.Text(), d.config.Public.URL
	if !d.running {
		l, err := net.Listen("tcp", d.config.Public.Listen)
		if err != nil {
			d.taken(ctx, "public.listen", err)
			return
		}
		defer stop(serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, nonce) })))
	}
	status, body, err := fetch(ctx, address+"/"+nonce)
	remedy := "the reverse proxy at that address has to pass requests on to http://" + d.config.Public.Listen
	switch {
	case err != nil:
		d.fail(check, why(err), remedy+"; if only this machine cannot reach it, all is well")
	case !d.running && body != nonce:
		d.fail(check, fmt.Sprintf("at %s something else answers, with status %d", address, status), remedy)
	case status >= http.StatusInternalServerError:
		d.fail(check, fmt.Sprintf("%s answers with status %d", address, status), remedy)
	default:
		d.ok(check, address)
	}
}

// fetch gets the beginning of a page.
func fetch(ctx context.Context, address string) (status int, body string, err error) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, "", err
	}
	req.Close = true
	resp, err := (&http.Client{Timeout: checkTime + time.Second}).Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	return resp.StatusCode, string(b), err
}
