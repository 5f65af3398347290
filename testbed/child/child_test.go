package child_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/testbed/child"
)

func start(t *testing.T, script string) *child.Process {
	t.Helper()
	p, err := child.Start(exec.Command("sh", "-c", script))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestErr(t *testing.T) {
	p := start(t, "echo heard on stdout; echo and stderr >&2; exit 7")
	err := p.Err().Error()
	for _, want := range []string{"heard on stdout", "and stderr", "status 7"} {
		if !strings.Contains(err, want) {
			t.Errorf("%q is not in %q", want, err)
		}
	}
	if err := p.Kill(); err != nil {
		t.Errorf("kill of what has ended: %v", err)
	}
}

func TestStop(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := start(t, "exec sleep 60").Stop(ctx); err != nil {
		t.Fatal(err)
	}
	// One that does not listen is killed, and Stop says so.
	deaf := exec.Command("sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 60; done")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	deaf.Stdout = w
	p, err := child.Start(deaf)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	late, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if err := p.Stop(late); err == nil {
		t.Fatal("a deaf process stopped")
	}
	select {
	case <-p.Ended():
	default:
		t.Fatal("a deaf process is still there")
	}
}

func TestDialled(t *testing.T) {
	addr, err := child.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	if err := start(t, "echo never listened; exit 1").Dialled(t.Context(), addr); err == nil || !strings.Contains(err.Error(), "never listened") {
		t.Fatalf("a process that ended: %v", err)
	}
	p := start(t, "exec sleep 60")
	defer p.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.Dialled(ctx, addr); err == nil {
		t.Fatal("a process that does not listen accepted a connection")
	}
}
