package bridgekit_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
)

// A hubKill is a hub whose bridge is killed.
type hubKill struct {
	*killRig
	nets map[string]*memnet.Server
	room string
}

func newHubKill(t *testing.T, ctx context.Context, database string) *hubKill {
	r := &hubKill{killRig: newKillRig(t, ctx, database), nets: map[string]*memnet.Server{}}
	r.spec.Hub = map[network.NetworkID]string{}
	for name, who := range map[string]network.UserID{"a": "ann", "b": "ben"} {
		n := memnet.New(memnet.Options{Name: name, Relay: "relay"})
		n.Channel(town, who)
		n.Connector(network.NetworkID("mem." + name)) // so that its relay has a session
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan struct{})
		go func() { defer close(served); _ = n.Serve(ctx, l) }() // it returns the end of ctx
		t.Cleanup(func() { <-served })
		r.nets[name] = n
		r.spec.Hub[network.NetworkID("mem."+name)] = l.Addr().String()
	}
	r.start()
	r.room = r.alice.CreateRoom(map[string]any{"name": "Town", "preset": "public_chat", "invite": []string{bot}})
	for _, words := range []string{"Hello", "is bridged to town on mem.a", "is bridged to town on mem.b"} {
		if name := words[len(words)-1:]; name != "o" {
			r.alice.SendText(r.room, "!cw plumb mem."+name+" town confirm")
		}
		until(t, r.hs, words, func() bool {
			return slices.ContainsFunc(r.hs.Room(r.room).OfType("m.room.message"), func(e *matrixtest.Event) bool { return e.Sender == bot && strings.Contains(text(e), words) })
		})
	}
	return r
}

// stands is what stands on a side, without the bot's words and commands.
func (r *hubKill) stands(side string) (out []string) {
	if n := r.nets[side]; n != nil {
		for _, m := range n.Messages(town) {
			out = append(out, m.Text)
		}
		return out
	}
	for _, e := range r.hs.Room(r.room).OfType("m.room.message") {
		if s := text(e); e.Sender != bot && !strings.HasPrefix(s, "!") {
			out = append(out, s)
		}
	}
	return out
}

// complete reports whether n messages of each side stand on all.
func (r *hubKill) complete(n int) bool {
	for _, side := range []string{"a", "b", "m"} {
		if len(r.stands(side)) < 3*n {
			return false
		}
	}
	return true
}

// The bridge is killed at each step of a message's way from one network through the
// room to the other: on every side everything stands once, in the order of who said it,
// and no answer before what it answers.
func TestHubKill(t *testing.T) {
	for name, database := range map[string]func(*testing.T) string{"sqlite": func(*testing.T) string { return "" }, "postgres": func(t *testing.T) string { return storetest.Postgres(t) }} {
		t.Run(name, func(t *testing.T) { hubKillAt(t, database(t)) })
	}
}

func hubKillAt(t *testing.T, database string) {
	steps := append(step.Hub(), step.InSent, step.Appended, step.Handled, step.Committing, step.Committed, step.Rerouted, step.OutCalling, step.OutSent)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	defer cancel()
	r := newHubKill(t, ctx, database)
	t.Cleanup(cancel)
	r.end(syscall.SIGKILL)
	said := 0
	for _, s := range steps {
		r.spec.Die, r.spec.After = s, 1+rand.Int64N(4)
		t.Logf("die at %s for the %d. time", s, r.spec.After)
		r.start()
		died := make(chan struct{})
		go func() { defer close(died); _ = r.cmd.Wait() }()
		for alive := true; alive; {
			if r.complete(said - 10) { // no more than a slow machine can carry
				r.round(said)
				said++
			}
			select {
			case <-died:
				alive = false
			case <-time.After(20 * time.Millisecond):
				if s == step.Rerouted && said%40 == 39 { // that an answer comes just then is rare
					r.end(syscall.SIGKILL)
				}
			}
		}
	}
	r.spec.Die = ""
	r.start()
	until(t, r.hs, "everything arrived", func() bool { return r.complete(said) })
	r.round(said) // what is doubled would stand before these
	said++
	until(t, r.hs, "the last ones arrived", func() bool { return r.complete(said) })
	r.end(syscall.SIGTERM)
	for _, side := range []string{"a", "b", "m"} {
		all := r.stands(side)
		for _, who := range []string{"a", "b", "m"} {
			var want []string
			for i := range said {
				want = append(want, fmt.Sprint(who, i))
			}
			got := slices.DeleteFunc(slices.Clone(all), func(s string) bool { return !strings.HasPrefix(s, who) })
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("what %s said, on %s: %s", who, side, d)
			}
		}
	}
}

// round has each side say something.
func (r *hubKill) round(i int) {
	for name, who := range map[string]network.UserID{"a": "ann", "b": "ben"} {
		if _, err := r.nets[name].User(who).Say(town, fmt.Sprint(name, i)); err != nil {
			r.t.Error(err)
		}
	}
	r.alice.SendText(r.room, fmt.Sprint("m", i))
}
