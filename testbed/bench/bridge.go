package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/registration"
	"github.com/causeway-chat/causeway/testbed/bench/wire"
	"github.com/causeway-chat/causeway/testbed/child"
)

// A bridge is one of the two that are measured, with its state on disk, running
// or not.
type bridge struct {
	*process
	spec wire.Spec
	stub *process
	next int // number of the next message, either way

	profile  string // path of CPU profiles without what tells them apart; "": none
	profiles int    // so far
}

// newBridge starts a bridge that knows nothing yet.
func (s *stage) newBridge(ctx context.Context, role string) (*bridge, error) {
	s.made++
	dir := filepath.Join(s.dir, fmt.Sprint(role, s.made))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	b := &bridge{stub: s.stub, next: 1, spec: wire.Spec{
		Role: role, Program: filepath.Join(s.dir, "bin", role), Dir: dir, Homeserver: "http://" + s.stub.spec.Listen,
		ASToken: "as-" + filepath.Base(dir), HSToken: "hs-" + filepath.Base(dir), Verbose: s.o.verbose,
	}}
	var err error
	if b.spec.Listen, err = child.FreeAddr(); err != nil {
		return nil, err
	}
	sender := "bot"
	if role == wire.RoleCauseway {
		sender = registration.Options{Prefix: config.Defaults().Appservice.Prefix}.Sender()
	}
	a := wire.Appservice{ASToken: b.spec.ASToken, HSToken: b.spec.HSToken, URL: "http://" + b.spec.Listen, Sender: sender}
	if err := b.stub.call(ctx, wire.StubRegister, a, &wire.Nothing{}); err != nil {
		return nil, err
	}
	if _, err := b.start(ctx); err != nil {
		return nil, err
	}
	return b, nil
}

// start starts the bridge and returns how long it took until it was ready.
func (b *bridge) start(ctx context.Context) (time.Duration, error) {
	var err error
	if b.spec.Control, err = child.FreeAddr(); err != nil {
		return 0, err
	}
	if b.process, err = launch(ctx, b.spec); err != nil {
		return 0, fmt.Errorf("start %s: %w", b.spec.Role, err)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var st wire.Status
	if err := b.call(ctx, wire.SubjectReady, wire.Nothing{}, &st); err != nil {
		return 0, err
	}
	return time.Unix(0, st.Ready).Sub(b.started), b.startProfile(ctx)
}

// startProfile begins another profile, if there are to be any.
func (b *bridge) startProfile(ctx context.Context) error {
	if b.profile == "" {
		return nil
	}
	b.profiles++
	return b.call(ctx, wire.SubjectProfile, fmt.Sprintf("%s-%d.pprof", b.profile, b.profiles), &wire.Nothing{})
}

// endProfile ends the profile that is being written.
func (b *bridge) endProfile(ctx context.Context) error {
	if b.profile == "" {
		return nil
	}
	return b.call(ctx, wire.SubjectProfile, "", &wire.Nothing{})
}

// end ends the bridge: with SIGTERM, or at once.
func (b *bridge) end(ctx context.Context, kill bool) error {
	if kill {
		return b.process.end(ctx, true)
	}
	return errors.Join(b.endProfile(ctx), b.process.end(ctx, false))
}

// restart stops the bridge as an administrator would, and starts it again.
func (b *bridge) restart(ctx context.Context) (time.Duration, error) {
	if err := b.end(ctx, false); err != nil {
		return 0, err
	}
	return b.start(ctx)
}

// tune sets how the homeserver answers this bridge.
func (b *bridge) tune(ctx context.Context, latency time.Duration, down bool) error {
	t := wire.Tuning{ASToken: b.spec.ASToken, Latency: latency, Down: down}
	return b.stub.call(ctx, wire.StubTune, t, &wire.Nothing{})
}

// expectIn begins a tally of messages that are to come to the homeserver, and
// returns the first's number.
func (b *bridge) expectIn(ctx context.Context, count int) (int, error) {
	e := wire.Expectation{ASToken: b.spec.ASToken, First: b.next, Count: count}
	b.next += count
	return e.First, b.stub.call(ctx, wire.StubExpect, e, &wire.Nothing{})
}

// expectOut does the same for messages to the network.
func (b *bridge) expectOut(ctx context.Context, count int) (int, error) {
	e := wire.Expectation{First: b.next, Count: count}
	b.next += count
	return e.First, b.call(ctx, wire.SubjectExpect, e, &wire.Nothing{})
}

// awaitIn waits until n messages are with the homeserver.
func (b *bridge) awaitIn(ctx context.Context, n int, quiet time.Duration) (a wire.Arrivals, err error) {
	w := wire.Waiting{ASToken: b.spec.ASToken, N: n, Most: patience * 10, Quiet: quiet}
	err = b.stub.call(ctx, wire.StubArrivals, w, &a)
	return a, err
}

// awaitOut waits until n messages are with the network.
func (b *bridge) awaitOut(ctx context.Context, n int, quiet time.Duration) (a wire.Arrivals, err error) {
	err = b.call(ctx, wire.SubjectArrivals, wire.Waiting{N: n, Most: patience, Quiet: quiet}, &a)
	return a, err
}

// counts are the requests since expectIn.
func (b *bridge) counts(ctx context.Context) (c wire.Counts, err error) {
	err = b.stub.call(ctx, wire.StubCounts, b.spec.ASToken, &c)
	return c, err
}

// stall is how long nothing may arrive before the rest counts as lost.
const stall = 20 * time.Second

// An inward is what happened to a load from the network.
type inward struct {
	wire.Delivered
	wire.Arrivals
	cpu    time.Duration
	counts wire.Counts
}

// in sends messages from the network and waits until all have arrived and the
// bridge rests.
func (b *bridge) in(ctx context.Context, l wire.Load) (r inward, err error) {
	if l.First, err = b.expectIn(ctx, l.Count); err != nil {
		return r, err
	}
	before, err := b.cpu()
	if err != nil {
		return r, err
	}
	if err := b.call(ctx, wire.SubjectDeliver, l, &r.Delivered); err != nil {
		return r, err
	}
	if r.Arrivals, err = b.awaitIn(ctx, l.Count, stall); err != nil {
		return r, err
	}
	if err := b.settle(ctx); err != nil {
		return r, err
	}
	after, err := b.cpu()
	if err != nil {
		return r, err
	}
	r.cpu = after - before
	if r.counts, err = b.counts(ctx); err != nil {
		return r, err
	}
	return r, whole(r.Arrivals, l.Count)
}

// An outward is what happened to a load from Matrix.
type outward struct {
	wire.Pushed
	wire.Arrivals
	first int
	cpu   time.Duration
}

// out pushes messages of the owner and waits until the network has all.
func (b *bridge) out(ctx context.Context, l wire.Load, perTxn int) (r outward, err error) {
	if l.First, err = b.expectOut(ctx, l.Count); err != nil {
		return r, err
	}
	before, err := b.cpu()
	if err != nil {
		return r, err
	}
	p := wire.Push{ASToken: b.spec.ASToken, Load: l, PerTxn: perTxn, Most: time.Minute}
	if err := b.stub.call(ctx, wire.StubPush, p, &r.Pushed); err != nil {
		return r, err
	}
	if r.Arrivals, err = b.awaitOut(ctx, l.Count, stall); err != nil {
		return r, err
	}
	if err := b.settle(ctx); err != nil {
		return r, err
	}
	after, err := b.cpu()
	r.cpu, r.first = after-before, l.First
	if err != nil {
		return r, err
	}
	return r, whole(r.Arrivals, l.Count)
}

// A loss says that messages did not all arrive once and in order.
type loss struct{ lost, doubled, disordered int }

func (l *loss) Error() string {
	return fmt.Sprintf("%d messages lost, %d doubled, %d out of order", l.lost, l.doubled, l.disordered)
}

// whole is an error unless count messages arrived, once each and in order.
func whole(a wire.Arrivals, count int) error {
	if a.N == count && a.Doubled == 0 && a.Disordered == 0 {
		return nil
	}
	return &loss{count - a.N, a.Doubled, a.Disordered}
}
