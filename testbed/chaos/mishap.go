package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

const (
	startWithin = 10 * time.Second // a start reaches its steps
	stepWithin  = 4 * time.Second  // traffic reaches a step
)

// mishap plays one round's fault. Afterwards all is well again and Causeway runs.
func (w *world) mishap(ctx context.Context, r round) error {
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
		defer w.hs.Faults.Set(nil)
		w.hs.Faults.Set(func(c matrixtest.Call) matrixtest.Fault {
			return matrixtest.Fault{Hang: true, Perform: r.Pick%2 == 0}
		})
		pause(ctx, r.Lasts)
		n := w.victim(ctx, r)
		err := n.kill()
		w.hs.Faults.Set(nil)
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
	case faultSignedOut:
		return w.signedOut(ctx, r)
	case faultErrors, faultDown, faultRefusing, faultSlow, faultForget:
		return w.homeserver(ctx, r)
	}
	return w.remote(ctx, r)
}

// again starts Causeway after an end, which err is about.
func (w *world) again(ctx context.Context, n *causeway, err error, after time.Duration) error {
	if err = errors.Join(err, w.hit(ctx)); err != nil {
		return err
	}
	pause(ctx, after)
	return n.start(arm{})
}

// homeserver plays a fault of the homeserver.
func (w *world) homeserver(ctx context.Context, r round) error {
	f := &w.hs.Faults
	switch r.Fault {
	case faultForget:
		f.Down(matrixtest.Refusing)
		pause(ctx, r.Lasts)
		w.hs.Restart()
		f.Down(matrixtest.Running)
		return nil
	case faultDown:
		f.Down(matrixtest.Unavailable)
	case faultRefusing:
		f.Down(matrixtest.Refusing)
	case faultSlow:
		f.Set(func(matrixtest.Call) matrixtest.Fault { return matrixtest.Fault{Latency: r.Lasts} })
	case faultErrors:
		f.Set(w.errors(r.Pick))
	}
	pause(ctx, 3*r.Lasts)
	f.Down(matrixtest.Running)
	f.Set(nil)
	return nil
}

// errors makes one request in three go wrong, in all ways.
func (w *world) errors(pick uint64) func(matrixtest.Call) matrixtest.Fault {
	random := rand.New(rand.NewPCG(pick, 3))
	var mu sync.Mutex // guards random
	all := []matrixtest.Fault{
		{Status: http.StatusInternalServerError}, {Status: http.StatusBadGateway}, {Status: http.StatusBadGateway, Perform: true},
		{Status: http.StatusTooManyRequests, RetryAfter: 300 * time.Millisecond}, {LoseRequest: true}, {LoseResponse: true},
		{Status: http.StatusGatewayTimeout, Perform: true}, {CutAfter: 10},
	}
	return func(matrixtest.Call) matrixtest.Fault {
		mu.Lock()
		defer mu.Unlock()
		if n := random.IntN(3 * len(all)); n < len(all) {
			return all[n]
		}
		return matrixtest.Fault{}
	}
}

// remote plays a fault of the network.
func (w *world) remote(ctx context.Context, r round) error {
	c := w.chats[int(r.Pick%uint64(len(chatPlans())))]
	switch r.Fault {
	case faultCut:
		for range 3 {
			w.net.Cut()
			pause(ctx, r.Lasts)
		}
	case faultNetDown:
		up := w.net.Down()
		pause(ctx, 2*r.Lasts)
		up()
	case faultNetSlow:
		w.net.Fail(func(string, network.ChatID) error { pause(ctx, r.Lasts/2); return nil })
		pause(ctx, 3*r.Lasts)
		w.net.Fail(nil)
	case faultLimited:
		var n int
		var mu sync.Mutex // guards n
		w.net.Fail(func(string, network.ChatID) error {
			mu.Lock()
			defer mu.Unlock()
			if n++; n%3 == 0 {
				return &network.Error{Kind: network.RateLimited, Wait: 200 * time.Millisecond, User: "too fast", Err: errors.New("too fast")}
			}
			return nil
		})
		pause(ctx, 3*r.Lasts)
		w.net.Fail(nil)
	case faultNoAnswer:
		release := w.net.MuteChat(c.id)
		pause(ctx, r.Lasts)
		w.net.Cut()
		release()
	case faultChatHangs:
		release := w.net.HangChat(c.id)
		pause(ctx, 4*r.Lasts)
		release()
	default:
		return fmt.Errorf("nobody plays %q", r.Fault)
	}
	return nil
}
