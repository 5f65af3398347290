package bridgekit_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/step"
)

// Somebody reads a message before the network has answered the call that sent it.
func TestReadBeforeAnswer(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		release := r.net.MuteChat("team")
		r.alice.SendText(room, "read me")
		r.hears("team", "alice", "read me")
		if err := r.net.User("carol").Read("team", r.message("team", "read me").ID); err != nil {
			t.Fatal(err)
		}
		r.say("carol", "team", "behind it")
		r.sees(room, "behind it")
		release()
		r.settle("team", room)
	})
}

// ends are a hook that can hold back the end of an entry.
type ends struct {
	armed   atomic.Bool
	reached chan struct{}
	release chan struct{}
}

func (e *ends) at(n step.Name) {
	if n == step.Handled && e.armed.CompareAndSwap(true, false) {
		close(e.reached)
		<-e.release
	}
}

// holdEnd has the end of the next entry wait until release is closed.
func holdEnd(r *rig) *ends {
	e := &ends{reached: make(chan struct{}), release: make(chan struct{})}
	r.opts.Steps = e.at
	return e
}

// What is about a message of the other side does not leave before it is stored which
// message that is: else a crash could leave both ways waiting for each other.
func TestAboutWhatIsNotStored(t *testing.T) {
	t.Run("to the network", func(t *testing.T) {
		virtual(t, rigOptions{}, func(r *rig) {
			held := holdEnd(r)
			room := r.solo().portal("team")
			r.settle("team", room)
			synctest.Wait()
			held.armed.Store(true)
			r.say("carol", "team", "what do you think?")
			r.sees(room, "what do you think?")
			<-held.reached
			r.alice.React(room, r.event(room, "what do you think?").ID, "❤️")
			time.Sleep(5 * time.Second)
			r.equal("too early", 0, len(r.message("team", "what do you think?").Reactions["alice"]))
			close(held.release)
			r.waitNet("the reaction", func() bool { return len(r.message("team", "what do you think?").Reactions["alice"]) == 1 })
		})
	})
	t.Run("to Matrix", func(t *testing.T) {
		virtual(t, rigOptions{net: memnet.Options{Echo: memnet.EchoNone}}, func(r *rig) {
			held := holdEnd(r)
			room := r.solo().portal("team")
			r.settle("team", room)
			synctest.Wait()
			held.armed.Store(true)
			r.alice.SendText(room, "what do you think?")
			r.hears("team", "alice", "what do you think?")
			<-held.reached
			id := r.message("team", "what do you think?").ID
			if err := r.net.User("carol").React("team", id, "👍", false); err != nil {
				t.Fatal(err)
			}
			ref, c := network.Whole(id), network.Text("much")
			c.Reply = &ref
			if _, err := r.net.User("carol").Send("team", c); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Second)
			r.equal("too early", 0, len(r.hs.Room(room).OfType("m.reaction")))
			close(held.release)
			r.sees(room, "much")
			r.equal("reactions", 1, len(r.hs.Room(room).OfType("m.reaction")))
		})
	})
}
