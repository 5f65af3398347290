package matrix

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	mt "github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

// run starts Run and returns what ends it.
func (w *world) run() (stop func()) {
	ctx, cancel := context.WithCancel(w.Context())
	done := make(chan error, 1)
	go func() { done <- w.h.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			w.Errorf("Run returned %v", err)
		}
	}
}

func TestCircuit(t *testing.T) {
	for _, how := range []mt.State{mt.Refusing, mt.Unavailable} {
		virtual(t, mt.Options{}, func(w *world) {
			room := w.room()
			w.must(w.h.EnsureJoined(w.Context(), room, w.ghost))
			var ups, downs atomic.Int32
			w.h.OnUp(func() { ups.Add(1) })
			w.h.OnDown(func() { downs.Add(1) })
			defer w.run()()

			w.hs.Faults.Down(how)
			var g sync.WaitGroup
			for range 50 {
				g.Go(func() {
					_, err := w.h.Send(w.Context(), w.message(room, "k", "x"))
					w.wantKind(err, Down)
				})
			}
			g.Wait()
			if w.h.Up() || w.h.DownSince().IsZero() || downs.Load() != 1 {
				w.Fatalf("up %v since %v, told %d", w.h.Up(), w.h.DownSince(), downs.Load())
			}
			start := time.Now()
			_, err := w.h.Send(w.Context(), w.message(room, "k", "x"))
			w.wantKind(err, Down)
			if d := time.Since(start); d != 0 {
				w.Errorf("failing fast took %v", d)
			}
			time.Sleep(10 * time.Minute)
			synctest.Wait()
			w.hs.ResetRequests()
			w.hs.Faults.Down(mt.Running)
			w.must(w.h.Wait(w.Context()))
			if d := time.Since(start); d > 11*time.Minute {
				w.Errorf("back after %v", d)
			}
			synctest.Wait()
			if c := w.counts(); c[mt.RouteVersions] != 1 || total(c) != 1 || ups.Load() != 1 {
				w.Errorf("probes %v, told %d", c, ups.Load())
			}
			_, err = w.h.Send(w.Context(), w.message(room, "k", "x"))
			w.must(err)
			w.wantBodies(room, "x")

			// And a second time.
			w.hs.Faults.Down(how)
			w.wantKind(w.h.Typing(w.Context(), room, w.ghost, time.Second), Down)
			w.hs.Faults.Down(mt.Running)
			w.must(w.h.Wait(w.Context()))
		})
	}
}

// A hanging server is away too, and what hung may be done.
func TestCircuitHang(t *testing.T) {
	virtual(t, mt.Options{}, func(w *world) {
		room := w.room()
		w.must(w.h.EnsureJoined(w.Context(), room, w.ghost))
		defer w.run()()
		var healed atomic.Bool
		w.hs.Faults.Set(func(c mt.Call) mt.Fault {
			if healed.Load() {
				return mt.Fault{}
			}
			return mt.Fault{Hang: true, Perform: true}
		})
		_, err := w.h.Send(w.Context(), w.message(room, "k", "x"))
		w.wantKind(err, Down)
		if !MaybeDone(err) {
			w.Error("the doubt was lost")
		}
		healed.Store(true)
		w.hs.Restart()
		w.must(w.h.Wait(w.Context()))
		e := w.message(room, "k", "x")
		e.Lookup = MaybeDone(err)
		_, err = w.h.Send(w.Context(), e)
		w.must(err)
		w.wantBodies(room, "x")
	})
}

// What fails in one room, or on one path, does not stop the others.
func TestCircuitStaysClosed(t *testing.T) {
	for name, f := range map[string]mt.Fault{
		"500": {Status: http.StatusInternalServerError}, "502": {Status: http.StatusBadGateway}, "worker away": {Status: http.StatusServiceUnavailable, Code: "M_UNKNOWN"}, "504": {Status: http.StatusGatewayTimeout},
		"reset": {LoseRequest: true}, "hang": {Hang: true}, "429": {Status: http.StatusTooManyRequests, RetryAfter: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, mt.Options{}, func(w *world) {
				room := w.room()
				w.failAll(mt.RouteSend, f)
				_, err := w.h.Send(w.Context(), w.message(room, "k", "x"))
				if err == nil || !w.h.Up() {
					w.Fatalf("err %v, up %v", err, w.h.Up())
				}
				want := map[string]Kind{"500": Server, "429": RateLimited}
				if k, ok := want[name]; ok {
					w.wantKind(err, k)
				} else {
					w.wantKind(err, Unsure)
				}
			})
		})
	}
}

// Many that fail together ask once, or once more for latecomers.
func TestCircuitAsksOnce(t *testing.T) {
	virtual(t, mt.Options{}, func(w *world) {
		w.must(w.h.EnsureGhost(w.Context(), w.h.BotID()))
		w.hs.Faults.Set(func(c mt.Call) mt.Fault {
			if c.Route == mt.RouteVersions {
				return mt.Fault{Latency: time.Second}
			}
			return mt.Fault{Status: http.StatusBadGateway}
		})
		var g sync.WaitGroup
		for range 50 {
			g.Go(func() {
				_, err := w.h.JoinedRooms(w.Context(), w.h.BotID())
				w.wantKind(err, Unsure)
			})
		}
		g.Wait()
		if n := w.counts()[mt.RouteVersions]; n < 1 || n > 5 {
			w.Errorf("asked %d times", n)
		}
	})
}

// /versions answers with a rate limit: somebody is there.
func TestCircuitVersionsLimited(t *testing.T) {
	virtual(t, mt.Options{}, func(w *world) {
		w.hs.Faults.Set(func(c mt.Call) mt.Fault {
			if c.Route == mt.RouteVersions {
				return mt.Fault{Status: http.StatusTooManyRequests}
			}
			return mt.Fault{Status: http.StatusBadGateway}
		})
		_, err := w.h.JoinedRooms(w.Context(), w.h.BotID())
		w.wantKind(err, Unsure)
		if !w.h.Up() {
			w.Error("the circuit opened")
		}
	})
}

// A caller that gives up says nothing about the server.
func TestCircuitCallerGone(t *testing.T) {
	virtual(t, mt.Options{}, func(w *world) {
		w.hs.Faults.Set(func(mt.Call) mt.Fault { return mt.Fault{Hang: true} })
		ctx, cancel := context.WithTimeout(w.Context(), 35*time.Second) // ends while /versions hangs
		defer cancel()
		_, err := w.h.JoinedRooms(ctx, w.h.BotID())
		w.wantKind(err, Unsure)
		if !w.h.Up() {
			w.Error("the circuit opened")
		}
		ctx, cancel = context.WithCancel(w.Context())
		cancel()
		if err := w.h.Wait(ctx); err != nil {
			w.Errorf("Wait on a closed circuit: %v", err)
		}
	})
}

// No server at all: nothing was sent, so nothing is in doubt.
func TestDialFailure(t *testing.T) {
	h, err := New(Options{URL: "http://127.0.0.1:1", Domain: "test", ASToken: "as", Bot: "b", Prefix: "_cw_", Secret: []byte("s"), State: &memState{}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.JoinedRooms(t.Context(), h.BotID())
	if KindOf(err) != Down || MaybeDone(err) || h.Up() {
		t.Errorf("%v: kind %v, maybe %v, up %v", err, KindOf(err), MaybeDone(err), h.Up())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait: %v", err)
	}
	if _, err := h.Upload(t.Context(), h.BotID(), Upload{}); KindOf(err) != Down {
		t.Errorf("upload: %v", err)
	}
}
