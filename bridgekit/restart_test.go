package bridgekit_test

import (
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
)

// forEachDatabase runs f on SQLite and PostgreSQL.
func forEachDatabase(t *testing.T, f func(t *testing.T, database string)) {
	t.Run("sqlite", func(t *testing.T) { f(t, "") })
	t.Run("postgres", func(t *testing.T) { f(t, storetest.Postgres(t)) })
}

// The bridge is stopped and started again in the middle of traffic, both ways.
func TestRestarts(t *testing.T) {
	find := memnet.DefaultFeatures()
	find.Once = network.OnceFind
	options := map[string]rigOptions{
		"strong":     {},
		"dendrite":   {flavor: matrixtest.Options{Flavor: matrixtest.Dendrite}},
		"find":       {net: memnet.Options{Features: &find, Cursors: true}},
		"echo by ID": {net: memnet.Options{Echo: memnet.EchoID}},
		"puppets":    {puppets: true},
	}
	for name, o := range options {
		t.Run(name, func(t *testing.T) {
			virtual(t, o, func(r *rig) {
				r.solo()
				rooms := r.portals(3)
				r.traffic(rooms, 30, time.Second, func() {
					for range 4 {
						time.Sleep(7*time.Second + 300*time.Millisecond)
						r.stop()
						r.start()
					}
				})
				r.arrived(rooms, 30)
			})
		})
	}
}

// The same without virtual time, on both databases, as fast as it goes.
func TestBusyRestarts(t *testing.T) {
	forEachDatabase(t, func(t *testing.T, database string) {
		r := newRig(t, rigOptions{database: database})
		r.solo()
		rooms := r.portals(5)
		r.traffic(rooms, 50, 4*time.Millisecond, func() {
			for range 4 {
				r.stop()
				r.start()
			}
		})
		r.connected("alice")
		r.arrived(rooms, 50)
	})
}

// The process ends between the making of a room and its row: the next one finds
// the room, and nobody sees two.
func TestRestartWhileRoomIsMade(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.solo()
		made := make(chan struct{}, 1)
		r.hs.Faults.Set(func(c matrixtest.Call) matrixtest.Fault {
			if c.Route == matrixtest.RouteCreateRoom {
				select {
				case made <- struct{}{}:
				default:
				}
				return matrixtest.Fault{Hang: true, Perform: true}
			}
			return matrixtest.Fault{}
		})
		r.net.Group("team", "alice", "carol")
		r.say("carol", "team", "first")
		<-made
		time.Sleep(time.Second)
		r.stop()
		r.hs.Faults.Set(nil)
		room := r.room("team")
		r.alice.Join(room)
		r.alice.SendText(room, "I am here already")
		r.start()
		r.sees(room, "first")
		r.hears("team", "alice", "I am here already")
		n := 0
		for _, id := range r.hs.Rooms() {
			if r.hs.Room(id).Name == "team" {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d rooms", n)
		}
		r.settle("team", room)
	})
}

// A stop ends within ten seconds whatever hangs, and what hung is not lost.
func TestStopWhileHung(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		other := r.portal("other")
		release := r.net.HangChat("team")
		r.hs.Faults.Set(func(c matrixtest.Call) matrixtest.Fault {
			return matrixtest.Fault{Hang: strings.Contains(c.Path, other)}
		})
		r.alice.SendText(room, "hung")
		r.say("carol", "other", "hung too")
		time.Sleep(5 * time.Second)
		began := time.Now()
		r.stop()
		if d := time.Since(began); d > 10*time.Second {
			t.Errorf("the stop took %v", d)
		}
		release()
		r.hs.Faults.Set(nil)
		r.start()
		r.hears("team", "alice", "hung")
		r.sees(other, "hung too")
		r.settle("team", room)
		r.settle("other", other)
		r.equal("on the network", []string{"hung"}, unsettled(r.net.Texts("team", "alice")))
		r.equal("in the room", []string{"hung too"}, unsettled(r.bodies(other)))
	})
}

// The network is away at a restart: ghosts keep their names, parked messages
// leave in order when it is back.
func TestRestartWithoutNetwork(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		if name := r.hs.Profile(ghost("carol"), "displayname"); name != "Carol" {
			t.Fatalf("the ghost is called %q", name)
		}
		r.hs.Faults.Down(matrixtest.Unavailable)
		r.say("carol", "team", "stored")
		time.Sleep(10 * time.Second)
		up := r.net.Down()
		r.stop()
		for _, s := range numbered("while away", 3) {
			r.alice.SendText(room, s)
		}
		started := make(chan struct{})
		go func() { defer close(started); time.Sleep(5 * time.Second); r.hs.Faults.Down(matrixtest.Running) }()
		r.start()
		<-started
		r.sees(room, "stored")
		if name := r.hs.Profile(ghost("carol"), "displayname"); name != "Carol" {
			t.Errorf("the ghost is called %q now", name)
		}
		up()
		r.hears("team", "alice", "while away2")
		r.equal("on the network", numbered("while away", 3), r.net.Texts("team", "alice"))
	})
}

// Much of what must hold does on PostgreSQL too.
func TestPostgres(t *testing.T) {
	r := newRig(t, rigOptions{database: storetest.Postgres(t), puppets: true})
	room := r.solo().portal("team")
	id := r.say("carol", "team", "helo")
	if err := r.net.User("carol").Edit("team", id, "hello"); err != nil {
		t.Fatal(err)
	}
	r.wait("the edited message", func() bool {
		for _, b := range r.bodies(room) {
			if strings.HasSuffix(b, "hello") {
				return true
			}
		}
		return false
	})
	r.say("carol", "team", "zero \x00 byte and broken \xff text")
	if err := r.net.User("carol").React("team", id, "\x00", false); err != nil {
		t.Fatal(err)
	}
	own := r.alice.SendText(room, "mine")
	r.hears("team", "alice", "mine")
	r.alice.React(room, own, "👍")
	r.waitNet("the reaction", func() bool { return len(r.message("team", "mine").Reactions["alice"]) == 1 })
	r.alice.Redact(room, own, "")
	r.waitNet("the redaction", func() bool { return len(r.net.Texts("team", "alice")) == 0 })
	r.settle("team", room)
}
