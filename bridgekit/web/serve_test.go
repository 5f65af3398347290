package web

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// served is Serve under way.
type served struct {
	url  string
	stop context.CancelFunc
	done chan error
}

func serve(t *testing.T, h http.HandlerFunc, grace time.Duration) *served {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	s := &served{"http://" + l.Addr().String(), stop, make(chan error, 1)}
	go func() { s.done <- Serve(ctx, l, h, logTo(&buffer{}), grace) }()
	return s
}

// get fetches the root once; the connection is not kept.
func (s *served) get() (string, error) {
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 2 * time.Minute}
	resp, err := c.Get(s.url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// A request that is being answered gets its answer; new ones are refused.
func TestServeEndsGracefully(t *testing.T) {
	started, release := make(chan struct{}), make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		close(started)
		<-release
		if r.Context().Err() != nil {
			t.Error("was cancelled within the grace")
		}
		_, _ = io.WriteString(w, "done")
	}, 20*time.Second)
	got := make(chan string, 1)
	go func() {
		body, err := s.get()
		if err != nil {
			t.Error(err)
		}
		got <- body
	}()
	<-started
	s.stop()
	for { // until the listener is closed
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			break
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
	close(release)
	if body := <-got; body != "done" {
		t.Errorf("got %q", body)
	}
	if err := <-s.done; !errors.Is(err, context.Canceled) {
		t.Error("Serve:", err)
	}
}

// A request that outlasts the grace is cancelled, and has ended when Serve returns.
func TestServeCutsOff(t *testing.T) {
	started, ended := make(chan struct{}), make(chan struct{})
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		close(started)
		<-r.Context().Done()
		close(ended)
	}, time.Millisecond)
	failed := make(chan error, 1)
	go func() {
		_, err := s.get()
		failed <- err
	}()
	<-started
	s.stop()
	if err := <-s.done; !errors.Is(err, context.Canceled) {
		t.Error("Serve:", err)
	}
	select {
	case <-ended:
	default:
		t.Error("the handler runs on")
	}
	if err := <-failed; err == nil {
		t.Error("the cut request looks answered")
	}
}

func TestServeFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	err = Serve(t.Context(), l, http.NotFoundHandler(), logTo(&buffer{}), time.Second)
	if err == nil || errors.Is(err, context.Canceled) {
		t.Error("on a closed listener:", err)
	}
}
