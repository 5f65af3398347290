package synth

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"runtime/pprof"
	"sync"

	"github.com/causeway-chat/causeway/testbed/bench/wire"
)

// control is what the benchmark calls. Its methods have the form of net/rpc,
// which knows no contexts: ctx is that of the whole process.
type control struct {
	n   *Network
	ctx context.Context

	mu      sync.Mutex // guards what follows
	profile *os.File   // being written; nil: none
}

func (c *control) methods() map[string]wire.Method {
	return map[string]wire.Method{
		wire.SubjectReady: wire.MethodOf(c.Ready), wire.SubjectDeliver: wire.MethodOf(c.Deliver), wire.SubjectAccepted: wire.MethodOf(c.Accepted),
		wire.SubjectExpect: wire.MethodOf(c.Expect), wire.SubjectArrivals: wire.MethodOf(c.Arrivals), wire.SubjectProfile: wire.MethodOf(c.Profile),
	}
}

// Ready waits until the bridge is signed in and takes events, and says when that was.
func (c *control) Ready(_ wire.Nothing, out *wire.Status) error {
	for _, done := range []<-chan struct{}{c.n.ready, c.n.connected} {
		select {
		case <-done:
		case <-c.ctx.Done():
			return c.ctx.Err()
		}
	}
	c.n.mu.Lock()
	defer c.n.mu.Unlock()
	out.Pid, out.Ready = os.Getpid(), c.n.readyAt.UnixNano()
	return nil
}

// Deliver has the network deliver messages.
func (c *control) Deliver(l wire.Load, out *wire.Delivered) error { return c.n.run(c.ctx, l, out) }

// Accepted is the number of the last message that was accepted.
func (c *control) Accepted(_ wire.Nothing, out *int) error {
	var b [8]byte
	if _, err := c.n.accepted.ReadAt(b[:], 0); err != nil {
		return fmt.Errorf("read what was accepted: %w", err)
	}
	*out = int(binary.LittleEndian.Uint64(b[:]))
	return nil
}

// Expect begins a tally of what comes from Matrix.
func (c *control) Expect(e wire.Expectation, _ *wire.Nothing) error {
	return c.n.arrived.Expect(e.First, e.Count)
}

// Arrivals waits for messages from Matrix.
func (c *control) Arrivals(w wire.Waiting, out *wire.Arrivals) error {
	*out = c.n.arrived.Wait(w)
	return nil
}

// Profile writes a CPU profile to a file, until it is called with "".
func (c *control) Profile(path string, _ *wire.Nothing) (err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.profile != nil {
		pprof.StopCPUProfile()
		err, c.profile = c.profile.Close(), nil
	}
	if path == "" || err != nil {
		return err
	}
	if c.profile, err = os.Create(path); err != nil {
		return err
	}
	return pprof.StartCPUProfile(c.profile)
}
