package bridgekit_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A hubRig is a room in which several networks meet: mem.a, mem.b and so on, each with
// a channel "town" in which a relay speaks and an "ann", a "ben" or a "cem" lives.
type hubRig struct {
	*rig
	nets   map[string]*memnet.Server // by "a", "b" …
	room   string
	people map[string]*matrixtest.User // made by user
}

const town = network.ChatID("town")

// locals live on the networks.
func locals() map[string]network.UserID {
	return map[string]network.UserID{"a": "ann", "b": "ben", "c": "cem"}
}

type hubRigOptions struct {
	rigOptions
	nets  []string // default: a, b, c
	apart bool     // not plumbed
	each  func(name string, o *memnet.Options)
}

// inHub runs f with a hub in a bubble of its own time.
func inHub(t *testing.T, o hubRigOptions, f func(r *hubRig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newHubRig(t, o)
		f(r)
		r.stop()
		r.hs.Close()
	})
}

func newHubRig(t *testing.T, o hubRigOptions) *hubRig {
	t.Helper()
	if o.nets == nil {
		o.nets = []string{"a", "b", "c"}
	}
	change := o.config
	o.config = func(c *config.Config) {
		c.Permissions["other.test"] = config.LevelRelay
		if change != nil {
			change(c)
		}
	}
	r := &hubRig{rig: newRig(t, o.rigOptions), nets: map[string]*memnet.Server{}, people: map[string]*matrixtest.User{}}
	r.patience = 4 * time.Hour
	r.opts.Networks = nil
	for _, name := range o.nets {
		mo := memnet.Options{Name: "Net " + strings.ToUpper(name), Relay: "relay"}
		if o.each != nil {
			o.each(name, &mo)
		}
		n := memnet.New(mo)
		n.Channel(town, locals()[name], "mod")
		r.nets[name] = n
		r.opts.Networks = append(r.opts.Networks, n.Connector(network.NetworkID("mem."+name)))
	}
	r.start()
	r.room = r.alice.CreateRoom(map[string]any{"name": "Town", "preset": "public_chat", "invite": []string{bot}})
	r.bob.Join(r.room)
	r.notice(r.room, "Hello")
	if !o.apart {
		for _, name := range o.nets {
			r.plumb(name)
		}
	}
	return r
}

func (r *hubRig) plumb(name string) {
	r.t.Helper()
	r.ask(r.alice, r.room, "!cw plumb mem."+name+" town confirm", "is bridged to")
}

// says has a local of a network speak there.
func (r *hubRig) says(name, text string) network.MessageID {
	r.t.Helper()
	id, err := r.nets[name].User(locals()[name]).Say(town, text)
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

// texts are all that stands in a network's chat, by whomever.
func (r *hubRig) texts(name string) (out []string) {
	for _, m := range r.nets[name].Messages(town) {
		if !m.Redacted {
			out = append(out, m.Text)
		}
	}
	return out
}

// gets waits until a text stands in networks' chats.
func (r *hubRig) gets(text string, names ...string) {
	r.t.Helper()
	for _, name := range names {
		r.eventually(fmt.Sprintf("%q on %s", text, name), func() bool { return slices.Contains(r.texts(name), text) })
	}
}

// eventually waits for something on any side.
func (r *hubRig) eventually(what string, cond func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(r.patience)
	for !cond() {
		if time.Now().After(deadline) {
			for name := range r.nets {
				r.t.Logf("%s: %q", name, r.texts(name))
			}
			r.t.Fatalf("%s did not come true\n%s", what, r.dump())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// quiet lets everything end that is on its way.
func (r *hubRig) quiet() {
	r.t.Helper()
	r.alice.SendText(r.room, "quiet?")
	for name := range r.nets {
		r.gets("quiet?", name)
	}
	r.rest()
}

// rest is quiet without a word of alice's.
func (r *hubRig) rest() {
	time.Sleep(2 * time.Second)
	synctest.Wait()
}

// on is the newest message with a text on a network.
func (r *hubRig) on(name, text string) memnet.Message {
	r.t.Helper()
	for _, m := range slices.Backward(r.nets[name].Messages(town)) {
		if m.Text == text {
			return m
		}
	}
	r.t.Fatalf("no message %q on %s: %q", text, name, r.texts(name))
	return memnet.Message{}
}

// count is how often a text stands on a network.
func (r *hubRig) count(name, text string) (n int) {
	for _, s := range r.texts(name) {
		if s == text {
			n++
		}
	}
	return n
}

// user makes a person of Matrix who is in the room.
func (r *hubRig) user(name, display string) {
	r.t.Helper()
	u := r.hs.CreateUser(name, "pw")
	u.SetDisplayName(display)
	u.Join(r.room)
	r.people[name] = u
}

// setHub changes a network's policy by the bot's command.
func (r *hubRig) setHub(name, setting, value string) {
	r.t.Helper()
	r.ask(r.alice, r.room, "!cw hub set mem."+name+" "+setting+" "+value, "from now on")
}

// signInTo signs somebody in to a network as they would.
func (r *hubRig) signInTo(u *matrixtest.User, name, account string) {
	r.t.Helper()
	r.nets[name].Account(network.UserID(account))
	room := r.management(u)
	r.ask(u, room, "login mem."+name, "User name")
	r.ask(u, room, account, "Password")
	r.ask(u, room, "secret", "Signed in")
}
