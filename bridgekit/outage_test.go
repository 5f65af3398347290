package bridgekit_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// numbered is prefix0 to prefix(n-1).
func numbered(prefix string, n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprint(prefix, i))
	}
	return out
}

// traffic has carol and alice speak in chats, n times each with pauses, while f
// goes on.
func (r *rig) traffic(rooms map[string]string, n int, pause time.Duration, f func()) {
	var wg sync.WaitGroup
	for chat, room := range rooms {
		wg.Go(func() {
			for i := range n {
				r.say("carol", chat, fmt.Sprint("in", i))
				time.Sleep(pause / 2)
				r.alice.SendText(room, fmt.Sprint("out", i))
				time.Sleep(pause / 2)
			}
		})
	}
	f()
	wg.Wait()
}

// arrived checks that all of traffic arrived, once and in order.
func (r *rig) arrived(rooms map[string]string, n int) {
	r.t.Helper()
	for chat, room := range rooms {
		r.settle(chat, room)
		var in []string
		for _, e := range r.hs.Room(room).OfType("m.room.message") {
			if e.Sender != "@alice:test" && e.Sender != bot || strings.HasPrefix(text(e), "in") {
				in = append(in, text(e))
			}
		}
		if d := cmp.Diff(numbered("in", n), unsettled(in)); d != "" {
			r.t.Errorf("%s to Matrix: %s", chat, d)
		}
		if d := cmp.Diff(numbered("out", n), unsettled(r.net.Texts(network.ChatID(chat), "alice"))); d != "" {
			r.t.Errorf("%s to the network: %s", chat, d)
		}
	}
}

func (r *rig) portals(n int) map[string]string {
	rooms := map[string]string{}
	for i := range n {
		chat := fmt.Sprint("chat", i)
		rooms[chat] = r.portal(chat)
	}
	return rooms
}

// The homeserver answers 503 for two minutes, then the network is down for two,
// with people speaking on both sides all the while.
func TestOutages(t *testing.T) {
	weak := memnet.DefaultFeatures()
	weak.Once = network.OnceFind
	for name, o := range map[string]rigOptions{
		"strong":     {},
		"dendrite":   {flavor: matrixtest.Options{Flavor: matrixtest.Dendrite}},
		"find":       {net: memnet.Options{Features: &weak}},
		"echo by ID": {net: memnet.Options{Echo: memnet.EchoID}},
		"cursors":    {net: memnet.Options{Cursors: true}},
		"puppets":    {puppets: true},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, o, func(r *rig) {
				r.solo()
				rooms := r.portals(3)
				r.traffic(rooms, 60, 5*time.Second, func() {
					time.Sleep(31 * time.Second)
					r.hs.Faults.Down(matrixtest.Unavailable)
					time.Sleep(2 * time.Minute)
					r.hs.Faults.Down(matrixtest.Running)
					r.hs.Restart()
					time.Sleep(31 * time.Second)
					up := r.net.Down()
					time.Sleep(2 * time.Minute)
					up()
				})
				r.arrived(rooms, 60)
			})
		})
	}
}

// Answers get lost at random: requests to the homeserver end with 502 or a broken
// connection after they took effect, and connections to the network are cut.
func TestLostAnswers(t *testing.T) {
	weak := memnet.DefaultFeatures()
	weak.Once = network.OnceFind
	for name, o := range map[string]rigOptions{
		"strong":     {},
		"dendrite":   {flavor: matrixtest.Options{Flavor: matrixtest.Dendrite}},
		"find":       {net: memnet.Options{Features: &weak}},
		"echo by ID": {net: memnet.Options{Echo: memnet.EchoID}},
		"puppets":    {puppets: true},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, o, func(r *rig) {
				r.solo()
				rooms := r.portals(3)
				r.hs.Faults.Set(func(c matrixtest.Call) matrixtest.Fault {
					switch c.N % 7 {
					case 2:
						return matrixtest.Fault{LoseResponse: true}
					case 4:
						return matrixtest.Fault{Status: http.StatusBadGateway, Perform: true}
					case 5:
						return matrixtest.Fault{Status: http.StatusTooManyRequests, RetryAfter: 3 * time.Second}
					}
					return matrixtest.Fault{}
				})
				r.traffic(rooms, 24, 5*time.Second, func() {
					for i := range 12 {
						time.Sleep(9 * time.Second)
						release := r.net.MuteChat(network.ChatID(fmt.Sprint("chat", i%3)))
						time.Sleep(3 * time.Second)
						r.net.Cut()
						release()
					}
				})
				r.hs.Faults.Set(nil)
				r.arrived(rooms, 24)
			})
		})
	}
}

// A chat whose network hangs holds 200 messages; another chat does not notice.
func TestHungNetworkChat(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.solo()
		hung, free := r.portal("hung"), r.portal("free")
		release := r.net.HangChat("hung")
		for _, s := range numbered("q", 200) {
			r.alice.SendText(hung, s)
		}
		synctest.Wait()
		began := time.Now()
		r.alice.SendText(free, "hello")
		r.hears("free", "alice", "hello")
		r.say("carol", "free", "hi")
		r.sees(free, "hi")
		if d := time.Since(began); d > time.Second {
			t.Errorf("the other chat took %v", d)
		}
		r.say("carol", "hung", "the other way works")
		r.sees(hung, "the other way works")
		if d := time.Since(began); d > time.Second {
			t.Errorf("the other direction took %v", d)
		}
		release()
		r.hears("hung", "alice", "q199")
		r.equal("the hung messages", numbered("q", 200), r.net.Texts("hung", "alice"))
	})
}

// The same for a room whose sends hang on the homeserver.
func TestHungRoom(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.solo()
		hung, free := r.portal("hung"), r.portal("free")
		r.hs.Faults.Set(func(c matrixtest.Call) matrixtest.Fault {
			return matrixtest.Fault{Hang: c.Route == matrixtest.RouteSend && strings.Contains(c.Path, hung)}
		})
		for _, s := range numbered("q", 200) {
			r.say("carol", "hung", s)
		}
		synctest.Wait()
		began := time.Now()
		r.say("carol", "free", "hello")
		r.sees(free, "hello")
		if d := time.Since(began); d > time.Second {
			t.Errorf("the other chat took %v", d)
		}
		time.Sleep(3 * time.Minute)
		r.hs.Faults.Set(nil)
		r.sees(hung, "q199")
		r.equal("the hung messages", numbered("q", 200), unsettled(r.bodies(hung)))
	})
}

// Many hung chats do not use up what delivers the others.
func TestManyHungChats(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.solo()
		free := r.portal("free")
		var releases []func()
		for i := range 100 {
			chat := network.ChatID(fmt.Sprint("hung", i))
			room := r.portal(string(chat))
			releases = append(releases, r.net.HangChat(chat))
			r.alice.SendText(room, "stuck")
		}
		synctest.Wait()
		began := time.Now()
		r.alice.SendText(free, "hello")
		r.hears("free", "alice", "hello")
		if d := time.Since(began); d > 5*time.Second {
			t.Errorf("the free chat took %v", d)
		}
		for _, f := range releases {
			f()
		}
		for i := range 100 {
			r.hears(fmt.Sprint("hung", i), "alice", "stuck")
		}
	})
}

// Before the first message of a large channel there are few requests, and the
// members come in after it.
func TestFirstMessageOfLargeChannel(t *testing.T) {
	for _, members := range []int{50, 2000} {
		for _, puppets := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d members may join, puppets %v", members, puppets), func(t *testing.T) {
				virtual(t, rigOptions{puppets: puppets}, func(r *rig) {
					r.opts.Config.Limits.Members = members
					r.solo()
					r.net.Group("big", "alice", "carol")
					r.net.Fill("big", 998)
					r.hs.ResetRequests()
					r.say("carol", "big", "first")
					room := r.room("big")
					r.sees(room, "first")
					before := r.hs.Requests().Before(func(q matrixtest.Request) bool { return q.Route == matrixtest.RouteSend })
					if before < 0 || before > 6 {
						t.Errorf("%d requests before the first message: %v", before, r.hs.Requests().Log[:max(before, 0)])
					}
					timeline := r.hs.Room(room).Timeline
					first := slices.IndexFunc(timeline, func(e *matrixtest.Event) bool { return text(e) == "first" })
					if first > 100 {
						t.Errorf("%d had joined before the first message", first)
					}
					r.say("carol", "big", "second")
					r.sees(room, "second")
					if members < 1000 {
						time.Sleep(time.Minute)
						if n := len(r.hs.Room(room).Joined()); n > 3 {
							t.Errorf("%d joined a room whose members come when they speak", n)
						}
						return
					}
					r.wait("all members come in", func() bool { return len(r.hs.Room(room).Joined()) >= 1000 })
					r.say("user0500", "big", "third")
					r.sees(room, "third")
					var order []string
					for _, e := range r.hs.Room(room).OfType("m.room.message") {
						order = append(order, text(e))
					}
					if !slices.IsSortedFunc(order, func(a, b string) int {
						return slices.Index([]string{"first", "second", "third"}, a) - slices.Index([]string{"first", "second", "third"}, b)
					}) {
						t.Errorf("order %v", order)
					}
				})
			})
		}
	}
}
