package bridgekit_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// The same chats are bridged twice, so that each hub hears what the other one says: it
// shows that, and carries it no further. Nothing goes in circles.
func TestHubLoop(t *testing.T) {
	o := hubRigOptions{nets: []string{"a", "b"}, each: func(_ string, o *memnet.Options) { o.Echo = memnet.EchoID }}
	inHub(t, o, func(r *hubRig) {
		r.stop()
		for name, n := range r.nets {
			r.opts.Networks = append(r.opts.Networks, n.ConnectorWith(network.NetworkID("mem.second-"+name), "relay2"))
		}
		r.start()
		other := r.alice.CreateRoom(map[string]any{"name": "Other", "preset": "public_chat", "invite": []string{bot}})
		r.notice(other, "Hello")
		for name := range r.nets {
			r.ask(r.alice, other, "!cw plumb mem.second-"+name+" town confirm", "is bridged to")
		}
		r.says("a", "round and round")
		r.gets("round and round", "b")
		r.bob.SendText(r.room, "by bob")
		r.gets("by bob", "a", "b")
		time.Sleep(time.Minute)
		// Ann is heard by both hubs, and each carries her to b.
		r.equal("on a", 1, r.count("a", "round and round"))
		r.equal("on b", 2, r.count("b", "round and round"))
		for name := range r.nets {
			r.equal("bob on "+name, 1, r.count(name, "by bob"))
		}
	})
}

// Two hubs have one chat in common, a and b meet in one, b and c in the other: what is
// said on a is heard on b and seen in both rooms, and goes no further, nor back.
func TestHubChain(t *testing.T) {
	o := hubRigOptions{each: func(_ string, o *memnet.Options) { o.Echo = memnet.EchoID }, apart: true}
	inHub(t, o, func(r *hubRig) {
		r.plumb("a")
		r.plumb("b")
		r.stop()
		r.opts.Networks = append(r.opts.Networks, r.nets["b"].ConnectorWith("mem.second-b", "relay2"))
		r.start()
		other := r.alice.CreateRoom(map[string]any{"name": "Other", "preset": "public_chat", "invite": []string{bot}})
		r.notice(other, "Hello")
		for _, name := range []string{"second-b", "c"} {
			r.ask(r.alice, other, "!cw plumb mem."+name+" town confirm", "is bridged to")
		}
		r.says("a", "from a")
		r.says("c", "from c")
		r.says("b", "from b")
		r.gets("from b", "a", "c")
		r.gets("from a", "b")
		r.gets("from c", "b")
		r.sees(other, "from a")
		r.sees(r.room, "from c")
		time.Sleep(time.Minute)
		for name, want := range map[string][]string{"a": {"from a", "from b"}, "b": {"from a", "from b", "from c"}, "c": {"from b", "from c"}} {
			got := r.texts(name)
			slices.Sort(got)
			r.equal(name, want, got)
		}
	})
}

// A room of one network costs nothing more than before: no copies, no other requests.
func TestHubOfOne(t *testing.T) {
	inHub(t, hubRigOptions{nets: []string{"a"}}, func(r *hubRig) {
		r.says("a", "first")
		r.sees(r.room, "first")
		r.quiet()
		calls := map[string]int{}
		var mu sync.Mutex
		r.hs.Faults.Set(func(c matrixtest.Call) matrixtest.Fault {
			mu.Lock()
			defer mu.Unlock()
			calls[fmt.Sprint(c.Method, " ", c.Route)]++
			return matrixtest.Fault{}
		})
		r.says("a", "alone")
		r.sees(r.room, "alone")
		r.bob.SendText(r.room, "as ever")
		r.gets("as ever", "a")
		time.Sleep(time.Second)
		mu.Lock()
		defer mu.Unlock()
		t.Log(calls)
		n := 0
		for _, c := range calls {
			n += c
		}
		r.equal("requests", 2, n)
	})
}
