package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"syscall"
	"time"
)

// play plays a fault of the homeserver: what can be done to it and to its
// connections from outside.
func (r *real) play(ctx context.Context, x round) error {
	switch x.Fault {
	case faultForget:
		return r.down(ctx, x, r.server.Kill)
	case faultDown:
		return r.down(ctx, x, func() error { return r.server.Stop(context.WithoutCancel(ctx)) })
	case faultRefusing:
		heal := r.away()
		pause(ctx, 3*x.Lasts)
		heal()
	case faultSlow:
		r.in.Delay(x.Lasts / 4)
		r.out.Delay(x.Lasts / 4)
		pause(ctx, 3*x.Lasts)
		r.in.Delay(0)
		r.out.Delay(0)
	case faultErrors:
		r.goWrong(ctx, x)
	}
	return nil
}

// down ends the server and starts it again. No request of anybody's is on its way
// meanwhile, so that it is known what people have said.
func (r *real) down(ctx context.Context, x round, end func() error) error {
	r.life.Lock()
	defer r.life.Unlock()
	if err := end(); err != nil {
		return err
	}
	pause(ctx, x.Lasts)
	return r.server.Restart(context.WithoutCancel(ctx))
}

// goWrong has requests and answers be lost, both ways.
func (r *real) goWrong(ctx context.Context, x round) {
	random := rand.New(rand.NewPCG(x.Pick, 3))
	for until := time.Now().Add(3 * x.Lasts); time.Now().Before(until) && ctx.Err() == nil; {
		g := r.in
		if random.IntN(2) == 0 {
			g = r.out
		}
		if random.IntN(2) == 0 {
			g.Cut()
			pause(ctx, x.Lasts/4)
			continue
		}
		end := g.Swallow()
		pause(ctx, x.Lasts/2)
		end()
	}
}

// hang stops its process. Even if the director fails it goes on in the end.
func (r *real) hang(round) (heal func()) {
	if err := r.server.Signal(syscall.SIGSTOP); err != nil {
		return func() {}
	}
	return func() { _ = r.server.Signal(syscall.SIGCONT) } // one that is gone hangs no more
}

func (r *real) away() (heal func()) {
	r.in.Shut()
	r.out.Shut()
	return func() {
		// Their ports may be somebody else's by now; then the run does not settle.
		_ = errors.Join(r.in.Open(), r.out.Open())
	}
}

// loseRooms loses all answers, those about rooms too.
func (r *real) loseRooms() (heal func()) { return r.in.Swallow() }
