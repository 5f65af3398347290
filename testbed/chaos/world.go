package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
)

const (
	domain = "test"
	botID  = "@causeway:" + domain
)

// A world is everything that a run needs, and its directing goroutine's.
type world struct {
	plan plan
	dir  string

	home    home
	far     far
	pushes  *balancer
	nodes   []*causeway        // one, or two that share a database
	cluster *storetest.Cluster // nil on SQLite

	chats  []*chat
	adding sync.RWMutex // guards the growing of chats
	seq    atomic.Int64 // numbers what is said

	asked  map[string]bool // rooms into which those were asked who do not come by themselves
	faults map[fault]int
	// order in which events came to Causeway, where the homeserver does not push
	// them in the order of the room
	arrival map[string]int64
	flying  map[int64]bool // entries that were on their way to the network when a process was hit
	missed  int            // steps that were not reached in time
}

// newWorld starts a homeserver, a network and, on PostgreSQL, a database. Nothing
// of Causeway runs yet.
func newWorld(ctx context.Context, p plan, dir string) (_ *world, err error) {
	w := &world{plan: p, dir: dir, pushes: &balancer{}, asked: map[string]bool{}, faults: map[fault]int{}, flying: map[int64]bool{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	if w.far, err = openFar(ctx, p); err != nil {
		return nil, err
	}
	if w.home, err = openHome(ctx, p, dir, w.pushes); err != nil {
		return nil, err
	}
	s := spec{Homeserver: w.home.reach(), Encrypted: p.Encrypted}
	main, puppet := w.home.installed()
	if s.Registration = main; p.Puppets {
		s.DoublePuppet = &puppet
	}
	if err := w.far.tell(&s); err != nil {
		return nil, err
	}
	if p.Postgres {
		if w.cluster, err = storetest.NewCluster(); err != nil {
			return nil, err
		}
		s.Postgres = w.cluster.DSN
	}
	if w.chats, err = w.far.chats(); err != nil {
		return nil, err
	}
	return w, w.crew(s)
}

// close ends everything and waits for it.
func (w *world) close() (err error) {
	for _, n := range w.nodes {
		n.close()
	}
	if w.home != nil {
		err = w.home.close()
	}
	if w.far != nil {
		err = errors.Join(err, w.far.close())
	}
	if w.cluster != nil {
		err = errors.Join(err, w.cluster.Remove())
	}
	return err
}

// tick is how often a condition is asked.
const tick = 10 * time.Millisecond

// until waits for cond.
func until(ctx context.Context, what string, within time.Duration, cond func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	again := time.NewTicker(tick)
	defer again.Stop()
	for {
		ok, err := cond()
		if ok || err != nil {
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: did not come true within %v", what, within)
		}
	}
}

// pause lets time pass; it ends early with ctx.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// makeDir makes the folder of a run.
func makeDir(p plan) (string, error) {
	db := "sqlite"
	if p.Postgres {
		db = "postgres"
	}
	return os.MkdirTemp("", filepath.Base(fmt.Sprintf("causeway-chaos-%s-%d-", db, p.Seed)))
}
