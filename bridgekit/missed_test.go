package bridgekit_test

import (
	"bytes"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
)

// losing is a Synapse by what it says of itself.
func losing() matrixtest.Options {
	return matrixtest.Options{Unstable: []string{"io.element.e2ee_forced.public"}}
}

// loses has alice say what the homeserver never pushes.
func (r *rig) loses(room string, texts ...string) {
	r.t.Helper()
	last := texts[len(texts)-1]
	lost := make(chan struct{})
	told := sync.OnceFunc(func() { close(lost) }) // it may be pushed again
	r.hs.Attach(r.opts.Registration.ID, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			r.t.Error(err)
		}
		_, _ = w.Write([]byte("{}"))
		if bytes.Contains(body, []byte(last)) {
			told()
		}
	}))
	for _, s := range texts {
		r.alice.SendText(room, s)
	}
	<-lost
	r.hs.Attach(r.opts.Registration.ID, r.bridge.Handler())
}

// What Synapse has and does not push arrives all the same: in its place where
// that can be, and late if nothing follows it.
func TestMissed(t *testing.T) {
	virtual(t, rigOptions{flavor: losing()}, func(r *rig) {
		room := r.solo().portal("team")
		r.loses(room, "one")
		r.alice.SendText(room, "two")
		r.hears("team", "alice", "two")
		r.equal("in order", []string{"one", "two"}, r.net.Texts("team", "alice"))

		time.Sleep(time.Hour) // nothing is suspicious any more
		r.loses(room, "three")
		r.hears("team", "alice", "three")
		time.Sleep(time.Hour)
		r.equal("once", []string{"one", "two", "three"}, r.net.Texts("team", "alice"))
	})
}

// A homeserver that could not be reached and pushes again is asked at once, not
// when the next probe is due.
func TestMissedWhileAway(t *testing.T) {
	virtual(t, rigOptions{flavor: losing()}, func(r *rig) {
		room := r.solo().portal("team")
		r.hs.Faults.Set(func(matrixtest.Call) matrixtest.Fault { return matrixtest.Fault{Status: http.StatusBadGateway} })
		if _, err := r.net.User("carol").Say("team", "are you there?"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute) // probes are half a minute apart now
		r.loses(room, "one")
		r.hs.Faults.Set(nil)
		r.alice.SendText(room, "two")
		r.hears("team", "alice", "two")
		r.equal("in order", []string{"one", "two"}, r.net.Texts("team", "alice"))
	})
}

// Another homeserver is taken at its word, and asked for nothing.
func TestMissedElsewhere(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		r.loses(room, "one")
		r.alice.SendText(room, "two")
		r.hears("team", "alice", "two")
		time.Sleep(time.Hour)
		r.equal("what it pushed", []string{"two"}, r.net.Texts("team", "alice"))
		if n := r.hs.Requests().Count[matrixtest.RouteSync]; n > 0 {
			t.Errorf("%d requests for /sync", n)
		}
	})
}

// A thousand lost events of a room are looked through; what is more is left alone,
// for its beginning could not be told.
func TestMissedMany(t *testing.T) {
	virtual(t, rigOptions{flavor: losing()}, func(r *rig) {
		room := r.solo().portal("team")
		few := numbered("few", 250)
		r.loses(room, few...)
		r.hears("team", "alice", few[len(few)-1])
		r.equal("all in order", few, r.net.Texts("team", "alice"))
		r.loses(room, numbered("many", 1200)...)
		time.Sleep(time.Hour)
		r.alice.SendText(room, "on")
		r.hears("team", "alice", "on")
		r.equal("and then", append(few, "on"), r.net.Texts("team", "alice"))
	})
}

// What was said in a room before it was bridged is nobody's business on the
// network.
func TestMissedBeforePlumb(t *testing.T) {
	virtual(t, rigOptions{net: memnet.Options{Relay: "relay"}, flavor: losing()}, func(r *rig) {
		r.start()
		r.connected("relay")
		r.net.Channel("plumbed", "carol")
		room := r.alice.CreateRoom(map[string]any{"name": "Mine", "invite": []string{bot}})
		r.wait("the bot comes", func() bool { return r.hs.Room(room).Membership(bot) == "join" })
		time.Sleep(time.Hour) // so that it is looked for only later
		r.alice.SendText(room, "before")
		r.alice.SetState(room, "m.room.power_levels", "", map[string]any{"users": map[string]int{bot: 50, "@alice:test": 100}, "invite": 50})
		r.ask(r.alice, room, "!cw plumb "+string(netID)+" plumbed confirm", "is bridged to")
		r.alice.SendText(room, "after")
		r.waitNet("it arrives", func() bool { return len(r.net.Texts("plumbed", "relay")) > 0 })
		time.Sleep(time.Hour)
		r.equal("on the network", 1, len(r.net.Texts("plumbed", "relay")))
	})
}
