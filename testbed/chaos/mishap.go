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
	"github.com/causeway-chat/causeway/bridgekit/step"
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
		return w.again(ctx, w.node.kill(), r.Lasts)
	case faultStop:
		return w.again(ctx, w.node.stop(ctx), r.Lasts)
	case faultHang:
		defer w.hs.Faults.Set(nil)
		w.hs.Faults.Set(func(c matrixtest.Call) matrixtest.Fault {
			return matrixtest.Fault{Hang: true, Perform: r.Pick%2 == 0}
		})
		pause(ctx, r.Lasts)
		err := w.node.kill()
		w.hs.Faults.Set(nil)
		return w.again(ctx, err, 0)
	case faultNewChat:
		_, err := w.newChat()
		return err
	case faultFast, faultImmediate:
		if err := w.cluster.Stop(map[fault]string{faultFast: "fast", faultImmediate: "immediate"}[r.Fault]); err != nil {
			return err
		}
		pause(ctx, r.Lasts)
		return w.cluster.Start()
	case faultErrors, faultDown, faultRefusing, faultSlow, faultForget:
		return w.homeserver(ctx, r)
	}
	return w.remote(ctx, r)
}

// again starts Causeway after an end, which err is about.
func (w *world) again(ctx context.Context, err error, after time.Duration) error {
	if err != nil {
		return err
	}
	pause(ctx, after)
	return w.node.start(arm{})
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

// dieAt has the child end itself at a step, helps it to get there, and starts it
// again.
func (w *world) dieAt(ctx context.Context, r round) error {
	a := arm{Step: r.Step, Nth: r.Nth, Term: r.Term}
	within := stepWithin
	var heal func()
	switch r.Step {
	case step.Migrating:
		return nil // it was the first start's
	case step.StartOpened, step.StartLoaded, step.StartReady:
		a.Nth, within = 0, startWithin
		if err := w.node.kill(); err != nil {
			return err
		}
		if err := w.node.start(a); err != nil {
			return err
		}
	case step.StopBegun, step.StopQuiet:
		a.Nth, a.Term, within = 0, false, startWithin
		if err := w.node.order(order{Arm: &a}); err != nil {
			return err
		}
		if err := w.node.stop(ctx); err != nil {
			return err
		}
		w.node.stops--
	default:
		if err := w.node.order(order{Arm: &a}); err != nil {
			return err
		}
		var err error
		if heal, err = w.provoke(ctx, r.Step, r.Nth+1); err != nil {
			return err
		}
	}
	ended := w.node.ended(ctx, within)
	if heal != nil {
		heal()
	}
	if ended {
		w.node.died(a.Term)
		return w.again(ctx, nil, r.Lasts/4)
	}
	w.missed++
	return w.again(ctx, w.node.kill(), r.Lasts/4)
}

// provoke does what leads to a step that ordinary traffic seldom reaches. The
// returned function, which may be nil, ends it.
func (w *world) provoke(ctx context.Context, s step.Name, n int) (heal func(), err error) {
	c := w.chats[0]
	r := remote{w, c, "carol"}
	switch s {
	case step.RoomMaking, step.RoomMade, step.RoomStored, step.RoomUnaliased, step.RoomFurnished:
		for range n {
			if _, err := w.newChat(); err != nil {
				return nil, err
			}
		}
	case step.Rerouted:
		// The answer to the making of the room is late; people are in it meanwhile.
		w.hs.Faults.Set(func(c matrixtest.Call) matrixtest.Fault {
			return matrixtest.Fault{LoseResponse: c.Route == matrixtest.RouteCreateRoom && c.N%2 == 1}
		})
		heal = func() { w.hs.Faults.Set(nil) }
		for range n {
			made, err := w.newChat()
			if err != nil {
				return heal, err
			}
			err = until(ctx, "a new room is entered", stepWithin, func() (bool, error) {
				made.mu.Lock()
				defer made.mu.Unlock()
				if made.room == "" || w.hs.Room(made.room).Membership("@alice:test") != "join" {
					return false, nil
				}
				return true, local{w, made, w.people["@alice:test"]}.say(nil)
			})
			if err != nil {
				return heal, nil // a step that is missed
			}
		}
	case step.Withdrawing:
		w.hs.Faults.Down(matrixtest.Unavailable)
		heal = func() { w.hs.Faults.Down(matrixtest.Running) }
		for range n + 1 {
			if err := r.locked(deedBurst); err != nil {
				return heal, err
			}
		}
	case step.InBetween:
		err = r.locked(deedMany)
	case step.InEdited, step.InRedacted, step.InReacted:
		for range 2 * n {
			if err := r.locked(map[step.Name]deed{step.InEdited: deedEdit, step.InRedacted: deedRemove, step.InReacted: deedReact}[s]); err != nil {
				return nil, err
			}
		}
	case step.OutChanged:
		l := local{w, c, w.people["@alice:test"]}
		for range 2 * n {
			c.mu.Lock()
			err = l.do(deedEdit, n)
			c.mu.Unlock()
		}
	}
	return heal, err
}

// locked does something with the chat's lock held.
func (r remote) locked(d deed) error {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	return r.do(d, 1)
}
