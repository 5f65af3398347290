package bridgekit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/causeway-chat/causeway/bridgekit"
	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/registration"
)

// envChild holds a childSpec: the test binary then is the bridge that the kill
// test kills.
const envChild = "CAUSEWAY_TEST_CHILD"

// A childSpec is all that the killed process needs.
type childSpec struct {
	Homeserver, Listen, Database, Network string
	Registration                          registration.Registration
	Lease                                 time.Duration
	// Hub are the addresses of further networks with a relay, by their names.
	Hub map[network.NetworkID]string
	// History is how many messages of the past a new room gets; 0: the default.
	History int
	// Die is the step at which the process kills itself, when it comes there for
	// the After-th time; "": it does not.
	Die   step.Name
	After int64
}

// networks are the connectors of the killed process.
func (c childSpec) networks() []network.Connector {
	all := []network.Connector{memnet.Dial(c.Network, netID, memnet.Options{})}
	for _, name := range slices.Sorted(maps.Keys(c.Hub)) {
		all = append(all, memnet.Dial(c.Hub[name], name, memnet.Options{Name: string(name), Relay: "relay"}))
	}
	return all
}

// steps kills the process at its step.
func (c childSpec) steps() step.Hook {
	if c.Die == "" {
		return nil
	}
	var came atomic.Int64
	return func(s step.Name) {
		if s == c.Die && came.Add(1) == c.After {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // until it has worked
		}
	}
}

func (c childSpec) config() *config.Config {
	conf := config.Defaults()
	conf.Homeserver.URL, conf.Homeserver.Domain = c.Homeserver, "test"
	conf.Appservice.Listen, conf.Metrics.Listen = c.Listen, ""
	if conf.Database.Source = c.Database; strings.HasPrefix(c.Database, "postgres:") {
		conf.Database.Dialect = config.Postgres
	}
	copy(conf.Key[:], childKey)
	conf.Permissions = config.Permissions{"test": config.LevelUser}
	if c.History > 0 {
		conf.History = config.History{Messages: c.History}
	}
	return conf
}

const childKey = "0123456789abcdef0123456789abcdef"

// runChild is the killed process.
func runChild(spec string) error {
	var c childSpec
	if err := json.Unmarshal([]byte(spec), &c); err != nil {
		return err
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	for {
		b, err := bridgekit.New(ctx, bridgekit.Options{
			Config: c.config(), Registration: c.Registration, Log: logger(), Lease: c.Lease,
			Networks: c.networks(), Steps: c.steps(),
		})
		if err != nil {
			return err
		}
		if err := b.Run(ctx); !errors.Is(err, store.ErrFenced) {
			return err
		}
	}
}

// A killRig is a homeserver and a network in this process and a bridge in
// another.
type killRig struct {
	t     *testing.T
	hs    *matrixtest.Server
	net   *memnet.Server
	alice *matrixtest.User
	spec  childSpec
	cmd   *exec.Cmd
}

// newKillRig makes everything but the bridge; database is a postgres:// URL or "",
// which means a new SQLite file.
func newKillRig(t *testing.T, ctx context.Context, database string) *killRig {
	r := &killRig{t: t, hs: matrixtest.New(matrixtest.Options{Domain: "test", Fail: t.Fatalf}), net: memnet.New(memnet.Options{})}
	t.Cleanup(r.hs.Close)
	srv := httptest.NewServer(r.hs.Handler())
	t.Cleanup(srv.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() { defer close(served); _ = r.net.Serve(ctx, l) }() // it returns the end of ctx
	t.Cleanup(func() { <-served })
	address := freeAddress(t)
	reg := registration.New(registration.Options{URL: "http://" + address, Domain: "test", Prefix: "_cw_", Bot: "causeway"})
	(&rig{t: t, hs: r.hs}).register(reg)
	r.alice = r.hs.CreateUser("alice", "pw")
	if database == "" {
		database = filepath.Join(t.TempDir(), "causeway.db")
	}
	r.spec = childSpec{Homeserver: srv.URL, Listen: address, Database: database, Network: l.Addr().String(), Registration: reg}
	r.signIn()
	return r
}

func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// signIn stores alice's login as the bot would have.
func (r *killRig) signIn() {
	source := r.spec.Database
	if r.spec.config().Database.Dialect == config.SQLite {
		source = "sqlite:" + source
	}
	db, err := store.Open(r.t.Context(), source, r.spec.config().Key.For(config.KeySeal))
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = db.Run(ctx) }()
	_, err = db.SaveLogin(ctx, store.Login{Network: netID, Owner: "@alice:test", Login: r.net.Account("alice")})
	cancel()
	<-done
	if err := db.Close(); err != nil {
		r.t.Error(err)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *killRig) start() { r.cmd = r.spec.start(r.t) }

// start starts a child.
func (c childSpec) start(t *testing.T) *exec.Cmd {
	spec, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), envChild+"="+string(spec))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// end ends the child with a signal and waits for it.
func (r *killRig) end(s os.Signal) {
	if err := r.cmd.Process.Signal(s); err != nil {
		r.t.Error(err)
	}
	_ = r.cmd.Wait() // killed: its status says nothing
}

// arrived are the texts of a chat's room from the network, and of the chat from
// Matrix.
func (r *killRig) arrived(room string, chat network.ChatID) (in, out []string) {
	for _, e := range r.hs.Room(room).OfType("m.room.message") {
		if e.Sender != "@alice:test" && strings.HasPrefix(text(e), "n") {
			in = append(in, text(e))
		}
	}
	return in, r.net.Texts(chat, "alice")
}

// 2,000 messages over 20 chats, both ways, while the bridge is killed again and
// again: each arrives once and in order.
func TestKill(t *testing.T) {
	const kills = 8
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	defer cancel()
	r := newKillRig(t, ctx, "")
	t.Cleanup(cancel)
	r.start()
	defer func() { r.end(syscall.SIGKILL) }()
	tr := r.talk(20, 50)
	for range kills {
		tr.some(tr.total() / kills)
		r.end(syscall.SIGKILL)
		r.start()
	}
	tr.settle()
	r.end(syscall.SIGTERM) // what is still on its way would be a duplicate
	r.start()
	tr.check()
}

// A traffic is what is said in the chats of a killRig while things happen.
type traffic struct {
	*killRig
	rooms  map[network.ChatID]string
	each   int
	random *rand.Rand
	wg     sync.WaitGroup
}

// talk makes chats and begins to send each of them messages, from both sides.
func (r *killRig) talk(chats, each int) *traffic {
	seed := uint64(time.Now().UnixNano())
	r.t.Logf("seed %d", seed)
	tr := &traffic{killRig: r, rooms: map[network.ChatID]string{}, each: each, random: rand.New(rand.NewPCG(seed, 0))}
	for i := range chats {
		chat := network.ChatID(fmt.Sprint("chat", i))
		r.net.Group(chat, "alice", "bob")
		say(r.t, r.net, chat, "n begin")
	}
	until(r.t, r.hs, "all rooms are made", func() bool {
		for _, id := range r.hs.Rooms() {
			if name := r.hs.Room(id).Name; strings.HasPrefix(name, "chat") {
				tr.rooms[network.ChatID(name)] = id
			}
		}
		return len(tr.rooms) == chats
	})
	for _, room := range tr.rooms {
		r.alice.Join(room)
	}
	for chat, room := range tr.rooms {
		tr.wg.Go(func() {
			for i := range each {
				say(r.t, r.net, chat, fmt.Sprint("n", i))
				r.alice.SendText(room, fmt.Sprint("m", i))
			}
		})
	}
	return tr
}

// total is how many messages there are, count how many have arrived.
func (tr *traffic) total() int { return (2*tr.each + 1) * len(tr.rooms) }

func (tr *traffic) count() (n int) {
	for chat, room := range tr.rooms {
		in, out := tr.arrived(room, chat)
		n += len(in) + len(out)
	}
	return n
}

// some waits until some more messages have arrived, at most the given number.
func (tr *traffic) some(most int) {
	at := tr.count() + 1 + tr.random.IntN(most)
	until(tr.t, tr.hs, fmt.Sprintf("%d of %d messages arrived", at, tr.total()), func() bool { n := tr.count(); return n >= at || n >= tr.total() })
}

// settle waits until everything has arrived that will.
func (tr *traffic) settle() {
	tr.wg.Wait()
	settled := time.Now().Add(time.Minute)
	until(tr.t, tr.hs, "all messages arrived", func() bool { return tr.count() >= tr.total() || time.Now().After(settled) })
}

// check compares both sides, after one more message each way in each chat.
func (tr *traffic) check() {
	tr.t.Helper()
	until(tr.t, tr.hs, "the last message of each chat arrived", lastOnes(tr.t, tr.killRig, tr.rooms))
	want := func(prefix string) (s []string) {
		for i := range tr.each {
			s = append(s, fmt.Sprint(prefix, i))
		}
		return s
	}
	for chat, room := range tr.rooms {
		in, out := tr.arrived(room, chat)
		if d := cmp.Diff(slices.Concat([]string{"n begin"}, want("n"), []string{"n end"}), in); d != "" {
			tr.t.Errorf("%s, network to Matrix: %s", chat, d)
		}
		if d := cmp.Diff(append(want("m"), "m end"), out); d != "" {
			tr.t.Errorf("%s, Matrix to network: %s", chat, d)
		}
	}
}

// lastOnes sends one more message each way, behind all others, and reports
// whether they have arrived.
func lastOnes(t *testing.T, r *killRig, rooms map[network.ChatID]string) func() bool {
	for chat, room := range rooms {
		say(t, r.net, chat, "n end")
		r.alice.SendText(room, "m end")
	}
	return func() bool {
		for chat, room := range rooms {
			in, out := r.arrived(room, chat)
			if !slices.Contains(in, "n end") || !slices.Contains(out, "m end") {
				return false
			}
		}
		return true
	}
}

func say(t *testing.T, n *memnet.Server, chat network.ChatID, text string) {
	if _, err := n.User("bob").Say(chat, text); err != nil {
		t.Error(err)
	}
}

// until waits for cond, asked again after each change of the homeserver and at
// least every 20 ms.
func until(t *testing.T, hs *matrixtest.Server, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Minute)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: did not come true", what)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		_ = hs.Wait(ctx, func() bool { return false }) // a pause that ends early is fine
		cancel()
	}
}
