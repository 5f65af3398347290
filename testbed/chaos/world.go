package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
	"github.com/causeway-chat/causeway/registration"
)

const (
	domain    = "test"
	netID     = network.NetworkID("mem.test")
	botID     = "@causeway:" + domain
	relayUser = network.UserID("relay")
)

// A world is everything that a run needs, and its directing goroutine's.
type world struct {
	plan plan
	dir  string

	hs      *matrixtest.Server
	net     *memnet.Server
	people  map[string]*person // by Matrix ID
	nodes   []*causeway        // one, or two that share a database
	cluster *storetest.Cluster // nil on SQLite

	chats  []*chat
	adding sync.RWMutex // guards the growing of chats
	seq    atomic.Int64 // numbers what is said

	stop   context.CancelFunc
	serves sync.WaitGroup

	faults map[fault]int
	// order in which events came to Causeway, where the homeserver does not push
	// them in the order of the room
	arrival map[string]int
	flying  map[int64]bool // entries that were on their way to the network when a process was hit
	missed  int            // steps that were not reached in time
}

// newWorld builds a homeserver, a network and, on PostgreSQL, a database. Nothing
// of Causeway runs yet.
func newWorld(p plan, dir string) (_ *world, err error) {
	ctx, stop := context.WithCancel(context.Background())
	w := &world{plan: p, dir: dir, people: map[string]*person{}, stop: stop, faults: map[fault]int{}, flying: map[int64]bool{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	w.hs = matrixtest.New(matrixtest.Options{Domain: domain, Flavor: p.Flavor, KeepMedia: 16 << 20})
	w.net = memnet.New(p.Net)
	home, err := w.serveHTTP(w.hs.Handler())
	if err != nil {
		return nil, err
	}
	remote, err := w.serveNetwork(ctx)
	if err != nil {
		return nil, err
	}
	s := spec{Homeserver: "http://" + home, Network: remote, Net: p.Net}
	o := registration.Options{URL: "http://causeway.invalid", Domain: domain, Prefix: "_cw_", Bot: "causeway"}
	s.Registration = registration.New(o)
	if err := w.register(s.Registration); err != nil {
		return nil, err
	}
	if p.Puppets {
		o.URL = ""
		second := registration.NewDoublePuppet(o)
		s.DoublePuppet = &second
		if err := w.register(second); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"alice", "bob", "eve"} {
		u := w.hs.CreateUser(name, "pw")
		w.people[u.ID] = &person{user: u}
		if name != "eve" {
			s.Logins = append(s.Logins, store.Login{Network: netID, Owner: u.ID, Login: w.net.Account(network.UserID(name))})
		}
	}
	if p.Postgres {
		if w.cluster, err = storetest.NewCluster(); err != nil {
			return nil, err
		}
		s.Postgres = w.cluster.DSN
	}
	for _, c := range chatPlans() {
		w.chats = append(w.chats, newChat(w.net, c))
	}
	return w, w.crew(s)
}

func (w *world) serveHTTP(h http.Handler) (address string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	srv := &http.Server{Handler: h}
	w.serves.Go(func() { _ = srv.Serve(l) }) // until Close
	inner := w.stop
	w.stop = func() { inner(); _ = srv.Close() }
	return l.Addr().String(), nil
}

func (w *world) serveNetwork(ctx context.Context) (address string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	w.serves.Go(func() { _ = w.net.Serve(ctx, l) }) // until ctx ends
	return l.Addr().String(), nil
}

// register tells the homeserver about a registration.
func (w *world) register(reg registration.Registration) error {
	m := matrixtest.Registration{
		ID: reg.ID, URL: string(reg.URL), ASToken: reg.ASToken, HSToken: reg.HSToken,
		SenderLocalpart: reg.SenderLocalpart, Ephemeral: true,
	}
	for _, n := range reg.Namespaces.Users {
		m.Users = append(m.Users, matrixtest.Namespace{Exclusive: n.Exclusive, Regex: n.Regex})
	}
	for _, n := range reg.Namespaces.Aliases {
		m.Aliases = append(m.Aliases, matrixtest.Namespace{Exclusive: n.Exclusive, Regex: n.Regex})
	}
	return w.hs.Register(m)
}

// close ends everything and waits for it.
func (w *world) close() error {
	for _, n := range w.nodes {
		n.close()
	}
	w.stop()
	w.hs.Close()
	w.serves.Wait()
	if w.cluster != nil {
		return w.cluster.Remove()
	}
	return nil
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
