package bridgekit_test

import (
	"context"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
)

// A pair is two bridges with one PostgreSQL, behind a load balancer that gives
// each of the homeserver's requests to the other one of them.
type pair struct {
	*killRig
	specs [2]childSpec
	cmds  [2]*exec.Cmd
}

func newPair(t *testing.T) *pair {
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	p := &pair{killRig: newKillRig(t, ctx, storetest.Postgres(t))}
	t.Cleanup(cancel)
	p.spec.Lease = time.Second
	var backends []*httputil.ReverseProxy
	for i := range p.specs {
		p.specs[i] = p.spec
		p.specs[i].Listen = freeAddress(t)
		backend := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: p.specs[i].Listen})
		backend.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
		backends = append(backends, backend)
		p.cmds[i] = p.specs[i].start(t)
	}
	var turn atomic.Int64
	p.hs.Attach(p.spec.Registration.ID, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		backends[turn.Add(1)%2].ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		for _, c := range p.cmds {
			_ = c.Process.Signal(syscall.SIGCONT) // one that is not paused does not mind
			_ = c.Process.Kill()
			_ = c.Wait()
		}
	})
	return p
}

// end ends one of the two with a signal.
func (p *pair) end(i int, s syscall.Signal) {
	if err := p.cmds[i].Process.Signal(s); err != nil {
		p.t.Error(err)
	}
	_ = p.cmds[i].Wait() // killed: its status says nothing
}

func (p *pair) start(i int) { p.cmds[i] = p.specs[i].start(p.t) }

// Two processes share a database while both are killed, stopped and paused in
// turn: every message arrives once and in order, whoever of them took it.
func TestPair(t *testing.T) {
	p := newPair(t)
	tr := p.talk(8, 60)
	for i := range 8 {
		tr.some(tr.total() / 8)
		switch one := i % 2; i / 2 {
		case 0, 1:
			p.end(one, syscall.SIGKILL)
			p.start(one)
		case 2:
			p.end(one, syscall.SIGTERM)
			p.start(one)
		case 3: // longer than the lease, whose holder it may be
			p.pause(one, 2*p.spec.Lease)
		}
	}
	tr.settle()
	tr.check()
}

// pause stops one of the two where it is, and lets it go on after a while.
func (p *pair) pause(i int, while time.Duration) {
	if err := p.cmds[i].Process.Signal(syscall.SIGSTOP); err != nil {
		p.t.Error(err)
	}
	over := time.Now().Add(while)
	until(p.t, p.hs, "the pause is over", func() bool { return time.Now().After(over) })
	if err := p.cmds[i].Process.Signal(syscall.SIGCONT); err != nil {
		p.t.Error(err)
	}
}
