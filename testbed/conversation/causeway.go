package conversation

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/testbed/bridge"
	"github.com/causeway-chat/causeway/testbed/child"
	"github.com/causeway-chat/causeway/testbed/trap"
)

// envSpec holds the spec of a child: the program then is Causeway.
const envSpec = "CAUSEWAY_CONVERSATION_CHILD"

// A spec is all that a child needs to be Causeway.
type spec struct {
	Folder *bridge.Folder
	Mem    string // address of memnet
}

// RunChild is Causeway until it is told to stop, its parent is gone or it ends itself,
// if this process is a child of [Stage]; else it reports false at once.
func RunChild() (bool, error) {
	text := os.Getenv(envSpec)
	if text == "" {
		return false, nil
	}
	var s spec
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return true, err
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	t := trap.New(trap.Arm{})
	go trap.Obey(os.Stdin, t.Set)
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	run, err := s.Folder.StartAt(ctx, log, t.At, memnet.Dial(s.Mem, network.NetworkID(Mem), memOptions()))
	if err != nil {
		return true, err
	}
	select {
	case <-ctx.Done():
	case <-run.Ended():
	}
	return true, run.Stop()
}

// A causeway is one child process after the other. Its methods are called by one
// goroutine at a time.
type causeway struct {
	spec   string
	log    io.Writer
	died   func(error) // is told of a child that ends by itself
	proc   *child.Process
	ending *atomic.Bool // it is meant to end
	stdin  io.WriteCloser
}

func newCauseway(s spec, log io.Writer, died func(error)) (*causeway, error) {
	text, err := json.Marshal(s)
	return &causeway{spec: string(text), log: log, died: died}, err
}

// start starts a child.
func (c *causeway) start() (err error) {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), envSpec+"="+c.spec)
	cmd.Stderr = c.log
	if c.stdin, err = cmd.StdinPipe(); err != nil {
		return err
	}
	if c.proc, err = child.Start(cmd); err != nil {
		return err
	}
	proc, ending := c.proc, &atomic.Bool{}
	c.ending = ending
	go func() {
		if <-proc.Ended(); !ending.Load() {
			c.died(proc.Err())
		}
	}()
	return nil
}

// kill ends the child at a step, or at once if that does not come within a while or
// there is none.
func (c *causeway) kill(ctx context.Context, a trap.Arm) (at string, err error) {
	c.ending.Store(true)
	if a.Step != "" {
		text, err := json.Marshal(a)
		if err != nil {
			return "", err
		}
		if _, err := c.stdin.Write(append(text, '\n')); err != nil {
			return "", fmt.Errorf("tell causeway: %w", err)
		}
		select {
		case <-c.proc.Ended():
			return string(a.Step), nil
		case <-time.After(stepWithin):
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	return "any instant", c.proc.Kill()
}

// stepWithin is how long a step may not be reached before Causeway is killed anywhere.
const stepWithin = 10 * time.Second

// close ends what runs.
func (c *causeway) close() error {
	if c.proc == nil {
		return nil
	}
	c.ending.Store(true)
	return c.proc.Kill()
}
