package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/testbed/child"
	"github.com/causeway-chat/causeway/testbed/trap"
)

// A causeway is one child process after the other on one database. Its methods
// are called by the director alone.
type causeway struct {
	spec  spec
	dir   string // working folder of the child
	log   *os.File
	proc  *child.Process
	stdin io.WriteCloser
	read  chan struct{} // closed when all output of the child has been read

	mu    sync.Mutex // guards what follows
	steps map[step.Name]int
	fell  bool // ended at a step since its start

	arm                  trap.Arm
	ahead                time.Duration // its clock
	starts, kills, stops int
}

// logFile is where a child's standard error goes.
const logFile = "causeway.log"

func newCauseway(s spec, dir string) (*causeway, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.Create(filepath.Join(dir, logFile))
	if err != nil {
		return nil, err
	}
	return &causeway{spec: s, dir: dir, log: f, steps: map[step.Name]int{}}, nil
}

// start starts a child that ends itself as a says.
func (c *causeway) start(a trap.Arm) error {
	s := c.spec
	s.Arm, s.Clock = a, c.ahead
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd := exec.Command(self)
	cmd.Dir, cmd.Env = c.dir, append(os.Environ(), envSpec+"="+string(text))
	cmd.Stdout, cmd.Stderr = w, c.log
	if c.stdin, err = cmd.StdinPipe(); err != nil {
		return err
	}
	fmt.Fprintf(c.log, "--- start %d\n", c.starts)
	c.proc, err = child.Start(cmd)
	_ = w.Close() // the child has it
	if err != nil {
		_ = r.Close()
		return err
	}
	c.starts++
	c.arm, c.fell = a, false
	c.read = make(chan struct{})
	go c.listen(r, c.read)
	return nil
}

// listen counts the steps at which the child ended itself.
func (c *causeway) listen(r io.ReadCloser, done chan struct{}) {
	defer close(done)
	defer r.Close()
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		c.mu.Lock()
		c.steps[step.Name(lines.Text())]++
		c.fell = true
		c.mu.Unlock()
	}
}

// order tells the child something; one that is gone hears nothing.
func (c *causeway) order(o order) error {
	if o.Arm != nil {
		c.arm = *o.Arm
	}
	if o.Clock != nil {
		c.ahead = *o.Clock
		fmt.Fprintln(c.log, "--- clock", c.ahead)
	}
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	_, _ = c.stdin.Write(append(text, '\n'))
	return nil
}

// gone reports whether the child has ended.
func (c *causeway) gone() bool {
	select {
	case <-c.proc.Ended():
		<-c.read
		return true
	default:
		return false
	}
}

// atStep reports whether a child that is gone ended itself at a step.
func (c *causeway) atStep() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fell
}

// kill ends the child at once.
func (c *causeway) kill() error {
	fmt.Fprintln(c.log, "--- kill")
	c.kills++
	err := c.proc.Kill()
	<-c.read
	return err
}

// stop ends the child as an administrator would.
func (c *causeway) stop(ctx context.Context) error {
	fmt.Fprintln(c.log, "--- stop")
	c.stops++
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	err := c.proc.Stop(ctx)
	if err == nil {
		<-c.read
	}
	return err
}

// fallen turns a stop into an end at a step.
func (c *causeway) fallen() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fell = true
	c.stops--
}

// died counts an end at a step.
func (c *causeway) died() {
	if c.arm.Term {
		c.stops++
	} else {
		c.kills++
	}
}

// close ends what runs.
func (c *causeway) close() {
	if c.proc != nil {
		_ = c.proc.Kill()
	}
	_ = c.log.Close()
}
