package bridgekit_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit"
	"github.com/causeway-chat/causeway/bridgekit/web"
)

// A words remembers everything that is logged.
type words struct {
	mu   sync.Mutex
	text strings.Builder // guarded by mu
}

func (w *words) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

// The homeserver is asked to ping only when there is somebody to answer: else
// every start might take a second longer.
func TestListensBeforeThePing(t *testing.T) {
	r := newRig(t, rigOptions{})
	srv := httptest.NewServer(r.hs.Handler())
	t.Cleanup(srv.Close)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	r.hs.SetURL(r.opts.Registration.ID, "http://"+address)
	r.opts.Config.Homeserver.URL, r.opts.Config.Appservice.Listen = srv.URL, address
	r.opts.Transport = nil
	for range 10 {
		var log words
		r.opts.Log = slog.New(slog.NewTextHandler(&log, nil))
		b, err := bridgekit.New(t.Context(), r.opts)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- b.Run(ctx) }()
		select {
		case <-b.Ready():
		case <-time.After(2 * time.Minute):
			t.Error("bridge did not get ready")
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v", err)
		}
		if text := log.text.String(); strings.Contains(text, "not ready yet") {
			t.Fatalf("it was pinged before it listened:\n%s", text)
		}
	}
}

// A check of the installation has the address in the moment of a start: the start waits
// for it. It does not wait for anybody else.
func TestListensAfterACheck(t *testing.T) {
	r := newRig(t, rigOptions{})
	waits := make(chan struct{}, 1)
	r.opts.Log = newLogHook(func(message string) {
		if strings.Contains(message, "a check has it") {
			waits <- struct{}{}
		}
	})
	check := httptest.NewServer(web.Checking(http.NotFoundHandler()))
	defer check.Close()
	r.opts.Config.Appservice.Listen = check.Listener.Addr().String()
	run := func() (b *bridgekit.Bridge, done chan error, cancel context.CancelFunc) {
		b, err := bridgekit.New(t.Context(), r.opts)
		if err != nil {
			t.Fatal(err)
		}
		r.hs.Attach(r.opts.Registration.ID, b.Handler())
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		done = make(chan error, 1)
		go func() { done <- b.Run(ctx) }()
		return b, done, cancel
	}
	b, done, cancel := run()
	defer cancel()
	select {
	case <-waits:
	case err := <-done:
		t.Fatalf("it ended with %v", err)
	}
	check.Close()
	select {
	case <-b.Ready():
	case err := <-done:
		t.Fatalf("it ended with %v", err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Run returned %v", err)
	}

	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	r.opts.Config.Appservice.Listen = other.Listener.Addr().String()
	_, done, cancel = run()
	defer cancel()
	if err := <-done; err == nil || !strings.Contains(err.Error(), "choose a free address") {
		t.Errorf("with another program at its address Run returned %v", err)
	}
}
