package child

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Process is a child that was started. Its methods may be called concurrently.
type Process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when err is set
	err   error
	tail  *tail
}

// Start starts cmd. What it writes to its standard error goes to cmd.Stderr as
// well, if that is set, and its end is kept for errors; its standard output
// likewise, unless the caller has taken a pipe or set a writer.
func Start(cmd *exec.Cmd) (*Process, error) {
	p := &Process{cmd: cmd, ended: make(chan struct{}), tail: &tail{}}
	errs := cmd.Stderr
	cmd.Stderr = p.tail
	if errs != nil {
		cmd.Stderr = io.MultiWriter(errs, p.tail)
	}
	if cmd.Stdout == nil {
		cmd.Stdout = cmd.Stderr
	}
	// A grandchild that holds the pipes must not hold Wait.
	cmd.WaitDelay = time.Second
	dieWithParent(cmd)
	started := make(chan error)
	go func() {
		// For Linux the parent is the thread, so it has to stay.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
		}
		close(p.ended)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	return p, nil
}

// Ended is closed when the process is gone.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Err says how the process ended and what it last wrote. It is for processes
// that ended by themselves, and waits until then.
func (p *Process) Err() error {
	<-p.ended
	how := "exit status 0"
	if p.err != nil {
		how = p.err.Error()
	}
	return fmt.Errorf("%s ended: %s: %s", p.cmd.Path, how, p.tail)
}

// Stop asks the process to end with SIGTERM and waits. If ctx is done first it
// kills the process and says so.
func (p *Process) Stop(ctx context.Context) error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", p.cmd.Path, err)
	}
	select {
	case <-p.ended:
		return nil
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("stop %s: %w", p.cmd.Path, ctx.Err()), p.Kill())
	}
}

// PID is the process's number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Signal sends the process a signal. It is an error if it has ended.
func (p *Process) Signal(s syscall.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("signal %v to %s: %w", s, p.cmd.Path, err)
	}
	return nil
}

// Kill ends the process with SIGKILL and waits until it is gone. Killing what
// has ended is no error.
func (p *Process) Kill() error {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill %s: %w", p.cmd.Path, err)
	}
	<-p.ended
	return nil
}

// Dialled waits until addr accepts a TCP connection. It fails when ctx is done
// or the process ends.
func (p *Process) Dialled(ctx context.Context, addr string) error {
	var d net.Dialer
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		conn, err := d.DialContext(ctx, "tcp", addr)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-again.C:
		case <-p.ended:
			return p.Err()
		case <-ctx.Done():
			return fmt.Errorf("%w while waiting for %s at %s: %s", ctx.Err(), p.cmd.Path, addr, p.tail)
		}
	}
}

// FreeAddr returns an address on 127.0.0.1 whose port was free a moment ago, for
// servers that cannot choose one themselves, or come back to it after a while. It is
// none that the system gives to outgoing connections: those would take it meanwhile.
func FreeAddr() (string, error) {
	const first, last, tries = 20_000, 32_000, 100
	var err error
	for range tries {
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first+rand.IntN(last-first))); err == nil {
			return l.Addr().String(), l.Close()
		}
	}
	return "", fmt.Errorf("find a free port: %w", err)
}

// tail keeps the last bytes written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte // guarded by mu
}

// tailSize is the number of bytes kept.
const tailSize = 4 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	if n := len(t.buf) - tailSize; n > 0 {
		t.buf = append(t.buf[:0], t.buf[n:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}
