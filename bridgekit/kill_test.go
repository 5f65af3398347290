package bridgekit_test

import (
	"context"
	"encoding/json"
	"fmt"
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
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/causeway-chat/causeway/bridgekit"
	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
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
}

func (c childSpec) config() *config.Config {
	conf := config.Defaults()
	conf.Homeserver.URL, conf.Homeserver.Domain = c.Homeserver, "test"
	conf.Appservice.Listen, conf.Metrics.Listen = c.Listen, ""
	conf.Database.Source = c.Database
	copy(conf.Key[:], childKey)
	conf.Permissions = config.Permissions{"test": config.LevelUser}
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
	b, err := bridgekit.New(ctx, bridgekit.Options{
		Config: c.config(), Registration: c.Registration, Log: logger(),
		Networks: []network.Connector{memnet.Dial(c.Network, netID, memnet.Options{})},
	})
	if err != nil {
		return err
	}
	return b.Run(ctx)
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

func newKillRig(t *testing.T, ctx context.Context) *killRig {
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
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	_ = free.Close()
	reg := registration.New(registration.Options{URL: "http://" + address, Domain: "test", Prefix: "_cw_", Bot: "causeway"})
	(&rig{t: t, hs: r.hs}).register(reg)
	r.alice = r.hs.CreateUser("alice", "pw")
	r.spec = childSpec{Homeserver: srv.URL, Listen: address, Database: filepath.Join(t.TempDir(), "causeway.db"), Network: l.Addr().String(), Registration: reg}
	r.signIn()
	return r
}

// signIn stores alice's login as the bot would have.
func (r *killRig) signIn() {
	db, err := store.Open(r.t.Context(), "sqlite:"+r.spec.Database, r.spec.config().Key.For(config.KeySeal))
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

func (r *killRig) start() {
	spec, err := json.Marshal(r.spec)
	if err != nil {
		r.t.Fatal(err)
	}
	r.cmd = exec.Command(os.Args[0], "-test.run=^$")
	r.cmd.Env = append(os.Environ(), envChild+"="+string(spec))
	r.cmd.Stderr = os.Stderr
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
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
	const chats, each, kills = 20, 50, 8
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	defer cancel()
	r := newKillRig(t, ctx)
	t.Cleanup(cancel)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	r.start()
	defer func() { r.end(syscall.SIGKILL) }()

	rooms := map[network.ChatID]string{}
	for i := range chats {
		chat := network.ChatID(fmt.Sprint("chat", i))
		r.net.Group(chat, "alice", "bob")
		say(t, r.net, chat, "n begin")
	}
	until(t, r.hs, "all rooms are made", func() bool {
		for _, id := range r.hs.Rooms() {
			if name := r.hs.Room(id).Name; strings.HasPrefix(name, "chat") {
				rooms[network.ChatID(name)] = id
			}
		}
		return len(rooms) == chats
	})
	for _, room := range rooms {
		r.alice.Join(room)
	}
	count := func() (n int) {
		for chat, room := range rooms {
			in, out := r.arrived(room, chat)
			n += len(in) + len(out)
		}
		return n
	}
	var wg sync.WaitGroup
	for chat, room := range rooms {
		wg.Go(func() {
			for i := range each {
				say(t, r.net, chat, fmt.Sprint("n", i))
				r.alice.SendText(room, fmt.Sprint("m", i))
			}
		})
	}
	total := 2*chats*each + chats
	for range kills {
		at := count() + 1 + random.IntN(total/kills)
		until(t, r.hs, fmt.Sprintf("%d of %d messages arrived", at, total), func() bool { n := count(); return n >= at || n >= total })
		r.end(syscall.SIGKILL)
		r.start()
	}
	wg.Wait()
	settled := time.Now().Add(time.Minute)
	until(t, r.hs, "all messages arrived", func() bool { return count() >= total || time.Now().After(settled) })
	r.end(syscall.SIGTERM) // what is still on its way would be a duplicate
	r.start()
	until(t, r.hs, "the last message of each chat arrived", lastOnes(t, r, rooms))
	want := func(prefix string) (s []string) {
		for i := range each {
			s = append(s, fmt.Sprint(prefix, i))
		}
		return s
	}
	for chat, room := range rooms {
		in, out := r.arrived(room, chat)
		if d := cmp.Diff(slices.Concat([]string{"n begin"}, want("n"), []string{"n end"}), in); d != "" {
			t.Errorf("%s, network to Matrix: %s", chat, d)
		}
		if d := cmp.Diff(append(want("m"), "m end"), out); d != "" {
			t.Errorf("%s, Matrix to network: %s", chat, d)
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
	deadline := time.Now().Add(2 * time.Minute)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: did not come true", what)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		_ = hs.Wait(ctx, func() bool { return false }) // a pause that ends early is fine
		cancel()
	}
}
