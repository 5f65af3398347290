package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/causeway-chat/causeway/testbed/child"
	"github.com/causeway-chat/causeway/testbed/trap"
)

// leaseTime is the lease of the processes that share a database.
const leaseTime = time.Second

// crew prepares the processes and the load balancer before them.
func (w *world) crew(s spec) error {
	s.Lease = leaseTime
	var backends []http.Handler
	for i := range w.plan.Workers {
		listen, err := child.FreeAddr()
		if err != nil {
			return err
		}
		s.Listen = listen
		if s.Public, err = child.FreeAddr(); err != nil {
			return err
		}
		dir := w.dir
		if i > 0 {
			dir = filepath.Join(w.dir, fmt.Sprint("process", i))
		}
		n, err := newCauseway(s, dir)
		if err != nil {
			return err
		}
		w.nodes = append(w.nodes, n)
		b := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: listen})
		b.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
		backends = append(backends, b)
	}
	w.pushes.set(backends)
	return nil
}

// A balancer gives each of the homeserver's requests to the next process.
type balancer struct {
	turn     atomic.Int64
	backends atomic.Pointer[[]http.Handler] // nil until there are processes
}

func (b *balancer) set(all []http.Handler) { b.backends.Store(&all) }

func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	all := b.backends.Load()
	if all == nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	(*all)[b.turn.Add(1)%int64(len(*all))].ServeHTTP(w, r)
}

func (w *world) startAll() error {
	for _, n := range w.nodes {
		if err := n.start(trap.Arm{}); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) stopAll(ctx context.Context) (err error) {
	for _, n := range w.nodes {
		err = errors.Join(err, n.stop(ctx))
	}
	return errors.Join(err, w.hit(ctx))
}

// serving is the process that holds the lease.
func (w *world) serving(ctx context.Context) *causeway {
	if len(w.nodes) == 1 {
		return w.nodes[0]
	}
	db, err := w.queue()
	if err != nil {
		return w.nodes[0]
	}
	defer db.Close()
	var holder string
	if db.QueryRowContext(ctx, "SELECT holder FROM lease").Scan(&holder) != nil {
		return w.nodes[0] // nobody serves yet
	}
	for _, n := range w.nodes {
		if strings.Contains(holder, fmt.Sprintf(", process %d,", n.proc.PID())) {
			return n
		}
	}
	return w.nodes[0]
}

// victim is the process that a round's fault hits: more often that which serves.
func (w *world) victim(ctx context.Context, r round) *causeway {
	n := w.serving(ctx)
	if r.Pick/8%4 == 0 {
		return w.other(n)
	}
	return n
}

// other is another process than n; n if it is alone.
func (w *world) other(n *causeway) *causeway {
	for _, o := range w.nodes {
		if o != n {
			return o
		}
	}
	return n
}

// tellOthers tells all processes but one at which step they end themselves.
func (w *world) tellOthers(but *causeway, a trap.Arm) {
	for _, n := range w.nodes {
		if n != but {
			_ = n.order(order{Arm: &a}) // one that is gone hears nothing
		}
	}
}

// trace has all processes write into their logs what they are doing, which ends them.
func (w *world) trace() {
	for _, n := range w.nodes {
		if n.proc.Signal(syscall.SIGQUIT) == nil {
			pause(context.Background(), time.Second)
		}
	}
}

func (w *world) anyGone() bool {
	for _, n := range w.nodes {
		if n.gone() {
			return true
		}
	}
	return false
}

// revive starts those that ended at a step. An error is about one that ended
// otherwise.
func (w *world) revive() error {
	for _, n := range w.nodes {
		if !n.gone() {
			continue
		}
		if n.atStep() {
			n.died()
			if err := w.hit(context.Background()); err != nil {
				return err
			}
		} else if err := n.proc.Err(); w.faults[faultDisk] == 0 || n.starts >= 50 || !diskFull(err) {
			return err
		} else {
			pause(context.Background(), time.Second) // as a service manager does, if the disk is full at a start
		}
		if err := n.start(trap.Arm{}); err != nil {
			return err
		}
	}
	return nil
}

// diskFull reports whether a child ended because the disk was full.
func diskFull(err error) bool { return strings.Contains(err.Error(), "disk I/O error") }

// paused stops one of two processes where it is for longer than its lease, and
// sometimes kills the other one meanwhile.
func (w *world) paused(ctx context.Context, r round) error {
	n := w.victim(ctx, r)
	if err := n.proc.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	err := w.hit(ctx)
	pause(ctx, leaseTime*3/2+2*r.Lasts)
	if o := w.other(n); r.Pick%3 == 0 {
		err = errors.Join(err, w.again(ctx, o, o.kill(), 0))
	}
	return errors.Join(err, n.proc.Signal(syscall.SIGCONT))
}
