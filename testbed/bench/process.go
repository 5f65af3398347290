package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/testbed/bench/wire"
	"github.com/causeway-chat/causeway/testbed/child"
)

// patience is how long a step may take that should take seconds.
const patience = 3 * time.Minute

// A process is a child of the benchmark that answers calls.
type process struct {
	spec    wire.Spec
	proc    *child.Process
	cmd     *exec.Cmd
	calls   *rpc.Client
	started time.Time
}

// launch starts a child and waits until it answers calls.
func launch(ctx context.Context, spec wire.Spec) (*process, error) {
	env, err := spec.Env()
	if err != nil {
		return nil, err
	}
	if spec.Program == "" {
		if spec.Program, err = os.Executable(); err != nil {
			return nil, err
		}
	}
	p := &process{spec: spec, cmd: exec.Command(spec.Program)}
	p.cmd.Env = append(os.Environ(), env)
	p.cmd.Dir = spec.Dir
	if spec.Verbose {
		p.cmd.Stderr = os.Stderr
	} else if spec.Dir != "" {
		// What a bridge prints goes where an administrator's would: to a file.
		out, err := os.OpenFile(filepath.Join(spec.Dir, "stdout"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return nil, err
		}
		defer out.Close() // the child has its own
		p.cmd.Stdout = out
	}
	p.started = time.Now()
	if p.proc, err = child.Start(p.cmd); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := p.proc.Dialled(ctx, spec.Control); err != nil {
		return nil, errors.Join(err, p.proc.Kill())
	}
	if p.calls, err = rpc.Dial("tcp", spec.Control); err != nil {
		return nil, errors.Join(err, p.proc.Kill())
	}
	return p, nil
}

// call calls a method. ctx ends the waiting, not what was begun.
func (p *process) call(ctx context.Context, method string, args, reply any) error {
	c := p.calls.Go(method, args, reply, make(chan *rpc.Call, 1))
	select {
	case <-c.Done:
		if c.Error != nil {
			return fmt.Errorf("%s of %s: %w", method, p.spec.Role, c.Error)
		}
		return nil
	case <-p.proc.Ended():
		return fmt.Errorf("%s: %w", method, p.proc.Err())
	case <-ctx.Done():
		return ctx.Err()
	}
}

// end ends the process: with SIGTERM, or at once.
func (p *process) end(ctx context.Context, kill bool) error {
	defer p.calls.Close()
	if kill {
		return p.proc.Kill()
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	return p.proc.Stop(ctx)
}

// ticks are how many units of CPU time /proc counts in a second: USER_HZ, which
// is 100 wherever Go runs.
const ticks = 100

// cpu is the CPU time that the process has taken (proc_pid_stat(5)).
func (p *process) cpu() (time.Duration, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("cpu: %w", err)
	}
	// The name, in brackets, may hold anything.
	fields := bytes.Fields(raw[bytes.LastIndexByte(raw, ')')+1:])
	total := 0
	for _, i := range []int{11, 12} { // utime and stime, counted from the state
		n, err := strconv.Atoi(string(fields[i]))
		if err != nil {
			return 0, fmt.Errorf("cpu: %w", err)
		}
		total += n
	}
	return time.Duration(total) * time.Second / ticks, nil
}

// settle waits until the process has done what it does behind the messages: until
// it takes next to no CPU time.
func (p *process) settle(ctx context.Context) error {
	last, err := p.cpu()
	if err != nil {
		return err
	}
	for end := time.Now().Add(patience); time.Now().Before(end); {
		select {
		case <-time.After(150 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
		now, err := p.cpu()
		if err != nil {
			return err
		}
		if now-last <= 10*time.Millisecond {
			return nil
		}
		last = now
	}
	return errors.New("it does not come to rest")
}

// memory is a line of /proc/PID/status in bytes: VmRSS, or VmHWM for the peak.
func (p *process) memory(line string) (int64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("memory: %w", err)
	}
	for l := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(l, line+":"); ok {
			var kib int64
			if _, err := fmt.Sscanf(rest, "%d kB", &kib); err != nil {
				return 0, fmt.Errorf("memory: %w", err)
			}
			return kib << 10, nil
		}
	}
	return 0, fmt.Errorf("memory: no %s", line)
}

// forgetPeak begins a new peak of memory (proc_pid_clear_refs(5)).
func (p *process) forgetPeak() error {
	f, err := os.OpenFile(fmt.Sprintf("/proc/%d/clear_refs", p.cmd.Process.Pid), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, "5")
	return errors.Join(err, f.Close())
}
