package child_test

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/testbed/child"
)

// TestMain plays the parent that is killed, if asked to.
func TestMain(m *testing.M) {
	if os.Getenv("CHILD_TEST_PARENT") == "" {
		os.Exit(m.Run())
	}
	cmd := exec.Command("sh", "-c", "echo up; exec sleep 60")
	cmd.Stdout = os.Stdout
	p, err := child.Start(cmd)
	if err != nil {
		os.Exit(3)
	}
	<-p.Ended()
}

// TestOrphan kills a parent and sees its child end: the pipe they share closes.
func TestOrphan(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), "CHILD_TEST_PARENT=1")
	parent.Stdout = w
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 8)
	if _, err := r.Read(buf); err != nil {
		t.Fatal(err)
	}
	if err := parent.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	if err := r.SetReadDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(buf); !os.IsTimeout(err) {
		return
	}
	t.Fatal("the child outlives its parent")
}
