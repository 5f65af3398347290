package bridgekit_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// slowly is a connector whose clients come to be only when its gate is open.
type slowly struct {
	network.Connector
	gate chan struct{}
}

func (s slowly) Open(ctx context.Context, h network.Host, l network.Login) (network.Client, error) {
	select {
	case <-s.gate:
		return s.Connector.Open(ctx, h, l)
	case <-ctx.Done():
		return nil, fmt.Errorf("open: %w", ctx.Err())
	}
}

// connecting starts a bridge whose logins go on connecting until connect is called.
func (r *rig) connecting() (connect func()) {
	gate := make(chan struct{})
	r.opts.Networks = []network.Connector{slowly{r.net.Connector(netID), gate}}
	r.start()
	connect = sync.OnceFunc(func() { close(gate) })
	r.t.Cleanup(connect)
	return connect
}

// What needs a login that is still connecting waits for it.
func TestCommandsWaitForTheConnection(t *testing.T) {
	for command, answer := range map[string]string{
		"join " + string(netID) + " gophers":      "gophers",
		"search " + string(netID) + " goph":       "gophers",
		"bridge-all " + string(netID):             "gophers",
		"!cw plumb " + string(netID) + " gophers": "This is what bridging does",
	} {
		t.Run(command, func(t *testing.T) {
			virtual(t, rigOptions{net: memnet.Options{Relay: "relay"}}, func(r *rig) {
				r.net.Channel("gophers", "carol")
				connect := r.connecting()
				var room string
				if command[0] == '!' {
					room = r.ours(r.alice, 50)
				} else {
					room = r.management(r.alice)
				}
				go func() {
					time.Sleep(15 * time.Second)
					connect()
				}()
				began := time.Now()
				r.ask(r.alice, room, command, answer)
				if d := time.Since(began); d < 15*time.Second || d > 18*time.Second {
					t.Errorf("answered after %s", d)
				}
			})
		})
	}
}

// It does not wait for ever, and not at all for one that is known to be away.
func TestCommandsDoNotWaitForEver(t *testing.T) {
	virtual(t, rigOptions{net: memnet.Options{Relay: "relay"}}, func(r *rig) {
		r.net.Channel("gophers", "carol")
		connect := r.connecting()
		m := r.management(r.alice)
		began := time.Now()
		r.ask(r.alice, m, "join "+string(netID)+" gophers", "the relay on Memnet is not connected now: try again in a moment")
		if d := time.Since(began); d < 20*time.Second || d > 22*time.Second {
			t.Errorf("answered after %s", d)
		}
		connect()
		r.connected("relay")
		up := r.net.Down()
		defer up()
		began = time.Now()
		r.ask(r.alice, m, "join "+string(netID)+" gophers", "is not connected now: ")
		if d := time.Since(began); d > 2*time.Second {
			t.Errorf("answered after %s", d)
		}
	})
}

// A program that ends does not wait either; the command is answered in its next life.
func TestCommandOutlivesTheWait(t *testing.T) {
	virtual(t, rigOptions{net: memnet.Options{Relay: "relay"}}, func(r *rig) {
		r.net.Channel("gophers", "carol")
		r.connecting()
		m := r.management(r.alice)
		r.alice.SendText(m, "join "+string(netID)+" gophers")
		time.Sleep(3 * time.Second)
		began := time.Now()
		r.stop()
		if d := time.Since(began); d > 10*time.Second {
			t.Errorf("it stopped after %s", d)
		}
		said := len(r.notices(m))
		r.opts.Networks = []network.Connector{r.net.Connector(netID)}
		r.start()
		r.wait("the answer", func() bool { return len(r.notices(m)) > said })
		if n := r.room("gophers"); n == "" {
			t.Error("there is no room")
		}
	})
}
