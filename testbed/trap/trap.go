package trap

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"github.com/causeway-chat/causeway/bridgekit/step"
)

// Arm says where a process is to end. The zero Arm is nowhere.
type Arm struct {
	Step step.Name
	Nth  int  // how often the step is passed before
	Term bool // with SIGTERM, not SIGKILL: the process goes on until it stops by itself
}

// A Trap ends this process at a step. Its methods may be called concurrently.
type Trap struct {
	mu  sync.Mutex // guards arm
	arm Arm
}

// New makes a trap.
func New(a Arm) *Trap { return &Trap{arm: a} }

// Set replaces what was set before.
func (t *Trap) Set(a Arm) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.arm = a
}

// At is the hook of the core. The name of the step at which the process ends is
// written to the standard output, for the parent to count. After SIGKILL it does not
// return, and nothing else passes a step.
func (t *Trap) At(n step.Name) {
	t.mu.Lock()
	if t.arm.Step != n || t.arm.Nth > 0 {
		if t.arm.Step == n {
			t.arm.Nth--
		}
		t.mu.Unlock()
		return
	}
	term := t.arm.Term
	t.arm = Arm{}
	fmt.Println(n)
	if term {
		t.mu.Unlock()
		_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // with the lock
}

// Obey carries out the parent's orders, one JSON value of type O on each line of r.
// When the parent is gone, so is this process: Obey does not return.
func Obey[O any](r io.Reader, do func(o O)) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		var o O
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			fmt.Fprintln(os.Stderr, "order:", err)
			continue
		}
		do(o)
	}
	os.Exit(3)
}
