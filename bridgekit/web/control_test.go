package web

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// startControl serves Control on a socket of its own.
func startControl(t *testing.T, q *queue, s *status) (path string, log *buffer) {
	t.Helper()
	path, log = filepath.Join(t.TempDir(), "causeway.sock"), &buffer{}
	l, err := ListenControl(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, Control(q, s, logTo(log)), logTo(log), time.Second) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error("Serve:", err)
		}
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Error("the socket is left behind", err)
		}
	})
	return path, log
}

func TestControl(t *testing.T) {
	q, s := newQueue(), wellStatus()
	want := newQueue().items
	path, log := startControl(t, q, s)
	c, ctx := NewClient(path), t.Context()

	failed, err := c.Queue(ctx, false)
	if d := cmp.Diff(want[:1], failed); d != "" || err != nil {
		t.Error("failed:", d, err)
	}
	all, err := c.Queue(ctx, true)
	if d := cmp.Diff(want, all); d != "" || err != nil {
		t.Error("all:", d, err)
	}
	one, err := c.Item(ctx, 9)
	if d := cmp.Diff(want[1], one); d != "" || err != nil {
		t.Error("item:", d, err)
	}
	r, err := c.Status(ctx)
	if !r.Ready || len(r.Logins) != 2 || err != nil {
		t.Error("status:", r, err)
	}
	s.way = "restart it"
	if r, err = c.Status(ctx); r.Ready || len(r.Wrong) != 1 || r.Wrong[0] != "the homeserver sends no events: restart it" || err != nil {
		t.Error("status:", r, err)
	}
	s.down = time.Now()
	if r, err = c.Status(ctx); r.Ready || len(r.Wrong) != 1 || err != nil {
		t.Error("status:", r, err)
	}
	if err := c.Retry(ctx, 7); err != nil {
		t.Error("retry:", err)
	}
	if err := c.Drop(ctx, 7); err == nil || err.Error() != "there is no such failed entry" {
		t.Error("drop of what is gone:", err)
	}
	if _, err := c.Item(ctx, 8); err == nil || err.Error() != "there is no such failed entry" {
		t.Error("item that is not there:", err)
	}
	if failed, err = c.Queue(ctx, false); len(failed) != 0 || failed == nil || err != nil {
		t.Error("failed after a retry:", failed, err)
	}
	q.err = errFire
	if _, err := c.Queue(ctx, true); err == nil || strings.Contains(err.Error(), "fire") || !strings.Contains(log.String(), "fire") {
		t.Error("broken:", err, log)
	}
	for path, words := range map[string]string{
		"/queue/x": "an entry has a number", "/queue/0": "an entry has a number", "/queue?all=x": "all is true or false", "/elsewhere": "another version",
	} {
		if err := c.do(ctx, http.MethodGet, path, nil); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", path, err)
		}
	}
	// Looking is not doing.
	if err := c.do(ctx, http.MethodGet, "/queue/9/drop", nil); err == nil || len(q.did) != 1 {
		t.Error("GET does something:", err, q.did)
	}
}

func TestListenControl(t *testing.T) {
	path := filepath.Join(t.TempDir(), "causeway.sock")
	ctx := t.Context()

	// A socket that a killed process left.
	old, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	old.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := ListenControl(ctx, path)
	if err != nil {
		t.Fatal("with a stale socket:", err)
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Error("mode", info.Mode(), err)
	}
	// One that somebody answers on stays.
	if _, err := ListenControl(ctx, path); err == nil || !strings.Contains(err.Error(), "another Causeway is running") {
		t.Error("twice:", err)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Error("the running one's socket was removed:", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	// What is no socket stays.
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ListenControl(ctx, path); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Error("a file in the way:", err)
	}
	if data, err := os.ReadFile(path); string(data) != "mine" {
		t.Error("the file was touched:", err)
	}
	if _, err := ListenControl(ctx, filepath.Join(t.TempDir(), strings.Repeat("long", 40))); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Error("a long path:", err)
	}
}

func TestNotRunning(t *testing.T) {
	path := filepath.Join(t.TempDir(), "causeway.sock")
	if _, err := NewClient(path).Queue(t.Context(), true); !errors.Is(err, ErrNotRunning) || strings.Contains(err.Error(), "http://") {
		t.Error(err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := NewClient(path).Drop(t.Context(), 1); !errors.Is(err, ErrNotRunning) {
		t.Error("stale socket:", err)
	}
}
