package main

import (
	"context"
	"errors"
	"time"

	"github.com/causeway-chat/causeway/testbed/trap"
)

const (
	startWithin = 10 * time.Second // a start reaches its steps
	stepWithin  = 4 * time.Second  // traffic reaches a step
)

// mishap plays one round's fault. Afterwards all is well again and Causeway runs.
func (w *world) mishap(ctx context.Context, r round) error {
	if r.Fault == faultStep && !w.far.reaches(r.Step) {
		r.Fault = faultKill
	}
	w.faults[r.Fault]++
	pause(ctx, r.Lasts/8)
	switch r.Fault {
	case faultStep:
		return w.dieAt(ctx, r)
	case faultKill:
		n := w.victim(ctx, r)
		return w.again(ctx, n, n.kill(), r.Lasts)
	case faultStop:
		n := w.victim(ctx, r)
		return w.again(ctx, n, n.stop(ctx), r.Lasts)
	case faultPause:
		return w.paused(ctx, r)
	case faultHang:
		heal := w.home.hang(r)
		pause(ctx, r.Lasts)
		n := w.victim(ctx, r)
		err := n.kill()
		heal()
		return w.again(ctx, n, err, 0)
	case faultNewChat:
		_, err := w.newChat()
		return err
	case faultFast, faultImmediate:
		if err := w.cluster.Stop(map[fault]string{faultFast: "fast", faultImmediate: "immediate"}[r.Fault]); err != nil {
			return err
		}
		pause(ctx, r.Lasts)
		if err := w.cluster.Start(); err != nil {
			return err
		}
		return w.hit(ctx)
	case faultDisk:
		return w.diskFull(ctx, r)
	case faultClock:
		return w.clockJumps(ctx, r)
	case faultErrors, faultDown, faultRefusing, faultSlow, faultForget:
		return w.home.play(ctx, r)
	}
	return w.far.play(ctx, w, r)
}

// again starts Causeway after an end, which err is about.
func (w *world) again(ctx context.Context, n *causeway, err error, after time.Duration) error {
	if err = errors.Join(err, w.hit(ctx)); err != nil {
		return err
	}
	pause(ctx, after)
	return n.start(trap.Arm{})
}
