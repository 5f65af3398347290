package bridgekit_test

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
)

// A logHook is a log that hands each message to a function.
type logHook struct {
	slog.Handler
	heard func(message string)
}

func newLogHook(heard func(message string)) *slog.Logger {
	return slog.New(logHook{slog.NewTextHandler(io.Discard, nil), heard})
}

func (h logHook) Handle(_ context.Context, r slog.Record) error {
	h.heard(r.Message)
	return nil
}

// If the PostgreSQL goes away in the middle of a start, the start waits for it.
func TestStartWithoutDatabase(t *testing.T) {
	const served = "this process serves the database now"
	for _, at := range []string{string(step.StartOpened), served, string(step.StartLoaded), string(step.StartReady)} {
		t.Run(strings.ReplaceAll(at, " ", "-"), func(t *testing.T) {
			proxy, dsn := storetest.NewProxy(t, storetest.Postgres(t))
			r := newRig(t, rigOptions{database: dsn})
			var waited atomic.Bool
			reached := func(n string) {
				switch {
				case n == at && !waited.Load():
					proxy.Gone(true)
				case strings.Contains(n, "database is away"):
					waited.Store(true)
					proxy.Gone(false)
				}
			}
			r.opts.Steps = func(n step.Name) { reached(string(n)) }
			r.opts.Log = newLogHook(reached)
			r.start()
			r.signIn()
			if !waited.Load() {
				t.Error("nothing waited for the database")
			}
		})
	}
}

// Who serves and is cut off from PostgreSQL gives up what it was delivering when its
// lease has run out: another process may have begun it anew.
func TestLeaseRunsOut(t *testing.T) {
	proxy, dsn := storetest.NewProxy(t, storetest.Postgres(t))
	r := newRig(t, rigOptions{database: dsn})
	handled, lapsed := make(chan struct{}, 100), make(chan struct{}, 100)
	var cut atomic.Bool
	r.opts.Steps = func(n step.Name) {
		if n == step.Handled && cut.Load() {
			handled <- struct{}{}
		}
	}
	r.opts.Log = newLogHook(func(message string) {
		if strings.Contains(message, "the lease has run out") {
			lapsed <- struct{}{}
		}
	})
	r.opts.Lease = time.Second
	room := r.solo().portal("team")
	r.settle("team", room)
	release := r.net.HangChat("team")
	called := make(chan struct{}, 100)
	r.net.Fail(func(op string, _ network.ChatID) error {
		if op == "send" {
			called <- struct{}{}
		}
		return nil
	})
	r.alice.SendText(room, "mine")
	<-called
	cut.Store(true)
	proxy.Gone(true)
	for what, c := range map[string]chan struct{}{"the lease runs out": lapsed, "its delivery ends": handled} {
		select {
		case <-c:
		case <-time.After(r.patience):
			t.Errorf("it does not come to pass that %s", what)
		}
	}
	release()
	r.equal("on the network", []string{}, unsettled(r.net.Texts("team", "alice")))
	proxy.Gone(false)
	r.hears("team", "alice", "mine")
	r.settle("team", room)
	r.equal("on the network", []string{"mine"}, unsettled(r.net.Texts("team", "alice")))
}

// A stop takes ten seconds at most, also if the database is away and calls hang.
func TestStopWithoutDatabase(t *testing.T) {
	for name, away := range map[string]func(*storetest.Proxy){
		"refuses": func(p *storetest.Proxy) { p.Gone(true) },
		"is cut":  (*storetest.Proxy).Mute,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy, dsn := storetest.NewProxy(t, storetest.Postgres(t))
			r := newRig(t, rigOptions{database: dsn})
			r.opts.Lease = time.Minute // what is tested is the end of who serves
			room := r.solo().portal("team")
			r.settle("team", room)
			release := r.net.HangChat("team")
			defer release()
			called := make(chan struct{}, 100)
			r.net.Fail(func(op string, _ network.ChatID) error {
				if op == "send" {
					called <- struct{}{}
				}
				return nil
			})
			r.alice.SendText(room, "mine")
			<-called
			away(proxy)
			for range 3 {
				r.say("carol", "team", "theirs")
				r.alice.SendText(room, "mine too")
			}
			began := time.Now()
			r.end()
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// end stops the bridge, whatever Run then says about its database.
func (r *rig) end() {
	r.ended = true
	r.stop()
}
